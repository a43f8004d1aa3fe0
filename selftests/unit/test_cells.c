/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cells.c - what the objects and the tables say of each cell of the files
 * of selftests/examples/cells; oracle/test_corpus asks the programs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../oracle/cells.h"
#include "../oracle/sinkhole.h"
#include "../tap.h"

static struct wd_cells cells;
static struct wd_sinkhole hole;

static void each_cell_is_as_written(void)
{
	struct wd_sink sink = wd_sinkhole_open(&hole);

	wd_cells_open(&cells, &sink, NULL);
	wd_expect(wd_cells_each(&cells, wd_cells_ask, &cells));
	wd_cells_close(&cells);
	wd_sinkhole_close(&sink);
}

/* ---- changes ---- */

#define SLICE(address) \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: s, namespace: shop, labels: {kubernetes.io/service-name: db}}\n" \
	"addressType: IPv4\nendpoints: [{addresses: [" address "]}]\n" \
	"ports: [{port: 80, protocol: TCP}]\n"

static const char denied[] =
	"#: deny shop/a -> 10.9.0.1:80,10.96.0.1:80\n"
	"#: allow shop/a -> 10.9.0.2:80\n"
	"apiVersion: v1\nkind: Pod\n"
	"metadata: {name: a, namespace: shop, labels: {app: a}}\n"
	"status: {podIP: 10.1.0.1}\n---\n"
	"apiVersion: v1\nkind: Service\nmetadata: {name: db, namespace: shop}\n"
	"spec: {clusterIP: 10.96.0.1, selector: {app: db}, ports: [{port: 80}]}\n---\n"
	"apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
	"metadata: {name: no-db, namespace: shop}\nspec:\n"
	"  endpointSelector: {}\n  enableDefaultDeny: {egress: false}\n"
	"  egressDeny: [{toServices: [{k8sService: {serviceName: db, namespace: shop}}]}]\n"
	"---\n" SLICE("10.9.0.1");

static const char moved[] = "#: allow shop/a -> 10.9.0.1:80\n"
			    "#: deny shop/a -> 10.9.0.2:80\n";

/* Also what its selector does not mean, as a pod in its node's network. */
static void a_deny_by_a_service_follows_its_slices(void)
{
	struct wd_sink sink = wd_sinkhole_open(&hole);

	memset(&cells, 0, sizeof(cells));
	cells.file = "slices";
	(void)snprintf(cells.text, sizeof(cells.text), "%s", denied);
	wd_cells_open(&cells, &sink, NULL);
	wd_expect_int(3, wd_cells_each(&cells, wd_cells_ask, &cells));
	wd_cells_add(&cells, SLICE("10.9.0.2"));
	(void)snprintf(cells.text, sizeof(cells.text), "%s", moved);
	wd_expect_int(2, wd_cells_each(&cells, wd_cells_ask, &cells));
	wd_cells_close(&cells);
	wd_sinkhole_close(&sink);
}

/* ---- who is compiled again ---- */

#define SERVICE(name, labels, address) \
	"apiVersion: v1\nkind: Service\n" \
	"metadata: {name: " name ", namespace: shop, labels: {" labels "}}\n" \
	"spec: {clusterIP: " address ", selector: {app: " name \
	"}, ports: [{port: 80}]}\n"
#define WHOSE_SLICE(name, address) \
	"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n" \
	"metadata: {name: " name \
	"-1, namespace: shop, labels: {kubernetes.io/service-name: " name \
	"}}\n" \
	"addressType: IPv4\nendpoints: [{addresses: [" address "]}]\n" \
	"ports: [{port: 80}]\n"
#define SPEAKER(name, nr) \
	"apiVersion: v1\nkind: Pod\n" \
	"metadata: {name: " name ", namespace: shop, labels: {app: " name \
	"}}\n" \
	"status: {podIP: 10.1.0." nr "}\n---\n"

static const char speakers[] = SPEAKER("a", "1") SPEAKER("b", "2") SPEAKER("c",
									   "3")
	SPEAKER("d",
		"4") "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
		     "metadata: {name: a, namespace: shop}\nspec:\n"
		     "  endpointSelector: {matchLabels: {app: a}}\n"
		     "  egress: [{toServices: [{k8sService: {serviceName: db, namespace: shop}}]}]\n"
		     "---\n"
		     "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
		     "metadata: {name: b, namespace: shop}\nspec:\n"
		     "  endpointSelector: {matchLabels: {app: b}}\n"
		     "  egress: [{toServices: [{k8sServiceSelector: {selector: {matchLabels: {x: y}}}}]}]\n"
		     "---\n"
		     "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\n"
		     "metadata: {name: c, namespace: shop}\nspec:\n"
		     "  endpointSelector: {matchLabels: {app: c}}\n"
		     "  enableDefaultDeny: {egress: false}\n"
		     "  egressDeny: [{toServices: [{k8sService: {serviceName: db, namespace: shop}}]}]\n"
		     "---\n" SERVICE("db", "x: z", "10.96.0.1");

static uint64_t compiled(void)
{
	struct wd_model_stats stats;

	wd_model_stats(cells.model, &stats);
	return stats.compiled;
}

/* Two names may have one bit: of ten others at least one has another. */
static uint64_t least_for_another(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 10; i++) {
		uint64_t before = compiled();
		char text[512];

		(void)snprintf(
			text, sizeof(text),
			"apiVersion: v1\nkind: Service\n"
			"metadata: {name: other%d, namespace: shop}\n"
			"spec: {clusterIP: 10.96.1.%d, ports: [{port: 80}]}\n",
			i, i + 1);
		wd_cells_add(&cells, text);
		if (compiled() - before < least)
			least = compiled() - before;
	}
	return least;
}

static void who_speaks_of_a_service_is_compiled_for_it_alone(void)
{
	struct wd_sink sink = wd_sinkhole_open(&hole);
	uint64_t before;

	memset(&cells, 0, sizeof(cells));
	cells.file = "speakers";
	(void)snprintf(cells.text, sizeof(cells.text), "%s", speakers);
	wd_cells_open(&cells, &sink, NULL);
	before = compiled();
	wd_expect(before >= 4);
	wd_cells_add(&cells, SERVICE("db", "x: z", "10.96.0.2"));
	/* by name twice, and by labels, which may be another service's now */
	wd_expect_int(3, (long long)(compiled() - before));
	before = compiled();
	wd_cells_add(&cells, WHOSE_SLICE("db", "10.9.0.1"));
	wd_expect_int(1, (long long)(compiled() - before)); /* who denies */
	wd_expect_int(1,
		      (long long)least_for_another()); /* who asks by labels */
	wd_cells_close(&cells);
	wd_sinkhole_close(&sink);
}

static uint32_t file_cnt;

static void there_are_files(void)
{
	wd_expect(file_cnt);
}

static void a_file_can_be_read(void)
{
	wd_expect(wd_cells_read(&cells, cells.file));
}

int main(void)
{
	char **names = wd_cells_list();

	for (char **name = names; *name; name++) {
		char title[300];

		(void)snprintf(title, sizeof(title), "cells_of_%.*s_hold",
			       (int)strcspn(*name, "."), *name);
		if (wd_cells_read(&cells, *name))
			wd_test_run(title, each_cell_is_as_written);
		else
			wd_test_run("a_file_can_be_read", a_file_can_be_read);
		free(*name);
		file_cnt++;
	}
	free(names);
	WD_TEST(there_are_files);
	WD_TEST(a_deny_by_a_service_follows_its_slices);
	WD_TEST(who_speaks_of_a_service_is_compiled_for_it_alone);
	return wd_tests_end();
}
