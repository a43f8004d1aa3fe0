/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wg_message.c - from messages of WireGuard's netlink family to devices:
 * peers in several messages, attributes of a kernel to come, what is cut short.
 * The messages are put together here as the kernel does it. No kernel is asked.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "wireguard/message.h"

#include "../tap.h"

#define SECRET 0xa5 /* each byte of private and preshared keys */
#define ROOM 65536

static char room[ROOM];
static struct nlmsghdr *msg;
static struct wd_wg_device dev;

/* ---- what a kernel would write ---- */

static void begin(void)
{
	struct genlmsghdr *genl;

	memset(room, 0, sizeof(room));
	msg = mnl_nlmsg_put_header(room);
	msg->nlmsg_type = GENL_MIN_ID + 1;
	msg->nlmsg_flags = NLM_F_MULTI;
	genl = mnl_nlmsg_put_extra_header(msg, sizeof(*genl));
	genl->cmd = WG_CMD_GET_DEVICE;
	genl->version = WG_GENL_VERSION;
}

static void put_key(uint16_t type, uint8_t byte)
{
	uint8_t key[WD_WGKEY_LEN];

	memset(key, byte, sizeof(key));
	mnl_attr_put(msg, type, sizeof(key), key);
}

static void put_device(void)
{
	mnl_attr_put_u16(msg, WGDEVICE_A_LISTEN_PORT, 51871);
	mnl_attr_put_u32(msg, WGDEVICE_A_FWMARK, 0xe00);
	mnl_attr_put_u32(msg, WGDEVICE_A_IFINDEX, 7);
	mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
	put_key(WGDEVICE_A_PRIVATE_KEY, SECRET);
	put_key(WGDEVICE_A_PUBLIC_KEY, 1);
}

static void put_prefix(uint16_t family, const char *addr, uint8_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(msg, 0);
	uint8_t bytes[16];

	mnl_attr_put_u8(msg, WGALLOWEDIP_A_CIDR_MASK, len);
	mnl_attr_put_u16(msg, WGALLOWEDIP_A_FAMILY, family);
	if (inet_pton(family, addr, bytes) != 1)
		abort();
	mnl_attr_put(msg, WGALLOWEDIP_A_IPADDR, family == AF_INET ? 4 : 16,
		     bytes);
	mnl_attr_nest_end(msg, nest);
}

static void put_peer_state(void)
{
	const struct sockaddr_in end = {
		.sin_family = AF_INET,
		.sin_port = htons(4321),
		.sin_addr.s_addr = htonl(0xc0a80002),
	};
	const int64_t time[2] = { 1700000000, 5 };

	put_key(WGPEER_A_PRESHARED_KEY, SECRET);
	mnl_attr_put(msg, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof(time), time);
	mnl_attr_put_u16(msg, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 25);
	mnl_attr_put_u64(msg, WGPEER_A_TX_BYTES, 1234567890123);
	mnl_attr_put_u64(msg, WGPEER_A_RX_BYTES, 99);
	mnl_attr_put_u32(msg, WGPEER_A_PROTOCOL_VERSION, 1);
	mnl_attr_put(msg, WGPEER_A_ENDPOINT, sizeof(end), &end);
}

/* A device with one peer with one prefix, and room for more in the peer. */
static struct nlattr *put_usual(struct nlattr **ret_peers)
{
	struct nlattr *peer;

	begin();
	put_device();
	*ret_peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(msg, 0);
	put_key(WGPEER_A_PUBLIC_KEY, 2);
	put_peer_state();
	return peer;
}

static int take(void)
{
	return wd_wg_take(&dev, msg);
}

static void fresh(void)
{
	wd_wg_device_fini(&dev);
	memset(&dev, 0, sizeof(dev));
}

/* "KEY:prefix,prefix KEY:..." with the first byte of each key. */
static const char *peers_text(void)
{
	static char text[4096];
	size_t len = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < dev.peer_cnt; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"%s%u:", i ? " " : "",
					dev.peer[i].key.byte[0]);
		for (uint32_t k = 0; k < dev.peer[i].prefix_cnt; k++) {
			char buf[WD_ADDR_STRLEN];

			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%s",
				k ? "," : "",
				wd_cidr_str(&dev.peer[i].prefix[k], buf));
		}
	}
	return text;
}

