/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_host.c - policies about the node itself, compiled: what objects say and
 * what tables say must be the same, and what is expected.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/hostopen.h"
#include "model/intern.h"
#include "model/model.h"
#include "model/store.h"
#include "model/xalloc.h"
#include "reading.h"
#include "tap.h"

#define OWN "192.0.2.1"
#define OTHER "192.0.2.2" /* a node */
#define POD "10.0.0.5" /* of this node */
#define WORLD "203.0.113.9"

#define NODE(name, ip) \
	"---\napiVersion: v1\nkind: Node\nmetadata: {name: " name "}\n" \
	"status: {addresses: [{type: InternalIP, address: " ip "}]}\n"
#define CCNP(name, spec) \
	"---\napiVersion: cilium.io/v2\nkind: CiliumClusterwideNetworkPolicy\n" \
	"metadata: {name: " name "}\nspec: {" spec "}\n"
#define NODES "nodeSelector: {matchLabels: {role: edge}}, "

/* What the maps would hold of the host, and the generation. */
static struct {
	struct wd_endpoint_val host[WD_HOST__MAX];
	bool has[WD_HOST__MAX];
	uint32_t gen;
} kernel;

static int host_index(enum wd_map map, const void *key)
{
	uint32_t ifindex;

	if (map != WD_MAP_wd_endpoint)
		return -1;
	memcpy(&ifindex, key, sizeof(ifindex));
	return ifindex == WD_HOST_KEY	    ? WD_HOST_IN_FORCE :
	       ifindex == WD_HOST_TRIED_KEY ? WD_HOST_TRIED :
					      -1;
}

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	int at = host_index(map, key);

	(void)ctx;
	if (at >= 0) {
		memcpy(&kernel.host[at], val, sizeof(kernel.host[at]));
		kernel.has[at] = true;
	}
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	int at = host_index(map, key);

	(void)ctx;
	if (at >= 0)
		kernel.has[at] = false;
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	kernel.gen = gen;
}

static struct wd_model *model;
static struct wd_store *store;
static struct wd_sink sink;
static struct wd_endpoint pod;
static struct wd_load load;

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	(void)ctx;
	wd_model_changed(model, was, now);
}

static struct wd_addr addr_of(const char *text)
{
	struct wd_addr addr = { 0 };

	wd_expect_int(0, wd_addr_parse(text, &addr));
	return addr;
}

static void begin(void)
{
	struct wd_model_config config = { .node = "n" };
	struct wd_addr own = addr_of(OWN);

	memset(&kernel, 0, sizeof(kernel));
	sink = (struct wd_sink){
		.set = set,
		.del = del,
		.publish = publish,
		.row = wd_xcalloc(WD_ROWS_MAX, sizeof(*sink.row)),
		.slot = wd_xcalloc(2 * WD_SLOTS_MAX, sizeof(*sink.slot)),
		.span = wd_xcalloc(WD_SPANS_MAX, sizeof(*sink.span)),
		.class = wd_xcalloc(WD_CLASSES_MAX, sizeof(*sink.class)),
	};
	store = wd_store_new(changed, NULL);
	model = wd_model_new(store, &sink, &config);
	wd_model_host_addrs(model, &own, 1);
	pod = (struct wd_endpoint){
		.id = 1,
		.ifindex = 7,
		.ns = wd_str_get("x"),
		.name = wd_str_get("a"),
		.uid = wd_str_get(""),
		.addr_cnt = 1,
		.addr = { addr_of(POD) },
	};
	wd_model_endpoint_set(model, &pod);
}

/* Policies stay with the load, as those of the agent do; all else is stored. */
static void give(enum wd_host_which which, const char *text, uint64_t until)
{
	const struct wd_object *policy[8] = { 0 };
	struct wd_label label = { "role", "edge" };
	struct wd_host_policy given = {
		.labels = wd_labels_get(&label, 1),
		.policy = policy,
		.until_ns = until,
	};

	reading_load(&load, "p.yaml", text);
	wd_expect_int(0, (long long)load.problems.cnt);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		if (wd_kind_is_policy(load.obj[i]->kind)) {
			/* as hostpolicy.c does it */
			if (!strcmp(load.obj[i]->name, WD_HOST_OPEN_NAME))
				load.obj[i]->policy.tier = WD_TIER_ADMIN;
			policy[given.cnt++] = load.obj[i];
			continue;
		}
		(void)wd_store_put(store, load.obj[i]);
		load.obj[i] = NULL;
	}
	wd_model_host_set(model, which, &given);
	wd_labels_put(given.labels);
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect_int(0, wd_model_settle(model));
}

