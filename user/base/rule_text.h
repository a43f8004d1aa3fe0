/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule_text.h - what a policy says, in one line, for people.
 *
 * Selectors in kubectl's spelling: "app=web,tier in (a,b),!legacy". All
 * results are to be freed.
 */
#ifndef WARDER_RULE_TEXT_H
#define WARDER_RULE_TEXT_H

#include <stdint.h>

#include "../model/object.h"

/** wd_selector_text() - all requirements; "*" if there are none */
char *wd_selector_text(const struct wd_selector *sel);

/** wd_subject_text() - whom a spec selects: "app=web", "app=web in namespaces team=a" */
char *wd_subject_text(const struct wd_spec *spec);

/** wd_action_text() - "allow", "deny" or "pass" */
const char *wd_action_text(enum wd_rule_action action);

/** wd_tier_text() - "admin", "normal" or "baseline" */
const char *wd_tier_text(enum wd_tier tier);

/** wd_peer_text() - "pods app=web in namespaces team=a", "10.0.0.0/8 except 10.1.0.0/16" */
char *wd_peer_text(const struct wd_peer *peer);

/** wd_port_text() - "tcp/80", "udp/1000-2000", "tcp/http", "sctp" */
char *wd_port_text(const struct wd_port *port);

/** wd_rule_text() - a whole rule without its action: "from anybody on tcp/80, tcp/443" */
char *wd_rule_text(const struct wd_policy_rule *rule, uint32_t dir);

#endif /* WARDER_RULE_TEXT_H */
