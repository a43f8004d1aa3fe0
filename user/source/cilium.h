/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium.h - what the readers of Cilium's policies share: where a rule stands,
 * and who its peers are.
 */
#ifndef WARDER_CILIUM_H
#define WARDER_CILIUM_H

#include <stdbool.h>

#include <warder/verdict.h>

#include "../model/object.h"
#include "read.h"

/* One list of rules of a spec. */
struct wd_cilium_section {
	const char *key;
	enum wd_dir dir;
	enum wd_rule_action action;
};

/* Where a rule is read. */
struct wd_cilium_place {
	const struct wd_cilium_section *section;
	const char *ns; /* the policy's, "" of the cluster-wide kind */
	bool nodes; /* the subject is nodes, which name no ports */
};

/** WD_CILIUM_PEERS - ways to say who the peers of a rule are */
#define WD_CILIUM_PEERS 6

/**
 * wd_cilium_peer_key() - name of the field that says the peers in way @way
 * Return: NULL where the direction has no such way
 */
const char *wd_cilium_peer_key(size_t way, enum wd_dir dir);

/**
 * wd_read_cilium_peers() - who the peers of the rule @map are
 * Nothing said is everybody, an empty list nobody. Cilium takes one way to say it
 * in a rule.
 * @ret_said: something is said
 *
 * Return: 0; -EINVAL, with problems told to @r
 */
int wd_read_cilium_peers(struct wd_read *r, const struct wd_cilium_place *p,
			 const struct wd_at *at, const struct wd_tree *map,
			 struct wd_policy_rule *rule, bool *ret_said);

#endif /* WARDER_CILIUM_H */
