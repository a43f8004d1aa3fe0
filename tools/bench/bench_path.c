// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_path.c - what a packet pays on the whole way from client to server
 * through a router: without policy, with two empty programs on the way, with
 * warder's two, and with an equal nftables ruleset. JSON lines.
 * What it costs that so much of warder can be seen is measured besides: its
 * programs without all that they count and tell, and the usual ones with all that
 * can be switched on: both events, for a monitor that is connected, and the
 * programs of netfilter. Of these three also the time of a hook alone.
 *
 * Client, router and server are network namespaces of this process on one CPU,
 * so the time of a loop of send and receive is the cost of the path. Every
 * round measures all of them for a moment, within it minima are compared: the
 * machine has more than one speed, and what disturbs it lasts longer than a
 * round. The result is the median over the rounds.
 *
 * Where the kernel puts a program's machine code decides what it costs here: a
 * processor keeps branches by some bits of their address, and those of the path
 * are many. So warder is loaded at several places, some rounds at each.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bare.h"
#include "cluster.h"

#define BPFFS "/mnt/bpf"
#define CLIENT_IP "172.31.1.2"
#define SERVER_IP "172.31.2.2"
#define PORT 7777
#define PEERS 18000 /* addresses known besides the two */
#define NFT_SET 10000 /* elements of the nftables set, as in performance.md */
#define PLACES 21
#define TURNS 3 /* rounds at each place */
#define PLACE_STEP 5056 /* bytes between them: not a power of two */
#define ROUNDS (PLACES * TURNS)
#define FILLER_MAX 3000 /* instructions of one program that takes room */
#define FILLER_INSN 5 /* bytes of machine code that each becomes, on x86-64 */
#define BATCH 32
#define BATCHES 50 /* of one sample */
#define SAMPLES 12 /* of one measurement: the least counts */
#define TRIPS 3000 /* TCP round trips of one measurement */
#define HOOK_REPEAT 20000 /* of a sample of one hook */
#define PAYLOAD 22 /* 64 bytes with Ethernet, IPv4 and UDP */

enum variant { V_NONE, V_EMPTY, V_WARDER, V_NFT, V_BARE, V_ALL, V__MAX };
static const char *const names[] = { "none",	 "empty", "warder",
				     "nftables", "bare",  "all" };

static int ns_router, ns_client, ns_server;
static uint32_t ifindex_client, ifindex_server;
static int udp_client, udp_server;
static struct bench_node node;
static struct bench_bare bare;

/* ---- small things ---- */

static double now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *value, int cnt)
{
	double copy[ROUNDS];

	memcpy(copy, value, (size_t)cnt * sizeof(*copy));
	qsort(copy, (size_t)cnt, sizeof(*copy), by_value);
	return copy[cnt / 2];
}

static void tell(const char *name, double value, const char *unit,
		 double baseline)
{
	printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"", name,
	       value, unit);
	if (baseline > 0)
		printf(", \"baseline\": %.3f", baseline);
	printf("}\n");
	(void)fflush(stdout);
}

static void run(const char *command)
{
	if (system(command))
		bench_die(command, EINVAL);
}

static void enter(int ns)
{
	if (setns(ns, CLONE_NEWNET))
		bench_die("enter a namespace", errno);
}

static int new_netns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		bench_die("new network namespace", errno);
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		bench_die("open a namespace", errno);
	run("ip link set lo up");
	return fd;
}

/* ---- the path ---- */

static void make_leg(int ns, const char *host, const char *ip,
		     const char *router_ip)
{
	char command[512];

	enter(ns_router);
	(void)snprintf(command, sizeof(command),
		       "ip link add %s type veth peer name eth0 netns "
		       "/proc/%d/fd/%d && ip addr add %s/24 dev %s && "
		       "ip link set %s up",
		       host, getpid(), ns, router_ip, host, host);
	run(command);
	enter(ns);
	(void)snprintf(command, sizeof(command),
		       "ip addr add %s/24 dev eth0 && ip link set eth0 up && "
		       "ip route add default via %s",
		       ip, router_ip);
	run(command);
	enter(ns_router);
}

