/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * engine.c - what judges the packets of an interface: programs, the ruleset,
 * or nothing, in which case it is closed.
 *
 * The one place that knows which of them is in force. While one takes over
 * from another an interface has both; it is never without.
 */
#include <errno.h>
#include <stdlib.h>

#include "internal.h"
#include "nft/nft.h"

/* ---- which interfaces ---- */

static bool is_guarded(const struct wd_datapath *dp, uint32_t ifindex)
{
	for (int i = 0; i < dp->guarded_cnt; i++)
		if (dp->guarded[i] == ifindex)
			return true;
	return false;
}

static int guard(struct wd_datapath *dp, uint32_t ifindex)
{
	int cnt;

	if (is_guarded(dp, ifindex))
		return 0;
	cnt = wd_list_append(&dp->guarded, dp->guarded_cnt, ifindex);
	if (cnt < 0)
		return cnt;
	dp->guarded_cnt = cnt;
	return 0;
}

static void take_out(uint32_t *list, int *cnt, uint32_t ifindex)
{
	for (int i = 0; i < *cnt; i++) {
		if (list[i] != ifindex)
			continue;
		list[i] = list[--*cnt];
		return;
	}
}

static void unguard(struct wd_datapath *dp, uint32_t ifindex)
{
	take_out(dp->guarded, &dp->guarded_cnt, ifindex);
	take_out(dp->left, &dp->left_cnt, ifindex);
}

/* Nothing to be closed: all may pass, or what was before goes on judging. */
static bool is_left(struct wd_datapath *dp, uint32_t ifindex)
{
	if (dp->left_unknown)
		(void)wd_engine_inherit(dp);
	for (int i = 0; i < dp->left_cnt; i++)
		if (dp->left[i] == ifindex)
			return true;
	return dp->ladder.open;
}

/* ---- one of them ---- */

/*
 * Until the ruleset is filled, what guards an interface already stays alone:
 * one that says nothing yet would cut what is permitted.
 */
static int nft_attach(struct wd_datapath *dp, uint32_t ifindex)
{
	char *why = NULL;
	int err = 0;

	if (dp->ladder.frozen && !wd_nft_guards(ifindex))
		err = wd_hold_close(ifindex); /* the ruleset must not change */
	if (dp->ladder.frozen ||
	    (dp->filling && (dp->ruleset_before || is_guarded(dp, ifindex))))
		return err ? err : wd_nft_expect(dp->nft, ifindex);
	err = wd_nft_attach(dp->nft, ifindex, &why);
	/* Closed so far; its entries may have been written before. */
	if (!err) {
		dp->unsynced = true;
		err = dp->filling ? 0 : wd_datapath_settle(dp, &why);
	}
	if (err)
		wd_fail(dp, err, WD_STAGE_NFT, "%s",
			why ? why : "the interface cannot be attached");
	free(why);
	return err;
}

static int attach(struct wd_datapath *dp, enum wd_engine engine,
		  uint32_t ifindex)
{
	switch (engine) {
	case WD_ENGINE_PROGS:
		return wd_progs_attach(dp, ifindex);
	case WD_ENGINE_NFT:
		return nft_attach(dp, ifindex);
	default:
		return is_left(dp, ifindex) ? 0 : wd_hold_close(ifindex);
	}
}

static int detach(struct wd_datapath *dp, enum wd_engine engine,
		  uint32_t ifindex)
{
	switch (engine) {
	case WD_ENGINE_PROGS:
		return wd_progs_detach(dp, ifindex);
	case WD_ENGINE_NFT:
		return dp->nft ? wd_nft_detach(dp->nft, ifindex, NULL) : 0;
	default:
		return 0; /* what was closed is opened by who guards it then */
	}
}

/* Not the trouble of this interface alone, which others may not have. */
static bool is_general(int err)
{
	return err != -ENODEV && err != -EBUSY && err != -EEXIST &&
	       err != -EBADMSG;
}

/* What may pass by itself, so that the next try may do. */
static bool is_of_the_moment(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -EINTR ||
	       err == -EBUSY || err == -ENODEV;
}

/*
 * deny: no ruleset can guard the interface, and nothing else does. Closed it
 * loses routes, see hold.c, so not where the next try may do.
 */
static void close_unguarded(struct wd_datapath *dp, uint32_t ifindex, int err)
{
	if (dp->engine != WD_ENGINE_NFT || is_of_the_moment(err) ||
	    is_guarded(dp, ifindex) || is_left(dp, ifindex))
		return;
	(void)wd_hold_close(ifindex); /* it is tried again */
}

