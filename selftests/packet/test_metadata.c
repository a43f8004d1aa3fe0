// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_metadata.c - what goes along with a packet and is not of it: marks,
 * priorities, control blocks, queue numbers. Programs and rules before ours may
 * have left anything there, so none of it is read. Scenarios 48 and 49; marks
 * on real packets are in selftests/net/test_hygiene.py.
 */
#include <linux/bpf.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iif.h"
#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define PAIRS 20000
#define WORD(field) (1ULL << (offsetof(struct __sk_buff, field) / 4))

/* Set by the kernel for each packet, by the device it is on and its bytes. */
#define KERNELS_OWN \
	(WORD(len) | WORD(ifindex) | WORD(ingress_ifindex) | \
	 WORD(vlan_present) | WORD(data) | WORD(data_end))

static uint64_t rng;

static uint32_t rnd(uint32_t n)
{
	rng = rng * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)((rng >> 33) % n);
}

/* Where this kernel takes no device for a test run, the mark stands for it. */
static bool mark_is_taken(void)
{
	struct __sk_buff ctx = { 0 };

	wd_iif_set(&ctx, 5);
	return ctx.mark == 5;
}

static void programs_read_nothing_that_others_may_write(void)
{
	uint64_t stand_in = mark_is_taken() ? WORD(mark) : 0;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		uint64_t words = world_ctx_loads(dir);

		/* compared with a number drawn for answers, see bpf/answer.h */
		if (!world_sheds())
			words &= ~WORD(mark);

		wd_expect_int(0,
			      (long long)(words & ~(KERNELS_OWN | stand_in)));
		/* that the loads are found at all */
		wd_expect((words & WORD(data)) && (words & WORD(ifindex)) &&
			  (words & WORD(vlan_present)));
	}
}

/* A mark where it is not the device, and all else that a run may be given. */
static void poison(struct __sk_buff *ctx, uint32_t mark)
{
	memset(ctx, 0, sizeof(*ctx));
	ctx->mark = mark;
	ctx->priority = rnd(0x7fffffff);
	ctx->tstamp = rng;
	for (size_t i = 0; i < COUNT(ctx->cb); i++)
		ctx->cb[i] = rnd(0x7fffffff) << 1 | 1;
}

static void random_frame(struct frame *f, int *ret_dir)
{
	static const uint8_t flags[] = { TCP_SYN, TCP_ACK, TCP_SYN | TCP_ACK,
					 TCP_RST };
	static const int protos[] = { 6, 6, 17, 132, 1, 47, 89 };
	static const uint16_t ports[] = { 80, 443, 90, 9090, 8472, 67 };
	struct packet p = { .family = rnd(2) ? 6 : 4,
			    .dir = (int)rnd(WD_DIR__MAX),
			    .proto = protos[rnd(COUNT(protos))],
			    .flags = flags[rnd(COUNT(flags))],
			    .sport = (uint16_t)(1 + rnd(60000)),
			    .dport = ports[rnd(COUNT(ports))] };
	enum host peer = (enum host)rnd(H__MAX);

	if (p.dir == WD_EGRESS) {
		p.dst = peer;
		p.has_dst = true;
	} else {
		p.src = peer;
		p.has_src = true;
	}
	frame_make(f, &p);
	if (!rnd(4))
		f->data[14 + rnd((uint32_t)f->len - 14)] ^=
			(uint8_t)(1 << rnd(8));
	*ret_dir = p.dir;
}

/*
 * The first of two equal packets may have made a difference for the second (a
 * fragment, the last of a share): both from the same start decide.
 */
static bool differ_from_one_start(const struct frame *f, int dir,
				  const struct __sk_buff *clean,
				  const struct __sk_buff *ctx)
{
	int a, b;

	world_reset();
	a = world_send_ctx(f, dir, clean);
	world_reset();
	b = world_send_ctx(f, dir, ctx);
	return a != b;
}

static void metadata_changes_no_verdict(void)
{
	static const struct __sk_buff clean;
	int differ = 0, dropped = 0, failed = 0;

	world_reset();
	for (int i = 0; i < PAIRS; i++) {
		struct __sk_buff ctx;
		struct frame f;
		int dir, a, b;

		random_frame(&f, &dir);
		poison(&ctx, rnd(0x7fffffff));
		a = world_send_ctx(&f, dir, i & 1 ? &ctx : &clean);
		b = world_send_ctx(&f, dir, i & 1 ? &clean : &ctx);
		differ += a != b &&
			  differ_from_one_start(&f, dir, &clean, &ctx);
		dropped += a == 2;
		failed += a < -1;
	}
	wd_expect_int(0, differ);
	wd_expect_int(0, failed);
	wd_expect(dropped > PAIRS / 10 && dropped < PAIRS * 9 / 10);
}

/* Single bits, low and high halves, and what other products put there. */
static uint32_t mark_nr(uint32_t i)
{
	static const uint32_t known[] = { 0x0200, 0x0800, 0x0a00, 0x0b00,
					  0x0c00, 0x0d00, 0x0e00, 0x0f00,
					  0x4000, 0x8000, 0xd00,  0xffffffff };

	if (i < 32)
		return 1U << i;
	if (i < 32 + COUNT(known))
		return known[i - 32];
	return i << (i & 1 ? 20 : 0); /* all patterns of 12 bits, both ends */
}

static void no_mark_changes_a_verdict(void)
{
	static const struct wcase cases[] = {
		{ .name = "allowed",
		  .reason = WD_R_POLICY_ALLOW,
		  .p = { .dport = 80 } },
		{ .name = "denied",
		  .reason = WD_R_DEFAULT,
		  .p = { .dport = 90 } },
	};

	world_reset();
	/* each mark allowed and denied; families and ways in turn */
	for (uint32_t i = 0; i < 4096 * COUNT(cases); i++) {
		const struct wcase *c = &cases[i & 1];
		struct packet p = c->p;
		struct __sk_buff ctx;
		struct frame f;
		int code;

		p.family = i & 2 ? 6 : 4;
		p.dir = i & 4 ? WD_EGRESS : WD_INGRESS;
		poison(&ctx, mark_nr(i / 2));
		frame_make(&f, &p);
		code = world_send_ctx(&f, p.dir, &ctx);
		if (code == (c->reason >= WD_R_FIRST_DROP ? 2 : -1))
			continue;
		printf("# mark %#x: %s\n", ctx.mark, c->name);
		wd_expect_int(0, code);
	}
	expect_packet(WD_R_DEFAULT, IN, .family = 4, .dport = 90);
}

int main(void)
{
	const char *seed = getenv("WD_SEED");

	rng = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)rng);
	if (world_open(NULL))
		return 1;
	WD_TEST(programs_read_nothing_that_others_may_write);
	WD_TEST(metadata_changes_no_verdict);
	WD_TEST(no_mark_changes_a_verdict);
	world_close();
	return wd_tests_end();
}
