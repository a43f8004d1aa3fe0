/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.c - the ring buffer of verdict events, and who watches it.
 *
 * The programs tell of drops always, of what passes only while somebody
 * listens; a timer drains the buffer. Shows each listener what it chose
 * (choice.h), and owes each an account of what it was not shown. Never blocks on a reader. What
 * was dropped is remembered for an hour (denied.h): while nobody listens the
 * buffer is mapped only to empty it, since its pages count as the agent's.
 */
#include "events.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "../agent/agent.h"
#include "../agent/choice.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../datapath/ladder.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "../report/report.h"
#include "denied.h"
#include "event_doc.h"

#define DRAIN_MS 50 /* while somebody listens */
#define REMEMBER_MS 1000 /* while nobody does */
#define LOSS_EVERY \
	20 /* drains between two looks at the kernel's loss counters */

struct listener {
	struct listener *next;
	struct wd_events *events;
	struct wd_ctl_conn *conn;
	struct wd_choice choice; /* what it wants to be shown */
	uint64_t missed; /* events not taken by the slow reader, not told yet */
};

struct wd_events {
	struct wd_agent *agent;
	struct wd_event_words words;
	struct ring_buffer *ring; /* NULL while nobody listens */
	struct wd_denied *denied;
	struct wd_timer *timer;
	struct listener *listeners;
	struct wd_evstat_val told; /* losses that listeners know of */
	struct wd_evstat_val noted; /* losses that @denied knows of */
	bool whole; /* somebody wants to know all of an event */
	uint32_t drains;
};

static int64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

struct json_object *wd_events_doc(struct wd_agent *agent,
				  const struct wd_event *event, int64_t time_us)
{
	struct wd_event at = *event;
	struct wd_event_words words = {
		.agent = agent,
		.clock_ns = time_us * 1000,
	};

	at.time_ns = 0;
	return wd_event_doc(&words, &at, false);
}

/* ---- who is shown what ---- */

/* Is there anybody for whom the programs are to emit? */
static bool has_watchers(const struct wd_events *events)
{
	for (struct listener *l = events->listeners; l; l = l->next)
		if (!l->choice.agent)
			return true;
	return false;
}

static bool chooses_packets(const struct listener *listener)
{
	return !wd_choice_is_any(&listener->choice);
}

/* The words are found once, for the first who needs them. */
static bool listener_wants(struct wd_events *events,
			   const struct listener *listener,
			   const struct wd_event *event,
			   struct json_object **doc)
{
	if (!wd_choice_event(&listener->choice, event))
		return false;
	if (!*doc)
		*doc = wd_event_doc(&events->words, event, events->whole);
	return wd_choice_doc(&listener->choice, *doc);
}

static int tell_loss(struct listener *listener, uint64_t lost,
		     const char *cause)
{
	struct json_object *doc = json_object_new_object();

	wd_json_int(doc, "lost", (int64_t)lost);
	wd_json_str(doc, "cause", cause);
	return wd_ctl_event(listener->conn, doc);
}

/* Return: is there nothing left to be told of what it missed? */
static bool tell_missed(struct listener *listener)
{
	if (listener->missed &&
	    tell_loss(listener, listener->missed, "this reader was too slow"))
		return false;
	listener->missed = 0;
	return true;
}

static void tell(struct listener *listener, struct json_object *doc)
{
	if (!tell_missed(listener) ||
	    wd_ctl_event(listener->conn, json_object_get(doc)))
		listener->missed++;
}

static int take_event(void *ctx, void *data, size_t size)
{
	struct wd_events *events = ctx;
	const struct wd_event *event = data;
	struct listener *listener, *next;
	struct json_object *doc = NULL;

	if (size < sizeof(*event))
		return 0;
	wd_denied_add(events->denied, event);
	wd_report_drop(events->agent->report, event);
	if (!has_watchers(events))
		return 0; /* perhaps left over from an agent or listener before */
	for (listener = events->listeners; listener; listener = next) {
		next = listener->next; /* it may leave while it is told */
		if (listener_wants(events, listener, event, &doc))
			tell(listener, doc);
	}
	json_object_put(doc);
	return 0;
}