static int udp_socket(int ns, const char *ip, const char *peer)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(PORT) };
	int fd, size = 4 << 20;

	enter(ns);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)inet_pton(AF_INET, ip, &addr.sin_addr);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_die("bind a UDP socket", errno);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	(void)inet_pton(AF_INET, peer, &addr.sin_addr);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_die("connect a UDP socket", errno);
	enter(ns_router);
	return fd;
}

static void make_path(void)
{
	cpu_set_t cpu;

	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("wdb", "/mnt", "tmpfs", 0, "mode=0755"))
		bench_die("new mount namespace", errno);
	ns_client = new_netns();
	ns_server = new_netns();
	ns_router = new_netns();
	make_leg(ns_client, "veth-c", CLIENT_IP, "172.31.1.1");
	make_leg(ns_server, "veth-s", SERVER_IP, "172.31.2.1");
	run("sysctl -q -w net.ipv4.ip_forward=1");
	ifindex_client = if_nametoindex("veth-c");
	ifindex_server = if_nametoindex("veth-s");
	udp_client = udp_socket(ns_client, CLIENT_IP, SERVER_IP);
	udp_server = udp_socket(ns_server, SERVER_IP, CLIENT_IP);
	CPU_ZERO(&cpu);
	CPU_SET(0, &cpu);
	if (sched_setaffinity(0, sizeof(cpu), &cpu))
		bench_die("stay on one CPU", errno);
}

/* ---- what is on it ---- */

static int filler_load(int insns)
{
	static struct bpf_insn code[FILLER_MAX];
	int prog;

	for (int i = 0; i < insns; i++)
		code[i] = (struct bpf_insn){ .code = BPF_ALU64 | BPF_MOV |
						     BPF_K };
	code[insns - 1] = (struct bpf_insn){ .code = BPF_JMP | BPF_EXIT };
	prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wd_filler", "GPL", code,
			     (size_t)insns, NULL);
	if (prog < 0)
		bench_die("load a program that takes room", prog);
	return prog;
}

/* Take @bytes of where programs go. Return: how many of @ret_progs hold them. */
static int room_take(int bytes, int *ret_progs)
{
	int cnt = 0;

	while (bytes > 0) {
		int insns = bytes / FILLER_INSN;

		if (insns > FILLER_MAX)
			insns = FILLER_MAX;
		if (insns < 2)
			insns = 2;
		ret_progs[cnt++] = filler_load(insns);
		bytes -= insns * FILLER_INSN;
	}
	return cnt;
}

static int links[4];

/* Programs at both ends of both pairs: towards a pod, and from it. */
static void links_begin(const int prog[WD_DIR__MAX])
{
	static const enum bpf_attach_type types[] = {
		[WD_INGRESS] = BPF_TCX_EGRESS,
		[WD_EGRESS] = BPF_TCX_INGRESS,
	};

	for (uint32_t i = 0; i < 4; i++) {
		int ifindex = (int)(i < 2 ? ifindex_client : ifindex_server);

		links[i] = bpf_link_create(prog[i % 2], ifindex, types[i % 2],
					   NULL);
		if (links[i] < 0)
			bench_die("attach a program", links[i]);
	}
}

static void links_end(void)
{
	for (int i = 0; i < 4; i++)
		(void)close(links[i]);
}

static void empty_begin(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int prog = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wd_empty", "GPL",
				 insns, 2, NULL);

	if (prog < 0)
		bench_die("load an empty program", prog);
	links_begin((const int[WD_DIR__MAX]){ prog, prog });
	(void)close(prog);
}

/* Made once for a place: a round only attaches and detaches. */
static void warder_open(void)
{
	static const struct bench_pair pair = {
		.client = { CLIENT_IP },
		.server = { SERVER_IP },
		.first = PORT,
		.last = PORT,
	};

	bench_node_open(&node, BPFFS);
	bench_fill(&node, PEERS, PEERS / 10, 0);
	bench_put_pair(&node, &pair);
	bench_put_endpoint(&node, "path", "client", pair.client,
			   ifindex_client);
	bench_put_endpoint(&node, "path", "server", pair.server,
			   ifindex_server);
	bench_commit(&node);
	bench_bare_open(&bare, &node);
}

