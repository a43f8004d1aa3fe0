/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ask.h - what would these programs say? One object, loaded with maps of its
 * own, pinned and attached nowhere, and asked by BPF_PROG_TEST_RUN.
 *
 * For `warder preflight` in the kernel that it looks at. The asked endpoint is
 * the loopback device, since test packets come out of that.
 */
#ifndef WARDER_ASK_H
#define WARDER_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>
#include <warder/maps.h>

struct wd_ask;

/* The endpoint that is asked about has this ifindex in wd_endpoint. */
#define WD_ASK_IFINDEX 1

/* What the verifier said of a program. */
struct wd_ask_prog {
	char name[16];
	/* bytes by function: "64+0+32"; of the longest chain: "max 384"; "" not told */
	char stack[128];
	uint32_t insns; /* that it looked at, 0 not told */
};

struct wd_ask_load {
	struct wd_ask_prog prog[WD_DIR__MAX]; /* by enum wd_dir */
	uint64_t load_us; /* all of it, maps too */
	char *log; /* end of the verifier's log if it failed, to be freed */
};

/** wd_ask_object() - name of object @i, from the highest rung down; NULL: no more */
const char *wd_ask_object(size_t i);

/** wd_ask_rung() - of that object's programs */
const char *wd_ask_rung(size_t i);

/**
 * wd_ask_open() - load object @i
 * @ret_load: filled also on failure
 * Return: 0, or -errno of opening or loading it.
 */
int wd_ask_open(size_t i, struct wd_ask **ret_ask,
		struct wd_ask_load *ret_load);
void wd_ask_close(struct wd_ask *ask);

/** wd_ask_set() - one entry of a map, as wd_map_set() */
int wd_ask_set(struct wd_ask *ask, enum wd_map map, const void *key,
	       const void *val);

/**
 * wd_ask_knows_iif() - can a packet be given the device it came in by
 * Before 5.12 all test packets come from this host's own sockets.
 */
bool wd_ask_knows_iif(const struct wd_ask *ask);

struct wd_ask_frame {
	enum wd_dir dir;
	uint32_t iif; /* towards the pod: device it came in by, 0 this host's own sockets */
	const uint8_t *data;
	size_t len;
};

/**
 * wd_ask_packet() - one packet, as the first that these programs see
 * @ret_reason: enum wd_reason
 * Return: 0; -EBADMSG the program returned neither pass nor drop; -errno.
 */
int wd_ask_packet(struct wd_ask *ask, const struct wd_ask_frame *frame,
		  bool *ret_passes, uint32_t *ret_reason);

/**
 * wd_ask_ruleset() - does this kernel carry out a ruleset, by golden packets
 * @ret_error: on failure a sentence, to be freed
 * Return: 0; -EBADMSG a packet got another verdict; -EOPNOTSUPP it could not
 * be tried.
 */
int wd_ask_ruleset(char **ret_error);

#endif /* WARDER_ASK_H */
