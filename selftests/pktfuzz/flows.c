/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * flows.c - the judge's view of flows: who opened them, whether they were
 * answered, and where both ends of a TCP connection are.
 *
 * The rules are those at the head of bpf/conntrack.h and bpf/tcp.h. A flow is
 * in one of three stages; what a TCP segment is to it is said by tcp_means().
 */
#include <stdlib.h>
#include <string.h>
#include <warder/limits.h>

#include "flows.h"
#include "wire.h"

#define FLOWS_MAX 16384
#define CHAINS 4096

struct flows {
	struct flow at[FLOWS_MAX];
	uint32_t cnt;
	uint32_t chain[CHAINS]; /* 1 + place of the first flow, 0 none */
};

struct flows *flows_new(void)
{
	return calloc(1, sizeof(struct flows));
}

void flows_free(struct flows *flows)
{
	free(flows);
}

void flows_reset(struct flows *flows)
{
	flows->cnt = 0;
	memset(flows->chain, 0, sizeof(flows->chain));
}

/* ---- the list ---- */

static uint32_t chain_of(const struct flow_key *key)
{
	const uint8_t *byte = (const uint8_t *)key;
	uint32_t sum = 5381;

	for (size_t i = 0; i < sizeof(*key); i++)
		sum = sum * 33 + byte[i];
	return (sum ^ sum >> 12) % CHAINS;
}

struct flow *flow_of(const struct look *k)
{
	struct flows *flows = flows_of(k);
	uint32_t at = flows->chain[chain_of(&k->key)];

	for (; at; at = flows->at[at - 1].next) {
		struct flow *f = &flows->at[at - 1];

		if (memcmp(&f->key, &k->key, sizeof(f->key)) != 0)
			continue;
		if (f->expires > now_of(k))
			return f;
		if (f->expires)
			mark(MARK_EXPIRED);
	}
	return NULL;
}

/* Unreplied flows that the pod opened and that are still waited for. */
static uint32_t count_open(const struct look *k)
{
	const struct flows *flows = flows_of(k);
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < flows->cnt; i++) {
		const struct flow *f = &flows->at[i];

		cnt += f->is_open && f->expires > now_of(k) &&
		       f->key.pod == k->pod_nr;
	}
	return cnt;
}

static void tell_flow(const struct look *k, const struct flow *f,
		      struct flow_state *ret)
{
	bool has_positions = f->key.proto == P_TCP && f->stage != ASKED &&
			     !f->is_blind;

	*ret = (struct flow_state){
		.peer = f->key.peer,
		.lport = f->key.lport,
		.pport = f->key.pport,
		.pod = f->key.pod,
		.family = f->key.family,
		.proto = f->key.proto,
		.own = f->key.own,
		.sub = f->key.sub,
		.dir = (uint8_t)f->dir,
		.is_answered = f->stage == ANSWERED,
		.is_up = f->stage == UP,
		.is_fresh = f->gen && f->gen == gen_of(k),
		.is_host = f->is_host,
		.is_open = f->is_open,
		.is_reset = f->is_reset,
		.fin_in = f->fin[WD_INGRESS],
		.fin_out = f->fin[WD_EGRESS],
	};
	if (!has_positions)
		return;
	memcpy(ret->end, f->end, sizeof(ret->end));
	memcpy(ret->ack, f->ack, sizeof(ret->ack));
}

size_t list_flows(const struct look *k, struct flow_state *ret, size_t room)
{
	const struct flows *flows = flows_of(k);
	size_t cnt = 0;

	for (uint32_t i = 0; i < flows->cnt; i++) {
		if (flows->at[i].expires <= now_of(k))
			continue;
		if (cnt < room)
			tell_flow(k, &flows->at[i], &ret[cnt]);
		cnt++;
	}
	return cnt;
}

/* ---- judging ---- */

/* What rests on a mode, and on no rule, is asked again at each packet. */
static uint32_t gen_for(const struct look *k, int reason)
{
	return reason == WD_R_MODE_OFF || reason >= WD_R_FIRST_DROP ? 0 :
								      gen_of(k);
}

int consent_for(const struct look *k, bool is_host, enum wd_dir dir)
{
	if (is_host && !(setting_of(k)->switches & WD_STATE_HOST_POLICY))
		return WD_R_HOST;
	return consent(k, dir);
}

/* A packet by itself, in its own direction. */
static int consent_to_packet(const struct look *k)
{
	bool is_host = false;
	int r;

	if (k->sight->dir == WD_INGRESS) {
		r = provenance(k);
		if (r >= WD_R_FIRST_DROP)
			return r;
		is_host = r == WD_R_HOST;
	}
	return consent_for(k, is_host, k->sight->dir);
}

