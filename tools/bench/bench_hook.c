// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_hook.c - ns per packet of the programs alone, by BPF_PROG_TEST_RUN at
 * SCHED_FIFO, in clusters of three sizes. JSON lines; the baseline is an empty
 * program run in the same way in the same round.
 *
 * Where packets must differ (many flows, new flows) a small program writes
 * random ports into the packet and tail-calls the one measured; its own cost is
 * in the baseline too, and is taken off the value again.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cluster.h"

#define BPFFS "/mnt/bpf"
#define IFINDEX 1 /* of the server; nothing is attached */
#define UPLINK 0xfffe
#define CLIENT_IP "172.31.1.2"
#define SERVER_IP "172.31.2.2"
#define CLIENT_IP6 "fd31::1:2"
#define SERVER_IP6 "fd31::2:2"
#define PORT 7000 /* .. PORT_LAST allowed from the client */
#define PORT_LAST 16999
#define SPORT 30000
#define FLOWS 10000
#define NEW_CHUNK 2000 /* less than an endpoint's share of new flows */
#define NEW_CHUNKS 60
#define REPEAT 100000
#define ROUNDS 7
#define SAMPLES 8 /* of a round, in turn with the control's */
#define OFF_L4 34 /* of the transport header, IPv4 */

static struct bench_node node;
static int prog[WD_DIR__MAX], empty_prog;
static int tail_map;

/* ---- packets ---- */

struct packet {
	uint8_t data[96];
	uint32_t len;
};

static void put16(uint8_t *at, uint16_t val)
{
	at[0] = (uint8_t)(val >> 8);
	at[1] = (uint8_t)val;
}

static void packet_make(struct packet *p, const char *src, const char *dst,
			uint16_t sport, uint16_t dport)
{
	bool is_v4 = !strchr(src, ':');
	uint8_t *ip = p->data + 14, *udp = ip + (is_v4 ? 20 : 40);

	memset(p, 0, sizeof(*p));
	put16(p->data + 12, is_v4 ? 0x0800 : 0x86dd);
	if (is_v4) {
		ip[0] = 0x45;
		put16(ip + 2, 50);
		ip[8] = 64;
		ip[9] = IPPROTO_UDP;
		(void)inet_pton(AF_INET, src, ip + 12);
		(void)inet_pton(AF_INET, dst, ip + 16);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, 30);
		ip[6] = IPPROTO_UDP;
		ip[7] = 64;
		(void)inet_pton(AF_INET6, src, ip + 8);
		(void)inet_pton(AF_INET6, dst, ip + 24);
	}
	put16(udp, sport);
	put16(udp + 2, dport);
	put16(udp + 4, 30);
	p->len = (uint32_t)(udp - p->data) + 30;
}

/* ns per run, and what the last one returned */
static double run(int fd, const struct packet *p, enum wd_dir dir, int repeat,
		  int32_t *ret_code)
{
	struct __sk_buff ctx = {
		.ifindex = IFINDEX,
		.ingress_ifindex = dir == WD_INGRESS ? UPLINK : IFINDEX,
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = p->data,
		    .data_size_in = p->len, .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = repeat);
	int err = bpf_prog_test_run_opts(fd, &opts);

	if (err)
		bench_die("BPF_PROG_TEST_RUN", err);
	if (ret_code)
		*ret_code = (int32_t)opts.retval;
	return opts.duration;
}

static void must(const struct packet *p, enum wd_dir dir, int32_t code)
{
	int32_t got;

	(void)run(prog[dir], p, dir, 1, &got);
	if (got == code)
		return;
	(void)fprintf(stderr, "bench: a packet got code %d, not %d\n", got,
		      code);
	exit(1);
}

/* ---- programs ---- */

static int load(const struct bpf_insn *insns, size_t cnt, const char *name)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = BPF_TCX_EGRESS);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", insns, cnt,
			       &opts);

	if (fd < 0)
		bench_die("load a program of the benchmark", fd);
	return fd;
}

static int load_empty(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return load(insns, 2, "wd_empty");
}

#define OP(op, dst, src, o, i) \
	{ .code = (op), \
	  .dst_reg = (dst), \
	  .src_reg = (src), \
	  .off = (o), \
	  .imm = (i) }
#define MOV(dst, src) OP(BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0)
#define ALU(op, dst, i) OP(BPF_ALU64 | (op) | BPF_K, dst, 0, 0, i)
#define LOAD(dst, field) \
	OP(BPF_LDX | BPF_MEM | BPF_W, dst, 6, \
	   offsetof(struct __sk_buff, field), 0)
