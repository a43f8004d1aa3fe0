/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * generate.c - see generate.h: which chains and sets there are.
 *
 * A bridge's table has policy only for pods that are known to be on one; of
 * all others it drops what a bridge would forward, because they are not
 * supposed to be there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/byteorder.h"
#include "model/xalloc.h"
#include "nft/gen_int.h"

/* The endpoint of a device; NULL none. Return: 0 or -errno. */
static int endpoint_of(const struct wd_nft_gen *g, uint32_t ifindex,
		       struct wd_endpoint_val *buf,
		       const struct wd_endpoint_val **ret_ep)
{
	const struct wd_tables *t = g->in->tables;
	int err = t->get(t->ctx, WD_MAP_wd_endpoint, &ifindex, buf);

	*ret_ep = err ? NULL : buf;
	return err == -ENOENT ? 0 : err;
}

static void begin(struct wd_nft_gen *g, const struct wd_nft_input *in,
		  struct wd_nft_ruleset *rs)
{
	const struct wd_state_val *state =
		in->tables->window(in->tables->ctx, WD_MAP_wd_state);

	memset(g, 0, sizeof(*g));
	memset(rs, 0, sizeof(*rs));
	rs->name = in->host_only ? WD_NFT_TABLE_HOST : WD_NFT_TABLE;
	g->in = in;
	g->rs = rs;
	g->gen = __atomic_load_n(&state->gen, __ATOMIC_ACQUIRE);
	g->half = g->gen & 1;
	g->host_policy = state->flags & WD_STATE_HOST_POLICY;
	g->encrypt = state->flags & WD_STATE_ENCRYPT;
	g->encrypt_nodes = state->flags & WD_STATE_ENCRYPT_NODES;
	g->no_net[0] = state->flags & WD_STATE_NO_NET4;
	g->no_net[1] = state->flags & WD_STATE_NO_NET6;
	memcpy(g->encap.own, state->tunnel, sizeof(g->encap.own));
}

/* ---- inet and bridge ---- */

static int use_endpoint(struct wd_nft_gen *g, const struct wd_nft_device *dev,
			struct wd_nft_use *use)
{
	const struct wd_endpoint_val *ep;
	struct wd_endpoint_val buf;
	int err = endpoint_of(g, dev->ifindex, &buf, &ep);

	if (err || !ep || !g->gen || (ep->flags[g->half] & WD_EP_OFF))
		return err;
	if (g->family == WD_NFT_BRIDGE && !ep->master)
		return 0;
	if (ep->slot[g->half])
		wd_nft_use_slot(g, use, ep->slot[g->half]);
	return 0;
}

static int policy(struct wd_nft_gen *g)
{
	struct wd_nft_use *use = wd_xcalloc(1, sizeof(*use));
	struct wd_nft_preds *preds = wd_xcalloc(1, sizeof(*preds));
	int err = 0;

	for (size_t i = 0; !err && i < g->in->dev_cnt; i++)
		err = use_endpoint(g, &g->in->dev[i], use);
	if (!err)
		err = wd_nft_host_use(g, use);
	if (!err)
		err = wd_nft_preds(g, use, preds);
	if (!err)
		wd_nft_policy(g, use, preds);
	free(preds);
	free(use);
	return err;
}

static int routed_or_bridged(struct wd_nft_gen *g, enum wd_nft_family family)
{
	struct wd_nft_sets sets;
	int err = 0;

	g->family = family;
	wd_nft_endpoint_sets(g, &sets);
	if (family == WD_NFT_INET || g->in->bridge_ct) {
		err = wd_nft_addr_sets(g);
		if (!err)
			err = policy(g);
	}
	wd_nft_base(g);
	if (!err)
		err = wd_nft_wire(g);
	if (!err)
		err = wd_nft_host(g);
	for (size_t i = 0; !err && i < g->in->dev_cnt; i++) {
		const struct wd_endpoint_val *ep;
		struct wd_endpoint_val buf;

		err = endpoint_of(g, g->in->dev[i].ifindex, &buf, &ep);
		if (!err)
			wd_nft_endpoint(g, &sets, &g->in->dev[i], ep);
	}
	return err;
}

/* Two pods claim the address: what comes by it is neither's. */
static void clash(struct wd_nft_gen *g)
{
	g->family = WD_NFT_INET;
	wd_nft_begin(g, "ep0_out");
	wd_nft_rule(g, "%s drop comment \"an address that two pods claim\"",
		    wd_nft_count(g, WD_R_SPOOF_IP, WD_EGRESS));
	wd_nft_end(g, NULL);
	wd_nft_begin(g, "ep0_in");
	wd_nft_rule(g, "%s drop comment \"an address that two pods claim\"",
		    wd_nft_count(g, WD_R_NOT_LOCAL, WD_INGRESS));
	wd_nft_end(g, NULL);
}

/* ---- arp ---- */

