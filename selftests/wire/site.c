// SPDX-License-Identifier: GPL-2.0-only
/* site.c - namespaces, addresses, routes. */
#include "site.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "datapath/fixture.h"

struct site_node site_node[SITE_NODES];

const char *site_ip(int node, enum site_pod pod, bool v6)
{
	static char text[SITE_NODES][SITE_PODS][2][40];
	char *to = text[node][pod][v6];

	if (v6)
		snprintf(to, 40, "fd00:10:%d::%s", node + 1,
			 pod == SITE_OPEN ? "c8" : "a");
	else
		snprintf(to, 40, "10.%d.0.%s", node + 1,
			 pod == SITE_OPEN ? "200" : "10");
	return to;
}

const char *site_pod_name(int node, enum site_pod pod)
{
	static const char *const names[SITE_NODES][SITE_PODS] = {
		{ "pa", "oa" }, { "pb", "ob" }
	};

	return names[node][pod];
}

/* ---- namespaces ---- */

bool site_enter(const char *name)
{
	static int home = -1;
	char path[64];
	int fd, err;

	if (home < 0)
		home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (!name)
		return !setns(home, CLONE_NEWNET);
	snprintf(path, sizeof(path), "/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	err = setns(fd, CLONE_NEWNET);
	close(fd);
	return !err;
}

static bool set_in(const char *ns, const char *path, const char *text)
{
	bool ok = site_enter(ns);
	FILE *f = ok ? fopen(path, "we") : NULL;

	ok = f && fputs(text, f) >= 0;
	if (f)
		ok = !fclose(f) && ok;
	return site_enter(NULL) && ok;
}

static bool no_dad(const char *ns)
{
	return set_in(ns, "/proc/sys/net/ipv6/conf/default/accept_dad", "0") &&
	       set_in(ns, "/proc/sys/net/ipv6/conf/all/accept_dad", "0");
}

static bool forwards(const char *ns)
{
	return set_in(ns, "/proc/sys/net/ipv4/ip_forward", "1") &&
	       set_in(ns, "/proc/sys/net/ipv6/conf/all/forwarding", "1") &&
	       set_in(ns, "/proc/sys/net/ipv4/conf/all/rp_filter", "0") &&
	       set_in(ns, "/proc/sys/net/ipv4/conf/default/rp_filter", "0");
}

/* sysfs shows the namespace that it was mounted in: ask ip instead. */
static bool read_mac(int node)
{
	bool ok = wd_fx_run("ip -n %s -o link show eth0 | "
			    "sed 's/.*ether //' >" WD_FX_ROOT "/mac",
			    site_node[node].name);
	FILE *f = ok ? fopen(WD_FX_ROOT "/mac", "re") : NULL;
	char line[128] = "";

	ok = f && fgets(line, sizeof(line), f) &&
	     plant_mac(site_node[node].mac, line);
	if (f)
		(void)fclose(f);
	return ok;
}

/* Pins must outlive the agent, whose mounts are its own. */
static bool add_folders(const struct site_node *node)
{
	char path[64];

	snprintf(path, sizeof(path), WD_FX_ROOT "/%.7s/bpf", node->name);
	return wd_fx_run("mkdir -p %s", path) &&
	       !mount("wdn", path, "bpf", 0, NULL);
}

static bool add_node(int n)
{
	struct site_node *node = &site_node[n];

	snprintf(node->name, sizeof(node->name), "n%c", "ab"[n]);
	snprintf(node->ip[0], sizeof(node->ip[0]), "192.168.77.%d", n + 1);
	snprintf(node->ip[1], sizeof(node->ip[1]), "fd00:77::%d", n + 1);
	snprintf(node->net[0], sizeof(node->net[0]), "10.%d.0.0/24", n + 1);
	snprintf(node->net[1], sizeof(node->net[1]), "fd00:10:%d::/64", n + 1);
	snprintf(node->host[0], sizeof(node->host[0]), "%.31s/32", node->ip[0]);
	snprintf(node->host[1], sizeof(node->host[1]), "%.31s/128",
		 node->ip[1]);
	return add_folders(node) && wd_fx_run("ip netns add %s", node->name) &&
	       no_dad(node->name) && forwards(node->name) &&
	       wd_fx_run("ip link add port%d type veth peer name eth0 netns %s",
			 n + 1, node->name) &&
	       wd_fx_run("ip link set port%d master br0 up", n + 1) &&
	       wd_fx_ip(node->name,
			"link set lo up\n"
			"link set eth0 up\n"
			"addr add %s/24 dev eth0\n"
			"addr add %s/64 dev eth0 nodad\n"
			"route add default via 192.168.77.254\n"
			"route add default via fd00:77::fe\n",
			node->ip[0], node->ip[1]) &&
	       read_mac(n);
}

static bool route_pod(int n, enum site_pod pod, int on)
{
	const char *node = site_node[on].name, *name = site_pod_name(n, pod);

	return wd_fx_ip(node,
			"route replace %s dev %s\n"
			"route replace %s dev %s\n",
			site_ip(n, pod, false), name, site_ip(n, pod, true),
			name);
}

/* A pod of @n's, to node @on. */
static bool join_pod(int n, enum site_pod pod, int on)
{
	const char *node = site_node[on].name, *name = site_pod_name(n, pod);

	return wd_fx_ip(node,
			"link add %s type veth peer name eth0 netns %s\n"
			"link set %s up\n"
			"addr add 169.254.1.1/32 dev %s\n"
			"addr add fe80::1/64 dev %s nodad\n",
			name, name, name, name, name) &&
	       route_pod(n, pod, on) &&
	       wd_fx_ip(name,
			"link set lo up\n"
			"link set eth0 up\n"
			"addr add %s/32 dev eth0\n"
			"addr add %s/128 dev eth0 nodad\n"
			"route add 169.254.1.1 dev eth0\n"
			"route add default via 169.254.1.1\n"
			"route add default via fe80::1 dev eth0\n",
			site_ip(n, pod, false), site_ip(n, pod, true));
}

static bool add_pod(int n, enum site_pod pod)
{
	const char *name = site_pod_name(n, pod);

	return wd_fx_run("ip netns add %s", name) && no_dad(name) &&
	       join_pod(n, pod, n);
}

/* ---- all ---- */

static bool add_underlay(void)
{
	/* Without devices that modules of tunnels add by themselves. */
	(void)set_in(NULL, "/proc/sys/net/core/fb_tunnels_only_for_init_net",
		     "1");
	return wd_fx_run("ip link add br0 type bridge") &&
	       wd_fx_run("ip link set br0 up") && forwards(NULL) &&
	       wd_fx_run("ip addr add 192.168.77.254/24 dev br0") &&
	       wd_fx_run("ip addr add fd00:77::fe/64 dev br0 nodad") &&
	       wd_fx_run("ip link add wild0 type veth peer name port3") &&
	       wd_fx_run("ip link set port3 master br0 up") &&
	       wd_fx_run("ip link set wild0 up");
}

bool site_new(void)
{
	if (mount("wdn", "/run/netns", "tmpfs", 0, NULL) || !site_enter(NULL) ||
	    !add_underlay())
		return false;
	for (int n = 0; n < SITE_NODES; n++) {
		if (!add_node(n))
			return false;
		for (int pod = 0; pod < SITE_PODS; pod++)
			if (!add_pod(n, (enum site_pod)pod))
				return false;
	}
	return true;
}

bool site_part_pod(int n, int on)
{
	return wd_fx_run("ip -n %s link del %s", site_node[on].name,
			 site_pod_name(n, SITE_POD));
}

bool site_join_pod(int n, int on)
{
	return join_pod(n, SITE_POD, on);
}

bool site_route_pod(int n, int on)
{
	return route_pod(n, SITE_POD, on);
}

static void add_rule(struct wire_rules *rules, const char *key,
		     const char *value)
{
	char word[64];

	snprintf(word, sizeof(word), "%s=%s", key, value);
	if (!wire_rule(rules, word))
		abort();
}

void site_rules(struct wire_rules *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (int n = 0; n < SITE_NODES; n++)
		for (int v6 = 0; v6 < 2; v6++) {
			add_rule(ret, "node", site_node[n].ip[v6]);
			add_rule(ret, "secret", site_node[n].net[v6]);
			add_rule(ret, "open", site_ip(n, SITE_OPEN, v6));
		}
	memcpy(ret->marker, SITE_MARKER, WIRE_MARKER_BYTES);
	memcpy(ret->tag, SITE_TAG, WIRE_TAG_BYTES);
	ret->has_marker = ret->has_tag = true;
}

void site_ends(int from, enum site_pod pod, struct plant_ends *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (int end = 0; end < 2; end++) {
		int n = end ? !from : from;

		memcpy(ret->mac[end], site_node[n].mac, 6);
		for (int v6 = 0; v6 < 2; v6++)
			if (!plant_end(ret->node[end], site_node[n].ip[v6]) ||
			    !plant_end(ret->pod[end], site_ip(n, pod, v6)))
				abort();
	}
}

long site_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
