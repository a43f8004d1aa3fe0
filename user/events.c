/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events.c - the ring buffer of verdict events, and who watches it.
 *
 * The programs tell of drops always, of what passes only while somebody
 * listens; a timer drains the buffer. Decides what each listener is shown, and
 * owes each an account of what it was not shown. Never blocks on a reader. What
 * was dropped is remembered for an hour (denied.h): while nobody listens the
 * buffer is mapped only to empty it, since its pages count as the agent's.
 */
#include "events.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/libbpf.h>

#include "agent.h"
#include "byteorder.h"
#include "datapath/ladder.h"
#include "denied.h"
#include "endpoints.h"
#include "json.h"
#include "log.h"
#include "model/xalloc.h"
#include "names.h"
#include "query.h"
#include "rungs.h"

#define DRAIN_MS 50 /* while somebody listens */
#define REMEMBER_MS 1000 /* while nobody does */
#define LOSS_EVERY \
	20 /* drains between two looks at the kernel's loss counters */

struct listener {
	struct listener *next;
	struct wd_events *events;
	struct wd_ctl_conn *conn;
	bool agent; /* no packets, only what happens to the agent */
	bool drops; /* not what newly passes */
	int reason; /* only this one; -1 all */
	char *ns, *name; /* only this pod; NULL all */
	uint64_t missed; /* events not taken by the slow reader, not told yet */
};

struct wd_events {
	struct wd_agent *agent;
	struct ring_buffer *ring; /* NULL while nobody listens */
	struct wd_denied *denied;
	struct wd_timer *timer;
	struct listener *listeners;
	struct wd_evstat_val told; /* losses that listeners know of */
	struct wd_evstat_val noted; /* losses that @denied knows of */
	uint32_t drains;
	int64_t clock_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
};

static int64_t clock_read(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* ---- one event in words ---- */

static void put_time(const struct wd_events *events,
		     const struct wd_event *event, struct json_object *obj)
{
	int64_t ns = (int64_t)event->time_ns + events->clock_ns;
	time_t seconds = ns / 1000000000;
	char text[64];
	struct tm tm;
	size_t len;

	gmtime_r(&seconds, &tm);
	len = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + len, sizeof(text) - len, ".%06dZ",
		 (int)(ns % 1000000000 / 1000));
	wd_json_str(obj, "time", text);
}

static struct wd_addr event_addr(const struct wd_event *event,
				 const __be32 raw[4])
{
	struct wd_addr addr = { .family = event->family };

	if (event->family == 4)
		memcpy(&addr.v4, raw, sizeof(addr.v4));
	else if (event->family == 6)
		memcpy(&addr.v6, raw, sizeof(addr.v6));
	return addr;
}

static bool event_has_ports(const struct wd_event *event)
{
	return event->proto == IPPROTO_TCP || event->proto == IPPROTO_UDP ||
	       event->proto == IPPROTO_SCTP;
}

static void put_side(const struct wd_events *events,
		     const struct wd_event *event, bool from,
		     struct json_object *doc)
{
	struct wd_addr addr = event_addr(event, from ? event->src : event->dst);
	bool own = from == (event->dir == WD_EGRESS);
	struct json_object *obj = wd_json_object(doc, from ? "from" : "to");
	const struct wd_endpoint *ep =
		wd_endpoints_by_id(events->agent->endpoints, event->ep);
	struct wd_addr_info info = {};

	wd_query_addr(obj, "address", &addr);
	if (event_has_ports(event))
		wd_json_int(obj, "port",
			    wd_host16(from ? event->sport : event->dport));
	else
		wd_json_str(obj, "port", NULL);
	if (addr.family)
		wd_model_addr(events->agent->model, &addr, &info);
	wd_json_str(obj, "namespace", own && ep ? ep->ns : info.ns);
	wd_json_str(obj, "name", own && ep ? ep->name : info.name);
	wd_query_identity(obj, "identity",
			  own ? event->local_id : event->peer_id);
}

static void put_proto(const struct wd_event *event, struct json_object *obj)
{
	uint16_t icmp = wd_host16(event->dport);
	char text[16];

	if (!event->family) {
		snprintf(text, sizeof(text), "0x%04x", event->proto_eth);
		wd_json_str(obj, "ethertype", text);
		return;
	}
	snprintf(text, sizeof(text), "%u", event->proto);
	wd_json_str(obj, "proto", wd_proto_name(event->proto) ?: text);
	if (event->proto != IPPROTO_ICMP && event->proto != IPPROTO_ICMPV6)
		return;
	wd_json_int(obj, "icmp_type", icmp >> 8);
	wd_json_int(obj, "icmp_code", icmp & 0xff);
}

static void put_rule(const struct wd_events *events,
		     const struct wd_event *event, struct json_object *obj)
{
	const struct wd_object *policy = NULL;
	enum wd_dir dir;
	int index;

	if (event->rule)
		policy = wd_model_rule(events->agent->model, event->rule, &dir,
				       &index);
	wd_json_add(obj, "rule",
		    policy ? wd_query_rule(policy, dir, index) : NULL);
	wd_json_int(obj, "rule_id", event->rule);
}

