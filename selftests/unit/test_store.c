/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_store.c - objects: when they are equal, what their selectors select,
 * and what the store tells of their coming and going.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/intern.h"
#include "model/object.h"
#include "model/store.h"
#include "model/xalloc.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- making objects ---- */

static struct wd_object *object_make(enum wd_kind kind, const char *ns,
				     const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = kind;
	obj->ns = wd_str_get(ns);
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get("u1");
	obj->file = wd_str_get("a.yaml");
	obj->line = 1;
	return obj;
}

static struct wd_object *pod_make(const char *ns, const char *name)
{
	static const struct wd_label label[] = { { "app", "web" } };
	struct wd_object *obj = object_make(WD_KIND_POD, ns, name);

	obj->pod.node = wd_str_get("n1");
	obj->pod.labels = wd_labels_get(label, 1);
	obj->pod.addr_cnt = obj->pod.port_cnt = 1;
	obj->pod.addr = wd_xcalloc(1, sizeof(*obj->pod.addr));
	obj->pod.port = wd_xcalloc(1, sizeof(*obj->pod.port));
	(void)wd_addr_parse("10.0.0.1", &obj->pod.addr[0]);
	obj->pod.port[0].name = wd_str_get("http");
	obj->pod.port[0].port = 80;
	obj->pod.port[0].proto = IPPROTO_TCP;
	return obj;
}

static void selector_fill(struct wd_selector *sel, const char *key,
			  enum wd_op op, const char *value)
{
	sel->cnt = 1;
	sel->req = wd_xcalloc(1, sizeof(*sel->req));
	sel->req[0].key = wd_str_get(key);
	sel->req[0].op = op;
	if (!value)
		return;
	sel->req[0].cnt = 1;
	sel->req[0].values = wd_xcalloc(1, sizeof(*sel->req[0].values));
	sel->req[0].values[0] = wd_str_get(value);
}

/* One ingress rule: from a pod selector and a prefix, on one port. */
static struct wd_object *netpol_make(void)
{
	struct wd_object *obj = object_make(WD_KIND_NETPOL, "shop", "p");
	struct wd_policy_rule *rule = wd_xcalloc(1, sizeof(*rule));

	obj->policy.tier = WD_TIER_NORMAL;
	wd_policy_specs(obj, 1);
	obj->policy.spec->subject = wd_xcalloc(1, sizeof(struct wd_selector));
	selector_fill(obj->policy.spec->subject, "app", WD_OP_IN, "db");
	obj->policy.spec->isolates[0] = true;
	obj->policy.spec->applies[0] = true;
	obj->policy.spec->rule_cnt[0] = 1;
	obj->policy.spec->rule[0] = rule;
	rule->line = 7;
	rule->peer_cnt = 2;
	rule->peer = wd_xcalloc(2, sizeof(*rule->peer));
	rule->peer[0].pod_sel = wd_xcalloc(1, sizeof(struct wd_selector));
	selector_fill(rule->peer[0].pod_sel, "app", WD_OP_EXISTS, NULL);
	rule->peer[1].type = WD_PEER_CIDR;
	(void)wd_cidr_parse("10.0.0.0/8", &rule->peer[1].cidr);
	rule->peer[1].except_cnt = 1;
	rule->peer[1].except = wd_xcalloc(1, sizeof(struct wd_cidr));
	(void)wd_cidr_parse("10.9.0.0/16", &rule->peer[1].except[0]);
	rule->port_cnt = 1;
	rule->port = wd_xcalloc(1, sizeof(*rule->port));
	rule->port[0].proto = IPPROTO_TCP;
	rule->port[0].lo = rule->port[0].hi = 80;
	return obj;
}

/* ---- equality ---- */

static void text_set(const char **text, const char *value)
{
	wd_str_put(*text);
	*text = wd_str_get(value);
}