#define STORE_BE16(o) \
	OP(BPF_ALU | BPF_END | BPF_TO_BE, 5, 0, 0, 16), \
		OP(BPF_STX | BPF_MEM | BPF_H, 2, 5, o, 0)

/* Source port SPORT + random % @sports, destination PORT + random % @dports. */
static int load_driver(int sports, int dports)
{
	const struct bpf_insn insns[] = {
		MOV(6, 1),
		OP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32),
		MOV(7, 0),
		LOAD(2, data),
		LOAD(3, data_end),
		MOV(4, 2),
		ALU(BPF_ADD, 4, OFF_L4 + 4),
		OP(BPF_JMP | BPF_JGT | BPF_X, 4, 3, 17, 0),
		MOV(5, 7),
		ALU(BPF_AND, 5, 0xffff),
		ALU(BPF_MOD, 5, sports),
		ALU(BPF_ADD, 5, SPORT),
		STORE_BE16(OFF_L4),
		MOV(5, 7),
		ALU(BPF_RSH, 5, 16),
		ALU(BPF_MOD, 5, dports),
		ALU(BPF_ADD, 5, PORT),
		STORE_BE16(OFF_L4 + 2),
		MOV(1, 6),
		OP(BPF_LD | BPF_DW | BPF_IMM, 2, BPF_PSEUDO_MAP_FD, 0,
		   tail_map),
		OP(0, 0, 0, 0, 0),
		ALU(BPF_MOV, 3, 0),
		OP(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_tail_call),
		ALU(BPF_MOV, 0, 0),
		OP(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	return load(insns, sizeof(insns) / sizeof(insns[0]), "wd_driver");
}

static void drive(int fd)
{
	int err = bpf_map_update_elem(tail_map, &(uint32_t){ 0 }, &fd, BPF_ANY);

	if (err)
		bench_die("set the program to be driven", err);
}

static void programs_open(void)
{
	const struct wd_datapath_info *info = wd_datapath_info(node.dp);

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		prog[dir] = bpf_prog_get_fd_by_id(info->prog_id[dir]);
		if (prog[dir] < 0)
			bench_die("open a program", prog[dir]);
	}
}

static void programs_close(void)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		(void)close(prog[dir]);
}

/* ---- measuring ---- */

/*
 * One round: value and control, the least of samples that were taken in turn.
 * The machine may change its speed at any moment; a round in which both saw
 * the fast one is a good one, and the median of the rounds' ratios counts.
 */
struct round {
	double value;
	double base;
};

static const struct round no_round = { 1e9, 1e9 };

static void take_least(double *least, double ns)
{
	if (ns < *least)
		*least = ns;
}

static int by_ratio(const void *a, const void *b)
{
	const struct round *x = a, *y = b;
	double d = x->value * y->base - y->value * x->base;

	return (d > 0) - (d < 0);
}

static void tell(const char *name, const char *size, struct round *round)
{
	const struct round *mid = &round[ROUNDS / 2];

	qsort(round, ROUNDS, sizeof(*round), by_ratio);
	printf("{\"name\": \"%s%s\", \"value\": %.1f, \"unit\": \"ns\", "
	       "\"baseline\": %.1f}\n",
	       name, size, mid->value, mid->base);
	(void)fflush(stdout);
}

static void measure_same(const char *name, const char *size,
			 const struct packet *p, enum wd_dir dir)
{
	struct round round[ROUNDS];

	for (int r = 0; r < ROUNDS; r++) {
		round[r] = no_round;
		for (int i = 0; i < SAMPLES; i++) {
			take_least(&round[r].base,
				   run(empty_prog, p, dir, REPEAT, NULL));
			take_least(&round[r].value,
				   run(prog[dir], p, dir, REPEAT, NULL));
		}
	}
	tell(name, size, round);
}

static uint64_t counted(enum wd_reason reason)
{
	struct wd_stat_val stat;
	int err = wd_stat_read(node.dp, reason, WD_INGRESS, &stat);

	if (err)
		bench_die("read a counter", err);
	return stat.packets;
}

/*
 * A round behind the driver, whose own cost is what an empty program costs
 * more behind it. @chunk packets are run at a time, after @prepare.
 */
