/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * set.c - requests that change a WireGuard device. What it should be is decided
 * elsewhere. A private key is in the buffer only as long as the request takes.
 */
#include "set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "message.h"

#define REQ_BYTES 32768
#define PREFIXES 500 /* in one request; each takes 40 bytes at most */

int wd_wg_set_open(struct wd_wg_set *set, uint32_t ifindex)
{
	int err;

	memset(set, 0, sizeof(*set));
	set->ifindex = ifindex;
	set->req = malloc(REQ_BYTES);
	if (!set->req)
		return -ENOMEM;
	err = wd_rtnl_open(&set->nl, -1, NETLINK_GENERIC);
	if (!err) {
		err = wd_wg_family(&set->nl, &set->family);
		if (!err)
			return 0;
		wd_rtnl_close(&set->nl);
	}
	free(set->req);
	return err;
}

void wd_wg_set_close(struct wd_wg_set *set)
{
	wd_rtnl_close(&set->nl);
	free(set->req);
	set->req = NULL;
}

static struct nlmsghdr *begin(struct wd_wg_set *set)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(set->req);
	struct genlmsghdr *genl;

	head->nlmsg_type = set->family;
	head->nlmsg_flags = NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(head, sizeof(*genl));
	genl->cmd = WG_CMD_SET_DEVICE;
	genl->version = WG_GENL_VERSION;
	mnl_attr_put_u32(head, WGDEVICE_A_IFINDEX, set->ifindex);
	return head;
}

int wd_wg_set_key(struct wd_wg_set *set, const struct wd_wgkey *secret,
		  uint16_t port)
{
	struct nlmsghdr *head = begin(set);
	int err;

	mnl_attr_put(head, WGDEVICE_A_PRIVATE_KEY, sizeof(secret->byte),
		     secret->byte);
	if (port)
		mnl_attr_put_u16(head, WGDEVICE_A_LISTEN_PORT, port);
	err = wd_rtnl_run(&set->nl, head, NULL, NULL);
	explicit_bzero(set->req, REQ_BYTES);
	/* An error quotes the request. */
	explicit_bzero(set->nl.buf, WD_RTNL_BUF_BYTES);
	return err;
}

static void put_endpoint(struct nlmsghdr *head, const struct wd_addr *addr,
			 uint16_t port)
{
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = addr->v4,
	};
	const struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = addr->v6,
	};

	if (addr->family == 4)
		mnl_attr_put(head, WGPEER_A_ENDPOINT, sizeof(v4), &v4);
	else
		mnl_attr_put(head, WGPEER_A_ENDPOINT, sizeof(v6), &v6);
}

static void put_prefixes(struct nlmsghdr *head, const struct wd_cidr *prefix,
			 uint32_t cnt)
{
	struct nlattr *list = mnl_attr_nest_start(head, WGPEER_A_ALLOWEDIPS);

	for (uint32_t i = 0; i < cnt; i++) {
		bool is_v4 = prefix[i].addr.family == 4;
		struct nlattr *nest = mnl_attr_nest_start(head, 0);

		mnl_attr_put_u16(head, WGALLOWEDIP_A_FAMILY,
				 is_v4 ? AF_INET : AF_INET6);
		mnl_attr_put(head, WGALLOWEDIP_A_IPADDR, is_v4 ? 4 : 16,
			     &prefix[i].addr.v6);
		mnl_attr_put_u8(head, WGALLOWEDIP_A_CIDR_MASK, prefix[i].len);
		mnl_attr_nest_end(head, nest);
	}
	mnl_attr_nest_end(head, list);
}

/* The one peer that a request is about; ended by send_peer(). */
static struct nlmsghdr *begin_peer(struct wd_wg_set *set,
				   const struct wd_wgkey *key,
				   struct nlattr **ret_nest)
{
	struct nlmsghdr *head = begin(set);

	ret_nest[0] = mnl_attr_nest_start(head, WGDEVICE_A_PEERS);
	ret_nest[1] = mnl_attr_nest_start(head, 0);
	mnl_attr_put(head, WGPEER_A_PUBLIC_KEY, sizeof(key->byte), key->byte);
	return head;
}

static int send_peer(struct wd_wg_set *set, struct nlmsghdr *head,
		     struct nlattr **nest)
{
	mnl_attr_nest_end(head, nest[1]);
	mnl_attr_nest_end(head, nest[0]);
	return wd_rtnl_run(&set->nl, head, NULL, NULL);
}

int wd_wg_set_peer(struct wd_wg_set *set, const struct wd_wgkey *key,
		   const struct wd_addr *endpoint, uint16_t port,
		   const struct wd_cidr *prefix, uint32_t cnt)
{
	uint32_t done = 0;
	int err;

	do {
		uint32_t some = cnt - done < PREFIXES ? cnt - done : PREFIXES;
		struct nlattr *nest[2];
		struct nlmsghdr *head = begin_peer(set, key, nest);

		if (endpoint && !done)
			put_endpoint(head, endpoint, port);
		if (some)
			put_prefixes(head, prefix + done, some);
		err = send_peer(set, head, nest);
		done += some;
	} while (!err && done < cnt);
	return err;
}

int wd_wg_unset_peer(struct wd_wg_set *set, const struct wd_wgkey *key)
{
	struct nlattr *nest[2];
	struct nlmsghdr *head = begin_peer(set, key, nest);

	mnl_attr_put_u32(head, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
	return send_peer(set, head, nest);
}

int wd_wg_unset_prefixes(struct wd_wg_set *set, const struct wd_cidr *prefix,
			 uint32_t cnt)
{
	struct wd_wgkey key;
	int err, gone;

	if (!cnt)
		return 0;
	/* A public key that nobody has the private one of. */
	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return -EIO;
	err = wd_wg_set_peer(set, &key, NULL, 0, prefix, cnt);
	gone = wd_wg_unset_peer(set, &key);
	return err ? err : gone;
}
