/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytes.c - memory and files, without a meaning.
 */
#include "bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_room(struct wd_bytes *bytes, size_t len)
{
	size_t cap = bytes->cap ? bytes->cap : 4096;
	uint8_t *grown;

	if (len > SIZE_MAX / 4 - bytes->len)
		return -ENOMEM;
	while (cap < bytes->len + len)
		cap *= 2;
	if (cap == bytes->cap)
		return 0;
	grown = realloc(bytes->data, cap);
	if (!grown)
		return -ENOMEM;
	bytes->data = grown;
	bytes->cap = cap;
	return 0;
}

int wd_bytes_add(struct wd_bytes *bytes, const void *data, size_t len)
{
	int err = make_room(bytes, len);

	if (err || !len)
		return err;
	if (data)
		memcpy(bytes->data + bytes->len, data, len);
	else
		memset(bytes->data + bytes->len, 0, len);
	bytes->len += len;
	return 0;
}

void wd_bytes_free(struct wd_bytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}

#define PIECE 65536

int wd_bytes_load(struct wd_bytes *bytes, const char *path, size_t most)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = fd < 0 ? -errno : 0;
	size_t begin = bytes->len;
	ssize_t cnt = 1;

	while (!err && cnt) {
		err = make_room(bytes, PIECE);
		if (err)
			break;
		cnt = read(fd, bytes->data + bytes->len, PIECE);
		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			err = -errno;
		else
			bytes->len += (size_t)cnt;
		if (!err && bytes->len - begin > most)
			err = -EFBIG;
	}
	if (fd >= 0)
		(void)close(fd); /* was only read */
	return err;
}

int wd_bytes_store(const struct wd_bytes *bytes, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;
	size_t at = 0;

	while (!err && at < bytes->len) {
		ssize_t cnt = write(fd, bytes->data + at, bytes->len - at);

		if (cnt < 0 && errno != EINTR)
			err = -errno;
		else if (cnt > 0)
			at += (size_t)cnt;
	}
	if (fd >= 0 && close(fd) && !err)
		err = -errno;
	return err;
}