static struct round driven(int driver, const struct packet *p, int chunk,
			   int samples, void (*prepare)(void))
{
	struct round least = no_round;
	double empty = 1e9;

	for (int i = 0; i < samples; i++) {
		take_least(&least.base,
			   run(empty_prog, p, WD_INGRESS, chunk, NULL));
		drive(empty_prog);
		take_least(&empty, run(driver, p, WD_INGRESS, chunk, NULL));
		drive(prog[WD_INGRESS]);
		if (prepare)
			prepare();
		take_least(&least.value,
			   run(driver, p, WD_INGRESS, chunk, NULL));
	}
	least.value -= empty - least.base;
	return least;
}

static void measure_flows(const char *name, const char *size,
			  const struct packet *p)
{
	struct round round[ROUNDS];
	uint64_t before = counted(WD_R_ESTABLISHED);
	int driver = load_driver(FLOWS, 1);

	for (int r = 0; r < ROUNDS; r++)
		round[r] = driven(driver, p, REPEAT, SAMPLES, NULL);
	(void)close(driver);
	if (counted(WD_R_ESTABLISHED) - before != ROUNDS * SAMPLES * REPEAT)
		bench_die("packets that should be of a flow were not", EINVAL);
	tell(name, size, round);
}

/* The endpoint's share of new flows is given back before each chunk of them. */
static void give_share_back(void)
{
	struct wd_quota_val *quota = wd_map_mem(node.dp, WD_MAP_wd_quota);

	memset(quota, 0, WD_ENDPOINTS_MAX * sizeof(*quota));
}

static void measure_new(const char *name, const char *size,
			const struct packet *p, uint32_t monitor)
{
	struct wd_state_val *state = wd_map_mem(node.dp, WD_MAP_wd_state);
	int driver = load_driver(30000, PORT_LAST - PORT + 1);
	uint64_t before = counted(WD_R_POLICY_ALLOW), made;
	struct round round[ROUNDS];

	state->monitor = monitor;
	for (int r = 0; r < ROUNDS; r++)
		round[r] = driven(driver, p, NEW_CHUNK, NEW_CHUNKS,
				  give_share_back);
	state->monitor = 0;
	(void)close(driver);
	made = counted(WD_R_POLICY_ALLOW) - before;
	if (made < ROUNDS * NEW_CHUNKS * NEW_CHUNK / 100 * 99)
		bench_die("packets that should be new flows were not", EINVAL);
	tell(name, size, round);
}

/* ---- a cluster of one size ---- */

/* There, back and there again: the flow is in the table of replied ones. */
static void establish(const char *client, const char *server, uint16_t sport)
{
	struct packet there, back;

	packet_make(&there, client, server, sport, PORT);
	packet_make(&back, server, client, PORT, sport);
	must(&there, WD_INGRESS, -1);
	must(&back, WD_EGRESS, -1);
	must(&there, WD_INGRESS, -1);
}

static void measure_established(const char *size)
{
	struct packet v4, v6, out;

	packet_make(&v4, CLIENT_IP, SERVER_IP, SPORT, PORT);
	packet_make(&v6, CLIENT_IP6, SERVER_IP6, SPORT, PORT);
	packet_make(&out, SERVER_IP, CLIENT_IP, PORT, SPORT);
	establish(CLIENT_IP, SERVER_IP, SPORT);
	establish(CLIENT_IP6, SERVER_IP6, SPORT);
	measure_same("established_v4_1flow", size, &v4, WD_INGRESS);
	measure_same("established_v4_1flow_out", size, &out, WD_EGRESS);
	measure_same("established_v6_1flow", size, &v6, WD_INGRESS);
	for (int i = 0; i < FLOWS; i++) {
		struct wd_quota_val *quota =
			wd_map_mem(node.dp, WD_MAP_wd_quota);

		memset(quota, 0, WD_ENDPOINTS_MAX * sizeof(*quota));
		establish(CLIENT_IP, SERVER_IP, (uint16_t)(SPORT + i));
	}
	measure_flows("established_v4_10k", size, &v4);
}

