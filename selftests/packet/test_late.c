// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_late.c - services whose backends policy treats differently: when the
 * hook leaves them to who judges after the translation, and how.
 */
#include <string.h>

#include "base/byteorder.h"
#include "world.h"

#define NEXT UINT32_MAX /* TCX_NEXT */
#define PASS 0 /* ends the chain */
#define PORT 80

/* H_WORLD's address is the service's. @rows: of its backends; @node: the kind on a node */
static void put_service(int family, uint8_t proto, const uint32_t rows[2],
			int node)
{
	struct wd_front_key key = { .port = wd_be16(PORT), .proto = proto };

	key.family = (uint8_t)family;
	frame_addr(H_WORLD, family, &key.addr[family == 4 ? 3 : 0]);
	for (uint32_t nr = 0; nr < 2; nr++) {
		const struct wd_front_val val = {
			.identity = 300 + nr,
			.row = { rows[nr], rows[nr] },
			.flags = (int)nr == node ? WD_FRONT_NODE : 0,
			.port = { PORT, PORT },
		};

		key.nr = nr;
		world_write("wd_front", &key, &val);
	}
	world_switch(WD_STATE_FRONTS, true);
}

static const uint32_t mixed[2] = { ROW_FRIEND, ROW_FOE };
static const uint32_t mixed_the_other_way[2] = { ROW_FOE, ROW_FRIEND };

static struct outcome run(const struct packet *p)
{
	struct frame frame;

	frame_make(&frame, p);
	return world_run(&frame, p->dir);
}

static void expect_sent(const struct packet *p, int reason, int verdict,
			uint32_t retval)
{
	struct outcome got = run(p);

	wd_expect_str(world_reason(reason), world_reason(got.reason));
	if (!world_sheds()) /* counters of endpoints */
		wd_expect_int(verdict, got.verdict);
	wd_expect_int(retval, got.retval);
}

static struct packet to_service(int family)
{
	return (struct packet){ .family = family,
				.dir = WD_EGRESS,
				.dst = H_WORLD,
				.has_dst = true,
				.dport = PORT };
}

static void only_while_somebody_is_there_to_judge(void)
{
	for_each_family(family)
	{
		struct packet p = to_service(family);

		world_reset();
		put_service(family, 6, mixed, -1);
		expect_sent(&p, WD_R_POLICY, WD_DROP, 2);
		world_switch(WD_STATE_LATE, true);
		expect_sent(&p, WD_R_SERVICE_LATE, WD_ALLOW, PASS);
		world_switch(WD_STATE_LATE, false);
		p.flags = TCP_ACK; /* of the flow that passed */
		expect_sent(&p, WD_R_POLICY, WD_DROP, 2);
	}
}

/* What is on trial is told, and whoever is behind us must not lead it elsewhere. */
static void a_trial_does_not_hand_it_to_others(void)
{
	for_each_family(family)
	{
		struct packet p = to_service(family);

		world_reset();
		put_service(family, 6, mixed, -1);
		world_switch(WD_STATE_LATE, true);
		world_try(SLOT_SHUT);
		expect_sent(&p, WD_R_DEFAULT, WD_AUDIT, PASS);
		world_try(SLOT_NONE);
		p.dst = H_FRIEND;
		expect_sent(&p, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
	}
}

/* Nobody judges what a socket of this host answers: one of its backends must be allowed. */
static void an_answer_of_this_host_needs_a_backend_there(void)
{
	static const struct {
		const uint32_t *rows;
		int node; /* the kind that is on a node */
		int reason;
	} cases[] = {
		{ mixed, 1, WD_R_POLICY }, /* the pod is allowed */
		{ mixed_the_other_way, 1, WD_R_SERVICE_LATE },
		{ mixed, -1, WD_R_POLICY },
	};

	for_each_family(family)
	{
		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			bool passes = cases[i].reason == WD_R_SERVICE_LATE;
			struct packet p = to_service(family);
			struct packet back = { .family = family,
					       .dir = WD_INGRESS,
					       .src = H_WORLD,
					       .has_src = true,
					       .proto = 17,
					       .sport = PORT,
					       .dport = 40000 };

			world_reset();
			put_service(family, 17, cases[i].rows, cases[i].node);
			world_switch(WD_STATE_LATE, true);
			p.proto = 17;
			expect_sent(&p, WD_R_SERVICE_LATE, WD_ALLOW, PASS);
			world_iif = 0;
			expect_sent(&back, cases[i].reason,
				    passes ? WD_ALLOW : WD_DROP,
				    passes ? NEXT : 2);
			world_iif = IF_UPLINK;
			expect_sent(&back, WD_R_SERVICE_LATE, WD_ALLOW, NEXT);
		}
	}
}

