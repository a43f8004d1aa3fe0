/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * readback.c - see readback.h.
 */
#include "nft/readback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "model/xalloc.h"
#include "nft/kernel.h"

#define NO_HOOK UINT32_MAX

/* A chain as it is in the kernel. */
struct seen_chain {
	bool is_there;
	uint32_t hook; /* NF_INET_* or NF_NETDEV_*, NO_HOOK: no base chain */
	int32_t priority;
	uint32_t policy; /* NF_ACCEPT, NF_DROP */
	uint32_t rules;
};

struct readback {
	const struct wd_nft_ruleset *rs;
	enum wd_nft_family family; /* that is listed now */
	struct seen_chain *chain; /* by the place in rs->chain */
	uint32_t elems; /* of the set that is listed now */
	char *more; /* a chain that is not in rs, NULL none */
};

static uint32_t number(const struct nlattr *attr)
{
	return attr ? ntohl(mnl_attr_get_u32(attr)) : 0;
}

static const char *text(const struct nlattr *attr)
{
	return attr && !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) ?
		       mnl_attr_get_str(attr) :
		       "";
}

/* ---- what the kernel has ---- */

/* Sorted by family and name. NULL: not ours. */
static struct seen_chain *find(const struct readback *rb, const char *name)
{
	size_t from = 0, to = rb->rs->chain_cnt;

	while (from < to) {
		size_t at = from + (to - from) / 2;
		const struct wd_nft_chain *c = &rb->rs->chain[at];
		int way = c->family != rb->family ?
				  (c->family < rb->family ? -1 : 1) :
				  strcmp(c->name, name);

		if (!way)
			return &rb->chain[at];
		if (way < 0)
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

static void see_hook(const struct nlattr *hook, struct seen_chain *to)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, hook) {
		if (mnl_attr_get_type(attr) == NFTA_HOOK_HOOKNUM)
			to->hook = number(attr);
		else if (mnl_attr_get_type(attr) == NFTA_HOOK_PRIORITY)
			to->priority = (int32_t)number(attr);
	}
}

static int see_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_CHAIN_MAX + 1] = { 0 };
	struct readback *rb = ctx;
	struct seen_chain *to;

	if (wd_nft_kernel_parse(nlh, at, NFTA_CHAIN_MAX) < 0 ||
	    strcmp(text(at[NFTA_CHAIN_TABLE]), rb->rs->name) != 0)
		return MNL_CB_OK;
	to = find(rb, text(at[NFTA_CHAIN_NAME]));
	if (!to) {
		free(rb->more);
		rb->more = wd_xstrdup(text(at[NFTA_CHAIN_NAME]));
		return MNL_CB_OK;
	}
	to->is_there = true;
	to->hook = NO_HOOK;
	to->policy = number(at[NFTA_CHAIN_POLICY]);
	if (at[NFTA_CHAIN_HOOK])
		see_hook(at[NFTA_CHAIN_HOOK], to);
	return MNL_CB_OK;
}

static int see_rule(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_RULE_MAX + 1] = { 0 };
	const struct readback *rb = ctx;
	struct seen_chain *to;

	if (wd_nft_kernel_parse(nlh, at, NFTA_RULE_MAX) < 0 ||
	    strcmp(text(at[NFTA_RULE_TABLE]), rb->rs->name) != 0)
		return MNL_CB_OK;
	to = find(rb, text(at[NFTA_RULE_CHAIN]));
	if (to)
		to->rules++;
	return MNL_CB_OK;
}

/* The end of a range is an element for the kernel, and none of ours. */
static bool is_end(const struct nlattr *elem)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, elem) {
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_FLAGS)
			return number(attr) & NFT_SET_ELEM_INTERVAL_END;
	}
	return false;
}

static int see_elems(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_SET_ELEM_LIST_MAX + 1] = { 0 };
	const struct nlattr *elem;
	struct readback *rb = ctx;

	if (wd_nft_kernel_parse(nlh, at, NFTA_SET_ELEM_LIST_MAX) < 0 ||
	    !at[NFTA_SET_ELEM_LIST_ELEMENTS])
		return MNL_CB_OK;
	mnl_attr_for_each_nested(elem, at[NFTA_SET_ELEM_LIST_ELEMENTS]) {
		if (!is_end(elem))
			rb->elems++;
	}
	return MNL_CB_OK;
}

/* ---- what it should have ---- */

