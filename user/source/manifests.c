/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * manifests.c - files in, objects in force.
 *
 * Keeps for each file which objects it stands for, and brings the store to
 * what the files say: all changed files are read first, then objects are put,
 * then those that no file stands for any more are deleted. An object in two
 * files is taken from the one that sorts first.
 */
#include "manifests.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../model/hash.h"
#include "../model/intern.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "kept.h"
#include "load.h"
#include "problems.h"
#include "watch.h"

/* a file that nobody announced is left alone while it is this young */
#define SETTLE_S 2
#define WALK_FLUSHES 10 /* walk unasked every so many flushes */
#define SAVE_BYTES (32U << 20) /* of copies made in one flush */

struct file {
	UT_hash_handle hh;
	char *path;
	struct stat st; /* as it was read; zero: read it again */
	struct wd_keys keys; /* what it stands for, sorted */
	struct wd_problems problems;
	size_t unknown_cnt;
	struct wd_unknown_kind *unknown;
	bool fresh; /* not read yet since start */
	bool seen; /* by the walk */
	bool stale; /* to be read */
	bool gone;
	bool shadowed; /* has an object that another file beats */
	bool save; /* a copy is to be kept */
	bool clean; /* as read last: needs no version before it */
	bool lost; /* needs one, and its copy is damaged */
	unsigned int versions; /* copies kept */
};

struct wd_manifests {
	struct wd_store *store;
	struct wd_watch *watch;
	char *kept_dir; /* NULL: no copies */
	size_t dir_cnt;
	char **dir;
	struct file *files; /* by path */
	bool started;
	bool again; /* something has to be looked at once more */
	bool settle; /* this walk leaves young files alone */
	bool lost; /* a copy says not of which file; some directory cannot be read */
	unsigned int flushes;
	struct wd_problems dir_problems;
	int64_t read_ms; /* CLOCK_REALTIME: then there were none of these */
	struct wd_problems problems; /* of all, for who asks */
	bool problems_stale;
	size_t unknown_cnt;
	size_t unknown_cap;
	struct wd_unknown_kind *unknown;
};

/* ---- files ---- */

static struct file *find_file(const struct wd_manifests *src, const char *path)
{
	struct file *f;

	HASH_FIND_STR(src->files, path, f);
	return f;
}

static struct file *get_file(struct wd_manifests *src, const char *path)
{
	struct file *f = find_file(src, path);

	if (f)
		return f;
	f = wd_xcalloc(1, sizeof(*f));
	f->path = wd_xstrdup(path);
	f->fresh = true;
	HASH_ADD_KEYPTR(hh, src->files, f->path, strlen(f->path), f);
	return f;
}

static void unknown_fini(struct wd_unknown_kind **list, size_t *cnt)
{
	for (size_t i = 0; i < *cnt; i++)
		free((*list)[i].kind);
	free(*list);
	*list = NULL;
	*cnt = 0;
}

static void file_free(struct wd_manifests *src, struct file *f)
{
	HASH_DELETE(hh, src->files, f);
	wd_keys_fini(&f->keys);
	wd_problems_fini(&f->problems);
	unknown_fini(&f->unknown, &f->unknown_cnt);
	free(f->path);
	free(f);
}

/* ---- life ---- */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_young(const struct stat *st)
{
	return time(NULL) - st->st_mtim.tv_sec < SETTLE_S;
}

static void on_file(void *ctx, const char *path, const struct stat *st)
{
	struct wd_manifests *src = ctx;
	struct file *f = get_file(src, path);

	f->seen = true;
	f->gone = false;
	if (!is_same(&f->st, st) && !(src->settle && is_young(st)))
		f->stale = true;
}

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/';
}

/* Nobody knows what is there now: what was there stays. */
static void on_unreadable(void *ctx, const char *dir, int err)
{
	struct wd_manifests *src = ctx;
	char text[128];
	struct wd_problem problem = {
		.effect = WD_PROBLEM_KEPT,
		.file = dir,
		.object = "",
		.field = "",
		.text = text,
	};

	(void)snprintf(
		text, sizeof(text),
		err == -ELOOP ?
			"directories nested too deep are not read%.0s" :
			"cannot be read (%s); what its files said stays in force",
		wd_errno(err));
	wd_problems_add(&src->dir_problems, &problem);
	for (struct file *f = src->files; f; f = f->hh.next) {
		if (is_below(f->path, dir))
			f->seen = true;
	}
}

static void on_changed(void *ctx, const char *path)
{
	struct wd_manifests *src = ctx;
	struct file *f;
	struct stat st;

	if (wd_watch_stat(path, &st)) {
		f = get_file(src, path);
		f->gone = false;
		f->stale = !is_same(&f->st, &st);
		return;
	}
	f = find_file(src, path);
	if (f)
		f->gone = true;
}