static void pod_change(struct wd_object *obj, int what)
{
	struct wd_pod *pod = &obj->pod;

	switch (what) {
	case 0:
		text_set(&obj->uid, "u2");
		break;
	case 1:
		text_set(&obj->name, "other");
		break;
	case 2:
		text_set(&obj->ns, "other");
		break;
	case 3:
		text_set(&pod->node, "n2");
		break;
	case 4:
		obj->created = 5;
		break;
	case 5:
		pod->host_network = true;
		break;
	case 6:
		pod->finished = true;
		break;
	case 7:
		pod->terminating = true;
		break;
	case 8:
		pod->mode = WD_MODE_AUDIT;
		break;
	case 9:
		pod->addr_cnt = 0;
		break;
	case 10:
		(void)wd_addr_parse("10.0.0.2", &pod->addr[0]);
		break;
	case 11:
		(void)wd_addr_parse("10.0.0.2", &pod->host_addr);
		break;
	case 12:
		pod->port[0].port = 81;
		break;
	case 13:
		pod->port[0].proto = IPPROTO_UDP;
		break;
	case 14:
		text_set(&pod->port[0].name, "web");
		break;
	case 15:
		wd_labels_put(pod->labels);
		pod->labels = wd_labels_get(NULL, 0);
		break;
	}
}

static void each_field_of_a_pod_makes_it_another(void)
{
	for (int what = 0; what < 16; what++) {
		struct wd_object *a = pod_make("shop", "web");
		struct wd_object *b = pod_make("shop", "web");
		char row[16];

		(void)snprintf(row, sizeof(row), "change %d", what);
		wd_test_row(row);
		wd_expect(wd_object_equal(a, b));
		pod_change(b, what);
		wd_expect(!wd_object_equal(a, b));
		wd_object_free(a);
		wd_object_free(b);
	}
}

static void netpol_change(struct wd_object *obj, int what)
{
	struct wd_spec *np = obj->policy.spec;
	struct wd_policy_rule *rule = &np->rule[0][0];

	switch (what) {
	case 0:
		np->subject_broken = true;
		break;
	case 1:
		np->isolates[1] = true;
		break;
	case 2:
		np->isolates[0] = false;
		break;
	case 3:
		text_set(&np->subject->req[0].values[0], "x");
		break;
	case 4:
		text_set(&np->subject->req[0].key, "x");
		break;
	case 5:
		np->subject->req[0].op = WD_OP_NOT_IN;
		break;
	case 6:
		rule->broken = true;
		break;
	case 7:
		rule->any_peer = true;
		break;
	case 8:
		rule->any_port = true;
		break;
	case 9:
		rule->port[0].hi = 81;
		break;
	case 10:
		rule->port[0].lo = 79;
		break;
	case 11:
		rule->port[0].proto = IPPROTO_SCTP;
		break;
	case 12:
		rule->port[0].name = wd_str_get("http");
		break;
	case 13:
		rule->peer[1].cidr.len = 9;
		break;
	case 14:
		rule->peer[1].except[0].len = 17;
		break;
	case 15:
		rule->peer[1].except_cnt = 0;
		break;
	case 16:
		rule->peer[0].ns_sel =
			wd_xcalloc(1, sizeof(struct wd_selector));
		break;
	case 17:
		rule->peer[0].pod_sel->req[0].op = WD_OP_NOT_EXISTS;
		break;
	case 18:
		rule->port_cnt = 0;
		break;
	}
}

static void each_field_of_a_policy_makes_it_another(void)
{
	for (int what = 0; what < 19; what++) {
		struct wd_object *a = netpol_make();
		struct wd_object *b = netpol_make();
		char row[16];

		(void)snprintf(row, sizeof(row), "change %d", what);
		wd_test_row(row);
		wd_expect(wd_object_equal(a, b));
		netpol_change(b, what);
		wd_expect(!wd_object_equal(a, b));
		wd_object_free(a);
		wd_object_free(b);
	}
}

static void the_place_in_a_file_is_no_meaning(void)
{
	struct wd_object *a = netpol_make();
	struct wd_object *b = netpol_make();

	text_set(&b->file, "b.yaml");
	b->line = 9;
	b->policy.spec->rule[0][0].line = 12;
	wd_expect(wd_object_equal(a, b));
	wd_object_free(a);
	wd_object_free(b);
	wd_object_free(NULL);
}