static void warder_begin(void)
{
	int err = wd_datapath_attach(node.dp, ifindex_client);

	if (!err)
		err = wd_datapath_attach(node.dp, ifindex_server);
	if (err)
		bench_die("attach", err);
}

static void warder_end(void)
{
	int err = wd_datapath_detach(node.dp, ifindex_client);

	if (!err)
		err = wd_datapath_detach(node.dp, ifindex_server);
	if (err)
		bench_die("detach", err);
}

/* All that can be switched on and an established flow may come by. */
static void all_begin(void)
{
	struct wd_state_val *state = wd_map_mem(node.dp, WD_MAP_wd_state);

	warder_begin();
	for (int nf = 0; nf < WD_NF__MAX; nf++) {
		int err = wd_nf_open(node.dp, (enum wd_nf)nf);

		if (err)
			bench_die("attach the programs of netfilter", err);
	}
	state->monitor = WD_MONITOR_DROP | WD_MONITOR_NEW;
	state->flags |= WD_STATE_LATE;
}

static void all_end(void)
{
	struct wd_state_val *state = wd_map_mem(node.dp, WD_MAP_wd_state);

	state->monitor = 0;
	state->flags &= ~WD_STATE_LATE;
	for (int nf = 0; nf < WD_NF__MAX; nf++) {
		int err = wd_nf_leave(node.dp, (enum wd_nf)nf);

		if (err)
			bench_die("detach the programs of netfilter", err);
	}
	warder_end();
}

/* Default deny with sets, verdicts kept by conntrack: the best of nftables. */
static void nft_begin(void)
{
	FILE *nft = popen("nft -f -", "w");

	if (!nft)
		bench_die("run nft", errno);
	(void)fprintf(nft,
		      "table ip bench {\n"
		      " set clients { type ipv4_addr; elements = { " CLIENT_IP);
	for (uint32_t i = 0; i < NFT_SET; i++)
		(void)fprintf(nft, ", 10.%u.%u.%u", i >> 14, i >> 7 & 127,
			      1 + (i & 127));
	(void)fprintf(nft,
		      " }; }\n"
		      " chain forward { type filter hook forward priority 0;"
		      " policy drop;\n"
		      "  ct state established,related accept\n"
		      "  ip saddr @clients ip daddr " SERVER_IP
		      " udp dport %d accept\n"
		      "  ip saddr @clients ip daddr " SERVER_IP
		      " tcp dport %d accept\n"
		      " }\n}\n",
		      PORT, PORT);
	if (pclose(nft))
		bench_die("load the nftables ruleset", EINVAL);
}

static void nft_end(void)
{
	run("nft delete table ip bench");
}

static void nothing(void)
{
}

static void bare_begin(void)
{
	links_begin(bare.prog);
}

static const struct {
	void (*begin)(void);
	void (*end)(void);
} variants[] = {
	[V_NONE] = { nothing, nothing },
	[V_EMPTY] = { empty_begin, links_end },
	[V_WARDER] = { warder_begin, warder_end },
	[V_NFT] = { nft_begin, nft_end },
	[V_BARE] = { bare_begin, links_end },
	[V_ALL] = { all_begin, all_end },
};

/* ---- UDP, one way ---- */

static struct mmsghdr messages[BATCH];
static char payload[BATCH][PAYLOAD];

