// SPDX-License-Identifier: GPL-2.0-only
/* objects.c - manifests. */
#include "objects.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "agents.h"
#include "datapath/fixture.h"
#include "model/wgkey.h"

#define DIR_BYTES 64

static struct {
	bool there;
	int on; /* node */
} pods[SITE_NODES]; /* those of SITE_POD */

static bool hides[SITE_NODES][SITE_NODES];

const char *objects_dir(int n)
{
	static char dir[SITE_NODES][DIR_BYTES];

	snprintf(dir[n], sizeof(dir[n]), WD_FX_ROOT "/%.7s/manifests",
		 site_node[n].name);
	return dir[n];
}

static void write_pod(FILE *f, int n, enum site_pod pod, int on)
{
	const char *name = site_pod_name(n, pod);

	fprintf(f,
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, "
		"namespace: %s, uid: uid-%s, labels: {app: %s}}\n"
		"spec: {nodeName: %s}\nstatus: {phase: Running, podIPs: "
		"[{ip: %s}, {ip: '%s'}]}\n",
		name, pod == SITE_OPEN ? "open" : "shop", name, name,
		site_node[on].name, site_ip(n, pod, false),
		site_ip(n, pod, true));
}

static void write_node(FILE *f, const struct site_node *node)
{
	char text[WD_WGKEY_STRLEN];
	struct wd_wgkey key;

	memcpy(key.byte, node->key.byte, sizeof(key.byte));
	fprintf(f,
		"---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, "
		"annotations: {network.cilium.io/wg-pub-key: '%s'}}\n"
		"spec: {podCIDR: %s, podCIDRs: [%s, '%s']}\n"
		"status: {addresses: [{type: InternalIP, address: %s}, "
		"{type: InternalIP, address: '%s'}]}\n",
		node->name, wd_wgkey_str(&key, text), node->net[0],
		node->net[0], node->net[1], node->ip[0], node->ip[1]);
}

static void write_all(FILE *f, int for_node)
{
	fputs("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
	      "apiVersion: v1\nkind: Namespace\nmetadata: {name: open, "
	      "annotations: {warder.io/encryption: none}}\n",
	      f);
	for (int n = 0; n < SITE_NODES; n++) {
		if (hides[for_node][n])
			continue;
		write_node(f, &site_node[n]);
		write_pod(f, n, SITE_OPEN, n);
		if (pods[n].there)
			write_pod(f, n, SITE_POD, pods[n].on);
	}
}

static bool write_for(int n)
{
	char path[2][80];
	FILE *f;

	snprintf(path[0], sizeof(path[0]), "%.60s/.new", objects_dir(n));
	snprintf(path[1], sizeof(path[1]), "%.60s/all.yaml", objects_dir(n));
	f = fopen(path[0], "we");
	if (!f)
		return false;
	write_all(f, n);
	return !fclose(f) && !rename(path[0], path[1]);
}

bool objects_write(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		if (!write_for(n))
			return false;
	return true;
}

bool objects_new(void)
{
	for (int n = 0; n < SITE_NODES; n++) {
		objects_pod(n, true, n);
		if (mkdir(objects_dir(n), 0755))
			return false;
	}
	return objects_write();
}

bool objects_tell(void)
{
	return objects_write() && agents_sync();
}

void objects_hide(int node, int other, bool hidden)
{
	hides[node][other] = hidden;
}

void objects_pod(int node, bool there, int on)
{
	pods[node].there = there;
	pods[node].on = on;
}
