/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cni_veth.c - finding pairs, following links and listing sockets, with
 * real namespaces. All of them are nameless and end with this process; its
 * own, the "host", is a fresh one too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/diag.h"
#include "net/netns.h"
#include "net/rtnl.h"
#include "net/veth.h"
#include "tap.h"

static int host_ns = -1;

static int open_own_ns(void)
{
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* A new namespace; the caller stays where it is. */
static int new_ns(void)
{
	int fd;

	if (unshare(CLONE_NEWNET))
		return -1;
	fd = open_own_ns();
	if (setns(host_ns, CLONE_NEWNET))
		exit(1);
	return fd;
}

/* Run a shell line inside @ns. */
__attribute__((format(printf, 2, 3))) static void sh(int ns, const char *fmt,
						     ...)
{
	char line[512];
	va_list args;
	int status = -1;
	pid_t pid;

	va_start(args, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	pid = fork();
	if (pid == 0) {
		if (setns(ns, CLONE_NEWNET))
			_exit(126);
		execl("/bin/sh", "sh", "-ec", line, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, &status, 0);
	if (!wd_expect_int(0, status))
		printf("# %s\n", line);
}

/* For ip's netns argument. */
static const char *ns_path(int ns)
{
	static char path[4][64];
	static unsigned int next;
	char *out = path[next++ % 4];

	(void)snprintf(out, sizeof(path[0]), "/proc/%d/fd/%d", (int)getpid(),
		       ns);
	return out;
}

/* ---- pairs ---- */

static void pair_is_found_with_all_that_is_asked(void)
{
	int pod = new_ns();
	struct wd_veth veth = { 0 };
	char text[WD_ADDR_STRLEN];
	int sock;

	sh(host_ns,
	   "ip link add br0 type bridge;"
	   "ip link add vh0 address 02:00:00:00:00:01 type veth"
	   " peer name eth0 address 02:00:00:00:00:02 netns %s;"
	   "ip link set vh0 master br0 up",
	   ns_path(pod));
	sh(pod, "ip link set lo up; ip link set eth0 up;"
		"ip addr add 10.1.0.5 peer 10.1.0.1 dev eth0;"
		"ip addr add 10.1.0.6/24 dev eth0;"
		"ip addr add fd00::5/64 dev eth0 nodad;"
		"ip addr add 10.9.9.9/32 dev lo");

	wd_expect_int(0, wd_veth_find(pod, "eth0", &veth));

	wd_expect_int(if_nametoindex("vh0"), veth.host_ifindex);
	wd_expect_int(if_nametoindex("br0"), veth.master);
	wd_expect_str("vh0", veth.host_name);
	wd_expect_str("eth0", veth.pod_name);
	wd_expect_int(1, veth.host_mac[5]);
	wd_expect_int(2, veth.pod_mac[5]);
	wd_expect_int(3, veth.addr_cnt);
	wd_expect_str("10.1.0.5", wd_addr_str(&veth.addr[0], text));
	wd_expect_str("10.1.0.6", wd_addr_str(&veth.addr[1], text));
	wd_expect_str("fd00::5", wd_addr_str(&veth.addr[2], text));
	(void)inet_ntop(AF_INET6, &veth.ll6, text, sizeof(text));
	wd_expect_str("fe80::ff:fe00:2", text);
	sock = wd_netns_socket(pod, AF_INET, SOCK_DGRAM, 0);
	wd_expect(sock >= 0);
	wd_expect(wd_netns_cookie(sock) == veth.cookie);
	wd_expect_int(0, wd_veth_check(pod, &veth));

	sh(pod, "ip addr del fe80::ff:fe00:2/64 dev eth0;"
		"ip addr add fe80::77/64 dev eth0 nodad");
	wd_expect_int(0, wd_veth_find(pod, "eth0", &veth));
	(void)inet_ntop(AF_INET6, &veth.ll6, text, sizeof(text));
	wd_expect_str("fe80::77", text);
	sh(host_ns, "ip link del vh0; ip link del br0");
	(void)close(sock);
	(void)close(pod);
}

static void what_is_no_pair_of_this_host_is_refused(void)
{
	int pod = new_ns();
	int other = new_ns();
	struct wd_veth veth;

	sh(pod,
	   "ip link add d0 type bridge;"
	   "ip link add in0 type veth peer name in1;"
	   "ip link add eth0 type veth peer name x netns %s",
	   ns_path(other));

	wd_expect_int(-ENODEV, wd_veth_find(pod, "none", &veth));
	wd_expect_int(-ENODEV, wd_veth_find(pod, "sixteen-bytes-xx", &veth));
	wd_expect_int(-ENOTSUP, wd_veth_find(pod, "d0", &veth));
	wd_expect_int(-ENOTSUP, wd_veth_find(pod, "lo", &veth));
	wd_expect_int(-EXDEV, wd_veth_find(pod, "in0", &veth));
	wd_expect_int(-EXDEV, wd_veth_find(pod, "eth0", &veth));
	wd_expect_int(-EBADF, wd_veth_find(-1, "eth0", &veth));
	(void)close(pod);
	(void)close(other);
}

/*
 * A pod that makes pairs of its own can give them the numbers of another
 * pod's pair. Neither number may be enough.
 */
static void forged_indexes_do_not_lead_to_another_pods_interface(void)
{
	int victim = new_ns();
	int evil = new_ns();
	int helper = new_ns();
	struct wd_veth veth;

	sh(host_ns,
	   "ip link add vh1 index 4711 type veth"
	   " peer name eth0 index 815 netns %s",
	   ns_path(victim));
	/* Same numbers on both sides, but the far end is not here. */
	sh(evil,
	   "ip link add eth0 index 815 type veth"
	   " peer name p index 4711 netns %s",
	   ns_path(helper));
	wd_expect_int(-EXDEV, wd_veth_find(evil, "eth0", &veth));
	/* And when the pod knows this host by the number it uses for helper. */
	sh(host_ns, "ip link add vh2 type veth peer name eth1 netns %s",
	   ns_path(evil));
	wd_expect_int(-EXDEV, wd_veth_find(evil, "eth0", &veth));
	wd_expect_int(0, wd_veth_find(evil, "eth1", &veth));
	wd_expect_str("vh2", veth.host_name);
	wd_expect_int(0, wd_veth_find(victim, "eth0", &veth));
	wd_expect_str("vh1", veth.host_name);
	wd_expect_int(-ESTALE, wd_veth_check(evil, &veth));
	sh(host_ns, "ip link del vh1; ip link del vh2");
	(void)close(victim);
	(void)close(evil);
	(void)close(helper);
}

static void check_tells_gone_from_replaced(void)
{
	int pod = new_ns();
	int other = new_ns();
	struct wd_veth veth;

	sh(host_ns,
	   "ip link add vh3 index 300 type veth"
	   " peer name eth0 index 30 netns %s",
	   ns_path(pod));
	wd_expect_int(0, wd_veth_find(pod, "eth0", &veth));
	wd_expect_int(0, wd_veth_check(pod, &veth));

	sh(host_ns, "ip link del vh3");
	wd_expect_int(-ENODEV, wd_veth_check(pod, &veth));

	sh(host_ns,
	   "ip link add vh3 index 300 type veth"
	   " peer name eth0 index 30 netns %s",
	   ns_path(other));
	wd_expect_int(-ESTALE, wd_veth_check(pod, &veth));
	if (veth.cookie)
		wd_expect_int(-ESTALE, wd_veth_check(other, &veth));

	sh(host_ns, "ip link del vh3; ip link add vh3 index 300 type bridge");
	wd_expect_int(-ESTALE, wd_veth_check(pod, &veth));
	sh(host_ns, "ip link del vh3");
	(void)close(pod);
	(void)close(other);
}

static void more_addresses_than_fit_do_not_hide_a_pod(void)
{
	int pod = new_ns();
	struct wd_veth veth;

	sh(host_ns, "ip link add vh4 type veth peer name eth0 netns %s",
	   ns_path(pod));
	sh(pod, "for i in $(seq 1 100); do"
		" ip addr add 10.2.0.$i/24 dev eth0; done");

	wd_expect_int(0, wd_veth_find(pod, "eth0", &veth));

	wd_expect_int(WD_VETH_ADDRS, veth.addr_cnt);
	sh(host_ns, "ip link del vh4");
	(void)close(pod);
}

static int note_veth(void *ctx, const struct wd_link *link)
{
	wd_expect_int(if_nametoindex(link->name), link->ifindex);
	wd_expect(link->peer_nsid >= 0);
	++*(int *)ctx;
	return strcmp(link->name, "vh6") ? 0 : -ECANCELED;
}

static void only_pairs_that_lead_out_are_discovered(void)
{
	int pod = new_ns();
	int cnt = 0;

	sh(host_ns,
	   "ip link add in0 type veth peer name in1;"
	   "ip link add d0 type bridge;"
	   "ip link add vh5 type veth peer name eth0 netns %s",
	   ns_path(pod));
	wd_expect_int(0, wd_veth_each(note_veth, &cnt));
	wd_expect_int(1, cnt);

	sh(host_ns, "ip link add vh6 type veth peer name eth1 netns %s",
	   ns_path(pod));
	wd_expect_int(-ECANCELED, wd_veth_each(note_veth, &cnt));
	sh(host_ns, "ip link del in0; ip link del d0;"
		    "ip link del vh5; ip link del vh6");
	(void)close(pod);
}

/* ---- link events ---- */

struct seen {
	uint32_t ifindex;
	uint32_t master;
	int live;
	int gone;
};

static void note_link(void *ctx, const struct wd_link *link, bool gone)
{
	struct seen *seen = ctx;

	if ((link ? link->ifindex : 0) != seen->ifindex)
		return;
	seen->master = link ? link->master : 0;
	if (gone)
		seen->gone++;
	else
		seen->live++;
}

static void link_events_tell_gone_from_unbridged(void)
{
	struct seen seen = { .ifindex = 500 };
	struct wd_linkmon *mon = NULL;
	int other = new_ns();
	struct wd_link link;

	wd_expect_int(0, wd_linkmon_open(note_link, &seen, &mon));
	sh(host_ns, "ip link add br0 index 499 type bridge;"
		    "ip link add d0 index 500 type veth peer name d0p;"
		    "ip link set d0 master br0");
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect(seen.live > 0);
	wd_expect_int(499, seen.master);
	wd_expect_int(0, wd_link_look(500, &link));
	wd_expect_int(499, link.master);
	wd_expect_str("veth", link.kind);
	wd_expect(!link.has_xdp && !link.is_loopback);

	sh(host_ns, "ip link set d0 nomaster");
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(0, seen.gone);
	wd_expect_int(0, seen.master);

	sh(host_ns, "ip link set d0 netns %s", ns_path(other));
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(1, seen.gone);
	wd_expect_int(-ENODEV, wd_link_look(500, &link));

	sh(host_ns,
	   "ip link add d1 index 500 type veth peer name d1p; ip link del d1;"
	   "ip link del br0");
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(2, seen.gone);
	wd_linkmon_close(mon);
	(void)close(other);
}

static bool host_has(const char *text)
{
	struct wd_addr *list = NULL, addr;
	int cnt = wd_host_addrs(&list);
	bool has = false;

	wd_expect_int(0, wd_addr_parse(text, &addr));
	for (int i = 0; i < cnt; i++)
		has |= wd_addr_equal(&list[i], &addr);
	free(list);
	return has;
}

/* Addresses and broadcasts: told as interface 0, once for all that came. */
static void changes_of_own_addresses_are_told(void)
{
	struct seen seen = { .ifindex = 0 };
	struct wd_linkmon *mon = NULL;

	wd_expect_int(0, wd_linkmon_open(note_link, &seen, &mon));
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(0, seen.live);
	sh(host_ns, "ip link add br1 type bridge; ip link set br1 up;"
		    "ip addr add 10.77.0.1/24 broadcast 10.77.0.255 dev br1;"
		    "ip addr add fd00:77::1/64 dev br1 nodad");
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(1, seen.live);
	wd_expect(host_has("10.77.0.1"));
	wd_expect(host_has("10.77.0.255"));
	wd_expect(host_has("fd00:77::1"));
	sh(host_ns, "ip link del br1");
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_expect_int(2, seen.live);
	wd_expect(!host_has("10.77.0.1"));
	wd_linkmon_close(mon);
}

static void lost_link_events_are_told(void)
{
	struct seen seen = { .ifindex = 600 };
	struct wd_linkmon *mon = NULL;
	int size = 1;

	wd_expect_int(0, wd_linkmon_open(note_link, &seen, &mon));
	(void)setsockopt(wd_linkmon_fd(mon), SOL_SOCKET, SO_RCVBUF, &size,
			 sizeof(size));
	sh(host_ns, "ip link add d0 index 600 type bridge;"
		    "for i in 1 2 3 4 5 6 7 8; do"
		    " ip link set d0 up; ip link set d0 down; done;"
		    "ip link del d0");

	wd_expect_int(-ENOBUFS, wd_linkmon_poll(mon));
	wd_expect_int(0, wd_linkmon_poll(mon));
	wd_linkmon_close(mon);
}

static void host_addresses_are_those_that_others_can_reach(void)
{
	struct wd_addr *addr = NULL;
	char text[WD_ADDR_STRLEN];
	int cnt;

	sh(host_ns, "ip link set lo up; ip link add d0 type bridge;"
		    "ip link set d0 up; ip addr add 192.0.2.1/24 dev d0;"
		    "ip addr add 2001:db8::1/64 dev d0 nodad");

	cnt = wd_host_addrs(&addr);

	wd_expect_int(2, cnt);
	if (cnt == 2) {
		wd_expect_str("192.0.2.1", wd_addr_str(&addr[0], text));
		wd_expect_str("2001:db8::1", wd_addr_str(&addr[1], text));
	}
	free(addr);
	sh(host_ns, "ip link del d0; ip link set lo down");
}

/* ---- sockets ---- */

static int sock_at(int ns, int type, const char *addr, uint16_t port)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};
	int fd = wd_netns_socket(ns, AF_INET6, type, 0);
	int on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	wd_expect_int(1, inet_pton(AF_INET6, addr, &to.sin6_addr));
	wd_expect_int(0, bind(fd, (struct sockaddr *)&to, sizeof(to)));
	return fd;
}

static void dial(int fd, const char *addr, uint16_t port, int expected)
{
	struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
	};

	wd_expect_int(1, inet_pton(AF_INET6, addr, &to.sin6_addr));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		wd_expect_int(expected, -errno);
	else
		wd_expect_int(expected, 0);
}

