/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_rule.c - numbers of rules: each has a place of its own to be counted at,
 * keeps it through a restart, and who counts is told of its beginning and end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"

#define SOME 3000 /* policies: several hundred places are wanted twice */
#define PLACE(id) ((id) % WD_RULES_MAX)

/* Who counts: the rule at each place, 0 none; and how often something was told. */
static struct {
	uint32_t at[WD_RULES_MAX];
	int begun;
	int ended;
	int clashes;
	bool refuses;
} counters;

static int rule(void *ctx, uint32_t id, bool ends)
{
	uint32_t *at = &counters.at[PLACE(id)];

	(void)ctx;
	if (counters.refuses)
		return -1;
	if (!PLACE(id))
		return 0;
	if (ends) {
		counters.ended++;
		if (*at == id)
			*at = 0;
		return 0;
	}
	counters.begun++;
	counters.clashes += *at && *at != id;
	*at = id;
	return 0;
}

static struct wd_object *object_of(enum wd_kind kind, const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = kind;
	obj->ns = wd_str_get("shop");
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get("");
	obj->file = wd_str_get("f");
	return obj;
}

/* Ingress by @cnt rules from anybody. */
static struct wd_object *make_policy(int nr, uint32_t cnt)
{
	struct wd_object *obj;
	char name[16];

	(void)snprintf(name, sizeof(name), "p%d", nr);
	obj = object_of(WD_KIND_NETPOL, name);
	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, 1);
	obj->policy.spec->isolates[WD_INGRESS] = true;
	obj->policy.spec->applies[WD_INGRESS] = true;
	obj->policy.spec->rule_cnt[WD_INGRESS] = cnt;
	obj->policy.spec->rule[WD_INGRESS] =
		wd_xcalloc(cnt, sizeof(struct wd_policy_rule));
	for (uint32_t i = 0; i < cnt; i++) {
		obj->policy.spec->rule[WD_INGRESS][i].any_port = true;
		obj->policy.spec->rule[WD_INGRESS][i].any_peer = true;
	}
	return obj;
}

struct world {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_endpoint ep;
	struct wd_sink sink;
};

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	wd_model_changed(((struct world *)ctx)->model, was, now);
}

static void begin(struct world *w)
{
	struct wd_model_config config = { .node = "n" };
	struct wd_object *pod = object_of(WD_KIND_POD, "srv");

	pod->pod.labels = wd_labels_get(NULL, 0);
	memset(w, 0, sizeof(*w));
	wd_sink_nowhere(&w->sink);
	w->sink.rule = rule;
	w->sink.row = wd_xcalloc(WD_ROWS_MAX, sizeof(*w->sink.row));
	w->sink.slot = wd_xcalloc(2 * WD_SLOTS_MAX, sizeof(*w->sink.slot));
	w->sink.span = wd_xcalloc(WD_SPANS_MAX, sizeof(*w->sink.span));
	w->sink.class = wd_xcalloc(WD_CLASSES_MAX, sizeof(*w->sink.class));
	w->store = wd_store_new(changed, w);
	w->model = wd_model_new(w->store, &w->sink, &config);
	w->ep = (struct wd_endpoint){
		.id = 1,
		.ifindex = 7,
		.ns = wd_str_get("shop"),
		.name = wd_str_get("srv"),
		.uid = wd_str_get(""),
	};
	wd_model_endpoint_set(w->model, &w->ep);
	(void)wd_store_put(w->store, pod);
}

static void end(struct world *w)
{
	wd_model_endpoint_del(w->model, 1);
	wd_model_free(w->model);
	wd_store_free(w->store);
	free(w->sink.row);
	free(w->sink.slot);
	free(w->sink.span);
	free(w->sink.class);
	wd_str_put(w->ep.ns);
	wd_str_put(w->ep.name);
	wd_str_put(w->ep.uid);
}

/* As the agent does it. */
static void commit(struct world *w)
{
	wd_expect_int(0, wd_model_commit(w->model, NULL));
	wd_expect_int(0, wd_model_settle(w->model));
}

static uint32_t number_of(const struct world *w, int nr, int index)
{
	const struct wd_object *policy;
	char name[16];
	bool joined;

	(void)snprintf(name, sizeof(name), "p%d", nr);
	policy = wd_store_get(w->store, WD_KIND_NETPOL, "shop", name);
	return policy ? wd_model_rule_of(w->model, policy, WD_INGRESS, index,
					 &joined) :
			0;
}

/* @first, then on by @step up to all of SOME. */
static void put_some(struct world *w, int first, int step)
{
	for (int nr = first; nr >= 0 && nr < SOME; nr += step)
		(void)wd_store_put(w->store, make_policy(nr, 1));
	commit(w);
}