/* The address of H_WORLD as @proto of wd_front has it; 0: the whole of it. */
static void closed_key(int family, uint8_t proto, struct wd_front_key *ret_key)
{
	size_t kept = 16;

	memset(ret_key, 0, sizeof(*ret_key));
	ret_key->family = (uint8_t)family;
	ret_key->proto = proto;
	frame_addr(H_WORLD, family, &ret_key->addr[family == 4 ? 3 : 0]);
	if (proto == WD_FRONT_BLOCK)
		kept = family == 4 ? 15 : 14;
	if (proto == WD_FRONT_REGION)
		kept = family == 4 ? 13 : 4;
	memset((char *)ret_key->addr + kept, 0, 16 - kept);
}

/* Whatever the port: of H_WORLD, or of every address. Gone with @on false. */
static void close_ports(int family, bool all, bool on)
{
	const struct wd_front_val val = {
		.flags = WD_FRONT_NONE | WD_FRONT_MANY | WD_FRONT_NODE,
	};
	struct wd_front_key key = { .family = (uint8_t)family };

	if (!all)
		frame_addr(H_WORLD, family, &key.addr[family == 4 ? 3 : 0]);
	if (on)
		world_write("wd_front", &key, &val);
	else
		world_delete("wd_front", &key);
	world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, on);
}

static struct packet to_closed(int family, enum host dst, uint8_t proto)
{
	struct packet p = to_service(family);

	p.dst = dst;
	p.dport = PORT + 1;
	p.proto = proto;
	return p;
}

static void an_entry_without_a_port_closes_its_address(void)
{
	for_each_family(family)
	{
		struct packet p = to_closed(family, H_WORLD, 6);
		struct packet pod = to_closed(family, H_FRIEND, 6);

		world_reset();
		world_publish(SLOT_ALL, 0);
		close_ports(family, false, true);
		expect_sent(&p, WD_R_SERVICE, WD_DROP, 2);
		expect_sent(&pod, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
		world_switch(WD_STATE_LATE, true);
		expect_sent(&p, WD_R_SERVICE_LATE, WD_ALLOW, PASS);
		world_reset();
		world_publish(SLOT_OPEN, 0);
		world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, true);
		expect_sent(&p, WD_R_NOT_ISOLATED, WD_ALLOW, NEXT);
		close_ports(family, false, false);
	}
}

/* Nobody knows whether it leads to where nodes take tunnels. */
static void nor_may_anybody_send_tunnels_there(void)
{
	for_each_family(family)
	{
		struct packet p = to_closed(family, H_WORLD, 17);

		world_reset();
		world_publish(SLOT_OPEN, 0);
		close_ports(family, false, true);
		expect_sent(&p, WD_R_ENCAP_FORBIDDEN, WD_DROP, 2);
		world_switch(WD_STATE_LATE, true);
		expect_sent(&p, WD_R_SERVICE_LATE, WD_ALLOW, PASS);
		world_reset();
		world_publish(SLOT_OPEN, WD_EP_ENCAP);
		world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, true);
		expect_sent(&p, WD_R_NOT_ISOLATED, WD_ALLOW, NEXT);
		close_ports(family, false, false);
	}
}

