/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostrules.c - policies about the node by a ruleset of their own, beside the
 * programs of pods: for kernels that give BPF no hook of netfilter (before 6.6).
 *
 * It says the same as the chains of the node on rung nft, in a table of its own,
 * so that neither is taken for the other. It outlives the agent as programs do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"
#include "nft/nft.h"

static int failed(struct wd_datapath *dp, int err, char *why)
{
	struct wd_hostrules *h = &dp->hostrules;

	(void)snprintf(h->error, sizeof(h->error), "%s",
		       why ? why : strerror(-err));
	free(why);
	h->on = false;
	return err;
}

int wd_hostrules_open(struct wd_datapath *dp)
{
	struct wd_tables tables = wd_tables(dp);
	char *why = NULL;
	int err;

	if (dp->engine != WD_ENGINE_PROGS || dp->info.beside)
		return -EOPNOTSUPP;
	if (dp->hostrules.nft)
		return 0;
	err = wd_nft_open_host(&tables, &dp->hostrules.nft, &why);
	return err ? failed(dp, err, why) : 0;
}

int wd_hostrules_sync(struct wd_datapath *dp)
{
	struct wd_hostrules *h = &dp->hostrules;
	char *why = NULL;
	int err = wd_hostrules_open(dp);

	if (err)
		return err;
	h->none = false;
	err = wd_nft_sync(h->nft, &why);
	if (err)
		return failed(dp, err, why);
	*h->error = '\0';
	h->on = true;
	return 0;
}

bool wd_hostrules_on(const struct wd_datapath *dp)
{
	return dp->hostrules.on && dp->engine == WD_ENGINE_PROGS &&
	       !dp->info.beside;
}

const char *wd_hostrules_error(const struct wd_datapath *dp)
{
	return dp->hostrules.error;
}

int wd_hostrules_check(struct wd_datapath *dp, bool *ret_found)
{
	int err;

	*ret_found = false;
	if (!wd_hostrules_on(dp))
		return -ENOLINK;
	err = wd_nft_intact(dp->hostrules.nft);
	*ret_found = err == -ENOLINK;
	return *ret_found ? wd_hostrules_sync(dp) : err;
}

int wd_hostrules_leave(struct wd_datapath *dp)
{
	struct wd_hostrules *h = &dp->hostrules;
	int err;

	wd_hostrules_close(dp);
	if (h->none)
		return 0;
	err = wd_nft_remove_host(NULL);
	h->none = !err;
	return err;
}

void wd_hostrules_close(struct wd_datapath *dp)
{
	struct wd_hostrules *h = &dp->hostrules;

	wd_nft_close(h->nft);
	h->nft = NULL;
	h->on = false;
	*h->error = '\0';
}
