// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_events.c - events: who asks gets them, they say what the packet was and
 * why, they are limited by tick and counted when they are not sent. Counters
 * are exact whatever becomes of events.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

static struct ring_buffer *ring;
static struct wd_event last;
static int event_cnt;

static int take(void *ctx, void *data, size_t len)
{
	(void)ctx;
	wd_expect_int(sizeof(last), (long long)len);
	memcpy(&last, data, sizeof(last));
	event_cnt++;
	return 0;
}

static int port_of(const __be16 *at)
{
	uint8_t bytes[2];

	memcpy(bytes, at, sizeof(bytes));
	return bytes[0] << 8 | bytes[1];
}

/* How many events there were since the last time; the latest is kept. */
static int taken(void)
{
	event_cnt = 0;
	(void)ring_buffer__consume(ring);
	return event_cnt;
}

static void listen_to(uint32_t monitor)
{
	struct wd_state_val state = world_state();

	state.monitor = monitor;
	world_state_set(&state);
	(void)taken();
}

static struct wd_evstat_val evstat(void)
{
	static struct wd_evstat_val val[256];
	struct wd_evstat_val sum = { 0 };
	uint32_t zero = 0;

	if (bpf_map_lookup_elem(world_map_fd("wd_evstat"), &zero, val))
		return sum;
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.sent += val[i].sent;
		sum.limited += val[i].limited;
		sum.lost += val[i].lost;
	}
	return sum;
}

static void nobody_listens_and_nothing_is_sent(void)
{
	struct wd_evstat_val before, after;

	world_reset();
	listen_to(0);
	before = evstat();
	expect_packet(WD_R_DEFAULT, OUT, .family = 4, TO(H_PLAIN));
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 4);
	after = evstat();
	wd_expect_int(0, taken());
	wd_expect(!memcmp(&before, &after, sizeof(before)));
}

static void who_listens_to_drops_gets_drops(void)
{
	for_each_family(family)
	{
		world_reset();
		listen_to(WD_MONITOR_DROP);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		wd_expect_int(0, taken());
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_PLAIN));
		wd_expect_int(1, taken());
		expect_packet(WD_R_SPOOF_IP, OUT, .family = family,
			      FROM(H_NEAR));
		wd_expect_int(1, taken());
		wd_expect_int(1000, last.peer_id); /* whom it wrote to */
	}
}

static void who_listens_to_new_flows_gets_them_once(void)
{
	for_each_family(family)
	{
		world_reset();
		listen_to(WD_MONITOR_NEW);
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family);
		wd_expect_int(1, taken());
		wd_expect_int(WD_ALLOW, last.verdict);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family,
			      .sport = 80, .dport = 40000,
			      .flags = TCP_SYN | TCP_ACK);
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_PLAIN));
		wd_expect_int(0, taken());
	}
}

static void an_event_says_what_the_packet_was(void)
{
	uint8_t addr[16];

	for_each_family(family)
	{
		size_t len = family == 4 ? 4 : 16;

		world_reset();
		listen_to(WD_MONITOR_DROP);
		expect_packet(WD_R_POLICY, IN, .family = family, .proto = 17,
			      .sport = 5353, FROM(H_FOE));
		wd_expect_int(1, taken());
		wd_expect_int(WD_R_POLICY, last.reason);
		wd_expect_int(WD_DROP, last.verdict);
		wd_expect_int(WD_INGRESS, last.dir);
		wd_expect_int(family, last.family);
		wd_expect_int(17, last.proto);
		wd_expect_int(family == 4 ? 0x0800 : 0x86dd, last.proto_eth);
		wd_expect_int(5353, port_of(&last.sport));
		wd_expect_int(80, port_of(&last.dport));
		wd_expect_int(500, last.local_id);
		wd_expect_int(1001, last.peer_id);
		wd_expect_int(RULE_FOE, last.rule);
		wd_expect_int(1, last.ep);
		wd_expect_int(IF_POD, last.ifindex);
		wd_expect_int(world_state().gen, last.gen);
		wd_expect_int(7, last.rung);
		wd_expect_int(14 + (family == 4 ? 20 : 40) + 8 + 32, last.len);
		frame_addr(H_FOE, family, addr);
		wd_expect(!memcmp(addr, last.src, len));
		frame_addr(H_SELF, family, addr);
		wd_expect(!memcmp(addr, last.dst, len));
		wd_expect(last.time_ns != 0);
	}
}

static void an_event_names_the_peer_also_where_no_rule_was_looked_at(void)
{
	for_each_family(family)
	{
		world_reset();
		listen_to(WD_MONITOR_DROP);
		world_publish(SLOT_SHUT, 0); /* no class, so no row either */
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_FOE));
		wd_expect_int(1, taken());
		wd_expect_int(1001, last.peer_id);
		wd_expect_int(0, last.rule);
		expect_packet(WD_R_DEFAULT, OUT, .family = family, TO(H_WORLD));
		wd_expect_int(1, taken());
		wd_expect_int(2, last.peer_id);
		expect_packet(WD_R_DEFAULT, OUT, .family = family,
			      TO(H_PREFIX));
		wd_expect_int(1, taken());
		wd_expect_int(1 << 24, last.peer_id);
	}
}

