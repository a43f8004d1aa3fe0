/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_late.c - a policy that changes to one that fits by itself closes no pod,
 * though what it was is there as well.
 */
#include "model/model.h"
#include "model/store.h"

#include "../tap.h"
#include "stall.h"

/* Commits until nothing is left; in none of them are more pods closed than @most. */
static int commits_that_close(uint32_t most)
{
	int commits = 0;

	do {
		wd_expect_int(0, wd_model_commit(model, NULL));
		wd_expect(stall_closed("") <= most);
		wd_expect_int(0, wd_model_settle(model));
	} while (wd_model_dirty(model) && ++commits < 100);
	wd_expect(commits < 100);
	wd_expect_int(0, stall_closed(""));
	return commits;
}

/* Of the crowd's pods, each with 1,402 spans of its own: it has 7/16 of all. */
static const struct shape large = { 16, 1, 700, 3, 0, true };
static const struct shape larger = { 15, 1, 700, 4, 0, true };

static void a_policy_that_fits_has_room_beside_what_it_was(void)
{
	stall_begin(true);
	put_policy("crowd", "p", &large);
	wd_expect(stall_commit().spans > WD_SPANS_MAX / 16 * 6);
	put_policy("crowd", "p", &larger);
	(void)commits_that_close(0);
	wd_expect(stall_commit().spans <= WD_SPANS_MAX / 2);
	stall_end();
}

/* As many spans of shop's, so that the table is nearly full. */
static void begin_large(int pods)
{
	stall_begin(true);
	for (int i = PODS + 2; i < MOST; i++)
		put_pod(i, "shop", "d", (uint16_t)(50000 + i));
	for (int i = MOST; i < MOST + pods; i++)
		put_pod(i, "crowd", "c", (uint16_t)(50000 + i));
	put_policy("crowd", "p", &large);
	put_policy("shop", "s", &large);
	wd_expect(stall_commit().spans > WD_SPANS_MAX / 16 * 13);
	wd_expect_int(0, stall_closed(""));
}

static void where_there_is_no_room_for_both_what_was_is_kept(void)
{
	begin_large(0);
	put_policy("crowd", "p", &larger);
	wd_expect(commits_that_close(0) > 3);
	stall_end();
}

static void where_there_is_none_at_all_one_pod_makes_some(void)
{
	begin_large(4); /* there is none for another 1,402 */
	put_policy("crowd", "p", &larger);
	wd_expect(commits_that_close(1) > 3);
	stall_end();
}

/* What was may be wider than the cluster wants it: others that change do not keep it. */
static void who_has_no_room_does_not_keep_what_was_for_ever(void)
{
	static const struct shape wide = { 15, 2, 700, 3, 0, true };
	struct shape shape = { 1, 1, 2, 3, 0, false };
	struct wd_policy_rule rule = { 0 };
	int commits = 0;

	begin_large(4);
	stall_fill(&rule, &large);
	put_rule("crowd", "p", of_app("c"), &rule);
	put_pod(MOST + 4, "crowd", "q", 0);
	(void)stall_commit();
	wd_expect_int(0, stall_closed(""));
	stall_fill(&rule, &wide);
	put_rule("", "w", of_app("c"), &rule);
	while (!stall_closed("") && commits++ < 100) {
		shape.ports ^= 1;
		stall_fill(&rule, &shape);
		put_rule("crowd", "q", of_app("q"), &rule);
		wd_expect_int(0, wd_model_commit(model, NULL));
	}
	wd_expect(commits > 3 && commits < 100);
	(void)commits_that_close(PODS + 4);
	stall_end();
}

int main(void)
{
	WD_TEST(a_policy_that_fits_has_room_beside_what_it_was);
	WD_TEST(where_there_is_no_room_for_both_what_was_is_kept);
	WD_TEST(where_there_is_none_at_all_one_pod_makes_some);
	WD_TEST(who_has_no_room_does_not_keep_what_was_for_ever);
	return wd_tests_end();
}
