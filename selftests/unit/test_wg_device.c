/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wg_device.c - two readings of WireGuard beside each other: what changed,
 * and for how long a peer has not answered.
 */
#include <string.h>

#include "wireguard/device.h"

#include "../tap.h"

/* A device with two peers, the first with two prefixes. */
struct world {
	struct wd_wg_state state;
	struct wd_wg_device device[2];
	struct wd_wg_peer peer[3];
	struct wd_cidr prefix[2];
};

static void build(struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->state = (struct wd_wg_state){
		.boottime = 100,
		.device_cnt = 1,
		.device = w->device,
	};
	w->device[0] = (struct wd_wg_device){
		.ifindex = 7,
		.name = "wg0",
		.is_up = true,
		.has_key = true,
		.key = { { 1 } },
		.port = 51871,
		.peer_cnt = 2,
		.peer = w->peer,
	};
	w->device[1] = (struct wd_wg_device){ .ifindex = 8, .name = "wg1" };
	for (uint8_t i = 0; i < 3; i++) {
		w->peer[i].key.byte[0] = (uint8_t)(10 + i);
		w->peer[i].tx_bytes = w->peer[i].rx_bytes = 1000;
	}
	w->peer[0].prefix_cnt = 2;
	w->peer[0].prefix = w->prefix;
	(void)wd_cidr_parse("10.0.1.0/24", &w->prefix[0]);
	(void)wd_cidr_parse("fd00::/64", &w->prefix[1]);
}

static void set_down(struct world *w)
{
	w->device[0].is_up = false;
}
static void rename_it(struct world *w)
{
	w->device[0].name[2] = '9';
}
static void other_index(struct world *w)
{
	w->device[0].ifindex = 9;
}
static void second(struct world *w)
{
	w->state.device_cnt = 2;
}
static void none_left(struct world *w)
{
	w->state.device_cnt = 0;
}
static void other_key(struct world *w)
{
	w->device[0].key.byte[31] = 1;
}
static void no_key(struct world *w)
{
	w->device[0].has_key = false;
}
static void other_port(struct world *w)
{
	w->device[0].port++;
}
static void other_mark(struct world *w)
{
	w->device[0].fwmark = 1;
}
static void third_peer(struct world *w)
{
	w->device[0].peer_cnt = 3;
}
static void no_peers(struct world *w)
{
	w->device[0].peer_cnt = 0;
}
static void other_peer(struct world *w)
{
	w->peer[1].key.byte[31] = 1;
}
static void fewer_prefixes(struct world *w)
{
	w->peer[0].prefix_cnt = 1;
}
static void other_prefix(struct world *w)
{
	w->prefix[1].len = 65;
}
static void keepalive(struct world *w)
{
	w->peer[1].keepalive = 25;
}
static void endpoint(struct world *w)
{
	(void)wd_addr_parse("192.0.2.1", &w->peer[1].endpoint);
}
static void endpoint_port(struct world *w)
{
	w->peer[1].endpoint_port = 1;
}
static void handshake(struct world *w)
{
	w->peer[1].handshake = 1;
}
static void counter(struct world *w)
{
	w->peer[1].rx_bytes++;
}
static void nothing(struct world *w)
{
	w->state.time++;
	w->state.boottime++;
	w->peer[0].trace.sent = 5;
}

static void what_changed_is_told(void)
{
	static const struct {
		const char *name;
		void (*change)(struct world *w);
		uint32_t diff;
	} rows[] = {
		{ "nothing", nothing, 0 },
		{ "down", set_down, WD_WG_DEVICES },
		{ "renamed", rename_it, WD_WG_DEVICES },
		{ "made anew", other_index, WD_WG_DEVICES },
		{ "a second device", second,
		  WD_WG_DEVICES | WD_WG_CONFIG | WD_WG_PEERS | WD_WG_LIVE },
		{ "gone", none_left,
		  WD_WG_DEVICES | WD_WG_CONFIG | WD_WG_PEERS | WD_WG_LIVE },
		{ "key", other_key, WD_WG_CONFIG },
		{ "key taken away", no_key, WD_WG_CONFIG },
		{ "port", other_port, WD_WG_CONFIG },
		{ "mark", other_mark, WD_WG_CONFIG },
		{ "one more peer", third_peer, WD_WG_PEERS | WD_WG_LIVE },
		{ "no peers", no_peers, WD_WG_PEERS | WD_WG_LIVE },
		{ "another peer", other_peer, WD_WG_PEERS },
		{ "a prefix less", fewer_prefixes, WD_WG_PEERS },
		{ "another prefix", other_prefix, WD_WG_PEERS },
		{ "keepalive", keepalive, WD_WG_PEERS },
		{ "endpoint", endpoint, WD_WG_LIVE },
		{ "endpoint's port", endpoint_port, WD_WG_LIVE },
		{ "handshake", handshake, WD_WG_LIVE },
		{ "counter", counter, WD_WG_LIVE },
	};
	struct world was, now;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		build(&was);
		build(&now);
		rows[i].change(&now);
		wd_expect_int(rows[i].diff, wd_wg_diff(&was.state, &now.state));
		wd_expect_int(rows[i].diff, wd_wg_diff(&now.state, &was.state));
	}
	wd_test_row(NULL);
}