static const struct wd_watch_fns watch_fns = {
	.file = on_file,
	.unreadable = on_unreadable,
	.changed = on_changed,
};

static char *dir_name(const char *dir)
{
	char *copy = wd_xstrdup(dir);
	size_t len = strlen(copy);

	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = '\0';
	return copy;
}

int wd_manifests_new(const char *const *dirs, size_t dir_cnt,
		     const char *state_dir, struct wd_store *store,
		     struct wd_manifests **ret_src)
{
	struct wd_manifests *src = wd_xcalloc(1, sizeof(*src));
	int err = wd_watch_new(&watch_fns, src, &src->watch);

	if (!err && state_dir)
		err = wd_kept_open(state_dir, &src->kept_dir);
	if (err) {
		wd_watch_free(src->watch);
		free(src);
		return err;
	}
	src->store = store;
	src->dir = wd_xcalloc(dir_cnt, sizeof(*src->dir));
	for (size_t i = 0; i < dir_cnt; i++)
		src->dir[src->dir_cnt++] = dir_name(dirs[i]);
	*ret_src = src;
	return 0;
}

void wd_manifests_free(struct wd_manifests *src)
{
	struct file *f;
	struct file *tmp;

	if (!src)
		return;
	HASH_ITER(hh, src->files, f, tmp)
		file_free(src, f);
	for (size_t i = 0; i < src->dir_cnt; i++)
		free(src->dir[i]);
	free(src->dir);
	free(src->kept_dir);
	wd_problems_fini(&src->dir_problems);
	wd_problems_fini(&src->problems);
	unknown_fini(&src->unknown, &src->unknown_cnt);
	wd_watch_free(src->watch);
	free(src);
}

int wd_manifests_fd(const struct wd_manifests *src)
{
	return wd_watch_fd(src->watch);
}

/* ---- reading one file ---- */

/* What the copies of a file say together: each version over those before it. */
static void load_kept(struct wd_manifests *src, struct file *f,
		      struct wd_load *ret_load)
{
	memset(ret_load, 0, sizeof(*ret_load));
	for (unsigned int nr = 0; src->kept_dir && nr < WD_KEPT_MAX; nr++) {
		struct wd_load next;
		char *text;
		size_t len;
		int err = wd_kept_load(src->kept_dir, f->path, nr, &text, &len);

		if (err) {
			f->lost = err != -ENOENT;
			break;
		}
		wd_load_text(&next, f->path, text, len);
		free(text);
		wd_load_inherit(&next, ret_load);
		wd_load_fini(ret_load);
		*ret_load = next;
		f->versions = nr + 1;
	}
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (!strchr(" \t\r\n", text[i]))
			return false;
	}
	return true;
}

/*
 * A file that had objects and is blank now was cut off while it was written,
 * unless a blank one was renamed over it: that is how an owner says "no more".
 */
static bool is_cut_off(const struct file *f, ino_t before)
{
	return f->fresh || (f->keys.cnt && (!before || before == f->st.st_ino));
}

/* What was in force by the file before this agent began; a blank one that never had any is fine. */
static void load_before(struct wd_manifests *src, struct file *f,
			struct wd_load *load, bool blank)
{
	struct wd_load kept;
	char nothing[1];

	load_kept(src, f, &kept);
	if (blank && !kept.obj_cnt && !f->lost) {
		wd_load_fini(load);
		wd_load_text(load, f->path, nothing, 0);
		f->clean = true;
	}
	wd_load_inherit(load, &kept);
	wd_load_fini(&kept);
}

static void load_file(struct wd_manifests *src, struct file *f,
		      struct wd_load *load)
{
	ino_t before = f->st.st_ino;
	char *text = NULL;
	size_t len = 0;
	int err = wd_kept_text(f->path, &text, &len, &f->st);
	bool blank = !err && is_blank(text, len);

	if (err) {
		memset(&f->st, 0, sizeof(f->st));
		wd_load_failed(
			load, f->path,
			err == -EFBIG ?
				"is larger than 256 MiB, split it" :
			err == -EAGAIN ?
				"changes while it is read; replace files by rename" :
				wd_errno(err));
	} else if (blank && is_cut_off(f, before)) {
		wd_load_failed(
			load, f->path,
			"is empty, as after a write that was cut off; delete the file, or "
			"rename an empty one over it, if its objects are to go");
	} else {
		wd_load_text(load, f->path, text, len);
	}
	free(text);
	f->clean = wd_load_is_clean(load);
	f->save = !err && (f->clean || load->obj_cnt);
	if (f->fresh && !f->clean)
		load_before(src, f, load, blank);
	f->lost = f->lost && !f->clean;
	f->fresh = false;
}

