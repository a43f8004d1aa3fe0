/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retry.c - which endpoints a commit compiles: those that are dirty, and those
 * whose policies did not fit, once something was given back that they lack.
 *
 * There may be many that wait, and what they try may come to nothing again: of
 * each namespace a commit tries so many that they take no more than a turn, one
 * at the least. The next one goes on behind them, so each has its turn; as long
 * as any waits the model is dirty. Another namespace begins each time.
 */
#include "slot_int.h"

/* Atoms of drafts and their pieces: some 10 ms. */
#define TURN (1U << 17)

static void compile_host(struct wd_model *m)
{
	struct mendpoint *e;

	for (e = m->endpoints; e && !m->failed; e = e->hh.next) {
		if (e->is_host && (e->dirty || e->waits))
			(void)endpoint_compile(m, e);
	}
}

/* Was it in vain before, and has it been for others for a turn? @spent: atoms */
static bool is_put_off(const struct wd_model *m, const struct mendpoint *e,
		       uint64_t spent)
{
	return spent >= TURN && e->behind && !e->late && endpoint_pod(e) &&
	       !memo_knows(m, e);
}

/* Of one commit, over all endpoints that are dirty. */
struct tries {
	uint64_t spent; /* atoms of those who were tried in vain */
	bool over; /* m->behind_first is the one that is put off first */
};

static void compile_pod(struct wd_model *m, struct mendpoint *e, uint32_t at,
			struct tries *t)
{
	uint64_t begin = m->atoms;

	if (!is_put_off(m, e, t->spent)) {
		(void)endpoint_compile(m, e);
		t->spent += e->behind ? m->atoms - begin : 0;
		return;
	}
	if (!t->over)
		m->behind_first = at;
	t->over = true;
	m->behind++;
}

/* Those who lacked memory go on lacking it, mostly: nobody waits for all of them. */
static void compile_pods(struct wd_model *m)
{
	uint32_t cnt = HASH_COUNT(m->endpoints);
	uint32_t first = cnt ? m->behind_first % cnt : 0;
	struct tries tries = { 0 };

	for (int round = 0; round < 2; round++) {
		struct mendpoint *e = m->endpoints;

		for (uint32_t at = 0; e && !m->failed; e = e->hh.next, at++) {
			if ((at < first) == (round == 1) && !e->is_host &&
			    e->dirty)
				compile_pod(m, e, at, &tries);
		}
	}
}

static void retry_space(struct wd_model *m, struct mspace *s)
{
	uint32_t cnt = s->endpoints.cnt;
	uint32_t first = cnt ? s->retry % cnt : 0;
	uint64_t begin = m->atoms;
	bool over = false;

	for (uint32_t i = 0; i < cnt && !m->failed; i++) {
		uint32_t at = (first + i) % cnt;
		struct mendpoint *e = s->endpoints.item[at];

		/* one that is dirty still was tried just now */
		if (!e->waits || e->dirty || !endpoint_may_fit(m, e))
			continue;
		/* what another came to costs nothing */
		if (m->atoms - begin >= TURN && !memo_knows(m, e)) {
			if (!over)
				s->retry = at;
			over = true;
			continue;
		}
		(void)endpoint_compile(m, e);
	}
}

static void retry_all(struct wd_model *m)
{
	uint32_t cnt = HASH_COUNT(m->spaces);
	uint32_t first = cnt ? m->retry_first++ % cnt : 0;
	uint32_t at = 0;
	struct mspace *s;

	for (s = m->spaces; s; s = s->hh.next) {
		if (at++ >= first)
			retry_space(m, s);
	}
	at = 0;
	for (s = m->spaces; s && at++ < first; s = s->hh.next)
		retry_space(m, s);
}

/* What one of them got is everybody's whom no policy can tell from it. */
static void take_known(struct wd_model *m)
{
	struct mendpoint *e;

	for (e = m->endpoints; e && !m->failed; e = e->hh.next) {
		if (!e->is_host && !e->dirty && e->error && memo_has_room(m, e))
			(void)endpoint_compile(m, e);
	}
}

/* Something was given back: for whom may that be enough? */
static void find_waiting(struct wd_model *m)
{
	struct mendpoint *e;

	for (e = m->room ? m->endpoints : NULL; e; e = e->hh.next)
		e->waits |= endpoint_may_fit(m, e);
	m->room = false;
}

int endpoints_compile(struct wd_model *m)
{
	m->failed = m->behind_err = 0;
	m->behind = 0;
	find_waiting(m);
	late_begin(m);
	/* the host first: a pod that finds no room is shut, the host is not */
	compile_host(m);
	memo_end(m);
	compile_pods(m);
	retry_all(m);
	take_known(m);
	memo_end(m);
	late_end(m);
	return m->failed;
}

bool endpoints_wait(const struct wd_model *m)
{
	const struct mendpoint *e;

	for (e = m->endpoints; e; e = e->hh.next) {
		/* one that is dirty is tried in any case */
		if ((m->room || e->waits) && !e->dirty &&
		    endpoint_may_fit(m, e))
			return true;
	}
	return false;
}
