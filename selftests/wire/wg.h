/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wg.h - sets up WireGuard devices of the kernel, for tests.
 *
 * Not the product's own code for it, so that neither hides a flaw of the other.
 */
#ifndef WARDER_SELFTESTS_WIRE_WG_H
#define WARDER_SELFTESTS_WIRE_WG_H

#include <stdbool.h>
#include <stdint.h>

#define WG_KEY_BYTES 32
#define WG_PREFIXES_MAX 8

struct wg; /* a socket of one namespace */

struct wg_key {
	uint8_t byte[WG_KEY_BYTES];
};

enum wg_how {
	WG_SET, /* add it, or say anew what it has */
	WG_ADD_PREFIXES, /* keep what it has */
	WG_REMOVE,
};

struct wg_peer {
	struct wg_key key; /* public */
	const char *endpoint; /* address, NULL: leave it */
	uint16_t port;
	const char *prefix[WG_PREFIXES_MAX]; /* "ADDR/BITS", up to a NULL */
};

/** wg_open() - in the current namespace. Return: NULL if the kernel has no WireGuard, with errno */
struct wg *wg_open(void);
void wg_close(struct wg *wg);

/** wg_new_key() - give the device another private key. Return: 0 with the public one, or -errno */
int wg_new_key(struct wg *wg, const char *device, uint16_t port,
	       struct wg_key *ret_public);

/** wg_peer() - change one peer of a device. Return: 0 or -errno */
int wg_peer(struct wg *wg, const char *device, const struct wg_peer *peer,
	    enum wg_how how);

#endif /* WARDER_SELFTESTS_WIRE_WG_H */
