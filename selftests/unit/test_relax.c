// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_relax.c - whose mode is in force in a namespace that the slow-down guard
 * has put in audit.
 */
#include <stdlib.h>

#include "base/names.h"
#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "tap.h"
#include "told.h"

static struct wd_store *store;
static struct wd_model *model;
static struct wd_sink sink;
static struct wd_endpoint ep;

static void begin(enum wd_mode agent, enum wd_mode space, enum wd_mode pod)
{
	struct wd_model_config config = { .node = "n", .mode = agent };
	struct wd_object *obj;

	wd_sink_nowhere(&sink);
	sink.row = wd_xcalloc(WD_ROWS_MAX, sizeof(*sink.row));
	sink.slot = wd_xcalloc(2 * WD_SLOTS_MAX, sizeof(*sink.slot));
	sink.span = wd_xcalloc(WD_SPANS_MAX, sizeof(*sink.span));
	sink.class = wd_xcalloc(WD_CLASSES_MAX, sizeof(*sink.class));
	store = wd_store_new(tell_model, &model);
	model = wd_model_new(store, &sink, &config);
	ep = (struct wd_endpoint){
		.id = 1,
		.ifindex = 7,
		.ns = wd_str_get("shop"),
		.name = wd_str_get("srv"),
		.uid = wd_str_get(""),
	};
	wd_model_endpoint_set(model, &ep);
	obj = object_of(WD_KIND_NAMESPACE, "", "shop");
	obj->nsp.labels = wd_labels_get(NULL, 0);
	obj->nsp.mode = space;
	(void)wd_store_put(store, obj);
	obj = object_of(WD_KIND_POD, "shop", "srv");
	obj->pod.labels = wd_labels_get(NULL, 0);
	obj->pod.mode = pod;
	(void)wd_store_put(store, obj);
	wd_expect_int(0, wd_model_commit(model, NULL));
}

static void end(void)
{
	wd_model_endpoint_del(model, 1);
	wd_model_free(model);
	wd_store_free(store);
	free(sink.row);
	free(sink.slot);
	free(sink.span);
	free(sink.class);
	wd_str_put(ep.ns);
	wd_str_put(ep.name);
	wd_str_put(ep.uid);
}

static void relax(const char *ns, const char *uid)
{
	wd_model_relax(model, ns, uid);
	wd_expect_int(0, wd_model_commit(model, NULL));
}

static void expect_mode(enum wd_mode mode, bool relaxed)
{
	struct wd_ep_info info;

	wd_expect_int(0, wd_model_endpoint(model, 1, &info));
	wd_expect_int(mode, info.mode);
	wd_expect_int(relaxed, info.relaxed);
	wd_expect_int(relaxed, wd_model_relaxed_cnt(model, "shop"));
}

static void what_anybody_says_goes_before_it(void)
{
	static const struct {
		const char *name;
		enum wd_mode agent, space, pod, before, then;
	} rows[] = {
		{ "nobody says anything", WD_MODE_UNSET, WD_MODE_UNSET,
		  WD_MODE_UNSET, WD_MODE_ENFORCE, WD_MODE_AUDIT },
		{ "the agent enforces by default", WD_MODE_ENFORCE,
		  WD_MODE_UNSET, WD_MODE_UNSET, WD_MODE_ENFORCE,
		  WD_MODE_AUDIT },
		{ "the Namespace enforces", WD_MODE_ENFORCE, WD_MODE_ENFORCE,
		  WD_MODE_UNSET, WD_MODE_ENFORCE, WD_MODE_ENFORCE },
		{ "the Pod enforces", WD_MODE_ENFORCE, WD_MODE_UNSET,
		  WD_MODE_ENFORCE, WD_MODE_ENFORCE, WD_MODE_ENFORCE },
		{ "the Namespace is off", WD_MODE_ENFORCE, WD_MODE_OFF,
		  WD_MODE_UNSET, WD_MODE_OFF, WD_MODE_OFF },
		{ "the Pod is off", WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_OFF,
		  WD_MODE_OFF, WD_MODE_OFF },
		{ "the agent is off", WD_MODE_OFF, WD_MODE_UNSET, WD_MODE_UNSET,
		  WD_MODE_OFF, WD_MODE_OFF },
		{ "the agent audits", WD_MODE_AUDIT, WD_MODE_UNSET,
		  WD_MODE_UNSET, WD_MODE_AUDIT, WD_MODE_AUDIT },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		wd_test_row(rows[i].name);
		begin(rows[i].agent, rows[i].space, rows[i].pod);
		expect_mode(rows[i].before, false);
		relax("shop", "");
		expect_mode(rows[i].then, rows[i].before != rows[i].then);
		relax("shop", NULL);
		expect_mode(rows[i].before, false);
		end();
	}
}