/* ---- from files to the store ---- */

/* One file's new version while a change is applied. */
struct change {
	struct file *file;
	struct wd_load load;
	struct wd_keys before;
};

static bool keeps_key(const struct wd_manifests *src, const struct file *f,
		      const struct wd_load *load, const struct wd_key *key)
{
	const struct wd_object *obj;

	if (!wd_load_keeps(load, key))
		return false;
	/* Only what is in force by this file; what another one says is not ours to keep. */
	obj = wd_store_get(src->store, key->kind, key->ns, key->name);
	return obj && strcmp(obj->file, f->path) == 0;
}

static void take_keys(struct wd_manifests *src, struct change *change)
{
	struct file *f = change->file;
	const struct wd_load *load = &change->load;

	change->before = f->keys;
	memset(&f->keys, 0, sizeof(f->keys));
	for (size_t i = 0; i < load->obj_cnt; i++) {
		const struct wd_key key = wd_object_key(load->obj[i]);

		wd_keys_add(&f->keys, &key);
	}
	for (size_t i = 0; i < change->before.cnt; i++) {
		if (keeps_key(src, f, load, &change->before.key[i]))
			wd_keys_add(&f->keys, &change->before.key[i]);
	}
	wd_keys_sort(&f->keys);
}

static void tell_shadowed(struct file *f, const struct wd_object *obj,
			  const char *winner)
{
	char *object = wd_xprintf("%s/%s%s%s", wd_kind_name(obj->kind), obj->ns,
				  *obj->ns ? "/" : "", obj->name);
	char *text = wd_xprintf(
		"stands in %s too, which counts; remove one of them", winner);
	struct wd_problem problem = {
		.effect = WD_PROBLEM_IGNORED,
		.file = f->path,
		.line = obj->line,
		.object = object,
		.field = "metadata.name",
		.text = text,
	};

	wd_problems_add(&f->problems, &problem);
	f->shadowed = true;
	free(object);
	free(text);
}

/* Return: objects that changed. */
static int put_object(struct wd_manifests *src, struct file *f,
		      struct wd_object *obj)
{
	const struct wd_object *there =
		wd_store_get(src->store, obj->kind, obj->ns, obj->name);
	const struct wd_key key = wd_object_key(obj);
	struct file *other = there ? find_file(src, there->file) : NULL;

	if (there && (strcmp(there->file, WD_MANIFESTS_KUBE) == 0 ||
		      strcmp(there->file, WD_MANIFESTS_REMOTE) == 0)) {
		tell_shadowed(f, obj, "the API server");
		wd_object_free(obj);
		return 0;
	}
	if (other && other != f && !other->gone &&
	    wd_keys_has(&other->keys, &key)) {
		if (strcmp(other->path, f->path) < 0) {
			char *winner = wd_xprintf("'%s'", other->path);

			tell_shadowed(f, obj, winner);
			free(winner);
			wd_object_free(obj);
			return 0;
		}
		/* It is beaten now, and told so when it is read again. */
		memset(&other->st, 0, sizeof(other->st));
		other->shadowed = true;
		src->again = true;
	}
	return wd_store_put(src->store, obj) ? 1 : 0;
}

static int put_objects(struct wd_manifests *src, struct change *change)
{
	struct file *f = change->file;
	struct wd_load *load = &change->load;
	int changed = 0;

	wd_problems_fini(&f->problems);
	f->problems = load->problems;
	memset(&load->problems, 0, sizeof(load->problems));
	unknown_fini(&f->unknown, &f->unknown_cnt);
	f->unknown = load->unknown;
	f->unknown_cnt = load->unknown_cnt;
	load->unknown = NULL;
	load->unknown_cnt = 0;
	f->shadowed = false;
	for (size_t i = 0; i < load->obj_cnt; i++) {
		struct wd_object *obj = load->obj[i];

		load->obj[i] = NULL;
		changed += put_object(src, f, obj);
	}
	load->obj_cnt = 0;
	return changed;
}

/* What the file stood for, and stands for no longer. */
static int delete_objects(struct wd_manifests *src, const struct file *f,
			  const struct wd_keys *before)
{
	int changed = 0;

	for (size_t i = 0; i < before->cnt; i++) {
		const struct wd_key *key = &before->key[i];
		const struct wd_object *obj;

		if (!f->gone && wd_keys_has(&f->keys, key))
			continue;
		obj = wd_store_get(src->store, key->kind, key->ns, key->name);
		if (obj && strcmp(obj->file, f->path) == 0)
			changed += wd_store_del(src->store, key->kind, key->ns,
						key->name, NULL);
	}
	return changed;
}