static void add_flow(struct look *k, const struct flow *flow)
{
	struct flows *flows = flows_of(k);
	uint32_t *chain = &flows->chain[chain_of(&k->key)];
	struct flow *f = &flows->at[flows->cnt];

	if (flows->cnt == FLOWS_MAX)
		abort();
	*f = *flow;
	f->key = k->key;
	f->next = *chain;
	*chain = ++flows->cnt;
}

static int make_flow(struct look *k, int reason)
{
	bool leaves = k->sight->dir == WD_EGRESS;
	struct flow flow = { .gen = gen_for(k, reason),
			     .made = now_of(k),
			     .expires = now_of(k) + WD_LIFE_NEW,
			     .dir = k->sight->dir,
			     .is_host = reason == WD_R_HOST,
			     .is_open = leaves };

	if (leaves && count_open(k) >= WD_OPEN_SHARE) {
		mark(MARK_FULL);
		return WD_R_CT_FULL;
	}
	flow.end[k->sight->dir] = k->seq + k->span;
	flow.ack[!k->sight->dir] = k->seq + 1;
	add_flow(k, &flow);
	return reason;
}

void seed_flow(struct look *k, enum wd_dir dir, uint32_t life)
{
	struct flow flow = { .expires = now_of(k) + life,
			     .made = now_of(k),
			     .stage = UP,
			     .dir = dir,
			     .is_blind = k->key.proto == P_TCP,
			     .was_found = true };

	if (!flow_of(k))
		add_flow(k, &flow);
}

static bool is_syn(const struct look *k)
{
	return k->key.proto == P_TCP && (k->tcp & (T_SYN | T_ACK)) == T_SYN;
}

static bool is_synack(const struct look *k)
{
	return (k->tcp & T_SYN) && (k->tcp & T_ACK);
}

/* A packet that nothing is known of, or that begins anew. */
static int open_flow(struct look *k, struct flow *old)
{
	int r;

	if (k->is_answer)
		return WD_R_CT_INVALID;
	r = consent_to_packet(k);
	if (!lets_pass(k, r) || (k->key.proto == P_TCP && !is_syn(k)))
		return r;
	if (old) {
		mark(MARK_REOPENED);
		old->expires = 0;
	}
	return make_flow(k, r);
}

/* The flow was judged under another generation. */
static int judge_again(struct look *k, struct flow *f)
{
	int r;

	if (k->sight->dir == WD_INGRESS) {
		r = provenance(k);
		if (r >= WD_R_FIRST_DROP)
			return r;
	}
	r = consent_for(k, f->is_host, f->dir);
	mark(lets_pass(k, r) ? MARK_JUDGED_AGAIN : MARK_DENIED_LATER);
	f->gen = lets_pass(k, r) ? gen_for(k, r) : 0;
	return f->gen ? WD_R_ESTABLISHED : r;
}

/* ---- TCP ---- */

static bool is_closing(const struct flow *f)
{
	return f->is_reset || (f->fin[WD_INGRESS] && f->fin[WD_EGRESS]);
}

static uint32_t life_of(const struct look *k, const struct flow *f)
{
	if (f->key.proto == P_TCP)
		return is_closing(f) ? WD_LIFE_TCP_CLOSE : WD_LIFE_TCP;
	/* a question and its answer are not kept long */
	if (f->key.proto == P_UDP)
		return now_of(k) - f->made >= 2 ? WD_LIFE_UDP : WD_LIFE_NEW;
	return proto_is_icmp(f->key.family, f->key.proto) ? WD_LIFE_ICMP :
							    WD_LIFE_OTHER;
}

/* It was answered, and the packet keeps it alive. */
static void keep_up(const struct look *k, struct flow *f)
{
	if (f->stage != UP)
		mark(MARK_UP);
	f->stage = UP;
	f->is_open = false;
	f->expires = now_of(k) + life_of(k, f);
}

/* Is @a between @lo and @hi, both included, going up? */
static bool within(uint32_t a, uint32_t lo, uint32_t hi)
{
	return a - lo <= hi - lo;
}

static bool is_later(uint32_t a, uint32_t b)
{
	return a != b && a - b < 0x80000000U;
}

/* Acknowledges a SYN, or of its data some, up to @last. */
static bool acks_syn(const struct look *k, uint32_t first, uint32_t last)
{
	return (k->tcp & T_ACK) && within(k->ack, first, last);
}

/* What a segment is to its flow. */
enum meaning { COUNTS, PASSES, INVALID };

