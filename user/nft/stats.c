/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats.c - see stats.h. A listing has all counters, so one serves for a while.
 */
#include "base/now.h"
#include "nft/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/xalloc.h"
#include "nft/kernel.h"

#define FRESH_MS 200

struct count {
	uint64_t packets;
	uint64_t bytes;
};

typedef struct count counts[2][WD_R__MAX][WD_DIR__MAX]; /* by audit or not */

struct wd_nft_stats {
	const char *table;
	counts now; /* of the tables in the kernel */
	counts kept; /* of tables of before */
	uint64_t read_ms; /* when, 0 never */
};

#define NAME_(name, nr, drop, help) [nr] = #name,
static const char *const names[WD_R__MAX] = { WD_REASONS(NAME_) };
#undef NAME_

struct wd_nft_stats *wd_nft_stats_new(const char *table)
{
	struct wd_nft_stats *stats = wd_xcalloc(1, sizeof(*stats));

	stats->table = table;
	return stats;
}

void wd_nft_stats_free(struct wd_nft_stats *stats)
{
	free(stats);
}

bool wd_nft_stats_name(const char *name, enum wd_reason *ret_reason,
		       enum wd_dir *ret_dir, bool *ret_audit)
{
	bool is_audit = strncmp(name, "audit_", 6) == 0;
	const char *end = strrchr(name, '_');
	size_t len;

	if (is_audit)
		name += 6;
	if (!end || end < name)
		return false;
	len = (size_t)(end - name);
	for (int r = 0; r < WD_R__MAX; r++) {
		if (!names[r] || strlen(names[r]) != len ||
		    strncasecmp(names[r], name, len) != 0)
			continue;
		*ret_reason = (enum wd_reason)r;
		*ret_dir = strcmp(end, "_in") == 0 ? WD_INGRESS : WD_EGRESS;
		*ret_audit = is_audit;
		return true;
	}
	return false;
}

static void add(void *ctx, const char *name, uint64_t packets, uint64_t bytes)
{
	struct wd_nft_stats *stats = ctx;
	enum wd_reason reason;
	enum wd_dir dir;
	struct count *to;
	bool is_audit;

	if (!wd_nft_stats_name(name, &reason, &dir, &is_audit))
		return;
	to = &stats->now[is_audit][reason][dir];
	to->packets += packets;
	to->bytes += bytes;
}

static int refresh(struct wd_nft_stats *stats)
{
	uint64_t now = (uint64_t)wd_now_ms() + 1; /* 0: never */
	int err = -EINTR;

	if (stats->read_ms && now - stats->read_ms < FRESH_MS)
		return 0;
	stats->read_ms = now;
	for (int i = 0; err == -EINTR && i < WD_NFT_KERNEL_TRIES; i++) {
		memset(stats->now, 0, sizeof(stats->now)); /* none twice */
		err = wd_nft_kernel_counters(stats->table, add, stats);
	}
	return err;
}

void wd_nft_stats_note(struct wd_nft_stats *stats)
{
	stats->read_ms = 0;
	if (refresh(stats))
		memset(stats->now, 0, sizeof(stats->now));
}

void wd_nft_stats_keep(struct wd_nft_stats *stats)
{
	for (int a = 0; a < 2; a++) {
		for (int r = 0; r < WD_R__MAX; r++) {
			for (int d = 0; d < WD_DIR__MAX; d++) {
				const struct count *now = &stats->now[a][r][d];

				stats->kept[a][r][d].packets += now->packets;
				stats->kept[a][r][d].bytes += now->bytes;
			}
		}
	}
	memset(stats->now, 0, sizeof(stats->now));
	stats->read_ms = 0;
}

int wd_nft_stats_read(struct wd_nft_stats *stats, const char *kind,
		      enum wd_reason reason, enum wd_dir dir,
		      uint64_t *ret_packets, uint64_t *ret_bytes)
{
	int err = refresh(stats);
	int audit = *kind != '\0';

	if (err)
		return err;
	*ret_packets = stats->now[audit][reason][dir].packets +
		       stats->kept[audit][reason][dir].packets;
	*ret_bytes = stats->now[audit][reason][dir].bytes +
		     stats->kept[audit][reason][dir].bytes;
	return 0;
}