static const struct wd_conn *find_conn(const struct wd_conn *conn, int cnt,
				       uint8_t proto, uint16_t lport)
{
	for (int i = 0; i < cnt; i++)
		if (conn[i].proto == proto && conn[i].lport == lport)
			return &conn[i];
	return NULL;
}

static void expect_conn(const struct wd_conn *conn, const char *local,
			const char *peer, uint16_t pport, bool inbound)
{
	char text[WD_ADDR_STRLEN];

	if (!wd_expect(conn != NULL))
		return;
	wd_expect_str(local, wd_addr_str(&conn->local, text));
	wd_expect_str(peer, wd_addr_str(&conn->peer, text));
	wd_expect_int(pport, conn->pport);
	wd_expect_int(inbound, conn->inbound);
}

struct sockets {
	int fd[16];
	int cnt;
};

static int keep(struct sockets *s, int fd)
{
	s->fd[s->cnt++] = fd;
	return fd;
}

static void make_connections(struct sockets *s, int pod)
{
	int fd;

	/* In: a listener of both families in the pod, dialled over IPv4. */
	(void)listen(keep(s, sock_at(pod, SOCK_STREAM, "::", 80)), 8);
	fd = keep(s, sock_at(host_ns, SOCK_STREAM, "::ffff:10.3.0.1", 5001));
	dial(fd, "::ffff:10.3.0.2", 80, 0);
	/* Out: over IPv6. */
	(void)listen(keep(s, sock_at(host_ns, SOCK_STREAM, "fd03::1", 443)), 8);
	fd = keep(s, sock_at(pod, SOCK_STREAM, "fd03::2", 5002));
	dial(fd, "fd03::1", 443, 0);
	/* Out, without an answer. */
	fd = keep(s, sock_at(pod, SOCK_STREAM | SOCK_NONBLOCK,
			     "::ffff:10.3.0.2", 5003));
	dial(fd, "::ffff:10.3.0.99", 81, -EINPROGRESS);
	/* Loopback. */
	fd = keep(s, sock_at(pod, SOCK_STREAM, "::ffff:127.0.0.1", 5004));
	dial(fd, "::ffff:127.0.0.1", 80, 0);
	/* UDP: connected, unconnected, and a server's connected one. */
	fd = keep(s, sock_at(pod, SOCK_DGRAM, "::ffff:10.3.0.2", 5005));
	dial(fd, "::ffff:10.3.0.1", 53, 0);
	keep(s, sock_at(pod, SOCK_DGRAM, "::", 5006));
	fd = keep(s, sock_at(pod, SOCK_DGRAM, "fd03::2", 5006));
	dial(fd, "fd03::1", 5007, 0);
}