static void end(void)
{
	wd_model_host_del(model, WD_HOST_TRIED);
	wd_model_host_del(model, WD_HOST_IN_FORCE);
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect(!kernel.has[0] && !kernel.has[1]);
	wd_model_endpoint_del(model, 1);
	wd_model_free(model);
	wd_store_free(store);
	wd_load_fini(&load);
	free(sink.row);
	free(sink.slot);
	free(sink.span);
	free(sink.class);
	wd_str_put(pod.ns);
	wd_str_put(pod.name);
	wd_str_put(pod.uid);
}

static void expect(const char *src, const char *dst, uint16_t port,
		   enum wd_dir dir, enum wd_reason want)
{
	struct wd_flow flow = { .src = addr_of(src),
				.dst = addr_of(dst),
				.proto = IPPROTO_TCP,
				.port = port };
	struct wd_decision d[WD_DIR__MAX];
	char row[64];

	(void)snprintf(row, sizeof(row), "%s -> %s:%u", src, dst, port);
	wd_test_row(row);
	wd_model_why(model, &flow, false, d, NULL);
	wd_expect(d[dir].enforced);
	wd_expect_int(want, d[dir].reason);
	wd_expect_int(want, d[dir].table_reason);
	wd_test_row(NULL);
}

static void expect_unjudged(const char *src, const char *dst, enum wd_dir dir)
{
	struct wd_flow flow = { .src = addr_of(src),
				.dst = addr_of(dst),
				.proto = IPPROTO_TCP,
				.port = 80 };
	struct wd_decision d[WD_DIR__MAX];

	wd_test_row(dst);
	wd_model_why(model, &flow, false, d, NULL);
	wd_expect(!d[dir].enforced);
	wd_test_row(NULL);
}

static void without_a_policy_the_host_is_not_judged(void)
{
	begin();
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect(!kernel.has[WD_HOST_IN_FORCE]);
	expect_unjudged(WORLD, OWN, WD_INGRESS);
	expect_unjudged(OWN, WORLD, WD_EGRESS);
	end();
}

static void rules_of_the_host_are_those_of_its_policies(void)
{
	begin();
	give(WD_HOST_IN_FORCE,
	     NODE("n", OWN) NODE("m", OTHER) CCNP(
		     "p", NODES
		     "ingress: [{fromEntities: [remote-node]}, "
		     "{fromEntities: [all], toPorts: [{ports: [{port: \"22\"}]}]}], "
		     "egress: [{toCIDR: [" WORLD "/32]}]")
		     CCNP("d",
			  NODES "ingressDeny: [{fromEntities: [remote-node], "
				"toPorts: [{ports: [{port: \"81\"}]}]}]"),
	     0);
	wd_expect_int(1, kernel.host[WD_HOST_IN_FORCE].identity);
	wd_expect_int(WD_HOST_STAT, kernel.host[WD_HOST_IN_FORCE].stat);
	expect(OTHER, OWN, 80, WD_INGRESS, WD_R_POLICY_ALLOW);
	expect(OTHER, OWN, 81, WD_INGRESS, WD_R_POLICY);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_DEFAULT);
	expect(WORLD, OWN, 22, WD_INGRESS, WD_R_POLICY_ALLOW);
	expect(POD, OWN, 80, WD_INGRESS, WD_R_DEFAULT);
	expect(OWN, WORLD, 80, WD_EGRESS, WD_R_POLICY_ALLOW);
	expect(OWN, OTHER, 80, WD_EGRESS, WD_R_DEFAULT);
	expect_unjudged(OWN, POD, WD_EGRESS); /* the pod's hook decides */
	expect_unjudged(OWN, OWN, WD_INGRESS); /* by lo */
	end();
}

#define SERVICE(name, ip, ends) \
	"---\napiVersion: v1\nkind: Service\n" \
	"metadata: {name: " name ", namespace: x}\n" \
	"spec: {clusterIP: " ip ", ports: [{port: 80}]}\n" \
	"---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: " name "-1, namespace: x, " \
	"labels: {kubernetes.io/service-name: " name "}}\n" \
	"addressType: IPv4\nendpoints: [" ends "]\n" \
	"ports: [{port: 8080}]\n"

