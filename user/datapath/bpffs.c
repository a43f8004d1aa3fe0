/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bpffs.c - directories and pins below the bpffs directory.
 *
 * Decides what is named how, and makes every change of a pin one step: a new
 * pin gets a temporary name (a trailing '~'; bpffs allows no dot) and is then
 * renamed, so that a crash leaves either the old or the new one. Removes
 * nothing but names of ours, whatever else lies there.
 */
#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "internal.h"

/*
 * What tells our mounts from others': the source, which 5.10 forgets and shows
 * as "none"; there, a mode that nobody else gives (sticky means nothing here).
 */
#define MOUNT_SOURCE "warder"
#define MOUNT_MODE 01700

/* of a map's or program's pin, in this version and any other */
#define PREFIX "wd_"

static const char *const subdirs[] = { "maps", "progs", "links" };
static const char
	*const way_names[] = { [WD_INGRESS] = "in", [WD_EGRESS] = "out" };

void wd_pin_path(char path[WD_PATH_MAX], const char *dir, const char *sub,
		 const char *name)
{
	snprintf(path, WD_PATH_MAX, "%.*s/%.10s/%.64s", WD_DIR_MAX, dir, sub,
		 name);
}

void wd_link_path(char path[WD_PATH_MAX], const char *dir, uint32_t ifindex,
		  enum wd_dir way)
{
	char name[24];

	snprintf(name, sizeof(name), "%u-%s", ifindex, way_names[way]);
	wd_pin_path(path, dir, "links", name);
}

static void keep_first(int *first, int err)
{
	if (err && !*first)
		*first = err;
}

static bool is_on(const char *path, long magic)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == magic;
}

bool wd_datapath_is_mounted(const char *bpffs)
{
	char path[WD_PATH_MAX];
	char *slash;

	snprintf(path, sizeof(path), "%s", bpffs);
	while (access(path, F_OK) && (slash = strrchr(path, '/')) &&
	       slash != path)
		*slash = '\0';
	return is_on(path, BPF_FS_MAGIC);
}

