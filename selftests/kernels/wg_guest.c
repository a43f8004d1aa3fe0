/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wg_guest.c - WireGuard of a real kernel: what is set is what is read, packets
 * go by it, and reading holds while everything changes.
 *
 *	wg_guest WARDER
 *
 * Two namespaces are two nodes, a and b, with a link between them and addresses
 * of pods on their loopback:
 *
 *	a 10.0.1.5 fd00:1::5 --- 192.0.2.1 ===== 192.0.2.2 --- 10.0.2.5 fd00:2::5 b
 *	                                                       10.9.9.9
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "datapath/fixture.h"
#include "net/linkset.h"
#include "parcel.h"
#include "tap.h"
#include "wireguard/device.h"
#include "wireguard/keyfile.h"
#include "wireguard/set.h"

#define PORT 51871
#define OUT WD_FX_ROOT "/out"
#define MANIFESTS WD_FX_ROOT "/m"
#define PASSES_MS 20000 /* what must come, emulated and on a busy machine */
#define QUIET_MS 500
#define PEERS 600
#define PREFIXES 30 /* of each */
#define CHURN_US 8000000

static const char *warder;
static char public_key[2][WD_WGKEY_STRLEN]; /* of a and b, once they are known */

/* ---- commands ---- */

/* Return: exit code; what it printed is in OUT. */
static int sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int sh(const char *fmt, ...)
{
	char command[700], whole[800];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	snprintf(whole, sizeof(whole), "%s >" OUT " 2>&1", command);
	status = system(whole);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void show_out(void)
{
	char line[512];
	FILE *f = fopen(OUT, "re");

	while (f && fgets(line, sizeof(line), f))
		printf("# %s", line);
	if (f)
		fclose(f);
}

static bool out_has(const char *text)
{
	static char all[65536];
	FILE *f = fopen(OUT, "re");
	size_t len = f ? fread(all, 1, sizeof(all) - 1, f) : 0;

	all[len] = '\0';
	if (f)
		fclose(f);
	return strstr(all, text);
}

static int wireguard(char node, const char *verb, const char *more)
{
	bool applies = !strcmp(verb, "apply");

	return sh("nsenter --net=/run/netns/%c %s wireguard %s "
		  "--manifests " MANIFESTS " --node %c %s%.*s %s",
		  node, warder, verb, node,
		  applies ? "--key " WD_FX_ROOT "/key-" : "", applies, &node,
		  more);
}

static bool expect_applied(char node, const char *more)
{
	if (wd_expect_int(0, wireguard(node, "apply", more)))
		return true;
	show_out();
	return false;
}

/* ---- the cluster ---- */

static bool has_ip6(void)
{
	return !access("/proc/net/if_inet6", F_OK);
}

static void put_node(FILE *f, const char *name, int nr, const char *key)
{
	fprintf(f, "---\napiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n",
		name);
	if (key && *key)
		fprintf(f,
			"  annotations: {network.cilium.io/wg-pub-key: '%s'}\n",
			key);
	fprintf(f,
		"spec: {podCIDRs: [10.0.%d.0/24, 'fd00:%d::/64']}\n"
		"status: {addresses: [{type: InternalIP, address: 192.0.2.%d}]}\n",
		nr, nr, nr);
}

static void put_pod(FILE *f, const char *name, const char *node,
		    const char *addr)
{
	fprintf(f,
		"---\napiVersion: v1\nkind: Pod\n"
		"metadata: {name: %s, namespace: n}\n"
		"spec: {nodeName: %s}\nstatus: {podIP: '%s'}\n",
		name, node, addr);
}

/* @stray: with the pod outside of its node's prefix; @more: at the end. */
static void write_manifests(bool has_b, bool stray, const char *more)
{
	FILE *f = fopen(MANIFESTS "/all.yaml", "we");

	if (!f)
		abort();
	put_node(f, "a", 1, public_key[0]);
	put_pod(f, "pa", "a", "10.0.1.5");
	if (has_b) {
		put_node(f, "b", 2, public_key[1]);
		put_pod(f, "pb", "b", "10.0.2.5");
	}
	if (has_b && stray)
		put_pod(f, "stray", "b", "10.9.9.9");
	fputs(more, f);
	if (fclose(f))
		abort();
}

static bool add_node(char node, int nr)
{
	return !sh("ip -n %c addr add 192.0.2.%d/24 dev u%c", node, nr, node) &&
	       !sh("ip -n %c link set u%c up", node, node) &&
	       !sh("ip -n %c link set lo up", node) &&
	       !sh("ip -n %c addr add 10.0.%d.5/32 dev lo", node, nr) &&
	       (!has_ip6() ||
		!sh("ip -n %c -6 addr add fd00:%d::5/128 dev lo nodad", node,
		    nr));
}

static bool add_nodes(void)
{
	return !mkdir(MANIFESTS, 0755) && !sh("ip netns add a") &&
	       !sh("ip netns add b") &&
	       !sh("ip link add ua netns a type veth peer name ub netns b") &&
	       add_node('a', 1) && add_node('b', 2) &&
	       !sh("ip -n b addr add 10.9.9.9/32 dev lo");
}

/* ---- what is read ---- */

static struct wd_wg_state state;

/* The device of the node as it is now; NULL, and told, if it is not there. */
static const struct wd_wg_device *read_node(char node)
{
	const struct wd_wg_device *dev = NULL;
	int netns = wd_netns_of(node);

	wd_wg_state_fini(&state);
	if (wd_expect(netns >= 0) &&
	    wd_expect_int(0, wd_wg_read(netns, &state)))
		dev = wd_wg_device_find(&state, "warder_wg0");
	if (netns >= 0)
		close(netns);
	wd_expect(dev != NULL);
	return dev;
}

/* "10.0.2.0/24 fd00:2::/64" of the device's only peer. */
static const char *prefixes_text(const struct wd_wg_device *dev)
{
	static char text[512];
	size_t len = 0;

	text[0] = '\0';
	if (!wd_expect_int(1, dev->peer_cnt))
		return text;
	for (uint32_t i = 0; i < dev->peer[0].prefix_cnt; i++) {
		char buf[WD_ADDR_STRLEN];

		len += (size_t)snprintf(
			text + len, sizeof(text) - len, "%s%s", i ? " " : "",
			wd_cidr_str(&dev->peer[0].prefix[i], buf));
	}
	return text;
}

/* ---- tests, each on what the one before left ---- */

static void a_node_without_device_has_none(void)
{
	write_manifests(true, true, "");
	wd_expect_int(0, sh("nsenter --net=/run/netns/a %s wireguard status",
			    warder));
	wd_expect(out_has("no WireGuard device"));
	wd_expect_int(1, wireguard('a', "status", ""));
	wd_expect(out_has("no-device: wireguard: "));
}

static void a_dry_run_changes_nothing(void)
{
	wd_expect_int(0, wireguard('a', "apply", "--dry-run"));
	wd_expect(out_has("make a private key\nmake the device\n"));
	wd_expect_int(-1, access(WD_FX_ROOT "/key-a", F_OK));
	wd_expect(sh("ip -n a link show warder_wg0"));
}

static void apply_makes_device_and_key_and_tells_the_public_one(void)
{
	for (int i = 0; i < 2; i++) {
		char node = (char)('a' + i), path[] = WD_FX_ROOT "/key-x";
		const struct wd_wg_device *dev;
		struct json_object *doc, *key;
		struct stat st;

		if (!expect_applied(node, "--json"))
			continue;
		doc = json_object_from_file(OUT);
		if (wd_expect(
			    json_object_object_get_ex(doc, "public_key", &key)))
			snprintf(public_key[i], sizeof(public_key[i]), "%s",
				 json_object_get_string(key));
		json_object_put(doc);
		path[sizeof(path) - 2] = node;
		wd_expect(!stat(path, &st) && st.st_mode == (S_IFREG | 0600));
		dev = read_node(node);
		if (dev) {
			char text[WD_WGKEY_STRLEN];

			wd_expect_str(public_key[i],
				      wd_wgkey_str(&dev->key, text));
			wd_expect_int(PORT, dev->port);
			wd_expect(dev->is_up);
			wd_expect_int(0, dev->peer_cnt); /* no key of it yet */
		}
	}
}

static void apply_adds_what_the_objects_say(void)
{
	const struct wd_wg_device *dev;
	char buf[WD_ADDR_STRLEN];

	write_manifests(true, true, "");
	expect_applied('b', "");
	expect_applied('a', "");
	show_out();
	dev = read_node('a');
	if (!dev || !wd_expect_int(1, dev->peer_cnt))
		return;
	wd_expect_str("10.0.2.0/24 10.9.9.9/32 fd00:2::/64",
		      prefixes_text(dev));
	wd_expect_str("192.0.2.2", wd_addr_str(&dev->peer[0].endpoint, buf));
	wd_expect_int(PORT, dev->peer[0].endpoint_port);
	wd_expect_int(0, dev->peer[0].handshake);
	wd_expect(!sh("ip -n a route show dev warder_wg0"));
	wd_expect(out_has("10.0.2.0/24") && out_has("10.9.9.9"));
	wd_expect(!sh("ip -n a addr show dev warder_wg0"));
	wd_expect(out_has("10.0.1.0/32") && out_has("mtu 1420"));
}

static void packets_go_by_it_in_both_families(void)
{
	const struct wd_wg_device *dev;

	wd_expect(wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", PASSES_MS));
	wd_expect(wd_arrives(4, 'b', "10.0.2.5", 'a', "10.0.1.5", PASSES_MS));
	wd_expect(wd_arrives(4, 'b', "10.9.9.9", 'a', "10.0.1.5", PASSES_MS));
	/* b's peer may not send from an address of b's own pods. */
	wd_expect(!wd_arrives(4, 'a', "192.0.2.1", 'b', "10.0.2.5", QUIET_MS));
	if (has_ip6())
		wd_expect(wd_arrives(4, 'a', "fd00:1::5", 'b', "fd00:2::5",
				     PASSES_MS));
	dev = read_node('a');
	if (!dev || !wd_expect_int(1, dev->peer_cnt))
		return;
	wd_expect(dev->peer[0].rx_bytes > 0 && dev->peer[0].tx_bytes > 0);
	wd_expect(dev->peer[0].handshake >= state.time - 600 &&
		  dev->peer[0].handshake <= state.time + 1);
	wd_expect_int(0, wireguard('a', "status", ""));
	wd_expect(out_has("as the nodes' objects say"));
	show_out(); /* as people see it */
}

static void applied_again_there_is_nothing_to_do(void)
{
	uint64_t rx;
	const struct wd_wg_device *dev = read_node('a');

	if (!dev || !wd_expect_int(1, dev->peer_cnt))
		return;
	rx = dev->peer[0].rx_bytes;
	expect_applied('a', "");
	if (!wd_expect(out_has("nothing to do")))
		show_out();
	dev = read_node('a');
	if (dev && wd_expect_int(1, dev->peer_cnt))
		wd_expect(dev->peer[0].rx_bytes >= rx); /* the session lives */
}

static int drain(int in)
{
	char byte;
	int cnt = 0;

	while (recv(in, &byte, 1, MSG_DONTWAIT) == 1)
		cnt++;
	return cnt;
}

/* One datagram after the other until @stop ends. Return: how many never came. */
static int stream(int stop)
{
	struct sockaddr_storage addr;
	socklen_t len = wd_sockaddr_fill(&addr, "10.0.1.5");
	int out = wd_socket_of('a', AF_INET), in = wd_socket_of('b', AF_INET);
	int sent = 0, came = 0;
	char byte;

	if (out < 0 || in < 0 || bind(out, (void *)&addr, len))
		return -1;
	len = wd_sockaddr_fill(&addr, "10.0.2.5");
	if (bind(in, (void *)&addr, len))
		return -1;
	while (read(stop, &byte, 1) < 0) {
		sent += sendto(out, "x", 1, 0, (void *)&addr, len) == 1;
		came += drain(in);
		usleep(2000);
	}
	for (int i = 0; i < PASSES_MS / 50 && came < sent; i++) {
		usleep(50000);
		came += drain(in);
	}
	return sent < 50 ? -1 : sent - came;
}

/* The child's exit code is what stream() says. */
static pid_t begin_traffic(int *ret_stop)
{
	int stop[2];
	pid_t child;

	if (pipe2(stop, O_CLOEXEC | O_NONBLOCK))
		abort();
	child = fork();
	if (!child) {
		close(stop[1]);
		_exit(stream(stop[0]));
	}
	close(stop[0]);
	*ret_stop = stop[1];
	return child;
}

static int end_traffic(pid_t child, int stop)
{
	int status = -1;

	close(stop);
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void a_prefix_goes_without_harm_to_the_others(void)
{
	const struct wd_wg_device *dev;
	int stop, lost;
	pid_t child = begin_traffic(&stop);

	write_manifests(true, false, "");
	expect_applied('a', "");
	wd_expect(out_has("take from peer") && out_has("10.9.9.9/32"));
	usleep(300000);
	lost = end_traffic(child, stop);
	wd_expect_int(0, lost);
	dev = read_node('a');
	if (dev)
		wd_expect_str("10.0.2.0/24 fd00:2::/64", prefixes_text(dev));
	wd_expect(!wd_arrives(4, 'b', "10.9.9.9", 'a', "10.0.1.5", QUIET_MS));
	wd_expect(sh("ip -n a route get 10.9.9.9"));
}

static void nothing_is_removed_while_manifests_cannot_be_read(void)
{
	const struct wd_wg_device *dev;

	write_manifests(false, false, "---\na: [\n");
	wd_expect_int(1, wireguard('a', "apply", ""));
	wd_expect(out_has("nothing was removed"));
	dev = read_node('a');
	if (dev)
		wd_expect_int(1, dev->peer_cnt);
	wd_expect(wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", PASSES_MS));
}

static void a_node_that_left_loses_peer_and_routes(void)
{
	const struct wd_wg_device *dev;

	write_manifests(false, false, "");
	wd_expect_int(1, wireguard('a', "status", ""));
	wd_expect(out_has("peer-without-node: "));
	expect_applied('a', "");
	dev = read_node('a');
	if (dev)
		wd_expect_int(0, dev->peer_cnt);
	wd_expect(sh("ip -n a route get 10.0.2.5"));
	wd_expect(!wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", QUIET_MS));

	write_manifests(true, true, "");
	expect_applied('a', "");
	wd_expect(wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", PASSES_MS));
}

static void a_device_that_is_down_or_foreign_is_told(void)
{
	wd_expect(!sh("ip -n a link set warder_wg0 down"));
	wd_expect_int(1, wireguard('a', "status", ""));
	wd_expect(out_has("device-down: warder_wg0: "));
	expect_applied('a', ""); /* up, and its routes again */
	wd_expect(wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", PASSES_MS));
	wd_expect(!sh("ip -n a link add other type wireguard"));
	wd_expect_int(1, wireguard('a', "status", ""));
	wd_expect(out_has("second-device: other: "));
	wd_expect(!sh("ip -n a link del other"));
	wd_expect_int(1, wireguard('a', "apply", "--device ua"));
	wd_expect(out_has("is no WireGuard device"));
}

/* Packets that node a cut in two. */
static long cut_cnt(void)
{
	char head[512] = "", line[512] = "", *h = head, *l = line, *name, *nr;
	FILE *f;

	(void)sh("nsenter --net=/run/netns/a grep Ip: /proc/net/snmp");
	f = fopen(OUT, "re");
	if (!f || !fgets(head, sizeof(head), f) ||
	    !fgets(line, sizeof(line), f))
		abort();
	fclose(f);
	while ((name = strsep(&h, " \n")) && (nr = strsep(&l, " \n")))
		if (!strcmp(name, "FragCreates"))
			return strtol(nr, NULL, 10);
	return -1;
}

/* The node's only finding about sizes has this fix, as a row of text: does it. */
static void follow_doctor(char node, const char *fix)
{
	wd_expect_int(1, sh("nsenter --net=/run/netns/%c %s doctor", node,
			    warder));
	if (!wd_expect(out_has(fix)))
		show_out();
	wd_expect_int(0, sh("nsenter --net=/run/netns/%c sh -c '%s'", node,
			    strstr(fix, "ip link")));
	(void)sh("nsenter --net=/run/netns/%c %s doctor", node, warder);
	if (!wd_expect(!out_has("mtu: ")))
		show_out();
}

static void set_sizes(char node, int uplink)
{
	(void)sh("ip -n %c link add other type wireguard", node);
	wd_expect(!sh("ip -n %c link set other up mtu 1380", node));
	wd_expect(!sh("ip -n %c link set warder_wg0 mtu 1420", node));
	wd_expect(!sh("ip -n %c link set u%c mtu %d", node, node, uplink));
}

/* Of one node to the other; UDP fills a packet of the device. */
static bool full_packet_arrives(int mtu)
{
	return wd_arrives((size_t)mtu - 28, 'a', "10.0.1.5", 'b', "10.0.2.5",
			  PASSES_MS);
}

static void what_doctor_says_of_sizes_lets_full_packets_by(void)
{
	static const struct {
		int uplink;
		const char *fix[2];
		int mtu;
	} rows[] = {
#define SMALLER \
	"\n  fix: ip link set warder_wg0 mtu 1320 && ip link set other mtu 1320\n"
		{ 1400, { SMALLER, SMALLER }, 1320 },
		{ 1300,
		  { "\n  fix: ip link set ua mtu 1500\n",
		    "\n  fix: ip link set ub mtu 1500\n" },
		  1420 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long cut = cut_cnt();

		wd_test_row(rows[i].fix[0]);
		set_sizes('a', rows[i].uplink);
		set_sizes('b', rows[i].uplink);
		wd_expect(full_packet_arrives(1420));
		wd_expect(cut_cnt() > cut);
		follow_doctor('a', rows[i].fix[0]);
		follow_doctor('b', rows[i].fix[1]);
		cut = cut_cnt();
		wd_expect(full_packet_arrives(rows[i].mtu));
		wd_expect_int(cut, cut_cnt());
	}
	wd_test_row(NULL);
	wd_expect(!sh("ip -n a link del other"));
	wd_expect(!sh("ip -n b link del other"));
}

static void a_key_that_others_may_read_is_refused(void)
{
	wd_expect(!chmod(WD_FX_ROOT "/key-a", 0640));
	wd_expect_int(1, wireguard('a', "apply", ""));
	wd_expect(out_has("0600"));
	wd_expect(!chmod(WD_FX_ROOT "/key-a", 0600));
	expect_applied('a', "");
}

static void a_key_that_another_node_has_is_refused(void)
{
	const struct wd_wg_device *dev;

	write_manifests(true, true, "");
	/* the last --key counts: the disk of b was copied */
	wd_expect_int(1, wireguard('a', "apply", "--key " WD_FX_ROOT "/key-b"));
	wd_expect(out_has("node b has the same key"));
	expect_applied('a', "");
	dev = read_node('a');
	if (dev)
		wd_expect_int(1, dev->peer_cnt);
	wd_expect(wd_arrives(4, 'a', "10.0.1.5", 'b', "10.0.2.5", PASSES_MS));
}

/* ---- secrets ---- */

/* How often @want, each byte xored with 0xff, is in these bytes. */
static int count_in(const uint8_t *bytes, size_t len, const uint8_t *want)
{
	int found = 0;

	for (size_t i = 0; i + WD_WGKEY_LEN <= len; i++) {
		size_t k = 0;

		while (k < WD_WGKEY_LEN && (bytes[i + k] ^ want[k]) == 0xff)
			k++;
		found += k == WD_WGKEY_LEN;
	}
	return found;
}

/* The same of what is mapped from @from to @to. */
static int count_between(int mem, uint64_t from, uint64_t to,
			 const uint8_t *want)
{
	static uint8_t piece[1 << 20];
	int found = 0;

	while (from < to) {
		size_t len = to - from < sizeof(piece) ? to - from :
							 sizeof(piece);

		if (pread(mem, piece, len, (off_t)from) == (ssize_t)len)
			found += count_in(piece, len, want);
		explicit_bzero(piece, sizeof(piece));
		/* One that begins in this piece and ends in the next. */
		from += len == to - from ? len : len - WD_WGKEY_LEN + 1;
	}
	return found;
}

/* The same of all that this process can write. */
static int count_in_memory(const uint8_t *want)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC), found = 0;
	char line[512];

	/* 55d0c0a00000-55d0c0a21000 rw-p ... [heap] */
	while (maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		char *at;
		uint64_t from = strtoull(line, &at, 16);
		uint64_t to = *at == '-' ? strtoull(at + 1, &at, 16) : 0;

		if (!strncmp(at, " rw", 3) && !strstr(line, "[v"))
			found += count_between(mem, from, to, want);
	}
	if (maps)
		fclose(maps);
	if (mem >= 0)
		close(mem);
	return found;
}

static void no_private_key_is_left_in_memory(void)
{
	struct wd_wgkey secret;
	uint8_t masked[32];

	if (!wd_expect_int(0, wd_wg_keyfile_read(WD_FX_ROOT "/key-a", &secret)))
		return;
	for (int i = 0; i < 32; i++)
		masked[i] = secret.byte[i] ^ 0xff;
	/* The planted one is found. */
	wd_expect(count_in_memory(masked) > 0);
	wd_wgkey_wipe(&secret);
	wd_expect(read_node('a') != NULL);
	wd_expect_int(0, count_in_memory(masked));
	wd_expect_int(0, wireguard('a', "status", "--json"));
	wd_expect(!sh("grep -qF -f " WD_FX_ROOT "/key-b " WD_FX_ROOT "/key-b"));
	wd_expect(sh("%s wireguard status --json | grep -qF -f " WD_FX_ROOT
		     "/key-a",
		     warder));
}

/* ---- large, and changing ---- */

static uint64_t now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void key_nr(struct wd_wgkey *key, uint32_t nr)
{
	memset(key, 7, sizeof(*key));
	memcpy(key->byte, &nr, sizeof(nr));
}

static int put_large_peer(struct wd_wg_set *set, uint32_t nr)
{
	struct wd_cidr prefix[PREFIXES] = { 0 };
	struct wd_wgkey key;

	key_nr(&key, nr);
	for (uint32_t i = 0; i < PREFIXES; i++) {
		prefix[i].addr.family = 4;
		prefix[i].addr.v4.s_addr = htonl(0x0b000000 + nr * 256 + i);
		prefix[i].len = 32;
	}
	return wd_wg_set_peer(set, &key, NULL, 0, prefix, PREFIXES);
}

/* A device in this namespace; 0 if it failed. */
static uint32_t make_large(struct wd_wg_set *set)
{
	struct wd_rtnl nl;
	struct wd_link link = { 0 };
	uint32_t nr = 0;

	if (wd_rtnl_open(&nl, -1, NETLINK_ROUTE))
		return 0;
	if (wd_link_create(&nl, "large", "wireguard") ||
	    wd_link_get(&nl, 0, "large", &link) ||
	    wd_wg_set_open(set, link.ifindex))
		link.ifindex = 0;
	wd_rtnl_close(&nl);
	while (link.ifindex && nr < PEERS) {
		if (put_large_peer(set, nr++))
			return 0;
	}
	return link.ifindex;
}

static void large_devices_are_read_whole_and_soon(void)
{
	struct wd_wg_set set;
	uint64_t wall = UINT64_MAX, cpu = UINT64_MAX;

	if (!wd_expect(make_large(&set)))
		return;
	for (int round = 0; round < 5; round++) {
		uint64_t wall_0 = now_us(CLOCK_MONOTONIC), one;
		uint64_t cpu_0 = now_us(CLOCK_THREAD_CPUTIME_ID);
		uint32_t prefixes = 0;

		wd_wg_state_fini(&state);
		if (!wd_expect_int(0, wd_wg_read(-1, &state)) ||
		    !wd_expect_int(1, state.device_cnt) ||
		    !wd_expect_int(PEERS, state.device[0].peer_cnt))
			break;
		one = now_us(CLOCK_MONOTONIC) - wall_0;
		wall = one < wall ? one : wall;
		one = now_us(CLOCK_THREAD_CPUTIME_ID) - cpu_0;
		cpu = one < cpu ? one : cpu;
		for (uint32_t i = 0; i < PEERS; i++)
			prefixes += state.device[0].peer[i].prefix_cnt;
		wd_expect_int(PEERS * PREFIXES, prefixes);
	}
	printf("# %d peers with %d prefixes are read in %llu us, %llu us of "
	       "the processor\n",
	       PEERS, PEERS * PREFIXES, (unsigned long long)wall,
	       (unsigned long long)cpu);
	wd_wg_set_close(&set);
}

/* Peers come and go as fast as they can until the parent ends it. */
static void churn(void)
{
	struct wd_wg_set set;
	uint32_t ifindex = if_nametoindex("large");

	if (wd_wg_set_open(&set, ifindex))
		_exit(1);
	for (uint32_t nr = 0;; nr = (nr + 7) % PEERS) {
		struct wd_wgkey key;

		key_nr(&key, nr);
		if (wd_wg_unset_peer(&set, &key) || put_large_peer(&set, nr))
			_exit(1);
		/* Now and then long enough that a reading comes through. */
		usleep(nr % 3 ? 1000 : 400000);
	}
}

/*
 * At each moment there is one peer less than all, or none less. A reading says
 * that, or that it could not be had.
 */
static void readings_while_peers_change_are_of_one_moment(void)
{
	pid_t child = fork();
	int whole = 0, busy = 0;
	uint64_t until = now_us(CLOCK_MONOTONIC) + CHURN_US;

	if (!child)
		churn();
	while (now_us(CLOCK_MONOTONIC) < until) {
		int err;

		wd_wg_state_fini(&state);
		err = wd_wg_read(-1, &state);
		if (err) {
			busy += wd_expect_int(-EINTR, err);
			continue;
		}
		whole++;
		if (!wd_expect(state.device[0].peer_cnt >= PEERS - 1))
			break;
		for (uint32_t k = 0; k < state.device[0].peer_cnt; k++) {
			uint32_t cnt = state.device[0].peer[k].prefix_cnt;

			if (!wd_expect(cnt == PREFIXES || cnt == 0))
				break;
		}
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	printf("# %d readings, %d that never held still\n", whole, busy);
	wd_wg_state_fini(&state);
	wd_expect_int(0, wd_wg_read(-1, &state)); /* and then again */
}

static void a_device_that_goes_is_no_error(void)
{
	wd_wg_state_fini(&state);
	wd_expect(!sh("ip link del large"));
	wd_expect_int(0, wd_wg_read(-1, &state));
	wd_expect_int(0, state.device_cnt);
}

static void who_may_not_ask_is_told_so(void)
{
	wd_expect(!sh("ip -n a link show warder_wg0"));
	wd_expect_int(
		1, sh("nsenter --net=/run/netns/a /bin/setpriv --bounding-set "
		      "-net_admin %s wireguard status",
		      warder));
	if (!wd_expect(out_has("EPERM")))
		show_out();
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: wg_guest WARDER\n");
		return 2;
	}
	warder = argv[1];
	wd_fx_enter();
	if (!add_nodes()) {
		show_out();
		return 1;
	}
	WD_TEST(a_node_without_device_has_none);
	WD_TEST(a_dry_run_changes_nothing);
	WD_TEST(apply_makes_device_and_key_and_tells_the_public_one);
	WD_TEST(apply_adds_what_the_objects_say);
	WD_TEST(packets_go_by_it_in_both_families);
	WD_TEST(applied_again_there_is_nothing_to_do);
	WD_TEST(a_prefix_goes_without_harm_to_the_others);
	WD_TEST(nothing_is_removed_while_manifests_cannot_be_read);
	WD_TEST(a_node_that_left_loses_peer_and_routes);
	WD_TEST(a_device_that_is_down_or_foreign_is_told);
	WD_TEST(what_doctor_says_of_sizes_lets_full_packets_by);
	WD_TEST(a_key_that_others_may_read_is_refused);
	WD_TEST(a_key_that_another_node_has_is_refused);
	WD_TEST(no_private_key_is_left_in_memory);
	WD_TEST(who_may_not_ask_is_told_so);
	WD_TEST(large_devices_are_read_whole_and_soon);
	WD_TEST(readings_while_peers_change_are_of_one_moment);
	WD_TEST(a_device_that_goes_is_no_error);
	return wd_tests_end();
}
