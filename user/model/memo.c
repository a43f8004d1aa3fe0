/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memo.c - what pods that no policy can tell apart come to, while a commit
 * compiles: nothing changes meanwhile, so the first one's outcome is theirs.
 */
#include <stdlib.h>

#include "slot_int.h"

struct memo {
	UT_hash_handle hh; /* by key */
	uint64_t key;
	struct outcome outcome;
};

/* The group, whose address is even by far more, and what counts; 0: no group. */
static uint64_t key_of(const struct mendpoint *e, bool tries, bool lifts)
{
	if (!e->pod->group || e->is_host)
		return 0;
	return (uintptr_t)e->pod->group | (uint64_t)tries << 1 | lifts;
}

const struct outcome *memo_find(const struct wd_model *m,
				const struct mendpoint *e, bool tries,
				bool lifts)
{
	uint64_t key = key_of(e, tries, lifts);
	const struct memo *memo = NULL;

	if (m->memos && key)
		HASH_FIND(hh, m->memos, &key, sizeof(key), memo);
	return memo ? &memo->outcome : NULL;
}

void memo_add(struct wd_model *m, const struct mendpoint *e, bool tries,
	      bool lifts, const struct outcome *outcome)
{
	uint64_t key = key_of(e, tries, lifts);
	struct memo *memo;

	if (!key || e->pod->group->pods.cnt < 2)
		return;
	memo = wd_xcalloc(1, sizeof(*memo));
	memo->key = key;
	memo->outcome = *outcome;
	if (outcome->slot)
		outcome->slot->refs++;
	HASH_ADD(hh, m->memos, key, sizeof(memo->key), memo);
}

bool memo_knows(const struct wd_model *m, const struct mendpoint *e)
{
	return memo_find(m, e, false, e->lifted) != NULL;
}

bool memo_has_room(const struct wd_model *m, const struct mendpoint *e)
{
	const struct outcome *known = memo_find(m, e, false, e->lifted);

	return known && known->slot && !e->slot;
}

void memo_end(struct wd_model *m)
{
	struct memo *memo = m->memos;

	HASH_CLEAR(hh, m->memos);
	while (memo) {
		struct memo *next = memo->hh.next;

		slot_put(m, memo->outcome.slot);
		free(memo);
		memo = next;
	}
}
