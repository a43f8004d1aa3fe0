/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * node.c - see node.h.
 */
#include "node.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_packet.h>
#include <linux/ipv6_route.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/byteorder.h"
#include "model/xalloc.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/stats.h"

/* ---- processes and files ---- */

void node_ip(const struct node *node, const char *fmt, ...)
{
	char *text = NULL;
	int fd[2], status;
	va_list ap;
	pid_t pid;

	(void)node;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (pipe(fd))
		abort();
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		int null = open("/dev/null", O_WRONLY);

		(void)dup2(fd[0], 0);
		(void)dup2(null, 2);
		(void)close(fd[1]);
		execlp("ip", "ip", "-force", "-batch", "-", NULL);
		_exit(127);
	}
	(void)close(fd[0]);
	for (size_t at = 0, len = strlen(text); at < len;) {
		ssize_t put = write(fd[1], text + at, len - at);

		if (put <= 0)
			break;
		at += (size_t)put;
	}
	(void)close(fd[1]);
	(void)waitpid(pid, &status, 0);
	free(text);
}

bool node_sysctl(const char *name, const char *val)
{
	char path[200];
	bool ok;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ok = write(fd, val, strlen(val)) == (ssize_t)strlen(val);
	(void)close(fd);
	return ok;
}

/* ---- namespaces ---- */

/* Nothing there talks by itself. */
static void quiet(void)
{
	(void)node_sysctl("ipv6/conf/all/disable_ipv6", "1");
	(void)node_sysctl("ipv6/conf/default/disable_ipv6", "1");
}

static int hold_pods_ns(int ready)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET))
		_exit(1);
	quiet();
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

static bool make_namespaces(struct node *node)
{
	char path[64], c;
	int fd[2];

	if (unshare(CLONE_NEWNET) || pipe(fd))
		return false;
	node->node_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	node->pid = fork();
	if (!node->pid)
		hold_pods_ns(fd[1]);
	(void)close(fd[1]);
	if (read(fd[0], &c, 1) != 1)
		return false;
	(void)close(fd[0]);
	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", node->pid);
	node->pods_ns = open(path, O_RDONLY | O_CLOEXEC);
	return node->node_ns >= 0 && node->pods_ns >= 0;
}

/* No flow dies of age during a test, however slow the machine is. */
static void long_lives(void)
{
	static const char *const kinds[] = { "icmp",
					     "icmpv6",
					     "udp",
					     "generic",
					     "gre",
					     "tcp_timeout_syn_sent",
					     "tcp_timeout_syn_recv",
					     "sctp_timeout_cookie_wait",
					     "sctp_timeout_cookie_echoed" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		char name[80];

		(void)snprintf(name, sizeof(name),
			       "netfilter/nf_conntrack_%s%s", kinds[i],
			       strstr(kinds[i], "timeout") ? "" : "_timeout");
		(void)node_sysctl(name, "3000");
	}
}

static void set_sysctls(void)
{
	(void)node_sysctl("ipv6/conf/default/addr_gen_mode", "1");
	(void)node_sysctl("ipv6/conf/default/accept_dad", "0");
	(void)node_sysctl("ipv6/conf/default/dad_transmits", "0");
	(void)node_sysctl("ipv4/ip_forward", "1");
	(void)node_sysctl("ipv6/conf/all/forwarding", "1");
	(void)node_sysctl("ipv4/conf/all/rp_filter", "0");
	(void)node_sysctl("ipv4/conf/default/rp_filter", "0");
	(void)node_sysctl("ipv4/conf/all/send_redirects", "0");
	(void)node_sysctl("ipv4/conf/default/send_redirects", "0");
	(void)node_sysctl("ipv4/icmp_ratelimit", "0");
	long_lives();
}

static void make_links(const struct node *node)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (int i = 0; i < NODE_PODS; i++)
		fprintf(out,
			"link add d%d type veth peer name p%d netns %d\n"
			"link set d%d up\n",
			i, i, node->pid, i);
	fprintf(out,
		"link add uplink type veth peer name up netns %d\n"
		"link set uplink up\nlink set lo up\n",
		node->pid);
	fclose(out);
	node_ip(node, "%s", text);
	free(text);
	/* unknown peers are by the uplink */
	node_ip(node,
		"addr add 198.51.100.1/32 dev uplink\n"
		"neigh replace 198.51.100.2 lladdr 02:00:00:00:ff:01 nud permanent dev uplink\n"
		"route replace default via 198.51.100.2 dev uplink onlink\n"
		"neigh replace fe80::2 lladdr 02:00:00:00:ff:01 nud permanent dev uplink\n"
		"route replace default via fe80::2 dev uplink onlink\n");
}

