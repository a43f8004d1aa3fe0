// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_judge.c - packets by chance through the programs and before the judge:
 * reason, return code and what is counted must be the same.
 *
 *	test_judge [PACKETS [SEED]]
 *
 * WD_SEED repeats a run; WD_LONG=1 makes it a hundred times as long.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "judge.h"
#include "random.h"
#include "wires.h"

#define PACKETS 40000
#define EPISODE 400 /* packets in one scene */
#define SHOWN 5 /* packets that differ, in full */

static uint64_t packets_wanted = PACKETS;
static uint64_t seed;
static uint64_t seen[WD_R__MAX][WD_DIR__MAX];
static uint64_t refused;
static int shown;

/* What both count: the judge here, the programs in wd_cover. */
static struct {
	struct wd_cover_key key;
	uint64_t packets, bytes;
} counts[4096];
static int count_cnt;

static void count(const struct wd_cover_key *key, size_t bytes)
{
	int at;

	for (at = 0; at < count_cnt; at++)
		if (!memcmp(&counts[at].key, key, sizeof(*key)))
			break;
	if (at == count_cnt) {
		if (count_cnt == (int)(sizeof(counts) / sizeof(*counts)))
			abort();
		memset(&counts[count_cnt], 0, sizeof(counts[0]));
		counts[count_cnt++].key = *key;
	}
	counts[at].packets++;
	counts[at].bytes += bytes;
}

static void compare_counts(void)
{
	for (int i = 0; i < count_cnt; i++) {
		struct wd_stat_val is = wires_cover_of(&counts[i].key);

		wd_expect_int((long long)counts[i].packets,
			      (long long)is.packets);
		wd_expect_int((long long)counts[i].bytes, (long long)is.bytes);
	}
	wd_expect_int(count_cnt, wires_cover_cnt());
	count_cnt = 0;
	wires_cover_clear();
}

static void show(const struct frame *f, const struct sight *sight, int is,
		 int must)
{
	if (++shown > SHOWN)
		return;
	printf("# %s, %s, %zu bytes: judge says %s, programs %s\n#  ",
	       sight->is_tun ? "wireguard" : "wire",
	       sight->dir == OUT ? "out" : "in", f->len, wires_reason(must),
	       wires_reason(is));
	for (size_t i = 0; i < f->len && i < 300; i++)
		printf(" %02x", f->data[i]);
	printf("\n");
}

static void one_packet(const struct scene *scene)
{
	static struct frame f;
	struct sight sight = { .is_tun = !random_below(3),
			       .dir = (int)random_below(2) };
	struct sentence must;
	int reason = -1, code;

	random_frame(&f, sight.is_tun || scene->is_raw);
	sight.data = f.data;
	sight.len = f.len;
	code = wires_send(&f, sight.is_tun ? TUN : WIRE, sight.dir, &reason);
	if (code < -1) {
		refused++; /* the kernel makes no packet of it */
		return;
	}
	must = judge_wire(scene, &sight);
	seen[must.reason][sight.dir]++;
	if (must.is_counted)
		count(&must.cover, f.len);
	if (!wd_expect_str(wires_reason(must.reason), wires_reason(reason)))
		show(&f, &sight, reason, must.reason);
	wd_expect_int(must.reason >= WD_R_FIRST_DROP ? 2 : -1, code);
}

static void episode(uint64_t nr, uint64_t packets)
{
	static struct scene scene;
	char row[64];

	(void)snprintf(row, sizeof(row), "episode %" PRIu64, nr);
	wd_test_row(row);
	random_seed(seed + nr);
	random_scene(&scene);
	scene.has_wire &= nr != 0; /* by chance no scene may be without */
	scene.ifindex = WIRE_IFINDEX;
	scene.is_min = wires_is_min();
	wires_reset();
	wires_play(&scene);
	wires_cover_clear();
	judge_reset();
	for (uint64_t i = 0; i < packets; i++)
		one_packet(&scene);
	compare_counts();
	wd_test_row(NULL);
}

static void programs_and_judge_agree(void)
{
	for (uint64_t nr = 0; nr * EPISODE < packets_wanted; nr++)
		episode(nr, EPISODE);
}

/* Every reason that a wire can give was given, or this proves little. */
static void every_reason_was_met(void)
{
	static const int both[] = {
		WD_R_ENCRYPTED,	  WD_R_IN_CLEAR,    WD_R_EXEMPT,
		WD_R_OUTSIDE,	  WD_R_TUN_OPAQUE,  WD_R_L3_BAD,
		WD_R_NO_ENDPOINT, WD_R_FRAG_ORPHAN,
	};
	static const int deep[] = { WD_R_EXTHDR,    WD_R_L4_BAD,
				    WD_R_FRAG_TINY, WD_R_L2_UNSUP,
				    WD_R_VLAN,	    WD_R_FRAG_OVERLAP };

	for (size_t i = 0; i < sizeof(both) / sizeof(*both); i++) {
		wd_test_row(wires_reason(both[i]));
		wd_expect(seen[both[i]][IN] > 0);
		wd_expect(seen[both[i]][OUT] > 0);
	}
	for (size_t i = 0; i < sizeof(deep) / sizeof(*deep); i++) {
		wd_test_row(wires_reason(deep[i]));
		wd_expect(seen[deep[i]][IN] + seen[deep[i]][OUT] > 0);
	}
	wd_test_row(NULL);
	wd_expect(seen[WD_R_PLAINTEXT_OUT][OUT] > 0);
	wd_expect(seen[WD_R_PLAINTEXT_IN][IN] > 0);
	wd_expect(seen[WD_R_WG_STATE][OUT] > 0);
	wd_expect(seen[WD_R_TUN_BAD_PEER][IN] > 0);
	wd_expect(refused * 10 < packets_wanted);
}

static void tell(void)
{
	for (int r = 0; r < WD_R__MAX; r++)
		if (seen[r][IN] + seen[r][OUT])
			printf("# %-14s %8" PRIu64 " in %8" PRIu64 " out\n",
			       wires_reason(r), seen[r][IN], seen[r][OUT]);
	printf("# %" PRIu64 " are no packets to the kernel\n", refused);
}

int main(int argc, char **argv)
{
	const char *given = getenv("WD_SEED");

	seed = (uint64_t)time(NULL) * 1000003;
	if (getenv("WD_LONG"))
		packets_wanted *= 100;
	if (argc > 1)
		packets_wanted = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		given = argv[2];
	if (given && *given)
		seed = strtoull(given, NULL, 0);
	printf("# seed %" PRIu64 ", %" PRIu64 " packets\n", seed,
	       packets_wanted);
	wires_open();
	WD_TEST(programs_and_judge_agree);
	if (packets_wanted >= PACKETS)
		WD_TEST(every_reason_was_met);
	tell();
	wires_close();
	return wd_tests_end();
}