/* Of what is around it: wherever the address is, and nothing of a pod's. */
static void an_entry_for_a_prefix_closes_what_is_in_it(void)
{
	static const uint8_t widths[] = { WD_FRONT_BLOCK, WD_FRONT_REGION };
	const struct wd_front_val val = {
		.flags = WD_FRONT_NONE | WD_FRONT_MANY | WD_FRONT_NODE,
	};

	for_each_family(family)
	{
		struct packet p = to_closed(family, H_WORLD, 6);
		struct packet pod = to_closed(family, H_FRIEND, 6);

		for (size_t i = 0; i < sizeof(widths); i++) {
			struct wd_front_key key;

			closed_key(family, widths[i], &key);
			world_reset();
			world_publish(SLOT_ALL, 0);
			world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, true);
			expect_sent(&p, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
			world_write("wd_front", &key, &val);
			world_reset(); /* flows */
			world_publish(SLOT_ALL, 0);
			world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, true);
			expect_sent(&p, WD_R_SERVICE, WD_DROP, 2);
			expect_sent(&pod, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
			world_delete("wd_front", &key);
		}
	}
	world_switch(WD_STATE_FRONTS | WD_STATE_CLOSED, false);
}

static void an_entry_for_all_closes_what_is_no_pods(void)
{
	for_each_family(family)
	{
		struct packet world = to_closed(family, H_WORLD, 6);
		struct packet node = to_closed(family, H_NODE, 6);
		struct packet pod = to_closed(family, H_FRIEND, 6);

		world_reset();
		world_publish(SLOT_ALL, 0);
		close_ports(family, true, true);
		expect_sent(&world, WD_R_SERVICE, WD_DROP, 2);
		expect_sent(&node, WD_R_SERVICE, WD_DROP, 2);
		expect_sent(&pod, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
		close_ports(family, true, false);
	}
}

/* H_FRIEND, a pod, as others have it. */
static void claim_pod(int family, uint32_t flags)
{
	const struct wd_addr_val val = { .identity = 1000,
					 .row = { ROW_FRIEND, ROW_FRIEND },
					 .flags = WD_ADDR_POD | flags };
	uint8_t addr[16];

	frame_addr(H_FRIEND, family, addr);
	world_write(family == 4 ? "wd_addr4" : "wd_addr6", addr, &val);
}

static void nor_is_a_pods_address_open_that_a_service_claims(void)
{
	for_each_family(family)
	{
		struct packet pod = to_closed(family, H_FRIEND, 6);

		world_reset();
		world_publish(SLOT_ALL, 0);
		claim_pod(family, WD_ADDR_SERVED);
		expect_sent(&pod, WD_R_POLICY_ALLOW, WD_ALLOW, NEXT);
		world_reset(); /* flows */
		world_publish(SLOT_ALL, 0);
		claim_pod(family, WD_ADDR_SERVED);
		close_ports(family, true, true);
		expect_sent(&pod, WD_R_SERVICE, WD_DROP, 2);
		world_switch(WD_STATE_LATE, true);
		expect_sent(&pod, WD_R_SERVICE_LATE, WD_ALLOW, PASS);
		close_ports(family, true, false);
		tables_map_addr(H_FRIEND, ROW_FRIEND);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(only_while_somebody_is_there_to_judge);
	WD_TEST(a_trial_does_not_hand_it_to_others);
	WD_TEST(an_answer_of_this_host_needs_a_backend_there);
	WD_TEST(an_entry_without_a_port_closes_its_address);
	WD_TEST(nor_may_anybody_send_tunnels_there);
	WD_TEST(an_entry_for_a_prefix_closes_what_is_in_it);
	WD_TEST(an_entry_for_all_closes_what_is_no_pods);
	WD_TEST(nor_is_a_pods_address_open_that_a_service_claims);
	world_close();
	return wd_tests_end();
}
