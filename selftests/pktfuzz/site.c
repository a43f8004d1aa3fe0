/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site.c - the lists themselves. Small on purpose: what is drawn at random
 * must meet often.
 */
#include "site.h"

#include <string.h>

#define V4(a, b, c, d) \
	{ \
		{ \
			a, b, c, d \
		} \
	}
/* fd00::net:host, or any two ends of an address */
#define V6(hi, lo, net, host) \
	{ \
		{ \
			hi, lo, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, net, 0, host \
		} \
	}

const struct pod site_pods[PODS] = {
	[POD_OF(DEV_ALPHA)] = { .mac = { 2, 0, 0, 0, 0, 1 },
				.own4 = { V4(10, 0, 0, 2), V4(10, 0, 0, 3) },
				.own6 = { V6(0xfd, 0, 1, 2),
					  V6(0xfd, 0, 1, 3) },
				.link = V6(0xfe, 0x80, 0, 2) },
	/* neither hardware nor link-local address is known */
	[POD_OF(DEV_BETA)] = { .own4 = { V4(10, 0, 0, 4) },
			       .own6 = { V6(0xfd, 0, 1, 4) } },
	[POD_OF(DEV_GAMMA)] = { .mac = { 2, 0, 0, 0, 0, 3 },
				.own4 = { V4(10, 0, 0, 5) },
				.own6 = { V6(0xfd, 0, 1, 5) },
				.link = V6(0xfe, 0x80, 0, 5),
				.master = DEV_BRIDGE },
};

/* Both ends of a word, of the row, and some between. */
const uint16_t site_pred_bit[PREDS] = { 3, 64, 4095, 7, 0, 63 };

const struct peer site_peers[PEERS] = {
	{ V4(10, 1, 0, 1), V6(0xfd, 0, 2, 1), HAS(PRED_FRIEND), WD_ADDR_POD,
	  0 },
	{ V4(10, 1, 0, 2), V6(0xfd, 0, 2, 2), HAS(PRED_FOE), WD_ADDR_POD, 0 },
	{ V4(10, 1, 0, 3), V6(0xfd, 0, 2, 3), 0, WD_ADDR_POD, 0 },
	{ V4(10, 1, 0, 4), V6(0xfd, 0, 2, 4),
	  HAS(PRED_FRIEND) | HAS(PRED_FOE) | HAS(PRED_LOW) | HAS(PRED_LAST),
	  WD_ADDR_POD, 0 },
	{ V4(192, 0, 2, 1), V6(0xfd, 0, 3, 1), HAS(PRED_NODE), WD_ADDR_HOST,
	  0 },
	{ V4(192, 0, 2, 2), V6(0xfd, 0, 3, 2), HAS(PRED_NODE), WD_ADDR_NODE,
	  0 },
	{ V4(10, 0, 0, 2), V6(0xfd, 0, 1, 2), HAS(PRED_FRIEND),
	  WD_ADDR_POD | WD_ADDR_LOCAL, DEV_ALPHA },
	{ V4(10, 0, 0, 4), V6(0xfd, 0, 1, 4),
	  HAS(PRED_FRIEND) | HAS(PRED_PREFIX), WD_ADDR_POD | WD_ADDR_LOCAL,
	  DEV_BETA },
	{ V4(10, 0, 0, 5), V6(0xfd, 0, 1, 5), HAS(PRED_LAST),
	  WD_ADDR_POD | WD_ADDR_LOCAL, DEV_GAMMA },
};

const struct prefix site_prefixes[PREFIXES] = {
	{ 4, 24, V4(198, 51, 100, 0), HAS(PRED_PREFIX) },
	{ 4, 30, V4(198, 51, 100, 8), 0 },
	{ 6, 32, V6(0x20, 0x01, 0, 0), HAS(PRED_PREFIX) },
	{ 6, 120, V6(0x20, 0x01, 1, 0), 0 },
};

const struct peer site_strangers[STRANGERS] = {
	{ .v4 = V4(198, 51, 100, 1), .v6 = V6(0x20, 0x01, 2, 1) }, /* prefix */
	{ .v4 = V4(198, 51, 100, 9),
	  .v6 = V6(0x20, 0x01, 1, 1) }, /* its hole */
	{ .v4 = V4(203, 0, 113, 1), .v6 = V6(0x26, 0x00, 0, 1) }, /* world */
	{ .v4 = V4(10, 0, 0, 9), .v6 = V6(0xfd, 0, 1, 9) }, /* pod to be */
	{ .v4 = V4(169, 254, 0, 1), .v6 = V6(0xfe, 0x80, 0, 1) },
	{ .v4 = V4(224, 0, 0, 1), .v6 = V6(0xff, 0x02, 0, 1) },
	{ .v4 = V4(255, 255, 255, 255), .v6 = V6(0xff, 0x02, 0, 2) },
	{ .v4 = V4(127, 0, 0, 1), .v6 = V6(0, 0, 0, 1) },
	{ .v4 = V4(0, 0, 0, 0), .v6 = V6(0, 0, 0, 0) },
	{ .v4 = V4(0, 1, 2, 3),
	  .v6 = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 0, 1 } } },
	{ .v4 = V4(240, 0, 0, 1), .v6 = V6(0xff, 0x05, 0, 9) },
	{ .v4 = V4(223, 255, 255, 255), .v6 = V6(0xfe, 0xbf, 0, 1) },
};

