// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_context.c - what of a packet's surroundings counts: devices without
 * Ethernet headers, and nothing that somebody could write beside the bytes. What
 * is told of a drop.
 *
 * A test run takes any bytes for an Ethernet frame, and has the ethertype of a
 * raw one from where its source address is: so the kernel's word for it can be
 * chosen here, too.
 *
 *	scenario 129	marks_and_routes_are_not_read
 *	scenario 136	marks_and_routes_are_not_read
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>

#include "base/byteorder.h"
#include "iif.h"
#include "wires.h"

#define WORD(field) (1ULL << offsetof(struct __sk_buff, field) / 4)

static void marks_and_routes_are_not_read(void)
{
	const uint64_t may = WORD(len) | WORD(protocol) | WORD(ifindex) |
			     WORD(data) | WORD(data_end);

	for (int hook = WIRE; hook <= TUN; hook++) {
		for (int dir = IN; dir <= OUT; dir++) {
			uint64_t words = 0;
			int err = wd_ctx_loads(wires_prog(hook, dir), &words);

			wd_expect_int(0, err);
			wd_expect(words & WORD(data));
			wd_expect_int(0, (long long)(words & ~may));
		}
	}
}

/* ---- frames without Ethernet header ---- */

static void a_device_without_ethernet_is_read_from_its_first_byte(void)
{
	for_each_nest(dir)
	{
		wires_reset();
		wires_raw(true);
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(IP(LOCAL, SECRET), TCP(0, 0), DATA(20)));
		wires_expect(WD_R_IN_CLEAR, WD_COVER_CLEAR, WIRE, dir,
			     LIST(IP(LOCAL2, PLAIN), TCP(0, 0), DATA(20)));
		wires_expect(unless_min(plaintext(dir)), WD_COVER_DROPPED, WIRE,
			     dir,
			     LIST(IP(HERE, NODE2), UDP(0, 4789), PIECE(P_VXLAN),
				  ETH, IN_IP(LOCAL, SECRET), DATA(20)));
		wires_raw(false);
		wires_expect(plaintext(dir), WD_COVER_DROPPED, WIRE, dir,
			     LIST(ETH, IP(LOCAL, SECRET), TCP(0, 0), DATA(20)));
	}
	wires_reset();
}

/* A packet whose bytes 12 and 13 are the ethertype @type. */
static void expect_typed(int reason, int dir, uint16_t type, uint8_t first)
{
	static struct frame f;
	struct outcome out;

	memset(&f, 0, sizeof(f));
	f.len = 64;
	f.data[0] = first;
	f.data[3] = 64;
	f.data[12] = (uint8_t)(type >> 8);
	f.data[13] = (uint8_t)type;
	out = wires_run(&f, WIRE, dir);
	wd_expect_str(wires_reason(reason), wires_reason(out.reason));
}

static void what_the_kernel_says_it_is_comes_first(void)
{
	for_each_way(dir)
	{
		wires_reset();
		wires_raw(true);
		expect_typed(WD_R_OUTSIDE, dir, 0x0800, 0x45);
		expect_typed(WD_R_L3_BAD, dir, 0x0800, 0x65);
		expect_typed(WD_R_L3_BAD, dir, 0x86dd, 0x45);
		/* Labels may look like a version. */
		expect_typed(WD_R_TUN_OPAQUE, dir, 0x8847, 0x45);
		expect_typed(WD_R_TUN_OPAQUE, dir, 0x8847, 0x60);
		/* It says nothing that is known: then the first half-byte. */
		expect_typed(WD_R_OUTSIDE, dir, 0x0806, 0x15);
		expect_typed(WD_R_OUTSIDE, dir, 0x1234, 0x45);
		expect_typed(WD_R_L3_BAD, dir, 0x1234, 0x40);
	}
	wires_reset();
}

/* ---- what is told ---- */

struct told {
	int cnt;
	struct wd_event last;
};

static int note(void *ctx, void *data, size_t size)
{
	struct told *told = ctx;

	if (size == sizeof(told->last))
		memcpy(&told->last, data, size);
	told->cnt++;
	return 0;
}

static struct told run_and_hear(int dir, const struct piece *pieces)
{
	struct told told = { 0 };
	struct ring_buffer *rb;
	static struct frame f;

	rb = ring_buffer__new(wires_map_fd("wd_events"), note, &told, NULL);
	if (!wd_expect(rb != NULL))
		return told;
	frame_build(&f, pieces);
	(void)wires_run(&f, WIRE, dir);
	(void)ring_buffer__consume(rb);
	ring_buffer__free(rb);
	return told;
}

