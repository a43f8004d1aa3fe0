// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_exthdr.c - IPv6 extension headers: walked up to the limit, and what
 * cannot be walked or may not be used is dropped, never guessed. All of it is
 * scenario 56.
 */
#include <string.h>

#include "world.h"

#define HOPOPTS 0
#define TCP 6
#define ROUTING 43
#define FRAGMENT 44
#define ESP 50
#define AH 51
#define NONE 59
#define DSTOPTS 60

#define HEADERS_MAX 32

/* Headers one behind the other; each is 8 bytes. */
struct chain {
	uint8_t bytes[HEADERS_MAX * 8];
	int len;
	int first;
};

static void chain_make(struct chain *chain, const uint8_t *headers, int cnt,
		       int last)
{
	memset(chain, 0, sizeof(*chain));
	chain->first = headers[0];
	chain->len = cnt * 8;
	for (int i = 0; i < cnt; i++) {
		uint8_t *at = chain->bytes + i * 8;

		at[0] = (uint8_t)(i + 1 < cnt ? headers[i + 1] : last);
		if (headers[i] == HOPOPTS || headers[i] == DSTOPTS) {
			at[2] = 1; /* PadN over the rest */
			at[3] = 4;
		}
	}
}

static const struct {
	const char *name;
	uint8_t headers[HEADERS_MAX];
	int cnt, last, reason;
} chains[] = {
	{ "hop-by-hop options", { HOPOPTS }, 1, TCP, WD_R_POLICY_ALLOW },
	{ "destination options", { DSTOPTS }, 1, TCP, WD_R_POLICY_ALLOW },
	{ "an atomic fragment", { FRAGMENT }, 1, TCP, WD_R_POLICY_ALLOW },
	{ "both kinds of options",
	  { HOPOPTS, DSTOPTS },
	  2,
	  TCP,
	  WD_R_POLICY_ALLOW },
	{ "options before and behind an atomic fragment",
	  { HOPOPTS, FRAGMENT, DSTOPTS },
	  3,
	  TCP,
	  WD_R_POLICY_ALLOW },
	{ "as many headers as the limit says",
	  { HOPOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS },
	  6,
	  TCP,
	  WD_R_POLICY_ALLOW },
	{ "one more header than that",
	  { HOPOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS },
	  7,
	  TCP,
	  WD_R_EXTHDR },
	{ "many more",
	  { HOPOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS, DSTOPTS,
	    DSTOPTS, DSTOPTS, DSTOPTS },
	  10,
	  TCP,
	  WD_R_EXTHDR },
	{ "a routing header", { ROUTING }, 1, TCP, WD_R_EXTHDR },
	{ "a routing header behind options",
	  { HOPOPTS, ROUTING },
	  2,
	  TCP,
	  WD_R_EXTHDR },
	{ "mobility", { 135 }, 1, TCP, WD_R_EXTHDR },
	{ "host identity", { 139 }, 1, TCP, WD_R_EXTHDR },
	{ "shim", { 140 }, 1, TCP, WD_R_EXTHDR },
	{ "experiments", { 253 }, 1, TCP, WD_R_EXTHDR },
	{ "more experiments", { HOPOPTS, 254 }, 2, TCP, WD_R_EXTHDR },
	{ "two fragment headers", { FRAGMENT, FRAGMENT }, 2, TCP, WD_R_EXTHDR },
	{ "nothing behind the options, by a rule without ports",
	  { DSTOPTS },
	  1,
	  NONE,
	  WD_R_POLICY_ALLOW },
	{ "encrypted behind options, by a rule without ports",
	  { DSTOPTS },
	  1,
	  ESP,
	  WD_R_POLICY_ALLOW },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void headers_are_walked_up_to_the_limit(void)
{
	struct chain c;

	for (size_t i = 0; i < COUNT(chains) * 2; i++) {
		wd_test_row(chains[i / 2].name);
		chain_make(&c, chains[i / 2].headers, chains[i / 2].cnt,
			   chains[i / 2].last);
		world_reset();
		expect_packet(chains[i / 2].reason, .family = 6,
			      .dir = (int)(i & 1), .extra = c.bytes,
			      .extra_len = c.len, .extra_proto = c.first);
	}
}

/* What a chain must meet, told from its headers alone. */
static int chain_reason(const uint8_t *headers, int cnt, int allowed)
{
	int fragments = 0;

	if (cnt > 6)
		return WD_R_EXTHDR;
	for (int i = 0; i < cnt; i++) {
		fragments += headers[i] == FRAGMENT;
		if (headers[i] == ROUTING || fragments > 1)
			return WD_R_EXTHDR;
	}
	return allowed;
}

static void expect_chain(const uint8_t *headers, int cnt)
{
	static uint16_t sport = 1;
	struct chain c;
	struct frame f;

	chain_make(&c, headers, cnt, TCP);
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		struct packet p = { .family = 6,
				    .dir = dir,
				    .extra = c.bytes,
				    .extra_len = c.len,
				    .extra_proto = c.first,
				    .sport = sport };

		sport++;
		frame_make(&f, &p);
		world_batch(&f, dir,
			    chain_reason(headers, cnt, WD_R_POLICY_ALLOW));
		p.dport = 90;
		frame_make(&f, &p);
		world_batch(&f, dir, chain_reason(headers, cnt, WD_R_DEFAULT));
	}
}

