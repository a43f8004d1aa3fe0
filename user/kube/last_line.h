/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * last_line.h - lines of the files of what a server said last.
 *
 *	warder-kube 2 SUM https://10.0.0.1:6443 /api/v1/pods
 *	SUM +shop/web	{"metadata":{...},"spec":{...},"status":{...}}
 *	SUM =1
 *	SUM -shop/old	{"metadata":{"name":"old","namespace":"shop","uid":"..."}}
 *
 * SUM is the checksum of what follows it, in hex. "=" ends the list and says how
 * many lines it has; what follows are events. Agents before wrote "warder-kube 1",
 * without sums and "=": that is read, and is of the new form with the next list.
 */
#ifndef WARDER_KUBE_LAST_LINE_H
#define WARDER_KUBE_LAST_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct wd_tree;

/* A file that is being read. */
struct wd_last_lines {
	FILE *file;
	char *buf;
	size_t cap;
	off_t end; /* 0: all of it counts */
	bool sealed; /* has sums */
	bool listed; /* the list ended */
	uint64_t cnt; /* read so far */
	int err; /* 0; -EBADMSG: damaged; -errno */
};

/** wd_last_name() - "ns/name" to be freed; NULL: such an object has no place in a file */
char *wd_last_name(const struct wd_tree *root);

/**
 * wd_last_line() - of an object, without its sum and its end
 * @gone: it is no more, and named alone
 * Return: to be freed; NULL no memory.
 */
char *wd_last_line(const char *name, const struct wd_tree *root, bool gone,
		   size_t *ret_len);

/** wd_last_put_head() - the first line. @of: "SERVER PATH" */
void wd_last_put_head(FILE *to, const char *of);

/** wd_last_put_line() - one of wd_last_line() or wd_last_next(), with its sum */
void wd_last_put_line(FILE *to, const char *line, size_t len);

/** wd_last_put_end() - behind the list, which has that many lines */
void wd_last_put_end(FILE *to, uint64_t lines);

/**
 * wd_last_open() - begin to read
 * @end: of what counts, 0: all
 * Return: 0; -ENOENT: none, or not @of that; -EBADMSG: not such a file; -errno. All
 *         of them are in @ret_lines as well, which must be closed in any case.
 */
int wd_last_open(struct wd_last_lines *ret_lines, const char *path,
		 const char *of, off_t end);

/** wd_last_next() - the next line of an object, borrowed; NULL: the end, it is torn, or an error */
char *wd_last_next(struct wd_last_lines *lines, size_t *ret_len);

/** wd_last_close() - of a list that goes on. Return: the error, 0 */
int wd_last_close(struct wd_last_lines *lines);

/** wd_last_close_whole() - after the last line. Return: the error, -EBADMSG where the list has no end; 0 */
int wd_last_close_whole(struct wd_last_lines *lines);

#endif /* WARDER_KUBE_LAST_LINE_H */