/* What @dir says of a socket of this host to port 80 of a service. */
static void expect_service(const char *dst, enum wd_dir dir,
			   enum wd_reason want, uint32_t allowed,
			   const char *where)
{
	struct wd_flow flow = { .src = addr_of(OWN),
				.dst = addr_of(dst),
				.from_host = true,
				.proto = IPPROTO_TCP,
				.port = 80 };
	struct wd_service_info info;
	struct wd_decision d[WD_DIR__MAX];
	struct wd_addr to = addr_of(where);

	wd_test_row(dst);
	wd_model_why(model, &flow, false, d, &info);
	wd_expect_int(allowed, info.allowed);
	wd_expect(wd_addr_equal(&info.addr, &to));
	wd_expect_int(8080, info.port);
	wd_expect(d[dir].enforced && !d[!dir].enforced);
	wd_expect_int(want, d[dir].reason);
	wd_expect_int(want, d[dir].table_reason);
	wd_test_row(NULL);
}

static void what_the_host_sends_to_a_service_is_judged_by_its_backends(void)
{
	begin();
	give(WD_HOST_IN_FORCE,
	     NODE("n", OWN) NODE("m", OTHER)
		     CCNP("p", NODES "egress: [{toCIDR: [" WORLD "/32], "
				     "toPorts: [{ports: [{port: \"8080\"}]}]}]")
			     SERVICE("s", "10.96.0.1",
				     "{addresses: [" OTHER
				     "]}, {addresses: [" WORLD "]}")
				     SERVICE("t", "10.96.0.2",
					     "{addresses: [" OTHER "]}")
					     SERVICE("u", "10.96.0.3",
						     "{addresses: [" POD "]}"),
	     0);
	expect_service("10.96.0.1", WD_EGRESS, WD_R_POLICY_ALLOW, 1, WORLD);
	expect_service("10.96.0.2", WD_EGRESS, WD_R_DEFAULT, 0, OTHER);
	expect_service("10.96.0.3", WD_INGRESS, WD_R_HOST, 1, POD);
	end();
}

static void whom_the_host_denies_is_never_told(void)
{
	struct wd_flow flow = { .src = addr_of(WORLD),
				.dst = addr_of(OWN),
				.proto = IPPROTO_TCP,
				.port = 80 };
	struct wd_decision d[WD_DIR__MAX];

	begin();
	give(WD_HOST_IN_FORCE,
	     NODE("n", OWN)
		     CCNP("p, annotations: {warder.io/deny-response: reject}",
			  NODES "ingress: [{}]"),
	     0);
	wd_model_why(model, &flow, false, d, NULL);
	wd_expect_int(WD_R_DEFAULT, d[WD_INGRESS].table_reason);
	wd_expect(!d[WD_INGRESS].told);
	end();
}

static void specs_of_pods_and_of_other_nodes_say_nothing_of_this_one(void)
{
	begin();
	give(WD_HOST_IN_FORCE,
	     NODE("n", OWN) CCNP("p", "endpointSelector: {}, ingress: [{}]") CCNP(
		     "q",
		     "nodeSelector: {matchLabels: {role: core}}, ingress: [{}]"),
	     0);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_NOT_ISOLATED);
	expect(OWN, WORLD, 80, WD_EGRESS, WD_R_NOT_ISOLATED);
	end();
}

static void pods_are_no_subject_of_policies_of_nodes(void)
{
	begin();
	reading_load(
		&load, "p.yaml",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: x, "
		"labels: {role: edge}}\n" CCNP("p", NODES "ingress: [{}]"));
	for (size_t i = 0; i < load.obj_cnt; i++) {
		(void)wd_store_put(store, load.obj[i]);
		load.obj[i] = NULL;
	}
	wd_expect_int(0, wd_model_commit(model, NULL));
	expect(WORLD, POD, 80, WD_INGRESS, WD_R_NOT_ISOLATED);
	end();
}