static enum meaning means_first(const struct look *k, const struct flow *f)
{
	enum wd_dir dir = k->sight->dir;

	if (dir == f->dir) {
		if (is_synack(k)) /* only after the other's SYN */
			return f->has_crossed ? PASSES : INVALID;
		if ((k->tcp & T_RST) &&
		    within(k->seq, f->ack[!dir] - 1, f->end[dir]))
			return COUNTS;
		return PASSES;
	}
	if (!(k->tcp & (T_SYN | T_RST)))
		return PASSES; /* of an older connection */
	if (dir == WD_EGRESS)
		return COUNTS;
	return acks_syn(k, f->ack[WD_INGRESS], f->end[WD_EGRESS]) ? COUNTS :
								    INVALID;
}

static enum meaning means_reset(const struct look *k, const struct flow *f)
{
	uint32_t end = f->end[WD_INGRESS];

	if (within(k->seq, f->ack[WD_EGRESS], end))
		return COUNTS;
	if (within(k->seq, end - WD_TCP_SLACK, end + WD_TCP_SLACK)) {
		mark(MARK_IDLE_RESET);
		return PASSES;
	}
	mark(MARK_BLIND_RESET);
	return INVALID;
}

/* From the peer's side, where anybody may be who can send with its address. */
static enum meaning means_peer(const struct look *k, struct flow *f)
{
	uint32_t end = f->end[WD_INGRESS], sent = f->end[WD_EGRESS];
	uint32_t acked = f->ack[WD_INGRESS];
	bool fits = within(k->ack, acked, sent);
	bool ahead = within(k->seq, end, end + WD_TCP_BEHIND);
	bool behind = within(k->seq, end - WD_TCP_BEHIND, end) ||
		      within(k->seq, f->ack[WD_EGRESS], end);

	if (k->tcp & T_RST)
		return means_reset(k, f);
	if (fits && (ahead || behind)) {
		if (k->seq != end)
			mark(ahead ? MARK_GAP : MARK_BEHIND);
		if (ahead || is_later(k->seq + k->span, end))
			f->end[WD_INGRESS] = k->seq + k->span;
		f->ack[WD_INGRESS] = k->ack;
		return COUNTS;
	}
	behind = behind || within(k->seq, end, end + WD_TCP_SLACK);
	if (f->was_found)
		sent += WD_TCP_SLACK;
	if (behind && within(k->ack, acked - WD_TCP_BEHIND, sent)) {
		mark(MARK_BEHIND_IDLE);
		return PASSES;
	}
	mark(MARK_BLIND);
	return INVALID;
}

/* The pod's first segment of a connection that was there before: it knows both. */
static void learn_from_own(const struct look *k, struct flow *f)
{
	if (!(k->tcp & T_ACK) || (k->tcp & T_RST))
		return;
	f->is_blind = false;
	f->end[WD_EGRESS] = k->seq + k->span;
	f->ack[WD_INGRESS] = k->seq;
	f->ack[WD_EGRESS] = f->end[WD_INGRESS] = k->ack;
	mark(MARK_LEARNED);
}

/* The pod's own: whatever it says is so. */
static void note_own(const struct look *k, struct flow *f)
{
	uint32_t end = k->seq + k->span;

	if (f->is_blind) {
		learn_from_own(k, f);
		return;
	}
	if (is_later(end, f->end[WD_EGRESS]))
		f->end[WD_EGRESS] = end;
	if (!(k->tcp & T_ACK) || (k->tcp & T_RST))
		return;
	if (k->ack != f->ack[WD_EGRESS] && is_later(k->ack, f->end[WD_INGRESS]))
		f->end[WD_INGRESS] = k->ack;
	f->ack[WD_EGRESS] = k->ack;
}

static enum meaning tcp_means(const struct look *k, struct flow *f)
{
	if (!k->has_positions)
		return PASSES; /* a later fragment */
	if (f->stage == ASKED)
		return means_first(k, f);
	if (k->sight->dir == WD_INGRESS && f->is_blind)
		return k->tcp & T_RST ? PASSES : COUNTS;
	if (k->sight->dir == WD_INGRESS)
		return means_peer(k, f);
	note_own(k, f);
	return COUNTS;
}

/* A SYN+ACK: now both ends are known. */
static void note_answer(const struct look *k, struct flow *f)
{
	enum wd_dir from = k->sight->dir;

	f->end[from] = k->seq + k->span;
	f->ack[from] = k->ack;
	f->ack[!from] = k->seq;
	if (from == WD_EGRESS || is_later(k->ack, f->end[!from]))
		f->end[!from] = k->ack;
	mark(MARK_ANSWERED);
	f->stage = ANSWERED;
	f->expires = now_of(k) + WD_LIFE_NEW;
}