int wd_datapath_attach(struct wd_datapath *dp, uint32_t ifindex)
{
	int err;

	if (dp->info.beside)
		return -EAGAIN;
	err = attach(dp, dp->engine, ifindex);
	if (err && dp->engine == WD_ENGINE_PROGS && is_general(err) &&
	    !guard(dp, ifindex))
		err = wd_ladder_unattached(dp, ifindex, err);
	if (err)
		close_unguarded(dp, ifindex, err);
	if (!err)
		err = guard(dp, ifindex);
	if (!err && dp->engine != WD_ENGINE_NONE && !dp->ladder.frozen)
		err = wd_hold_open(ifindex);
	return err;
}

int wd_datapath_check(struct wd_datapath *dp, uint32_t ifindex)
{
	switch (dp->engine) {
	case WD_ENGINE_PROGS:
		return wd_progs_check(dp, ifindex);
	case WD_ENGINE_NFT:
		if ((dp->filling || dp->ladder.frozen) &&
		    is_guarded(dp, ifindex))
			return 0; /* by what was before, or closed */
		return wd_nft_check(dp->nft, ifindex);
	default:
		return is_left(dp, ifindex) ? 0 : wd_hold_check(ifindex);
	}
}

bool wd_datapath_is_closed(const struct wd_datapath *dp, uint32_t ifindex)
{
	return dp->engine != WD_ENGINE_NONE && !dp->ladder.frozen &&
	       wd_hold_check(ifindex) == 0;
}

int wd_datapath_before(struct wd_datapath *dp, uint32_t ifindex,
		       enum wd_dir dir, uint32_t *ret_prog)
{
	*ret_prog = 0;
	return dp->engine == WD_ENGINE_PROGS ?
		       wd_progs_before(dp, ifindex, dir, ret_prog) :
		       0;
}

int wd_datapath_detach(struct wd_datapath *dp, uint32_t ifindex)
{
	int err = detach(dp, WD_ENGINE_PROGS, ifindex);
	int err2 = detach(dp, WD_ENGINE_NFT, ifindex);

	unguard(dp, ifindex);
	return err ? err : err2;
}

int wd_datapath_attached(struct wd_datapath *dp, uint32_t **ret_ifindex)
{
	uint32_t *list;
	int cnt;

	if (dp->engine == WD_ENGINE_PROGS)
		return wd_progs_attached(dp, ret_ifindex);
	cnt = dp->guarded_cnt;
	list = calloc((size_t)cnt + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (int i = 0; i < cnt; i++)
		list[i] = dp->guarded[i];
	*ret_ifindex = list;
	return wd_sort_unique(list, cnt);
}

bool wd_datapath_has_programs(const struct wd_datapath *dp)
{
	return dp->engine == WD_ENGINE_PROGS;
}

bool wd_datapath_has_ruleset(const struct wd_datapath *dp)
{
	return dp->engine == WD_ENGINE_NFT && !dp->info.beside;
}

bool wd_datapath_is_filling(const struct wd_datapath *dp)
{
	return dp->engine == WD_ENGINE_NFT && dp->filling;
}

bool wd_datapath_replaces(const struct wd_datapath *dp)
{
	return dp->engine == WD_ENGINE_PROGS && dp->ruleset_before;
}

/* ---- all of them ---- */

/* What was attached before this agent came. */
int wd_engine_inherit(struct wd_datapath *dp)
{
	struct wd_hold_list closed;
	uint32_t *list = NULL;
	int cnt = wd_progs_attached(dp, &list);
	int err = cnt < 0 ? cnt : wd_hold_list(&closed);

	for (int i = 0; !err && i < cnt; i++)
		err = guard(dp, list[i]);
	for (int i = 0; cnt >= 0 && !err && i < closed.cnt; i++)
		err = guard(dp, closed.ifindex[i]);
	if (cnt >= 0 && !err)
		free(closed.ifindex);
	free(dp->left);
	dp->left = list;
	dp->left_cnt = cnt < 0 ? 0 : cnt;
	dp->left_unknown = cnt < 0;
	return err;
}

int wd_engine_enter(struct wd_datapath *dp, enum wd_engine engine)
{
	int err = 0;

	for (int i = 0; !err && i < dp->guarded_cnt; i++) {
		/* a ruleset gets all of them at once, see wd_nft_sync() */
		err = engine == WD_ENGINE_NFT ?
			      wd_nft_expect(dp->nft, dp->guarded[i]) :
			      attach(dp, engine, dp->guarded[i]);
		if (err == -ENODEV)
			err = 0; /* its end is dealt with by who hears of it */
	}
	return err;
}

int wd_engine_leave(struct wd_datapath *dp, enum wd_engine engine)
{
	int err, first = 0;

	for (int i = 0; i < dp->guarded_cnt; i++) {
		err = engine == WD_ENGINE_NONE ?
			      wd_hold_open(dp->guarded[i]) :
			      detach(dp, engine, dp->guarded[i]);
		if (err && err != -ENODEV && !first)
			first = err;
	}
	return first;
}
