/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asking.c - from a state to maps, from a question to a packet and its answer.
 */
#include "asking.h"

#include <string.h>

#include "../base/byteorder.h"
#include "datapath/ask.h"

static int fill_addrs(const struct wd_asking_to *to,
		      const struct wd_state *state)
{
	int err = 0;

	for (size_t i = 0; i < state->addr_cnt && !err; i++) {
		const struct wd_state_addr *a = &state->addr[i];

		err = to->set(to->ctx,
			      a->cidr.addr.family == 4 ? WD_MAP_wd_addr4 :
							 WD_MAP_wd_addr6,
			      &a->cidr.addr.v6, &a->val);
	}
	for (size_t i = 0; i < state->cidr_cnt && !err; i++) {
		const struct wd_state_addr *a = &state->cidr[i];
		bool is_v4 = a->cidr.addr.family == 4;
		struct wd_cidr6_key key = { .prefixlen = a->cidr.len };

		memcpy(key.addr, &a->cidr.addr.v6, is_v4 ? 4 : 16);
		err = to->set(to->ctx,
			      is_v4 ? WD_MAP_wd_cidr4 : WD_MAP_wd_cidr6, &key,
			      &a->val);
	}
	return err;
}

static int fill_fronts(const struct wd_asking_to *to,
		       const struct wd_state *state)
{
	int err = 0;

	for (size_t i = 0; i < state->front_cnt && !err; i++) {
		const struct wd_state_front *f = &state->front[i];
		bool is_v4 = f->addr.family == 4;
		struct wd_front_key key = { .port = wd_be16(f->port),
					    .proto = f->proto,
					    .family = f->addr.family,
					    .nr = f->nr };

		memcpy(&key.addr[is_v4 ? 3 : 0], &f->addr.v6, is_v4 ? 4 : 16);
		err = to->set(to->ctx, WD_MAP_wd_front, &key, &f->val);
	}
	return err;
}

static int fill_policies(const struct wd_asking_to *to,
			 const struct wd_state *state)
{
	int err = 0;

	for (size_t i = 0; i < state->row_cnt && !err; i++)
		err = to->set(to->ctx, WD_MAP_wd_row, &state->row[i].nr,
			      &state->row[i].val);
	for (size_t i = 0; i < state->class_cnt && !err; i++)
		err = to->set(to->ctx, WD_MAP_wd_class, &state->class[i].nr,
			      &state->class[i].val);
	for (uint32_t i = 0; i < state->span_cnt && !err; i++)
		err = to->set(to->ctx, WD_MAP_wd_span, &i, &state->span[i]);
	for (size_t i = 0; i < state->slot_cnt && !err; i++) {
		uint32_t at =
			state->slot[i].nr * WD_DIR__MAX + state->slot[i].dir;

		err = to->set(to->ctx, WD_MAP_wd_slot, &at,
			      &state->slot[i].val);
	}
	return err;
}

int wd_asking_tables(const struct wd_asking_to *to,
		     const struct wd_state *state)
{
	int err = fill_addrs(to, state);

	if (!err)
		err = fill_fronts(to, state);
	if (!err)
		err = fill_policies(to, state);
	for (size_t i = 0; i < state->ep_cnt && !err; i++)
		err = to->set(to->ctx, WD_MAP_wd_endpoint,
			      &state->ep[i].ifindex, &state->ep[i].val);
	return err ? err : wd_asking_state(to, state, 0);
}

int wd_asking_state(const struct wd_asking_to *to, const struct wd_state *state,
		    uint32_t more_flags)
{
	struct wd_state_val val = { .gen = state->gen,
				    .flags = state->flags | more_flags,
				    .schema = WD_SCHEMA };
	uint32_t zero = 0;

	memcpy(val.tunnel, state->encap.own, sizeof(val.tunnel));
	return to->set(to->ctx, WD_MAP_wd_state, &zero, &val);
}

/* ---- an object ---- */

static int set_map(void *ctx, enum wd_map map, const void *key, const void *val)
{
	return wd_ask_set(ctx, map, key, val);
}

static struct wd_asking_to maps_of(struct wd_ask *ask)
{
	return (struct wd_asking_to){ ask, set_map };
}

int wd_asking_fill(struct wd_ask *ask, const struct wd_state *state)
{
	struct wd_asking_to to = maps_of(ask);

	return wd_asking_tables(&to, state);
}

/* The endpoint at the device that test packets have. */
static int put_endpoint(struct wd_ask *ask, const struct wd_state_ep *ep)
{
	uint32_t ifindex = WD_ASK_IFINDEX;
	uint32_t at = ifindex & (WD_DEVICES - 1);
	struct wd_device_val device = { .ifindex = ifindex, .ep = ep->val };
	int err = wd_ask_set(ask, WD_MAP_wd_endpoint, &ifindex, &ep->val);

	return err ? err : wd_ask_set(ask, WD_MAP_wd_device, &at, &device);
}

uint8_t wd_asking_one(struct wd_ask *ask, const struct wd_state *state,
		      const struct wd_question *q)
{
	uint8_t data[WD_QUESTION_FRAME];
	struct wd_ask_frame frame = {
		.dir = q->dir,
		.iif = q->dir == WD_INGRESS ? q->iif : 0,
		.data = data,
		.len = wd_question_frame(state, q, data),
	};
	struct wd_asking_to to = maps_of(ask);
	uint32_t more = 0, reason;
	bool passes;
	int err;

	if (frame.iif && !wd_ask_knows_iif(ask)) {
		more = WD_STATE_HOST_POLICY;
		frame.iif = 0;
	}
	/* frames below 64 bytes are padded on a wire, too */
	if (frame.len < 64)
		frame.len = 64;
	err = put_endpoint(ask, &state->ep[q->ep]);
	if (!err)
		err = wd_asking_state(&to, state, more);
	if (!err)
		err = wd_ask_packet(ask, &frame, &passes, &reason);
	if (err)
		return WD_ANSWER_FAILED;
	return (uint8_t)(reason | (passes ? WD_ANSWER_PASSES : 0));
}

uint8_t wd_asking_right(const struct wd_state *state,
			const struct wd_question *q)
{
	struct wd_expected right = wd_expected(state, q);

	return (uint8_t)(right.reason | (right.passes ? WD_ANSWER_PASSES : 0));
}