static void live_sockets_are_listed_with_who_began(void)
{
	int pod = new_ns();
	struct sockets s = { .cnt = 0 };
	struct wd_conn *conn = NULL;
	int cnt;

	sh(host_ns,
	   "ip link add vh7 type veth peer name eth0 netns %s;"
	   "ip addr add 10.3.0.1/24 dev vh7;"
	   "ip addr add fd03::1/64 dev vh7 nodad; ip link set vh7 up",
	   ns_path(pod));
	sh(pod, "ip link set lo up; ip addr add 10.3.0.2/24 dev eth0;"
		"ip addr add fd03::2/64 dev eth0 nodad; ip link set eth0 up");
	make_connections(&s, pod);

	cnt = wd_diag_conns(pod, &conn);

	wd_expect_int(5, cnt);
	expect_conn(find_conn(conn, cnt, IPPROTO_TCP, 80), "10.3.0.2",
		    "10.3.0.1", 5001, true);
	expect_conn(find_conn(conn, cnt, IPPROTO_TCP, 5002), "fd03::2",
		    "fd03::1", 443, false);
	expect_conn(find_conn(conn, cnt, IPPROTO_TCP, 5003), "10.3.0.2",
		    "10.3.0.99", 81, false);
	expect_conn(find_conn(conn, cnt, IPPROTO_UDP, 5005), "10.3.0.2",
		    "10.3.0.1", 53, false);
	expect_conn(find_conn(conn, cnt, IPPROTO_UDP, 5006), "fd03::2",
		    "fd03::1", 5007, true);
	free(conn);
	for (int i = 0; i < s.cnt; i++)
		(void)close(s.fd[i]);
	wd_expect_int(-EBADF, wd_diag_conns(-1, &conn));
	sh(host_ns, "ip link del vh7");
	(void)close(pod);
}