static int mount_bpffs(const char *dir)
{
	if (mount(MOUNT_SOURCE, dir, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=1700"))
		return -errno;
	return 0;
}

/*
 * One component of a path. Sysfs has a place for a bpffs and allows nothing
 * else to be made in it: there the bpffs itself is missing.
 */
static int make_dir(char *path, char *parent_end, bool *ret_mounted)
{
	int err;

	if (!mkdir(path, 0700) || errno == EEXIST)
		return 0;
	err = -errno;
	*parent_end = '\0';
	if (is_on(path, SYSFS_MAGIC) && !mount_bpffs(path)) {
		*ret_mounted = true;
		err = 0;
	}
	*parent_end = '/';
	if (!err && mkdir(path, 0700))
		err = -errno;
	return err;
}

static int make_path(const char *dir, bool *ret_mounted)
{
	char path[WD_PATH_MAX];
	char *slash = path, *next;
	int err;

	snprintf(path, sizeof(path), "%s", dir);
	while (slash) {
		next = strchr(slash + 1, '/');
		if (next)
			*next = '\0';
		if (slash[1] && (err = make_dir(path, slash, ret_mounted)))
			return err;
		if (next)
			*next = '/';
		slash = next;
	}
	return 0;
}

int wd_bpffs_make(const char *dir, const char *sub)
{
	char path[WD_PATH_MAX];

	wd_pin_path(path, dir, sub, "");
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

int wd_bpffs_open(struct wd_datapath *dp)
{
	size_t i;
	int err;

	err = make_path(dp->dir, &dp->info.mounted);
	if (err)
		return wd_fail(dp, err, WD_STAGE_BPFFS, "cannot make '%s'",
			       dp->dir);
	if (!is_on(dp->dir, BPF_FS_MAGIC)) {
		err = mount_bpffs(dp->dir);
		if (err)
			return wd_fail(dp, err, WD_STAGE_BPFFS,
				       "cannot mount a bpffs on '%s'", dp->dir);
		dp->info.mounted = true;
	}
	for (i = 0; i < sizeof(subdirs) / sizeof(*subdirs); i++) {
		err = wd_bpffs_make(dp->dir, subdirs[i]);
		if (err)
			return wd_fail(dp, err, WD_STAGE_BPFFS,
				       "cannot make '%s/%s'", dp->dir,
				       subdirs[i]);
	}
	return 0;
}

int wd_pin(int fd, const char *path)
{
	char temp[WD_PATH_MAX + 1];
	int err;

	snprintf(temp, sizeof(temp), "%s~", path);
	err = wd_unpin(temp);
	if (err)
		return err;
	err = bpf_obj_pin(fd, temp);
	if (err)
		return err;
	if (!rename(temp, path))
		return 0;
	err = -errno;
	(void)wd_unpin(temp); /* the rename's error is the one to report */
	return err;
}

int wd_unpin(const char *path)
{
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return 0;
}

int wd_pins_each(const char *dir, const char *sub,
		 int (*fn)(void *ctx, const char *name), void *ctx)
{
	char path[WD_PATH_MAX];
	struct dirent *entry;
	int err = 0;
	DIR *all;

	wd_pin_path(path, dir, sub, "");
	all = opendir(path);
	if (!all)
		return errno == ENOENT ? 0 : -errno;
	while (!err && (entry = readdir(all))) {
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			err = fn(ctx, entry->d_name);
	}
	closedir(all);
	return err;
}

struct clearing {
	const char *dir, *sub, *keep;
	int first;
};

static int clear_one(void *ctx, const char *name)
{
	struct clearing *c = ctx;
	char path[WD_PATH_MAX];

	if (c->keep && !strcmp(name, c->keep))
		return 0;
	wd_pin_path(path, c->dir, c->sub, name);
	keep_first(&c->first, wd_unpin(path));
	return 0; /* the others all the same */
}

int wd_pins_clear(const char *dir, const char *sub, const char *keep)
{
	struct clearing c = { .dir = dir, .sub = sub, .keep = keep };

	keep_first(&c.first, wd_pins_each(dir, sub, clear_one, &c));
	return c.first;
}

/* "7-in", "7-out", also with the mark of a temporary name behind it. */
static bool parse_link(const char *name, uint32_t *ret_ifindex, bool *ret_temp)
{
	unsigned long nr;
	char *end;
	size_t i;

	if (name[0] < '1' || name[0] > '9')
		return false;
	errno = 0;
	nr = strtoul(name, &end, 10);
	if (errno || nr > INT32_MAX || *end != '-')
		return false;
	for (i = 0; i < WD_DIR__MAX; i++) {
		size_t len = strlen(way_names[i]);

		if (strncmp(end + 1, way_names[i], len))
			continue;
		*ret_temp = !strcmp(end + 1 + len, "~");
		*ret_ifindex = nr;
		return *ret_temp || !end[1 + len];
	}
	return false;
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int wd_sort_unique(uint32_t *list, int cnt)
{
	int i, kept = 0;

	if (cnt > 1)
		qsort(list, cnt, sizeof(*list), compare_u32);
	for (i = 0; i < cnt; i++) {
		if (!kept || list[kept - 1] != list[i])
			list[kept++] = list[i];
	}
	return kept;
}

int wd_list_append(uint32_t **list, int cnt, uint32_t value)
{
	uint32_t *more;

	if (cnt & (cnt - 1)) { /* room up to the next power of two */
		(*list)[cnt] = value;
		return cnt + 1;
	}
	more = realloc(*list, (cnt ? 2 * cnt : 1) * sizeof(**list));
	if (!more)
		return -ENOMEM;
	more[cnt] = value;
	*list = more;
	return cnt + 1;
}

int wd_links_list(const char *dir, uint32_t **ret_ifindex)
{
	char path[WD_PATH_MAX];
	uint32_t *list = NULL;
	struct dirent *entry;
	uint32_t ifindex;
	int cnt = 0;
	bool temp;
	DIR *links;

	wd_pin_path(path, dir, "links", "");
	links = opendir(path);
	if (!links && errno != ENOENT)
		return -errno;
	while (links && cnt >= 0 && (entry = readdir(links))) {
		if (parse_link(entry->d_name, &ifindex, &temp) && !temp)
			cnt = wd_list_append(&list, cnt, ifindex);
	}
	if (links)
		closedir(links);
	if (cnt < 0) {
		free(list);
		return cnt;
	}
	*ret_ifindex = list;
	return wd_sort_unique(list, cnt);
}

/*
 * A crash between pinning and renaming: where there is no older pin this one
 * holds the attachment, and removing it would open the interface.
 */
static void finish_link(int links, const char *temp)
{
	char name[24]; /* as parse_link() takes it, without the mark */

	snprintf(name, sizeof(name), "%.*s", (int)strlen(temp) - 1, temp);
	if (faccessat(links, name, F_OK, 0) && errno == ENOENT)
		(void)renameat(links, temp, links, name); /* or next time */
	else
		(void)unlinkat(links, temp, 0); /* or before it is in the way */
}

static void sweep_links(const char *dir)
{
	char path[WD_PATH_MAX];
	struct dirent *entry;
	uint32_t ifindex;
	bool temp;
	DIR *links;
	int fd;

	wd_pin_path(path, dir, "links", "");
	links = opendir(path);
	if (!links)
		return;
	fd = dirfd(links);
	while (fd >= 0 && (entry = readdir(links))) {
		if (parse_link(entry->d_name, &ifindex, &temp) && temp)
			finish_link(fd, entry->d_name);
	}
	closedir(links);
}

/* The temporary pin of a map or program holds nothing that is in force. */
static void sweep_temp(const char *dir, const char *sub, const char *name)
{
	char path[WD_PATH_MAX], temp[WD_PATH_MAX + 1];

	wd_pin_path(path, dir, sub, name);
	snprintf(temp, sizeof(temp), "%s~", path);
	(void)wd_unpin(temp); /* tried again before it is in the way */
}

void wd_bpffs_sweep(const char *dir)
{
	size_t i;

	for (i = 0; i < WD_MAP__MAX; i++)
		sweep_temp(dir, "maps", wd_map_names[i]);
	for (i = 0; i < WD_DIR__MAX; i++)
		sweep_temp(dir, "progs", wd_prog_names[i]);
	sweep_links(dir);
}

/* Does this line of mountinfo tell of our mount on @dir? */
static bool tells_of(const char *line, const char *dir)
{
	char where[WD_PATH_MAX], type[16], source[32];
	struct stat root;
	const char *tail = strstr(line, " - ");

	if (!tail || sscanf(line, "%*s %*s %*s %*s %511s", where) != 1 ||
	    sscanf(tail, " - %15s %31s", type, source) != 2 ||
	    strcmp(where, dir) || strcmp(type, "bpf"))
		return false;
	if (!strcmp(source, "none"))
		return !stat(dir, &root) &&
		       (root.st_mode & 07777) == MOUNT_MODE;
	return !strcmp(source, MOUNT_SOURCE);
}

/* Was the bpffs on @dir mounted by us (and not by the system or a person)? */
static bool is_our_mount(const char *dir)
{
	char *real = realpath(dir, NULL), *line = NULL;
	bool found = false;
	size_t room = 0;
	FILE *file;

	file = fopen("/proc/self/mountinfo", "re");
	while (real && file && !found && getline(&line, &room, file) > 0)
		found = tells_of(line, real);
	if (file)
		fclose(file);
	free(line);
	free(real);
	return found;
}

/*
 * Does the bpffs hold nothing but what every new one holds? Names with a dot
 * (maps.debug, progs.debug) are the kernel's; nobody else can make such.
 */
static bool is_empty(const char *dir)
{
	struct dirent *entry;
	bool empty = true;
	DIR *all;

	all = opendir(dir);
	if (!all)
		return false;
	while (empty && (entry = readdir(all)))
		empty = strchr(entry->d_name, '.');
	closedir(all);
	return empty;
}

int wd_bpffs_remove(const char *dir)
{
	char path[WD_PATH_MAX];
	int first = 0;
	size_t i;

	if (!is_on(dir, BPF_FS_MAGIC))
		return 0; /* no pin can be here, so nothing is ours */
	wd_bpffs_sweep(dir);
	keep_first(&first, wd_handover_drop(dir));
	keep_first(&first, wd_pins_clear(dir, "progs", NULL));
	keep_first(&first, wd_maps_unpin(dir));
	for (i = 0; i < sizeof(subdirs) / sizeof(*subdirs); i++) {
		wd_pin_path(path, dir, subdirs[i], "");
		(void)rmdir(path); /* stays if it holds what is not ours */
	}
	if (is_empty(dir) && is_our_mount(dir))
		(void)umount2(dir, 0); /* stays if somebody uses it */
	(void)rmdir(dir);
	return first;
}