static struct json_object *event_doc(const struct wd_events *events,
				     const struct wd_event *event)
{
	struct json_object *doc = json_object_new_object(), *obj;
	const struct wd_endpoint *ep =
		wd_endpoints_by_id(events->agent->endpoints, event->ep);

	put_time(events, event, doc);
	wd_json_str(doc, "direction", wd_dir_name(event->dir));
	wd_json_str(doc, "verdict", wd_verdict_name(event->verdict));
	wd_json_str(doc, "reason", wd_reason_name(event->reason));
	wd_json_str(doc, "help", wd_reason_help(event->reason));
	put_proto(event, doc);
	put_side(events, event, true, doc);
	put_side(events, event, false, doc);
	obj = wd_json_object(doc, "endpoint");
	wd_json_str(obj, "namespace", ep ? ep->ns : NULL);
	wd_json_str(obj, "name", ep ? ep->name : NULL);
	wd_json_str(obj, "interface", ep ? ep->host_name : NULL);
	wd_json_int(obj, "ifindex", event->ifindex);
	put_rule(events, event, doc);
	wd_json_int(doc, "generation", event->gen);
	wd_json_int(doc, "bytes", event->len);
	wd_json_str(doc, "rung",
		    wd_rung_name(event->rung < WD_RUNG__MAX ? event->rung :
							      WD_RUNG_FULL));
	return doc;
}

struct json_object *wd_events_doc(struct wd_agent *agent,
				  const struct wd_event *event, int64_t time_us)
{
	struct wd_event at = *event;
	const struct wd_events events = {
		.agent = agent,
		.clock_ns = time_us * 1000,
	};

	at.time_ns = 0;
	return event_doc(&events, &at);
}

/* ---- who is shown what ---- */

static bool doc_names_pod(struct json_object *doc, const char *key,
			  const struct listener *listener)
{
	struct json_object *obj = wd_json_get(doc, key);

	return !strcmp(wd_json_get_str(obj, "namespace"), listener->ns) &&
	       !strcmp(wd_json_get_str(obj, "name"), listener->name);
}

/* Is there anybody for whom the programs are to emit? */
static bool has_watchers(const struct wd_events *events)
{
	for (struct listener *l = events->listeners; l; l = l->next)
		if (!l->agent)
			return true;
	return false;
}

static bool chooses_packets(const struct listener *listener)
{
	return !listener->agent &&
	       (listener->drops || listener->reason >= 0 || listener->ns);
}

static bool listener_wants(const struct listener *listener,
			   const struct wd_event *event,
			   struct json_object *doc)
{
	if (listener->agent || (listener->drops && event->verdict == WD_ALLOW))
		return false;
	if (listener->reason >= 0 && event->reason != listener->reason)
		return false;
	return !listener->ns || doc_names_pod(doc, "endpoint", listener) ||
	       doc_names_pod(doc, "from", listener) ||
	       doc_names_pod(doc, "to", listener);
}

static int tell_loss(struct listener *listener, uint64_t lost,
		     const char *cause)
{
	struct json_object *doc = json_object_new_object();

	wd_json_int(doc, "lost", (int64_t)lost);
	wd_json_str(doc, "cause", cause);
	return wd_ctl_event(listener->conn, doc);
}

static void tell(struct listener *listener, struct json_object *doc)
{
	if (listener->missed) {
		if (tell_loss(listener, listener->missed,
			      "this reader was too slow")) {
			listener->missed++;
			return;
		}
		listener->missed = 0;
	}
	if (wd_ctl_event(listener->conn, json_object_get(doc)))
		listener->missed++;
}

static int take_event(void *ctx, void *data, size_t size)
{
	struct wd_events *events = ctx;
	const struct wd_event *event = data;
	struct listener *listener, *next;
	struct json_object *doc;

	if (size < sizeof(*event))
		return 0;
	wd_denied_add(events->denied, event);
	if (!has_watchers(events))
		return 0; /* perhaps left over from an agent or listener before */
	doc = event_doc(events, event);
	for (listener = events->listeners; listener; listener = next) {
		next = listener->next; /* it may leave while it is told */
		if (listener_wants(listener, event, doc))
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
		if (!listener->agent && tell_loss(listener, lost, cause))
			listener->missed++;
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
	events->clock_ns =
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

	for (struct listener *l = events->listeners; l; l = l->next) {
		if (!l->agent && !l->drops &&
		    (l->reason < 0 || l->reason < WD_R_FIRST_DROP))
			bits |= WD_MONITOR_NEW;
	}
	__atomic_store_n(&state->monitor, bits, __ATOMIC_RELAXED);
}

/* ---- coming and going ---- */

static void listener_free(struct listener *listener)
{
	free(listener->ns);
	free(listener->name);
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

static int read_filter(struct listener *listener, struct json_object *req,
		       struct wd_ctl_conn *conn)
{
	const char *pod = wd_json_get_str(req, "pod");
	const char *reason = wd_json_get_str(req, "reason");
	char *copy, *part[2];

	listener->agent = wd_json_get_bool(req, "agent");
	listener->drops = wd_json_get_bool(req, "drops");
	listener->reason = *reason ? wd_reason_find(reason) : -1;
	if (*reason && listener->reason < 0) {
		wd_ctl_error(conn, 2, reason, "no such reason");
		return -EINVAL;
	}
	if (!*pod)
		return 0;
	copy = wd_xstrdup(pod);
	if (wd_query_split(copy, part, 2) != 2) {
		wd_ctl_error(conn, 2, pod, "is not NS/POD");
		free(copy);
		return -EINVAL;
	}
	listener->ns = wd_xstrdup(part[0]);
	listener->name = wd_xstrdup(part[1]);
	free(copy);
	return 0;
}

void wd_events_monitor(void *agent, struct wd_ctl_conn *conn,
		       struct json_object *req, int fd)
{
	struct wd_events *events = ((struct wd_agent *)agent)->events;
	struct listener *listener = wd_xcalloc(1, sizeof(*listener));
	int err;

	wd_query_no_fd(fd);
	listener->events = events;
	listener->conn = conn;
	if (read_filter(listener, req, conn)) {
		listener_free(listener);
		return;
	}
	err = listener->agent || has_watchers(events) ? 0 : begin(events);
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
	if (!listener->agent)
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
	free(events);
}
