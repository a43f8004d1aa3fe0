/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * denied.c - a small hash of sets of places. A sweep over all ports is many
 * entries of one packet each: those give way before what was seen again.
 */
#include "denied.h"

#include <stdlib.h>
#include <string.h>

#include "../base/byteorder.h"
#include "../model/xalloc.h"

#define WAYS 8U
#define SETS (WD_DENIED_MAX / WAYS)

#define FIRST_LABEL_ID 256 /* identities of pods by their labels */
#define LAST_LABEL_ID 65535

struct wd_denied {
	struct wd_denial *place; /* WD_DENIED_MAX; NULL before the first */
	struct wd_denied_loss loss;
};

struct wd_denied *wd_denied_new(void)
{
	return wd_xcalloc(1, sizeof(struct wd_denied));
}

void wd_denied_free(struct wd_denied *denied)
{
	if (denied)
		free(denied->place);
	free(denied);
}

bool wd_reason_by_policy(uint32_t reason)
{
	return reason == WD_R_DEFAULT || reason == WD_R_POLICY ||
	       reason == WD_R_PROTO_UNSUP || reason == WD_R_MCAST ||
	       reason == WD_R_SERVICE;
}

static bool is_labelled(uint32_t id)
{
	return id >= FIRST_LABEL_ID && id <= LAST_LABEL_ID;
}

static struct wd_denial denial_of(const struct wd_event *event)
{
	bool is_out = event->dir == WD_EGRESS;
	struct wd_denial new = {
		.ep = event->ep,
		.cnt = 1,
		.first_s = (uint32_t)(event->time_ns / 1000000000),
		.dir = event->dir,
		.verdict = event->verdict,
		.reason = event->reason,
	};

	new.last_s = new.first_s;
	if (!wd_reason_by_policy(event->reason))
		return new;
	new.peer_id = event->peer_id;
	new.family = event->family;
	new.proto = event->proto;
	new.port = wd_host16(event->dport);
	new.src_port = wd_host16(event->sport);
	memcpy(new.peer, is_out ? event->dst : event->src, sizeof(new.peer));
	return new;
}

static bool is_alike(const struct wd_denial *a, const struct wd_denial *b)
{
	return a->ep == b->ep && a->peer_id == b->peer_id &&
	       a->port == b->port && a->proto == b->proto &&
	       a->family == b->family && a->dir == b->dir &&
	       a->verdict == b->verdict && a->reason == b->reason &&
	       (is_labelled(a->peer_id) ||
		!memcmp(a->peer, b->peer, sizeof(a->peer)));
}

static uint32_t mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0x9e3779b1U;
	return hash ^ hash >> 15;
}

static uint32_t hash_of(const struct wd_denial *d)
{
	uint32_t hash = mix(d->ep, d->peer_id);

	hash = mix(hash, (uint32_t)d->port << 16 | d->proto << 8 | d->reason);
	hash = mix(hash, (uint32_t)d->family << 16 | d->dir << 8 | d->verdict);
	for (int i = 0; i < 4 && !is_labelled(d->peer_id); i++)
		hash = mix(hash, wd_host32(d->peer[i]));
	return hash;
}

static bool is_old(const struct wd_denial *d, uint32_t now_s)
{
	return !d->cnt || (int32_t)(now_s - d->last_s) > WD_DENIED_S;
}

/* Does @a rather give way than @b? Empty and old ones first, then what was seen least. */
static bool is_lesser(const struct wd_denial *a, const struct wd_denial *b,
		      uint32_t now_s)
{
	if (is_old(a, now_s) != is_old(b, now_s))
		return is_old(a, now_s);
	if (a->cnt != b->cnt)
		return a->cnt < b->cnt;
	return (int32_t)(a->last_s - b->last_s) < 0;
}

void wd_denied_add(struct wd_denied *denied, const struct wd_event *event)
{
	struct wd_denial new, *set, *least;

	if (event->verdict == WD_ALLOW)
		return;
	if (!denied->place)
		denied->place =
			wd_xcalloc(WD_DENIED_MAX, sizeof(*denied->place));
	new = denial_of(event);
	set = least = denied->place + (size_t)(hash_of(&new) % SETS) * WAYS;
	for (uint32_t i = 0; i < WAYS; i++) {
		struct wd_denial *at = set + i;

		if (!is_old(at, new.last_s) && is_alike(at, &new)) {
			at->cnt += at->cnt < UINT32_MAX;
			at->last_s = new.last_s;
			at->src_port = new.src_port;
			memcpy(at->peer, new.peer, sizeof(at->peer));
			return;
		}
		if (is_lesser(at, least, new.last_s))
			least = at;
	}
	if (!is_old(least, new.last_s))
		wd_denied_lost(denied, least->cnt, new.last_s);
	*least = new;
}

void wd_denied_lost(struct wd_denied *denied, uint64_t cnt, uint32_t now_s)
{
	struct wd_denied_loss *loss = &denied->loss;

	if (!cnt)
		return;
	if (!loss->cnt || (int32_t)(now_s - loss->last_s) > WD_DENIED_S)
		*loss = (struct wd_denied_loss){ .first_s = now_s };
	loss->cnt += cnt;
	loss->last_s = now_s;
}

void wd_denied_each(const struct wd_denied *denied, uint32_t now_s,
		    uint32_t since_s,
		    void (*fn)(void *ctx, const struct wd_denial *denial),
		    void *ctx)
{
	for (uint32_t i = 0; denied->place && i < WD_DENIED_MAX; i++) {
		const struct wd_denial *at = &denied->place[i];
		int32_t age = (int32_t)(now_s - at->last_s);

		if (!is_old(at, now_s) && (age < 0 || (uint32_t)age <= since_s))
			fn(ctx, at);
	}
}

struct wd_denied_loss wd_denied_losses(const struct wd_denied *denied)
{
	return denied->loss;
}
