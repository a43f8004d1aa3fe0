/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * links.c - devices of the node: what drops packets beside WireGuard, and what
 * carries them past the hooks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"
#include "net/rtnl.h"

bool wd_doctor_is_wireguard(const struct wd_link *link)
{
	return link->is_up && !strcmp(link->kind, "wireguard");
}

bool wd_doctor_is_pods(struct json_object *endpoints, const char *device)
{
	for (size_t i = 0; i < wd_json_len(endpoints, "endpoints"); i++)
		if (!strcmp(device, wd_json_get_str(wd_json_at(endpoints,
							       "endpoints", i),
						    "interface")))
			return true;
	return false;
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
	wd_doctor_sizes(doctor, link, cnt, endpoints);
	for (size_t i = 0; i < cnt; i++)
		if (wd_doctor_is_wireguard(&link[i]))
			check_filter(doctor, &link[i]);
}

/* ---- flowtables ---- */

static void check_device(struct wd_doctor *doctor, const char *table,
			 const char *device, struct json_object *endpoints)
{
	if (wd_doctor_is_pods(endpoints, device))
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