/* As "enforced": told, and inherited; whoever wrote it wants no audit. */
static void a_mode_that_cannot_be_read_goes_before_it_too(void)
{
	struct wd_object *obj;

	begin(WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_UNSET);
	relax("shop", "");
	expect_mode(WD_MODE_AUDIT, true);
	for (int bad = 1; bad >= 0; bad--) {
		obj = object_of(WD_KIND_NAMESPACE, "", "shop");
		obj->nsp.labels = wd_labels_get(NULL, 0);
		obj->nsp.mode_bad = bad;
		(void)wd_store_put(store, obj);
		wd_expect_int(0, wd_model_commit(model, NULL));
		expect_mode(bad ? WD_MODE_ENFORCE : WD_MODE_AUDIT, !bad);
	}
	for (int bad = 1; bad >= 0; bad--) {
		obj = object_of(WD_KIND_POD, "shop", "srv");
		obj->pod.labels = wd_labels_get(NULL, 0);
		obj->pod.mode_bad = bad;
		(void)wd_store_put(store, obj);
		wd_expect_int(0, wd_model_commit(model, NULL));
		expect_mode(bad ? WD_MODE_ENFORCE : WD_MODE_AUDIT, !bad);
	}
	end();
}

static void another_namespace_is_another(void)
{
	begin(WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_UNSET);
	relax("lab", "");
	expect_mode(WD_MODE_ENFORCE, false);
	wd_expect_int(0, wd_model_relaxed_cnt(model, "lab"));
	end();
}

static void it_may_be_told_before_anything_is_known(void)
{
	struct wd_object *obj;

	begin(WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_UNSET);
	relax("shop", "");
	obj = object_of(WD_KIND_NAMESPACE, "", "shop");
	obj->nsp.labels = wd_labels_get(NULL, 0);
	(void)wd_store_put(store, obj);
	wd_expect_int(0, wd_model_commit(model, NULL));
	expect_mode(WD_MODE_AUDIT, true);
	end();
}

static void space_with(const char *uid)
{
	struct wd_object *obj = object_of(WD_KIND_NAMESPACE, "", "shop");

	wd_str_put(obj->uid);
	obj->uid = wd_str_get(uid);
	obj->nsp.labels = wd_labels_get(NULL, 0);
	(void)wd_store_put(store, obj);
	wd_expect_int(0, wd_model_commit(model, NULL));
}

static void another_of_the_same_name_begins_shut(void)
{
	begin(WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_UNSET);
	space_with("one");
	relax("shop", "one");
	expect_mode(WD_MODE_AUDIT, true);
	space_with("one");
	expect_mode(WD_MODE_AUDIT, true);
	space_with("two");
	expect_mode(WD_MODE_ENFORCE, false);
	wd_expect(!wd_model_relaxes(model, "shop"));
	space_with("one");
	expect_mode(WD_MODE_ENFORCE, false);
	relax("shop", "one");
	expect_mode(WD_MODE_AUDIT, true);
	wd_expect(wd_store_del(store, WD_KIND_NAMESPACE, "", "shop", NULL));
	wd_expect_int(0, wd_model_commit(model, NULL));
	expect_mode(WD_MODE_ENFORCE, false);
	wd_expect(!wd_model_relaxes(model, "shop"));
	end();
}

/* As after a restart: the file says which it was, and only then it is seen. */
static void what_was_kept_is_of_that_namespace_only(void)
{
	begin(WD_MODE_ENFORCE, WD_MODE_UNSET, WD_MODE_UNSET);
	wd_expect(wd_store_del(store, WD_KIND_NAMESPACE, "", "shop", NULL));
	relax("shop", "one");
	wd_expect(wd_model_relaxes(model, "shop"));
	space_with("two");
	expect_mode(WD_MODE_ENFORCE, false);
	relax("shop", "two");
	wd_expect(wd_store_del(store, WD_KIND_NAMESPACE, "", "shop", NULL));
	relax("shop", "two");
	space_with("two");
	expect_mode(WD_MODE_AUDIT, true);
	end();
}

int main(void)
{
	WD_TEST(what_anybody_says_goes_before_it);
	WD_TEST(a_mode_that_cannot_be_read_goes_before_it_too);
	WD_TEST(another_namespace_is_another);
	WD_TEST(it_may_be_told_before_anything_is_known);
	WD_TEST(another_of_the_same_name_begins_shut);
	WD_TEST(what_was_kept_is_of_that_namespace_only);
	return wd_tests_end();
}
