/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_corpus.c - the cells of selftests/examples/cells as packets: the first of
 * each flow goes through the programs at both its ends, one of which may be this
 * node itself. unit/test_cells asks the objects and the tables.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "dump.h"
#include "kernel.h"
#include "nodehook.h"
#include "tap.h"

#define UPLINK 0xfffe /* a device that is no endpoint's */
#define SPORT_FIRST 20000

static struct wd_cells cells;
static struct wd_kernel *kernel;
static struct wd_nodehook *hook;
static uint32_t devices[WD_CELLS_PODS];
static uint64_t sent;
static uint64_t node_sent; /* of them: by the node's own program */

/* The packet at the end of the node's own sockets. */
static struct wd_outcome send_node(const struct wd_probe *probe,
				   const struct wd_endpoint *peer, int expected)
{
	struct wd_probe own = *probe;

	own.ep = NULL;
	own.iif = peer ? peer->ifindex : UPLINK;
	node_sent++;
	return wd_nodehook_run(hook, &own, expected);
}

/* The packet of @flow at one end. Return: does it pass */
static bool send_one(enum wd_dir dir, const struct wd_flow *flow,
		     const struct wd_decision *d)
{
	const struct wd_endpoint *from = wd_cells_local(&cells, &flow->src);
	const struct wd_endpoint *to = wd_cells_local(&cells, &flow->dst);
	const struct wd_probe probe = {
		.ep = dir == WD_EGRESS ? from : to,
		.dir = dir,
		.flow = flow,
		.sport = (uint16_t)(SPORT_FIRST + sent++ % 40000),
		.iif = flow->from_host ? 0 :
		       from	       ? from->ifindex :
					 UPLINK,
	};
	struct wd_outcome got;

	wd_kernel_forget(kernel, &probe);
	if (probe.ep)
		got = wd_kernel_run(kernel, &probe, (int)d->reason);
	else
		got = send_node(&probe, dir == WD_EGRESS ? to : from,
				(int)d->reason);
	wd_expect_str(wd_dump_reason(d->reason), wd_dump_reason(got.reason));
	wd_expect_int(d->verdict, got.verdict);
	return got.verdict == WD_ALLOW;
}

static void send_cell(void *ctx, const struct wd_cell *cell)
{
	struct wd_flow there = cell->flow;
	struct wd_decision d[WD_DIR__MAX];
	struct wd_service_info service;
	bool open = true;

	(void)ctx;
	wd_model_why(cells.model, &cell->flow, false, d, &service);
	if (service.backends) {
		there.dst = service.addr;
		there.port = service.port;
	}
	if (d[WD_EGRESS].enforced)
		open &= send_one(WD_EGRESS, &cell->flow, &d[WD_EGRESS]);
	if (d[WD_INGRESS].enforced)
		open &= send_one(WD_INGRESS, &there, &d[WD_INGRESS]);
	wd_expect_int(cell->open, open);
}

static void each_packet_is_judged_as_written(void)
{
	const struct wd_sink sink = wd_kernel_sink(kernel);

	wd_cells_open(&cells, &sink, devices);
	wd_expect(wd_cells_each(&cells, send_cell, NULL));
	wd_cells_close(&cells);
}

static void there_are_packets(void)
{
	wd_expect(sent);
	wd_expect(node_sent);
}

static void there_are_programs_and_devices(void)
{
	wd_expect_int(0, wd_nodehook_devices(devices, WD_CELLS_PODS));
	kernel = wd_kernel_open();
	if (wd_expect(kernel))
		hook = wd_nodehook_open(kernel);
	wd_expect(hook);
}

int main(void)
{
	char **names = wd_cells_list();

	WD_TEST(there_are_programs_and_devices);
	for (char **name = names; *name; name++) {
		char title[300];

		(void)snprintf(title, sizeof(title), "packets_of_%.*s_pass",
			       (int)strcspn(*name, "."), *name);
		if (hook && wd_cells_read(&cells, *name))
			wd_test_run(title, each_packet_is_judged_as_written);
		free(*name);
	}
	free(names);
	WD_TEST(there_are_packets);
	printf("# %llu packets, %llu of them the node's own\n",
	       (unsigned long long)sent, (unsigned long long)node_sent);
	if (hook)
		wd_nodehook_close(hook);
	if (kernel)
		wd_kernel_close(kernel);
	return wd_tests_end();
}