static void no_two_rules_have_a_place_in_common(void)
{
	static bool taken[WD_RULES_MAX];
	int twice = 0, none = 0;
	struct world w;

	memset(&counters, 0, sizeof(counters));
	memset(taken, 0, sizeof(taken));
	begin(&w);
	put_some(&w, 0, 1);
	for (int nr = 0; nr < SOME; nr++) {
		uint32_t at = PLACE(number_of(&w, nr, 0));

		none += !at;
		twice += taken[at];
		taken[at] = true;
	}
	wd_expect_int(0, none);
	wd_expect_int(0, twice);
	wd_expect_int(SOME, counters.begun);
	wd_expect_int(0, counters.clashes);
	end(&w);
}

/* The agent after comes to them in another order. */
static void a_restart_gives_each_rule_its_place_again(void)
{
	static uint32_t number[SOME];
	int others = 0;
	struct world w;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	put_some(&w, 0, 1);
	for (int nr = 0; nr < SOME; nr++)
		number[nr] = number_of(&w, nr, 0);
	end(&w);
	begin(&w);
	for (int nr = 0; nr < SOME; nr++)
		wd_model_adopt_rule(w.model, number[nr]);
	put_some(&w, 1, 2);
	put_some(&w, 0, 2);
	for (int nr = 0; nr < SOME; nr++)
		others += number[nr] != number_of(&w, nr, 0);
	wd_expect_int(0, others);
	wd_expect_int(0, counters.clashes);
	end(&w);
}

static bool no_rule(void *ctx, enum wd_map map, uint32_t index)
{
	(void)ctx;
	(void)map;
	(void)index;
	return false;
}

static void a_rule_that_does_not_come_back_after_a_restart_has_ended(void)
{
	struct world w;
	uint32_t first, second;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	(void)wd_store_put(w.store, make_policy(1, 2));
	commit(&w);
	first = number_of(&w, 1, 0);
	second = number_of(&w, 1, 1);
	end(&w);
	begin(&w);
	wd_model_adopt(w.model, 1, no_rule, NULL);
	wd_model_adopt_rule(w.model, first);
	wd_model_adopt_rule(w.model, second);
	(void)wd_store_put(w.store, make_policy(1, 1));
	commit(&w);
	wd_expect_int(first, counters.at[PLACE(first)]);
	wd_expect_int(0, counters.at[PLACE(second)]);
	wd_expect_int(1, counters.ended);
	end(&w);
}

static void who_counts_is_told_of_what_comes_and_goes(void)
{
	struct world w;
	uint32_t id;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	(void)wd_store_put(w.store, make_policy(1, 1));
	commit(&w);
	id = number_of(&w, 1, 0);
	wd_expect_int(id, counters.at[PLACE(id)]);
	/* another one: what is counted already is not told again */
	(void)wd_store_put(w.store, make_policy(2, 1));
	commit(&w);
	wd_expect_int(2, counters.begun);
	(void)wd_store_del(w.store, WD_KIND_NETPOL, "shop", "p1", NULL);
	commit(&w);
	commit(&w);
	wd_expect_int(0, counters.at[PLACE(id)]);
	wd_expect_int(1, counters.ended);
	end(&w);
}

static void who_refuses_is_told_again_and_stops_nothing(void)
{
	struct world w;
	uint32_t id;

	memset(&counters, 0, sizeof(counters));
	counters.refuses = true;
	begin(&w);
	(void)wd_store_put(w.store, make_policy(1, 1));
	commit(&w);
	id = number_of(&w, 1, 0);
	wd_expect_int(0, counters.begun);
	counters.refuses = false;
	commit(&w);
	wd_expect_int(id, counters.at[PLACE(id)]);
	end(&w);
}

/* More than there are places: enforced all the same, and said to be uncounted. */
static void rules_without_a_place_are_rules(void)
{
	const int cnt = WD_RULES_MAX + 100;
	int counted = 0, unnamed = 0;
	struct world w;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	(void)wd_store_put(w.store, make_policy(1, (uint32_t)cnt));
	commit(&w);
	for (int i = 0; i < cnt; i++) {
		counted += PLACE(number_of(&w, 1, i)) != 0;
		unnamed += !number_of(&w, 1, i);
	}
	printf("# %d of %d rules have a place\n", counted, cnt);
	wd_expect(counted > WD_RULES_MAX / 2 && counted < WD_RULES_MAX);
	wd_expect_int(0, unnamed);
	wd_expect_int(counted, counters.begun);
	wd_expect_int(0, counters.clashes);
	end(&w);
}

/* ---- names made to clash ---- */

/* As rule.c has it, over the first @len of @text. */
static uint32_t hash_on(uint32_t h, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619U;
	return h;
}