static void what_stays_open_comes_before_every_deny(void)
{
	char *open = wd_host_open_text("22/tcp");
	char *text = wd_xprintf(
		"%s%s---\n%s\n", NODE("n", OWN),
		CCNP("z", NODES "ingressDeny: [{fromEntities: [all]}]"), open);

	begin();
	give(WD_HOST_IN_FORCE, text, 0);
	expect(WORLD, OWN, 22, WD_INGRESS, WD_R_POLICY_ALLOW);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_POLICY);
	end();
	free(open);
	free(text);
}

static void what_is_tried_goes_before_what_is_in_force_up_to_its_time(void)
{
	static struct wd_load before;

	begin();
	give(WD_HOST_IN_FORCE, NODE("n", OWN) CCNP("p", NODES "egress: [{}]"),
	     0);
	before = load;
	give(WD_HOST_TRIED, CCNP("p", NODES "ingress: [{}]"), UINT64_MAX);
	wd_expect(kernel.host[WD_HOST_TRIED].cookie == UINT64_MAX);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_DEFAULT);
	expect(OWN, WORLD, 80, WD_EGRESS, WD_R_NOT_ISOLATED);
	wd_model_host_del(model, WD_HOST_TRIED);
	wd_load_fini(&load);
	give(WD_HOST_TRIED, CCNP("p", NODES "ingress: [{}]"), 1);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_NOT_ISOLATED);
	expect(OWN, WORLD, 80, WD_EGRESS, WD_R_DEFAULT);
	end();
	wd_load_fini(&before);
}

/* Ingress from ports with as many gaps, which need two spans each. */
static char *ports_with_gaps(uint32_t cnt)
{
	char *text = wd_xstrdup("");

	for (uint32_t i = 0; i < cnt; i++) {
		char *more = wd_xprintf(
			"%s%s{fromEntities: [all], toPorts: [{ports: "
			"[{port: \"%u\", protocol: TCP}]}]}",
			text, i ? ", " : "", 1000 + 2 * i);

		free(text);
		text = more;
	}
	return text;
}

static void what_no_longer_fits_leaves_in_force_what_was(void)
{
	char *rules = ports_with_gaps(WD_SPANS_PER_SLOT);
	char *text = wd_xprintf(CCNP("p", NODES "ingress: [%s]"), rules);
	static struct wd_load before;
	struct wd_ep_info info;

	begin();
	give(WD_HOST_IN_FORCE, NODE("n", OWN) CCNP("p", NODES "ingress: [{}]"),
	     0);
	before = load;
	give(WD_HOST_IN_FORCE, text, 0);
	wd_expect_int(0, wd_model_host(model, WD_HOST_IN_FORCE, &info));
	wd_expect(info.error && info.kept);
	wd_expect(info.isolated[WD_INGRESS]);
	wd_expect(kernel.host[WD_HOST_IN_FORCE].slot[kernel.gen & 1] != 0);
	wd_load_fini(&load);
	give(WD_HOST_IN_FORCE, CCNP("p", NODES "egress: [{}]"), 0);
	wd_expect_int(0, wd_model_host(model, WD_HOST_IN_FORCE, &info));
	wd_expect(!info.error && !info.kept);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_NOT_ISOLATED);
	end();
	wd_load_fini(&before);
	free(rules);
	free(text);
}

static void expect_table(const char *src, const char *dst, uint16_t port,
			 enum wd_dir dir, enum wd_reason want)
{
	struct wd_flow flow = { .src = addr_of(src),
				.dst = addr_of(dst),
				.proto = IPPROTO_TCP,
				.port = port };
	struct wd_decision d[WD_DIR__MAX];

	wd_model_why(model, &flow, false, d, NULL);
	wd_expect(d[dir].enforced);
	wd_expect_int(want, d[dir].table_reason);
}