static void a_drop_is_told_with_the_header_that_decided(void)
{
	for_each_nest(dir)
	{
		struct told told;
		uint8_t addr[16] = { 0 };

		wires_reset();
		wires_monitor(WD_MONITOR_DROP);
		told = run_and_hear(dir,
				    LIST(ETH, IP(HERE, NODE2), UDP(0, 4789),
					 PIECE(P_VXLAN), ETH,
					 IN_IP(LOCAL, SECRET), TCP(1234, 443)));
		wd_expect_int(1, told.cnt);
		wd_expect_int(plaintext(dir), told.last.reason);
		wd_expect_int(WD_DROP, told.last.verdict);
		wd_expect_int(dir, told.last.dir);
		wd_expect_int(WIRE_IFINDEX, told.last.ifindex);
		wd_expect_int(0, told.last.ep);
		wd_expect_int(0, told.last.local_id);
		wd_expect_int(host_entry(dir == OUT ? SECRET : LOCAL)->identity,
			      told.last.peer_id);
		wd_expect_int(build_inner, told.last.family);
		wd_expect_int(6, told.last.proto);
		wd_expect_int(1234, wd_host16(told.last.sport));
		wd_expect_int(443, wd_host16(told.last.dport));
		wd_expect_int(3, told.last.rung);
		wd_expect_int(1, told.last.gen);
		host_addr(LOCAL, build_inner, addr);
		wd_expect(!memcmp(addr, told.last.src, sizeof(addr)));
		host_addr(SECRET, build_inner, addr);
		wd_expect(!memcmp(addr, told.last.dst, sizeof(addr)));
	}
	wires_reset();
}

static void a_peer_that_nobody_knows_has_no_identity(void)
{
	for_each_way(dir)
	{
		struct told told;

		wires_reset();
		wires_monitor(WD_MONITOR_DROP);
		/* Around it are hosts that are known. */
		told = run_and_hear(dir, LIST(ETH, IP(HERE, NODE2),
					      UDP(0, 4789), PIECE(P_VXLAN), ETH,
					      IN_IP(dir == OUT ? LOCAL : NEW,
						    dir == OUT ? NEW : LOCAL),
					      TCP(1234, 443)));
		wd_expect_int(1, told.cnt);
		wd_expect_int(0, told.last.peer_id);
	}
	wires_reset();
}

static void nothing_is_told_that_nobody_asked_for(void)
{
	for_each_way(dir)
	{
		wires_reset();
		wd_expect_int(0, run_and_hear(dir, LIST(ETH, IP(LOCAL, SECRET),
							TCP(0, 0)))
					 .cnt);
		wires_monitor(WD_MONITOR_DROP);
		wd_expect_int(wires_is_min() ? 0 : 1,
			      run_and_hear(dir, LIST(ETH, IP(LOCAL, SECRET),
						     TCP(0, 0)))
				      .cnt);
		wires_monitor(WD_MONITOR_DROP | WD_MONITOR_NEW);
		wd_expect_int(0, run_and_hear(dir, LIST(ETH, IP(LOCAL2, PLAIN),
							TCP(0, 0)))
					 .cnt);
	}
	wires_reset();
}

/* ---- counts ---- */

/* What does not fit is counted by kind and direction alone. */
static void a_full_table_of_counts_loses_no_packet(void)
{
	static struct frame f;

	for_each_way(dir)
	{
		const struct wd_cover_key rest = { .kind = WD_COVER_CLEAR,
						   .dir = (uint8_t)dir };
		int reason = -1;

		wires_reset();
		frame_build(&f, LIST(ETH, IP(LOCAL2, PLAIN), TCP(0, 0)));
		wires_cover_fill(&rest);
		(void)wires_send(&f, WIRE, dir, &reason);
		(void)wires_send(&f, WIRE, dir, &reason);
		wd_expect_int(WD_R_IN_CLEAR, reason);
		wd_expect_int(2, (long long)wires_cover_of(&rest).packets);
		wires_cover_clear();
	}
}

int main(void)
{
	wires_open();
	WD_TEST(marks_and_routes_are_not_read);
	WD_TEST(a_device_without_ethernet_is_read_from_its_first_byte);
	WD_TEST(what_the_kernel_says_it_is_comes_first);
	WIRES_TEST(a_drop_is_told_with_the_header_that_decided);
	WIRES_TEST(a_peer_that_nobody_knows_has_no_identity);
	WD_TEST(nothing_is_told_that_nobody_asked_for);
	WD_TEST(a_full_table_of_counts_loses_no_packet);
	wires_close();
	return wd_tests_end();
}
