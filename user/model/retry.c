/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * retry.c - which endpoints a commit compiles: those that are dirty, and those
 * whose policies did not fit, once something was given back.
 */
#include "slot_int.h"

static void compile_all(struct wd_model *m, bool host, bool room)
{
	struct mendpoint *e;

	for (e = m->endpoints; e && !m->failed; e = e->hh.next) {
		if (e->is_host == host &&
		    (e->dirty || (room && endpoint_may_fit(e))))
			(void)endpoint_compile(m, e);
	}
	for (e = m->endpoints; e && !m->failed; e = e->hh.next) {
		if (e->is_host == host && e->error && memo_has_room(m, e))
			(void)endpoint_compile(m, e);
	}
	memo_end(m);
}

int endpoints_compile(struct wd_model *m)
{
	bool room = m->room;

	m->failed = 0;
	m->room = false;
	/* the host first: a pod that finds no room is shut, the host is not */
	compile_all(m, true, room);
	compile_all(m, false, room);
	if (m->failed)
		m->room |= room;
	return m->failed;
}

bool endpoints_wait(const struct wd_model *m)
{
	const struct mendpoint *e;

	for (e = m->room ? m->endpoints : NULL; e; e = e->hh.next) {
		if (endpoint_may_fit(e))
			return true;
	}
	return false;
}
