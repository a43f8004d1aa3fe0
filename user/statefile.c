/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statefile.c - small JSON files of the state directory, written whole or not at all.
 */
#include "statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

int wd_dir_make(const char *path)
{
	char buf[PATH_MAX];
	size_t len = strlen(path);

	if (len == 0 || len >= sizeof(buf))
		return -ENAMETOOLONG;
	memcpy(buf, path, len + 1);
	for (char *at = buf + 1; *at; at++) {
		if (*at != '/')
			continue;
		*at = '\0';
		if (mkdir(buf, 0700) && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return mkdir(buf, 0700) && errno != EEXIST ? -errno : 0;
}

static int write_synced(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t n = write(fd, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return fsync(fd) ? -errno : 0;
}

static int sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	(void)close(fd);
	return err;
}

int wd_statefile_write(const char *dir, const char *name, struct json_object *json)
{
	const char *text = json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY);
	char path[PATH_MAX];
	char tmp[PATH_MAX];
	int err;
	int fd;

	if (!text)
		return -ENOMEM;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    snprintf(tmp, sizeof(tmp), "%s/.%s.new", dir, name) >= (int)sizeof(tmp))
		return -ENAMETOOLONG;
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	err = write_synced(fd, text);
	if (close(fd) && !err)
		err = -errno;
	if (!err && rename(tmp, path))
		err = -errno;
	if (err)
		(void)unlink(tmp);
	return err ? err : sync_dir(dir);
}

int wd_statefile_read(const char *dir, const char *name, struct json_object **ret_json)
{
	struct json_object *json;
	char path[PATH_MAX];
	char bad[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path) ||
	    snprintf(bad, sizeof(bad), "%s/%s.bad", dir, name) >= (int)sizeof(bad))
		return -ENAMETOOLONG;
	if (access(path, R_OK))
		return -errno;
	json = json_object_from_file(path);
	if (json && json_object_is_type(json, json_type_object)) {
		*ret_json = json;
		return 0;
	}
	json_object_put(json);
	return rename(path, bad) ? -errno : -EBADMSG;
}
