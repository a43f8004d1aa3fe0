/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_tunnel_ports.c - what is told to the programs of the ports of tunnels,
 * whatever the order in which the kernel's events and lists are read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warder/abi.h>

#include "agent/agent.h"
#include "base/byteorder.h"
#include "datapath/internal.h"
#include "datapath/memory.h"
#include "encryption/ports.h"
#include "model/model.h"
#include "net/fou.h"

#include "../tap.h"

static struct wd_agent agent = { .is_copy = true }; /* commits nothing */
static struct wd_datapath dp;
static struct wd_ports *ports;

/* What this kernel says of sockets that unpack, see net/fou.h. */
static struct {
	int cnt; /* or -errno */
	uint32_t odd;
	uint16_t port[2];
} fou;

int wd_fou_ports(uint16_t **ret_port, uint32_t *ret_odd)
{
	if (fou.cnt < 0)
		return fou.cnt;
	*ret_port = calloc(2, sizeof(**ret_port));
	if (!*ret_port)
		return -ENOMEM;
	memcpy(*ret_port, fou.port, sizeof(fou.port));
	*ret_odd = fou.odd;
	return fou.cnt;
}

static void begin(void)
{
	static struct wd_sink sink;
	static const struct wd_model_config config;

	memset(&fou, 0, sizeof(fou));
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

static int told_as(uint8_t kind, uint16_t port)
{
	const struct wd_state_val *state = wd_map_mem(&dp, WD_MAP_wd_state);
	int cnt = 0;

	for (int i = 0; i < WD_TUNNEL_PORTS; i++)
		cnt += state->tunnel[i].kind == kind &&
		       wd_host16(state->tunnel[i].port) == port;
	return cnt;
}

static int told(uint16_t port)
{
	return told_as(WD_TUNNEL_VXLAN, port);
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

/* The state as the agent before left it. */
static void leave(int at, uint8_t kind, uint16_t port)
{
	struct wd_state_val *state = wd_map_mem(&dp, WD_MAP_wd_state);

	state->tunnel[at] =
		(struct wd_tunnel_port){ .port = wd_be16(port), .kind = kind };
}

static void too_many_ports_stay_too_many_until_all_are_known(void)
{
	begin();
	leave(WD_TUNNEL_PORTS - 1, WD_TUNNEL_ANY, 0);
	fou.cnt = -EPERM;
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told_as(WD_TUNNEL_ANY, 0));
	wd_expect(!wd_ports_fit(ports));
	fou.cnt = 0;
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(0, told_as(WD_TUNNEL_ANY, 0));
	wd_expect(wd_ports_fit(ports));
	end();
}

static void all_that_was_told_stays_while_the_first_source_is_waited_for(void)
{
	begin();
	leave(0, WD_TUNNEL_VXLAN, 7792);
	leave(1, WD_TUNNEL_OTHER, 7793);
	agent.waiting = true;
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told(7792));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7793));
	agent.waiting = false;
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(0, told(7792));
	wd_expect_int(0, told_as(WD_TUNNEL_OTHER, 7793));
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

/* ---- FOU, L2TP ---- */

/* Which would keep every policy from being committed: see wd_encryption_write(). */
static void a_kernel_that_cannot_say_them_keeps_nothing_back(void)
{
	struct wd_state_val *state;

	begin();
	state = wd_map_mem(&dp, WD_MAP_wd_state);
	state->tunnel[0] = (struct wd_tunnel_port){ .port = wd_be16(7784),
						    .kind = WD_TUNNEL_OTHER };
	fou.cnt = -EACCES;
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(-EACCES, wd_ports_error(ports));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7784)); /* the one before's */
	fou.cnt = 1;
	fou.port[0] = 7785;
	wd_expect_int(0, wd_ports_list(ports)); /* asked for again */
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(0, wd_ports_error(ports));
	wd_expect_int(0, told_as(WD_TUNNEL_OTHER, 7784));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7785));
	end();
}

static void a_port_stays_told_while_answers_make_no_sense(void)
{
	begin();
	fou.cnt = 1;
	fou.port[0] = 7785;
	wd_expect_int(0, wd_ports_write(ports));
	fou.port[0] = 7786;
	fou.odd = 1; /* it may be the other one */
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(-EPROTO, wd_ports_error(ports));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7785));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7786));
	fou.odd = 0;
	wd_expect_int(0, wd_ports_list(ports));
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(0, told_as(WD_TUNNEL_OTHER, 7785));
	end();
}

static void a_port_of_before_is_kept_if_the_first_answer_makes_no_sense(void)
{
	struct wd_state_val *state;

	begin();
	state = wd_map_mem(&dp, WD_MAP_wd_state);
	state->tunnel[0] = (struct wd_tunnel_port){ .port = wd_be16(7784),
						    .kind = WD_TUNNEL_OTHER };
	fou.cnt = 1;
	fou.port[0] = 7785;
	fou.odd = 1;
	wd_expect_int(0, wd_ports_write(ports));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7784));
	wd_expect_int(1, told_as(WD_TUNNEL_OTHER, 7785));
	end();
}

int main(void)
{
	WD_TEST(a_device_stays_told_whose_event_names_no_port);
	WD_TEST(a_device_that_a_list_has_missed_stays_told_when_it_moved);
	WD_TEST(too_many_ports_stay_too_many_until_all_are_known);
	WD_TEST(all_that_was_told_stays_while_the_first_source_is_waited_for);
	WD_TEST(a_device_that_moved_before_the_first_list_is_told);
	WD_TEST(a_device_that_was_deleted_is_not_told);
	WD_TEST(a_kernel_that_cannot_say_them_keeps_nothing_back);
	WD_TEST(a_port_stays_told_while_answers_make_no_sense);
	WD_TEST(a_port_of_before_is_kept_if_the_first_answer_makes_no_sense);
	return wd_tests_end();
}
