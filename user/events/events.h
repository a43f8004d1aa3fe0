/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.h - verdict events from the kernel to whoever watches (`warder monitor`).
 *
 * The programs tell of new flows only while somebody listens, of drops always:
 * those are remembered. The ring buffer is drained by a timer, not by wake-ups.
 * What could not be delivered is counted and told.
 */
#ifndef WARDER_EVENTS_H
#define WARDER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct wd_agent;
struct wd_ctl_conn;
struct wd_denied;
struct wd_event;
struct wd_events;

int wd_events_new(struct wd_agent *agent, struct wd_events **ret_events);
/**
 * wd_events_agent() - tell listeners what happened to the agent
 * @doc: of journal.h, borrowed
 * @always: also those who chose packets
 */
void wd_events_agent(struct wd_events *events, struct json_object *doc,
		     bool always);

/** wd_events_rebind() - the maps are others than before */
void wd_events_rebind(struct wd_events *events);

/**
 * wd_events_doc() - an event as `warder monitor --json` prints it
 * @time_us: when that was, since 1970; in place of the event's own time
 * Return: to be put by the caller.
 */
struct json_object *wd_events_doc(struct wd_agent *agent,
				  const struct wd_event *event,
				  int64_t time_us);

/** wd_events_denied() - what was dropped in the last hour */
const struct wd_denied *wd_events_denied(const struct wd_events *events);

void wd_events_free(struct wd_events *events);

/*
 * The "monitor" command: the keys of its request are those of wd_choice_read();
 * a stream of events.
 */
void wd_events_monitor(void *agent, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd);

#endif /* WARDER_EVENTS_H */
