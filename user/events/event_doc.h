/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * event_doc.h - an event of the programs as JSON, with names for its numbers.
 */
#ifndef WARDER_EVENT_DOC_H
#define WARDER_EVENT_DOC_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/abi.h>

struct json_object;
struct wd_agent;

/* Endpoints whose isolating policies are remembered at a time. */
#define WD_EVENT_ISOLATED_KEPT 64

struct wd_event_words {
	const struct wd_agent *agent;
	bool tells_isolated; /* also of events that are not told whole */
	int64_t clock_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
	struct wd_event_isolated {
		uint32_t ep, gen;
		uint8_t dir;
		struct json_object *by; /* array; NULL: place is free */
	} isolated[WD_EVENT_ISOLATED_KEPT];
};

/** wd_event_has_ports() - TCP, UDP or SCTP */
bool wd_event_has_ports(const struct wd_event *event);

/**
 * wd_event_doc() - what `warder monitor --json` prints of an event
 * @whole: with the node, the labels of both sides, and who isolates the
 *         endpoint where that is why it was dropped, if the objects are still
 *         those it was judged by
 * Return: to be put.
 */
struct json_object *wd_event_doc(struct wd_event_words *words,
				 const struct wd_event *event, bool whole);

/** wd_event_words_fini() - forget what was remembered */
void wd_event_words_fini(struct wd_event_words *words);

#endif /* WARDER_EVENT_DOC_H */