static void device_name(char name[IF_NAMESIZE], int at, bool is_far)
{
	if (at == NODE_UPLINK)
		(void)snprintf(name, IF_NAMESIZE, is_far ? "up" : "uplink");
	else
		(void)snprintf(name, IF_NAMESIZE, is_far ? "p%d" : "d%d", at);
}

static bool read_devices(struct node *node)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0;

	for (int i = 0; ok && i <= NODE_UPLINK; i++) {
		struct ifreq req = { 0 };

		device_name(req.ifr_name, i, false);
		node->ifindex[i] = if_nametoindex(req.ifr_name);
		ok = node->ifindex[i] && !ioctl(fd, SIOCGIFHWADDR, &req);
		memcpy(node->mac[i], req.ifr_hwaddr.sa_data, 6);
	}
	if (fd >= 0)
		(void)close(fd);
	return ok;
}

static bool open_socket(struct node *node, int at)
{
	struct sockaddr_ll addr = { .sll_family = AF_PACKET,
				    .sll_protocol = wd_be16(ETH_P_ALL) };
	char name[IF_NAMESIZE];
	struct ifreq req = { 0 };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	device_name(name, at, true);
	addr.sll_ifindex = (int)if_nametoindex(name);
	memcpy(req.ifr_name, name, sizeof(name));
	req.ifr_flags = IFF_UP;
	node->sock[at] = fd;
	return fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &req) &&
	       !bind(fd, (struct sockaddr *)&addr, sizeof(addr));
}

static bool open_sockets(struct node *node)
{
	int one = 1;
	bool ok = !setns(node->pods_ns, CLONE_NEWNET);

	for (int i = 0; ok && i <= NODE_UPLINK; i++)
		ok = open_socket(node, i);
	if (setns(node->node_ns, CLONE_NEWNET))
		abort();
	node->raw4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	node->raw6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	if (node->raw6 >= 0)
		(void)setsockopt(node->raw6, IPPROTO_IPV6, 36 /* HDRINCL */,
				 &one, sizeof(one));
	return ok && node->raw4 >= 0;
}

/*
 * What this host's kernel says by itself would be counted too: resets, errors,
 * multicast reports. It says nothing, before conntrack hears of it.
 */
static bool silence(void)
{
	static const char commands[] =
		"add table inet quiet\n"
		"add chain inet quiet output { type filter hook output priority -310; policy accept; }\n"
		"add rule inet quiet output tcp flags rst drop\n"
		"add rule inet quiet output icmp type { 3, 5, 11, 12 } drop\n"
		"add rule inet quiet output icmpv6 type { 1, 2, 3, 4, 130-138, 143 } drop\n";
	struct wd_nft_library *lib;
	char *error = NULL;
	int err = wd_nft_library_open(&lib, &error);

	if (!err) {
		err = wd_nft_run(lib, commands, &error);
		wd_nft_library_close(lib);
	}
	if (err)
		printf("# %s\n", error);
	free(error);
	return !err && node_sysctl("ipv4/icmp_echo_ignore_all", "1") &&
	       node_sysctl("ipv6/icmp/echo_ignore_all", "1");
}

/* What is sent is worked off where it was sent: before a sleep of ours ends. */
static void stay_on_one_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); /* else it is slower */
}

bool node_open(struct node *node)
{
	char *error = NULL;
	struct wd_tables tables;

	memset(node, 0, sizeof(*node));
	for (int i = 0; i <= NODE_UPLINK; i++)
		node->sock[i] = -1;
	node->pods_ns = node->node_ns = node->raw4 = node->raw6 = -1;
	if (!make_namespaces(node)) {
		printf("# no namespaces: %s\n", strerror(errno));
		return false;
	}
	stay_on_one_cpu();
	set_sysctls();
	make_links(node);
	if (!read_devices(node) || !open_sockets(node)) {
		printf("# no devices: %s\n", strerror(errno));
		return false;
	}
	if (!silence() || wd_memory_new(&node->mem))
		return false;
	tables = node_tables(node);
	if (wd_nft_open(&tables, &node->nft, &error)) {
		printf("# %s\n", error);
		free(error);
		return false;
	}
	return true;
}

void node_close(struct node *node)
{
	wd_nft_close(node->nft);
	wd_memory_free(node->mem);
	for (int i = 0; i <= NODE_UPLINK; i++)
		if (node->sock[i] >= 0)
			(void)close(node->sock[i]);
	if (node->raw4 >= 0)
		(void)close(node->raw4);
	if (node->raw6 >= 0)
		(void)close(node->raw6);
	if (node->pid > 0) {
		(void)kill(node->pid, SIGKILL);
		(void)waitpid(node->pid, NULL, 0);
	}
	if (node->pods_ns >= 0)
		(void)close(node->pods_ns);
	if (node->node_ns >= 0)
		(void)close(node->node_ns);
	memset(node, 0, sizeof(*node));
}

