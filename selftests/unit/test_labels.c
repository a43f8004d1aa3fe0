/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_labels.c - objects with more labels than one may have: no memory is
 * spent on them, and nothing opens.
 */
#include <stdio.h>
#include <stdlib.h>

#include <warder/limits.h>

#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "source/read.h"

#include "../oracle/sinkhole.h"
#include "../tap.h"
#include "mdir.h"

/* @kind @name in a namespace, with @cnt labels. */
static void put_labeled(const char *kind, const char *name, int cnt)
{
	size_t size = 128 + 16 * (size_t)cnt;
	char *text = wd_xcalloc(1, size);
	char file[32];
	size_t len = (size_t)snprintf(text, size,
				      "apiVersion: v1\nkind: %s\nmetadata: "
				      "{name: %s, namespace: n, labels: {",
				      kind, name);

	for (int i = 0; i < cnt; i++)
		len += (size_t)snprintf(text + len, size - len, "k%d: v, ", i);
	(void)snprintf(text + len, size - len, "}}\n");
	(void)snprintf(file, sizeof(file), "%s-%s.yaml", kind, name);
	mdir_put(file, text);
	(void)wd_manifests_poll(mdir_src);
	free(text);
}

static const struct wd_object *stored(enum wd_kind kind, const char *name)
{
	return wd_store_get(mdir_store, kind, kind == WD_KIND_POD ? "n" : "",
			    name);
}

/* What becomes of the endpoint of pod n/@name with what the store has. */
static enum wd_ep_state state_of(const char *name)
{
	struct wd_model_config config = { .node = "n" };
	struct wd_sinkhole hole = {};
	struct wd_sink sink = wd_sinkhole_open(&hole);
	struct wd_model *model = wd_model_new(mdir_store, &sink, &config);
	struct wd_endpoint ep = { .id = 1,
				  .ifindex = 7,
				  .ns = wd_str_get("n"),
				  .name = wd_str_get(name),
				  .uid = wd_str_get("") };
	struct wd_ep_info info = {};

	if (stored(WD_KIND_POD, name))
		wd_model_changed(model, NULL, stored(WD_KIND_POD, name));
	wd_model_endpoint_set(model, &ep);
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect_int(0, wd_model_endpoint(model, 1, &info));
	wd_model_endpoint_del(model, 1);
	wd_model_free(model);
	wd_sinkhole_close(&sink);
	wd_str_put(ep.ns);
	wd_str_put(ep.name);
	wd_str_put(ep.uid);
	return info.state;
}

static void an_object_of_too_many_labels_is_refused(void)
{
	enum { MOST = WD_READ_LABELS_MAX };

	mdir_begin(false);
	put_labeled("Pod", "p", MOST);
	put_labeled("Namespace", "n", MOST);
	put_labeled("Node", "m", MOST);
	wd_expect_str("", mdir_problems());
	/* with the account of the one, the name of the other */
	wd_expect_int(MOST + 1, stored(WD_KIND_POD, "p")->pod.labels->cnt);
	wd_expect_int(MOST + 1,
		      stored(WD_KIND_NAMESPACE, "n")->nsp.labels->cnt);
	wd_expect_int(MOST, stored(WD_KIND_NODE, "m")->node.labels->cnt);
	wd_expect_int(WD_EP_ENFORCED, state_of("p"));

	/* What was known of it stays. */
	put_labeled("Pod", "p", MOST + 1);
	wd_expect_str("kept Pod-p.yaml:3 metadata.labels", mdir_problems());
	wd_expect_int(MOST + 1, stored(WD_KIND_POD, "p")->pod.labels->cnt);
	put_labeled("Pod", "p", 1);
	wd_expect_str("", mdir_problems());

	/* A new one is unknown, and is not opened. */
	put_labeled("Pod", "q", MOST + 1);
	put_labeled("Namespace", "o", MOST + 1);
	put_labeled("Node", "o", MOST + 1);
	wd_expect_str("kept Namespace-o.yaml:3 metadata.labels; "
		      "kept Node-o.yaml:3 metadata.labels; "
		      "kept Pod-q.yaml:3 metadata.labels",
		      mdir_problems());
	wd_expect(!stored(WD_KIND_POD, "q"));
	wd_expect(!stored(WD_KIND_NAMESPACE, "o"));
	wd_expect(!stored(WD_KIND_NODE, "o"));
	wd_expect_int(WD_EP_WAITING, state_of("q"));
	mdir_end();
}

