/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * headers.h - the witness that reads headers, and whose a pair of addresses is.
 */
#ifndef WARDER_SELFTESTS_WIRE_HEADERS_H
#define WARDER_SELFTESTS_WIRE_HEADERS_H

#include "look.h"

enum wire_pair {
	WIRE_PAIR_OTHER, /* somebody is not of the cluster, or both are nodes */
	WIRE_PAIR_OPEN, /* may be in clear */
	WIRE_PAIR_SECRET, /* may not */
};

/** wire_class_of() - whose address it is. @addr: 4 or 16 bytes */
enum wire_class wire_class_of(const struct wire_rules *rules, int family,
			      const uint8_t *addr);

/** wire_pair_of() - may these two talk in clear? */
enum wire_pair wire_pair_of(const struct wire_rules *rules, int family,
			    const uint8_t *one, const uint8_t *other);

/** wire_headers() - fill in .leak, .open, .sealed and .path of @ret */
void wire_headers(const struct wire_rules *rules, const uint8_t *frame,
		  size_t len, bool raw, struct wire_found *ret);

#endif /* WARDER_SELFTESTS_WIRE_HEADERS_H */