static void every_order_of_up_to_three_headers_is_judged(void)
{
	static const uint8_t kinds[] = { HOPOPTS, DSTOPTS, ROUTING, AH,
					 FRAGMENT };
	uint8_t headers[3];

	world_reset();
	world_batch_begin();
	for (int i = 0; i < 5 + 25 + 125; i++) {
		int cnt = i < 5 ? 1 : i < 30 ? 2 : 3;
		int nr = i < 5 ? i : i < 30 ? i - 5 : i - 30;

		for (int k = 0; k < cnt; k++, nr /= 5)
			headers[k] = kinds[nr % 5];
		expect_chain(headers, cnt);
	}
	world_batch_end();
}

static void no_length_of_a_chain_hides_what_is_behind_it(void)
{
	static const uint8_t kinds[] = { DSTOPTS, AH, HOPOPTS };
	uint8_t headers[HEADERS_MAX];

	world_reset();
	world_batch_begin();
	for (int cnt = 1; cnt <= HEADERS_MAX; cnt++) {
		for (int i = 0; i < cnt; i++)
			headers[i] = kinds[(i + cnt) % 3];
		expect_chain(headers, cnt);
	}
	world_batch_end();
}

/* A jumbogram states its length in an option; what is short is none. */
static void a_jumbo_option_lends_no_length(void)
{
	static const uint8_t jumbo[8] = { TCP, 0, 0xc2, 4, 0, 1, 0, 0 };
	struct frame f;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		struct packet p = { .family = 6,
				    .dir = dir,
				    .extra = jumbo,
				    .extra_len = 8,
				    .extra_proto = HOPOPTS };

		world_reset();
		frame_make(&f, &p);
		world_expect(&f, dir, WD_R_POLICY_ALLOW);
		f.data[14 + 4] = f.data[14 + 5] = 0; /* payload length */
		world_expect(&f, dir, WD_R_EXTHDR);
	}
}

/* No next header, and what may be anything: never a port, so no ported rule. */
static void what_has_no_ports_matches_no_rule_with_ports(void)
{
	static const int lasts[] = { NONE, ESP, 89, 255 };
	static const uint8_t headers[] = { DSTOPTS };
	struct chain c;

	for (size_t i = 0; i < COUNT(lasts); i++) {
		world_reset();
		world_publish(SLOT_TCP, 0);
		chain_make(&c, headers, 1, lasts[i]);
		expect_packet(WD_R_PROTO_UNSUP, OUT, .family = 6,
			      .extra = c.bytes, .extra_len = c.len,
			      .extra_proto = c.first);
		expect_packet(WD_R_PROTO_UNSUP, OUT, .family = 6,
			      .proto = lasts[i]);
	}
}

static void ports_are_read_behind_the_headers(void)
{
	static const uint8_t headers[] = { HOPOPTS, DSTOPTS, DSTOPTS };
	struct chain c;

	world_reset();
	for (int cnt = 1; cnt <= 3; cnt++) {
		for (int dir = 0; dir < WD_DIR__MAX; dir++) {
			chain_make(&c, headers, cnt, TCP);
			expect_packet(WD_R_DEFAULT, .family = 6, .dir = dir,
				      .dport = 90, .extra = c.bytes,
				      .extra_len = c.len,
				      .extra_proto = c.first);
			expect_packet(WD_R_POLICY_ALLOW, .family = 6,
				      .dir = dir, .dport = 80,
				      .sport = (uint16_t)(1000 + cnt),
				      .extra = c.bytes, .extra_len = c.len,
				      .extra_proto = c.first);
		}
	}
}

