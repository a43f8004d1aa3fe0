// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_frame.c - headers of captured frames, and segments made of large ones.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "whatif/frame.h"

#define ETH 14
#define BASE 1000000U /* sequence number of the first byte */

static uint8_t buf[70000];

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* A TCP packet with @payload bytes, each its place modulo 251. Return: its size. */
static size_t make_tcp(int family, size_t payload, uint8_t flags)
{
	size_t l4 = ETH + (family == 4 ? 20 : 40), len = l4 + 32 + payload;
	uint8_t *ip = buf + ETH, *tcp = buf + l4;

	memset(buf, 0, l4 + 32);
	put16(buf + 12, family == 4 ? 0x0800 : 0x86dd);
	if (family == 4) {
		ip[0] = 0x45;
		put16(ip + 2, len - ETH > 0xffff ? 0 : len - ETH);
		ip[9] = IPPROTO_TCP;
		memcpy(ip + 12, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	} else {
		ip[0] = 0x60;
		put16(ip + 4, len - ETH - 40);
		ip[6] = IPPROTO_TCP;
		ip[8] = ip[24] = 0xfd;
		ip[39] = 2;
	}
	put16(tcp, 4000);
	put16(tcp + 2, 80);
	tcp[5] = BASE >> 16 & 0xff;
	put16(tcp + 6, BASE & 0xffff);
	tcp[12] = 8 << 4;
	tcp[13] = flags;
	for (size_t i = 0; i < payload; i++)
		buf[l4 + 32 + i] = (uint8_t)(i % 251);
	return len;
}

static void ends_and_ports_are_read_of_both_families(void)
{
	for (int family = 4; family <= 6; family += 2) {
		size_t len = make_tcp(family, 10, TH_ACK);
		struct wd_frame f;

		wd_frame_read(&f, buf, len);
		wd_expect_int(family, f.src.family);
		wd_expect_int(IPPROTO_TCP, f.proto);
		wd_expect(f.has_ports);
		wd_expect_int(4000, f.sport);
		wd_expect_int(80, f.dport);
		wd_expect_int((long long)len, (long long)f.end);
		wd_expect_int(10, (long long)(f.end - f.payload));
		wd_expect(!f.is_fragment);
	}
}

/* Every prefix of a frame, in memory of its very size: ASan sees a byte too far. */
static void a_frame_that_ends_anywhere_is_read_as_far_as_it_is_there(void)
{
	for (int family = 4; family <= 6; family += 2) {
		size_t len = make_tcp(family, 4, TH_ACK);

		for (size_t part = 0; part < len; part++) {
			uint8_t *copy = malloc(part ? part : 1);
			struct wd_frame f;

			if (!copy)
				abort();
			memcpy(copy, buf, part);
			wd_frame_read(&f, copy, part);
			wd_expect(f.end <= part && f.l4 <= part &&
				  f.payload <= part);
			wd_expect(part < ETH ? !f.ethertype : f.ethertype);
			free(copy);
		}
	}
}

/* Put together again, the segments are the packet. */
static void expect_cut(int family, size_t payload, size_t max, uint8_t flags)
{
	size_t len = make_tcp(family, payload, flags), at = 0, sum = 0, next;
	static uint8_t part[4000];
	struct wd_frame whole, f;

	wd_frame_read(&whole, buf, len);
	wd_expect(wd_frame_is_cuttable(&whole));
	do {
		size_t bytes = wd_frame_cut(&whole, at, max, part, &next);
		uint32_t seq;

		wd_expect(bytes <= max);
		wd_frame_read(&f, part, bytes);
		wd_expect_int((long long)bytes, (long long)f.end);
		seq = (uint32_t)part[f.l4 + 4] << 24 |
		      (uint32_t)part[f.l4 + 5] << 16 |
		      (uint32_t)part[f.l4 + 6] << 8 | part[f.l4 + 7];
		wd_expect_int((long long)(BASE + at), seq);
		wd_expect(!memcmp(part + f.payload, buf + whole.payload + at,
				  f.end - f.payload));
		wd_expect_int(next ? 0 : flags & TH_FIN,
			      part[f.l4 + 13] & TH_FIN);
		sum += f.end - f.payload;
		at = next;
	} while (next);
	wd_expect_int((long long)payload, (long long)sum);
}

static void segments_are_the_packet_again(void)
{
	for (int family = 4; family <= 6; family += 2) {
		expect_cut(family, 10000, 3000, TH_ACK);
		expect_cut(family, 9000, 3000, TH_ACK | TH_FIN);
		expect_cut(family, 1, 3000, TH_ACK);
		expect_cut(family, 5000, 200, TH_ACK | TH_PUSH);
	}
	expect_cut(4, 66000, 3000, TH_ACK); /* BIG TCP: states no length */
}

static void what_is_no_plain_segment_is_not_cut(void)
{
	struct wd_frame f;
	size_t len = make_tcp(4, 5000, TH_SYN);

	wd_frame_read(&f, buf, len);
	wd_expect(!wd_frame_is_cuttable(&f));
	len = make_tcp(4, 0, TH_ACK);
	wd_frame_read(&f, buf, len);
	wd_expect(!wd_frame_is_cuttable(&f));
	len = make_tcp(4, 5000, TH_ACK);
	buf[ETH + 6] = 0x20; /* more fragments */
	wd_frame_read(&f, buf, len);
	wd_expect(f.is_fragment && !wd_frame_is_cuttable(&f));
	buf[ETH + 6] = 0;
	buf[ETH + 9] = IPPROTO_UDP;
	wd_frame_read(&f, buf, len);
	wd_expect(f.has_ports && !wd_frame_is_cuttable(&f));
}

int main(void)
{
	WD_TEST(ends_and_ports_are_read_of_both_families);
	WD_TEST(a_frame_that_ends_anywhere_is_read_as_far_as_it_is_there);
	WD_TEST(segments_are_the_packet_again);
	WD_TEST(what_is_no_plain_segment_is_not_cut);
	return wd_tests_end();
}
