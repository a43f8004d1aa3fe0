/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_capture.c - the same packet comes out of every form of file that tools
 * write: both byte orders, all resolutions of time, every kind of device.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "whatif/capture.h"

#include "../tap.h"

#define SECONDS 1700000000
#define MICROS 123456
#define PACKET 28 /* bytes of IP in each */

/* ---- a file, byte for byte ---- */

static uint8_t file[4096];
static size_t file_len;
static bool big; /* most significant byte first */

static void put(const void *data, size_t len)
{
	memcpy(file + file_len, data, len);
	file_len += len;
}

static void put_num(uint64_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		file[file_len++] =
			(uint8_t)(value >> 8 * (big ? bytes - 1 - i : i));
}

static void begin(bool is_big)
{
	file_len = 0;
	big = is_big;
}

/* ---- packets ---- */

/* Link types of files, by tcpdump.org/linktypes.html. */
enum {
	ETHERNET = 1,
	RAW = 101,
	SLL = 113,
	IPV4 = 228,
	IPV6 = 229,
	SLL2 = 276,
};

static size_t packet_make(int link, bool is_6, uint8_t *at)
{
	const uint8_t type[2] = { is_6 ? 0x86 : 0x08, is_6 ? 0xdd : 0x00 };
	size_t head = link == ETHERNET ? 14 :
		      link == SLL      ? 16 :
		      link == SLL2     ? 20 :
					 0;

	memset(at, 0, head + PACKET);
	if (head)
		memcpy(at + (link == SLL2 ? 0 : head - 2), type, 2);
	at[head] = is_6 ? 0x60 : 0x45;
	memset(at + head + 1, 0x77, PACKET - 1);
	return head + PACKET;
}

static void pcap_head(uint32_t magic, uint32_t link)
{
	put_num(magic, 4);
	put_num(2, 2);
	put_num(4, 2);
	put_num(0, 8);
	put_num(65535, 4);
	put_num(link, 4);
}

/* @have of its bytes, or all. */
static void pcap_packet(int link, bool is_6, uint32_t fraction, size_t have)
{
	uint8_t data[64];
	size_t len = packet_make(link, is_6, data);

	put_num(SECONDS, 4);
	put_num(fraction, 4);
	put_num(have ? have : len, 4);
	put_num(len, 4);
	put(data, have ? have : len);
}

static void block_begin(uint32_t type)
{
	put_num(type, 4);
	put_num(0, 4);
}

/* @from: where it began */
static void block_end(size_t from)
{
	size_t len;

	while (file_len % 4)
		file[file_len++] = 0;
	len = file_len + 4 - from;
	put_num(len, 4);
	file_len = from + 4;
	put_num(len, 4);
	file_len = from + len;
}

static void section(void)
{
	size_t from = file_len;

	block_begin(0x0a0d0d0a);
	put_num(0x1a2b3c4d, 4);
	put_num(1, 2);
	put_num(0, 2);
	put_num(UINT64_MAX, 8);
	block_end(from);
}

/* @resolution: as if_tsresol says it; 0: it does not */
static void interface(int link, uint8_t resolution)
{
	size_t from = file_len;

	block_begin(1);
	put_num((uint64_t)link, 2);
	put_num(0, 2);
	put_num(65535, 4);
	if (resolution) {
		put_num(9, 2);
		put_num(1, 2);
		put_num(resolution, 1);
		while (file_len % 4)
			file[file_len++] = 0;
		put_num(0, 4);
	}
	block_end(from);
}

static void enhanced(uint32_t nr, int link, uint64_t stamp)
{
	size_t from = file_len;
	uint8_t data[64];
	size_t len = packet_make(link, false, data);

	block_begin(6);
	put_num(nr, 4);
	put_num(stamp >> 32, 4);
	put_num((uint32_t)stamp, 4);
	put_num(len, 4);
	put_num(len, 4);
	put(data, len);
	block_end(from);
}

/* What a reader has to leave out: a block of names, which has no packet. */
static void names_block(void)
{
	size_t from = file_len;

	block_begin(4);
	put_num(0, 4);
	block_end(from);
}

/* ---- reading ---- */

static char *error;

/* Return: as of wd_capture_open(). */
static int open_it(struct wd_capture **ret_capture)
{
	int fd = memfd_create("capture", MFD_CLOEXEC), err;
	char path[32];

	free(error);
	error = NULL;
	wd_expect(fd >= 0 && write(fd, file, file_len) == (ssize_t)file_len);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = wd_capture_open(path, ret_capture, &error);
	(void)close(fd);
	return err;
}

static void expect_packet(const struct wd_captured *p, bool is_6)
{
	wd_expect_int(14 + PACKET, (long long)p->len);
	wd_expect_int(is_6 ? 0x86dd : 0x0800, p->data[12] << 8 | p->data[13]);
	wd_expect_int(is_6 ? 0x60 : 0x45, p->data[14]);
	wd_expect_int(SECONDS * 1000000LL + MICROS, p->time_us);
}

static void expect_packets(int cnt, bool is_6)
{
	struct wd_capture *capture;
	struct wd_captured packet;
	int err = open_it(&capture), got = 0;

	wd_expect_int(0, err);
	if (err)
		return;
	while (wd_capture_next(capture, &packet, &error) == 1) {
		expect_packet(&packet, is_6);
		wd_expect_int(0, (long long)packet.missing);
		got++;
	}
	wd_expect(!error);
	wd_expect_int(cnt, got);
	wd_capture_close(capture);
}

/* ---- tests ---- */

