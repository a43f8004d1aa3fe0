// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_shed.c - what wd_minimal drops in addition, in every mode, and what it
 * leaves behind: nothing. All other tests run on it as well (WD_OBJECT); this
 * one is about the list in bpf/rung.h.
 */
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define UDP .proto = 17
#define FIRST .more = true
#define LATER(off) .frag_off = (off)

static const uint8_t alert[4] = { 148, 4, 0, 0 }; /* router alert, RFC 2113 */
static const uint8_t source_route[4] = { 131, 3, 4, 0 };
static const uint8_t padding[8] = { 6, 0, 1, 4 };
static const uint8_t routing[8] = { 6 };

static const struct {
	const char *name;
	struct packet p;
} shed[] = {
	{ "first fragment", { .family = 4, UDP, FIRST } },
	{ "first fragment of TCP", { .family = 4, FIRST, .payload = 36 } },
	{ "later fragment", { .family = 4, UDP, LATER(40) } },
	{ "last fragment", { .family = 4, LATER(1480) } },
	{ "option", { .family = 4, .extra = alert, .extra_len = 4 } },
	{ "source route",
	  { .family = 4, .extra = source_route, .extra_len = 4 } },
	{ "v6 first fragment", { .family = 6, UDP, FIRST } },
	{ "v6 later fragment", { .family = 6, UDP, LATER(40) } },
	{ "v6 atomic fragment", { .family = 6, UDP, .atomic = true } },
	{ "v6 hop-by-hop options",
	  { .family = 6, .extra = padding, .extra_len = 8, .extra_proto = 0 } },
	{ "v6 destination options",
	  { .family = 6, .extra = padding, .extra_len = 8, .extra_proto = 60 } },
	{ "v6 authentication header",
	  { .family = 6, .extra = padding, .extra_len = 8, .extra_proto = 51 } },
};

static struct packet shed_packet(size_t i, int dir)
{
	struct packet p = shed[i].p;

	p.dir = dir;
	wd_test_row(shed[i].name);
	return p;
}

static bool is_fragment(const struct packet *p)
{
	return !p->atomic && p->family == 4 && (p->more || p->frag_off);
}

static void
what_is_not_judged_is_dropped_in_every_mode_but_fragments_in_off(void)
{
	static const uint32_t modes[] = { 0, WD_EP_AUDIT, WD_EP_OFF };

	for (size_t i = 0; i < COUNT(shed) * WD_DIR__MAX; i++) {
		struct packet p = shed_packet(i / 2, (int)(i & 1));

		for (size_t m = 0; m < COUNT(modes); m++) {
			bool passes = modes[m] == WD_EP_OFF && is_fragment(&p);

			world_reset();
			world_publish(SLOT_OPEN, modes[m]);
			expect_this(passes ? WD_R_MODE_OFF : WD_R_SHED, &p);
		}
	}
	wd_test_row(NULL);
}

static void nothing_is_noted_of_it(void)
{
	for (size_t i = 0; i < COUNT(shed) * WD_DIR__MAX; i++) {
		struct packet p = shed_packet(i / 2, (int)(i & 1));

		world_reset();
		world_publish(SLOT_OPEN, 0);
		expect_this(WD_R_SHED, &p);
		wd_expect_int(0, world_flow_cnt());
		wd_expect_int(0, world_trains(NULL));
	}
	wd_test_row(NULL);
}

/* Else the reason would say of a forged packet that a better kernel lets it pass. */
static void other_faults_of_it_come_first(void)
{
	for (size_t i = 0; i < COUNT(shed); i++) {
		struct packet p = shed_packet(i, WD_EGRESS);

		p.src = H_NEAR;
		p.has_src = true;
		world_reset();
		expect_this(WD_R_SPOOF_IP, &p);
		p = shed_packet(i, WD_INGRESS);
		p.dst = H_NEAR;
		p.has_dst = true;
		expect_this(WD_R_NOT_LOCAL, &p);
	}
	wd_test_row(NULL);
	world_reset();
	expect_packet(WD_R_EXTHDR, IN, .family = 6, .extra = routing,
		      .extra_len = 8, .extra_proto = 43);
	expect_packet(WD_R_FRAG_OVERLAP, IN, .family = 4, LATER(8));
	expect_packet(WD_R_CT_INVALID, IN, .family = 4, FIRST, .payload = 36,
		      .flags = TCP_SYN | TCP_FIN);
}

/* An object above has left them in the table. */
static void fragments_of_a_known_flow_are_dropped_and_its_packets_pass(void)
{
	for_each_family(family)
	{
		world_reset();
		expect_packet(WD_R_POLICY_ALLOW, OUT, .family = family, UDP);
		expect_packet(WD_R_SHED, OUT, .family = family, UDP, FIRST);
		expect_packet(WD_R_SHED, IN, .family = family, UDP, FIRST,
			      .sport = 80, .dport = 40000);
		expect_packet(WD_R_ESTABLISHED, IN, .family = family, UDP,
			      .sport = 80, .dport = 40000);
		expect_packet(WD_R_ESTABLISHED, OUT, .family = family, UDP);
	}
}

static void what_off_does_not_judge_it_still_reads(void)
{
	world_reset();
	world_publish(SLOT_OPEN, WD_EP_OFF);
	wd_test_row("over the header of the first");
	expect_packet(WD_R_FRAG_OVERLAP, IN, .family = 4, LATER(8));
	wd_test_row("a tunnel to a node");
	expect_packet(WD_R_ENCAP_FORBIDDEN, OUT, .family = 4, UDP, FIRST,
		      .dport = 4789, TO(H_NODE));
	wd_test_row(NULL);
}

int main(void)
{
	if (setenv("WD_OBJECT", "wd_minimal", 1) || world_open(NULL))
		return 1;
	WD_TEST(what_is_not_judged_is_dropped_in_every_mode_but_fragments_in_off);
	WD_TEST(nothing_is_noted_of_it);
	WD_TEST(other_faults_of_it_come_first);
	WD_TEST(fragments_of_a_known_flow_are_dropped_and_its_packets_pass);
	WD_TEST(what_off_does_not_judge_it_still_reads);
	world_close();
	return wd_tests_end();
}