static const struct {
	enum wd_nft_family family;
	const char *words;
	uint32_t hook;
} hooks[] = {
	{ WD_NFT_INET, "hook prerouting", NF_INET_PRE_ROUTING },
	{ WD_NFT_INET, "hook input", NF_INET_LOCAL_IN },
	{ WD_NFT_INET, "hook forward", NF_INET_FORWARD },
	{ WD_NFT_INET, "hook output", NF_INET_LOCAL_OUT },
	{ WD_NFT_INET, "hook postrouting", NF_INET_POST_ROUTING },
	{ WD_NFT_BRIDGE, "hook prerouting", NF_INET_PRE_ROUTING },
	{ WD_NFT_BRIDGE, "hook input", NF_INET_LOCAL_IN },
	{ WD_NFT_BRIDGE, "hook forward", NF_INET_FORWARD },
	{ WD_NFT_BRIDGE, "hook output", NF_INET_LOCAL_OUT },
	{ WD_NFT_BRIDGE, "hook postrouting", NF_INET_POST_ROUTING },
	{ WD_NFT_NETDEV, "hook ingress", NF_NETDEV_INGRESS },
	{ WD_NFT_NETDEV, "hook egress", 1 /* NF_NETDEV_EGRESS, since 5.16 */ },
	{ WD_NFT_ARP, "hook input", 0 /* NF_ARP_IN */ },
	{ WD_NFT_ARP, "hook output", 1 /* NF_ARP_OUT */ },
};

static uint32_t hook_of(const struct wd_nft_chain *chain)
{
	for (size_t i = 0; i < sizeof(hooks) / sizeof(*hooks); i++)
		if (hooks[i].family == chain->family &&
		    strstr(chain->hook, hooks[i].words))
			return hooks[i].hook;
	return NO_HOOK;
}

static bool hook_is_right(const struct wd_nft_chain *chain,
			  const struct seen_chain *seen)
{
	const char *priority;
	uint32_t policy;

	if (!chain->hook)
		return seen->hook == NO_HOOK;
	priority = strstr(chain->hook, "priority ");
	policy = strstr(chain->hook, "policy drop") ? NF_DROP : NF_ACCEPT;
	return seen->hook == hook_of(chain) && seen->policy == policy &&
	       priority &&
	       seen->priority ==
		       strtol(priority + strlen("priority "), NULL, 10);
}

/* ---- both ---- */

static int list_chains(struct readback *rb)
{
	struct wd_nft_kernel_ask ask = { .table = rb->rs->name };
	int err = 0;

	for (int i = 0; !err && i < WD_NFT_FAMILIES; i++) {
		if (!rb->rs->table[i])
			continue;
		ask.family = rb->family = i;
		ask.msg = NFT_MSG_GETCHAIN;
		err = wd_nft_kernel_dump(&ask, see_chain, rb);
		ask.msg = NFT_MSG_GETRULE;
		if (!err)
			err = wd_nft_kernel_dump(&ask, see_rule, rb);
	}
	return err;
}

static int differs(char **ret_error, const char *what, const char *name,
		   const char *how)
{
	*ret_error = wd_xprintf("the kernel has another ruleset than it was "
				"given: %s %s %s",
				what, name, how);
	return -EBADMSG;
}

static int compare_chains(const struct readback *rb, char **ret_error)
{
	if (rb->more)
		return differs(ret_error, "chain", rb->more, "is none of ours");
	for (size_t i = 0; i < rb->rs->chain_cnt; i++) {
		const struct wd_nft_chain *chain = &rb->rs->chain[i];
		const struct seen_chain *seen = &rb->chain[i];
		const char *how = NULL;

		if (!seen->is_there)
			how = "is not there";
		else if (!hook_is_right(chain, seen))
			how = "has another hook, priority or policy";
		else if (seen->rules != chain->rule_cnt)
			how = "has more rules, or fewer";
		if (how)
			return differs(ret_error, "chain", chain->name, how);
	}
	return 0;
}

static int compare_sets(struct readback *rb, char **ret_error)
{
	int err = 0;

	for (size_t i = 0; !err && i < rb->rs->set_cnt; i++) {
		const struct wd_nft_set *set = &rb->rs->set[i];
		const struct wd_nft_kernel_ask ask = {
			.msg = NFT_MSG_GETSETELEM,
			.family = set->family,
			.table = rb->rs->name,
			.set = set->name,
		};

		rb->elems = 0;
		err = wd_nft_kernel_dump(&ask, see_elems, rb);
		if (err == -ENOENT)
			err = differs(ret_error, "set", set->name,
				      "is not there");
		else if (!err && rb->elems != set->cnt)
			err = differs(ret_error, "set", set->name,
				      "has more elements, or fewer");
	}
	return err;
}

static int compare(struct readback *rb, char **ret_error)
{
	int err = list_chains(rb);

	if (!err)
		err = compare_chains(rb, ret_error);
	return err ? err : compare_sets(rb, ret_error);
}

int wd_nft_readback(const struct wd_nft_ruleset *rs, char **ret_error)
{
	struct readback rb = { .rs = rs };
	size_t size = sizeof(*rb.chain);
	int err = -EINTR;

	rb.chain = wd_xcalloc(rs->chain_cnt + 1, size);
	for (int i = 0; err == -EINTR && i < WD_NFT_KERNEL_TRIES; i++) {
		memset(rb.chain, 0, rs->chain_cnt * size);
		free(rb.more); /* of a listing that was cut short */
		rb.more = NULL;
		err = compare(&rb, ret_error);
	}
	free(rb.more);
	free(rb.chain);
	return err;
}