/* What this host asks a pod for; between ports of a bridge: table bridge. */
static int arp_out(struct wd_nft_gen *g)
{
	const char *bad;
	struct wd_nft_sets sets = { 0 };
	int err = 0;

	g->family = WD_NFT_ARP;
	sets.pods = wd_nft_set(g->rs, g->family, WD_NFT_DEV, "pods");
	sets.own4 = wd_nft_set(g->rs, g->family, WD_NFT_DEV_ADDR4, "own4");
	bad = wd_nft_count(g, WD_R_NOT_LOCAL, WD_INGRESS);
	wd_nft_begin(g, "output");
	wd_nft_rule(g, "oif . arp daddr ip @own4 accept");
	wd_nft_rule(g, "oif @pods %s drop", bad);
	wd_nft_end(g, "type filter hook output priority 0; policy accept; "
		      "comment \"to pods: for their own addresses\";");
	for (size_t i = 0; !err && i < g->in->dev_cnt; i++) {
		uint32_t ifindex = g->in->dev[i].ifindex;
		const struct wd_endpoint_val *ep;
		struct wd_endpoint_val buf;

		wd_nft_dev_elem(g, sets.pods, ifindex);
		err = endpoint_of(g, ifindex, &buf, &ep);
		for (int j = 0; !err && ep && j < WD_EP_ADDRS; j++) {
			__be32 elem[2] = { wd_be32(ifindex), ep->ip4[j] };

			if (ep->ip4[j])
				wd_nft_elem(g->rs, sets.own4, elem);
		}
	}
	return err;
}

/* ---- netdev ---- */

static int sources(struct wd_nft_gen *g)
{
	int err = 0;

	if (g->in->dev_cnt)
		wd_nft_source_all(g);
	for (size_t i = 0; !err && i < g->in->dev_cnt; i++) {
		const struct wd_endpoint_val *ep;
		struct wd_endpoint_val buf;

		err = endpoint_of(g, g->in->dev[i].ifindex, &buf, &ep);
		if (!err)
			wd_nft_source(g, &g->in->dev[i], ep);
	}
	return err;
}

/* ---- the node alone ---- */

/* What is whose, for what comes with the address of a pod to the node itself. */
static int own_of_all(struct wd_nft_gen *g, const struct wd_nft_sets *sets)
{
	const struct wd_tables *t = g->in->tables;
	uint32_t ifindex, *prev = NULL;
	int err;

	while (!(err = t->next(t->ctx, WD_MAP_wd_endpoint, prev, &ifindex))) {
		struct wd_endpoint_val ep;

		prev = &ifindex;
		err = t->get(t->ctx, WD_MAP_wd_endpoint, &ifindex, &ep);
		if (err && err != -ENOENT)
			return err;
		if (!err)
			wd_nft_own(g, sets, ifindex, &ep);
	}
	return err == -ENOENT ? 0 : err;
}

static int host_only(struct wd_nft_gen *g)
{
	struct wd_nft_sets sets;
	int err;

	g->family = WD_NFT_INET;
	wd_nft_endpoint_sets(g, &sets);
	err = own_of_all(g, &sets);
	if (!err)
		err = wd_nft_addr_sets(g);
	if (!err)
		err = policy(g);
	wd_nft_decisions(g);
	return err ? err : wd_nft_host(g);
}

static int all(struct wd_nft_gen *g)
{
	const struct wd_nft_input *in = g->in;
	int err;

	clash(g);
	err = routed_or_bridged(g, WD_NFT_INET);
	if (!err && in->bridge)
		err = routed_or_bridged(g, WD_NFT_BRIDGE);
	if (!err && in->arp)
		err = arp_out(g);
	return err ? err : sources(g);
}

int wd_nft_generate(const struct wd_nft_input *in,
		    struct wd_nft_ruleset *ret_rs)
{
	struct wd_nft_ruleset rs;
	struct wd_nft_gen g;
	int err;

	begin(&g, in, &rs);
	err = in->host_only ? host_only(&g) : all(&g);
	if (err) {
		wd_nft_clear(&rs);
		return err;
	}
	wd_nft_seal(&rs);
	*ret_rs = rs;
	return 0;
}

void wd_nft_generate_closed(const struct wd_nft_input *in,
			    const struct wd_nft_device *dev,
			    struct wd_nft_ruleset *ret_rs)
{
	struct wd_nft_sets sets;
	struct wd_nft_gen g;

	begin(&g, in, ret_rs);
	for (int i = 0; i < (in->bridge ? 2 : 1); i++) {
		g.family = i ? WD_NFT_BRIDGE : WD_NFT_INET;
		wd_nft_endpoint_sets(&g, &sets);
		wd_nft_endpoint(&g, &sets, dev, NULL);
	}
	if (in->arp) {
		g.family = WD_NFT_ARP;
		wd_nft_dev_elem(
			&g, wd_nft_set(ret_rs, g.family, WD_NFT_DEV, "pods"),
			dev->ifindex);
	}
	wd_nft_source(&g, dev, NULL);
	wd_nft_seal(ret_rs);
}
