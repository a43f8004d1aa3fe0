/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * links.c - devices of the node: whether packets of pods fit through WireGuard
 * and past the wire, and what carries packets past the hooks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"
#include "net/rtnl.h"

/* Outer IPv6, UDP and WireGuard's own header and tag, as wg-quick reckons. */
#define WG_OVERHEAD 80
/* A device with less has no IPv6 (RFC 8200, 5). */
#define IPV6_MTU_MIN 1280

static bool is_wireguard(const struct wd_link *link)
{
	return !strcmp(link->kind, "wireguard");
}

/* Is it the host's end of a pod's pair? */
static bool is_pods(struct json_object *endpoints, const char *name)
{
	for (size_t i = 0; i < wd_json_len(endpoints, "endpoints"); i++)
		if (!strcmp(name, wd_json_get_str(wd_json_at(endpoints,
							     "endpoints", i),
						  "interface")))
			return true;
	return false;
}

/* Might WireGuard's packets leave by it? */
static bool is_uplink(const struct wd_link *link, struct json_object *endpoints)
{
	static const char *const kinds[] = { "", "veth", "vlan", "bond",
					     "team" };

	if (!link->is_up || link->is_loopback || is_pods(endpoints, link->name))
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], link->kind))
			return true;
	return false;
}

/* The one with the least room; NULL there is none. */
static const struct wd_link *narrowest(const struct wd_link *link, size_t cnt,
				       struct json_object *endpoints)
{
	const struct wd_link *least = NULL;

	for (size_t i = 0; i < cnt; i++)
		if (is_uplink(&link[i], endpoints) &&
		    (!least || link[i].mtu < least->mtu))
			least = &link[i];
	return least;
}

/* One fix for all uplinks: what fits the narrowest fits each. */
static void check_uplinks(struct wd_doctor *doctor, const struct wd_link *wg,
			  const struct wd_link *link, size_t cnt,
			  struct json_object *endpoints)
{
	const struct wd_link *least = narrowest(link, cnt, endpoints);
	bool has_room = least && least->mtu >= IPV6_MTU_MIN + WG_OVERHEAD;
	char *fix = NULL;

	if (!least || least->mtu >= wg->mtu + WG_OVERHEAD)
		return;
	wd_format(&fix, "ip link set %s mtu %u",
		  has_room ? wg->name : least->name,
		  has_room ? least->mtu - WG_OVERHEAD : wg->mtu + WG_OVERHEAD);
	wd_doctor_find(
		doctor, "mtu", wg->name, fix,
		"has an MTU of %u and adds up to %d bytes, which does not fit %s (%u): large packets are lost or cut in two%s",
		wg->mtu, WG_OVERHEAD, least->name, least->mtu,
		has_room ?
			"" :
			"; a smaller one would leave IPv6 less than it needs");
	free(fix);
}

/* All pods whose packets are too large in one finding. */
static void check_pods(struct wd_doctor *doctor, const struct wd_link *wg,
		       const struct wd_link *link, size_t cnt,
		       struct json_object *endpoints)
{
	const struct wd_link *first = NULL;
	unsigned int found = 0;
	char *fix = NULL;

	for (size_t i = 0; i < cnt; i++) {
		if (link[i].mtu <= wg->mtu || !is_pods(endpoints, link[i].name))
			continue;
		first = first ?: &link[i];
		found++;
	}
	if (!first)
		return;
	wd_format(
		&fix,
		"\"mtu\": %u in the configuration of the CNI plugin that makes the interfaces",
		wg->mtu);
	wd_doctor_find(
		doctor, "mtu", first->name, fix,
		"%u pods have a larger MTU than %s (%u), the first of them %u: where ICMP is filtered, connections to other nodes hang at their first large packet",
		found, wg->name, wg->mtu, first->mtu);
	free(fix);
}

static int read_filter(const struct wd_doctor *doctor, const char *device)
{
	char *path = NULL, *text;
	int value;

	wd_format(&path, "/proc/sys/net/ipv4/conf/%s/rp_filter", device);
	text = path ? wd_doctor_read(doctor, path) : NULL;
	value = text && *text >= '0' && *text <= '2' ? *text - '0' : 0;
	free(path);
	free(text);
	return value;
}

/* The kernel takes the larger of the two. */
static void check_filter(struct wd_doctor *doctor, const struct wd_link *wg)
{
	int all = read_filter(doctor, "all");
	int own = read_filter(doctor, wg->name);
	char *fix = NULL;

	if ((all > own ? all : own) != 1)
		return;
	wd_format(&fix, "sysctl -w net.ipv4.conf.%s.rp_filter=2", wg->name);
	wd_doctor_find(
		doctor, "rp-filter", wg->name, fix,
		"the kernel drops what comes by it from addresses that it would not send there, as a node's own: no reason, no counter of warder tells");
	free(fix);
}

void wd_doctor_links(struct wd_doctor *doctor, const struct wd_link *link,
		     size_t cnt, struct json_object *endpoints)
{
	for (size_t w = 0; w < cnt; w++) {
		if (!is_wireguard(&link[w]) || !link[w].is_up)
			continue;
		check_uplinks(doctor, &link[w], link, cnt, endpoints);
		check_pods(doctor, &link[w], link, cnt, endpoints);
		check_filter(doctor, &link[w]);
	}
}

/* ---- flowtables ---- */

static void check_device(struct wd_doctor *doctor, const char *table,
			 const char *device, struct json_object *endpoints)
{
	if (is_pods(endpoints, device))
		wd_doctor_find(
			doctor, "flowtable", device,
			"take the device out of the flowtable",
			"flowtable '%s' carries flows past the pod's hooks: a permission that is removed does not end them",
			table);
}

/*
 * Words of the listing, one after the other: the name that follows "flowtable",
 * and what stands in the braces that follow "devices =".
 */
void wd_doctor_flowtables(struct wd_doctor *doctor, const char *ruleset,
			  struct json_object *endpoints)
{
	char *copy = strdup(ruleset), *rest = copy, *word;
	const char *table = "";
	bool names = false, devices = false;

	while ((word = strsep(&rest, " \t\n,\";="))) {
		if (!*word)
			continue;
		if (names)
			table = word;
		names = !strcmp(word, "flowtable");
		if (!strcmp(word, "devices"))
			devices = true;
		else if (!strcmp(word, "}"))
			devices = false;
		else if (devices)
			check_device(doctor, table, word, endpoints);
	}
	free(copy);
}