static void every_order_of_bytes_and_time_of_pcap_is_read(void)
{
	for (int i = 0; i < 4; i++) {
		bool is_ns = i & 1;

		wd_test_row(is_ns ? "nanoseconds" : "microseconds");
		begin(i & 2);
		pcap_head(is_ns ? 0xa1b23c4d : 0xa1b2c3d4, ETHERNET);
		pcap_packet(ETHERNET, false,
			    is_ns ? MICROS * 1000 + 789 : MICROS, 0);
		pcap_packet(ETHERNET, false, is_ns ? MICROS * 1000 : MICROS, 0);
		expect_packets(2, false);
	}
	wd_test_row(NULL);
}

static void every_kind_of_device_is_read(void)
{
	static const struct {
		const char *name;
		int link;
		bool is_6;
	} rows[] = {
		{ "Ethernet, IPv6", ETHERNET, true },
		{ "raw, IPv4", RAW, false },
		{ "raw, IPv6", RAW, true },
		{ "cooked, IPv4", SLL, false },
		{ "cooked, IPv6", SLL, true },
		{ "cooked again, IPv4", SLL2, false },
		{ "cooked again, IPv6", SLL2, true },
		{ "IPv4 alone", IPV4, false },
		{ "IPv6 alone", IPV6, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		wd_test_row(rows[i].name);
		begin(i & 1);
		pcap_head(0xa1b2c3d4, (uint32_t)rows[i].link);
		pcap_packet(rows[i].link, rows[i].is_6, MICROS, 0);
		expect_packets(1, rows[i].is_6);
	}
	wd_test_row(NULL);
}

static void what_was_cut_off_is_told_and_reads_as_zero(void)
{
	struct wd_capture *capture;
	struct wd_captured packet;

	begin(false);
	pcap_head(0xa1b2c3d4, ETHERNET);
	pcap_packet(ETHERNET, false, MICROS, 34);
	if (open_it(&capture)) {
		wd_expect(false);
		return;
	}
	wd_expect_int(1, wd_capture_next(capture, &packet, &error));
	expect_packet(&packet, false);
	wd_expect_int(14 + PACKET - 34, (long long)packet.missing);
	wd_expect_int(0x77, packet.data[33]);
	wd_expect_int(0, packet.data[34]);
	wd_capture_close(capture);
}

#define MICRO_STAMP (SECONDS * 1000000ULL + MICROS)

static void every_order_of_bytes_and_resolution_of_pcapng_is_read(void)
{
	static const struct {
		const char *name;
		uint64_t stamp;
		uint8_t resolution;
	} rows[] = {
		{ "not said", MICRO_STAMP, 0 },
		{ "10^-6", MICRO_STAMP, 6 },
		{ "10^-9", MICRO_STAMP * 1000 + 7, 9 },
		/* 123456 us are 129453.x of 2^20 parts of a second, rounded up */
		{ "2^-20", ((uint64_t)SECONDS << 20) + 129453, 0x80 | 20 },
	};

	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		wd_test_row(rows[i / 2].name);
		begin(i & 1);
		section();
		interface(ETHERNET, rows[i / 2].resolution);
		names_block();
		enhanced(0, ETHERNET, rows[i / 2].stamp);
		expect_packets(1, false);
	}
	wd_test_row(NULL);
}

/* What Wireshark writes of several devices: each has a resolution of its own. */
static void packets_of_several_interfaces_are_read(void)
{
	begin(false);
	section();
	interface(ETHERNET, 6);
	interface(ETHERNET, 9);
	enhanced(1, ETHERNET, MICRO_STAMP * 1000);
	enhanced(0, ETHERNET, MICRO_STAMP);
	interface(ETHERNET, 0);
	enhanced(2, ETHERNET, MICRO_STAMP);
	expect_packets(3, false);
}

static void what_is_not_read_is_said(void)
{
	struct wd_capture *capture = NULL;
	struct wd_captured packet;

	wd_test_row("another kind of device");
	begin(false);
	pcap_head(0xa1b2c3d4, 105); /* IEEE 802.11 */
	wd_expect_int(-EPROTONOSUPPORT, open_it(&capture));
	wd_expect(error && strstr(error, "IEEE802_11"));
	wd_test_row("no capture");
	begin(false);
	put("GIF89a, and nothing of a capture", 32);
	wd_expect_int(-EINVAL, open_it(&capture));
	wd_expect(error && *error);
	wd_test_row("nothing");
	begin(false);
	wd_expect_int(-EINVAL, open_it(&capture));
	wd_test_row("a packet that the file does not have whole");
	begin(false);
	pcap_head(0xa1b2c3d4, ETHERNET);
	pcap_packet(ETHERNET, false, MICROS, 0);
	file_len -= 5;
	wd_expect_int(0, open_it(&capture));
	wd_expect_int(-EINVAL, wd_capture_next(capture, &packet, &error));
	wd_expect(error && *error);
	wd_capture_close(capture);
	wd_test_row(NULL);
}

int main(void)
{
	struct wd_capture *capture = NULL;

	if (open_it(&capture) == -ELIBACC) {
		wd_test_skip("libpcap.so.0.8");
		return wd_tests_end();
	}
	WD_TEST(every_order_of_bytes_and_time_of_pcap_is_read);
	WD_TEST(every_kind_of_device_is_read);
	WD_TEST(what_was_cut_off_is_told_and_reads_as_zero);
	WD_TEST(every_order_of_bytes_and_resolution_of_pcapng_is_read);
	WD_TEST(packets_of_several_interfaces_are_read);
	WD_TEST(what_is_not_read_is_said);
	free(error);
	return wd_tests_end();
}
