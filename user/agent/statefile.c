/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statefile.c - files of the state directory, written whole or not at all.
 */
#include "statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../base/sum.h"
#include "../model/xalloc.h"
#include "unread.h"

#define TEXT_MAX (256U << 20) /* bytes; more is no state of ours */
#define VERSION 1 /* of each file that has one */

/* How a file begins: the sum of all that follows it. A key like others to who does not know it. */
#define SUM_KEY "checksum"
#define SEAL_HEAD "{\n  \"" SUM_KEY "\":\""
#define SEAL_TAIL "\",\n"
#define SEAL SEAL_HEAD "%016" PRIx64 SEAL_TAIL "%s"
#define SEAL_LEN (sizeof(SEAL_HEAD SEAL_TAIL) - 1 + WD_SUM_DIGITS)

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
	err = wd_unread_keep(dir, name);
	if (!err)
		err = write_at(fd, name, part, cnt);
	(void)close(fd);
	return err;
}

int wd_statefile_write(const char *dir, const char *name,
		       struct json_object *json)
{
	const char *text =
		json_object_to_json_string_ext(json, JSON_C_TO_STRING_PRETTY);
	struct iovec part = { 0 };
	int err;

	if (!text)
		return -ENOMEM;
	/* what json-c begins an object with; one of no keys has no room for it */
	if (strncmp(text, "{\n ", 3) == 0)
		part.iov_base = wd_xprintf(
			SEAL, wd_sum(text + 2, strlen(text + 2)), text + 2);
	else
		part.iov_base = wd_xstrdup(text);
	part.iov_len = strlen(part.iov_base);
	err = wd_statefile_put(dir, name, &part, 1);
	free(part.iov_base);
	return err;
}

/* All of the file, with a NUL behind it; the caller frees it. 0 or -errno. */
static int read_all(int fd, char **ret_text, size_t *ret_len)
{
	size_t len = 0, room = 0;
	char *text = NULL;

	for (;;) {
		ssize_t n;

		if (room - len < 2) {
			room = room ? room * 2 : 4096;
			text = wd_xrealloc(text, room, 1);
		}
		n = read(fd, text + len, room - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			free(text);
			return err;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	*ret_text = text;
	*ret_len = len;
	return 0;
}

/* NULL: the text is no document, whatever the memory. */
static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *json = NULL;

	if (!tok)
		wd_xfail();
	errno = 0;
	if (len <= INT_MAX)
		json = json_tokener_parse_ex(tok, text, (int)len);
	/* json-c does not tell that from a mistake. */
	if (!json && errno == ENOMEM)
		wd_xfail();
	json_tokener_free(tok);
	return json;
}

/*
 * Is the text what was written? One that does not begin as written now is, but
 * has the key all the same, was changed there; one without is of an agent
 * before there were checksums.
 */
static bool is_sound(const char *text, size_t len, struct json_object *json)
{
	char head[SEAL_LEN + 1];

	if (!wd_json_get(json, SUM_KEY))
		return true;
	if (len < SEAL_LEN)
		return false;
	(void)snprintf(head, sizeof(head), SEAL,
		       wd_sum(text + SEAL_LEN, len - SEAL_LEN), "");
	return memcmp(text, head, SEAL_LEN) == 0;
}

static int read_json(int dir, const char *name, struct json_object **ret_json)
{
	struct json_object *json;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	struct stat st;
	size_t len = 0;
	int err;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else
		err = st.st_size > TEXT_MAX ? -EFBIG :
					      read_all(fd, &text, &len);
	(void)close(fd);
	if (err)
		return err;
	json = parse(text, len);
	if (json_object_is_type(json, json_type_object) &&
	    !is_sound(text, len, json))
		err = -EBADMSG;
	free(text);
	if (err)
		json_object_put(json);
	else
		*ret_json = json;
	return err;
}

static int read_at(int dir, const char *name, struct json_object **ret_json)
{
	struct json_object *json = NULL;
	int err = read_json(dir, name, &json);

	if (err)
		return err;
	if (!json_object_is_type(json, json_type_object))
		err = -EBADMSG;
	else if (wd_json_get(json, "version") &&
		 wd_json_get_int(json, "version") != VERSION)
		err = -ENOTSUP;
	if (err)
		json_object_put(json);
	else
		*ret_json = json;
	return err;
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
	if (err && err != -ENOENT)
		wd_unread_note(dir, name, err);
	return err;
}