static void measure_policy(const char *size)
{
	struct packet fresh, scan, port;

	/* 10.0.0.100 is pod 99, whose app no rule of this port names */
	packet_make(&fresh, CLIENT_IP, SERVER_IP, SPORT, PORT);
	packet_make(&scan, "10.0.0.100", SERVER_IP, SPORT, BENCH_RULES_PORT);
	packet_make(&port, CLIENT_IP, SERVER_IP, SPORT, 1);
	must(&scan, WD_INGRESS, 2);
	must(&port, WD_INGRESS, 2);
	measure_same("denied_v4", size, &scan, WD_INGRESS);
	measure_same("denied_v4_no_class", size, &port, WD_INGRESS);
	measure_new("new_v4", size, &fresh, WD_MONITOR_NEW | WD_MONITOR_DROP);
	measure_new("new_v4_unwatched", size, &fresh, 0);
}

/* ---- programs of wires and WireGuard devices ---- */

#define NODE_HERE "192.168.77.1"
#define NODE_THERE "192.168.77.2"
#define POD_CLEAR \
	"10.0.0.9" /* of bench_fill(), as CLIENT_IP need not encrypt */
#define POD_MUST "172.31.3.2"
#define WORLD "203.0.113.9"
#define WG_PORT 51871

static void must_put(enum wd_map map, const void *key, const void *val)
{
	int err = wd_map_set(node.dp, map, key, val);

	if (err)
		bench_die("fill a map of the wires", err);
}

static void put_addr(const char *ip, struct wd_addr_val val)
{
	struct wd_addr4_key key;

	(void)inet_pton(AF_INET, ip, &key.addr);
	must_put(WD_MAP_wd_addr4, &key, &val);
}

/* A wire, a WireGuard device behind it, two nodes, and who must encrypt. */
static void put_wires(void)
{
	const struct wd_wire_val wire = { .kind = WD_WIRE_OUT };
	const struct wd_tun_val tun = { 7, IFINDEX };
	struct wd_state_val *state = wd_map_mem(node.dp, WD_MAP_wd_state);
	struct wd_cidr4_key key = { .prefixlen = 32 };
	const uint32_t ifindex = IFINDEX;

	put_addr(NODE_HERE, (struct wd_addr_val){ .flags = WD_ADDR_HOST });
	put_addr(NODE_THERE,
		 (struct wd_addr_val){ .flags = WD_ADDR_NODE, .node = 7 });
	put_addr(POD_MUST,
		 (struct wd_addr_val){ .flags = WD_ADDR_POD | WD_ADDR_ENCRYPT,
				       .node = 7 });
	must_put(WD_MAP_wd_wire, &ifindex, &wire);
	(void)inet_pton(AF_INET, POD_MUST, &key.addr);
	must_put(WD_MAP_wd_tun4, &key, &tun);
	state->tunnel[0] =
		(struct wd_tunnel_port){ .port = htons(WG_PORT),
					 .kind = WD_TUNNEL_WIREGUARD };
	state->flags |= WD_STATE_ENCRYPT;
}

/* @in, @out: pinned, in this folder of the data path. */
static void wire_programs(const char *folder, const char *in, const char *out)
{
	const char *const name[] = { [WD_INGRESS] = in, [WD_EGRESS] = out };
	char path[160];

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		(void)snprintf(path, sizeof(path), "%s/%s/progs/%s", BPFFS,
			       folder, name[dir]);
		prog[dir] = bpf_obj_get(path);
		if (prog[dir] < 0)
			bench_die(path, prog[dir]);
	}
}

static void wire_packet(struct packet *p, const char *src, const char *dst,
			uint16_t port)
{
	packet_make(p, src, dst, port, port);
	put16(p->data + 16, 60); /* the least of WireGuard's */
	put16(p->data + OFF_L4 + 4, 40);
	p->len += 10;
	p->data[OFF_L4 + 8] = 4; /* WireGuard's data, where it is one */
	p->data[OFF_L4 + 12] = 1;
}

/* A WireGuard device has no Ethernet header. */
static void strip(struct packet *p)
{
	p->len -= OFF_L4 - 20;
	memmove(p->data, p->data + OFF_L4 - 20, p->len);
}

