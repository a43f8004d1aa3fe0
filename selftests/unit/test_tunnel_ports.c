/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_tunnel_ports.c - what is told to the programs of the ports of tunnels,
 * whatever the order in which the kernel's events and lists are read.
 */
#include <stdlib.h>
#include <string.h>

#include <warder/abi.h>

#include "agent/agent.h"
#include "base/byteorder.h"
#include "datapath/internal.h"
#include "datapath/memory.h"
#include "encryption/ports.h"
#include "model/model.h"

#include "../tap.h"

static struct wd_agent agent = { .is_copy = true }; /* commits nothing */
static struct wd_datapath dp;
static struct wd_ports *ports;

static void begin(void)
{
	static struct wd_sink sink;
	static const struct wd_model_config config;

	agent.store = wd_store_new(NULL, NULL);
	agent.model = wd_model_new(agent.store, &sink, &config);
	wd_expect_int(0, wd_memory_new(&dp.memory));
	agent.dp = &dp;
	ports = wd_ports_new(&agent);
}

static void end(void)
{
	wd_ports_free(ports);
	wd_memory_free(dp.memory);
	wd_model_free(agent.model);
	wd_store_free(agent.store);
}

static int told(uint16_t port)
{
	const struct wd_state_val *state = wd_map_mem(&dp, WD_MAP_wd_state);
	int cnt = 0;

	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		cnt += state->tunnel[i].kind == WD_TUNNEL_VXLAN &&
		       wd_host16(state->tunnel[i].port) == port;
	return cnt;
}

/* No device of this machine has that index. */
static struct wd_link vxlan(uint32_t i, uint16_t port)
{
	return (struct wd_link){
		.ifindex = 0x7fffff00 + i,
		.tunnel_port = port,
		.kind = "vxlan",
	};
}

static void a_device_stays_told_whose_event_names_no_port(void)
{
	struct wd_link link = vxlan(4, 7794);

	begin();
	wd_expect_int(0, wd_ports_list(ports));
	wd_ports_link(ports, &link, false);
	wd_expect_int(1, told(7794));
	link.has_moved = true;
	link.tunnel_port = 0;
	wd_ports_link(ports, &link, true);
	wd_expect_int(1, told(7794));
	wd_expect_int(0, wd_ports_list(ports)); /* which has it no more */
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told(7794));
	end();
}

static void a_device_that_a_list_has_missed_stays_told_when_it_moved(void)
{
	struct wd_link link = vxlan(1, 7791);

	begin();
	wd_expect_int(0, wd_ports_list(ports));
	wd_ports_link(ports, &link, false);
	wd_expect_int(1, told(7791));
	wd_expect_int(0, wd_ports_list(ports)); /* before the event is read */
	link.has_moved = true;
	wd_ports_link(ports, &link, true);
	wd_expect_int(1, told(7791));
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told(7791));
	end();
}

static void a_device_that_moved_before_the_first_list_is_told(void)
{
	struct wd_link link = vxlan(1, 7791), same = vxlan(2, 7791);

	begin();
	link.has_moved = same.has_moved = true;
	wd_ports_link(ports, &link, true);
	wd_ports_link(ports, &same, true);
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told(7791));
	end();
}

static void a_device_that_was_deleted_is_not_told(void)
{
	struct wd_link link = vxlan(1, 7791);

	begin();
	wd_expect_int(0, wd_ports_list(ports));
	wd_ports_link(ports, &link, false);
	wd_expect_int(1, told(7791));
	wd_ports_link(ports, &link, true);
	wd_expect_int(0, told(7791));
	end();
}

int main(void)
{
	WD_TEST(a_device_stays_told_whose_event_names_no_port);
	WD_TEST(a_device_that_a_list_has_missed_stays_told_when_it_moved);
	WD_TEST(a_device_that_moved_before_the_first_list_is_told);
	WD_TEST(a_device_that_was_deleted_is_not_told);
	return wd_tests_end();
}
