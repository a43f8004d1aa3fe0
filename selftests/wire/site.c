// SPDX-License-Identifier: GPL-2.0-only
/* site.c - namespaces, addresses, keys, agents. */
#include "site.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "datapath/fixture.h"
#include "model/wgkey.h"

#define MANIFESTS WD_FX_ROOT "/manifests"
#define READY_MS 120000 /* emulated, beside other guests */
#define POLL_US 300000 /* asking is slow, too */
#define LINES_SHOWN 40

struct site_node site_node[SITE_NODES];
void (*site_idle)(void);
const char *site_warder;
const char *site_encryption = "required";

static const char manifests[] = MANIFESTS;
static bool there[SITE_NODES]; /* is its pod SITE_POD an object */

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

#define PATH_BYTES 64

/* Of a file of the node's own. */
static void path_of(const struct site_node *node, const char *file,
		    char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, WD_FX_ROOT "/%.7s/%.32s", node->name, file);
}

/* Pins must outlive the agent, whose mounts are its own. */
static bool add_folders(const struct site_node *node)
{
	char path[PATH_BYTES];

	path_of(node, "bpf", path);
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
	return add_folders(node) && wd_fx_run("ip netns add %s", node->name) &&
	       no_dad(node->name) && forwards(node->name) &&
	       wd_fx_run("ip link add port%d type veth peer name eth0 netns %s",
			 n + 1, node->name) &&
	       wd_fx_run("ip link set port%d master br0 up", n + 1) &&
	       wd_fx_run("ip -n %s link set lo up", node->name) &&
	       wd_fx_run("ip -n %s link set eth0 up", node->name) &&
	       wd_fx_run("ip -n %s addr add %s/24 dev eth0", node->name,
			 node->ip[0]) &&
	       wd_fx_run("ip -n %s addr add %s/64 dev eth0 nodad", node->name,
			 node->ip[1]) &&
	       wd_fx_run("ip -n %s route add default via 192.168.77.254",
			 node->name) &&
	       wd_fx_run("ip -n %s -6 route add default via fd00:77::fe",
			 node->name) &&
	       read_mac(n);
}

static bool join_pod(int n, enum site_pod pod)
{
	const char *node = site_node[n].name, *name = site_pod_name(n, pod);

	return wd_fx_run("ip -n %s link add %s type veth peer name eth0 netns "
			 "%s",
			 node, name, name) &&
	       wd_fx_run("ip -n %s link set %s up", node, name) &&
	       wd_fx_run("ip -n %s addr add 169.254.1.1/32 dev %s", node,
			 name) &&
	       wd_fx_run("ip -n %s addr add fe80::1/64 dev %s nodad", node,
			 name) &&
	       wd_fx_run("ip -n %s route add %s dev %s", node,
			 site_ip(n, pod, false), name) &&
	       wd_fx_run("ip -n %s -6 route add %s dev %s", node,
			 site_ip(n, pod, true), name) &&
	       wd_fx_run("ip -n %s link set lo up", name) &&
	       wd_fx_run("ip -n %s link set eth0 up", name) &&
	       wd_fx_run("ip -n %s addr add %s/32 dev eth0", name,
			 site_ip(n, pod, false)) &&
	       wd_fx_run("ip -n %s addr add %s/128 dev eth0 nodad", name,
			 site_ip(n, pod, true)) &&
	       wd_fx_run("ip -n %s route add 169.254.1.1 dev eth0", name) &&
	       wd_fx_run("ip -n %s route add default via 169.254.1.1", name) &&
	       wd_fx_run("ip -n %s -6 route add default via fe80::1 dev eth0",
			 name);
}

static bool add_pod(int n, enum site_pod pod)
{
	const char *name = site_pod_name(n, pod);

	return wd_fx_run("ip netns add %s", name) && no_dad(name) &&
	       join_pod(n, pod);
}

/* ---- objects ---- */