static void caller_is_back_in_its_own_namespace(void)
{
	char before[64] = "";
	char after[64] = "";
	int pod = new_ns();
	struct wd_conn *conn = NULL;
	struct wd_veth veth;

	wd_expect(readlink("/proc/self/ns/net", before, 63) > 0);
	wd_expect_int(-ENODEV, wd_veth_find(pod, "eth0", &veth));
	wd_expect_int(0, wd_diag_conns(pod, &conn));
	wd_expect(wd_netns_socket(pod, AF_INET, -1, 0) < 0);
	wd_expect(readlink("/proc/self/ns/net", after, 63) > 0);

	wd_expect_str(before, after);
	wd_expect(wd_netns_socket(0, AF_INET, SOCK_DGRAM, 0) < 0);
	free(conn);
	(void)close(pod);
}

int main(void)
{
	if (geteuid() || unshare(CLONE_NEWNET)) {
		printf("root, to make network namespaces\n");
		return 4;
	}
	host_ns = open_own_ns();
	WD_TEST(pair_is_found_with_all_that_is_asked);
	WD_TEST(what_is_no_pair_of_this_host_is_refused);
	WD_TEST(forged_indexes_do_not_lead_to_another_pods_interface);
	WD_TEST(check_tells_gone_from_replaced);
	WD_TEST(more_addresses_than_fit_do_not_hide_a_pod);
	WD_TEST(only_pairs_that_lead_out_are_discovered);
	WD_TEST(link_events_tell_gone_from_unbridged);
	WD_TEST(changes_of_own_addresses_are_told);
	WD_TEST(lost_link_events_are_told);
	WD_TEST(host_addresses_are_those_that_others_can_reach);
	WD_TEST(live_sockets_are_listed_with_who_began);
	WD_TEST(caller_is_back_in_its_own_namespace);
	return wd_tests_end();
}
