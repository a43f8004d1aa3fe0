/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * late.c - what policies that change had, beside what they are to have.
 *
 * The slots of endpoints that a commit compiles are not wanted any more, but
 * programs see them up to the next one: idle, they are not counted against their
 * namespace while a table has room for both (share.c). An endpoint that finds no
 * room but for what is idle is late: it keeps the verdict that it had, and the
 * next commit, when that was given back, tries again. Where that gets none of a
 * namespace any further, what one of them has is given up, and who has it drops
 * everything until there is room. However busy its namespace is, no endpoint is late for long:
 * what it had may be wider than what it is to have, by the cluster's will.
 */
#include <errno.h>

#include "slot_int.h"

#define LATE_COMMITS 64 /* in a row */

void endpoint_leave(struct wd_model *m, struct mendpoint *e)
{
	if (e->left)
		return;
	slot_leave(m, e->slot);
	slot_leave(m, e->trial);
	e->left = true;
}

void late_begin(struct wd_model *m)
{
	m->late = false;
	for (struct mendpoint *e = m->endpoints; e; e = e->hh.next) {
		if (e->dirty)
			endpoint_leave(m, e);
	}
}

void late_end(struct wd_model *m)
{
	for (struct mspace *s = m->spaces; s; s = s->hh.next) {
		s->stuck = s->late && !s->moved;
		s->late = s->moved = false;
		s->gives = NULL;
	}
}

static bool gives_up(struct mspace *s, const struct mslot *had)
{
	if (s->stuck && !s->moved)
		s->gives = had;
	return s->gives == had;
}

bool endpoint_is_late(struct wd_model *m, struct mendpoint *e,
		      const struct outcome *o, const struct mslot *had)
{
	struct mspace *s = e->space;
	bool lacks = had && !e->slot && o->err == -ENOSPC &&
		     o->table != TABLE__MAX && m->idle[o->table];
	bool waits = lacks && e->late < LATE_COMMITS && !gives_up(s, had);

	e->late = waits ? e->late + 1 : 0;
	if (waits)
		s->late = m->late = true;
	s->moved |= !waits && e->slot != had;
	return waits;
}
