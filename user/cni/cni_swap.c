/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_swap.c - whole files of a directory that others write, too.
 *
 * Two names are exchanged in one step, so what was there is not overwritten but
 * in our hands, and can be looked at: if it is not what the new content was made
 * of, it goes back. What never comes back is what another writes into an open
 * file after that look; who replaces files by rename, as plugins do, loses
 * nothing.
 */
#include "cni_swap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TURNS 8 /* of putting back what came meanwhile */

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

static int write_fd(int fd, const struct wd_bytes *bytes)
{
	struct stat st;

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
	if (fchmod(fd, bytes->st.st_mode & 07777) || fsync(fd))
		return -errno;
	return 0;
}

/* No runtime takes a file whose name ends so. Return: 0, -ENAMETOOLONG */
static int beside(const char *name, char *buf)
{
	return snprintf(buf, NAME_MAX + 1, ".%s.warder", name) > NAME_MAX ?
		       -ENAMETOOLONG :
		       0;
}

static int write_beside(int dir, const char *tmp, const struct wd_bytes *bytes)
{
	int fd, err;

	(void)unlinkat(dir, tmp, 0); /* of one that was interrupted */
	fd = openat(dir, tmp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_fd(fd, bytes);
	if (close(fd) && !err)
		err = -errno;
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
	char tmp[NAME_MAX + 1];
	int err = beside(name, tmp);

	if (err)
		return err;
	err = write_beside(dir, tmp, now);
	if (!err)
		err = put(dir, tmp, name, was, now);
	(void)unlinkat(dir, tmp, 0);
	if (!err && fsync(dir))
		err = -errno;
	return err;
}

void wd_swap_clean(int dir, const char *name)
{
	char tmp[NAME_MAX + 1];

	if (!beside(name, tmp))
		(void)unlinkat(dir, tmp, 0);
}
