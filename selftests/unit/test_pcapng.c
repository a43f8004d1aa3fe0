/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_pcapng.c - a capture is made of blocks that a reader can walk, and the
 * headers in it are those of the event, never more than the packet had.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "events/pcapng.h"

#include "../tap.h"

#define SIDE(addr, port) \
	"{\"address\":\"" addr "\",\"port\":" port \
	",\"namespace\":\"shop\",\"name\":\"a\",\"identity\":300}"
#define EVENT(from, to, more) \
	"{\"time\":\"1970-01-02T00:00:01.000007Z\",\"direction\":\"egress\"," \
	"\"verdict\":\"drop\",\"reason\":\"DEFAULT\",\"help\":\"why\"," \
	"\"from\":" from ",\"to\":" to "," \
	"\"endpoint\":{\"namespace\":\"shop\",\"name\":\"a\"," \
	"\"interface\":\"veth1\",\"ifindex\":5}," more "}"
#define TCP4(bytes) \
	EVENT(SIDE("10.0.0.1", "40000"), SIDE("10.0.0.2", "80"), \
	      "\"proto\":\"tcp\",\"bytes\":" bytes)

static char *file;
static size_t file_len;

/* The capture of these events. */
static void capture(const char *const *text, size_t cnt)
{
	struct wd_pcapng pcapng;
	FILE *to;

	free(file);
	file = NULL;
	to = open_memstream(&file, &file_len);
	wd_expect_int(0, wd_pcapng_begin(to, &pcapng));
	for (size_t i = 0; i < cnt; i++) {
		struct json_object *event = json_tokener_parse(text[i]);

		wd_expect_int(0, wd_pcapng_event(&pcapng, event));
		json_object_put(event);
	}
	wd_pcapng_end(&pcapng);
	(void)fclose(to);
}

static uint32_t get32(size_t at)
{
	uint32_t value = 0;

	if (at + sizeof(value) <= file_len)
		memcpy(&value, file + at, sizeof(value));
	return value;
}

/* Where block @nr begins; file_len if there are not so many. */
static size_t block_at(int nr)
{
	size_t at = 0;

	while (nr-- && at < file_len && get32(at + 4) >= 12)
		at += get32(at + 4);
	return at;
}

static void every_block_says_its_length_twice(void)
{
	static const char *const events[] = { TCP4("74"), TCP4("74") };
	/* one interface for both packets */
	static const uint32_t types[] = { 0x0a0d0d0a, 1, 6, 6 };

	capture(events, 2);
	for (int i = 0; i < 4; i++) {
		size_t at = block_at(i), len = get32(at + 4);

		wd_expect_int(types[i], get32(at));
		wd_expect_int(0, (long long)(len % 4));
		wd_expect_int((long long)len, get32(at + len - 4));
	}
	wd_expect_int((long long)file_len, (long long)block_at(4));
}

static void packet_has_time_lengths_comment_and_verdict(void)
{
	static const char *const events[] = { TCP4("1500") };
	uint64_t verdict = 0;
	size_t at, option;

	capture(events, 1);
	at = block_at(2);
	wd_expect_int(0, get32(at + 8));
	wd_expect_int(86401000007LL,
		      (long long)((uint64_t)get32(at + 12) << 32 |
				  get32(at + 16)));
	wd_expect_int(54, get32(at + 20)); /* of it here */
	wd_expect_int(1500, get32(at + 24)); /* of it there were */
	option = at + 28 + 56;
	wd_expect_int(1, get32(option) & 0xffff);
	wd_expect(memmem(file + option, get32(option) >> 16,
			 "drop at egress: DEFAULT (why); shop/a", 37) != NULL);
	option += 4 + (((get32(option) >> 16) + 3) & ~3U);
	wd_expect_int(4 << 16 | 2, get32(option)); /* flags */
	wd_expect_int(1, get32(option + 4)); /* inbound */
	option += 8;
	wd_expect_int(9 << 16 | 7, get32(option)); /* verdict */
	wd_expect_int(1, file[option + 4]);
	memcpy(&verdict, file + option + 5, sizeof(verdict));
	wd_expect_int(2, (long long)verdict);
}

static size_t head_of(const char *text, uint8_t *buf)
{
	struct json_object *event = json_tokener_parse(text);
	size_t len = wd_pcapng_head(event, buf);

	json_object_put(event);
	return len;
}

static int get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static void ipv4_head_adds_up(void)
{
	uint8_t buf[WD_PCAPNG_HEAD_MAX];
	uint32_t sum = 0;

	wd_expect_int(54, (long long)head_of(TCP4("1500"), buf));
	wd_expect_int(0x0800, get16(buf + 12));
	wd_expect_int(1486, get16(buf + 16));
	wd_expect_int(6, buf[23]);
	for (int i = 14; i < 34; i += 2)
		sum += (uint32_t)get16(buf + i);
	wd_expect_int(0xffff, (sum & 0xffff) + (sum >> 16));
	wd_expect(!memcmp(buf + 26, "\x0a\0\0\x01\x0a\0\0\x02", 8));
	wd_expect_int(40000, get16(buf + 34));
	wd_expect_int(80, get16(buf + 36));
}

static void heads_of_other_kinds(void)
{
	static const struct {
		const char *name, *event;
		int len, type, proto_at, proto;
	} rows[] = {
		{ "udp over IPv6",
		  EVENT(SIDE("fd00::1", "53"), SIDE("fd00::2", "99"),
			"\"proto\":\"udp\",\"bytes\":100"),
		  62, 0x86dd, 20, 17 },
		{ "ICMP",
		  EVENT(SIDE("10.0.0.1", "null"), SIDE("10.0.0.2", "null"),
			"\"proto\":\"icmp\",\"icmp_type\":8,\"bytes\":98"),
		  42, 0x0800, 23, 1 },
		{ "a protocol without a name",
		  EVENT(SIDE("10.0.0.1", "null"), SIDE("10.0.0.2", "null"),
			"\"proto\":\"112\",\"bytes\":98"),
		  34, 0x0800, 23, 112 },
		{ "no IP",
		  EVENT(SIDE("", "null"), SIDE("", "null"),
			"\"ethertype\":\"0x88cc\",\"bytes\":60"),
		  14, 0x88cc, 20, 0 },
		{ "shorter than its headers", TCP4("20"), 20, 0x0800, 14,
		  0x45 },
		{ "longer than its header can say", TCP4("70000"), 54, 0x0800,
		  16, 0 },
	};
	uint8_t buf[WD_PCAPNG_HEAD_MAX];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		wd_expect_int(rows[i].len,
			      (long long)head_of(rows[i].event, buf));
		wd_expect_int(rows[i].type, get16(buf + 12));
		wd_expect_int(rows[i].proto, buf[rows[i].proto_at]);
	}
	wd_test_row(NULL);
}

static void a_full_disk_is_an_error(void)
{
	FILE *full = fopen("/dev/full", "we");
	struct wd_pcapng pcapng;

	if (!full) {
		wd_test_skip("/dev/full");
		return;
	}
	wd_expect_int(-ENOSPC, wd_pcapng_begin(full, &pcapng));
	(void)fclose(full);
}

int main(void)
{
	WD_TEST(every_block_says_its_length_twice);
	WD_TEST(packet_has_time_lengths_comment_and_verdict);
	WD_TEST(ipv4_head_adds_up);
	WD_TEST(heads_of_other_kinds);
	WD_TEST(a_full_disk_is_an_error);
	free(file);
	return wd_tests_end();
}
