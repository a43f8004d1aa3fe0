/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * target.h - the two ends of a question to `warder why`, as text.
 *
 *   FROM, TO: NS/POD, CLUSTER/NS/POD, an address, or `host`
 *   TO[:PORT[/PROTO]], an IPv6 address with a port in brackets
 *
 * Text only: who is meant is for the agent to find out.
 */
#ifndef WARDER_TARGET_H
#define WARDER_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/object.h"

enum wd_target_type {
	WD_TARGET_POD,
	WD_TARGET_ADDR,
	WD_TARGET_HOST,
};

struct wd_target {
	enum wd_target_type type;
	char ns[254];
	char name[254];
	struct wd_addr addr;
	/* of TO only */
	bool no_ports; /* a protocol without ports */
	bool icmp; /* whichever ICMP the family has; implies no_ports */
	char icmp_type[64]; /* ICMP: by name or number, "" an echo request */
	uint8_t icmp_code;
	uint8_t proto; /* IPPROTO_*, unless icmp */
	uint16_t port; /* host byte order, 0 if none or named */
	char port_name[64]; /* named port, "" if none */
};

/** wd_target_from() - read FROM. Return: 0, or -EINVAL with *ret_error, to be freed */
int wd_target_from(const char *text, struct wd_target *ret_target,
		   char **ret_error);

/**
 * wd_target_to() - read TO[:PORT[/PROTO]]
 * Without PORT the question is about ICMP; without PROTO about TCP. PORT is
 * empty or 0 for a protocol that has none (NS/POD:/icmp, NS/POD:0/47). Of ICMP
 * it may be a type, by name or number, with or without a code: 13/icmp,
 * Timestamp.1/icmp.
 * Return: as wd_target_from().
 */
int wd_target_to(const char *text, struct wd_target *ret_target,
		 char **ret_error);

#endif /* WARDER_TARGET_H */
