/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dissect.h - reads bytes as the RFCs have them, for the judge: one IP header
 * and what is behind it.
 */
#ifndef WARDER_SELFTESTS_DISSECT_H
#define WARDER_SELFTESTS_DISSECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that belong together. @is_cut: more of them are in other fragments. */
struct span {
	const uint8_t *p;
	size_t n;
	bool is_cut;
};

/* What a span is said to begin with. */
enum form { FORM_FRAME, FORM_IP4, FORM_IP6, FORM_OTHER, FORM_HIDDEN };

/* What a frame or a header leads to, or why it leads nowhere. */
struct step {
	enum form form;
	struct span rest;
	int reason; /* not 0: cannot be read */
};

/* One IP header, and the transport behind it. */
struct ip {
	int family; /* 4 or 6 */
	uint8_t src[16], dst[16]; /* IPv4: the first four */
	bool is_first, is_later; /* of a datagram in fragments */
	uint32_t id;
	size_t at, share; /* bytes of the datagram: from where, how many */
	int said; /* protocol that its fragments say */
	int proto; /* of what is in rest */
	int hops;
	struct span rest; /* from the transport header on */
	bool is_routed;
	int trouble; /* not 0: why the transport cannot be read */
	int sport, dport; /* of TCP, UDP, SCTP, if there is no trouble */
};

/** dissect_frame() - an Ethernet frame: over tags and PPPoE to what it carries */
struct step dissect_frame(struct span s);

/** dissect_type() - what an ethertype says that there is */
enum form dissect_type(unsigned int type);

/** dissect_ip() - Return: 0, or enum wd_reason: it does not add up */
int dissect_ip(struct span span, int family, struct ip *ret_ip);

#endif /* WARDER_SELFTESTS_DISSECT_H */
