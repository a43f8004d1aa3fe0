// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_ask.c - of random nodes: the programs of every object answer each
 * question as expected. Needs the rights to load programs.
 *
 *	test_ask [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/log.h"
#include "base/names.h"
#include "datapath/ask.h"
#include "node.h"
#include "preflight/asking.h"
#include "tap.h"

#define NODES 6
#define NODES_LONG 100
#define QUESTIONS 300

static uint64_t seed;
static uint64_t late; /* answers that somebody judges behind the translation */

static bool ask_one(struct wd_ask *ask, const struct wd_state *state,
		    const struct wd_question *q)
{
	uint8_t right = wd_asking_right(state, q);
	uint8_t got = wd_asking_one(ask, state, q);
	char *text;

	late += (right & 0x7f) == WD_R_SERVICE_LATE;
	if (wd_expect_int(right, got))
		return true;
	text = wd_question_text(q);
	printf("# %s %s: %s, not %s\n", wd_dir_name(q->dir), text,
	       wd_reason_name(got & 0x7f), wd_reason_name(right & 0x7f));
	free(text);
	return false;
}

static void ask_node(size_t object, const struct wd_state *state, uint64_t nr,
		     uint64_t *asked)
{
	struct wd_questions questions;
	struct wd_ask_load load;
	struct wd_ask *ask = NULL;
	int err = wd_ask_open(object, &ask, &load);
	bool ok = true;

	if (!wd_expect_int(0, err)) {
		printf("# %s: %s\n%s\n", wd_ask_object(object), wd_errno(err),
		       load.log ? load.log : "");
		free(load.log);
		return;
	}
	for (int way = 0; way < WD_DIR__MAX; way++) {
		wd_expect(load.prog[way].insns > 1000);
		wd_expect(load.prog[way].stack[0]);
	}
	if (wd_expect_int(0, wd_asking_fill(ask, state)) &&
	    wd_expect_int(0, wd_questions_make(state, nr, QUESTIONS,
					       &questions))) {
		for (size_t i = 0; ok && i < questions.cnt; i++, (*asked)++)
			ok = ask_one(ask, state, &questions.list[i]);
		wd_questions_free(&questions);
	}
	wd_ask_close(ask);
}

/*
 * Random objects seldom give services whose backends are treated differently, so
 * each gets one kind of backends more: somebody known, nobody known, too many.
 */
static bool mix(struct wd_state *state)
{
	static const uint32_t flags[] = { 0, 0, WD_FRONT_NODE, 0,
					  WD_FRONT_NONE | WD_FRONT_MANY };
	size_t cnt = state->addr_cnt ? state->front_cnt : 0;

	for (size_t i = 0; i < cnt; i++) {
		const struct wd_state_addr *to =
			&state->addr[i % state->addr_cnt];
		struct wd_state_front more = state->front[i], *slot;

		if (i + 1 < cnt && state->front[i + 1].nr > more.nr)
			continue; /* not its last kind */
		if (++more.nr == WD_FRONT_KINDS)
			continue;
		more.val.flags = flags[i % 5];
		more.val.row[0] = more.val.row[1] = to->val.row[0];
		slot = WD_STATE_ADD(state, front);
		if (!wd_expect(slot))
			return false;
		*slot = more;
	}
	wd_state_sort(state);
	state->flags |= WD_STATE_LATE;
	return true;
}

/* Nor do they fill the table: each third prefix is around an address without an entry. */
static bool cover(struct wd_state *state)
{
	for (size_t i = 0; i < state->cidr_cnt; i += 3) {
		const struct wd_addr *in = &state->cidr[i].cidr.addr;
		struct wd_state_front *slot = WD_STATE_ADD(state, front);
		size_t bytes = in->family == 4 ? 4 : 16, kept = bytes / 4;

		if (!wd_expect(slot))
			return false;
		slot->addr = *in;
		slot->proto = WD_FRONT_REGION;
		if (i % 2) {
			slot->proto = WD_FRONT_BLOCK;
			kept = in->family == 4 ? 3 : 14;
		}
		memset((char *)&slot->addr.v6 + kept, 0, bytes - kept);
		slot->val.flags = WD_FRONT_NONE | WD_FRONT_MANY | WD_FRONT_NODE;
	}
	wd_state_sort(state);
	return true;
}

static void programs_of_every_object_answer_as_expected(void)
{
	uint64_t nodes = getenv("WD_LONG") ? NODES_LONG : NODES, asked = 0;
	static struct node node;

	for (uint64_t nr = 0; nr < nodes || (!late && nr < 8 * nodes); nr++) {
		if (!node_begin(&node, seed + nr, 5))
			return;
		if (nr % 2 && (!mix(node.state) || !cover(node.state)))
			return;
		for (size_t i = 0; wd_ask_object(i); i++) {
			wd_test_row(wd_ask_object(i));
			ask_node(i, node.state, seed + nr, &asked);
		}
		wd_test_row(NULL);
		node_end(&node);
	}
	printf("# %llu answers, %llu of services judged late, seed %llu\n",
	       (unsigned long long)asked, (unsigned long long)late,
	       (unsigned long long)seed);
	wd_expect(asked > 1000);
	wd_expect(late > 0);
}

/* How many answers differ if every subject's isolation is turned about? */
static size_t different_of(struct node *node, uint64_t nr)
{
	struct wd_state *state = node->state;
	struct wd_questions questions;
	struct wd_ask_load load;
	struct wd_ask *ask = NULL;
	size_t different = 0;

	if (!wd_expect_int(0, wd_ask_open(0, &ask, &load)) ||
	    !wd_expect_int(0,
			   wd_questions_make(state, nr, QUESTIONS, &questions)))
		return 0;
	wd_expect_int(0, wd_asking_fill(ask, state));
	for (size_t i = 0; i < state->slot_cnt; i++)
		state->slot[i].val.flags ^= WD_SLOT_ISOLATED;
	for (size_t i = 0; i < questions.cnt; i++)
		different += wd_asking_right(state, &questions.list[i]) !=
			     wd_asking_one(ask, state, &questions.list[i]);
	wd_questions_free(&questions);
	wd_ask_close(ask);
	return different;
}

/*
 * Tables that changed for the judge alone must be seen. A node may have no pod
 * whose isolation tells in an answer: the next ones have.
 */
static void answer_about_other_tables_is_told_apart(void)
{
	size_t different = 0;
	static struct node node;

	for (uint64_t nr = 0; !different && nr < NODES; nr++) {
		if (!node_begin(&node, seed + nr, 5))
			return;
		different = different_of(&node, seed + nr);
		node_end(&node);
	}
	wd_expect(different > 0);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	WD_TEST(programs_of_every_object_answer_as_expected);
	WD_TEST(answer_about_other_tables_is_told_apart);
	return wd_tests_end();
}
