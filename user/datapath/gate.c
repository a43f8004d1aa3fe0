/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.c - what nothing judges yet, kept closed by a ruleset of its own beside
 * the programs of wires: see nft/gate.h. It outlives the agent as programs do.
 */
#include "nft/gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

int wd_gate_put(struct wd_datapath *dp, const struct wd_gate_want *want)
{
	struct wd_gate *g = &dp->gate;
	char *why = NULL;
	int err;

	if (dp->engine != WD_ENGINE_PROGS || dp->info.beside)
		return -EOPNOTSUPP;
	if (!g->nft)
		g->nft = wd_nft_gate_new();
	g->none = false;
	err = wd_nft_gate_put(g->nft, want, &why);
	(void)snprintf(g->error, sizeof(g->error), "%s", err ? why : "");
	free(why);
	g->on = !err;
	g->had |= g->on;
	return err;
}

bool wd_gate_on(const struct wd_datapath *dp)
{
	return dp->gate.on;
}

const char *wd_gate_error(const struct wd_datapath *dp)
{
	return dp->gate.error;
}

int wd_gate_check(struct wd_datapath *dp)
{
	int err = dp->gate.on ? wd_nft_gate_check(dp->gate.nft) : -ENOLINK;

	dp->gate.on &= err != -ENOLINK;
	return err;
}

int wd_gate_leave(struct wd_datapath *dp)
{
	struct wd_gate *g = &dp->gate;
	int err;

	g->on = false;
	*g->error = '\0';
	if (g->none)
		return 0;
	err = g->had ? wd_nft_gate_end(g->nft) : wd_nft_gate_remove();
	g->none = !err;
	return err;
}

int wd_gate_dropped(struct wd_datapath *dp, struct wd_stat_val *ret_val)
{
	uint64_t packets = 0, bytes = 0;
	int err = 0;

	if (dp->gate.had)
		err = wd_nft_gate_stats(dp->gate.nft, WD_R_PLAINTEXT_OUT,
					WD_EGRESS, &packets, &bytes);
	if (!err)
		*ret_val = (struct wd_stat_val){ packets, bytes };
	return err;
}

void wd_gate_close(struct wd_datapath *dp)
{
	wd_nft_gate_free(dp->gate.nft);
	dp->gate.nft = NULL;
	dp->gate.on = dp->gate.had = false;
}
