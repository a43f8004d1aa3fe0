/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * plants.h - frames in clear, one of each kind that may never be on the wire.
 *
 * Put where nothing guards, the sniffer must find each, or its run is void. Put
 * through a guarded device, none may come out. Built from the inside out, by
 * hand, so that they need no tunnel devices.
 */
#ifndef WARDER_SELFTESTS_WIRE_PLANTS_H
#define WARDER_SELFTESTS_WIRE_PLANTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLANT_BYTES 1024 /* no frame is longer */
#define PLANT_PAYLOAD_MAX 256

/* Who they are from and to, by [family == 6]. */
struct plant_ends {
	uint8_t mac[2][6]; /* of source and destination */
	uint8_t node[2][2][16]; /* [end][v6]: outside of a tunnel */
	uint8_t pod[2][2][16]; /* [end][v6]: inside, or where there is none */
};

struct plant {
	char name[48]; /* "ip6 vxlan ip4 tcp-rst" */
	uint16_t number;
	bool no_header; /* no pair of pods' addresses in it, payload alone */
	/* private */
	uint8_t link, tunnel, outer, inner, what;
};

/** plant_get() - the one with @number. Return: false behind the last */
bool plant_get(unsigned int number, struct plant *ret);

/**
 * plant_build() - its frame
 * @payload: @payload_len bytes, up to PLANT_PAYLOAD_MAX; as a fragment, each
 *           part has all of it
 * @ret: PLANT_BYTES
 *
 * Return: length in bytes.
 */
size_t plant_build(const struct plant *plant, const struct plant_ends *ends,
		   const uint8_t *payload, size_t payload_len, uint8_t *ret);

/** plant_end() - set an address of @ends from its text. @what: node or pod. Return: false if it is none */
bool plant_end(uint8_t (*what)[16], const char *text);

/** plant_mac() - read a hardware address, whatever is behind it. Return: false if there is none */
bool plant_mac(uint8_t mac[6], const char *text);

#endif /* WARDER_SELFTESTS_WIRE_PLANTS_H */
