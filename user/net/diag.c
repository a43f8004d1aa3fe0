/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * diag.c - reads a pod's sockets. It only lists; whether policy permits a
 * connection is judged where it is seeded.
 */
#include "diag.h"

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include "base/byteorder.h"
#include "rtnl.h"

#define STATE(x) (1u << (x))
#define TCP_STATES \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_SENT) | STATE(TCP_SYN_RECV) | \
	 STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | STATE(TCP_CLOSE_WAIT) | \
	 STATE(TCP_CLOSING) | STATE(TCP_LAST_ACK) | STATE(TCP_LISTEN))
/* A UDP socket is "established" when connected, else "closed". */
#define UDP_STATES (STATE(TCP_ESTABLISHED) | STATE(TCP_CLOSE))

struct listing {
	struct wd_conn *conn;
	size_t cnt;
	size_t cap;
	uint8_t proto; /* of the dump under way */
	uint8_t serves[65536 / 8]; /* ports with a listener, of this protocol */
};

static bool port_is_served(const struct listing *list, uint16_t port)
{
	return list->serves[port / 8] & 1u << port % 8;
}

static void read_addr(uint8_t family, const __be32 *from, struct wd_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (family == AF_INET) {
		addr->family = 4;
		memcpy(&addr->v4, from, sizeof(addr->v4));
		return;
	}
	addr->family = 6;
	memcpy(&addr->v6, from, sizeof(addr->v6));
	if (IN6_IS_ADDR_V4MAPPED(&addr->v6)) {
		memset(addr, 0, sizeof(*addr));
		addr->family = 4;
		memcpy(&addr->v4, &from[3], sizeof(addr->v4));
	}
}

/* Not on the wire of the pod: loopback, or a socket that has no peer. */
static bool addr_is_away(const struct wd_addr *addr)
{
	if (addr->family == 4)
		return addr->v4.s_addr && (ntohl(addr->v4.s_addr) >> 24) != 127;
	return !IN6_IS_ADDR_LOOPBACK(&addr->v6) &&
	       !IN6_IS_ADDR_UNSPECIFIED(&addr->v6);
}

static struct wd_conn *grow(struct listing *list)
{
	size_t cap = list->cap ? list->cap * 2 : 64;
	struct wd_conn *conn;

	if (list->cnt < list->cap)
		return &list->conn[list->cnt];
	conn = reallocarray(list->conn, cap, sizeof(*conn));
	if (!conn)
		return NULL;
	list->conn = conn;
	list->cap = cap;
	return &list->conn[list->cnt];
}

static int take_socket(void *ctx, const struct nlmsghdr *msg)
{
	const struct inet_diag_msg *diag = mnl_nlmsg_get_payload(msg);
	struct listing *list = ctx;
	uint16_t lport;
	struct wd_conn *conn;

	if (msg->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(msg) < sizeof(*diag))
		return 0;
	lport = wd_host16(diag->id.idiag_sport);
	if (diag->idiag_state == TCP_LISTEN || diag->idiag_state == TCP_CLOSE) {
		list->serves[lport / 8] |= (uint8_t)(1u << lport % 8);
		return 0;
	}
	conn = grow(list);
	if (!conn)
		return -ENOMEM;
	memset(conn, 0, sizeof(*conn));
	read_addr(diag->idiag_family, diag->id.idiag_src, &conn->local);
	read_addr(diag->idiag_family, diag->id.idiag_dst, &conn->peer);
	if (!addr_is_away(&conn->local) || !addr_is_away(&conn->peer))
		return 0;
	conn->lport = lport;
	conn->pport = wd_host16(diag->id.idiag_dport);
	conn->proto = list->proto;
	/* The handshake tells who began; later only the listener does. */
	conn->inbound = diag->idiag_state == TCP_SYN_RECV;
	list->cnt++;
	return 0;
}

static int dump(struct wd_rtnl *nl, struct listing *list, uint8_t family,
		uint32_t states)
{
	size_t before = list->cnt;
	int err = -EINTR;

	for (int i = 0; i < WD_RTNL_TRIES && err == -EINTR; i++) {
		union wd_rtnl_req space;
		struct nlmsghdr *head = mnl_nlmsg_put_header(&space);
		struct inet_diag_req_v2 *req;

		head->nlmsg_type = SOCK_DIAG_BY_FAMILY;
		head->nlmsg_flags = NLM_F_DUMP;
		req = mnl_nlmsg_put_extra_header(head, sizeof(*req));
		req->sdiag_family = family;
		req->sdiag_protocol = list->proto;
		req->idiag_states = states;
		list->cnt = before;
		err = wd_rtnl_run(nl, head, take_socket, list);
	}
	return err;
}

/* Both families first: an IPv6 listener serves IPv4 connections too. */
static int dump_proto(struct wd_rtnl *nl, struct listing *list, uint8_t proto,
		      uint32_t states)
{
	size_t before = list->cnt;
	int err;

	list->proto = proto;
	memset(list->serves, 0, sizeof(list->serves));
	err = dump(nl, list, AF_INET, states);
	if (!err)
		err = dump(nl, list, AF_INET6, states);
	for (size_t i = before; i < list->cnt; i++)
		if (port_is_served(list, list->conn[i].lport))
			list->conn[i].inbound = true;
	return err;
}

int wd_diag_conns(int netns_fd, struct wd_conn **ret_conn)
{
	struct listing *list;
	struct wd_rtnl nl;
	int err;

	if (netns_fd < 0)
		return -EBADF;
	list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	err = wd_rtnl_open(&nl, netns_fd, NETLINK_SOCK_DIAG);
	if (err)
		goto err_free;
	err = dump_proto(&nl, list, IPPROTO_TCP, TCP_STATES);
	if (!err)
		err = dump_proto(&nl, list, IPPROTO_UDP, UDP_STATES);
	/* A kernel may lack the module that lists UDP: then TCP is all. */
	if (err == -ENOENT && list->proto == IPPROTO_UDP)
		err = 0;
	wd_rtnl_close(&nl);
	if (!err && list->cnt > INT_MAX)
		err = -E2BIG;
	if (!err) {
		int cnt = (int)list->cnt;

		*ret_conn = list->conn;
		free(list);
		return cnt;
	}
err_free:
	free(list->conn);
	free(list);
	return err;
}
