/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * package.c - reads the tar stream of a package: ustar with GNU's long names,
 * which is what dpkg-deb writes. Source: tar(5), "The Tar Header".
 */
#include "package.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/opt.h"
#include "child.h"

#define BLOCK 512
#define FILE_MOST (1U << 30) /* bytes */
#define NAME_MOST 4096

struct header {
	char name[100];
	char mode[8], uid[8], gid[8];
	char size[12];
	char mtime[12], sum[8];
	char type;
	char link[100];
	char magic[8];
	char user[32], group[32], major[8], minor[8];
	char prefix[155];
	char pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "as tar has it");

struct stream {
	int fd;
	bool (*wants)(void *ctx, const char *name);
	int (*take)(void *ctx, const char *name, struct wd_bytes *bytes);
	void *ctx;
	char *long_name; /* of the next entry, NULL none */
};

/* Exactly @len bytes, -EPIPE at an early end. */
static int read_exactly(int fd, void *to, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t cnt = read(fd, (char *)to + at, len - at);

		if (cnt < 0 && errno == EINTR && !wd_child_stopped())
			continue;
		if (cnt <= 0)
			return cnt < 0 ? -errno : -EPIPE;
		at += (size_t)cnt;
	}
	return 0;
}

/* The data of an entry with its padding; @to NULL: skipped. */
static int read_data(int fd, uint64_t size, struct wd_bytes *to)
{
	static uint8_t piece[128 * BLOCK];
	uint64_t padding = (BLOCK - size % BLOCK) % BLOCK;
	int err = 0;

	while (size && !err) {
		size_t len = size < sizeof(piece) ? (size_t)size :
						    sizeof(piece);

		err = read_exactly(fd, piece, len);
		if (!err && to)
			err = wd_bytes_add(to, piece, len);
		size -= len;
	}
	return err ? err : read_exactly(fd, piece, (size_t)padding);
}

static uint64_t octal(const char *text, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len && text[i] >= '0' && text[i] <= '7'; i++)
		value = value * 8 + (uint64_t)(text[i] - '0');
	return value;
}

static char *name_of(struct stream *s, const struct header *h)
{
	char *name = s->long_name;

	s->long_name = NULL;
	if (name)
		return name;
	if (*h->prefix && !memcmp(h->magic, "ustar\0", 6))
		wd_format(&name, "%.155s/%.100s", h->prefix, h->name);
	else
		wd_format(&name, "%.100s", h->name);
	return name;
}

static int read_long_name(struct stream *s, uint64_t size)
{
	struct wd_bytes bytes = { 0 };
	int err = size > NAME_MOST ? -EINVAL : read_data(s->fd, size, &bytes);

	if (!err)
		err = wd_bytes_add(&bytes, "", 1);
	if (err) {
		wd_bytes_free(&bytes);
		return err;
	}
	free(s->long_name);
	s->long_name = (char *)bytes.data;
	return 0;
}

static int read_entry(struct stream *s, const struct header *h)
{
	uint64_t size = octal(h->size, sizeof(h->size));
	struct wd_bytes bytes = { 0 };
	char *name;
	int err;

	if (h->type == 'L')
		return read_long_name(s, size);
	name = name_of(s, h);
	if (!name)
		return -ENOMEM;
	if ((h->type != '0' && h->type != '\0') || size > FILE_MOST ||
	    !s->wants(s->ctx, name)) {
		err = read_data(s->fd, size, NULL);
	} else {
		err = read_data(s->fd, size, &bytes);
		if (!err)
			err = s->take(s->ctx, name, &bytes);
	}
	wd_bytes_free(&bytes);
	free(name);
	return err;
}

static int read_stream(struct stream *s)
{
	struct header h;
	int err;

	for (;;) {
		err = read_exactly(s->fd, &h, sizeof(h));
		if (err || !h.name[0])
			break; /* the end is two empty blocks */
		if (memcmp(h.magic, "ustar", 5) != 0) {
			err = -EINVAL;
			break;
		}
		err = read_entry(s, &h);
		if (err)
			break;
	}
	free(s->long_name);
	return err;
}

/* dpkg-deb ends only when all was read. */
static int drain(int fd)
{
	static char piece[4096];
	ssize_t cnt;

	do
		cnt = read(fd, piece, sizeof(piece));
	while (cnt > 0 || (cnt < 0 && errno == EINTR && !wd_child_stopped()));
	return cnt < 0 ? -errno : 0;
}

#define END_MS 10000

int wd_package_read(const char *path,
		    bool (*wants)(void *ctx, const char *name),
		    int (*take)(void *ctx, const char *name,
				struct wd_bytes *bytes),
		    void *ctx, char **ret_error)
{
	char *argv[] = { (char[]){ "dpkg-deb" }, (char[]){ "--fsys-tarfile" },
			 strdup(path), NULL };
	struct stream s = { .wants = wants, .take = take, .ctx = ctx };
	struct wd_child child = { 0, -1 };
	int status = 0, err = argv[2] ? 0 : -ENOMEM;

	if (!err)
		err = wd_child_start(argv, NULL, &child);
	if (err == -ENOENT)
		wd_format(ret_error,
			  "a package is unpacked by dpkg-deb, which is not "
			  "installed: install package dpkg");
	s.fd = child.out;
	if (!err)
		err = read_stream(&s);
	if (!err)
		err = drain(s.fd);
	if (!err)
		err = wd_child_wait(&child, END_MS, &status);
	if (!err && status)
		err = -EINVAL;
	if (wd_child_stopped())
		err = -EINTR;
	if (err == -EPIPE || err == -EINVAL) {
		err = -EINVAL;
		wd_format(ret_error, "is not a package that dpkg-deb can read");
	} else if (err && !*ret_error) {
		wd_format(ret_error, "cannot be unpacked: %s", wd_errno(err));
	}
	wd_child_kill(&child);
	free(argv[2]);
	return err;
}