/* ---- draining ---- */

static void tell_all(struct wd_events *events, uint64_t lost, const char *cause)
{
	struct listener *listener, *next;

	for (listener = events->listeners; lost && listener; listener = next) {
		next = listener->next;
		if (!listener->choice.agent && tell_loss(listener, lost, cause))
			listener->missed += lost;
	}
}

static void check_losses(struct wd_events *events)
{
	struct wd_evstat_val now;
	uint64_t lost;

	if (wd_evstat_read(events->agent->dp, &now))
		return; /* the next look tells */
	lost = now.lost - events->noted.lost + now.limited -
	       events->noted.limited;
	wd_denied_lost(events->denied, lost,
		       (uint32_t)(clock_read(CLOCK_MONOTONIC) / 1000000000));
	events->noted = now;
	tell_all(events, now.lost - events->told.lost,
		 "the ring buffer was full");
	tell_all(events, now.limited - events->told.limited,
		 "the programs reached their limit of events");
	events->told = now;
	/* Perhaps no event follows that would bring it along. */
	for (struct listener *l = events->listeners; l; l = l->next)
		(void)tell_missed(l);
}

static int open_ring(struct wd_events *events)
{
	int fd = wd_map_fd(events->agent->dp, WD_MAP_wd_events);

	if (fd < 0)
		return -EOPNOTSUPP;
	if (events->ring)
		return 0;
	events->ring = ring_buffer__new(fd, take_event, events, NULL);
	return events->ring ? 0 : -errno;
}

static void close_ring(struct wd_events *events)
{
	ring_buffer__free(events->ring);
	events->ring = NULL;
}

/* Nobody listens: map the buffer if there is something in it, empty it, let it go. */
static void remember(struct wd_events *events)
{
	struct pollfd pfd = {
		.fd = wd_map_fd(events->agent->dp, WD_MAP_wd_events),
		.events = POLLIN,
	};
	int err = 0;

	if (pfd.fd >= 0 && (events->ring || poll(&pfd, 1, 0) > 0)) {
		err = open_ring(events);
		if (!err)
			err = ring_buffer__consume(events->ring);
		check_losses(events);
	}
	if (err < 0)
		wd_debug("events: reading the ring buffer: %s, going on",
			 wd_errno(err));
	close_ring(events);
	wd_timer_set(events->timer, REMEMBER_MS);
}

static void drain(void *ctx)
{
	struct wd_events *events = ctx;
	int err;

	if (!has_watchers(events)) {
		remember(events);
		return;
	}
	events->words.clock_ns =
		clock_read(CLOCK_REALTIME) - clock_read(CLOCK_MONOTONIC);
	err = events->ring ? ring_buffer__consume(events->ring) : 0;
	if (err < 0)
		wd_warn("events: reading the ring buffer: %s, going on",
			wd_errno(err));
	if (++events->drains % LOSS_EVERY == 0)
		check_losses(events);
	wd_timer_set(events->timer, DRAIN_MS);
}

/* Nobody will read it. */
static void tell_nothing(struct wd_agent *agent)
{
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);

	__atomic_store_n(&state->monitor, 0, __ATOMIC_RELAXED);
}

/* What the programs are to emit: drops, and as much as any listener wants. */
static void set_monitor(struct wd_events *events)
{
	struct wd_state_val *state =
		wd_map_mem(events->agent->dp, WD_MAP_wd_state);
	uint32_t bits = WD_MONITOR_DROP;

	events->whole = events->words.tells_isolated = false;
	for (struct listener *l = events->listeners; l; l = l->next) {
		if (wd_choice_has_new(&l->choice))
			bits |= WD_MONITOR_NEW;
		events->whole = events->whole ||
				wd_choice_needs_whole(&l->choice);
		events->words.tells_isolated |= l->choice.isolated;
	}
	__atomic_store_n(&state->monitor, bits, __ATOMIC_RELAXED);
}

