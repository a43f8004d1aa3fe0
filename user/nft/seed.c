/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * seed.c - see seed.h. Where in the sequence the ends are is not known, so the
 * entry is liberal about it (IP_CT_TCP_FLAG_BE_LIBERAL); policy is not: each of
 * its packets is judged by the ruleset as of any connection.
 */
#include "nft/seed.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define MESSAGE_BYTES 768

static void put_ip(struct nlmsghdr *msg, const struct wd_nft_conn *conn,
		   const __be32 *src, const __be32 *dst)
{
	struct nlattr *nest = mnl_attr_nest_start(msg, CTA_TUPLE_IP);

	if (conn->family == 4) {
		mnl_attr_put(msg, CTA_IP_V4_SRC, sizeof(*src), src);
		mnl_attr_put(msg, CTA_IP_V4_DST, sizeof(*dst), dst);
	} else {
		mnl_attr_put(msg, CTA_IP_V6_SRC, 16, src);
		mnl_attr_put(msg, CTA_IP_V6_DST, 16, dst);
	}
	mnl_attr_nest_end(msg, nest);
}

static void put_tuple(struct nlmsghdr *msg, const struct wd_nft_conn *conn,
		      bool is_reply)
{
	struct nlattr *tuple = mnl_attr_nest_start(
		msg, is_reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	const __be16 *src = is_reply ? &conn->other_port : &conn->opener_port;
	const __be16 *dst = is_reply ? &conn->opener_port : &conn->other_port;
	struct nlattr *proto;

	put_ip(msg, conn, is_reply ? conn->other : conn->opener,
	       is_reply ? conn->opener : conn->other);
	proto = mnl_attr_nest_start(msg, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(msg, CTA_PROTO_NUM, IPPROTO_TCP);
	mnl_attr_put(msg, CTA_PROTO_SRC_PORT, sizeof(*src), src);
	mnl_attr_put(msg, CTA_PROTO_DST_PORT, sizeof(*dst), dst);
	mnl_attr_nest_end(msg, proto);
	mnl_attr_nest_end(msg, tuple);
}

static void put_state(struct nlmsghdr *msg)
{
	struct nf_ct_tcp_flags any = { IP_CT_TCP_FLAG_BE_LIBERAL,
				       IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(msg, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(msg, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(msg, CTA_PROTOINFO_TCP_STATE,
			TCP_CONNTRACK_ESTABLISHED);
	mnl_attr_put(msg, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(any), &any);
	mnl_attr_put(msg, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(any), &any);
	mnl_attr_nest_end(msg, tcp);
	mnl_attr_nest_end(msg, info);
}

static struct nlmsghdr *build(void *room, const struct wd_nft_conn *conn)
{
	struct nlmsghdr *msg = mnl_nlmsg_put_header(room);
	struct nfgenmsg *nfg;

	msg->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL |
			   NLM_F_ACK;
	msg->nlmsg_seq = 1; /* the only one on this socket */
	nfg = mnl_nlmsg_put_extra_header(msg, sizeof(*nfg));
	nfg->nfgen_family = conn->family == 4 ? AF_INET : AF_INET6;
	nfg->version = NFNETLINK_V0;
	put_tuple(msg, conn, false);
	put_tuple(msg, conn, true);
	mnl_attr_put_u32(msg, CTA_STATUS,
			 htonl(IPS_CONFIRMED | IPS_SEEN_REPLY | IPS_ASSURED));
	mnl_attr_put_u32(msg, CTA_TIMEOUT, htonl(conn->life_s));
	put_state(msg);
	return msg;
}

static int ask(struct mnl_socket *nl, const struct nlmsghdr *msg)
{
	char answer[MESSAGE_BYTES];
	ssize_t got;

	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(nl, msg, msg->nlmsg_len) < 0)
		return -errno;
	got = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	if (got < 0)
		return -errno;
	return mnl_cb_run(answer, (size_t)got, msg->nlmsg_seq,
			  mnl_socket_get_portid(nl), NULL, NULL) < 0 ?
		       -errno :
		       0;
}

int wd_nft_seed(const struct wd_nft_conn *conn)
{
	char room[MESSAGE_BYTES] __attribute__((aligned(8))) = { 0 };
	struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int err;

	if (!nl)
		return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
	err = ask(nl, build(room, conn));
	(void)mnl_socket_close(nl);
	if (err == -EINVAL || err == -EPROTONOSUPPORT)
		return -EOPNOTSUPP; /* no such part of nfnetlink */
	return err == -EEXIST ? 0 : err;
}