/* ---- own addresses ---- */

/* A line of /proc/net/ipv6_route: to/len from/len via metric refs uses flags dev */
#define ROUTE_FLAGS_AT 132

static bool is_local6(const struct wd_addr *addr)
{
	const uint8_t *byte = (const void *)&addr->v6;
	char want[40], line[256];
	bool found = false;
	FILE *in;

	for (int i = 0; i < 16; i++)
		(void)snprintf(want + 2 * i, sizeof(want) - 2 * (size_t)i,
			       "%02x", byte[i]);
	(void)snprintf(want + 32, sizeof(want) - 32, " 80 ");
	in = fopen("/proc/net/ipv6_route", "re");
	while (in && !found && fgets(line, sizeof(line), in))
		found = strlen(line) > ROUTE_FLAGS_AT &&
			!strncmp(line, want, strlen(want)) &&
			strtoul(line + ROUTE_FLAGS_AT, NULL, 16) & RTF_LOCAL;
	if (in)
		(void)fclose(in);
	return found;
}

bool node_wait_local(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return true; /* it is when ip(8) ends */
	for (int i = 0; i < 30000; i++) {
		if (is_local6(addr))
			return true;
		(void)usleep(1000);
	}
	return false;
}

/* ---- tables ---- */

static int table_get(void *ctx, enum wd_map map, const void *key, void *ret)
{
	return wd_memory_get(ctx, map, key, ret);
}

static int table_next(void *ctx, enum wd_map map, const void *prev, void *ret)
{
	return wd_memory_next(ctx, map, prev, ret);
}

static void *table_window(void *ctx, enum wd_map map)
{
	return wd_memory_window(ctx, map);
}

struct wd_tables node_tables(struct node *node)
{
	return (struct wd_tables){ node->mem, table_get, table_next,
				   table_window };
}

static int sink_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	struct node *node = ctx;

	wd_nft_changed(node->nft, map, key);
	return wd_memory_set(node->mem, map, key, val);
}

static int sink_del(void *ctx, enum wd_map map, const void *key)
{
	struct node *node = ctx;

	wd_nft_changed(node->nft, map, key);
	return wd_memory_del(node->mem, map, key);
}

static void sink_publish(void *ctx, uint32_t gen)
{
	struct node *node = ctx;
	struct wd_state_val *state =
		wd_memory_window(node->mem, WD_MAP_wd_state);

	state->gen = gen;
}

struct wd_sink node_sink(struct node *node)
{
	return (struct wd_sink){
		.ctx = node,
		.set = sink_set,
		.del = sink_del,
		.publish = sink_publish,
		.row = wd_memory_window(node->mem, WD_MAP_wd_row),
		.slot = wd_memory_window(node->mem, WD_MAP_wd_slot),
		.span = wd_memory_window(node->mem, WD_MAP_wd_span),
		.class = wd_memory_window(node->mem, WD_MAP_wd_class),
	};
}

/* ---- packets ---- */

int node_at(const struct node *node, uint32_t ifindex)
{
	for (int i = 0; i <= NODE_UPLINK; i++)
		if (node->ifindex[i] == ifindex)
			return i;
	return -1;
}

void node_inject(struct node *node, int at, uint8_t *frame, size_t len)
{
	if (send(node->sock[at], frame, len, 0) != (ssize_t)len)
		printf("# frame of %zu bytes not sent: %s\n", len,
		       strerror(errno));
}

void node_send(struct node *node, const uint8_t *ip, size_t len)
{
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	ssize_t put;

	memcpy(&to4.sin_addr, ip + 16, 4);
	if (*ip >> 4 == 6)
		memcpy(&to6.sin6_addr, ip + 24, 16);
	if (*ip >> 4 == 4)
		put = sendto(node->raw4, ip, len, 0, (struct sockaddr *)&to4,
			     sizeof(to4));
	else
		put = sendto(node->raw6, ip, len, 0, (struct sockaddr *)&to6,
			     sizeof(to6));
	(void)put; /* what is dropped on the way out is an error: EPERM */
}

/* What the kernels say by themselves: multicast reports, neighbour discovery. */
static bool is_noise(const uint8_t *frame)
{
	uint32_t type = (uint32_t)frame[12] << 8 | frame[13];

	if (type == 0x0800)
		return false;
	return type != 0x86dd || frame[20] == 0 ||
	       (frame[20] == IPPROTO_ICMPV6 && frame[54] >= 130);
}

/* @id: 0 any */
static bool has_id(const uint8_t *frame, uint16_t id)
{
	const uint8_t *at = frame + (frame[12] == 0x08 ? 18 : 16);

	return !id || (at[0] == id >> 8 && at[1] == (id & 0xff));
}

