// SPDX-License-Identifier: GPL-2.0-only
/*
 * tally.c - see tally.h.
 */
#include "nft/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/opt.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/nft.h"
#include "nft/stats.h"

#define TABLE "inet " WD_NFT_TALLY_TABLE

int wd_nft_tally_begin(const char *chains, uint32_t mark, char **ret_why)
{
	struct wd_nft_library *lib = NULL;
	char *text = NULL;
	int err = wd_nft_library_open(&lib, ret_why);

	if (err)
		return err;
	wd_format(&text,
		  "add table " TABLE "\n"
		  "add counter " TABLE " passed_in\n"
		  "add counter " TABLE " passed_out\n"
		  "add chain " TABLE
		  " output { type filter hook output priority -310; }\n"
		  "add rule " TABLE " output meta mark != %u drop\n"
		  "%s",
		  mark, chains);
	err = text ? wd_nft_run(lib, text, ret_why) : -ENOMEM;
	free(text);
	wd_nft_library_close(lib);
	return err;
}

static void see_reason(void *ctx, const char *name, uint64_t packets,
		       uint64_t bytes)
{
	struct wd_nft_tally *tally = ctx;
	enum wd_reason reason;
	enum wd_dir dir;
	bool is_audit;

	(void)bytes;
	if (!wd_nft_stats_name(name, &reason, &dir, &is_audit) ||
	    dir != tally->way)
		return;
	if (is_audit)
		tally->audit[reason] += packets;
	else
		tally->reason[reason] += packets;
}

static void see_passed(void *ctx, const char *name, uint64_t packets,
		       uint64_t bytes)
{
	struct wd_nft_tally *tally = ctx;

	(void)bytes;
	if (!strcmp(name,
		    tally->way == WD_INGRESS ? "passed_in" : "passed_out"))
		tally->passed = packets;
}

/*
 * What passed is read first: it is counted after the reason why, which is there
 * then, however late the packet was.
 */
int wd_nft_tally_take(enum wd_dir way, struct wd_nft_tally *ret)
{
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->way = way;
	err = wd_nft_kernel_counters(WD_NFT_TALLY_TABLE, see_passed, ret);
	return err ? err :
		     wd_nft_kernel_counters(WD_NFT_TABLE, see_reason, ret);
}
