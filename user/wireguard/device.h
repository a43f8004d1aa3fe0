/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * device.h - the WireGuard devices of a network namespace, as the kernel tells.
 *
 * Plain data of one reading, sorted so that two of them can be compared: devices
 * by index, peers by key, prefixes by family, address and length. Private and
 * preshared keys are never part of it.
 */
#ifndef WARDER_WG_DEVICE_H
#define WARDER_WG_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../model/object.h"
#include "../model/wgkey.h"

/*
 * What several readings say together, kept by wd_wg_follow(). Times are seconds
 * of CLOCK_BOOTTIME at the reading that saw it, 0: not seen.
 */
struct wd_wg_trace {
	int64_t sent; /* bytes sent had grown */
	int64_t waits; /* the same, first time since something last came */
	uint64_t tx_then; /* tx_bytes when something last came */
};

struct wd_wg_peer {
	struct wd_wgkey key;
	struct wd_addr endpoint; /* family 0: none known yet */
	uint16_t endpoint_port; /* host byte order */
	uint16_t keepalive; /* seconds, 0 off */
	int64_t handshake; /* last one: seconds since the epoch, 0 never */
	uint64_t rx_bytes; /* of the tunnel: with headers and handshakes */
	uint64_t tx_bytes;
	struct wd_wg_trace trace;
	uint32_t prefix_cnt;
	struct wd_cidr *prefix; /* allowed-ips */
};

struct wd_wg_device {
	uint32_t ifindex;
	char name[IFNAMSIZ];
	bool is_up; /* IFF_UP */
	bool has_key; /* a private key is set */
	struct wd_wgkey key; /* public; zeros when !has_key */
	uint16_t port; /* UDP, both families; host byte order */
	uint32_t fwmark; /* of packets that leave encrypted, 0 none */
	uint32_t peer_cnt;
	struct wd_wg_peer *peer;
};

struct wd_wg_state {
	int64_t time; /* of the reading: seconds since the epoch, as handshakes */
	int64_t boottime; /* the same by CLOCK_BOOTTIME */
	uint32_t device_cnt; /* 0 also where the kernel has no WireGuard */
	struct wd_wg_device *device;
};

/**
 * wd_wg_read() - every WireGuard device of a namespace, whole
 * @netns_fd: the namespace (entered by setns, left again), or -1 for here
 * @ret_state: ended by wd_wg_state_fini()
 * Nothing is asked of WireGuard where no link says that it is one, so that
 * looking loads no module. A dump that changed under way or was cut short is
 * repeated from its start; one that never held still is -EINTR.
 * Return: 0, also with no device; -EPERM without CAP_NET_ADMIN in the
 * namespace; -EINTR; -ETIMEDOUT the kernel did not answer in time; -EPROTO an
 * answer that cannot be understood; -errno.
 * Context: blocks while the kernel copies: see WD_WG_TIMEOUT_MS.
 */
int wd_wg_read(int netns_fd, struct wd_wg_state *ret_state);

#define WD_WG_TIMEOUT_MS \
	2000 /* for each answer; it is ready within microseconds */

void wd_wg_device_fini(struct wd_wg_device *dev);
void wd_wg_state_fini(struct wd_wg_state *state);

/** wd_wg_device_sort() - as said above. Return: 0; -EINTR a peer is there twice: the dump is of two states */
int wd_wg_device_sort(struct wd_wg_device *dev);

/** wd_wg_device_find() - by name; NULL if there is none */
const struct wd_wg_device *wd_wg_device_find(const struct wd_wg_state *state,
					     const char *name);

/** wd_wg_peer_find() - by public key; NULL if there is none. The device is sorted */
const struct wd_wg_peer *wd_wg_peer_find(const struct wd_wg_device *dev,
					 const struct wd_wgkey *key);

/** wd_wg_prefix_compare() - the order of prefixes: family, address, length */
int wd_wg_prefix_compare(const struct wd_cidr *a, const struct wd_cidr *b);

/* What differs between two readings. */
#define WD_WG_DEVICES 0x1 /* a device is new or gone, or its name or IFF_UP */
#define WD_WG_CONFIG 0x2 /* key, listen port or mark of a device */
#define WD_WG_PEERS \
	0x4 /* a peer is new or gone, or its prefixes or keepalive */
#define WD_WG_LIVE 0x8 /* an endpoint, a handshake or a counter */

/** wd_wg_diff() - Return: WD_WG_* of what is not as before, 0 nothing */
uint32_t wd_wg_diff(const struct wd_wg_state *was,
		    const struct wd_wg_state *now);

/** wd_wg_follow() - fill in the traces of @now, a later reading than @was */
void wd_wg_follow(const struct wd_wg_state *was, struct wd_wg_state *now);

#endif /* WARDER_WG_DEVICE_H */
