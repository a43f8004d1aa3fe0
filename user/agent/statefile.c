/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statefile.c - files of the state directory, written whole or not at all.
 */
#include "statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <json-c/json.h>

int wd_dir_make(const char *path)
{
	size_t len = strlen(path);
	char *buf;
	int err = 0;

	if (len == 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	buf = strdup(path);
	if (!buf)
		return -ENOMEM;
	for (char *at = buf + 1; *at && !err; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(buf, 0700) && errno != EEXIST)
			err = -errno;
		*at = '/';
	}
	if (!err && mkdir(buf, 0700) && errno != EEXIST)
		err = -errno;
	free(buf);
	return err;
}

static int write_all(int fd, const char *data, size_t left)
{
	while (left) {
		ssize_t n = write(fd, data, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		left -= (size_t)n;
	}
	return 0;
}

static int write_synced(int fd, const struct iovec *part, int cnt)
{
	for (int i = 0; i < cnt; i++) {
		int err = write_all(fd, part[i].iov_base, part[i].iov_len);

		if (err)
			return err;
	}
	return fsync(fd) ? -errno : 0;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int write_at(int dir, const char *name, const struct iovec *part,
		    int cnt)
{
	char tmp[NAME_MAX + 1];
	int err;
	int fd;

	if (snprintf(tmp, sizeof(tmp), ".%s.new", name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = openat(dir, tmp,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -errno;
	err = write_synced(fd, part, cnt);
	if (close(fd) && !err)
		err = -errno;
	if (!err && renameat(dir, tmp, dir, name))
		err = -errno;
	if (err) {
		(void)unlinkat(dir, tmp, 0);
		return err;
	}
	return fsync(dir) ? -errno : 0;
}

int wd_statefile_put(const char *dir, const char *name,
		     const struct iovec *part, int cnt)
{
	int fd = open_dir(dir);
	int err;

	if (fd < 0)
		return fd;
	err = write_at(fd, name, part, cnt);
	(void)close(fd);
	return err;
}

int wd_statefile_write(const char *dir, const char *name,
		       struct json_object *json)
{
	const char *text =
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY);
	char *copy = text ? strdup(text) :
			    NULL; /* an iovec takes no constants */
	struct iovec part = { .iov_base = copy,
			      .iov_len = copy ? strlen(copy) : 0 };
	int err = copy ? wd_statefile_put(dir, name, &part, 1) : -ENOMEM;

	free(copy);
	return err;
}

static int read_at(int dir, const char *name, struct json_object **ret_json)
{
	struct json_object *json;
	char bad[NAME_MAX + 1];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	json = json_object_from_fd(fd);
	(void)close(fd);
	if (json_object_is_type(json, json_type_object)) {
		*ret_json = json;
		return 0;
	}
	json_object_put(json);
	if (snprintf(bad, sizeof(bad), "%s.bad", name) >= (int)sizeof(bad))
		return -EBADMSG;
	return renameat(dir, name, dir, bad) ? -errno : -EBADMSG;
}

int wd_statefile_read(const char *dir, const char *name,
		      struct json_object **ret_json)
{
	int fd = open_dir(dir);
	int err;

	if (fd < 0)
		return fd;
	err = read_at(fd, name, ret_json);
	(void)close(fd);
	return err;
}
