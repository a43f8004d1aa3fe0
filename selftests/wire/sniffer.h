/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sniffer.h - counts what comes in by devices, and what of it leaks.
 *
 * Sees frames as the device got them, before any program there. What leaves a
 * node is watched at the other end of its uplink, so that nothing in the node
 * can hide it. Frames that the devices send themselves do not count. A run is
 * valid only if nothing was lost and nothing cut: sniffer_next() tells.
 */
#ifndef WARDER_SELFTESTS_WIRE_SNIFFER_H
#define WARDER_SELFTESTS_WIRE_SNIFFER_H

#include "look.h"

#define SNIFFER_DEVICES 8
#define SNIFFER_SAMPLES 4
#define SNIFFER_SAMPLE_BYTES (WIRE_PATH_BYTES + 160)
#define SNIFFER_PLANTS 1024 /* numbers of planted frames, from 0 */

/* Of one device since the last sniffer_next(). */
struct sniffer_count {
	uint64_t packets, bytes;
	uint64_t sealed; /* look like WireGuard's */
	uint64_t open; /* in clear, and may be */
	uint64_t leaks; /* without planted ones, while these are not counted */
	uint64_t by[3]; /* of these: by headers, by scan, by marker */
	uint64_t quoted; /* of these: in an ICMP error that quotes it */
	uint64_t lost; /* that found no room */
	uint64_t cut; /* longer than our buffer */
	char sample[SNIFFER_SAMPLES][SNIFFER_SAMPLE_BYTES]; /* of leaks */
};

struct sniffer_result {
	struct sniffer_count count[SNIFFER_DEVICES];
	uint8_t plant[SNIFFER_PLANTS]; /* WIRE_BY_*: who has found it */
};

struct sniffer;

/** sniffer_open() - @rules must outlive it. Return: NULL if it failed, with errno */
struct sniffer *sniffer_open(const struct wire_rules *rules);
void sniffer_close(struct sniffer *sniffer);

/**
 * sniffer_add() - one more device of this namespace
 * @raw: its frames begin with the IP header
 *
 * Return: its place in sniffer_result, or -errno.
 */
int sniffer_add(struct sniffer *sniffer, const char *device, bool raw);

/** sniffer_spare_plants() - are frames with a tag apart from leaks, as they are at first */
void sniffer_spare_plants(struct sniffer *sniffer, bool spare);

/** sniffer_take() - look at all that came; waits up to @wait_ms for it. @stop_fd: readable, it returns; -1 none */
int sniffer_take(struct sniffer *sniffer, int wait_ms, int stop_fd);

/** sniffer_leaks() - of one device, as sniffer_next() would tell */
uint64_t sniffer_leaks(const struct sniffer *sniffer, int device);

/** sniffer_next() - what was counted so far, and begin anew */
int sniffer_next(struct sniffer *sniffer, struct sniffer_result *ret);

#endif /* WARDER_SELFTESTS_WIRE_SNIFFER_H */
