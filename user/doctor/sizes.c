/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sizes.c - MTUs: do packets of pods fit through WireGuard, and WireGuard's past
 * the wire. All devices are looked at at once: a fix for one of several would
 * be undone by that for the next.
 */
#include <limits.h>
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

struct sizes {
	struct wd_doctor *doctor;
	const struct wd_link *link;
	size_t cnt;
	struct json_object *endpoints;
	const struct wd_link *widest; /* WireGuard device; NULL there is none */
	const struct wd_link *narrowest; /* uplink; NULL there is none */
};

/* ---- which devices matter ---- */

/*
 * Does a line of a table of routes lead more than one address out by the device?
 * IPv4: device, target, next hop, flags, three numbers, mask. IPv6: target,
 * length, six more, flags, device.
 */
static bool leads_out(char *line, bool is_v6, const char *device)
{
	char *field[10];

	if (is_v6)
		return wd_doctor_fields(line, field, 10) == 10 &&
		       !strcmp(field[9], device) &&
		       strcmp(field[1], "80") != 0 &&
		       strncmp(field[0], "fe80", 4) != 0 &&
		       strncmp(field[0], "ff", 2) != 0;
	return wd_doctor_fields(line, field, 8) == 8 &&
	       !strcmp(field[0], device) && strcmp(field[7], "FFFFFFFF") != 0;
}

static bool table_leads_out(const struct wd_doctor *doctor, bool is_v6,
			    const char *device)
{
	char *path = NULL, *line = NULL;
	size_t size = 0;
	bool found = false;
	FILE *file;

	wd_format(&path, "%s/proc/net/%s", doctor->root,
		  is_v6 ? "ipv6_route" : "route");
	file = path ? fopen(path, "re") : NULL;
	while (file && !found && getline(&line, &size, file) >= 0)
		found = leads_out(line, is_v6, device);
	if (file)
		(void)fclose(file);
	free(line);
	free(path);
	return found;
}

/*
 * A pair is one where the node is itself a container: it ends elsewhere, and a
 * network is behind it. Behind that of a pod, also of one that nobody told of,
 * is the pod's address alone.
 */
static bool is_wire(const struct sizes *s, const struct wd_link *link)
{
	bool ends_here = link->peer && link->peer_nsid < 0;

	return !ends_here && (table_leads_out(s->doctor, false, link->name) ||
			      table_leads_out(s->doctor, true, link->name));
}

/* Might WireGuard's packets leave by it? */
static bool is_uplink(const struct sizes *s, const struct wd_link *link)
{
	static const char *const kinds[] = { "", "vlan", "bond", "team" };

	if (!link->is_up || link->is_loopback ||
	    wd_doctor_is_pods(s->endpoints, link->name))
		return false;
	if (!strcmp(link->kind, "veth"))
		return is_wire(s, link);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i], link->kind))
			return true;
	return false;
}

static void look(struct sizes *s)
{
	for (size_t i = 0; i < s->cnt; i++) {
		const struct wd_link *link = &s->link[i];

		if (wd_doctor_is_wireguard(link) &&
		    (!s->widest || link->mtu > s->widest->mtu))
			s->widest = link;
		if ((!s->narrowest || link->mtu < s->narrowest->mtu) &&
		    is_uplink(s, link))
			s->narrowest = link;
	}
}

/* ---- what they should have ---- */

static bool all_fit(const struct sizes *s)
{
	return !s->widest || !s->narrowest ||
	       s->narrowest->mtu >= s->widest->mtu + WG_OVERHEAD;
}

/* Is there room for IPv6 past every uplink? If not they have to become wider. */
static bool can_shrink(const struct sizes *s)
{
	return s->narrowest->mtu >= IPV6_MTU_MIN + WG_OVERHEAD;
}

/* What a device should have; what it has: it may stay so. */
static unsigned int wanted(const struct sizes *s, const struct wd_link *link)
{
	if (all_fit(s))
		return link->mtu;
	if (can_shrink(s) && wd_doctor_is_wireguard(link) &&
	    link->mtu + WG_OVERHEAD > s->narrowest->mtu)
		return s->narrowest->mtu - WG_OVERHEAD;
	if (!can_shrink(s) && link->mtu < s->widest->mtu + WG_OVERHEAD &&
	    is_uplink(s, link))
		return s->widest->mtu + WG_OVERHEAD;
	return link->mtu;
}

/* Return: commands, to be freed; NULL: a name is no word of one */
static char *resize(const struct sizes *s)
{
	char *fix = NULL;

	for (size_t i = 0; i < s->cnt; i++) {
		unsigned int mtu = wanted(s, &s->link[i]);
		char *had = fix;

		if (mtu == s->link[i].mtu)
			continue;
		fix = NULL;
		if (wd_doctor_is_plain(s->link[i].name))
			wd_format(&fix, "%s%sip link set %s mtu %u", had ?: "",
				  had ? " && " : "", s->link[i].name, mtu);
		free(had);
		if (!fix)
			return NULL;
	}
	return fix;
}

static void check_uplinks(const struct sizes *s)
{
	char *fix;

	if (all_fit(s))
		return;
	fix = resize(s);
	wd_doctor_find(
		s->doctor, "mtu", s->widest->name,
		fix ?: "make MTUs of WireGuard devices smaller or of uplinks larger, so that 80 bytes are between them",
		"has an MTU of %u and adds up to %d bytes, which does not fit %s (%u): large packets are lost or cut in two%s",
		s->widest->mtu, WG_OVERHEAD, s->narrowest->name,
		s->narrowest->mtu,
		can_shrink(s) ?
			"" :
			"; a smaller one would leave IPv6 less than it needs");
	free(fix);
}

/* The WireGuard device that lets least through, when all is as it should be. */
static const struct wd_link *tightest(const struct sizes *s)
{
	const struct wd_link *least = NULL;

	for (size_t i = 0; i < s->cnt; i++)
		if (wd_doctor_is_wireguard(&s->link[i]) &&
		    (!least || wanted(s, &s->link[i]) < wanted(s, least)))
			least = &s->link[i];
	return least;
}

/* All pods whose packets are too large in one finding. */
static void check_pods(const struct sizes *s)
{
	const struct wd_link *wg = tightest(s), *first = NULL;
	unsigned int found = 0, fits = wg ? wanted(s, wg) : UINT_MAX;
	char *fix = NULL;

	for (size_t i = 0; i < s->cnt; i++) {
		if (s->link[i].mtu <= fits ||
		    !wd_doctor_is_pods(s->endpoints, s->link[i].name))
			continue;
		first = first ?: &s->link[i];
		found++;
	}
	if (!first)
		return;
	wd_format(
		&fix,
		"\"mtu\": %u in the configuration of the CNI plugin that makes the interfaces; pods get it when they start anew",
		fits);
	wd_doctor_find(
		s->doctor, "mtu", first->name, fix,
		"%u pod%s a larger MTU than %s (%u%s), the first of them %u: where ICMP is filtered, connections to other nodes hang at their first large packet",
		found, found == 1 ? " has" : "s have", wg->name, fits,
		fits == wg->mtu ? "" : " when that is mended", first->mtu);
	free(fix);
}

void wd_doctor_sizes(struct wd_doctor *doctor, const struct wd_link *link,
		     size_t cnt, struct json_object *endpoints)
{
	struct sizes s = {
		.doctor = doctor,
		.link = link,
		.cnt = cnt,
		.endpoints = endpoints,
	};

	look(&s);
	check_uplinks(&s);
	check_pods(&s);
}
