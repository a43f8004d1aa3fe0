/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_crowd.c - who fills what compiled policies are made of (port spans, lists
 * of rules, predicates) by few policies, within every quota, keeps nobody else
 * of the node from changing his.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../oracle/cells.h"
#include "../oracle/sinkhole.h"
#include "../tap.h"

#define BIG 24 /* pods that take as much as they can */
#define SMALL 12 /* and those that take the rest, each half of the one before */

static struct wd_cells cells;
static struct wd_sinkhole hole;
static size_t used;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += (size_t)vsnprintf(cells.text + used, sizeof(cells.text) - used,
				  format, args);
	va_end(args);
	wd_expect(used < sizeof(cells.text));
}

static void say_pod(const char *ns, const char *name, const char *labels,
		    int number)
{
	say("---\napiVersion: v1\nkind: Pod\n"
	    "metadata: {name: %s, namespace: %s, labels: {app: %s%s}}\n"
	    "status: {podIP: 10.1.0.%d}\n",
	    name, ns, name, labels, number);
}

static void say_policy(const char *name, const char *labels)
{
	say("---\napiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
	    "metadata: {name: %s, namespace: crowd}\nspec:\n"
	    "  endpointSelector: {matchLabels: {%s}}\n  ingress:\n",
	    name, labels);
}

/* One rule about @cnt ports of three protocols. */
static void many_ports(int cnt)
{
	say("  - toPorts:");
	for (int i = 0; i < cnt; i++) {
		say("%s{port: \"%d\"}", i % 40 ? "," : "\n    - {ports: [",
		    1 + 2 * i);
		if (i % 40 == 39 || i == cnt - 1)
			say("]}\n");
	}
}

/* Rules about ports that lie in each other: another list in each of them. */
static void ranges_in_ranges(int cnt)
{
	for (int i = 0; i < cnt; i++)
		say("  - {fromCIDR: [10.8.%d.%d/32], toPorts: [{ports: [{port: "
		    "\"%d\", endPort: %d, protocol: TCP}]}]}\n",
		    cnt % 256, i % 256, 1 + i, 60000 - i);
}

/* Each of the big ones is of a policy for all of them, and of one of its own. */
static void say_all(void (*rules)(int cnt), int most)
{
	char name[16];
	char label[32];

	memset(&cells, 0, sizeof(cells));
	cells.file = "crowd";
	used = 0;
	say("apiVersion: v1\nkind: Namespace\nmetadata: {name: crowd}\n");
	say_pod("shop", "a", "", 200);
	say_pod("shop", "b", "", 201);
	say_policy("big", "size: big");
	rules(most);
	for (int i = 0; i < BIG + SMALL; i++) {
		(void)snprintf(name, sizeof(name), "c%02d", i);
		(void)snprintf(label, sizeof(label), "app: %s", name);
		say_pod("crowd", name, i < BIG ? ", size: big" : "", 1 + i);
		say_policy(name, label);
		if (i < BIG)
			say("  - fromCIDR: [10.9.9.%d/32]\n", i);
		else
			rules(1 + (most >> (i - BIG + 1)));
	}
}

static const struct {
	const char *name;
	void (*rules)(int cnt);
	int most;
} crowds[] = {
	{ "ports", many_ports, 1000 },
	{ "ranges", ranges_in_ranges, 230 },
};

#define CROWDS (sizeof(crowds) / sizeof(*crowds))

static const char change[] =
	"#: allow shop/b -> shop/a:80,shop/a:443\n"
	"#: deny shop/b -> shop/a:81\n#: allow shop/a -> shop/b:80\n"
	"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	"metadata: {name: web, namespace: shop}\nspec:\n"
	"  podSelector: {matchLabels: {app: a}}\n"
	"  ingress: [{from: [{podSelector: {matchLabels: {app: b}}}], "
	"ports: [{port: 80}, {port: 443}]}]\n";