static void messages_init(void)
{
	static struct iovec io[BATCH];

	for (int i = 0; i < BATCH; i++) {
		io[i] = (struct iovec){ payload[i], PAYLOAD };
		messages[i].msg_hdr.msg_iov = &io[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
}

static void batch(int from, int to)
{
	int got = 0;

	if (sendmmsg(from, messages, BATCH, 0) != BATCH)
		bench_die("send", errno);
	while (got < BATCH) {
		int cnt = recvmmsg(to, messages, (unsigned int)(BATCH - got),
				   MSG_DONTWAIT, NULL);

		if (cnt <= 0)
			bench_die("a packet was lost on the path", errno);
		got += cnt;
	}
}

static double measure_udp(void)
{
	double best = 1e9;

	/* there and back and there: an established flow */
	batch(udp_client, udp_server);
	batch(udp_server, udp_client);
	batch(udp_client, udp_server);
	for (int s = 0; s < SAMPLES; s++) {
		double begin = now_ns(), ns;

		for (int i = 0; i < BATCHES; i++)
			batch(udp_client, udp_server);
		ns = (now_ns() - begin) / (BATCHES * BATCH);
		if (ns < best)
			best = ns;
	}
	return best;
}

/* ---- TCP, there and back ---- */

static pid_t echo_begin(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(PORT) };
	int one = 1, fd, conn;
	char byte;
	pid_t pid;

	enter(ns_server);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(fd, 1))
		bench_die("listen", errno);
	enter(ns_router);
	(void)fflush(stdout);
	pid = fork();
	if (pid < 0)
		bench_die("fork", errno);
	if (pid) {
		(void)close(fd);
		return pid;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	conn = accept(fd, NULL, NULL);
	(void)setsockopt(conn, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	while (read(conn, &byte, 1) == 1 && write(conn, &byte, 1) == 1)
		;
	_exit(0);
}

static int echo_connect(void)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(PORT) };
	struct timeval wait = { .tv_sec = 5 };
	int one = 1, fd;

	enter(ns_client);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)inet_pton(AF_INET, SERVER_IP, &addr.sin_addr);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		bench_die("connect", errno);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	enter(ns_router);
	return fd;
}

static void measure_rtt(double *ret_p50, double *ret_p99)
{
	static double us[TRIPS];
	pid_t pid = echo_begin();
	int fd = echo_connect();
	char byte = 'x';

	for (int i = -500; i < TRIPS; i++) {
		double begin = now_ns();

		if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
			bench_die("a round trip", errno);
		if (i >= 0)
			us[i] = (now_ns() - begin) / 1e3;
	}
	(void)close(fd);
	(void)waitpid(pid, NULL, 0);
	qsort(us, TRIPS, sizeof(*us), by_value);
	*ret_p50 = us[TRIPS / 2];
	*ret_p99 = us[TRIPS / 100 * 99];
}

/* ---- a hook alone ---- */

/* A datagram of the flow that measure_udp() left, as the server's veth sees it. */
static uint32_t hook_packet(uint8_t *frame)
{
	static const uint8_t head[] = { [12] = 8, 0, 0x45, 0, 0,  50,
					0,	  0, 0,	   0, 64, IPPROTO_UDP };
	const uint16_t ports[] = { htons(PORT), htons(PORT), htons(30) };

	memcpy(frame, head, sizeof(head));
	(void)inet_pton(AF_INET, CLIENT_IP, frame + 26);
	(void)inet_pton(AF_INET, SERVER_IP, frame + 30);
	memcpy(frame + 34, ports, sizeof(ports));
	return 64;
}

/* By our own clock: the kernel's answer is in whole nanoseconds. */
static double measure_hook(enum variant v)
{
	uint8_t frame[64] = { 0 };
	struct __sk_buff ctx = { .ifindex = ifindex_server,
				 .ingress_ifindex = ifindex_client };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = hook_packet(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = HOOK_REPEAT);
	const struct wd_datapath_info *info = wd_datapath_info(node.dp);
	double best = 1e9;
	int prog, err;

	if (v != V_BARE && v != V_WARDER && v != V_ALL)
		return 0;
	prog = v == V_BARE ? dup(bare.prog[WD_INGRESS]) :
			     bpf_prog_get_fd_by_id(info->prog_id[WD_INGRESS]);
	for (int s = 0; s < SAMPLES; s++) {
		double begin = now_ns(), ns;

		err = bpf_prog_test_run_opts(prog, &opts);
		ns = (now_ns() - begin) / HOOK_REPEAT;
		if (err || (int)opts.retval != -1)
			bench_die("run a program alone", err ? err : EINVAL);
		if (ns < best)
			best = ns;
	}
	(void)close(prog);
	return best;
}

/* ---- the whole ---- */

static double udp[V__MAX][ROUNDS], p50[V__MAX][ROUNDS], p99[V__MAX][ROUNDS];
static double hook[V__MAX][ROUNDS];