/* ---- selectors ---- */

static void selectors_follow_the_four_operators(void)
{
	static const struct wd_label label[] = { { "app", "web" },
						 { "empty", "" } };
	static const struct {
		const char *key;
		enum wd_op op;
		const char *value;
		bool matches;
	} rows[] = {
		{ "app", WD_OP_IN, "web", true },
		{ "app", WD_OP_IN, "db", false },
		{ "none", WD_OP_IN, "web", false },
		{ "empty", WD_OP_IN, "", true },
		{ "none", WD_OP_IN, "", false },
		{ "app", WD_OP_NOT_IN, "web", false },
		{ "app", WD_OP_NOT_IN, "db", true },
		{ "none", WD_OP_NOT_IN, "web", true },
		{ "app", WD_OP_EXISTS, NULL, true },
		{ "empty", WD_OP_EXISTS, NULL, true },
		{ "none", WD_OP_EXISTS, NULL, false },
		{ "app", WD_OP_NOT_EXISTS, NULL, false },
		{ "none", WD_OP_NOT_EXISTS, NULL, true },
	};
	const struct wd_labels *labels = wd_labels_get(label, 2);
	const struct wd_selector all = { 0 };

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct wd_object *obj = netpol_make();
		struct wd_selector *sel =
			obj->policy.spec->rule[0][0].peer[0].pod_sel;
		char row[64];

		(void)snprintf(row, sizeof(row), "%s %d %s", rows[i].key,
			       rows[i].op, rows[i].value ?: "");
		wd_test_row(row);
		wd_str_put(sel->req[0].key);
		free(sel->req);
		selector_fill(sel, rows[i].key, rows[i].op, rows[i].value);
		wd_expect_int(rows[i].matches,
			      wd_selector_matches(sel, labels));
		wd_object_free(obj);
	}
	wd_test_row("no requirement, no selector");
	wd_expect(wd_selector_matches(&all, labels));
	wd_expect(wd_selector_matches(NULL, labels));
	wd_labels_put(labels);
}

static void every_requirement_must_hold(void)
{
	static const struct wd_label both[] = { { "a", "1" }, { "b", "2" } };
	const struct wd_labels *labels = wd_labels_get(both, 2);
	const struct wd_labels *first = wd_labels_get(both, 1);
	const char *value[] = { wd_str_get("2"), wd_str_get("3") };
	struct wd_req req[] = {
		{ .key = wd_str_get("a"), .op = WD_OP_EXISTS },
		{ .key = wd_str_get("b"),
		  .op = WD_OP_IN,
		  .cnt = 2,
		  .values = value },
	};
	const struct wd_selector sel = { .cnt = 2, .req = req };

	wd_expect(wd_selector_matches(&sel, labels));
	wd_expect(!wd_selector_matches(&sel, first));
	for (int i = 0; i < 2; i++) {
		wd_str_put(value[i]);
		wd_str_put(req[i].key);
	}
	wd_labels_put(first);
	wd_labels_put(labels);
}

/* ---- the store ---- */

static char told[256];

static void note(void *ctx, const struct wd_object *was,
		 const struct wd_object *now)
{
	size_t len = strlen(told);

	(void)ctx;
	(void)snprintf(told + len, sizeof(told) - len, "<%s%s%s>",
		       was ? was->uid : "", was && now ? " " : "",
		       now ? now->uid : "");
}

static void changes_are_told_and_equal_objects_are_none(void)
{
	struct wd_store *store = wd_store_new(note, NULL);
	struct wd_object *again = pod_make("shop", "web");
	struct wd_object *other = pod_make("shop", "web");
	const struct wd_object *now;

	told[0] = '\0';
	text_set(&again->file, "b.yaml");
	again->line = 9;
	text_set(&other->uid, "u2");

	wd_expect(wd_store_put(store, pod_make("shop", "web")));
	wd_expect_str("<u1>", told + 0);
	wd_expect(!wd_store_put(store, again));
	now = wd_store_get(store, WD_KIND_POD, "shop", "web");
	wd_expect_str("b.yaml", now->file);
	wd_expect_int(9, now->line);
	wd_expect(wd_store_put(store, other));
	wd_expect(wd_store_del(store, WD_KIND_POD, "shop", "web", NULL));
	wd_expect(!wd_store_del(store, WD_KIND_POD, "shop", "web", NULL));
	wd_expect_str("<u1><u1 u2><u2>", told);
	wd_store_free(store);
}