/* ---- tests ---- */

static void a_device_is_read_whole(void)
{
	struct nlattr *peers, *peer = put_usual(&peers), *list;
	char buf[WD_ADDR_STRLEN];

	list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	put_prefix(AF_INET, "10.0.2.0", 24);
	put_prefix(AF_INET6, "fd00:2::", 64);
	put_prefix(AF_INET, "10.9.0.1", 32);
	put_prefix(AF_INET, "0.0.0.0", 0);
	mnl_attr_nest_end(msg, list);
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);

	fresh();
	if (!wd_expect_int(0, take()) || !wd_expect_int(1, dev.peer_cnt))
		return;

	wd_expect_int(7, dev.ifindex);
	wd_expect_str("wg0", dev.name);
	wd_expect_int(51871, dev.port);
	wd_expect_int(0xe00, dev.fwmark);
	wd_expect(dev.has_key);
	wd_expect_int(1, dev.key.byte[31]);
	wd_expect_str("192.168.0.2", wd_addr_str(&dev.peer[0].endpoint, buf));
	wd_expect_int(4321, dev.peer[0].endpoint_port);
	wd_expect_int(25, dev.peer[0].keepalive);
	wd_expect_int(1700000000, dev.peer[0].handshake);
	wd_expect_int(1234567890123, (long long)dev.peer[0].tx_bytes);
	wd_expect_int(99, (long long)dev.peer[0].rx_bytes);
	wd_expect_str("2:10.0.2.0/24,fd00:2::/64,10.9.0.1/32,0.0.0.0/0",
		      peers_text());
}

static void private_and_preshared_keys_are_not_kept(void)
{
	struct nlattr *peers, *peer = put_usual(&peers);
	const uint8_t *bytes;

	/* Last, so that what would be kept of it is not replaced. */
	put_key(WGPEER_A_PRESHARED_KEY, SECRET);
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);
	put_key(WGDEVICE_A_PRIVATE_KEY, SECRET);

	fresh();
	wd_expect_int(0, take());

	bytes = (const uint8_t *)&dev;
	for (size_t i = 0; i < sizeof(dev); i++) {
		/* A pointer may have such a byte, four in a row it has not. */
		if (i + 4 <= sizeof(dev))
			wd_expect(memcmp(bytes + i, "\xa5\xa5\xa5\xa5", 4));
	}
	bytes = (const uint8_t *)dev.peer;
	for (size_t i = 0; i + 4 <= sizeof(*dev.peer); i++)
		wd_expect(memcmp(bytes + i, "\xa5\xa5\xa5\xa5", 4));
}

static void a_device_without_key_or_peers_is_one(void)
{
	static const uint8_t none[WD_WGKEY_LEN];

	begin();
	mnl_attr_put_u32(msg, WGDEVICE_A_IFINDEX, 7);
	mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
	fresh();
	wd_expect_int(0, take());
	wd_expect(!dev.has_key);
	wd_expect_int(0, dev.peer_cnt);

	mnl_attr_put(msg, WGDEVICE_A_PUBLIC_KEY, sizeof(none), none);
	fresh();
	wd_expect_int(0, take());
	wd_expect(!dev.has_key);
}

/* One message of a dump that goes on: the key of the peer and some prefixes. */
static void put_more(uint8_t key, int first, int cnt)
{
	struct nlattr *peer = mnl_attr_nest_start(msg, 0);
	struct nlattr *list;

	put_key(WGPEER_A_PUBLIC_KEY, key);
	list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	for (int i = first; i < first + cnt; i++) {
		char addr[32];

		(void)snprintf(addr, sizeof(addr), "10.0.%u.%d", key, i);
		put_prefix(AF_INET, addr, 32);
	}
	mnl_attr_nest_end(msg, list);
	mnl_attr_nest_end(msg, peer);
}

