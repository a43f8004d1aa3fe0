/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * talk.h - traffic of the site's pods and nodes, and what of it shows where.
 */
#ifndef WARDER_SELFTESTS_WIRE_TALK_H
#define WARDER_SELFTESTS_WIRE_TALK_H

#include "site.h"
#include "sniffer.h"
#include "stream.h"

#define TALK_STREAMS_MAX 8
#define TALK_RATE 150 /* emulated machines are slow */

/* Packets a second of each talk that begins from now on; 0: as fast as it goes. */
extern unsigned int talk_rate;

/* Streams in a process of their own, out of one namespace. */
struct talk {
	pid_t child; /* 0 none */
	int stop, result; /* pipes */
	uint64_t sent, refused; /* after talk_end() */
};

enum talk_kind {
	TALK_UDP, /* alone: whatever arrives was sent so */
	TALK_ALL, /* UDP, TCP's first segments, echo; in a flood many at a time, too */
};

/**
 * talk_begin() - from one namespace to a pod, both families
 * @ns: where they are sent; its pod's, or a node's
 * @src: by [v6] the source
 * @dst: by [v6] the target
 */
bool talk_begin(struct talk *talk, const char *ns, const char *const src[2],
		const char *const dst[2], enum talk_kind kind,
		const struct stream_opts *opts);

/** talk_pods() - from the pod of @from to the other node's */
bool talk_pods(struct talk *talk, int from, enum site_pod pod,
	       enum talk_kind kind);

/** talk_host() - a process of node @n sends to the other node's pod, with its own address and a mark */
bool talk_host(struct talk *talk, int n, uint32_t mark);

/** talk_end() - how much was it. Return: false if it broke */
bool talk_end(struct talk *talk);

/** talk_total() - packets that all talks have sent so far, up to their end */
uint64_t talk_total(void);

/* What was seen in one watch. */
struct seen {
	uint64_t packets, sealed, leaks; /* on the underlay, out of the nodes */
	uint64_t arrived[SITE_NODES][SITE_PODS]; /* with the pod's marker */
};

/** watch_new() - open all ears. Return: false if it failed */
bool watch_new(void);

/** watch_again() - the ear of a pod whose interface is another one now */
bool watch_again(int node);

/**
 * watch() - look for @ms, then plant one leak where nobody guards
 *
 * Return: false, and it is told why, if the run is void: packets were lost, or
 * the planted one was not found. @ret_seen is valid then, too.
 */
bool watch(int ms, struct seen *ret_seen);

/** watch_plants() - have all planted frames been found by whom @want says; tells which not */
bool watch_plants(unsigned int want, unsigned int want_without_header);

/** watch_total() - packets seen on the underlay so far */
uint64_t watch_total(void);

/**
 * plant_from() - one frame of each kind, on a device of a namespace
 * @tag: with their numbers; without, those of unknown tunnels are left out
 *
 * Return: how many were sent, -1 if it failed.
 */
int plant_from(const char *ns, const char *device,
	       const struct plant_ends *ends, bool tag, const char *marker);

#endif /* WARDER_SELFTESTS_WIRE_TALK_H */
