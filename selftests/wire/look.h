/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.h - does a frame on the wire show what only WireGuard may carry?
 *
 * Three witnesses that know nothing of each other, and nothing of the programs
 * in bpf/, of which not a line is used here:
 *
 *	headers	steps through the frame as a protocol analyser does, into every
 *		tunnel, and judges each pair of addresses that it meets
 *	scan	any two addresses side by side, at any byte of the frame's first
 *		WIRE_SCAN_BYTES, whatever is in front of them
 *	marker	sixteen random bytes that all traffic of a test carries, at any
 *		byte of the whole frame
 *
 * One of them is enough to call it a leak.
 */
#ifndef WARDER_SELFTESTS_WIRE_LOOK_H
#define WARDER_SELFTESTS_WIRE_LOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_NETS_MAX 64
#define WIRE_MARKER_BYTES 16
#define WIRE_TAG_BYTES 8
#define WIRE_SCAN_BYTES 512
#define WIRE_PATH_BYTES 128

/* Whose an address is. A pair leaks if one is SECRET and none is WORLD. */
enum wire_class {
	WIRE_WORLD, /* nobody's of the cluster */
	WIRE_NODE,
	WIRE_OPEN, /* a pod that may talk in clear */
	WIRE_SECRET, /* a pod whose traffic must be encrypted */
};

struct wire_net {
	uint8_t addr[16]; /* IPv4 in the first four */
	uint8_t bits;
	uint8_t family; /* 4 or 6 */
	enum wire_class class;
};

struct wire_rules {
	struct wire_net net[WIRE_NETS_MAX]; /* the longest prefix decides */
	size_t nets;
	bool first[2][256]; /* bytes that a prefix of v4, v6 begins with */
	uint8_t marker[WIRE_MARKER_BYTES];
	uint8_t tag[WIRE_TAG_BYTES]; /* in planted frames, before their number */
	bool has_marker, has_tag;
};

#define WIRE_BY_HEADERS 0x1
#define WIRE_BY_SCAN 0x2
#define WIRE_BY_MARKER 0x4

struct wire_found {
	unsigned int leak; /* WIRE_BY_*: who calls it one; 0 nobody */
	bool open; /* between addresses of the cluster, in clear, as it may be */
	bool sealed; /* UDP that looks like WireGuard's */
	int plant; /* number of a planted frame, else -1 */
	char path[WIRE_PATH_BYTES]; /* headers of the leak: "eth vlan ip4 udp" */
};

/**
 * wire_rule() - take one word of a command line
 * @word: secret=PREFIX, open=PREFIX, node=PREFIX, marker=HEX, tag=HEX
 *
 * Return: false if it is none of these.
 */
bool wire_rule(struct wire_rules *rules, const char *word);

/** wire_hex() - @bytes bytes of hexadecimal text. Return: false if @text is not that */
bool wire_hex(const char *text, uint8_t *ret, size_t bytes);

/**
 * wire_look() - what a frame shows
 * @raw: it begins with the IP header, not with Ethernet's
 */
void wire_look(const struct wire_rules *rules, const uint8_t *frame, size_t len,
	       bool raw, struct wire_found *ret);

#endif /* WARDER_SELFTESTS_WIRE_LOOK_H */