static int arrived_at(const struct node *node, int at, uint16_t id)
{
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);
	uint8_t frame[1600] = { 0 };
	int cnt = 0;

	while (recvfrom(node->sock[at], frame, sizeof(frame), 0,
			(struct sockaddr *)&from, &len) > 0) {
		cnt += from.sll_pkttype != PACKET_OUTGOING &&
		       !is_noise(frame) && has_id(frame, id);
		len = sizeof(from);
	}
	return cnt;
}

static int arrived(struct node *node, int at, uint16_t id)
{
	int cnt = 0;

	for (int i = 0; i <= NODE_UPLINK; i++) {
		int here = arrived_at(node, i, id);

		cnt += at < 0 || at == i ? here : 0;
	}
	return cnt;
}

int node_arrived(struct node *node, int at)
{
	return arrived(node, at, 0);
}

int node_arrived_of(struct node *node, uint16_t id)
{
	return arrived(node, -1, id);
}

/* ---- counters ---- */

typedef uint64_t counts[2][WD_R__MAX][WD_DIR__MAX];

static void add_count(void *ctx, const char *name, uint64_t packets,
		      uint64_t bytes)
{
	counts *to = ctx;
	enum wd_reason reason;
	enum wd_dir dir;
	bool is_audit;

	(void)bytes;
	if (wd_nft_stats_name(name, &reason, &dir, &is_audit))
		(*to)[is_audit][reason][dir] += packets;
}

static void read_counts(counts *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (wd_nft_kernel_counters(WD_NFT_TABLE, add_count, ret))
		printf("# counters cannot be read\n");
}

void node_forget(struct node *node)
{
	read_counts(&node->seen);
}

static struct verdict find(const struct node *node, const counts *now,
			   enum wd_dir dir)
{
	struct verdict v = { -1, false };
	uint64_t cnt = 0;

	for (int audit = 0; audit < 2; audit++) {
		for (int r = 0; r < WD_R__MAX; r++) {
			uint64_t more = (*now)[audit][r][dir] -
					node->seen[audit][r][dir];

			if (!more)
				continue;
			cnt += more;
			v = (struct verdict){ r, audit };
		}
	}
	if (cnt > 1)
		v.reason = -1;
	return v;
}

/*
 * Nothing tells that a packet will never come to a verdict. One that comes late
 * would be taken for the next: the first waits are short, for there are many
 * that never do, the last one is long.
 */
#define TRIES 7
#define WAIT_US 200 /* before the second try, then twice as long each time */

struct verdicts node_verdicts(struct node *node, enum wd_dir dir)
{
	struct verdicts v = { 0 };
	static counts now;

	for (int i = 0; i < TRIES; i++) {
		read_counts(&now);
		v.at[WD_INGRESS] = find(node, &now, WD_INGRESS);
		v.at[WD_EGRESS] = find(node, &now, WD_EGRESS);
		if (v.at[dir].reason >= 0)
			break;
		/* a sender's verdict against it ends the way of the packet */
		if (v.at[WD_EGRESS].reason >= WD_R_FIRST_DROP &&
		    !v.at[WD_EGRESS].audit)
			break;
		(void)usleep(WAIT_US << i);
	}
	memcpy(node->seen, now, sizeof(now));
	return v;
}

static void put_tuple(struct nlmsghdr *nlh, const struct wd_addr *src,
		      const struct wd_addr *dst, uint8_t proto)
{
	struct nlattr *tuple, *part;

	tuple = mnl_attr_nest_start(nlh, CTA_TUPLE_ORIG);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	if (src->family == 4) {
		mnl_attr_put(nlh, CTA_IP_V4_SRC, 4, &src->v4);
		mnl_attr_put(nlh, CTA_IP_V4_DST, 4, &dst->v4);
	} else {
		mnl_attr_put(nlh, CTA_IP_V6_SRC, 16, &src->v6);
		mnl_attr_put(nlh, CTA_IP_V6_DST, 16, &dst->v6);
	}
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, proto);
	mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, 0);
	mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, 0);
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

static void forget_one(const struct wd_addr *src, const struct wd_addr *dst,
		       uint8_t proto)
{
	char buf[512];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = src->family == 4 ? AF_INET : AF_INET6;
	nfg->version = NFNETLINK_V0;
	put_tuple(nlh, src, dst, proto);
	if (nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) &&
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) >= 0)
		(void)mnl_socket_recvfrom(nl, buf, sizeof(buf));
	if (nl)
		(void)mnl_socket_close(nl);
}

void node_forget_flow(const struct wd_flow *flow)
{
	forget_one(&flow->src, &flow->dst, flow->proto);
	forget_one(&flow->dst, &flow->src, flow->proto);
}