/* It goes on leading somewhere: nobody takes that back by giving it labels. */
static void a_service_of_too_many_labels_has_none(void)
{
	const struct wd_object *obj;

	mdir_begin(false);
	put_labeled("Service", "s", WD_READ_LABELS_MAX + 1);
	wd_expect_str("ignored Service-s.yaml:3 metadata.labels",
		      mdir_problems());
	obj = wd_store_get(mdir_store, WD_KIND_SERVICE, "n", "s");
	wd_expect(obj && !obj->service.labels->cnt);
	mdir_end();
}

/* A policy whose one peer, or whose subject, is one of @cnt values. */
static void put_policy(int cnt, bool as_subject)
{
	size_t size = 512 + 16 * (size_t)cnt;
	char *values = wd_xcalloc(1, size);
	char *text;
	size_t len = 0;

	for (int i = 0; i < cnt; i++)
		len += (size_t)snprintf(values + len, size - len, "%sv%d",
					i ? "," : "", i);
	text = wd_xprintf("apiVersion: networking.k8s.io/v1\n"
			  "kind: NetworkPolicy\n"
			  "metadata: {name: p, namespace: n}\n"
			  "spec:\n  podSelector: {}\n"
			  "  ingress: [{from: [{podSelector: "
			  "{matchExpressions: "
			  "[{key: a, operator: In, values: [%s]}]}}]}]\n",
			  values);
	if (as_subject) {
		free(text);
		text = wd_xprintf(
			"apiVersion: networking.k8s.io/v1\n"
			"kind: NetworkPolicy\n"
			"metadata: {name: p, namespace: n}\n"
			"spec: {podSelector: {matchExpressions: [{key: "
			"a, operator: In, values: [%s]}]}}\n",
			values);
	}
	mdir_put("p.yaml", text);
	(void)wd_manifests_poll(mdir_src);
	free(values);
	free(text);
}

/* The rule is refused, and its subject isolated; whom a policy is for is not cut off. */
static void a_peer_of_too_many_values_is_refused(void)
{
	const struct wd_spec *spec;
	uint64_t peers = 0, cidrs = 0;

	mdir_begin(false);
	put_policy(WD_READ_SELECTOR_MAX - 1, false);
	wd_expect_str("", mdir_problems());
	spec = wd_store_get(mdir_store, WD_KIND_NETPOL, "n", "p")->policy.spec;
	wd_rule_cost(&spec->rule[WD_INGRESS][0], &peers, &cidrs);
	wd_expect_int(1 + WD_READ_SELECTOR_MAX / 32, (long long)peers);

	put_policy(WD_READ_SELECTOR_MAX, false);
	wd_expect_str("isolated p.yaml:6 "
		      "spec.ingress[0].from[0].podSelector",
		      mdir_problems());
	spec = wd_store_get(mdir_store, WD_KIND_NETPOL, "n", "p")->policy.spec;
	wd_expect(spec->isolates[WD_INGRESS]);
	wd_expect(spec->rule[WD_INGRESS][0].broken);

	put_policy(WD_READ_SELECTOR_MAX, true);
	wd_expect_str("", mdir_problems());
	spec = wd_store_get(mdir_store, WD_KIND_NETPOL, "n", "p")->policy.spec;
	wd_expect_int(WD_READ_SELECTOR_MAX / 32,
		      (long long)wd_selector_cost(spec->subject));
	mdir_end();
}

int main(void)
{
	WD_TEST(an_object_of_too_many_labels_is_refused);
	WD_TEST(a_peer_of_too_many_values_is_refused);
	WD_TEST(a_service_of_too_many_labels_has_none);
	return wd_tests_end();
}