/* ---- coming and going ---- */

static void listener_free(struct listener *listener)
{
	wd_choice_fini(&listener->choice);
	free(listener);
}

static void leave(void *ctx, struct wd_ctl_conn *conn)
{
	struct listener *listener = ctx, **at;
	struct wd_events *events = listener->events;

	(void)conn;
	for (at = &events->listeners; *at != listener; at = &(*at)->next)
		;
	*at = listener->next;
	listener_free(listener);
	set_monitor(events);
}

/* The first listener begins with an empty buffer and fresh accounts. */
static int begin(struct wd_events *events)
{
	int err = open_ring(events);

	if (err)
		return err;
	err = ring_buffer__consume(events->ring);
	if (err < 0)
		return err;
	return wd_evstat_read(events->agent->dp, &events->told);
}

void wd_events_monitor(void *agent, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	struct wd_events *events = ((struct wd_agent *)agent)->events;
	struct listener *listener = wd_xcalloc(1, sizeof(*listener));
	const char *where, *what;
	int err;

	wd_query_no_fd(fd);
	listener->events = events;
	listener->conn = conn;
	if (wd_choice_read(req, &listener->choice, &where, &what)) {
		wd_ctl_error(conn, 2, where, "%s", what);
		free(listener);
		return;
	}
	err = listener->choice.agent || has_watchers(events) ? 0 :
							       begin(events);
	if (err == -EOPNOTSUPP) {
		wd_ctl_error(
			conn, 1, "monitor",
			"rung %s has no events on this node; see `warder ladder show`",
			wd_rungs_name(agent));
		listener_free(listener);
		return;
	}
	if (err) {
		wd_ctl_error(conn, 1, "monitor",
			     "the ring buffer cannot be read: %s",
			     wd_errno(err));
		listener_free(listener);
		return;
	}
	listener->next = events->listeners;
	events->listeners = listener;
	wd_ctl_on_close(conn, leave, listener);
	set_monitor(events);
	if (!listener->choice.agent)
		wd_timer_set(events->timer, DRAIN_MS);
}

void wd_events_agent(struct wd_events *events, struct json_object *doc,
		     bool always)
{
	struct listener *listener, *next;

	for (listener = events->listeners; listener; listener = next) {
		next = listener->next;
		if (always || !chooses_packets(listener))
			tell(listener, doc);
	}
}

void wd_events_rebind(struct wd_events *events)
{
	close_ring(events);
	set_monitor(events);
	if (wd_evstat_read(events->agent->dp, &events->noted))
		memset(&events->noted, 0, sizeof(events->noted));
	if (has_watchers(events) && begin(events))
		wd_warn("events: the ring buffer of the new maps cannot be read, listeners will hear nothing");
}

const struct wd_denied *wd_events_denied(const struct wd_events *events)
{
	return events->denied;
}

int wd_events_new(struct wd_agent *agent, struct wd_events **ret_events)
{
	struct wd_events *events = wd_xcalloc(1, sizeof(*events));
	int err = wd_timer_new(agent->loop, drain, events, &events->timer);

	if (err) {
		free(events);
		return err;
	}
	events->agent = agent;
	events->words.agent = agent;
	events->denied = wd_denied_new();
	if (wd_evstat_read(agent->dp, &events->noted))
		memset(&events->noted, 0, sizeof(events->noted));
	set_monitor(events);
	wd_timer_set(events->timer, REMEMBER_MS);
	*ret_events = events;
	return 0;
}

void wd_events_free(struct wd_events *events)
{
	if (!events)
		return;
	while (events->listeners) {
		struct listener *listener = events->listeners;

		wd_ctl_on_close(listener->conn, NULL, NULL);
		events->listeners = listener->next;
		listener_free(listener);
	}
	tell_nothing(events->agent);
	wd_timer_free(events->timer);
	close_ring(events);
	wd_denied_free(events->denied);
	wd_event_words_fini(&events->words);
	free(events);
}
