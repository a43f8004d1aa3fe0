/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * message.c - from messages of WireGuard to devices. The sender is the kernel,
 * yet every length is looked at: a reading that is wrong in one place would
 * let a packet pass, or stop one, for a reason that nobody finds.
 */
#include "message.h"

#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "../model/xalloc.h"
#include "../net/rtnl.h"

/* ---- allowed-ips ---- */

/* The kernel keeps host bits off; a prefix with some would sort twice. */
static bool host_bits_are_zero(const struct wd_cidr *cidr)
{
	uint8_t bits = cidr->addr.family == 4 ? 32 : 128;
	const uint8_t *byte = (const uint8_t *)&cidr->addr.v6;

	for (uint8_t bit = cidr->len; bit < bits; bit++) {
		if (byte[bit / 8] & 0x80 >> bit % 8)
			return false;
	}
	return true;
}

static int read_prefix(const struct nlattr *nest, struct wd_cidr *ret_cidr)
{
	const struct nlattr *attr, *addr = NULL;
	struct wd_cidr cidr = { 0 };
	int family = 0, len = -1;

	mnl_attr_for_each_nested(attr, nest) {
		uint16_t bytes = mnl_attr_get_payload_len(attr);

		switch (mnl_attr_get_type(attr)) {
		case WGALLOWEDIP_A_FAMILY:
			if (bytes == sizeof(uint16_t))
				family = mnl_attr_get_u16(attr);
			break;
		case WGALLOWEDIP_A_IPADDR:
			addr = attr;
			break;
		case WGALLOWEDIP_A_CIDR_MASK:
			if (bytes == sizeof(uint8_t))
				len = mnl_attr_get_u8(attr);
			break;
		default:
			break;
		}
	}
	if (!addr || (family != AF_INET && family != AF_INET6) || len < 0 ||
	    len > (family == AF_INET ? 32 : 128) ||
	    mnl_attr_get_payload_len(addr) != (family == AF_INET ? 4 : 16))
		return -EPROTO;
	cidr.addr.family = family == AF_INET ? 4 : 6;
	cidr.len = (uint8_t)len;
	memcpy(&cidr.addr.v6, mnl_attr_get_payload(addr),
	       mnl_attr_get_payload_len(addr));
	if (!host_bits_are_zero(&cidr))
		return -EPROTO;
	*ret_cidr = cidr;
	return 0;
}

/* Room for one more, where the room is the next power of two. */
static void *grow(void *array, uint32_t cnt, size_t size)
{
	if (cnt & (cnt - 1))
		return array;
	return wd_xrealloc(array, cnt ? 2 * (size_t)cnt : 1, size);
}

static int take_prefixes(struct wd_wg_peer *peer, const struct nlattr *list)
{
	const struct nlattr *nest;

	mnl_attr_for_each_nested(nest, list) {
		int err;

		peer->prefix = grow(peer->prefix, peer->prefix_cnt,
				    sizeof(*peer->prefix));
		err = read_prefix(nest, &peer->prefix[peer->prefix_cnt]);
		if (err)
			return err;
		peer->prefix_cnt++;
	}
	return 0;
}

/* ---- peers ---- */

/* One of a family that nobody here knows is as good as none. */
static int take_endpoint(struct wd_wg_peer *peer, const struct nlattr *attr)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} addr = { 0 };
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(addr.any))
		return -EPROTO;
	memcpy(&addr, mnl_attr_get_payload(attr),
	       len < sizeof(addr) ? len : sizeof(addr));
	memset(&peer->endpoint, 0, sizeof(peer->endpoint));
	if (addr.any.sa_family == AF_INET && len >= sizeof(addr.v4)) {
		peer->endpoint.family = 4;
		peer->endpoint.v4 = addr.v4.sin_addr;
		peer->endpoint_port = ntohs(addr.v4.sin_port);
	} else if (addr.any.sa_family == AF_INET6 && len >= sizeof(addr.v6)) {
		peer->endpoint.family = 6;
		peer->endpoint.v6 = addr.v6.sin6_addr;
		peer->endpoint_port = ntohs(addr.v6.sin6_port);
	}
	return 0;
}

static int take_number(const struct nlattr *attr, size_t size, void *to)
{
	if (mnl_attr_get_payload_len(attr) != size)
		return -EPROTO;
	memcpy(to, mnl_attr_get_payload(attr), size);
	return 0;
}

static int take_handshake(struct wd_wg_peer *peer, const struct nlattr *attr)
{
	int64_t time[2]; /* struct __kernel_timespec: seconds, nanoseconds */
	int err = take_number(attr, sizeof(time), time);

	if (!err)
		peer->handshake = time[0];
	return err;
}