static void note_reset(const struct look *k, struct flow *f)
{
	if (f->dir != k->sight->dir || f->stage == UP) {
		mark(f->stage == UP ? MARK_RESET : MARK_REFUSED);
		f->is_open = false;
		f->is_reset = true;
		f->peer_reset = f->stage == UP && k->sight->dir == WD_INGRESS;
	} else {
		mark(MARK_TAKEN_BACK);
	}
	f->expires = now_of(k) + WD_LIFE_TCP_CLOSE;
}

static void tcp_counts(const struct look *k, struct flow *f)
{
	bool is_answer = f->dir != k->sight->dir;

	if (k->tcp & T_RST) {
		note_reset(k, f);
		return;
	}
	if (k->sight->dir == WD_INGRESS && f->peer_reset)
		f->is_reset = f->peer_reset = false;
	if (k->tcp & T_FIN)
		f->fin[k->sight->dir] = true;
	if (f->stage != UP && is_synack(k)) {
		if (is_answer)
			note_answer(k, f);
		return;
	}
	if (f->stage == ASKED)
		return;
	if (is_closing(f) && (k->tcp & T_FIN))
		mark(MARK_CLOSED);
	keep_up(k, f);
}

/* The pod's SYN again. Of the same number, it takes no data back. */
static void ask_once_more(const struct look *k, struct flow *f)
{
	uint32_t end = k->seq + k->span;

	if (f->ack[WD_INGRESS] != k->seq + 1 ||
	    is_later(end, f->end[WD_EGRESS]))
		f->end[WD_EGRESS] = end;
	f->ack[WD_INGRESS] = k->seq + 1;
}

static int syn_to_flow(struct look *k, struct flow *f)
{
	int r;

	if (f->stage == UP && !is_closing(f)) {
		r = consent_to_packet(k);
		if (!lets_pass(k, r))
			return r;
		mark(MARK_ASKED_AGAIN);
		f->has_again = true;
		f->again_dir = k->sight->dir;
		f->again_host = r == WD_R_HOST;
		f->again = k->seq + 1;
		return r;
	}
	if (f->stage == UP || f->gen != gen_of(k) || f->is_reset)
		return open_flow(k, f);
	if (k->sight->dir != f->dir) {
		mark(MARK_CROSSED);
		f->has_crossed = true;
	}
	if (k->sight->dir == WD_EGRESS)
		ask_once_more(k, f);
	return WD_R_ESTABLISHED;
}

/* The answer to a SYN that came while the connection was up. */
static int begin_again(struct look *k, struct flow *f)
{
	int r = consent_for(k, f->again_host, f->again_dir);
	bool is_host = f->again_host;
	uint32_t next = f->next;

	if (!lets_pass(k, r))
		return r;
	*f = (struct flow){ .key = k->key,
			    .next = next,
			    .gen = gen_for(k, r),
			    .dir = f->again_dir,
			    .is_host = is_host,
			    .end[0] = f->end[0],
			    .end[1] = f->end[1],
			    .again = f->again };
	mark(MARK_BEGAN_AGAIN);
	f->end[f->dir] = f->again;
	note_answer(k, f);
	return f->gen ? WD_R_ESTABLISHED : r;
}

static int segment_of_flow(struct look *k, struct flow *f, int r)
{
	if (f->has_again && is_synack(k) && k->sight->dir != f->again_dir &&
	    acks_syn(k, f->again, f->again + 0xffff))
		return begin_again(k, f);
	switch (tcp_means(k, f)) {
	case COUNTS:
		tcp_counts(k, f);
		break;
	case PASSES:
		break;
	case INVALID:
		return WD_R_CT_INVALID;
	}
	return r;
}

int judge_flow(struct look *k)
{
	struct flow *f;
	int r = WD_R_ESTABLISHED;

	if (has_martian(k))
		return WD_R_L3_BAD;
	f = flow_of(k);
	if (!f)
		return open_flow(k, NULL);
	if (is_syn(k))
		return syn_to_flow(k, f);
	if (f->gen != gen_of(k))
		r = judge_again(k, f);
	if (!lets_pass(k, r))
		return r;
	if (k->key.proto == P_TCP)
		return segment_of_flow(k, f, r);
	if (f->stage == ASKED && f->dir == k->sight->dir)
		return r; /* nobody answered yet */
	keep_up(k, f);
	return r;
}