static struct wd_object *named_policy(const char *name, uint32_t cnt)
{
	struct wd_object *obj = make_policy(0, cnt);

	wd_str_put(obj->name);
	obj->name = wd_str_get(name);
	return obj;
}

static uint32_t number_of_named(const struct world *w, const char *name)
{
	bool joined;

	return wd_model_rule_of(
		w->model, wd_store_get(w->store, WD_KIND_NETPOL, "shop", name),
		WD_INGRESS, 0, &joined);
}

#define BLOCK 8 /* characters of a name, of which two do the same to its hash */
#define BLOCKS 11
#define ALIKE (1 << BLOCKS)

static void put_block(char *to, uint32_t nr)
{
	nr *= 2654435761U; /* else they are too alike to clash */
	for (int i = BLOCK; i-- > 0; nr /= 16)
		to[i] = "0123456789abcdef"[nr % 16];
	to[BLOCK] = '\0';
}

/* Two endings of the text whose hash is @h so far that make the same of it. */
static uint32_t find_two(uint32_t h, char two[2][BLOCK + 1])
{
	static uint32_t seen[1 << 20], by[1 << 20];

	memset(by, 0, sizeof(by));
	for (uint32_t i = 1; i < 1 << 19; i++) {
		uint32_t at, made;

		put_block(two[0], i);
		made = hash_on(h, two[0], BLOCK);
		for (at = made >> 12; by[at] && seen[at] != made;)
			at = (at + 1) % (1 << 20);
		if (by[at]) {
			put_block(two[1], by[at]);
			return made;
		}
		seen[at] = made;
		by[at] = i;
	}
	wd_expect(!"two that clash");
	return h;
}

/* Policies whose rules all have one hash, by names of one of two blocks each. */
static void name_alike(char name[ALIKE][BLOCKS * BLOCK + 1])
{
	char two[BLOCKS][2][BLOCK + 1];
	const char *kind = wd_kind_name(WD_KIND_NETPOL);
	uint32_t h = hash_on(2166136261U, kind, strlen(kind));

	h = hash_on(h, "/shop/", 6);
	for (int b = 0; b < BLOCKS; b++)
		h = find_two(h, two[b]);
	for (int i = 0; i < ALIKE; i++)
		for (int b = 0; b < BLOCKS; b++)
			memcpy(name[i] + (size_t)b * BLOCK, two[b][i >> b & 1],
			       BLOCK + 1);
}

static char alike[ALIKE][BLOCKS * BLOCK + 1];

static void names_made_to_clash_cost_no_more_than_others(void)
{
	struct wd_model_stats stats;
	int placed = 0, twice = 0;
	struct world w;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	name_alike(alike);
	for (int i = 0; i < ALIKE; i++)
		(void)wd_store_put(w.store, named_policy(alike[i], 1));
	commit(&w);
	for (int i = 0; i < ALIKE; i++) {
		uint32_t id = number_of_named(&w, alike[i]);

		placed += PLACE(id) != 0;
		twice += i && id == number_of_named(&w, alike[i - 1]);
	}
	wd_model_stats(w.model, &stats);
	wd_expect(placed > 0 && placed <= 64);
	wd_expect_int(0, twice);
	wd_expect(stats.numbers >= ALIKE);
	wd_expect(stats.numbers <= 4 * ALIKE);
	end(&w);
}

static void a_number_is_kept_though_a_better_one_comes_free(void)
{
	uint32_t number;
	struct world w;

	memset(&counters, 0, sizeof(counters));
	begin(&w);
	for (int i = 0; i < 70; i++) {
		(void)wd_store_put(w.store, named_policy(alike[i], 1));
		commit(&w);
	}
	number = number_of_named(&w, alike[69]);
	wd_expect_int(0, PLACE(number));
	wd_expect(
		wd_store_del(w.store, WD_KIND_NETPOL, "shop", alike[3], NULL));
	commit(&w);
	(void)wd_store_put(w.store, named_policy(alike[69], 2));
	commit(&w);
	wd_expect_int(number, number_of_named(&w, alike[69]));
	end(&w);
}

int main(void)
{
	WD_TEST(no_two_rules_have_a_place_in_common);
	WD_TEST(a_restart_gives_each_rule_its_place_again);
	WD_TEST(a_rule_that_does_not_come_back_after_a_restart_has_ended);
	WD_TEST(who_counts_is_told_of_what_comes_and_goes);
	WD_TEST(who_refuses_is_told_again_and_stops_nothing);
	WD_TEST(rules_without_a_place_are_rules);
	WD_TEST(names_made_to_clash_cost_no_more_than_others);
	WD_TEST(a_number_is_kept_though_a_better_one_comes_free);
	return wd_tests_end();
}