static void an_icmp_event_has_type_and_code_for_a_port(void)
{
	for_each_family(family)
	{
		uint8_t type = family == 4 ? 8 : 128;

		world_reset();
		listen_to(WD_MONITOR_DROP);
		expect_packet(WD_R_DEFAULT, OUT, .family = family, .proto = 1,
			      .type = type, .code = 2, TO(H_PLAIN));
		wd_expect_int(1, taken());
		wd_expect_int(type << 8 | 2, port_of(&last.dport));
		wd_expect_int(0, port_of(&last.sport));
		wd_expect_int(family == 4 ? 1 : 58, last.proto);
	}
}

static void an_audit_event_says_that_it_passed(void)
{
	for_each_family(family)
	{
		struct packet p = { .family = family, OUT, .dport = 90 };
		struct frame f;

		world_reset();
		world_publish(SLOT_RULES, WD_EP_AUDIT);
		listen_to(WD_MONITOR_DROP);
		frame_make(&f, &p);
		world_expect_audit(&f, WD_EGRESS, WD_R_DEFAULT);
		wd_expect_int(1, taken());
		wd_expect_int(WD_AUDIT, last.verdict);
		wd_expect_int(WD_R_DEFAULT, last.reason);
	}
}

static void an_event_of_a_strange_frame_says_its_ethertype(void)
{
	uint8_t body[46] = { 0 };
	struct frame f;

	world_reset();
	listen_to(WD_MONITOR_DROP);
	frame_ether(&f, WD_EGRESS, 0x88cc, body, sizeof(body));
	world_expect(&f, WD_EGRESS, WD_R_L2_UNSUP);
	wd_expect_int(1, taken());
	wd_expect_int(0x88cc, last.proto_eth);
	wd_expect_int(0, last.family);
	wd_expect_int(0, last.proto);
	wd_expect_int(0, last.peer_id);
}

/* Everything sent was taken, and what was not sent was counted. */
static void a_burst_is_limited_and_the_rest_is_counted(void)
{
	struct packet p = { .family = 4, OUT, TO(H_PLAIN) };
	struct wd_evstat_val before, after;
	int cnt = 0, sent = 5 * WD_EVENTS_BURST;
	struct frame f;

	world_reset();
	listen_to(WD_MONITOR_DROP);
	frame_make(&f, &p);
	world_begin_tick();
	before = evstat();
	for (int i = 0; i < sent; i++) {
		world_send(&f, WD_EGRESS);
		cnt += i % 100 ? 0 : taken();
	}
	cnt += taken();
	after = evstat();
	wd_expect_int(cnt, (long long)(after.sent - before.sent));
	wd_expect_int(0, (long long)(after.lost - before.lost));
	wd_expect_int(sent, (long long)(after.sent - before.sent +
					after.limited - before.limited));
	wd_expect(cnt >= WD_EVENTS_BURST);
	wd_expect(after.limited > before.limited);
}

static void with_nobody_reading_events_are_lost_and_counted(void)
{
	struct packet p = { .family = 4, OUT, TO(H_PLAIN) };
	int room = WD_EVENTS_BYTES / (int)(sizeof(struct wd_event) + 8);
	struct wd_evstat_val before, after;
	struct frame f;

	world_reset();
	listen_to(WD_MONITOR_DROP);
	frame_make(&f, &p);
	before = after = evstat();
	/* a tick's burst is less than the room: it takes a few */
	for (int tick = 0; tick < 6 && after.lost == before.lost; tick++) {
		for (int i = 0; i < WD_EVENTS_BURST; i++)
			world_send(&f, WD_EGRESS);
		(void)usleep(1100000);
		after = evstat();
	}
	wd_expect(after.lost > before.lost);
	wd_expect(after.sent - before.sent <= (uint64_t)room);
	world_expect(&f, WD_EGRESS, WD_R_DEFAULT); /* counted all the same */
	wd_expect_int((long long)(after.sent - before.sent), taken());
}

/* Of an object without events. */
static void nobody_is_told_who_asks_for_all(void)
{
	world_reset();
	listen_to(WD_MONITOR_DROP | WD_MONITOR_NEW);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		expect_packet(WD_R_POLICY_ALLOW, .family = 4, .dir = dir);
		expect_packet(WD_R_DEFAULT, .family = 4, .dir = dir,
			      .dport = 90);
	}
	wd_expect_int(0, taken());
	wd_expect_int(0, (long long)evstat().sent);
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	ring = ring_buffer__new(world_map_fd("wd_events"), take, NULL, NULL);
	if (!ring)
		return 1;
	WD_TEST(nobody_listens_and_nothing_is_sent);
	if (world_sheds())
		WD_TEST(nobody_is_told_who_asks_for_all);
	WORLD_TEST(who_listens_to_drops_gets_drops);
	WORLD_TEST(who_listens_to_new_flows_gets_them_once);
	WORLD_TEST(an_event_says_what_the_packet_was);
	WORLD_TEST(an_event_names_the_peer_also_where_no_rule_was_looked_at);
	WORLD_TEST(an_icmp_event_has_type_and_code_for_a_port);
	WORLD_TEST(an_audit_event_says_that_it_passed);
	WORLD_TEST(an_event_of_a_strange_frame_says_its_ethertype);
	WORLD_TEST(a_burst_is_limited_and_the_rest_is_counted);
	WORLD_TEST(with_nobody_reading_events_are_lost_and_counted);
	ring_buffer__free(ring);
	world_close();
	return wd_tests_end();
}