static void write_pod(FILE *f, int n, enum site_pod pod)
{
	const char *name = site_pod_name(n, pod);

	fprintf(f,
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, "
		"namespace: %s, uid: uid-%s, labels: {app: %s}}\n"
		"spec: {nodeName: %s}\nstatus: {phase: Running, podIPs: "
		"[{ip: %s}, {ip: '%s'}]}\n",
		name, pod == SITE_OPEN ? "open" : "shop", name, name,
		site_node[n].name, site_ip(n, pod, false),
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

static bool write_manifests(void)
{
	FILE *f = fopen(MANIFESTS "/.new", "we");

	if (!f)
		return false;
	fputs("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n"
	      "apiVersion: v1\nkind: Namespace\nmetadata: {name: open, "
	      "annotations: {warder.io/encryption: none}}\n",
	      f);
	for (int n = 0; n < SITE_NODES; n++) {
		write_node(f, &site_node[n]);
		write_pod(f, n, SITE_OPEN);
		if (there[n])
			write_pod(f, n, SITE_POD);
	}
	return !fclose(f) && !rename(MANIFESTS "/.new", MANIFESTS "/all.yaml");
}

/* The end of one of the node's files, as comments. */
static void show_end(const struct site_node *node, const char *file)
{
	static char line[LINES_SHOWN][512];
	char path[PATH_BYTES];
	FILE *f;
	int n = 0;

	path_of(node, file, path);
	f = fopen(path, "re");
	while (f && fgets(line[n % LINES_SHOWN], sizeof(line[0]), f))
		n++;
	for (int i = n > LINES_SHOWN ? n - LINES_SHOWN : 0; i < n; i++)
		printf("# %s: %s", node->name, line[i % LINES_SHOWN]);
	if (f)
		(void)fclose(f);
}

static bool sync_agent(int n)
{
	const char *name = site_node[n].name;

	if (!site_node[n].agent ||
	    wd_fx_run("%s sync --run-dir " WD_FX_ROOT "/%s/run >" WD_FX_ROOT
		      "/%s/text 2>&1",
		      site_warder, name, name))
		return true;
	show_end(&site_node[n], "text");
	show_end(&site_node[n], "log");
	return false;
}

static bool sync_agents(void)
{
	bool ok = true;

	for (int n = 0; n < SITE_NODES; n++)
		ok = sync_agent(n) && ok;
	return ok;
}

bool site_forget_pod(int n)
{
	const char *name = site_pod_name(n, SITE_POD);

	there[n] = false;
	return wd_fx_run("ip -n %s link del %s", site_node[n].name, name) &&
	       write_manifests() && sync_agents();
}

bool site_add_pod(int n)
{
	there[n] = true;
	if (!join_pod(n, SITE_POD)) {
		printf("# the pod cannot be joined to its node\n");
		return false;
	}
	return write_manifests() && sync_agents();
}

/* ---- WireGuard ---- */

struct wg_peer site_peer(int n)
{
	const struct site_node *other = &site_node[!n];

	return (struct wg_peer){
		.key = other->key,
		.endpoint = other->ip[0],
		.port = SITE_WG_PORT,
		.prefix = { other->net[0], other->net[1] },
	};
}

static bool route_to(int n)
{
	return wd_fx_run("ip -n %s route replace %s dev wg0", site_node[n].name,
			 site_node[!n].net[0]) &&
	       wd_fx_run("ip -n %s -6 route replace %s dev wg0",
			 site_node[n].name, site_node[!n].net[1]);
}

static bool tell_peer(int n)
{
	struct wg_peer peer = site_peer(n);

	return !wg_peer(site_node[n].wg, "wg0", &peer, WG_SET);
}

/* Both of it: a device, and the peer as far as the other has a key. */
static bool make_device(int n)
{
	struct site_node *node = &site_node[n];

	return wd_fx_run("ip -n %s link add wg0 type wireguard", node->name) &&
	       !wg_new_key(node->wg, "wg0", SITE_WG_PORT, &node->key) &&
	       wd_fx_run("ip -n %s link set wg0 up", node->name);
}

bool site_link(int n)
{
	struct wg_peer old = site_peer(!n);

	return make_device(n) &&
	       !wg_peer(site_node[!n].wg, "wg0", &old, WG_REMOVE) &&
	       tell_peer(n) && tell_peer(!n) && route_to(n) &&
	       write_manifests() && sync_agents();
}

bool site_new_key(int n)
{
	struct site_node *node = &site_node[n];
	struct wg_peer old = site_peer(!n);

	return !wg_new_key(node->wg, "wg0", SITE_WG_PORT, &node->key) &&
	       tell_peer(!n) &&
	       !wg_peer(site_node[!n].wg, "wg0", &old, WG_REMOVE) &&
	       write_manifests() && sync_agents();
}

static bool open_wg(int n)
{
	bool ok = site_enter(site_node[n].name);

	site_node[n].wg = ok ? wg_open() : NULL;
	return site_enter(NULL) && site_node[n].wg;
}

static bool link_all(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		if (!open_wg(n) || !make_device(n))
			return false;
	return tell_peer(0) && tell_peer(1) && route_to(0) && route_to(1);
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
	if (mount("wdn", "/run/netns", "tmpfs", 0, NULL) ||
	    mkdir(MANIFESTS, 0755) || !site_enter(NULL) || !add_underlay())
		return false;
	for (int n = 0; n < SITE_NODES; n++) {
		there[n] = true;
		if (!add_node(n))
			return false;
		for (int pod = 0; pod < SITE_PODS; pod++)
			if (!add_pod(n, (enum site_pod)pod))
				return false;
	}
	return link_all() && write_manifests();
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

/* ---- agents ---- */

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool site_start(int n)
{
	struct site_node *node = &site_node[n];
	char run[PATH_BYTES], state[PATH_BYTES], bpffs[PATH_BYTES];
	char log[PATH_BYTES];
	const char *argv[] = { "ip",	      "netns",	      "exec",
			       node->name,    site_warder,    "agent",
			       "--node",      node->name,     "--manifests",
			       manifests,     "--run-dir",    run,
			       "--state-dir", state,	      "--bpffs",
			       bpffs,	      "--encryption", site_encryption,
			       NULL };
	posix_spawn_file_actions_t to;
	bool ok;

	path_of(node, "run", run);
	path_of(node, "state", state);
	path_of(node, "bpf/warder", bpffs);
	path_of(node, "log", log);
	if (posix_spawn_file_actions_init(&to))
		return false;
	ok = !posix_spawn_file_actions_addopen(
		     &to, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600) &&
	     !posix_spawn_file_actions_adddup2(&to, 1, 2) &&
	     !posix_spawnp(&node->agent, "ip", &to, NULL,
			   (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&to);
	return ok;
}

static struct json_object *status_of(int n)
{
	char path[PATH_BYTES];

	path_of(&site_node[n], "status", path);
	if (!wd_fx_run("%s status --json --run-dir " WD_FX_ROOT "/%s/run >%s",
		       site_warder, site_node[n].name, path))
		return NULL;
	return json_object_from_file(path);
}

bool site_ready(int n)
{
	long until = now_ms() + READY_MS;
	struct json_object *doc = NULL;

	while (!doc && now_ms() < until) {
		if (waitpid(site_node[n].agent, NULL, WNOHANG)) {
			site_node[n].agent = 0;
			break;
		}
		doc = status_of(n);
		if (site_idle)
			site_idle();
		if (!doc)
			usleep(POLL_US);
	}
	json_object_put(doc);
	if (!doc)
		site_show();
	return doc;
}

void site_stop(int n, int sig)
{
	if (!site_node[n].agent)
		return;
	kill(site_node[n].agent, sig);
	waitpid(site_node[n].agent, NULL, 0);
	site_node[n].agent = 0;
}

static int64_t drops_in(struct json_object *doc, const char *reason)
{
	struct json_object *list, *one, *name, *packets;
	int64_t sum = 0;

	if (!json_object_object_get_ex(doc, "counters", &list))
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		if (json_object_object_get_ex(one, "reason", &name) &&
		    !strcmp(json_object_get_string(name), reason) &&
		    json_object_object_get_ex(one, "packets", &packets))
			sum += json_object_get_int64(packets);
	}
	return sum;
}

int64_t site_drops(const char *reason)
{
	int64_t sum = 0, one;

	for (int n = 0; n < SITE_NODES; n++) {
		struct json_object *doc = status_of(n);

		one = doc ? drops_in(doc, reason) : -1;
		json_object_put(doc);
		if (one < 0)
			return -1;
		sum += one;
	}
	return sum;
}

void site_show(void)
{
	for (int n = 0; n < SITE_NODES; n++) {
		const char *name = site_node[n].name;

		show_end(&site_node[n], "log");
		if (wd_fx_run("%s status --run-dir " WD_FX_ROOT
			      "/%s/run >" WD_FX_ROOT "/%s/text",
			      site_warder, name, name))
			show_end(&site_node[n], "text");
	}
}
