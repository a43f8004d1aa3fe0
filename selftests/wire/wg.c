// SPDX-License-Identifier: GPL-2.0-only
/* wg.c - generic netlink messages to WireGuard. */
#include "wg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct wg {
	struct mnl_socket *sock;
	uint16_t family; /* number of the family "wireguard" */
	uint32_t seq;
	uint8_t buf[8192] __attribute__((aligned(8)));
};

/* ---- one question, one answer ---- */

static struct nlmsghdr *begin(struct wg *wg, uint16_t family, uint8_t command,
			      uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(wg->buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++wg->seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

/* Send it, and give each message that comes back to @cb until the last. */
static int talk(struct wg *wg, const struct nlmsghdr *nlh, mnl_cb_t cb,
		void *data)
{
	unsigned int port = mnl_socket_get_portid(wg->sock);
	uint32_t seq = nlh->nlmsg_seq;
	int got;

	if (mnl_socket_sendto(wg->sock, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t len =
			mnl_socket_recvfrom(wg->sock, wg->buf, sizeof(wg->buf));

		if (len < 0)
			return -errno;
		got = mnl_cb_run(wg->buf, (size_t)len, seq, port, cb, data);
	} while (got > 0);
	return got < 0 ? -errno : 0;
}

/* ---- the family ---- */

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
			*(uint16_t *)data = mnl_attr_get_u16(attr);
	return MNL_CB_OK;
}

struct wg *wg_open(void)
{
	struct wg *wg = calloc(1, sizeof(*wg));
	struct nlmsghdr *nlh;
	int err;

	if (!wg)
		return NULL;
	wg->sock = mnl_socket_open(NETLINK_GENERIC);
	if (!wg->sock || mnl_socket_bind(wg->sock, 0, MNL_SOCKET_AUTOPID)) {
		wg_close(wg);
		return NULL;
	}
	nlh = begin(wg, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
	err = talk(wg, nlh, take_family, &wg->family);
	if (err || !wg->family) {
		wg_close(wg);
		errno = err ? -err : ENOENT;
		return NULL;
	}
	return wg;
}

void wg_close(struct wg *wg)
{
	if (!wg)
		return;
	if (wg->sock)
		mnl_socket_close(wg->sock);
	free(wg);
}

/* ---- keys ---- */

static int take_key(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == WGDEVICE_A_PUBLIC_KEY &&
		    mnl_attr_get_payload_len(attr) == WG_KEY_BYTES)
			memcpy(data, mnl_attr_get_payload(attr), WG_KEY_BYTES);
	return MNL_CB_OK;
}

int wg_new_key(struct wg *wg, const char *device, uint16_t port,
	       struct wg_key *ret_public)
{
	struct wg_key secret;
	struct nlmsghdr *nlh;
	int err;

	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -EIO;
	nlh = begin(wg, wg->family, WG_CMD_SET_DEVICE, NLM_F_ACK);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, device);
	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, sizeof(secret), &secret);
	mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, port);
	err = talk(wg, nlh, NULL, NULL);
	if (err)
		return err;
	nlh = begin(wg, wg->family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, device);
	return talk(wg, nlh, take_key, ret_public);
}

/* ---- peers ---- */

static void put_endpoint(struct nlmsghdr *nlh, const struct wg_peer *peer)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(peer->port) };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(peer->port) };

	if (inet_pton(AF_INET, peer->endpoint, &in.sin_addr) == 1)
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(in), &in);
	else if (inet_pton(AF_INET6, peer->endpoint, &in6.sin6_addr) == 1)
		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof(in6), &in6);
	else
		abort();
}

static void put_prefix(struct nlmsghdr *nlh, const char *text)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	bool v6 = strchr(text, ':');
	char addr[64], *bits;
	uint8_t bytes[16];

	snprintf(addr, sizeof(addr), "%s", text);
	bits = strchr(addr, '/');
	if (!bits)
		abort();
	*bits++ = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, addr, bytes) != 1)
		abort();
	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, v6 ? AF_INET6 : AF_INET);
	mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, v6 ? 16 : 4, bytes);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK,
			(uint8_t)strtoul(bits, NULL, 10));
	mnl_attr_nest_end(nlh, nest);
}

static uint32_t flags_of(enum wg_how how)
{
	switch (how) {
	case WG_SET:
		return WGPEER_F_REPLACE_ALLOWEDIPS;
	case WG_REMOVE:
		return WGPEER_F_REMOVE_ME;
	case WG_ADD_PREFIXES:
		break;
	}
	return 0;
}

int wg_peer(struct wg *wg, const char *device, const struct wg_peer *peer,
	    enum wg_how how)
{
	struct nlmsghdr *nlh =
		begin(wg, wg->family, WG_CMD_SET_DEVICE, NLM_F_ACK);
	struct nlattr *peers, *one, *prefixes;

	mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, device);
	peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
	one = mnl_attr_nest_start(nlh, 0);
	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, WG_KEY_BYTES, &peer->key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, flags_of(how));
	if (peer->endpoint && how != WG_REMOVE)
		put_endpoint(nlh, peer);
	prefixes = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	for (int i = 0;
	     how != WG_REMOVE && i < WG_PREFIXES_MAX && peer->prefix[i]; i++)
		put_prefix(nlh, peer->prefix[i]);
	mnl_attr_nest_end(nlh, prefixes);
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, peers);
	return talk(wg, nlh, NULL, NULL);
}