static void a_flow_is_the_same_with_and_without_headers(void)
{
	static const uint8_t headers[] = { DSTOPTS };
	struct chain c;

	world_reset();
	chain_make(&c, headers, 1, TCP);
	expect_packet(WD_R_POLICY_ALLOW, OUT, .family = 6, .extra = c.bytes,
		      .extra_len = c.len, .extra_proto = c.first);
	expect_packet(WD_R_ESTABLISHED, IN, .family = 6, .sport = 80,
		      .dport = 40000, .flags = TCP_SYN | TCP_ACK);
	expect_packet(WD_R_ESTABLISHED, OUT, .family = 6, .flags = TCP_ACK,
		      .extra = c.bytes, .extra_len = c.len,
		      .extra_proto = c.first);
}

static void long_headers_are_stepped_over(void)
{
	uint8_t options[64] = { TCP, 7, 1, 60 };
	uint8_t ah[24] = { TCP, 4 };

	world_reset();
	expect_packet(WD_R_POLICY_ALLOW, IN, .family = 6, .extra = options,
		      .extra_len = 64, .extra_proto = DSTOPTS);
	expect_packet(WD_R_POLICY_ALLOW, IN, .family = 6, .sport = 1000,
		      .extra = ah, .extra_len = 24, .extra_proto = AH);
	expect_packet(WD_R_DEFAULT, IN, .family = 6, .dport = 90, .extra = ah,
		      .extra_len = 24, .extra_proto = AH);
}

static void headers_that_run_past_the_packet_are_dropped(void)
{
	/* behind the header: 20 bytes of TCP and 32 of payload */
	static const struct {
		uint8_t words;
		int reason;
	} lengths[] = {
		{ 6, WD_R_L4_BAD }, /* 48 of the 52 bytes are eaten */
		{ 7, WD_R_EXTHDR },
		{ 8, WD_R_EXTHDR },
		{ 255, WD_R_EXTHDR },
	};

	for (size_t i = 0; i < COUNT(lengths); i++) {
		uint8_t options[8] = { TCP, lengths[i].words };

		world_reset();
		expect_packet(lengths[i].reason, IN, .family = 6,
			      .extra = options, .extra_len = 8,
			      .extra_proto = DSTOPTS);
		expect_packet(lengths[i].reason, OUT, .family = 6,
			      .extra = options, .extra_len = 8,
			      .extra_proto = DSTOPTS);
	}
}

static void an_address_check_comes_before_the_headers(void)
{
	static const uint8_t headers[] = { ROUTING };
	struct chain c;

	world_reset();
	chain_make(&c, headers, 1, TCP);
	expect_packet(WD_R_SPOOF_IP, OUT, .family = 6, FROM(H_NEAR),
		      .extra = c.bytes, .extra_len = c.len,
		      .extra_proto = c.first);
	expect_packet(WD_R_NOT_LOCAL, IN, .family = 6, TO(H_NEAR),
		      .extra = c.bytes, .extra_len = c.len,
		      .extra_proto = c.first);
}

static void no_mode_lets_forbidden_headers_pass(void)
{
	static const uint32_t modes[] = { WD_EP_AUDIT, WD_EP_OFF };
	static const uint8_t headers[] = { ROUTING };
	struct chain c;

	chain_make(&c, headers, 1, TCP);
	for (size_t i = 0; i < COUNT(modes); i++) {
		world_reset();
		world_publish(SLOT_OPEN, modes[i]);
		expect_packet(WD_R_EXTHDR, OUT, .family = 6, .extra = c.bytes,
			      .extra_len = c.len, .extra_proto = c.first);
	}
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WD_TEST(headers_are_walked_up_to_the_limit);
	WD_TEST(every_order_of_up_to_three_headers_is_judged);
	WD_TEST(no_length_of_a_chain_hides_what_is_behind_it);
	WD_TEST(a_jumbo_option_lends_no_length);
	WD_TEST(what_has_no_ports_matches_no_rule_with_ports);
	WD_TEST(ports_are_read_behind_the_headers);
	WORLD_TEST(a_flow_is_the_same_with_and_without_headers);
	WD_TEST(long_headers_are_stepped_over);
	WD_TEST(headers_that_run_past_the_packet_are_dropped);
	WD_TEST(an_address_check_comes_before_the_headers);
	WD_TEST(no_mode_lets_forbidden_headers_pass);
	world_close();
	return wd_tests_end();
}