static void peers_are_found_by_key_and_devices_by_name(void)
{
	struct wd_wgkey key = { { 11 } };
	struct world w;

	build(&w);
	wd_expect(wd_wg_peer_find(&w.device[0], &key) == &w.peer[1]);
	key.byte[31] = 1;
	wd_expect(!wd_wg_peer_find(&w.device[0], &key));
	wd_expect(!wd_wg_peer_find(&w.device[1], &key));
	wd_expect(wd_wg_device_find(&w.state, "wg0") == &w.device[0]);
	wd_expect(!wd_wg_device_find(&w.state, "wg1")); /* beyond the count */
}

static void sorting_brings_peers_and_prefixes_into_their_order(void)
{
	struct world w;
	struct wd_cidr swap;

	build(&w);
	w.peer[0].key.byte[0] = 20;
	swap = w.prefix[0];
	w.prefix[0] = w.prefix[1];
	w.prefix[1] = swap;
	wd_expect_int(0, wd_wg_device_sort(&w.device[0]));
	wd_expect_int(11, w.peer[0].key.byte[0]);
	wd_expect_int(20, w.peer[1].key.byte[0]);
	wd_expect_int(4, w.peer[1].prefix[0].addr.family);
	wd_expect_int(6, w.peer[1].prefix[1].addr.family);
}

static void a_silent_peer_is_followed_from_what_it_was_sent_first(void)
{
	static const struct {
		int64_t at;
		uint64_t tx, rx; /* more than before */
		int64_t sent, waits;
		uint64_t tx_then;
	} rows[] = {
		{ 100, 0, 0, 0, 0, 1000 }, /* the first reading */
		{ 101, 0, 0, 0, 0, 1000 },
		{ 102, 50, 50, 102, 0, 1050 }, /* both talk */
		{ 110, 50, 0, 110, 110, 1050 }, /* unanswered */
		{ 120, 50, 0, 120, 110, 1050 },
		{ 130, 0, 0, 120, 110, 1050 }, /* nothing more is sent */
		{ 140, 50, 0, 140, 110, 1050 },
		{ 150, 0, 9, 140, 0, 1200 }, /* it answers */
		{ 160, 50, 0, 160, 160, 1200 },
	};
	struct world was, now;

	build(&was);
	wd_wg_follow(&(struct wd_wg_state){ 0 }, &was.state);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct wd_wg_trace *trace = &now.peer[1].trace;

		build(&now);
		now.state.boottime = rows[i].at;
		now.peer[1].tx_bytes = was.peer[1].tx_bytes + rows[i].tx;
		now.peer[1].rx_bytes = was.peer[1].rx_bytes + rows[i].rx;
		wd_wg_follow(&was.state, &now.state);
		wd_expect_int(rows[i].sent, trace->sent);
		wd_expect_int(rows[i].waits, trace->waits);
		wd_expect_int((long long)rows[i].tx_then,
			      (long long)trace->tx_then);
		wd_expect_int(0, now.peer[0].trace.sent);
		was.peer[1] = now.peer[1];
	}
}

static void a_peer_made_anew_has_no_past(void)
{
	struct world was, now;

	build(&was);
	build(&now);
	was.peer[1].trace = (struct wd_wg_trace){ 90, 80, 1 };
	now.peer[1].tx_bytes = 10;
	now.peer[1].rx_bytes = 1000;
	wd_wg_follow(&was.state, &now.state);
	wd_expect_int(0, now.peer[1].trace.waits);
	wd_expect_int(10, (long long)now.peer[1].trace.tx_then);

	build(&now);
	now.device[0].ifindex = 9; /* the device, too */
	wd_wg_follow(&was.state, &now.state);
	wd_expect_int(0, now.peer[1].trace.sent);
}

int main(void)
{
	WD_TEST(what_changed_is_told);
	WD_TEST(peers_are_found_by_key_and_devices_by_name);
	WD_TEST(sorting_brings_peers_and_prefixes_into_their_order);
	WD_TEST(a_silent_peer_is_followed_from_what_it_was_sent_first);
	WD_TEST(a_peer_made_anew_has_no_past);
	return wd_tests_end();
}