static int compare_changes(const void *a, const void *b)
{
	return strcmp(((const struct change *)a)->file->path,
		      ((const struct change *)b)->file->path);
}

/* Files to be read, sorted; those that are beaten somewhere too, for that may have ended. */
static struct change *list_changes(struct wd_manifests *src, size_t *ret_cnt)
{
	struct change *list = NULL;
	bool any = false;
	size_t cnt = 0;
	size_t cap = 0;

	for (struct file *f = src->files; f; f = f->hh.next)
		any = any || f->stale || f->gone;
	for (struct file *f = src->files; any && f; f = f->hh.next) {
		if (f->gone || !(f->stale || f->shadowed))
			continue;
		list = wd_grow(list, cnt, &cap, sizeof(*list));
		memset(&list[cnt], 0, sizeof(*list));
		list[cnt++].file = f;
		f->stale = false;
	}
	if (cnt)
		qsort(list, cnt, sizeof(*list), compare_changes);
	*ret_cnt = cnt;
	return list;
}

static int remove_gone(struct wd_manifests *src)
{
	struct file *f;
	struct file *tmp;
	int changed = 0;

	HASH_ITER(hh, src->files, f, tmp) {
		if (!f->gone)
			continue;
		changed += delete_objects(src, f, &f->keys);
		if (src->kept_dir)
			wd_kept_drop(src->kept_dir, f->path, 0);
		file_free(src, f);
	}
	return changed;
}

static int apply(struct wd_manifests *src)
{
	size_t cnt;
	struct change *list = list_changes(src, &cnt);
	int changed = 0;

	for (size_t i = 0; i < cnt; i++)
		load_file(src, list[i].file, &list[i].load);
	for (size_t i = 0; i < cnt; i++)
		take_keys(src, &list[i]);
	for (size_t i = 0; i < cnt; i++)
		changed += put_objects(src, &list[i]);
	for (size_t i = 0; i < cnt; i++) {
		changed += delete_objects(src, list[i].file, &list[i].before);
		wd_keys_fini(&list[i].before);
		wd_load_fini(&list[i].load);
	}
	changed += remove_gone(src);
	free(list);
	src->problems_stale = true;
	return changed;
}

/* ---- looking ---- */

/* A copy of a file that was not met: its directory cannot be read, or it is gone for good. */
static void on_kept(void *ctx, const char *path)
{
	struct wd_manifests *src = ctx;

	if (!path) { /* of a file that was met it does not matter, or is known */
		src->lost = src->dir_problems.cnt != 0;
		return;
	}
	if (find_file(src, path))
		return;
	for (size_t i = 0; i < src->dir_problems.cnt; i++) {
		if (is_below(path, src->dir_problems.problem[i].file)) {
			struct file *f = get_file(src, path);

			f->seen = true;
			f->stale = true;
			return;
		}
	}
	wd_kept_drop(src->kept_dir, path, 0);
}

static void walk_all(struct wd_manifests *src)
{
	int err;

	src->again = false;
	wd_problems_fini(&src->dir_problems);
	for (struct file *f = src->files; f; f = f->hh.next)
		f->seen = false;
	for (size_t i = 0; i < src->dir_cnt; i++)
		wd_watch_walk(src->watch, src->dir[i]);
	if (!src->started && src->kept_dir) {
		err = wd_kept_each(src->kept_dir, on_kept, src);
		if (err) {
			wd_warn("manifests: reading '%s': %s, ignoring",
				src->kept_dir, wd_errno(err));
			on_kept(src, NULL);
		}
	}
	src->started = true;
	for (struct file *f = src->files; f; f = f->hh.next)
		f->gone = !f->seen;
	if (src->dir_problems.cnt)
		return;
	src->lost = false;
	src->read_ms = wd_wall_ms();
}

int wd_manifests_scan(struct wd_manifests *src)
{
	src->settle = false;
	walk_all(src);
	return apply(src);
}

int wd_manifests_poll(struct wd_manifests *src)
{
	src->settle = false;
	if (wd_watch_poll(src->watch))
		walk_all(src);
	return apply(src);
}

void wd_manifests_reclaim(struct wd_manifests *src, int kind, const char *ns,
			  const char *name)
{
	const struct wd_key key = { (enum wd_kind)kind, ns, name };

	for (struct file *f = src->files; f; f = f->hh.next)
		f->stale |= wd_keys_has(&f->keys, &key);
}