static uint32_t closed(const char *why)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < cells.ep_cnt; i++) {
		struct wd_ep_info info;

		wd_expect_int(0, wd_model_endpoint(cells.model, cells.ep[i].id,
						   &info));
		if (info.state != WD_EP_TOO_LARGE)
			continue;
		wd_expect(strstr(info.error, why));
		cnt++;
	}
	return cnt;
}

static void open_crowd(size_t i, struct wd_sink *sink)
{
	*sink = wd_sinkhole_open(&hole);
	wd_test_row(crowds[i].name);
	say_all(crowds[i].rules, crowds[i].most);
	wd_cells_open(&cells, sink, NULL);
}

static void close_crowd(struct wd_sink *sink)
{
	wd_cells_close(&cells);
	wd_sinkhole_close(sink);
	wd_test_row(NULL);
}

static void one_namespace_cannot_keep_others_from_changing_theirs(void)
{
	for (size_t i = 0; i < CROWDS; i++) {
		struct wd_sink sink;

		open_crowd(i, &sink);
		wd_expect(closed("its namespace has half"));
		wd_cells_add(&cells, change);
		(void)snprintf(cells.text, sizeof(cells.text), "%s", change);
		wd_expect_int(4, wd_cells_each(&cells, wd_cells_ask, &cells));
		close_crowd(&sink);
	}
}

static void who_was_closed_by_it_opens_when_there_is_room(void)
{
	for (size_t i = 0; i < CROWDS; i++) {
		struct wd_sink sink;

		open_crowd(i, &sink);
		wd_expect(closed(""));
		wd_expect(wd_store_del(cells.store, WD_KIND_CILIUM_NP, "crowd",
				       "big", NULL));
		for (int k = 0; k < 3; k++) /* both halves */
			wd_cells_add(&cells, change);
		wd_expect_int(0, closed(""));
		close_crowd(&sink);
	}
}

/* Ports that come to one span, times so many peers that it never ends. */
static void say_vast(int peers, int ports, int step, int wide)
{
	memset(&cells, 0, sizeof(cells));
	cells.file = "vast";
	used = 0;
	say_pod("crowd", "c", "", 1);
	say_pod("shop", "a", "", 200);
	say_pod("shop", "b", "", 201);
	say("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	    "metadata: {name: v, namespace: crowd}\nspec:\n"
	    "  podSelector: {}\n  ingress:\n  - from:\n");
	for (int i = 0; i < peers; i++)
		say("    - {ipBlock: {cidr: 10.8.%d.%d/32}}\n", i / 256,
		    i % 256);
	say("    ports:\n");
	for (int i = 0; i < ports && !wide; i++)
		say("    - {port: %d}\n", 1 + i * step);
	for (int i = 0; i < ports && wide; i++)
		say("    - {port: %d, endPort: %d}\n", 1 + i * step,
		    1 + i * step + wide);
}