static void peers_in_several_messages_are_joined(void)
{
	struct nlattr *peers, *peer = put_usual(&peers);

	mnl_attr_nest_end(msg, peer);
	put_more(3, 1, 2);
	mnl_attr_nest_end(msg, peers);
	fresh();
	wd_expect_int(0, take());

	/* What follows has but the name and the peers. */
	begin();
	mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
	peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
	put_more(3, 3, 2);
	mnl_attr_nest_end(msg, peers);
	wd_expect_int(0, take());

	begin();
	mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
	peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
	put_more(3, 5, 1);
	put_more(4, 1, 1);
	mnl_attr_nest_end(msg, peers);
	wd_expect_int(0, take());

	wd_expect_str("2: 3:10.0.3.1/32,10.0.3.2/32,10.0.3.3/32,10.0.3.4/32,"
		      "10.0.3.5/32 4:10.0.4.1/32",
		      peers_text());
	wd_expect_int(7, dev.ifindex);
	wd_expect_int(51871, dev.port);
	wd_expect_int(1234567890123, (long long)dev.peer[0].tx_bytes);
	wd_expect_int(0, wd_wg_device_sort(&dev));
}

static void a_peer_that_comes_back_later_is_of_two_states(void)
{
	struct nlattr *peers, *peer = put_usual(&peers);

	mnl_attr_nest_end(msg, peer);
	put_more(3, 1, 1);
	put_more(2, 1, 1);
	mnl_attr_nest_end(msg, peers);
	fresh();

	wd_expect_int(0, take());

	wd_expect_int(-EINTR, wd_wg_device_sort(&dev));
}

static void many_prefixes_in_many_messages_are_all_there(void)
{
	struct nlattr *peers, *peer = put_usual(&peers);

	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);
	fresh();
	wd_expect_int(0, take());
	for (int i = 0; i < 600; i++) {
		begin();
		mnl_attr_put_strz(msg, WGDEVICE_A_IFNAME, "wg0");
		peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
		put_more((uint8_t)(i / 10 + 10), i % 10 * 20, 20);
		mnl_attr_nest_end(msg, peers);
		wd_expect_int(0, take());
	}

	wd_expect_int(61, dev.peer_cnt);
	wd_expect_int(0, wd_wg_device_sort(&dev));
	for (uint32_t i = 1; i < dev.peer_cnt; i++)
		wd_expect_int(200, dev.peer[i].prefix_cnt);
}

static void unknown_attributes_are_passed_over(void)
{
	static const char junk[40] = "what a later kernel says";
	struct nlattr *peers, *peer = put_usual(&peers), *list, *nest;

	mnl_attr_put(msg, 77, sizeof(junk), junk);
	list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	put_prefix(AF_INET, "10.0.2.0", 24);
	nest = mnl_attr_nest_start(msg, 9); /* elements have any number */
	mnl_attr_put(msg, 78, sizeof(junk), junk);
	mnl_attr_put_u16(msg, WGALLOWEDIP_A_FAMILY, AF_INET);
	mnl_attr_put_u32(msg, WGALLOWEDIP_A_IPADDR, htonl(0x0a000300));
	mnl_attr_put_u8(msg, WGALLOWEDIP_A_CIDR_MASK, 24);
	mnl_attr_put(msg, 79, 0, NULL);
	mnl_attr_nest_end(msg, nest);
	mnl_attr_nest_end(msg, list);
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);
	mnl_attr_put(msg, 99, sizeof(junk), junk);
	fresh();

	wd_expect_int(0, take());

	wd_expect_str("2:10.0.2.0/24,10.0.3.0/24", peers_text());
	wd_expect_int(25, dev.peer[0].keepalive);
}

