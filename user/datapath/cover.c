/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover.c - reads wd_cover, which programs count in for each CPU by itself.
 *
 * The map may have thousands of entries: it is read in batches, by bucket. An
 * entry that comes meanwhile may be missed and is there the next time; none is
 * read twice, since nobody deletes.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Entries read at once; a bucket with more makes the room grow. */
#define BATCH 256
/* A hash has at least as many buckets as entries: so many in one cannot be. */
#define BATCH_MAX WD_COVERS_MAX

struct batch {
	struct wd_cover_key *key;
	struct wd_stat_val *val; /* @cpus for each key */
	uint32_t room;
};

static void batch_fini(struct batch *b)
{
	free(b->key);
	free(b->val);
}

static int batch_grow(struct batch *b, uint32_t room, int cpus)
{
	batch_fini(b);
	b->room = room;
	b->key = calloc(room, sizeof(*b->key));
	b->val = calloc((size_t)room * (size_t)cpus, sizeof(*b->val));
	return b->key && b->val ? 0 : -ENOMEM;
}

static struct wd_stat_val sum_of(const struct wd_stat_val *val, int cpus)
{
	struct wd_stat_val sum = { 0 };

	for (int cpu = 0; cpu < cpus; cpu++) {
		sum.packets += val[cpu].packets;
		sum.bytes += val[cpu].bytes;
	}
	return sum;
}

static int tell(const struct batch *b, uint32_t cnt, int cpus, wd_cover_fn fn,
		void *ctx)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < cnt; i++) {
		struct wd_stat_val sum =
			sum_of(&b->val[(size_t)i * (size_t)cpus], cpus);

		err = fn(ctx, &b->key[i], &sum);
	}
	return err;
}

/*
 * The next entries from where *at says, which moves on only with success.
 * Return: 0; 1 these were the last; -errno.
 */
static int read_batch(int fd, struct batch *b, int cpus, bool first,
		      uint32_t *at, uint32_t *ret_cnt)
{
	for (;;) {
		uint32_t next = 0, cnt = b->room;
		int err = bpf_map_lookup_batch(fd, first ? NULL : at, &next,
					       b->key, b->val, &cnt, NULL);

		if (err == -ENOSPC && b->room < BATCH_MAX) {
			err = batch_grow(b, b->room * 4, cpus);
			if (err)
				return err;
			continue;
		}
		if (err && err != -ENOENT)
			return err;
		*at = next;
		*ret_cnt = cnt;
		return err ? 1 : 0;
	}
}

int wd_cover_read(struct wd_datapath *dp, wd_cover_fn fn, void *ctx)
{
	struct batch b = { 0 };
	uint32_t at = 0, cnt = 0;
	bool first = true;
	int end = 0, err;

	if (dp->memory || dp->map_fd[WD_MAP_wd_cover] < 0)
		return 0; /* no program counts */
	err = batch_grow(&b, BATCH, dp->cpus);
	while (!err && !end) {
		end = read_batch(dp->map_fd[WD_MAP_wd_cover], &b, dp->cpus,
				 first, &at, &cnt);
		err = end < 0 ? end : tell(&b, cnt, dp->cpus, fn, ctx);
		first = false;
	}
	batch_fini(&b);
	return err;
}

uint32_t wd_map_number(const struct wd_datapath *dp, enum wd_map map)
{
	return dp->map_fd[map] < 0 ? 0 : dp->map_id[map];
}
