/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * icmp.h - the words for types of ICMP and ICMPv6, as policies have them
 * (Cilium's, pkg/policy/api/icmp.go).
 */
#ifndef WARDER_ICMP_H
#define WARDER_ICMP_H

#include <stdbool.h>
#include <stdint.h>

/** wd_icmp_name() - name of a type of IPv4 (4) or IPv6 (6); NULL: it has none here */
const char *wd_icmp_name(uint8_t family, uint8_t type);

/** wd_icmp_find() - type by its exact name. Return: 0-255, or -ENOENT */
int wd_icmp_find(uint8_t family, const char *name);

/**
 * wd_icmp_opens() - may it be the first packet of a flow
 * Answers to echo and errors belong to a flow that is there, and neighbour
 * discovery to none: no rule decides about them.
 */
bool wd_icmp_opens(uint8_t family, uint8_t type);

/**
 * wd_icmp6_is_routers() - does only a router send that type of ICMPv6
 * MLD's query (RFC 3810), renumbering (RFC 2894) and the advertisement of a
 * router of groups (RFC 4286): no pod may, whatever its policies say.
 */
bool wd_icmp6_is_routers(uint8_t type);

#endif /* WARDER_ICMP_H */
