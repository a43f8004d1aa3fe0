/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trains.c - the judge's view of fragments: the table at the head of
 * bpf/fragment.h. A train remembers of every byte whether it has passed; there
 * is room for all trains, so no share is ever used up here.
 */
#include <stdlib.h>
#include <string.h>
#include <warder/limits.h>

#include "look.h"
#include "wire.h"

#define TRAINS_MAX 4096

struct train {
	struct addr src, dst;
	uint32_t id;
	uint32_t expires;
	uint8_t pod, proto, dir, family;
	uint16_t sport, dport; /* ICMP: id of an echo, type and code */
	uint8_t icmp[ICMP_LEN];
	bool is_ended; /* by a refusal: nothing more passes */
	uint32_t total; /* bytes of the datagram, 0 not known yet */
	uint32_t passed_cnt;
	/* what has passed: lo, hi of each fragment */
	struct {
		uint32_t lo, hi;
	} passed[64];
};

struct trains {
	struct train at[TRAINS_MAX];
	size_t cnt;
};

struct trains *trains_new(void)
{
	return calloc(1, sizeof(struct trains));
}

void trains_reset(struct trains *trains)
{
	trains->cnt = 0;
}

void trains_free(struct trains *trains)
{
	free(trains);
}

static struct train *find_train(const struct look *k)
{
	struct trains *trains = trains_of(k);

	for (size_t i = trains->cnt; i-- > 0;) {
		struct train *t = &trains->at[i];

		if (t->id == k->l.frag_id && t->pod == k->pod_nr &&
		    t->proto == k->l.frag_proto && t->dir == k->sight->dir &&
		    t->family == k->l.family && t->expires > now_of(k) &&
		    addr_is_equal(&t->src, &k->src) &&
		    addr_is_equal(&t->dst, &k->dst))
			return t;
	}
	return NULL;
}

bool mode_is_off(const struct look *k)
{
	return setting_of(k)->flags[k->pod_nr] & WD_EP_OFF;
}

/* Bytes of the transport header, which is the first fragment's alone. */
uint32_t header_len(uint8_t proto)
{
	switch (proto) {
	case P_TCP:
		return TCP_LEN;
	case P_SCTP:
		return SCTP_LEN;
	}
	return UDP_LEN;
}

/* ---- what has passed ---- */

static int compare_parts(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Holes that may still be filled, the open end among them. */
static uint32_t count_holes(struct train *t)
{
	uint32_t end = 0, holes = 0;

	qsort(t->passed, t->passed_cnt, sizeof(t->passed[0]), compare_parts);
	for (uint32_t i = 0; i < t->passed_cnt; i++) {
		holes += t->passed[i].lo > end;
		end = t->passed[i].hi;
	}
	return holes + !t->total;
}

static void add_part(struct train *t, uint32_t lo, uint32_t hi, bool more)
{
	if (t->passed_cnt == sizeof(t->passed) / sizeof(t->passed[0]))
		abort();
	t->passed[t->passed_cnt].lo = lo;
	t->passed[t->passed_cnt++].hi = hi;
	if (!more)
		t->total = hi;
}

/* Does the fragment touch nothing that has passed, and agree on the end? */
static bool is_fresh(const struct train *t, uint32_t lo, uint32_t hi, bool more)
{
	for (uint32_t i = 0; i < t->passed_cnt; i++) {
		if (lo < t->passed[i].hi && hi > t->passed[i].lo)
			return false;
		if (!more && t->passed[i].hi > hi)
			return false;
	}
	return !t->total || (more && hi <= t->total);
}

static void forget(struct trains *trains, struct train *t)
{
	*t = trains->at[--trains->cnt];
}

static int board(struct look *k, struct train *t)
{
	uint32_t lo = k->l.frag_at;
	uint32_t hi = lo + (uint32_t)(k->l.ip_end - k->l.at), holes;

	if (is_fresh(t, lo, hi, k->l.more)) {
		add_part(t, lo, hi, k->l.more);
		holes = count_holes(t);
		if (holes > 1)
			mark(MARK_TRAIN_HOLE);
		if (holes <= WD_FRAG_GAPS) {
			if (holes)
				return GO_ON;
			mark(MARK_TRAIN_DONE);
			forget(trains_of(k), t);
			return GO_ON;
		}
	}
	mark(MARK_TRAIN_ENDED);
	t->is_ended = true;
	return WD_R_FRAG_OVERLAP;
}

int judge_later(struct look *k)
{
	struct train *t, ports;
	int r;

	if (k->l.frag_at < header_len(k->l.frag_proto))
		return WD_R_FRAG_OVERLAP;
	t = mode_is_off(k) ? NULL : find_train(k);
	if (!t || t->is_ended)
		return WD_R_FRAG_ORPHAN;
	ports = *t;
	r = board(k, t);
	if (r != GO_ON)
		return r;
	if (proto_is_icmp(k->l.family, k->l.proto)) {
		icmp_key(k, k->sight->dir, ports.icmp);
		return GO_ON;
	}
	port_key(k, k->sight->dir, ports.sport, ports.dport);
	if (k->l.proto == P_TCP)
		k->tcp = T_ACK; /* of a connection, and opens none */
	return GO_ON;
}

/* ---- the first ---- */

static struct train *new_train(struct look *k)
{
	struct trains *trains = trains_of(k);

	if (trains->cnt == TRAINS_MAX)
		abort();
	return &trains->at[trains->cnt++];
}

/* What stands for the ports of a first fragment. */
static void set_ports(const struct look *k, struct train *t)
{
	bool out = k->sight->dir == WD_EGRESS;

	t->sport = out ? k->key.lport : k->key.pport;
	t->dport = out ? k->key.pport : k->key.lport;
	if (!proto_is_icmp(k->l.family, k->l.proto))
		return;
	memcpy(t->icmp, k->l.frame + k->l.at, ICMP_LEN);
	t->sport = k->key.lport;
	t->dport = get16(t->icmp);
}

int note_first(struct look *k, int reason)
{
	struct train *t, fresh = {
		.src = k->src,
		.dst = k->dst,
		.id = k->l.frag_id,
		.pod = k->pod_nr,
		.proto = k->l.frag_proto,
		.dir = (uint8_t)k->sight->dir,
		.family = (uint8_t)k->l.family,
	};

	if (mode_is_off(k))
		return reason;
	t = find_train(k);
	if (!lets_pass(k, reason)) {
		if (t)
			t->is_ended = true;
		return reason;
	}
	set_ports(k, &fresh);
	if (t)
		mark(MARK_TRAIN_ANEW);
	if (t && (t->sport != fresh.sport || t->dport != fresh.dport)) {
		mark(MARK_TRAIN_PORTS);
		t->is_ended = true;
		return WD_R_FRAG_OVERLAP;
	}
	fresh.expires =
		now_of(k) + (k->l.family == 4 ? WD_LIFE_FRAG4 : WD_LIFE_FRAG6);
	add_part(&fresh, 0, (uint32_t)(k->l.ip_end - k->l.at), true);
	if (!t)
		t = new_train(k);
	*t = fresh;
	return reason;
}
