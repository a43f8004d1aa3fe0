/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdir.c - a directory of manifests for tests.
 */
#include "mdir.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/store.h"

#include "../tap.h"

char mdir[64];
char mdir_state[64];
struct wd_store *mdir_store;
struct wd_manifests *mdir_src;
unsigned int mdir_deleted;

static bool keeping;

static void on_change(void *ctx, const struct wd_object *was,
		      const struct wd_object *now)
{
	(void)ctx;
	(void)was;
	mdir_deleted += !now;
}

static void open_source(void)
{
	const char *const dirs[] = { mdir };

	mdir_store = wd_store_new(on_change, NULL);
	wd_expect_int(0, wd_manifests_new(dirs, 1, keeping ? mdir_state : NULL,
					  mdir_store, &mdir_src));
	wd_expect(wd_manifests_scan(mdir_src) >= 0);
}

static void close_source(void)
{
	wd_manifests_free(mdir_src);
	wd_store_free(mdir_store);
	mdir_src = NULL;
	mdir_store = NULL;
}

void mdir_begin(bool keep)
{
	(void)snprintf(mdir, sizeof(mdir), "/tmp/wdt-manifests-XXXXXX");
	(void)snprintf(mdir_state, sizeof(mdir_state), "/tmp/wdt-state-XXXXXX");
	if (!mkdtemp(mdir) || !mkdtemp(mdir_state))
		abort();
	keeping = keep;
	mdir_deleted = 0;
	open_source();
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void mdir_end(void)
{
	close_source();
	(void)nftw(mdir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	(void)nftw(mdir_state, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void mdir_restart(void)
{
	close_source();
	mdir_deleted = 0;
	open_source();
}

const char *mdir_path(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", mdir, name);
	return path;
}

void mdir_write(const char *name, const char *text)
{
	FILE *f = fopen(mdir_path(name), "we");

	wd_expect(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

void mdir_put(const char *name, const char *text)
{
	char temp[512];

	mdir_write(".temp", text);
	(void)snprintf(temp, sizeof(temp), "%s", mdir_path(".temp"));
	wd_expect_int(0, rename(temp, mdir_path(name)));
}

void mdir_age(const char *name)
{
	struct timespec past[2] = { { .tv_sec = time(NULL) - 10 },
				    { .tv_sec = time(NULL) - 10 } };

	wd_expect_int(0, utimensat(AT_FDCWD, mdir_path(name), past, 0));
}

int mdir_port(const char *name)
{
	const struct wd_object *obj =
		wd_store_get(mdir_store, WD_KIND_NETPOL, "n", name);

	if (!obj)
		return 0;
	if (!obj->policy.spec->rule_cnt[0] ||
	    obj->policy.spec->rule[0][0].broken)
		return -1;
	return obj->policy.spec->rule[0][0].port[0].lo;
}

const char *mdir_problems(void)
{
	static const char *const effects[] = {
		[WD_PROBLEM_KEPT] = "kept",
		[WD_PROBLEM_ISOLATED] = "isolated",
		[WD_PROBLEM_IGNORED] = "ignored",
	};
	const struct wd_problems *list = wd_manifests_problems(mdir_src);
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < list->cnt && len < sizeof(text); i++) {
		const struct wd_problem *p = &list->problem[i];
		bool below = strncmp(p->file, mdir, strlen(mdir)) == 0;
		const char *name = below ? p->file + strlen(mdir) : p->file;

		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%s %s:%u%s%s", i ? "; " : "",
					effects[p->effect],
					name + (*name == '/'), p->line,
					*p->field ? " " : "", p->field);
	}
	return text;
}

/* Files among the copies with @part in their names; hidden ones do not count. */
static int copies_with(const char *part)
{
	char path[128];
	struct dirent *entry;
	int cnt = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/kept", mdir_state);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		cnt += entry->d_name[0] != '.' && strstr(entry->d_name, part);
	if (d)
		(void)closedir(d);
	return cnt;
}

int mdir_copies(void)
{
	return copies_with("");
}

int mdir_copies_aside(void)
{
	return copies_with(".bad");
}
