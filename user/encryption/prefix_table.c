/* SPDX-License-Identifier: GPL-2.0-only */
#include "prefix_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../datapath/datapath.h"
#include "../model/hash.h"
#include "../model/xalloc.h"

struct line {
	UT_hash_handle hh; /* by cidr */
	struct wd_cidr cidr; /* padding zero */
	bool in_kernel;
	bool wanted;
	bool seen; /* scratch of a reading */
	struct wd_prefix_val have;
	struct wd_prefix_val want;
};

struct wd_prefix_table {
	enum wd_map map[2]; /* IPv4, IPv6 */
	struct line *lines;
};

struct wd_prefix_table *wd_prefix_table_new(enum wd_map v4, enum wd_map v6)
{
	struct wd_prefix_table *table = wd_xcalloc(1, sizeof(*table));

	table->map[0] = v4;
	table->map[1] = v6;
	return table;
}

static void drop(struct wd_prefix_table *table, struct line *line)
{
	HASH_DELETE(hh, table->lines, line);
	free(line);
}

void wd_prefix_table_free(struct wd_prefix_table *table)
{
	struct line *line, *tmp;

	if (!table)
		return;
	HASH_ITER(hh, table->lines, line, tmp)
		drop(table, line);
	free(table);
}

static struct line *line_of(struct wd_prefix_table *table,
			    const struct wd_cidr *cidr)
{
	struct line *line;
	struct wd_cidr key;

	memset(&key, 0, sizeof(key));
	key.addr.family = cidr->addr.family;
	key.len = cidr->len;
	memcpy(&key.addr.v6, &cidr->addr.v6, key.addr.family == 4 ? 4 : 16);
	HASH_FIND(hh, table->lines, &key, sizeof(key), line);
	if (line)
		return line;
	line = wd_xcalloc(1, sizeof(*line));
	line->cidr = key;
	HASH_ADD(hh, table->lines, cidr, sizeof(line->cidr), line);
	return line;
}

void wd_prefix_table_begin(struct wd_prefix_table *table)
{
	for (struct line *line = table->lines; line; line = line->hh.next)
		line->wanted = false;
}

struct wd_prefix_val *wd_prefix_table_want(struct wd_prefix_table *table,
					   const struct wd_cidr *cidr,
					   const struct wd_prefix_val *val)
{
	struct line *line = line_of(table, cidr);

	if (line->wanted)
		return &line->want;
	line->wanted = true;
	line->want = *val;
	return NULL;
}

/* ---- the kernel's side ---- */

static enum wd_map map_of(const struct wd_prefix_table *table,
			  const struct line *line)
{
	return table->map[line->cidr.addr.family == 6];
}

/* Large enough for both families; IPv4 uses the first 8 bytes. */
static struct wd_cidr6_key key_of(const struct line *line)
{
	struct wd_cidr6_key key = { .prefixlen = line->cidr.len };

	memcpy(key.addr, &line->cidr.addr.v6,
	       line->cidr.addr.family == 4 ? 4 : 16);
	return key;
}

static int put(struct wd_prefix_table *table, struct wd_datapath *dp,
	       struct line *line)
{
	struct wd_cidr6_key key = key_of(line);
	int err;

	if (!line->wanted ||
	    (line->in_kernel &&
	     !memcmp(&line->have, &line->want, sizeof(line->want))))
		return 0;
	err = wd_map_set(dp, map_of(table, line), &key, &line->want);
	if (err)
		return err;
	line->in_kernel = true;
	line->have = line->want;
	return 0;
}

static int take_away(struct wd_prefix_table *table, struct wd_datapath *dp,
		     struct line *line)
{
	struct wd_cidr6_key key = key_of(line);
	int err = 0;

	if (line->wanted)
		return 0;
	if (line->in_kernel)
		err = wd_map_del(dp, map_of(table, line), &key);
	if (!err)
		drop(table, line);
	return err;
}

int wd_prefix_table_end(struct wd_prefix_table *table, struct wd_datapath *dp)
{
	struct line *line, *tmp;
	int err, first = 0;

	for (line = table->lines; line; line = line->hh.next) {
		err = put(table, dp, line);
		first = first ? first : err;
	}
	HASH_ITER(hh, table->lines, line, tmp) {
		err = take_away(table, dp, line);
		first = first ? first : err;
	}
	return first;
}

static int read_map(struct wd_prefix_table *table, struct wd_datapath *dp,
		    bool is_v6)
{
	enum wd_map map = table->map[is_v6];
	struct wd_cidr6_key key, next;
	struct wd_prefix_val val;
	struct wd_cidr cidr;
	void *prev = NULL;
	struct line *line;
	int err, found = 0;

	memset(&next, 0, sizeof(next));
	while (!(err = wd_map_next(dp, map, prev, &next))) {
		key = next;
		prev = &key;
		err = wd_map_get(dp, map, &key, &val);
		if (err == -ENOENT)
			continue;
		if (err)
			break;
		memset(&cidr, 0, sizeof(cidr));
		cidr.addr.family = is_v6 ? 6 : 4;
		cidr.len = (uint8_t)key.prefixlen;
		memcpy(&cidr.addr.v6, key.addr, is_v6 ? 16 : 4);
		line = line_of(table, &cidr);
		found += !line->in_kernel ||
			 memcmp(&line->have, &val, sizeof(val)) != 0;
		line->in_kernel = line->seen = true;
		line->have = val;
	}
	return err == -ENOENT ? found : err;
}

int wd_prefix_table_read(struct wd_prefix_table *table, struct wd_datapath *dp)
{
	int found = 0;

	for (struct line *line = table->lines; line; line = line->hh.next)
		line->seen = false;
	for (int is_v6 = 0; is_v6 < 2; is_v6++) {
		int n = read_map(table, dp, is_v6);

		if (n < 0)
			return n;
		found += n;
	}
	for (struct line *line = table->lines; line; line = line->hh.next) {
		found += line->in_kernel && !line->seen;
		line->in_kernel = line->seen;
	}
	return found;
}

size_t wd_prefix_table_cnt(const struct wd_prefix_table *table, bool is_v6)
{
	size_t cnt = 0;

	for (const struct line *line = table->lines; line; line = line->hh.next)
		cnt += line->in_kernel &&
		       (line->cidr.addr.family == 6) == is_v6;
	return cnt;
}

bool wd_prefix_table_has(const struct wd_prefix_table *table,
			 const struct wd_addr *addr)
{
	for (const struct line *line = table->lines; line; line = line->hh.next)
		if (line->in_kernel && wd_cidr_has(&line->cidr, addr))
			return true;
	return false;
}

void wd_prefix_table_each(const struct wd_prefix_table *table,
			  void (*fn)(void *ctx, const struct wd_cidr *cidr,
				     const struct wd_prefix_val *val),
			  void *ctx)
{
	for (const struct line *line = table->lines; line; line = line->hh.next)
		if (line->in_kernel)
			fn(ctx, &line->cidr, &line->have);
}
