/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agents.h - the agents of a site's nodes, and what they say.
 */
#ifndef WARDER_SELFTESTS_WIRE_AGENTS_H
#define WARDER_SELFTESTS_WIRE_AGENTS_H

#include "site.h"

/* How agents are started from now on. */
struct agents_opts {
	const char *warder; /* path of the program */
	const char *encryption; /* what its option says */
	const char *nodes; /* the same of what nodes say themselves, NULL none */
	const char *max_rung; /* NULL: as it chooses */
	bool prefixes; /* with the prefixes that all pods' addresses are in */
};

extern struct agents_opts agents_opts;

/* Called again and again while an agent is waited for; NULL: nothing. */
extern void (*agents_idle)(void);

/** agent_start(), agent_ready() - false if it ended or took too long */
bool agent_start(int node);
bool agent_ready(int node);
void agent_stop(int node, int sig);

/** agent_detach() - the end of enforcement on @node, as if it had been booted anew */
bool agent_detach(int node);

/** agent_pin() - to a rung, or `auto`. False if it would not */
bool agent_pin(int node, const char *rung);

/** agents_sync() - all that run have read their objects. False if one has not */
bool agents_sync(void);

/** agents_drops() - packets dropped by @reason so far, both directions and nodes; -1: no agent */
int64_t agents_drops(const char *reason);

/** agent_finds() - is this finding about WireGuard in the status of @node */
bool agent_finds(int node, const char *finding, const char *object);

/** agents_show() - the end of what they said, their status, and drops_show(), as comments */
void agents_show(void);

#endif /* WARDER_SELFTESTS_WIRE_AGENTS_H */
