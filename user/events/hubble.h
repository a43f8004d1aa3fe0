/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hubble.h - events as `hubble observe --input-file` reads them.
 *
 * Source: api/v1/flow/flow.proto and api/v1/observer/observer.proto of Cilium,
 * in the JSON form of protocol buffers.
 */
#ifndef WARDER_HUBBLE_H
#define WARDER_HUBBLE_H

#include <stdint.h>

struct json_object;

/**
 * wd_hubble_flow() - a GetFlowsResponse with the flow of an event
 * @event: of wd_event_doc() with @whole, borrowed
 * Return: to be put.
 */
struct json_object *wd_hubble_flow(struct json_object *event);

/**
 * wd_hubble_lost() - a GetFlowsResponse that tells of lost events
 * @time: RFC 3339
 * Return: to be put.
 */
struct json_object *wd_hubble_lost(int64_t cnt, const char *time);

/**
 * wd_hubble_drop() - the reason of Hubble that comes nearest to one of ours
 * @ret_nr: its number; 0 for what is no drop
 * Return: its name, "DROP_REASON_UNKNOWN" for what is no drop.
 */
const char *wd_hubble_drop(int reason, int *ret_nr);

#endif /* WARDER_HUBBLE_H */