static void measure_wires(void)
{
	struct packet sealed, back, clear, world, denied, into, from;
	int err;

	bench_node_open(&node, BPFFS);
	bench_fill(&node, 18000, 100, 0);
	bench_commit(&node);
	err = wd_wire_open(node.dp);
	if (err)
		bench_die("load the programs of wires", err);
	put_wires();
	wire_packet(&sealed, NODE_HERE, NODE_THERE, WG_PORT);
	wire_packet(&back, NODE_THERE, NODE_HERE, WG_PORT);
	wire_packet(&clear, POD_CLEAR, "10.0.0.10", PORT);
	wire_packet(&world, POD_CLEAR, WORLD, PORT);
	wire_packet(&denied, POD_CLEAR, POD_MUST, PORT);
	wire_programs("wires", "wd_wire_in", "wd_wire_out");
	must(&denied, WD_EGRESS, 2);
	must(&sealed, WD_EGRESS, -1);
	measure_same("wire_sealed_out", "", &sealed, WD_EGRESS);
	measure_same("wire_sealed_in", "", &back, WD_INGRESS);
	measure_same("wire_clear_out", "", &clear, WD_EGRESS);
	measure_same("wire_world_out", "", &world, WD_EGRESS);
	measure_same("wire_denied_out", "", &denied, WD_EGRESS);
	programs_close();
	wire_programs("tunnels", "wd_tun_in", "wd_tun_out");
	wire_packet(&into, POD_CLEAR, POD_MUST, PORT);
	wire_packet(&from, POD_MUST, POD_CLEAR, PORT);
	strip(&into);
	strip(&from);
	must(&into, WD_EGRESS, -1);
	must(&from, WD_INGRESS, -1);
	measure_same("tunnel_out", "", &into, WD_EGRESS);
	measure_same("tunnel_in", "", &from, WD_INGRESS);
	programs_close();
	bench_node_close(&node, BPFFS);
}

static const struct bench_pair pair = {
	.client = { CLIENT_IP, CLIENT_IP6 },
	.server = { SERVER_IP, SERVER_IP6 },
	.first = PORT,
	.last = PORT_LAST,
};

/* A pod that must encrypt, and its peer on another node. */
static void measure_encrypted(void)
{
	const struct wd_wire_val wireguard = { .kind = WD_WIRE_WIREGUARD };
	const uint32_t uplink = UPLINK;
	struct wd_state_val *state;
	struct packet in, out;

	bench_node_open(&node, BPFFS);
	bench_fill(&node, 18000, 100, 0);
	bench_put_pair(&node, &pair);
	bench_put_endpoint(&node, "path", "server", pair.server, IFINDEX);
	bench_commit(&node);
	programs_open();
	packet_make(&in, CLIENT_IP, SERVER_IP, SPORT, PORT);
	packet_make(&out, SERVER_IP, CLIENT_IP, PORT, SPORT);
	establish(CLIENT_IP, SERVER_IP, SPORT);
	state = wd_map_mem(node.dp, WD_MAP_wd_state);
	state->flags |= WD_STATE_ENCRYPT;
	put_addr(CLIENT_IP,
		 (struct wd_addr_val){ .flags = WD_ADDR_POD | WD_ADDR_ENCRYPT,
				       .node = 7 });
	must_put(WD_MAP_wd_wire, &uplink, &wireguard);
	must(&in, WD_INGRESS, -1);
	must(&out, WD_EGRESS, -1);
	measure_same("encrypted_v4_1flow", "", &in, WD_INGRESS);
	measure_same("encrypted_v4_1flow_out", "", &out, WD_EGRESS);
	programs_close();
	bench_node_close(&node, BPFFS);
}

static void measure_size(uint32_t pods, uint32_t rules, const char *size)
{
	bench_node_open(&node, BPFFS);
	bench_fill(&node, pods, 100, 0);
	bench_put_pair(&node, &pair);
	bench_put_rules(&node, rules);
	bench_put_endpoint(&node, "path", "server", pair.server, IFINDEX);
	bench_commit(&node);
	programs_open();
	measure_established(size);
	measure_policy(size);
	programs_close();
	bench_node_close(&node, BPFFS);
}

int main(void)
{
	struct sched_param fifo = { .sched_priority = 1 };
	cpu_set_t cpu;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("wdb", "/mnt", "tmpfs", 0, "mode=0755"))
		bench_die("new namespaces", errno);
	CPU_ZERO(&cpu);
	CPU_SET(1, &cpu);
	(void)sched_setaffinity(0, sizeof(cpu), &cpu);
	if (sched_setscheduler(0, SCHED_FIFO, &fifo))
		bench_die("run at SCHED_FIFO", errno);
	tail_map = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "wd_bench", 4, 4, 1,
				  NULL);
	if (tail_map < 0)
		bench_die("make a map", tail_map);
	empty_prog = load_empty();
	measure_size(100, 10, "_100_10");
	measure_size(18000, 1000, "");
	measure_size(100000, 16000, "_100k_16k");
	measure_encrypted();
	measure_wires();
	return 0;
}
