/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_denied.c - what is remembered of drops, for how long, and what gives way.
 */
#include <string.h>

#include "base/byteorder.h"
#include "events/denied.h"

#include "../tap.h"

#define NOW_S 100000U

static struct wd_denied *denied;

static struct wd_event event_of(uint32_t peer_id, uint32_t peer, uint16_t port)
{
	return (struct wd_event){
		.time_ns = (uint64_t)NOW_S * 1000000000,
		.ep = 7,
		.peer_id = peer_id,
		.src = { wd_be32(peer) },
		.dst = { wd_be32(1) },
		.dport = wd_be16(port),
		.proto = 6,
		.family = 4,
		.dir = WD_INGRESS,
		.verdict = WD_DROP,
		.reason = WD_R_DEFAULT,
	};
}

static void add(const struct wd_event *event)
{
	wd_denied_add(denied, event);
}

struct found {
	uint32_t entries;
	uint64_t packets;
	struct wd_denial last;
};

static void take(void *ctx, const struct wd_denial *denial)
{
	struct found *found = ctx;

	found->entries++;
	found->packets += denial->cnt;
	found->last = *denial;
}

static struct found found_at(uint32_t now_s, uint32_t since_s)
{
	struct found found = { 0 };

	wd_denied_each(denied, now_s, since_s, take, &found);
	return found;
}

static void begin(void)
{
	denied = wd_denied_new();
}

static void end(void)
{
	wd_denied_free(denied);
}

static void alike_drops_are_one_entry(void)
{
	struct wd_event event = event_of(300, 0x0a, 80);
	struct found found;

	begin();
	wd_expect_int(0, found_at(NOW_S, WD_DENIED_S).entries);
	add(&event);
	event.time_ns += 5000000000;
	event.src[0] = wd_be32(0x0b); /* another pod of the identity */
	event.sport = wd_be16(4000);
	add(&event);
	found = found_at(NOW_S + 6, WD_DENIED_S);
	wd_expect_int(1, found.entries);
	wd_expect_int(2, found.last.cnt);
	wd_expect_int(NOW_S, found.last.first_s);
	wd_expect_int(NOW_S + 5, found.last.last_s);
	wd_expect_int(0x0b, wd_host32(found.last.peer[0]));
	wd_expect_int(4000, found.last.src_port);
	wd_expect_int(80, found.last.port);
	end();
}

static void what_differs_is_told_apart(void)
{
	struct wd_event base = event_of(2, 0x0a, 80), event;
	uint32_t cnt = 1;

	begin();
	add(&base);
#define VARY(member, value) \
	event = base; \
	event.member = value; \
	add(&event); \
	wd_expect_int(++cnt, found_at(NOW_S, WD_DENIED_S).entries)
	VARY(ep, 8);
	VARY(src[0], wd_be32(0x0b)); /* of the world each address is a peer */
	VARY(dport, wd_be16(81));
	VARY(proto, 17);
	VARY(family, 6);
	VARY(verdict, WD_AUDIT);
	VARY(reason, WD_R_POLICY);
	VARY(peer_id, 6);
#undef VARY
	event = base;
	event.dir = WD_EGRESS; /* the peer is the receiver then */
	add(&event);
	wd_expect_int(++cnt, found_at(NOW_S, WD_DENIED_S).entries);
	end();
}

static void what_passes_is_not_noted(void)
{
	struct wd_event event = event_of(300, 0x0a, 80);

	begin();
	event.verdict = WD_ALLOW;
	add(&event);
	wd_expect_int(0, found_at(NOW_S, WD_DENIED_S).entries);
	end();
}

static void other_reasons_are_one_entry_each(void)
{
	struct wd_event event = event_of(2, 0x0a, 80);

	begin();
	event.reason = WD_R_SPOOF_IP;
	for (uint16_t port = 1; port <= 3000; port++) {
		event.dport = wd_be16(port);
		event.src[0] = wd_be32(port);
		add(&event);
	}
	wd_expect_int(1, found_at(NOW_S, WD_DENIED_S).entries);
	wd_expect_int(3000, (long long)found_at(NOW_S, WD_DENIED_S).packets);
	wd_expect_int(0, (long long)wd_denied_losses(denied).cnt);
	end();
}

static void an_hour_later_it_is_forgotten(void)
{
	struct wd_event event = event_of(300, 0x0a, 80);

	begin();
	add(&event);
	wd_expect_int(1, found_at(NOW_S + WD_DENIED_S, WD_DENIED_S).entries);
	wd_expect_int(0, found_at(NOW_S + WD_DENIED_S + 1, 86400).entries);
	wd_expect_int(1, found_at(NOW_S + 10, 10).entries);
	wd_expect_int(0, found_at(NOW_S + 11, 10).entries);
	event.time_ns += (WD_DENIED_S + 1) * 1000000000ULL;
	add(&event); /* begins anew */
	wd_expect_int(1, found_at(NOW_S + WD_DENIED_S + 1, 10).last.cnt);
	wd_expect_int(0, (long long)wd_denied_losses(denied).cnt);
	end();
}

static void a_sweep_of_ports_takes_nothing_that_was_seen_twice(void)
{
	struct wd_event event = event_of(2, 0x0a, 80);
	struct found found;

	begin();
	for (int i = 0; i < 2; i++)
		for (uint16_t port = 1; port <= 100; port++) {
			event.src[0] = wd_be32(0x1000 + port);
			add(&event);
		}
	event.src[0] = wd_be32(0x0a);
	for (uint32_t port = 1; port <= 60000; port++) {
		event.dport = wd_be16((uint16_t)port);
		add(&event);
	}
	found = found_at(NOW_S, WD_DENIED_S);
	wd_expect_int(WD_DENIED_MAX, found.entries);
	wd_expect_int(WD_DENIED_MAX + 100, (long long)found.packets);
	wd_expect_int(60000 + 200 - WD_DENIED_MAX - 100,
		      (long long)wd_denied_losses(denied).cnt);
	end();
}

static void losses_are_those_of_the_last_hour(void)
{
	begin();
	wd_denied_lost(denied, 0, NOW_S);
	wd_expect_int(0, (long long)wd_denied_losses(denied).cnt);
	wd_denied_lost(denied, 5, NOW_S);
	wd_denied_lost(denied, 6, NOW_S + 100);
	wd_expect_int(11, (long long)wd_denied_losses(denied).cnt);
	wd_expect_int(NOW_S, wd_denied_losses(denied).first_s);
	wd_denied_lost(denied, 1, NOW_S + 101 + WD_DENIED_S);
	wd_expect_int(1, (long long)wd_denied_losses(denied).cnt);
	end();
}

int main(void)
{
	WD_TEST(alike_drops_are_one_entry);
	WD_TEST(what_differs_is_told_apart);
	WD_TEST(what_passes_is_not_noted);
	WD_TEST(other_reasons_are_one_entry_each);
	WD_TEST(an_hour_later_it_is_forgotten);
	WD_TEST(a_sweep_of_ports_takes_nothing_that_was_seen_twice);
	WD_TEST(losses_are_those_of_the_last_hour);
	return wd_tests_end();
}