static void too_much_to_compile_closes_its_own_pod_at_once(void)
{
	static const struct {
		const char *name;
		int peers, ports, step, wide;
		const char *why;
	} rows[] = {
		{ "peers", 600, 2000, 1, 0, "too many ports" },
		{ "ports", 20, 2500, 2, 0, "too many ports" },
		{ "ranges", 100, 600, 1, 30000, "as many steps" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wd_sink sink = wd_sinkhole_open(&hole);

		wd_test_row(rows[i].name);
		say_vast(rows[i].peers, rows[i].ports, rows[i].step,
			 rows[i].wide);
		wd_cells_open(&cells, &sink, NULL);
		wd_expect_int(1, closed(rows[i].why));
		wd_cells_add(&cells, change);
		(void)snprintf(cells.text, sizeof(cells.text), "%s", change);
		wd_expect_int(4, wd_cells_each(&cells, wd_cells_ask, &cells));
		close_crowd(&sink);
	}
}

/* What is said is counted, not that it stands in many lines. */
static void many_ports_in_a_row_are_one_piece(void)
{
	struct wd_sink sink = wd_sinkhole_open(&hole);

	wd_test_row(NULL);
	say_vast(20, 2500, 1, 0);
	wd_cells_open(&cells, &sink, NULL);
	wd_expect_int(0, closed(""));
	close_crowd(&sink);
}

/* Ports from each on: every piece has all peers before it too, each once more. */
static void say_nested(int rules, int pods)
{
	memset(&cells, 0, sizeof(cells));
	cells.file = "nested";
	used = 0;
	say_pod("crowd", "c", "", 1);
	for (int i = 0; i < pods; i++)
		say("---\napiVersion: v1\nkind: Pod\n"
		    "metadata: {name: p%d, namespace: crowd, labels: {k: "
		    "v%d}}\nspec: {nodeName: there}\n"
		    "status: {podIP: 10.2.0.%d}\n",
		    i, i, 1 + i);
	say("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	    "metadata: {name: n, namespace: crowd}\nspec:\n"
	    "  podSelector: {matchLabels: {app: c}}\n  ingress:\n");
	for (int i = 0; i < rules; i++)
		say("  - {from: [{namespaceSelector: {}, podSelector: "
		    "{matchLabels: {k: v%d}}}], ports: [{port: %d, endPort: "
		    "65535}]}\n",
		    i, 1 + i);
}

static const char nested[] =
	"#: allow crowd/p0 -> crowd/c:1,crowd/c:2,crowd/c:150,crowd/c:60000\n"
	"#: deny crowd/p20 -> crowd/c:20\n"
	"#: allow crowd/p20 -> crowd/c:21,crowd/c:22,crowd/c:60000\n"
	"#: deny crowd/p99 -> crowd/c:1,crowd/c:99\n"
	"#: allow crowd/p99 -> crowd/c:100,crowd/c:101,crowd/c:60000\n"
	"#: deny crowd/c -> crowd/c:0\n";

static void who_a_peer_is_is_found_once_however_many_predicates_have_it(void)
{
	enum { RULES = 150, PODS = 100 };
	struct wd_sink sink = wd_sinkhole_open(&hole);
	struct wd_model_stats stats;

	say_nested(RULES, PODS);
	wd_cells_open(&cells, &sink, NULL);
	wd_model_stats(cells.model, &stats);
	wd_expect(stats.preds >= RULES);
	wd_expect(stats.matched >= PODS);
	wd_expect(stats.matched <= (uint64_t)RULES * stats.groups);
	(void)snprintf(cells.text, sizeof(cells.text), "%s", nested);
	wd_expect_int(14, wd_cells_each(&cells, wd_cells_ask, &cells));
	close_crowd(&sink);
}

/* One peer whom each of many rules allows, behind one that may pass on somebody unknown. */
static void say_again(int rules, int peers)
{
	memset(&cells, 0, sizeof(cells));
	cells.file = "again";
	used = 0;
	say_pod("crowd", "c", "", 1);
	say_pod("crowd", "passed", "", 2);
	say_pod("crowd", "let", "", 3);
	say("---\napiVersion: policy.networking.k8s.io/v1alpha1\n"
	    "kind: AdminNetworkPolicy\nmetadata: {name: a}\nspec:\n"
	    "  priority: 1\n  subject: {namespaces: {}}\n  ingress:\n"
	    "  - action: Pass\n    from:\n"
	    "    - pods: {namespaceSelector: {}, podSelector: "
	    "{matchLabels: {app: passed}}}\n");
	for (int i = 0; i < rules * peers; i++)
		say("%s    - pods: {namespaceSelector: {}, podSelector: "
		    "{matchLabels: {app: let}}}\n",
		    i % peers ? "" : "  - action: Allow\n    from:\n");
	say("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"
	    "metadata: {name: none, namespace: crowd}\n"
	    "spec: {podSelector: {}, policyTypes: [Ingress]}\n"
	    "---\n#: deny crowd/passed -> crowd/c:80\n"
	    "#: allow crowd/let -> crowd/c:80\n");
}

static void who_stands_often_in_a_predicate_is_weighed_once_for_each(void)
{
	enum { RULES = 24, PEERS = 25, ADDRS = 3 };
	struct wd_sink sink = wd_sinkhole_open(&hole);
	struct wd_model_stats stats;

	say_again(RULES, PEERS);
	wd_cells_open(&cells, &sink, NULL);
	wd_model_stats(cells.model, &stats);
	wd_expect(stats.weighed >= RULES * PEERS);
	wd_expect(stats.weighed <= 2 * ADDRS * RULES * PEERS);
	wd_expect_int(2, wd_cells_each(&cells, wd_cells_ask, &cells));
	/* and it goes with all of it */
	wd_expect(wd_store_del(cells.store, WD_KIND_ADMIN_NP, "", "a", NULL));
	wd_expect_int(0, wd_model_commit(cells.model, NULL));
	wd_expect_int(0, wd_model_settle(cells.model));
	wd_model_stats(cells.model, &stats);
	wd_expect_int(0, stats.preds);
	close_crowd(&sink);
}

/* What others than who wrote the rule may make many; each times 120 ports. */
static void say_members(const char *kind)
{
	bool is_slice = !strcmp(kind, "slices");

	if (is_slice)
		say("---\napiVersion: v1\nkind: Service\nmetadata: {name: db, "
		    "namespace: crowd, labels: {db: x}}\nspec: {clusterIP: None}\n"
		    "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n"
		    "metadata: {name: db-1, namespace: crowd, labels: "
		    "{kubernetes.io/service-name: db}}\naddressType: IPv4\n"
		    "endpoints:\n");
	else
		say("---\napiVersion: cilium.io/v2alpha1\nkind: CiliumCIDRGroup\n"
		    "metadata: {name: g}\nspec:\n  externalCIDRs:\n");
	for (int i = 0; i < 600; i++)
		say(is_slice ? "- addresses: [10.8.%d.%d]\n" :
			       "  - 10.8.%d.%d/32\n",
		    i / 256, i % 256);
}

static void say_many_members(const char *kind, const char *peer)
{
	memset(&cells, 0, sizeof(cells));
	cells.file = kind;
	used = 0;
	say("#: deny shop/a -> 10.8.2.1:80,10.8.0.1:40\n"
	    "#: allow shop/a -> 10.8.2.1:81,10.8.2.88:80,shop/b:80\n");
	say_pod("shop", "a", "", 200);
	say_pod("shop", "b", "", 201);
	say("---\napiVersion: cilium.io/v2\n"
	    "kind: CiliumClusterwideNetworkPolicy\nmetadata: {name: wide}\n"
	    "spec:\n  endpointSelector: {}\n"
	    "  enableDefaultDeny: {egress: false}\n"
	    "  egressDeny:\n  - %s\n    toPorts:\n    - ports:\n",
	    peer);
	for (int i = 0; i < 40; i++)
		say("      - {port: \"%d\"}\n", 2 + 2 * i);
	say_members(kind);
}

/* A rule of the operator holds as it stands, however many it comes to mean. */
static void many_members_times_many_ports_fit(void)
{
	static const struct {
		const char *kind, *peer;
	} rows[] = {
		{ "slices", "toServices: [{k8sServiceSelector: {selector: "
			    "{matchLabels: {db: x}}}}]" },
		{ "groups", "toCIDRSet: [{cidrGroupRef: g}]" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct wd_sink sink = wd_sinkhole_open(&hole);

		wd_test_row(rows[i].kind);
		say_many_members(rows[i].kind, rows[i].peer);
		wd_cells_open(&cells, &sink, NULL);
		wd_expect_int(0, closed(""));
		wd_expect_int(5, wd_cells_each(&cells, wd_cells_ask, &cells));
		close_crowd(&sink);
	}
}

int main(void)
{
	WD_TEST(one_namespace_cannot_keep_others_from_changing_theirs);
	WD_TEST(who_was_closed_by_it_opens_when_there_is_room);
	WD_TEST(too_much_to_compile_closes_its_own_pod_at_once);
	WD_TEST(many_ports_in_a_row_are_one_piece);
	WD_TEST(who_a_peer_is_is_found_once_however_many_predicates_have_it);
	WD_TEST(who_stands_often_in_a_predicate_is_weighed_once_for_each);
	WD_TEST(many_members_times_many_ports_fit);
	return wd_tests_end();
}
