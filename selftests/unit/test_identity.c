// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_identity.c - numbers for sets of labels: as many as there are and no
 * more, no two sets have one, and what is given back is given out again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "oracle/sinkhole.h"
#include "tap.h"
#include "told.h"

#define FIRST 256
#define LAST 65535
#define NUMBERS (LAST - FIRST + 1)

static struct {
	struct wd_store *store;
	struct wd_model *model;
	struct wd_sinkhole hole;
	struct wd_sink sink;
} w;

/* What the model says of the numbers in use. */
static struct {
	uint8_t sets[LAST + 1]; /* by number */
	uint32_t cnt; /* of sets with a number */
	uint32_t without;
	uint32_t twice;
	uint32_t strange;
} seen;

static void begin(void)
{
	struct wd_model_config config = { .node = "n" };

	w.sink = wd_sinkhole_open(&w.hole);
	w.store = wd_store_new(tell_model, &w.model);
	w.model = wd_model_new(w.store, &w.sink, &config);
}

static void end(void)
{
	wd_model_free(w.model);
	wd_store_free(w.store);
	wd_sinkhole_close(&w.sink);
}

/* A pod whose labels no other has, and Cilium's number for them. */
static void put_as(uint32_t nr, uint32_t number)
{
	struct wd_label label = { .key = "n" };
	struct wd_object *obj;
	char text[16];

	(void)snprintf(text, sizeof(text), "p%u", nr);
	label.value = text;
	obj = object_of(WD_KIND_POD, "shop", text);
	obj->pod.labels = wd_labels_get(&label, 1);
	obj->pod.identity = number;
	(void)wd_store_put(w.store, obj);
}

static void put(uint32_t nr)
{
	put_as(nr, 0);
}

static void take(uint32_t nr)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "p%u", nr);
	(void)wd_store_del(w.store, WD_KIND_POD, "shop", text, NULL);
}

static void see(void *ctx, uint32_t id, const char *ns,
		const struct wd_labels *labels, uint32_t pods)
{
	(void)ctx;
	(void)ns;
	(void)labels;
	seen.strange += pods != 1 || id > LAST || (id && id < FIRST);
	if (!id || id > LAST) {
		seen.without++;
		return;
	}
	seen.cnt++;
	seen.twice += seen.sets[id]++;
}

static void expect_numbers(uint32_t cnt, uint32_t without)
{
	memset(&seen, 0, sizeof(seen));
	wd_expect_int(0, wd_model_commit(w.model, NULL));
	wd_model_identities(w.model, see, NULL);
	wd_expect_int(cnt, seen.cnt);
	wd_expect_int(without, seen.without);
	wd_expect_int(0, seen.twice);
	wd_expect_int(0, seen.strange);
}

static void there_are_so_many_numbers_and_no_more(void)
{
	begin();
	for (uint32_t i = 0; i < NUMBERS; i++)
		put(i);
	expect_numbers(NUMBERS, 0);
	put(NUMBERS);
	put(NUMBERS + 1);
	expect_numbers(NUMBERS, 2);

	/* One that is given back goes to who comes next. */
	take(0);
	put(NUMBERS + 2);
	expect_numbers(NUMBERS, 2);

	/* Who had none gets one when it comes again and there is one. */
	take(1);
	take(NUMBERS);
	put(NUMBERS);
	expect_numbers(NUMBERS, 1);
	end();
}

static void a_number_is_kept_for_who_comes_back(void)
{
	uint32_t was = 0;

	begin();
	put(1);
	put(2);
	expect_numbers(2, 0);
	for (uint32_t id = FIRST; id <= LAST; id++)
		was += seen.sets[id] ? id : 0;
	take(1);
	for (uint32_t i = 10; i < 1000; i++) {
		put(i);
		take(i);
	}
	put(1);
	expect_numbers(2, 0);
	for (uint32_t id = FIRST; id <= LAST; id++)
		was -= seen.sets[id] ? id : 0;
	wd_expect_int(0, was);
	end();
}

static void see_second(void *ctx, uint32_t id, const char *ns,
		       const struct wd_labels *labels, uint32_t pods)
{
	(void)ns;
	(void)pods;
	if (strcmp(labels->label[0].value, "p2") == 0)
		*(uint32_t *)ctx = id;
}

static uint32_t number_of_second(void)
{
	uint32_t id = 0;

	wd_model_identities(w.model, see_second, &id);
	return id;
}

static void a_number_of_ciliums_is_kept_and_ours_makes_way(void)
{
	begin();
	put(1); /* has the first number */
	put_as(2, FIRST);
	expect_numbers(2, 0);
	wd_expect_int(FIRST, number_of_second());

	/* It is known only when the pod is there already. */
	put(2);
	expect_numbers(2, 0);
	put_as(2, 40001);
	expect_numbers(2, 0);
	wd_expect_int(40001, number_of_second());
	put_as(2, 40002);
	expect_numbers(2, 0);
	wd_expect_int(40002, number_of_second());
	end();
}

int main(void)
{
	WD_TEST(there_are_so_many_numbers_and_no_more);
	WD_TEST(a_number_is_kept_for_who_comes_back);
	WD_TEST(a_number_of_ciliums_is_kept_and_ours_makes_way);
	return wd_tests_end();
}
