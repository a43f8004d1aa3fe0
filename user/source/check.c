/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.c - reading manifests only to say what is wrong with them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "../base/log.h"
#include "../model/store.h"
#include "kept.h"
#include "load.h"
#include "manifests.h"
#include "problems.h"

static void add_all_unknown(struct wd_problems *problems, const char *path,
			    const struct wd_manifests *src)
{
	size_t cnt;
	const struct wd_unknown_kind *unknown = wd_manifests_unknown(src, &cnt);

	wd_problems_unknown(problems, path, unknown, cnt);
}

static int check_file(const char *path, struct wd_store *store,
		      struct wd_problems *ret_problems)
{
	struct wd_load load;
	char *text;
	size_t len;
	int err = wd_kept_text(path, &text, &len, NULL);

	if (err)
		return err;
	wd_load_text(&load, path, text, len);
	free(text);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		(void)wd_store_put(store, load.obj[i]);
		load.obj[i] = NULL;
	}
	wd_problems_append(ret_problems, &load.problems);
	wd_problems_unknown(ret_problems, path, load.unknown, load.unknown_cnt);
	wd_problems_sort(ret_problems);
	wd_load_fini(&load);
	return 0;
}

/* As the agent reads it: an object in two files is a problem too. */
static int check_dir(const char *path, struct wd_store *store,
		     struct wd_problems *ret_problems)
{
	struct wd_manifests *src = NULL;
	int err = wd_manifests_new(&path, 1, NULL, store, &src);

	if (!err) {
		int n = wd_manifests_scan(src);

		err = n < 0 ? n : 0;
	}
	if (!err) {
		wd_problems_append(ret_problems, wd_manifests_problems(src));
		add_all_unknown(ret_problems, path, src);
	}
	wd_manifests_free(src);
	return err;
}

int wd_manifests_check(const char *path, struct wd_store *store,
		       struct wd_problems *ret_problems, uint32_t *ret_objects)
{
	uint32_t before[WD_KIND__MAX];
	struct stat st;
	int err;

	ret_problems->cnt = 0;
	ret_problems->problem = NULL;
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		before[kind] = wd_store_count(store, (enum wd_kind)kind);
	if (stat(path, &st))
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		err = check_dir(path, store, ret_problems);
	else
		err = check_file(path, store, ret_problems);
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		ret_objects[kind] = wd_store_count(store, (enum wd_kind)kind) -
				    before[kind];
	return err;
}
