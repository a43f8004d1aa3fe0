/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_last.c - one sealed line: what it is of, names, counters.
 */
#include "cover_last.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "../agent/statefile.h"
#include "../agent/unread.h"
#include "../model/xalloc.h"
#include "cover_line.h"

#define VERSION 1
#define NODE_FIRST 1 /* the lowest number of a node */

void wd_cover_last_init(struct wd_cover_last *last)
{
	*last = (struct wd_cover_last){
		.ns.first = WD_NS_FIRST,
		.node.first = NODE_FIRST,
	};
}

void wd_cover_names_add(struct wd_cover_names *names, const char *name)
{
	names->name = wd_grow(names->name, names->cnt, &names->room,
			      sizeof(*names->name));
	names->name[names->cnt++] = wd_xstrdup(name);
}

const char *wd_cover_names_get(const struct wd_cover_names *names,
			       uint32_t number)
{
	return number >= names->first && number - names->first < names->cnt ?
		       names->name[number - names->first] :
		       NULL;
}

void wd_cover_names_clear(struct wd_cover_names *names)
{
	for (size_t i = 0; i < names->cnt; i++)
		free(names->name[i]);
	free(names->name);
	names->name = NULL;
	names->cnt = names->room = 0;
}

struct wd_cover_counter *wd_cover_last_counter(struct wd_cover_last *last,
					       const struct wd_cover_key *key)
{
	struct wd_cover_counter *c;

	HASH_FIND(hh, last->counters, key, sizeof(*key), c);
	if (c)
		return c;
	c = wd_xcalloc(1, sizeof(*c));
	c->key = *key;
	HASH_ADD(hh, last->counters, key, sizeof(c->key), c);
	return c;
}

void wd_cover_last_forget(struct wd_cover_last *last)
{
	struct wd_cover_counter *c = last->counters, *next;

	HASH_CLEAR(hh, last->counters);
	for (; c; c = next) {
		next = c->hh.next;
		free(c);
	}
	wd_cover_names_clear(&last->ns);
	wd_cover_names_clear(&last->node);
}

void wd_cover_last_fini(struct wd_cover_last *last)
{
	wd_cover_last_forget(last);
	wd_cover_last_init(last);
}

/* ---- reading ---- */

static void read_names(struct wd_words *words, struct wd_cover_names *names,
		       uint64_t cnt)
{
	for (uint64_t i = 0; !words->err && i < cnt; i++) {
		const char *name = wd_word_str(words);

		if (!words->err)
			wd_cover_names_add(names, name);
	}
}

static void read_counter(struct wd_words *words, struct wd_cover_last *last)
{
	struct wd_cover_counter *c;
	struct wd_cover_key key = { 0 };
	struct wd_stat_val val;

	key.ns[0] = (uint32_t)wd_word_u64(words, 10, UINT32_MAX);
	key.ns[1] = (uint32_t)wd_word_u64(words, 10, UINT32_MAX);
	key.node = (uint32_t)wd_word_u64(words, 10, UINT32_MAX);
	key.kind = (uint8_t)wd_word_u64(words, 10, UINT8_MAX);
	key.dir = (uint8_t)wd_word_u64(words, 10, UINT8_MAX);
	key.family = (uint8_t)wd_word_u64(words, 10, UINT8_MAX);
	val.packets = wd_word_u64(words, 10, UINT64_MAX);
	val.bytes = wd_word_u64(words, 10, UINT64_MAX);
	if (words->err)
		return;
	c = wd_cover_last_counter(last, &key);
	c->val = val;
}

static int parse(char *line, struct wd_cover_last *last)
{
	struct wd_words words = { .at = wd_line_open(line) };
	uint64_t spaces, nodes, counters;

	if (!words.at || wd_word_u64(&words, 10, UINT64_MAX) != VERSION)
		return -EBADMSG;
	last->epoch = wd_word_u64(&words, 16, UINT64_MAX);
	last->seq = wd_word_u64(&words, 10, UINT64_MAX);
	last->end_s = (int64_t)wd_word_u64(&words, 10, INT64_MAX);
	last->flags = (uint32_t)wd_word_u64(&words, 16, UINT32_MAX);
	spaces = wd_word_u64(&words, 10, UINT32_MAX);
	nodes = wd_word_u64(&words, 10, UINT32_MAX);
	counters = wd_word_u64(&words, 10, UINT32_MAX);
	read_names(&words, &last->ns, spaces);
	read_names(&words, &last->node, nodes);
	for (uint64_t i = 0; !words.err && i < counters; i++)
		read_counter(&words, last);
	return wd_words_end(&words);
}

static int read_line(const char *path, char **ret_line)
{
	FILE *from = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	int err = 0;

	if (!from)
		return -errno;
	errno = 0;
	if (getline(&line, &room, from) <= 0)
		err = ferror(from) && errno ? -errno : -EBADMSG;
	(void)fclose(from);
	if (err) {
		free(line);
		return err;
	}
	*ret_line = line;
	return 0;
}

int wd_cover_last_read(const char *dir, struct wd_cover_last *last)
{
	char *path = wd_xprintf("%s/%s", dir, WD_COVER_LAST), *line = NULL;
	int err = read_line(path, &line);

	free(path);
	if (!err) {
		err = parse(line, last);
		free(line);
		if (err)
			wd_cover_last_fini(last);
	}
	if (err && err != -ENOENT)
		wd_unread_note(dir, WD_COVER_LAST, err);
	return err;
}

/* ---- writing ---- */

static void put_names(FILE *to, const struct wd_cover_names *names)
{
	for (size_t i = 0; i < names->cnt; i++)
		wd_word_put(to, names->name[i]);
}

static void put_words(FILE *to, const struct wd_cover_last *last)
{
	(void)fprintf(to,
		      "%d %" PRIx64 " %" PRIu64 " %" PRId64 " %x %zu %zu %u",
		      VERSION, last->epoch, last->seq, last->end_s, last->flags,
		      last->ns.cnt, last->node.cnt, HASH_COUNT(last->counters));
	put_names(to, &last->ns);
	put_names(to, &last->node);
	for (const struct wd_cover_counter *c = last->counters; c;
	     c = c->hh.next)
		(void)fprintf(to, " %u %u %u %u %u %u %llu %llu", c->key.ns[0],
			      c->key.ns[1], c->key.node, c->key.kind,
			      c->key.dir, c->key.family,
			      (unsigned long long)c->val.packets,
			      (unsigned long long)c->val.bytes);
}

static char *line_of(const struct wd_cover_last *last)
{
	char *words = NULL, *line = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&words, &len);
	bool bad;

	if (!to)
		return NULL;
	put_words(to, last);
	bad = ferror(to);
	if (!fclose(to) && !bad)
		line = wd_line_seal(words);
	free(words);
	return line;
}

int wd_cover_last_write(const char *dir, const struct wd_cover_last *last)
{
	char *line = line_of(last);
	struct iovec part = { .iov_base = line,
			      .iov_len = line ? strlen(line) : 0 };
	int err = line ? wd_statefile_put(dir, WD_COVER_LAST, &part, 1) :
			 -ENOMEM;

	free(line);
	return err;
}