/* ---- copies ---- */

/* Return: bytes written. */
static size_t save_copy(struct wd_manifests *src, struct file *f)
{
	/* What was understood in part comes after the clean version, if there is one. */
	unsigned int nr = f->clean ? 0 : f->versions;
	unsigned int last = f->clean || !nr ? 0 : nr - 1;
	struct stat st;
	char *text;
	size_t len;
	int err;

	f->save = false;
	if (wd_kept_is(src->kept_dir, f->path, last, &f->st)) {
		f->versions = last + 1;
		return 0;
	}
	if (wd_kept_text(f->path, &text, &len, &st))
		return 0; /* it changes; the next reading asks again */
	err = is_same(&st, &f->st) ? 0 : -EAGAIN;
	if (!err) {
		nr = nr < WD_KEPT_MAX ? nr : WD_KEPT_MAX - 1;
		err = wd_kept_save(src->kept_dir, f->path, nr, &st, text, len);
		f->versions = nr + 1;
	}
	free(text);
	if (err && err != -EAGAIN)
		wd_warn("manifests: keeping a copy of '%s': %s, ignoring",
			f->path, wd_errno(err));
	return len;
}

void wd_manifests_flush(struct wd_manifests *src)
{
	size_t done = 0;

	for (struct file *f = src->files;
	     src->kept_dir && f && done < SAVE_BYTES; f = f->hh.next) {
		if (f->save && !f->lost)
			done += save_copy(src, f);
	}
	if (++src->flushes % WALK_FLUSHES != 0 && !src->again)
		return;
	src->settle = true;
	walk_all(src);
	(void)apply(src);
}

/* ---- asking ---- */

const struct wd_problems *wd_manifests_problems(const struct wd_manifests *csrc)
{
	struct wd_manifests *src =
		(struct wd_manifests *)(uintptr_t)csrc; /* a cache */

	if (!src->problems_stale)
		return &src->problems;
	wd_problems_fini(&src->problems);
	wd_problems_append(&src->problems, &src->dir_problems);
	for (const struct file *f = src->files; f; f = f->hh.next)
		wd_problems_append(&src->problems, &f->problems);
	wd_problems_sort(&src->problems);
	src->problems_stale = false;
	return &src->problems;
}

static void add_unknown(struct wd_manifests *src,
			const struct wd_unknown_kind *unknown)
{
	for (size_t i = 0; i < src->unknown_cnt; i++) {
		if (strcmp(src->unknown[i].kind, unknown->kind) == 0) {
			src->unknown[i].cnt += unknown->cnt;
			return;
		}
	}
	src->unknown = wd_grow(src->unknown, src->unknown_cnt,
			       &src->unknown_cap, sizeof(*src->unknown));
	src->unknown[src->unknown_cnt].kind = wd_xstrdup(unknown->kind);
	src->unknown[src->unknown_cnt++].cnt = unknown->cnt;
}

static int compare_unknown(const void *a, const void *b)
{
	return strcmp(((const struct wd_unknown_kind *)a)->kind,
		      ((const struct wd_unknown_kind *)b)->kind);
}

const struct wd_problems *wd_manifests_lost(const struct wd_manifests *src)
{
	return &src->dir_problems;
}

char *wd_manifests_waits_for(const struct wd_manifests *src)
{
	const struct file *f = src->files;

	while (f && !f->lost)
		f = f->hh.next;
	if (f)
		return wd_xprintf(
			"'%s' cannot be used, and the copy of what it said before is damaged; mend the file, or delete it if its objects are to go",
			f->path);
	if (!src->lost)
		return NULL;
	return wd_xprintf(
		"'%s' cannot be read, and a copy of what its files said is damaged; make it readable",
		src->dir_problems.problem[0].file);
}

int64_t wd_manifests_read_ms(const struct wd_manifests *src)
{
	return src->read_ms;
}

const struct wd_unknown_kind *
wd_manifests_unknown(const struct wd_manifests *csrc, size_t *ret_cnt)
{
	struct wd_manifests *src =
		(struct wd_manifests *)(uintptr_t)csrc; /* a cache */

	unknown_fini(&src->unknown, &src->unknown_cnt);
	src->unknown_cap = 0;
	for (const struct file *f = src->files; f; f = f->hh.next) {
		for (size_t i = 0; i < f->unknown_cnt; i++)
			add_unknown(src, &f->unknown[i]);
	}
	if (src->unknown_cnt)
		qsort(src->unknown, src->unknown_cnt, sizeof(*src->unknown),
		      compare_unknown);
	*ret_cnt = src->unknown_cnt;
	return src->unknown;
}
