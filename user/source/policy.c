/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.c - what the readers of all kinds of policies share.
 */
#include <errno.h>
#include <string.h>

#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

/* IANA service name: 1-15 of [a-z0-9-], a letter, no '-' at an end or twice (RFC 6335, 5.1). */
bool wd_read_is_port_name(const char *s)
{
	size_t len = strlen(s);
	bool letter = false;

	if (!len || len > 15 || s[0] == '-' || s[len - 1] == '-' ||
	    strstr(s, "--"))
		return false;
	for (size_t i = 0; i < len; i++) {
		bool alpha = s[i] >= 'a' && s[i] <= 'z';

		letter = letter || alpha;
		if (!alpha && s[i] != '-' && (s[i] < '0' || s[i] > '9'))
			return false;
	}
	return letter;
}

int wd_read_cidr(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *node, uint32_t line,
		 struct wd_cidr *ret_cidr)
{
	const char *text = wd_tree_str(node);

	if (text && !wd_cidr_parse(text, ret_cidr))
		return 0;
	wd_read_problem(
		r, at, node ? node->line : line,
		text ? "'%.60s' is no CIDR (address/length, no leading zeros, no IPv4 in "
		       "IPv6)" :
		       "must be a CIDR, as 10.0.0.0/8%.0s",
		text ? text : "");
	return -EINVAL;
}

int wd_read_peer_selector(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_selector **ret_sel)
{
	struct wd_selector *sel;
	int err;

	if (!map)
		return 0;
	sel = wd_xcalloc(1, sizeof(*sel));
	err = wd_read_selector(r, at, map, sel);
	*ret_sel = wd_selector_share(sel);
	return err;
}

int wd_read_except(struct wd_read *r, const struct wd_at *at,
		   const struct wd_tree *list, struct wd_peer *peer)
{
	int err = 0;

	peer->except = wd_xcalloc(list ? list->cnt : 0, sizeof(*peer->except));
	wd_for_each_entry(e, list) {
		const struct wd_at *here = WD_ELEMENT(at, peer->except_cnt);
		struct wd_cidr *cidr = &peer->except[peer->except_cnt++];

		if (wd_read_cidr(r, here, e, e->line, cidr)) {
			err = -EINVAL;
		} else if (!wd_cidr_covers(&peer->cidr, cidr)) {
			wd_read_problem(r, here, e->line, "is not inside cidr");
			err = -EINVAL;
		}
	}
	return err;
}

struct wd_peer *wd_read_peer_add(struct wd_policy_rule *rule, int type)
{
	struct wd_peer *peer;

	rule->peer = wd_xrealloc(rule->peer, rule->peer_cnt + 1,
				 sizeof(*rule->peer));
	peer = &rule->peer[rule->peer_cnt++];
	memset(peer, 0, sizeof(*peer));
	peer->type = (enum wd_peer_type)type;
	return peer;
}