#define IN (1U << WD_INGRESS)
#define OUT (1U << WD_EGRESS)
#define BOTH (IN | OUT)

const struct policy site_policies[POLICIES] = {
	[1] = { .isolates = BOTH,
		.cnt = 7,
		.rules = { { OF_PORTS, BOTH, true, PRED_FOE, 80, 89 },
			   { OF_REST, BOTH, true, PRED_FOE, 0, 65535 },
			   { OF_PORTS, BOTH, false, PRED_FRIEND, 80, 89 },
			   { OF_REST, BOTH, false, PRED_FRIEND, 0, 65535 },
			   { OF_PORTS, BOTH, false, PRED_PREFIX, 80, 443 },
			   { OF_PORTS, BOTH, false, PRED_OF_ALL, 443, 443 },
			   { OF_TCP, BOTH, false, PRED_NODE, 9090, 9090 } } },
	[2] = { .isolates = 0 },
	[3] = { .isolates = 0,
		.cnt = 1,
		.rules = { { OF_ALL, BOTH, true, PRED_FOE, 0, 65535 } } },
	[4] = { .isolates = BOTH },
	[5] = { .is_unready = true,
		.isolates = BOTH,
		.cnt = 1,
		.rules = { { OF_ALL, BOTH, false, PRED_OF_ALL, 0, 65535 } } },
	[6] = { .isolates = BOTH,
		.cnt = 1,
		.rules = { { OF_ALL, BOTH, false, PRED_OF_ALL, 0, 65535 } } },
	[7] = { .isolates = BOTH,
		.cnt = 2,
		.rules = { { OF_TCP, BOTH, false, PRED_OF_ALL, 0, 65535 },
			   { OF_REST, OUT, false, PRED_LAST, 0, 65535 } } },
	/* only outwards, only inwards */
	[8] = { .isolates = IN,
		.cnt = 1,
		.rules = { { OF_REST, OUT, true, PRED_LOW, 0, 65535 } } },
	[9] = { .isolates = BOTH,
		.cnt = 1,
		.rules = { { OF_ALL, IN, false, PRED_OF_ALL, 0, 65535 } } },
	/* the order decides; the edges of the port range; types and codes */
	[10] = { .isolates = OUT,
		 .cnt = 10,
		 .rules = { { OF_PORTS, BOTH, false, PRED_LOW, 1000, 1500 },
			    { OF_PORTS, BOTH, true, PRED_OF_ALL, 1200, 2000 },
			    { OF_UDP, BOTH, false, PRED_LAST, 0, 53 },
			    { OF_TCP, IN, true, PRED_FRIEND, 65535, 65535 },
			    { OF_ICMP, BOTH, true, PRED_OF_ALL, 0x0801, 0x0803 },
			    { OF_ICMP, BOTH, false, PRED_OF_ALL, 0x0800,
			      0x0dff },
			    { OF_ICMP6, IN, false, PRED_OF_ALL, 0x8000, 0x8000 },
			    { OF_OTHER, BOTH, false, PRED_OF_ALL, 47, 89 },
			    { OF_ALL, BOTH, false, PRED_FRIEND, 0, 65535 },
			    { OF_SCTP, OUT, false, PRED_NODE, 65535, 65535 } } },
};

uint32_t site_preds_of(uint32_t preds, uint8_t variant)
{
	uint32_t both = HAS(PRED_FRIEND) | HAS(PRED_FOE);

	switch (variant) {
	case 1: /* friend and foe change places */
		return (preds & both) == HAS(PRED_FRIEND) ||
				       (preds & both) == HAS(PRED_FOE) ?
			       preds ^ both :
			       preds;
	case 2: /* nobody is anything */
		return 0;
	case 3: /* everybody whom a list names is a friend, too */
		return preds | HAS(PRED_FRIEND);
	}
	return preds;
}

bool addr_is_equal(const struct addr *a, const struct addr *b)
{
	return !memcmp(a->b, b->b, sizeof(a->b));
}

bool addr_is_zero(const struct addr *a)
{
	static const struct addr zero;

	return addr_is_equal(a, &zero);
}
