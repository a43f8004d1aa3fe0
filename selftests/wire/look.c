// SPDX-License-Identifier: GPL-2.0-only
/* look.c - the rules, and the two witnesses that need no parsing. */
#include "look.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "headers.h"

#define HEX_BASE 16

/* ---- rules ---- */

bool wire_hex(const char *text, uint8_t *ret, size_t bytes)
{
	char pair[3] = { 0 }, *end;

	if (strlen(text) != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		memcpy(pair, text + 2 * i, 2);
		ret[i] = (uint8_t)strtoul(pair, &end, HEX_BASE);
		if (*end)
			return false;
	}
	return true;
}

static bool add_net(struct wire_rules *rules, enum wire_class class,
		    const char *text)
{
	struct wire_net *net = &rules->net[rules->nets];
	char addr[INET6_ADDRSTRLEN], *end;
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	bool v6 = strchr(text, ':');

	if (rules->nets == WIRE_NETS_MAX || len >= sizeof(addr))
		return false;
	memcpy(addr, text, len);
	addr[len] = '\0';
	if (inet_pton(v6 ? AF_INET6 : AF_INET, addr, net->addr) != 1)
		return false;
	net->family = v6 ? 6 : 4;
	net->class = class;
	net->bits = v6 ? 128 : 32;
	if (slash) {
		net->bits = (uint8_t)strtoul(slash + 1, &end, 10);
		if (*end || net->bits < 8 || net->bits > (v6 ? 128 : 32))
			return false;
	}
	rules->first[v6][net->addr[0]] = true;
	rules->nets++;
	return true;
}

bool wire_rule(struct wire_rules *rules, const char *word)
{
	const char *value = strchr(word, '=');
	size_t len = value ? (size_t)(value++ - word) : 0;

	if (!value)
		return false;
	if (len == 6 && !strncmp(word, "secret", len))
		return add_net(rules, WIRE_SECRET, value);
	if (len == 4 && !strncmp(word, "open", len))
		return add_net(rules, WIRE_OPEN, value);
	if (len == 4 && !strncmp(word, "node", len))
		return add_net(rules, WIRE_NODE, value);
	if (len == 6 && !strncmp(word, "marker", len))
		return rules->has_marker = wire_hex(value, rules->marker,
						    WIRE_MARKER_BYTES);
	if (len == 3 && !strncmp(word, "tag", len))
		return rules->has_tag =
			       wire_hex(value, rules->tag, WIRE_TAG_BYTES);
	return false;
}

static bool is_in(const struct wire_net *net, const uint8_t *addr)
{
	size_t whole = net->bits / 8;
	int shift = 8 - net->bits % 8;

	return !memcmp(net->addr, addr, whole) &&
	       (shift == 8 || (net->addr[whole] ^ addr[whole]) >> shift == 0);
}

enum wire_class wire_class_of(const struct wire_rules *rules, int family,
			      const uint8_t *addr)
{
	enum wire_class class = WIRE_WORLD;
	int bits = -1;

	if (!rules->first[family == 6][addr[0]])
		return WIRE_WORLD;
	for (size_t i = 0; i < rules->nets; i++) {
		const struct wire_net *net = &rules->net[i];

		if (net->family == family && net->bits > bits &&
		    is_in(net, addr)) {
			bits = net->bits;
			class = net->class;
		}
	}
	return class;
}

enum wire_pair wire_pair_of(const struct wire_rules *rules, int family,
			    const uint8_t *one, const uint8_t *other)
{
	enum wire_class a = wire_class_of(rules, family, one);
	enum wire_class b = a == WIRE_WORLD ?
				    WIRE_WORLD :
				    wire_class_of(rules, family, other);

	if (b == WIRE_WORLD || (a == WIRE_NODE && b == WIRE_NODE))
		return WIRE_PAIR_OTHER;
	return a == WIRE_SECRET || b == WIRE_SECRET ? WIRE_PAIR_SECRET :
						      WIRE_PAIR_OPEN;
}

/* ---- any two addresses side by side ---- */

static bool scan_at(const struct wire_rules *rules, const uint8_t *at,
		    size_t left)
{
	if (left >= 8 && rules->first[0][*at] &&
	    wire_pair_of(rules, 4, at, at + 4) == WIRE_PAIR_SECRET)
		return true;
	return left >= 32 && rules->first[1][*at] &&
	       wire_pair_of(rules, 6, at, at + 16) == WIRE_PAIR_SECRET;
}

static bool scan(const struct wire_rules *rules, const uint8_t *frame,
		 size_t len)
{
	if (len > WIRE_SCAN_BYTES)
		len = WIRE_SCAN_BYTES;
	for (size_t i = 0; i < len; i++)
		if (scan_at(rules, frame + i, len - i))
			return true;
	return false;
}

/* ---- the marker, and the tag of what was planted ---- */

static int plant_of(const struct wire_rules *rules, const uint8_t *frame,
		    size_t len)
{
	const uint8_t *at;
	uint32_t number;

	if (!rules->has_tag)
		return -1;
	at = memmem(frame, len, rules->tag, WIRE_TAG_BYTES);
	if (!at || (size_t)(frame + len - at) < WIRE_TAG_BYTES + sizeof(number))
		return -1;
	memcpy(&number, at + WIRE_TAG_BYTES, sizeof(number));
	return (int)(ntohl(number) & INT32_MAX);
}

void wire_look(const struct wire_rules *rules, const uint8_t *frame, size_t len,
	       bool raw, struct wire_found *ret)
{
	memset(ret, 0, sizeof(*ret));
	wire_headers(rules, frame, len, raw, ret);
	if (scan(rules, frame, len))
		ret->leak |= WIRE_BY_SCAN;
	if (rules->has_marker &&
	    memmem(frame, len, rules->marker, WIRE_MARKER_BYTES))
		ret->leak |= WIRE_BY_MARKER;
	ret->plant = plant_of(rules, frame, len);
}
