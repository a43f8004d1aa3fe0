/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy.c - what the readers of all kinds of policies share.
 */
#include <errno.h>
#include <string.h>

#include <warder/verdict.h>

#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define TRIAL_ANNOTATION "warder.io/audit"
#define RESPONSE_ANNOTATION "warder.io/deny-response"

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

bool wd_read_names_ports(const struct wd_policy_rule *rule)
{
	for (uint32_t i = 0; i < rule->port_cnt; i++) {
		if (rule->port[i].name)
			return true;
	}
	return false;
}

bool wd_read_means_pods(const struct wd_policy_rule *rule)
{
	for (uint32_t i = 0; i < rule->peer_cnt; i++) {
		if (rule->peer[i].type != WD_PEER_PODS)
			return false;
	}
	return true;
}

bool wd_read_on_trial(struct wd_read *r, const struct wd_meta *meta)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *node =
		wd_tree_get(meta->annotations, TRIAL_ANNOTATION);
	enum wd_problem_effect effect = r->effect;
	bool is_text = node && node->type == WD_TREE_SCALAR;

	if (!node)
		return false;
	/* without quotes it is a boolean in YAML, which the API would refuse */
	if (is_text && strcmp(node->text, "true") == 0)
		return true;
	if (is_text && strcmp(node->text, "false") == 0)
		return false;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(
		r, WD_AT(at, TRIAL_ANNOTATION), node->line,
		"must be \"true\" or \"false\"; the policy is enforced");
	r->effect = effect;
	return false;
}

enum wd_response wd_read_response(struct wd_read *r, const struct wd_meta *meta,
				  bool counts)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "annotations");
	const struct wd_tree *node =
		wd_tree_get(meta->annotations, RESPONSE_ANNOTATION);
	const char *text = node ? wd_tree_str(node) : NULL;
	enum wd_problem_effect effect = r->effect;

	if (!node)
		return WD_RESPONSE_UNSET;
	if (counts && text && strcmp(text, "drop") == 0)
		return WD_RESPONSE_DROP;
	if (counts && text && strcmp(text, "reject") == 0)
		return WD_RESPONSE_REJECT;
	r->effect = WD_PROBLEM_IGNORED;
	wd_read_problem(r, WD_AT(at, RESPONSE_ANNOTATION), node->line,
			counts ? "must be drop or reject; taken as if it were "
				 "not there" :
				 "counts on a Namespace and on policies; "
				 "taken as if it were not there");
	r->effect = effect;
	return WD_RESPONSE_UNSET;
}

struct wd_selector *wd_read_everything(void)
{
	return wd_selector_share(wd_xcalloc(1, sizeof(struct wd_selector)));
}

void wd_read_break_spec(struct wd_spec *spec, uint32_t line)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		uint32_t cnt = spec->rule_cnt[dir];

		spec->rule[dir] = wd_xrealloc(spec->rule[dir], cnt + 1,
					      sizeof(*spec->rule[dir]));
		if (cnt)
			memmove(&spec->rule[dir][1], &spec->rule[dir][0],
				cnt * sizeof(*spec->rule[dir]));
		spec->rule[dir][0] = (struct wd_policy_rule){
			.broken = true, .action = WD_RULE_DENY, .line = line
		};
		spec->rule_cnt[dir]++;
	}
}