static int take_peer_attr(struct wd_wg_peer *peer, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case WGPEER_A_ENDPOINT:
		return take_endpoint(peer, attr);
	case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
		return take_number(attr, sizeof(peer->keepalive),
				   &peer->keepalive);
	case WGPEER_A_LAST_HANDSHAKE_TIME:
		return take_handshake(peer, attr);
	case WGPEER_A_RX_BYTES:
		return take_number(attr, sizeof(peer->rx_bytes),
				   &peer->rx_bytes);
	case WGPEER_A_TX_BYTES:
		return take_number(attr, sizeof(peer->tx_bytes),
				   &peer->tx_bytes);
	case WGPEER_A_ALLOWEDIPS:
		return take_prefixes(peer, attr);
	default:
		return 0; /* preshared keys too: never looked at */
	}
}

/* The one that the message before ended with, or a new one. */
static struct wd_wg_peer *peer_of(struct wd_wg_device *dev,
				  const struct wd_wgkey *key)
{
	struct wd_wg_peer *peer;

	if (dev->peer_cnt &&
	    !wd_wgkey_compare(&dev->peer[dev->peer_cnt - 1].key, key))
		return &dev->peer[dev->peer_cnt - 1];
	dev->peer = grow(dev->peer, dev->peer_cnt, sizeof(*dev->peer));
	peer = &dev->peer[dev->peer_cnt++];
	memset(peer, 0, sizeof(*peer));
	peer->key = *key;
	return peer;
}

static int take_peer(struct wd_wg_device *dev, const struct nlattr *nest)
{
	const struct nlattr *attr;
	struct wd_wg_peer *peer;
	struct wd_wgkey key;
	int err = -EPROTO;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == WGPEER_A_PUBLIC_KEY)
			err = take_number(attr, sizeof(key), &key);
	}
	if (err)
		return err;
	peer = peer_of(dev, &key);
	mnl_attr_for_each_nested(attr, nest) {
		err = take_peer_attr(peer, attr);
		if (err)
			return err;
	}
	return 0;
}

/* ---- devices ---- */

static int take_peers(struct wd_wg_device *dev, const struct nlattr *list)
{
	const struct nlattr *nest;

	mnl_attr_for_each_nested(nest, list) {
		int err = take_peer(dev, nest);

		if (err)
			return err;
	}
	return 0;
}

static int take_name(struct wd_wg_device *dev, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);
	const char *name = mnl_attr_get_payload(attr);

	if (!len || len > sizeof(dev->name) || name[len - 1])
		return -EPROTO;
	memcpy(dev->name, name, len);
	return 0;
}

static int take_key(struct wd_wg_device *dev, const struct nlattr *attr)
{
	int err = take_number(attr, sizeof(dev->key), &dev->key);

	if (!err)
		dev->has_key = !wd_wgkey_is_none(&dev->key);
	return err;
}

static int take_device_attr(struct wd_wg_device *dev, const struct nlattr *attr)
{
	switch (mnl_attr_get_type(attr)) {
	case WGDEVICE_A_IFINDEX:
		return take_number(attr, sizeof(dev->ifindex), &dev->ifindex);
	case WGDEVICE_A_IFNAME:
		return take_name(dev, attr);
	case WGDEVICE_A_PUBLIC_KEY:
		return take_key(dev, attr);
	case WGDEVICE_A_LISTEN_PORT:
		return take_number(attr, sizeof(dev->port), &dev->port);
	case WGDEVICE_A_FWMARK:
		return take_number(attr, sizeof(dev->fwmark), &dev->fwmark);
	case WGDEVICE_A_PEERS:
		return take_peers(dev, attr);
	default:
		return 0; /* the private key too: never looked at */
	}
}

int wd_wg_take(struct wd_wg_device *dev, const struct nlmsghdr *msg)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attr;

	/* Each attribute is padded, so a length that is not was cut. */
	if (mnl_nlmsg_get_payload_len(msg) < sizeof(*genl) ||
	    msg->nlmsg_len % MNL_ALIGNTO || genl->cmd != WG_CMD_GET_DEVICE)
		return -EPROTO;
	mnl_attr_for_each(attr, msg, sizeof(*genl)) {
		int err = take_device_attr(dev, attr);

		if (err)
			return err;
	}
	return 0;
}

/* ---- the family ---- */

static int take_family(void *ctx, const struct nlmsghdr *msg)
{
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(msg) < sizeof(struct genlmsghdr))
		return -EPROTO;
	mnl_attr_for_each(attr, msg, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			return take_number(attr, sizeof(uint16_t), ctx);
	}
	return -EPROTO;
}

int wd_wg_family(struct wd_rtnl *nl, uint16_t *ret_family)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct genlmsghdr *genl;
	uint16_t family = 0;
	int err;

	head->nlmsg_type = GENL_ID_CTRL;
	genl = mnl_nlmsg_put_extra_header(head, sizeof(*genl));
	genl->cmd = CTRL_CMD_GETFAMILY;
	genl->version = 1;
	mnl_attr_put_strz(head, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	err = wd_rtnl_run(nl, head, take_family, &family);
	if (err)
		return err;
	if (family < GENL_MIN_ID)
		return -EPROTO;
	*ret_family = family;
	return 0;
}
