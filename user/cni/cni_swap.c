/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_swap.c - whole files of a directory that others write, too.
 *
 * Two names are exchanged in one step, so what was there is not overwritten but
 * in our hands, and can be looked at: if it is not what the new content was made
 * of, it goes back. What never comes back is what another writes into an open
 * file after that look; who replaces files by rename, as plugins do, loses
 * nothing.
 *
 * Who dies between the two steps leaves what was there beside the name. So that
 * it can be told from our own, a file of ours has a mark in the nanoseconds of
 * its time, which whoever writes into it takes away; and it has its name beside
 * the other only when it is whole.
 */
#include "cni_swap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURNS 8 /* of putting back what came meanwhile */
#define MARK_NS 877417421 /* of the time of a file of ours */

static int read_fd(int fd, struct wd_bytes *to)
{
	size_t room;

	if (fstat(fd, &to->st))
		return -errno;
	if (!S_ISREG(to->st.st_mode))
		return -EINVAL;
	if (to->st.st_size > WD_SWAP_MAX)
		return -EFBIG;
	room = (size_t)to->st.st_size + 1;
	to->data = malloc(room + 1);
	if (!to->data)
		return -ENOMEM;
	while (to->len < room) {
		ssize_t got = read(fd, to->data + to->len, room - to->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		to->len += (size_t)got;
	}
	to->data[to->len] = '\0';
	/* It grows as it is read: its end is yet to come. */
	return to->len == room ? -EAGAIN : 0;
}

int wd_swap_read(int dir, const char *name, struct wd_bytes *ret_bytes)
{
	/* A FIFO of that name must not hang the agent. */
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct wd_bytes got = { 0 };
	int err;

	if (fd < 0)
		return -errno;
	err = read_fd(fd, &got);
	(void)close(fd);
	if (err)
		free(got.data);
	else
		*ret_bytes = got;
	return err;
}

static bool is_marked(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_mtim.tv_nsec == MARK_NS;
}

static int mark(int fd)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
				     { .tv_nsec = MARK_NS } };

	times[1].tv_sec = time(NULL) - 1; /* not in the future */
	return futimens(fd, times) ? -errno : 0;
}

static int write_fd(int fd, const struct wd_bytes *bytes)
{
	struct stat st;
	int err;

	for (size_t done = 0; done < bytes->len;) {
		ssize_t put = write(fd, bytes->data + done, bytes->len - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	if (fstat(fd, &st))
		return -errno;
	if ((st.st_uid != bytes->st.st_uid || st.st_gid != bytes->st.st_gid) &&
	    fchown(fd, bytes->st.st_uid, bytes->st.st_gid))
		return -errno;
	if (fchmod(fd, bytes->st.st_mode & 07777))
		return -errno;
	err = mark(fd);
	if (!err && fsync(fd))
		err = -errno;
	return err;
}

/* Beside @name: to be written, and to be exchanged. */
struct beside {
	char raw[NAME_MAX + 1];
	char tmp[NAME_MAX + 1];
};

/* No runtime takes a file whose name ends so. Return: 0, -ENAMETOOLONG */
static int beside(const char *name, struct beside *ret)
{
	(void)snprintf(ret->tmp, sizeof(ret->tmp), ".%s.warder", name);
	return snprintf(ret->raw, sizeof(ret->raw), ".%s.warder-new", name) >
			       NAME_MAX ?
		       -ENAMETOOLONG :
		       0;
}

static int write_beside(int dir, const struct beside *at,
			const struct wd_bytes *bytes)
{
	int fd, err;

	(void)unlinkat(dir, at->raw, 0); /* of one that was interrupted */
	fd = openat(dir, at->raw,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_fd(fd, bytes);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, at->raw, dir, at->tmp))
		err = -errno;
	if (err)
		(void)unlinkat(dir, at->raw, 0);
	return err;
}

static bool same(const struct wd_bytes *a, const struct wd_bytes *b)
{
	return a->data && b->data && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

/*
 * Exchange until what comes back is what was there as far as we know: @was, or
 * else, when something newer had to be put back, what we had put there before.
 */
static int exchange(int dir, const char *tmp, const char *name,
		    const struct wd_bytes *was, const struct wd_bytes *now)
{
	struct wd_bytes got[TURNS] = { 0 };
	const struct wd_bytes *expected = was, *there = now;
	int err = -EAGAIN;

	for (int turn = 0; turn < TURNS; turn++) {
		if (renameat2(dir, tmp, dir, name, RENAME_EXCHANGE)) {
			err = -errno;
			break;
		}
		/* What cannot be read is not what we know, and goes back. */
		(void)wd_swap_read(dir, tmp, &got[turn]);
		if (same(&got[turn], expected)) {
			err = turn ? -EAGAIN : 0;
			break;
		}
		expected = there;
		there = &got[turn];
	}
	for (int i = 0; i < TURNS; i++)
		free(got[i].data);
	return err;
}

/* Is @was still what is there? */
static bool holds(int dir, const char *name, const struct wd_bytes *was)
{
	struct wd_bytes got = { 0 };
	bool is = !wd_swap_read(dir, name, &got) && same(&got, was);

	free(got.data);
	return is;
}

static int put(int dir, const char *tmp, const char *name,
	       const struct wd_bytes *was, const struct wd_bytes *now)
{
	int err = was ? exchange(dir, tmp, name, was, now) : -EINVAL;

	/* No file was there, or this file system cannot exchange. */
	if (err != -EINVAL && err != -ENOSYS)
		return err;
	if (was && !holds(dir, name, was))
		return -EAGAIN;
	return renameat(dir, tmp, dir, name) ? -errno : 0;
}

int wd_swap_write(int dir, const char *name, const struct wd_bytes *was,
		  const struct wd_bytes *now)
{
	struct beside at;
	int err = beside(name, &at);

	if (err)
		return err;
	err = write_beside(dir, &at, now);
	if (!err)
		err = put(dir, at.tmp, name, was, now);
	if (unlinkat(dir, at.tmp, 0) && errno != ENOENT && !err)
		err = -errno;
	if (!err && fsync(dir))
		err = -errno;
	return err;
}

/*
 * Ours has the name and another's is beside it: it was there when the two were
 * exchanged, and may be newer than what ours was made of.
 */
static bool is_due(int dir, const char *tmp, const char *name)
{
	struct stat beside, there;

	return !fstatat(dir, tmp, &beside, AT_SYMLINK_NOFOLLOW) &&
	       !is_marked(&beside) &&
	       !fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) &&
	       is_marked(&there);
}

static void put_back(int dir, const char *tmp, const char *name)
{
	struct wd_bytes ours = { 0 }, theirs = { 0 };

	if (!wd_swap_read(dir, name, &ours) && !wd_swap_read(dir, tmp, &theirs))
		(void)exchange(dir, tmp, name, &ours, &theirs);
	free(ours.data);
	free(theirs.data);
}

void wd_swap_clean(int dir, const char *name)
{
	struct beside at;

	if (beside(name, &at))
		return;
	if (is_due(dir, at.tmp, name))
		put_back(dir, at.tmp, name);
	(void)unlinkat(dir, at.tmp, 0);
	(void)unlinkat(dir, at.raw, 0);
}
