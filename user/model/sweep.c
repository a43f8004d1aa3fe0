/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sweep.c - through the ports of a protocol, from piece to piece.
 *
 * A piece begins where any atom begins or ends. Which atoms cover it is kept as
 * bits, so that a piece takes as many steps as atoms cover it (few for
 * the others), not as many as there are.
 */
#include <stdlib.h>

#include "slot_int.h"

/* An event: port << 32 | atom << 1 | does it end there. */
static uint64_t event_of(uint32_t port, size_t atom, bool ends)
{
	return (uint64_t)port << 32 | (uint64_t)atom << 1 | ends;
}

static uint32_t port_of(uint64_t event)
{
	return (uint32_t)(event >> 32);
}

static int event_cmp(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* More are sorted by counting: it goes through all ports, but not so often. */
#define FEW_EVENTS 2048

static void sort_few(struct sweep *w)
{
	if (w->events > 1)
		qsort(w->event, w->events, sizeof(*w->event), event_cmp);
}

static void sort_many(struct sweep *w)
{
	uint32_t *at = wd_xcalloc(65536 + 1, sizeof(*at));
	uint64_t *to = wd_xcalloc(w->events, sizeof(*to));

	for (size_t i = 0; i < w->events; i++)
		at[port_of(w->event[i]) + 1]++;
	for (uint32_t port = 1; port < 65536; port++)
		at[port] += at[port - 1];
	for (size_t i = 0; i < w->events; i++)
		to[at[port_of(w->event[i])]++] = w->event[i];
	free(at);
	free(w->event);
	w->event = to;
}

static void flip(struct sweep *w, size_t atom)
{
	w->on[atom / 64] ^= 1ULL << (atom % 64);
}

static void find_atoms(struct sweep *w, const struct draft *d, enum wd_dir dir,
		       enum wd_l4 l4)
{
	w->atom = wd_xcalloc(d->cnt, sizeof(*w->atom));
	for (size_t i = 0; i < d->cnt; i++) {
		const struct atom *a = &d->atom[i];

		if (a->dir == dir && (a->any_port || a->l4 == l4))
			w->atom[w->cnt++] = a;
	}
}

static void find_events(struct sweep *w)
{
	w->event = wd_xcalloc(2 * w->cnt, sizeof(*w->event));
	for (size_t i = 0; i < w->cnt; i++) {
		const struct atom *a = w->atom[i];

		if (a->any_port) {
			flip(w, i);
			continue;
		}
		w->event[w->events++] = event_of(a->lo, i, false);
		if (a->hi < 65535)
			w->event[w->events++] = event_of(a->hi + 1U, i, true);
	}
	if (w->events > FEW_EVENTS)
		sort_many(w);
	else
		sort_few(w);
}

static void count_steps(struct sweep *w)
{
	size_t covers = w->cnt;
	size_t words = w->words / 8; /* one without any atom is soon passed */

	for (size_t i = 0; i < w->cnt; i++)
		covers -= !w->atom[i]->any_port;
	w->pieces = !w->events || port_of(w->event[0]) > 0;
	w->steps = w->pieces * (covers + words);
	for (size_t i = 0; i < w->events; i++) {
		covers += w->event[i] & 1 ? -1UL : 1UL;
		if (i + 1 < w->events &&
		    port_of(w->event[i + 1]) == port_of(w->event[i]))
			continue;
		w->pieces++;
		w->steps += covers + words;
	}
}

void sweep_begin(struct sweep *w, const struct draft *d, enum wd_dir dir,
		 enum wd_l4 l4)
{
	*w = (struct sweep){ 0 };
	find_atoms(w, d, dir, l4);
	w->words = (w->cnt + 63) / 64;
	w->on = wd_xcalloc(w->words, sizeof(*w->on));
	find_events(w);
	count_steps(w);
}

bool sweep_next(struct sweep *w, uint32_t *ret_port)
{
	uint32_t port;

	if (!w->pieces)
		return false;
	w->pieces--;
	port = w->next < w->events ? port_of(w->event[w->next]) : 0;
	/* the first may begin where no atom does */
	if (!w->begun)
		port = 0;
	w->begun = true;
	for (; w->next < w->events && port_of(w->event[w->next]) == port;
	     w->next++)
		flip(w, (size_t)(w->event[w->next] >> 1 & 0x7fffffff));
	*ret_port = port;
	return true;
}

void sweep_fini(struct sweep *w)
{
	free(w->atom);
	free(w->on);
	free(w->event);
}
