/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unread.c - see unread.h. A fault of the moment, as of a descriptor that could
 * not be had, may be over at the next start: a file stays where it is until it is
 * to be replaced. The list is the process's, as its files are.
 */
#include "unread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../model/xalloc.h"

#define KEPT_MAX 10 /* of one name */

struct unread {
	struct unread *next;
	char *path;
	char *kept; /* where it is now; NULL: in its place */
	int err;
};

static struct unread *all;

static struct unread *find(const char *path)
{
	struct unread *u = all;

	while (u && strcmp(u->path, path) != 0)
		u = u->next;
	return u;
}

void wd_unread_note(const char *dir, const char *name, int err)
{
	char *path = wd_xprintf("%s/%s", dir, name);
	struct unread *u = find(path);

	if (u && !u->kept) {
		u->err = err;
		free(path);
		return;
	}
	u = wd_xcalloc(1, sizeof(*u));
	u->path = path;
	u->err = err;
	u->next = all;
	all = u;
	wd_warn("state: '%s' cannot be used: %s; it is not overwritten, and is kept as '%s.bad' when another takes its place",
		path, wd_errno(err), path);
}

static char *name_of(const struct unread *u, int nr)
{
	return nr ? wd_xprintf("%s.bad.%d", u->path, nr) :
		    wd_xprintf("%s.bad", u->path);
}

/*
 * A directory is no file of ours, and stays. The last place is another's, too.
 * EINVAL: the file system cannot, NFS for one.
 */
static int set_aside(const char *path, const char *to, bool last)
{
	struct stat st;
	int err;

	if (lstat(path, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	err = renameat2(AT_FDCWD, path, AT_FDCWD, to,
			last ? 0 : RENAME_NOREPLACE);

	if (err && errno == EINVAL) {
		if (!access(to, F_OK))
			return -EEXIST;
		err = rename(path, to);
	}
	return err ? -errno : 0;
}

static int keep(struct unread *u)
{
	int err = -EEXIST;

	for (int nr = 0; nr < KEPT_MAX && err == -EEXIST; nr++) {
		char *to = name_of(u, nr);

		err = set_aside(u->path, to, nr == KEPT_MAX - 1);
		if (!err)
			u->kept = to;
		else
			free(to);
	}
	if (err == -ENOENT) { /* somebody has taken it away */
		u->kept = wd_xstrdup("");
		err = 0;
	} else if (err) {
		wd_warn("state: '%s', which cannot be used, cannot be kept aside: %s; it is not replaced",
			u->path, wd_errno(err));
	} else {
		wd_warn("state: '%s', which cannot be used, is kept as '%s'",
			u->path, u->kept);
	}
	return err;
}

int wd_unread_keep(const char *dir, const char *name)
{
	char *path;
	struct unread *u;

	if (!all)
		return 0;
	path = wd_xprintf("%s/%s", dir, name);
	u = find(path);
	free(path);
	return u && !u->kept ? keep(u) : 0;
}

void wd_unread_put(struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "unread_state");

	for (const struct unread *u = all; u; u = u->next) {
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "file", u->path);
		wd_json_str(obj, "error", wd_errno(u->err));
		wd_json_str(obj, "kept_as", u->kept);
	}
}

char *wd_unread_text(void)
{
	char *text = NULL;

	for (const struct unread *u = all; u; u = u->next) {
		char *more = wd_xprintf("%s%s'%s' cannot be used: %s",
					text ?: "", text ? ", " : "", u->path,
					wd_errno(u->err));

		free(text);
		text = more;
	}
	return text;
}

size_t wd_unread_cnt(void)
{
	size_t cnt = 0;

	for (const struct unread *u = all; u; u = u->next)
		cnt++;
	return cnt;
}

void wd_unread_fini(void)
{
	while (all) {
		struct unread *next = all->next;

		free(all->path);
		free(all->kept);
		free(all);
		all = next;
	}
}