static void a_moved_policy_takes_over_the_lines_of_its_rules(void)
{
	struct wd_store *store = wd_store_new(note, NULL);
	struct wd_object *moved = netpol_make();

	moved->policy.spec->rule[0][0].line = 70;
	wd_expect(wd_store_put(store, netpol_make()));
	wd_expect(!wd_store_put(store, moved));
	wd_expect_int(70, wd_store_get(store, WD_KIND_NETPOL, "shop", "p")
				  ->policy.spec->rule[0][0]
				  .line);
	wd_store_free(store);
}

static void delete_of_another_uid_deletes_nothing(void)
{
	struct wd_store *store = wd_store_new(NULL, NULL);

	wd_expect(wd_store_put(store, pod_make("shop", "web")));
	wd_expect(!wd_store_del(store, WD_KIND_POD, "shop", "web", "u2"));
	wd_expect(wd_store_get(store, WD_KIND_POD, "shop", "web"));
	wd_expect(wd_store_del(store, WD_KIND_POD, "shop", "web", "u1"));
	wd_expect(wd_store_put(store, pod_make("shop", "web")));
	wd_expect(wd_store_del(store, WD_KIND_POD, "shop", "web", ""));
	wd_store_free(store);
	wd_store_free(NULL);
}

static void kind_namespace_and_name_are_the_key(void)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	const struct wd_object *obj = NULL;
	int seen = 0;

	wd_expect(wd_store_put(store, pod_make("a", "x")));
	wd_expect(wd_store_put(store, pod_make("b", "x")));
	wd_expect(wd_store_put(store, pod_make("a", "y")));
	wd_expect(wd_store_put(store, netpol_make()));
	wd_expect_int(3, wd_store_count(store, WD_KIND_POD));
	wd_expect_int(1, wd_store_count(store, WD_KIND_NETPOL));
	wd_expect_int(0, wd_store_count(store, WD_KIND_NODE));
	wd_expect(!wd_store_get(store, WD_KIND_POD, "shop", "p"));
	wd_expect(wd_store_get(store, WD_KIND_NETPOL, "shop", "p"));
	wd_expect_str("b", wd_store_get(store, WD_KIND_POD, "b", "x")->ns);
	while ((obj = wd_store_next(store, WD_KIND_POD, obj)))
		seen++;
	wd_expect_int(3, seen);
	wd_expect(!wd_store_next(store, WD_KIND_NODE, NULL));
	wd_store_free(store);
}

static void kinds_have_the_names_of_the_api(void)
{
	wd_expect_str("Namespace", wd_kind_name(WD_KIND_NAMESPACE));
	wd_expect_str("Pod", wd_kind_name(WD_KIND_POD));
	wd_expect_str("Node", wd_kind_name(WD_KIND_NODE));
	wd_expect_str("NetworkPolicy", wd_kind_name(WD_KIND_NETPOL));
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		wd_expect(wd_kind_name((enum wd_kind)kind));
}

int main(void)
{
	WD_TEST(each_field_of_a_pod_makes_it_another);
	WD_TEST(each_field_of_a_policy_makes_it_another);
	WD_TEST(the_place_in_a_file_is_no_meaning);
	WD_TEST(selectors_follow_the_four_operators);
	WD_TEST(every_requirement_must_hold);
	WD_TEST(changes_are_told_and_equal_objects_are_none);
	WD_TEST(a_moved_policy_takes_over_the_lines_of_its_rules);
	WD_TEST(delete_of_another_uid_deletes_nothing);
	WD_TEST(kind_namespace_and_name_are_the_key);
	WD_TEST(kinds_have_the_names_of_the_api);
	return wd_tests_end();
}