/* As after a start, when there is nothing of before. */
static void what_never_did_fit_is_shut_but_for_what_is_always_open(void)
{
	char *rules = ports_with_gaps(WD_SPANS_PER_SLOT);
	char *open = wd_host_open_text("22/tcp");
	char *text = wd_xprintf("%s---\n%s\n" CCNP("p", NODES "ingress: [%s]"),
				NODE("n", OWN), open, rules);
	struct wd_ep_info info;

	begin();
	give(WD_HOST_IN_FORCE, text, 0);
	wd_expect_int(0, wd_model_host(model, WD_HOST_IN_FORCE, &info));
	wd_expect(info.error && info.kept);
	wd_expect(info.error && strstr(info.error, "always open"));
	expect_table(WORLD, OWN, 22, WD_INGRESS, WD_R_POLICY_ALLOW);
	expect_table(WORLD, OWN, 1000, WD_INGRESS, WD_R_DEFAULT);
	expect_table(OWN, WORLD, 80, WD_EGRESS, WD_R_NOT_ISOLATED);
	wd_load_fini(&load);
	free(text);
	/* what else it says of a direction is never wider than before, too */
	text = wd_xprintf(CCNP("p",
			       NODES "ingress: [%s], "
				     "enableDefaultDeny: {egress: false}, "
				     "egressDeny: [{toCIDR: [" WORLD "/32]}]"),
			  rules);
	give(WD_HOST_IN_FORCE, text, 0);
	expect_table(WORLD, OWN, 1000, WD_INGRESS, WD_R_DEFAULT);
	expect_table(OWN, WORLD, 80, WD_EGRESS, WD_R_DEFAULT);
	wd_load_fini(&load);
	give(WD_HOST_IN_FORCE, CCNP("p", NODES "egress: [{}]"), 0);
	wd_expect_int(0, wd_model_host(model, WD_HOST_IN_FORCE, &info));
	wd_expect(!info.error && !info.kept);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_NOT_ISOLATED);
	end();
	free(rules);
	free(open);
	free(text);
}

/* All that an agent before has left in force, but one slot. */
static bool used_but_one(void *ctx, enum wd_map map, uint32_t index)
{
	(void)ctx;
	return map == WD_MAP_wd_slot && index != 5;
}

static void the_last_room_is_the_host_s(void)
{
	struct wd_ep_info info;

	begin();
	wd_model_adopt(model, 7, used_but_one, NULL);
	give(WD_HOST_IN_FORCE,
	     NODE("n", OWN) "---\napiVersion: v1\nkind: Pod\n"
			    "metadata: {name: a, namespace: x}\n" CCNP(
				    "p", NODES "ingress: [{}]"),
	     0);
	wd_expect_int(0, wd_model_host(model, WD_HOST_IN_FORCE, &info));
	wd_expect(!info.error);
	wd_expect_int(5, info.slot);
	wd_expect_int(0, wd_model_endpoint(model, 1, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	wd_expect_int(0, wd_model_commit(model, NULL));
	wd_expect_int(0, wd_model_endpoint(model, 1, &info));
	wd_expect_int(WD_EP_ENFORCED, info.state);
	end();
}

static void a_try_that_does_not_fit_is_none(void)
{
	char *rules = ports_with_gaps(WD_SPANS_PER_SLOT);
	char *text = wd_xprintf(CCNP("p", NODES "ingress: [%s]"), rules);
	static struct wd_load before;
	struct wd_ep_info info;

	begin();
	give(WD_HOST_IN_FORCE, NODE("n", OWN) CCNP("p", NODES "ingress: [{}]"),
	     0);
	before = load;
	give(WD_HOST_TRIED, text, UINT64_MAX);
	wd_expect_int(0, wd_model_host(model, WD_HOST_TRIED, &info));
	wd_expect_int(WD_EP_TOO_LARGE, info.state);
	expect(WORLD, OWN, 80, WD_INGRESS, WD_R_DEFAULT);
	end();
	wd_load_fini(&before);
	free(rules);
	free(text);
}

int main(void)
{
	WD_TEST(what_never_did_fit_is_shut_but_for_what_is_always_open);
	WD_TEST(the_last_room_is_the_host_s);
	WD_TEST(without_a_policy_the_host_is_not_judged);
	WD_TEST(rules_of_the_host_are_those_of_its_policies);
	WD_TEST(what_the_host_sends_to_a_service_is_judged_by_its_backends);
	WD_TEST(whom_the_host_denies_is_never_told);
	WD_TEST(specs_of_pods_and_of_other_nodes_say_nothing_of_this_one);
	WD_TEST(pods_are_no_subject_of_policies_of_nodes);
	WD_TEST(what_stays_open_comes_before_every_deny);
	WD_TEST(what_is_tried_goes_before_what_is_in_force_up_to_its_time);
	WD_TEST(what_no_longer_fits_leaves_in_force_what_was);
	WD_TEST(a_try_that_does_not_fit_is_none);
	return wd_tests_end();
}
