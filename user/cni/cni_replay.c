/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_replay.c - the queue of DELs. Both of its ends: the plugin adds, the
 * agent replays. Trusts the directory only if it is the own user's.
 */
#include "cni_replay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"

#define QUEUE_NAME "deletions"

/* A directory of ours below @at, made if @make. Return: descriptor, -errno */
static int open_own(int at, const char *name, bool make)
{
	struct stat st;
	int fd;
	int err;

	if (make && mkdirat(at, name, 0700) && errno != EEXIST)
		return -errno;
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	else
		return fd;
	(void)close(fd);
	return err;
}

static int open_queue(const char *run_dir, bool make)
{
	int dir = open_own(AT_FDCWD, run_dir, make);
	int fd;

	if (dir < 0)
		return dir;
	fd = open_own(dir, QUEUE_NAME, make);
	(void)close(dir);
	return fd;
}

static int file_name(const char *container, const char *ifname,
		     char name[NAME_MAX + 1])
{
	int len;

	if (!*container || *container == '.' ||
	    strlen(container) > WD_CONTAINER_MAX || strpbrk(container, ":/") ||
	    !*ifname || strlen(ifname) >= IFNAMSIZ || strpbrk(ifname, ":/"))
		return -EINVAL;
	len = snprintf(name, NAME_MAX + 1, "%s:%s", container, ifname);
	return len > 0 && len <= NAME_MAX ? 0 : -EINVAL;
}

/* Takes over @fd. Return: 0 below the limit, -ENOSPC, -errno */
static int check_room(int fd)
{
	DIR *dir = fdopendir(fd);
	int cnt = 0;

	if (!dir) {
		int err = -errno;

		(void)close(fd);
		return err;
	}
	while (cnt < WD_REPLAY_MAX + 2 && readdir(dir)) /* with . and .. */
		cnt++;
	(void)closedir(dir);
	return cnt < WD_REPLAY_MAX + 2 ? 0 : -ENOSPC;
}

int wd_cni_queue_add(const char *run_dir, const char *container,
		     const char *ifname)
{
	char name[NAME_MAX + 1];
	int err = file_name(container, ifname, name);
	int queue;
	int fd;

	if (err)
		return err;
	queue = open_queue(run_dir, true);
	if (queue < 0)
		return queue;
	fd = fcntl(queue, F_DUPFD_CLOEXEC, 0);
	err = fd < 0 ? -errno : check_room(fd);
	if (!err) {
		fd = openat(queue, name,
			    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		err = fd < 0 ? -errno : 0;
		if (fd >= 0)
			(void)close(fd);
	}
	(void)close(queue);
	return err;
}

int wd_cni_queue_has(const char *run_dir, const char *container,
		     const char *ifname)
{
	char name[NAME_MAX + 1];
	struct stat st;
	int err = file_name(container, ifname, name);
	int queue;

	if (err)
		return err;
	queue = open_queue(run_dir, false);
	if (queue < 0)
		return queue == -ENOENT ? 0 : queue;
	if (fstatat(queue, name, &st, AT_SYMLINK_NOFOLLOW))
		err = errno == ENOENT ? 0 : -errno;
	else
		err = 1;
	(void)close(queue);
	return err;
}

int wd_cni_queue_remove(const char *run_dir, const char *container,
			const char *ifname)
{
	char name[NAME_MAX + 1];
	int err = file_name(container, ifname, name);
	int queue;

	if (err)
		return err;
	queue = open_queue(run_dir, false);
	if (queue < 0)
		return queue == -ENOENT ? 0 : queue;
	if (unlinkat(queue, name, 0) && errno != ENOENT)
		err = -errno;
	(void)close(queue);
	return err;
}

/* A name that the plugin cannot have written is left where it is. */
static int replay_one(int queue, const char *name,
		      void (*fn)(void *ctx, const char *container,
				 const char *ifname),
		      void *ctx)
{
	char copy[NAME_MAX + 1];
	char check[NAME_MAX + 1];
	char *colon;

	if (snprintf(copy, sizeof(copy), "%s", name) >= (int)sizeof(copy))
		return 0;
	colon = strchr(copy, ':');
	if (!colon)
		return 0;
	*colon = '\0';
	if (file_name(copy, colon + 1, check))
		return 0;
	fn(ctx, copy, colon + 1);
	return unlinkat(queue, name, 0) && errno != ENOENT ? -errno : 0;
}

int wd_cni_replay(const char *run_dir,
		  void (*fn)(void *ctx, const char *container,
			     const char *ifname),
		  void *ctx)
{
	int queue = open_queue(run_dir, false);
	struct dirent *entry;
	DIR *dir;
	int err;

	if (queue < 0)
		return queue == -ENOENT ? 0 : queue;
	dir = fdopendir(queue);
	if (!dir) {
		err = -errno;
		(void)close(queue);
		return err;
	}
	do {
		errno = 0;
		entry = readdir(dir);
		err = entry ? replay_one(queue, entry->d_name, fn, ctx) :
			      -errno;
		if (err)
			wd_debug("cni: queue of deletions: %s", wd_errno(err));
	} while (entry && !err);
	(void)closedir(dir);
	return err;
}
