// SPDX-License-Identifier: GPL-2.0-only
/*
 * gen_addr.c - random addresses and prefixes: of pods, nodes, services, other
 * clusters, and of nobody.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>

#include "gen_object.h"

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

static const char *const outside4[] = { "203.0.113.7",	   "203.0.113.130",
					"198.51.100.255",  "9.255.255.255",
					"11.0.0.0",	   "10.0.1.200",
					"223.255.255.255", "1.0.0.0",
					"128.0.0.0" };
static const char *const outside6[] = {
	"2001:db8:f::7", "2001:db8:f:8000::1", "fd00::1:0:0:9",
	"fd01::1",	 "fcff::ffff",	       "8000::",
	"3fff::1",
};
/* nobody's: of the link, groups, everybody */
static const char *const odd4[] = { "169.254.1.1", "224.0.0.251", "240.0.0.1",
				    "255.255.255.255" };
static const char *const odd6[] = { "fe80::9", "ff02::1:2", "ff0e::1" };
static const char *const cidrs4[] = {
	"0.0.0.0/0",	    "10.0.0.0/8",     "10.0.0.0/24",
	"10.0.0.0/28",	    "10.0.0.8/29",    "192.0.2.0/24",
	"192.0.2.2/32",	    "203.0.113.0/24", "203.0.113.0/25",
	"203.0.113.128/25", "203.0.113.7/32", "128.0.0.0/1",
	"198.51.100.0/24",
};
static const char *const cidrs6[] = {
	"::/0",
	"fd00::/64",
	"fd00::/124",
	"fd00::8/125",
	"fd00::/8",
	"2001:db8::/32",
	"2001:db8::/112",
	"2001:db8::2/128",
	"2001:db8:f::/48",
	"2001:db8:f::/49",
	"2001:db8:f::7/128",
	"8000::/1",
};

static struct wd_addr addr_of(const char *text)
{
	struct wd_addr addr;
	int err = wd_addr_parse(text, &addr);

	assert(!err);
	return addr;
}

static struct wd_addr addr_nr(int family, const char *v4, const char *v6,
			      uint32_t nr)
{
	struct wd_addr addr = addr_of(family == 4 ? v4 : v6);

	if (family == 4)
		addr.v4.s_addr = htonl(ntohl(addr.v4.s_addr) + nr);
	else
		addr.v6.s6_addr[15] = (uint8_t)(addr.v6.s6_addr[15] + nr);
	return addr;
}

struct wd_addr wd_gen_pod_addr(struct wd_gen *gen, int family)
{
	return addr_nr(family, "10.0.0.0", "fd00::", 1 + wd_gen_rnd(gen, 20));
}

struct wd_addr wd_gen_far_addr(struct wd_gen *gen, int family)
{
	if (wd_gen_one_in(gen, 4))
		return wd_gen_pod_addr(gen, family);
	if (wd_gen_one_in(gen, 10))
		return wd_gen_node_addr(wd_gen_rnd(gen, 4), family);
	return addr_nr(family, "10.9.0.0", "fd09::", 1 + wd_gen_rnd(gen, 8));
}

struct wd_addr wd_gen_node_addr(uint32_t nr, int family)
{
	return addr_nr(family, "192.0.2.1", "2001:db8::1", nr);
}

struct wd_addr wd_gen_peer_addr(struct wd_gen *gen, int family)
{
	if (gen->meshed && wd_gen_one_in(gen, 4))
		return wd_gen_far_addr(gen, family);
	switch (wd_gen_rnd(gen, 8)) {
	case 0:
		return wd_gen_node_addr(wd_gen_rnd(gen, 4), family);
	case 1:
	case 2:
		return addr_of(
			family == 4 ?
				wd_gen_pick(gen, outside4, COUNT(outside4)) :
				wd_gen_pick(gen, outside6, COUNT(outside6)));
	default:
		return wd_gen_pod_addr(gen, family);
	}
}

struct wd_addr wd_gen_odd_addr(struct wd_gen *gen, int family)
{
	return addr_of(family == 4 ? wd_gen_pick(gen, odd4, COUNT(odd4)) :
				     wd_gen_pick(gen, odd6, COUNT(odd6)));
}

static struct wd_cidr cidr_of(const struct wd_addr *addr, uint32_t len)
{
	struct wd_cidr cidr;
	char text[WD_ADDR_STRLEN + 8], buf[WD_ADDR_STRLEN];
	int err;

	(void)snprintf(text, sizeof(text), "%s/%u", wd_addr_str(addr, buf),
		       len);
	err = wd_cidr_parse(text, &cidr);
	assert(!err);
	return cidr;
}

struct wd_cidr wd_gen_cidr(struct wd_gen *gen)
{
	int family = wd_gen_one_in(gen, 2) ? 4 : 6;
	struct wd_cidr cidr;
	struct wd_addr addr;
	int err;

	if (wd_gen_one_in(gen, 3)) {
		addr = wd_gen_peer_addr(gen, family);
		return cidr_of(&addr, family == 4 ? wd_gen_rnd(gen, 33) :
						    wd_gen_rnd(gen, 129));
	}
	err = wd_cidr_parse(family == 4 ?
				    wd_gen_pick(gen, cidrs4, COUNT(cidrs4)) :
				    wd_gen_pick(gen, cidrs6, COUNT(cidrs6)),
			    &cidr);
	assert(!err);
	return cidr;
}

struct wd_cidr wd_gen_except(struct wd_gen *gen, const struct wd_cidr *outer)
{
	uint32_t max = outer->addr.family == 4 ? 32 : 128;
	struct wd_addr addr = outer->addr;

	for (int i = 0; i < 12; i++) {
		struct wd_addr in = wd_gen_peer_addr(gen, addr.family);

		if (!wd_cidr_has(outer, &in))
			continue;
		addr = in;
		break;
	}
	if (wd_gen_one_in(gen, 3))
		return cidr_of(&addr, max);
	return cidr_of(&addr,
		       outer->len + wd_gen_rnd(gen, max - outer->len + 1));
}

struct wd_addr wd_gen_service_addr(struct wd_gen *gen, int family)
{
	if (wd_gen_one_in(gen, 10))
		return wd_gen_peer_addr(gen, family);
	return addr_nr(family, "10.96.0.0", "fd96::", 1 + wd_gen_rnd(gen, 3));
}