static void endpoints_of_both_families_are_read_and_others_are_none(void)
{
	static const struct {
		const char *name;
		uint16_t family;
		size_t len;
		int err;
		const char *addr;
	} rows[] = {
		{ "IPv4", AF_INET, sizeof(struct sockaddr_in), 0, "1.1.1.1" },
		{ "IPv6", AF_INET6, sizeof(struct sockaddr_in6), 0,
		  "101:101:101:101:101:101:101:101" },
		{ "IPv6, longer than it is now", AF_INET6, 40, 0,
		  "101:101:101:101:101:101:101:101" },
		{ "unknown", AF_UNSPEC, sizeof(struct sockaddr_in), 0, NULL },
		{ "IPv6, too short", AF_INET6, sizeof(struct sockaddr_in), 0,
		  NULL },
		{ "too short for any", AF_INET, 8, -EPROTO, NULL },
		{ "empty", AF_INET, 0, -EPROTO, NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlattr *peers, *peer = put_usual(&peers);
		char end[40], buf[WD_ADDR_STRLEN];

		wd_test_row(rows[i].name);
		memset(end, 1, sizeof(end));
		memcpy(end, &rows[i].family, sizeof(rows[i].family));
		mnl_attr_put(msg, WGPEER_A_ENDPOINT, rows[i].len, end);
		mnl_attr_nest_end(msg, peer);
		mnl_attr_nest_end(msg, peers);
		fresh();
		if (!wd_expect_int(rows[i].err, take()) || rows[i].err)
			continue;
		wd_expect_int(rows[i].addr != NULL,
			      dev.peer[0].endpoint.family != 0);
		if (rows[i].addr)
			wd_expect_str(rows[i].addr,
				      wd_addr_str(&dev.peer[0].endpoint, buf));
	}
	wd_test_row(NULL);
}

/* What is wrong with one prefix; the twin that is right comes first. */
static void prefixes_that_make_no_sense_are_refused(void)
{
	static const struct {
		const char *name;
		int family; /* -1: left out, as the other two */
		size_t addr_len;
		int len;
		uint32_t last; /* byte of the address */
		int err;
	} rows[] = {
		{ "right", AF_INET, 4, 24, 0, 0 },
		{ "right, IPv6", AF_INET6, 16, 64, 0, 0 },
		{ "no family", -1, 4, 24, 0, -EPROTO },
		{ "another family", AF_PACKET, 4, 24, 0, -EPROTO },
		{ "no address", AF_INET, SIZE_MAX, 24, 0, -EPROTO },
		{ "address cut", AF_INET, 3, 24, 0, -EPROTO },
		{ "address empty", AF_INET, 0, 0, 0, -EPROTO },
		{ "IPv6 address cut", AF_INET6, 4, 24, 0, -EPROTO },
		{ "IPv4 address too long", AF_INET, 16, 24, 0, -EPROTO },
		{ "no length", AF_INET, 4, -1, 0, -EPROTO },
		{ "length of IPv6", AF_INET, 4, 33, 0, -EPROTO },
		{ "length of nothing", AF_INET6, 16, 129, 0, -EPROTO },
		{ "host bits", AF_INET, 4, 24, 1, -EPROTO },
		{ "host bits, IPv6", AF_INET6, 16, 127, 1, -EPROTO },
		{ "no host bits", AF_INET6, 16, 128, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlattr *peers, *peer = put_usual(&peers), *list, *nest;
		uint8_t addr[16] = { 0 };

		wd_test_row(rows[i].name);
		if (rows[i].addr_len && rows[i].addr_len <= sizeof(addr))
			addr[rows[i].addr_len - 1] = (uint8_t)rows[i].last;
		list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
		nest = mnl_attr_nest_start(msg, 0);
		if (rows[i].family >= 0)
			mnl_attr_put_u16(msg, WGALLOWEDIP_A_FAMILY,
					 (uint16_t)rows[i].family);
		if (rows[i].addr_len <= sizeof(addr))
			mnl_attr_put(msg, WGALLOWEDIP_A_IPADDR,
				     rows[i].addr_len, addr);
		if (rows[i].len >= 0)
			mnl_attr_put_u8(msg, WGALLOWEDIP_A_CIDR_MASK,
					(uint8_t)rows[i].len);
		mnl_attr_nest_end(msg, nest);
		mnl_attr_nest_end(msg, list);
		mnl_attr_nest_end(msg, peer);
		mnl_attr_nest_end(msg, peers);
		fresh();
		wd_expect_int(rows[i].err, take());
	}
	wd_test_row(NULL);
}

static void numbers_of_another_size_are_refused(void)
{
	static const struct {
		const char *name;
		uint16_t type; /* of the device, or of the peer + 100 */
		size_t len;
		int err;
	} rows[] = {
		{ "index", WGDEVICE_A_IFINDEX, 4, 0 },
		{ "index", WGDEVICE_A_IFINDEX, 2, -EPROTO },
		{ "port", WGDEVICE_A_LISTEN_PORT, 4, -EPROTO },
		{ "mark", WGDEVICE_A_FWMARK, 0, -EPROTO },
		{ "key", WGDEVICE_A_PUBLIC_KEY, 32, 0 },
		{ "key", WGDEVICE_A_PUBLIC_KEY, 31, -EPROTO },
		{ "key", WGDEVICE_A_PUBLIC_KEY, 33, -EPROTO },
		{ "name without end", WGDEVICE_A_IFNAME, 4, -EPROTO },
		{ "name empty", WGDEVICE_A_IFNAME, 0, -EPROTO },
		{ "name too long", WGDEVICE_A_IFNAME, 17, -EPROTO },
		{ "peer's key", 100 + WGPEER_A_PUBLIC_KEY, 32, 0 },
		{ "peer's key", 100 + WGPEER_A_PUBLIC_KEY, 16, -EPROTO },
		{ "keepalive", 100 + WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, 4,
		  -EPROTO },
		{ "rx", 100 + WGPEER_A_RX_BYTES, 4, -EPROTO },
		{ "tx", 100 + WGPEER_A_TX_BYTES, 9, -EPROTO },
		{ "handshake", 100 + WGPEER_A_LAST_HANDSHAKE_TIME, 8, -EPROTO },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct nlattr *peers, *peer = put_usual(&peers);
		char bytes[40];

		wd_test_row(rows[i].name);
		memset(bytes, 2, sizeof(bytes));
		if (rows[i].type >= 100)
			mnl_attr_put(msg, rows[i].type - 100, rows[i].len,
				     bytes);
		mnl_attr_nest_end(msg, peer);
		mnl_attr_nest_end(msg, peers);
		if (rows[i].type < 100)
			mnl_attr_put(msg, rows[i].type, rows[i].len, bytes);
		fresh();
		wd_expect_int(rows[i].err, take());
	}
	wd_test_row(NULL);
}

static void a_peer_without_a_key_is_refused(void)
{
	struct nlattr *peers, *peer;

	begin();
	put_device();
	peers = mnl_attr_nest_start(msg, WGDEVICE_A_PEERS);
	peer = mnl_attr_nest_start(msg, 0);
	put_peer_state();
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);
	fresh();

	wd_expect_int(-EPROTO, take());
}

static void another_command_is_refused(void)
{
	struct genlmsghdr *genl;

	begin();
	genl = mnl_nlmsg_get_payload(msg);
	genl->cmd = WG_CMD_SET_DEVICE;
	fresh();
	wd_expect_int(-EPROTO, take());

	begin();
	msg->nlmsg_len = NLMSG_LENGTH(2);
	wd_expect_int(-EPROTO, take());
}

/* Cut after each byte: never more is read than there is; ASan looks on. */
static void a_message_cut_anywhere_is_read_within_its_bounds(void)
{
	struct nlattr *peers, *peer = put_usual(&peers), *list;
	uint32_t whole;

	list = mnl_attr_nest_start(msg, WGPEER_A_ALLOWEDIPS);
	put_prefix(AF_INET6, "fd00:2::", 64);
	mnl_attr_nest_end(msg, list);
	mnl_attr_nest_end(msg, peer);
	mnl_attr_nest_end(msg, peers);
	whole = msg->nlmsg_len;

	for (uint32_t len = sizeof(*msg); len <= whole; len++) {
		struct nlmsghdr *copy = malloc(len);
		int err;

		if (!copy)
			abort();
		memcpy(copy, msg, len);
		copy->nlmsg_len = len;
		fresh();
		err = wd_wg_take(&dev, copy);
		wd_expect(err == 0 || err == -EPROTO);
		if (len == whole)
			wd_expect_str("2:fd00:2::/64", peers_text());
		free(copy);
	}
}

int main(void)
{
	WD_TEST(a_device_is_read_whole);
	WD_TEST(private_and_preshared_keys_are_not_kept);
	WD_TEST(a_device_without_key_or_peers_is_one);
	WD_TEST(peers_in_several_messages_are_joined);
	WD_TEST(a_peer_that_comes_back_later_is_of_two_states);
	WD_TEST(many_prefixes_in_many_messages_are_all_there);
	WD_TEST(unknown_attributes_are_passed_over);
	WD_TEST(endpoints_of_both_families_are_read_and_others_are_none);
	WD_TEST(prefixes_that_make_no_sense_are_refused);
	WD_TEST(numbers_of_another_size_are_refused);
	WD_TEST(a_peer_without_a_key_is_refused);
	WD_TEST(another_command_is_refused);
	WD_TEST(a_message_cut_anywhere_is_read_within_its_bounds);
	fresh();
	return wd_tests_end();
}