/* Each round begins with another variant, so that none is always the first. */
static void measure_round(int round)
{
	for (int i = 0; i < V__MAX; i++) {
		int v = (i + round) % V__MAX;

		variants[v].begin();
		udp[v][round] = measure_udp();
		measure_rtt(&p50[v][round], &p99[v][round]);
		hook[v][round] = measure_hook((enum variant)v);
		variants[v].end();
	}
}

/* Some rounds with warder at one place. */
static void measure_place(int place)
{
	int progs[PLACES * PLACE_STEP / FILLER_INSN / FILLER_MAX + 2];
	int cnt = room_take(place * PLACE_STEP, progs);

	warder_open();
	while (cnt)
		(void)close(progs[--cnt]);
	for (int t = 0; t < TURNS; t++)
		measure_round(place * TURNS + t);
	bench_bare_close(&bare);
	bench_node_close(&node, BPFFS);
}

/* What was added to no policy, in nanoseconds, by round. */
static void added_by(int v, double *ret_added)
{
	for (int r = 0; r < ROUNDS; r++)
		ret_added[r] = udp[v][r] - udp[V_NONE][r];
}

static void tell_added(const char *name, int v)
{
	double added[ROUNDS];

	added_by(v, added);
	tell(name, median(added, ROUNDS), "ns", median(udp[V_NONE], ROUNDS));
}

/* The best and the worst place. */
static void tell_places(void)
{
	double added[ROUNDS], at[PLACES];

	added_by(V_WARDER, added);
	for (int p = 0; p < PLACES; p++)
		at[p] = median(added + (size_t)p * TURNS, TURNS);
	qsort(at, PLACES, sizeof(*at), by_value);
	tell("path_added_least_ns", at[0], "ns", 0);
	tell("path_added_most_ns", at[PLACES - 1], "ns", 0);
}

/* The value is scaled to the control of its own round, then to the median. */
static void tell_rtt(const char *what, int v, double value[][ROUNDS])
{
	double ratio[ROUNDS], base = median(value[V_NONE], ROUNDS);
	char name[64];

	for (int r = 0; r < ROUNDS; r++)
		ratio[r] = value[v][r] / value[V_NONE][r];
	if (v == V_WARDER)
		(void)snprintf(name, sizeof(name), "%s", what);
	else
		(void)snprintf(name, sizeof(name), "%s_%s", what, names[v]);
	tell(name, base * median(ratio, ROUNDS), "us", base);
}

/* What all that is seen costs: @v against the programs that count nothing. */
static void tell_seeing(const char *name, double value[][ROUNDS], int v)
{
	double ratio[ROUNDS], base = median(value[V_BARE], ROUNDS);

	for (int r = 0; r < ROUNDS; r++)
		ratio[r] = value[v][r] / value[V_BARE][r];
	tell(name, base * median(ratio, ROUNDS), "ns", base);
}

int main(void)
{
	char name[64];

	make_path();
	messages_init();
	for (int p = 0; p < PLACES; p++)
		measure_place(p);
	for (int v = 0; v < V__MAX; v++) {
		double ns = median(udp[v], ROUNDS);

		(void)snprintf(name, sizeof(name), "path_%s_ns", names[v]);
		tell(name, ns, "ns", median(udp[V_NONE], ROUNDS));
		(void)snprintf(name, sizeof(name), "udp_%s_pps", names[v]);
		tell(name, 1e9 / ns, "packets/s",
		     1e9 / median(udp[V_NONE], ROUNDS));
	}
	tell_added("path_added_empty_ns", V_EMPTY);
	tell_added("path_added_ns", V_WARDER);
	tell_places();
	tell_added("path_added_nftables_ns", V_NFT);
	for (int v = V_EMPTY; v < V__MAX; v++) {
		tell_rtt("rtt_p50", v, p50);
		tell_rtt("rtt_p99", v, p99);
	}
	tell_seeing("seen_path_ns", udp, V_WARDER);
	tell_seeing("seen_path_all_ns", udp, V_ALL);
	tell_seeing("seen_hook_ns", hook, V_WARDER);
	tell_seeing("seen_hook_all_ns", hook, V_ALL);
	return 0;
}
