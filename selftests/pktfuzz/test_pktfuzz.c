/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_pktfuzz.c - packets by a grammar through the programs and through the
 * judge: verdict and reason must be the same. Cases of the corpus come first.
 *
 *	test_pktfuzz [PACKETS [SEED]]
 *
 * The programs are those of WD_OBJECT, see image.h; the judge knows what that
 * one drops in addition, and may differ from what a case says in nothing else.
 *
 * A million packets, a hundred million with WD_LONG=1; if told how many, nothing
 * but these. WD_SEED repeats a run, WD_FOUND names the folder for what is found
 * (default: the corpus, where it stays), which is shrunk first unless
 * WD_NOSHRINK is set.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "episode.h"
#include "gen.h"
#include "image.h"
#include "judge.h"
#include "programs.h"
#include "tap.h"

#define CORPUS "selftests/pktfuzz/corpus"
#define PACKETS 1000000
#define PACKETS_LOWER 100000 /* of an object of a lower rung */
#define PACKETS_LONG 100000000
#define EPISODE_OPS 2000
#define FLOOD_OPS 8000
#define FLOOD_EVERY 50
#define FLOWS_TOLD 20000
#define LATE_MS 1000 /* an answer two ticks late makes a stream of UDP */
#define TRIES 5
#define SHRINK_S 60 /* for one that is found; then it stays as it is */

static struct judge *judge;
static struct gen *gen;
static uint64_t seed;
static uint64_t packets_wanted = PACKETS;
static uint64_t flows_compared;
static uint64_t seen[WD_R__MAX][WD_DIR__MAX];

static bool sheds(void)
{
	return wd_image_sheds(wd_image());
}

/* ---- one operation in both worlds ---- */

static void reset(void)
{
	judge_reset(judge);
	programs_reset();
}

/* Return: whether the programs did what the judge says. */
static bool step(struct op *op, struct ruling *ret_got)
{
	struct sight sight = { .dir = op->dir,
			       .dev = op->dev,
			       .iif = op->iif,
			       .data = op->data,
			       .len = op->len };

	if (op->kind == OP_PUBLISH) {
		judge_publish(judge, &op->setting);
		programs_publish(&op->setting);
		return true;
	}
	if (op->kind == OP_WAIT) {
		judge_wait(judge, op->ticks);
		programs_wait(op->ticks);
		return true;
	}
	if (op->kind == OP_FRESH) {
		reset();
		return true;
	}
	if (op->kind == OP_SEED) {
		judge_seed(judge, &op->seed);
		programs_seed(&op->seed);
		return true;
	}
	op->want = judge_packet(judge, &sight);
	*ret_got = programs_run(&sight, op->linear);
	return op->want.reason == ret_got->reason &&
	       op->want.verdict == ret_got->verdict;
}

static int compare_flows(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct flow_state));
}

static void tell_flow(const char *who, const struct flow_state *f)
{
	const uint8_t *byte = (const uint8_t *)f;

	printf("# %s:", who);
	for (size_t i = 0; i < sizeof(*f); i++)
		printf("%s%02x", i % 4 ? "" : " ", byte[i]);
	printf("\n");
}

/* Do both know the same flows, in the same state? */
static bool flows_are_same(bool tell)
{
	static struct flow_state a[FLOWS_TOLD + 1], b[FLOWS_TOLD + 1];
	size_t a_cnt = judge_flows(judge, a, FLOWS_TOLD);
	size_t b_cnt = programs_flows(b, FLOWS_TOLD);

	if (a_cnt > FLOWS_TOLD || b_cnt > FLOWS_TOLD)
		abort();
	memset(&a[a_cnt], 0, sizeof(a[0]));
	memset(&b[b_cnt], 0, sizeof(b[0]));
	qsort(a, a_cnt, sizeof(a[0]), compare_flows);
	qsort(b, b_cnt, sizeof(b[0]), compare_flows);
	for (size_t i = 0; i <= a_cnt && i <= b_cnt; i++) {
		if (!compare_flows(&a[i], &b[i])) {
			flows_compared += tell && i < a_cnt;
			continue;
		}
		if (tell) {
			printf("# flows: %zu and %zu\n", a_cnt, b_cnt);
			tell_flow("judge", &a[i]);
			tell_flow("programs", &b[i]);
		}
		return false;
	}
	return true;
}

/*
 * The first packet about which they differ, or the last of all if afterwards
 * their flows do. Return: its place, or cnt.
 */
static size_t play(struct episode *episode, struct ruling *ret_got)
{
	size_t i;

	reset();
	for (i = 0; i < episode->cnt; i++)
		if (!step(&episode->ops[i], ret_got))
			return i;
	return i && !flows_are_same(false) ? i - 1 : i;
}

/* ---- what is found ---- */

/* Leave out whatever can be left out of an episode that ends in a mismatch. */
static struct episode shrink(const struct episode *found)
{
	struct episode best = episode_without(found, found->cnt, 0);
	time_t end = time(NULL) + (getenv("WD_NOSHRINK") ? -1 : SHRINK_S);
	struct ruling got;

	for (size_t cnt = best.cnt / 2; cnt; cnt /= 2) {
		for (size_t at = 0; at + 1 < best.cnt && time(NULL) < end;) {
			struct episode less = episode_without(&best, at, cnt);
			size_t bad = play(&less, &got);

			if (less.cnt == best.cnt || bad == less.cnt) {
				episode_free(&less);
				at += cnt;
				continue;
			}
			episode_free(&best);
			best = episode_without(&less, bad + 1, less.cnt);
			episode_free(&less);
		}
	}
	return best;
}

static void print_tap(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[400];

	while (file && fgets(line, sizeof(line), file))
		printf("# %s%s", line, strchr(line, '\n') ? "" : "...\n");
	if (file)
		(void)fclose(file);
}

static void keep(const struct episode *found, uint64_t episode_seed)
{
	const char *named = getenv("WD_FOUND");
	const char *folder = named		  ? named :
			     access(CORPUS, W_OK) ? "/tmp" :
						    CORPUS;
	struct episode small = shrink(found);
	struct ruling got = { -1, WD_DROP };
	char path[300];
	FILE *file;

	(void)play(&small, &got);
	(void)snprintf(path, sizeof(path), "%s/found-%016" PRIx64 ".case",
		       folder, episode_seed);
	file = fopen(path, "w");
	if (!file) {
		printf("# %s: %s\n", path, strerror(errno));
	} else {
		(void)fprintf(file,
			      "# SPDX-License-Identifier: GPL-2.0-only\n"
			      "# found: the programs say %s%s\n",
			      reason_name(got.reason),
			      got.verdict == WD_AUDIT ? "/audit" : "");
		episode_write(&small, file);
		(void)fclose(file);
		printf("# kept as %s\n", path);
		print_tap(path);
	}
	episode_free(&small);
}

/* ---- the corpus ---- */

static bool read_case(const char *path, struct episode *episode)
{
	FILE *file = fopen(path, "r");
	int line;

	if (!file)
		return wd_expect_str(path, "a file that can be read");
	line = episode_read(episode, file);
	(void)fclose(file);
	return wd_expect_int(0, line) && wd_expect(episode->cnt > 0);
}

/*
 * @want is what a case says of wd_pod. What sheds may drop more, and so knows
 * less of flows and trains; but it lets nothing pass in addition.
 */
static void expect_as_told(const struct ruling *want, const struct ruling *is)
{
	if (sheds() && is->verdict == WD_DROP)
		return;
	if (sheds() && is->verdict == want->verdict)
		return;
	wd_expect_str(reason_name(want->reason), reason_name(is->reason));
	wd_expect_int(want->verdict, is->verdict);
}

static void replay_case(const char *path)
{
	struct episode episode = { .cnt = 0 };
	struct ruling got = { -1, WD_DROP };
	char row[600];

	wd_test_row(path);
	if (!read_case(path, &episode))
		return;
	reset();
	for (size_t i = 0; i < episode.cnt; i++) {
		struct op *op = &episode.ops[i];
		struct ruling want = op->want;

		(void)snprintf(row, sizeof(row), "%s, operation %zu", path, i);
		wd_test_row(row);
		(void)step(op, &got);
		if (op->kind != OP_PACKET)
			continue;
		expect_as_told(&want, &op->want);
		wd_expect_str(reason_name(op->want.reason),
			      reason_name(got.reason));
		wd_expect_int(op->want.verdict, got.verdict);
	}
	episode_free(&episode);
	wd_test_row(NULL);
}

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".case");
}

static void cases_of_the_corpus_end_as_they_say(void)
{
	struct dirent **entries;
	int cnt = scandir(CORPUS, &entries, is_case, alphasort);
	char path[512];

	wd_expect(cnt > 0);
	for (int i = 0; i < cnt; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", CORPUS,
			       entries[i]->d_name);
		replay_case(path);
		free(entries[i]);
	}
	if (cnt > 0)
		free(entries);
}

/* ---- the grammar ---- */

static void tell_mismatch(const struct op *op, const struct ruling *got)
{
	printf("# judge: %s, verdict %d; programs: %s (%d), verdict %d\n",
	       reason_name(op->want.reason), op->want.verdict,
	       reason_name(got->reason), got->reason, got->verdict);
}

/* Generate and play. Return: packets run; the last one differs if not *ret_same. */
static uint64_t play_new(struct episode *episode, uint64_t episode_seed,
			 bool flood, bool *ret_same)
{
	static uint8_t data[FRAME_MAX];
	struct op op = { .data = data };
	struct ruling got = { -1, WD_DROP };
	uint64_t packets = 0;
	bool same = true;

	reset();
	gen_begin(gen, episode_seed, flood);
	for (int i = 0; same && i < (flood ? FLOOD_OPS : EPISODE_OPS); i++) {
		gen_next(gen, &op);
		same = step(&op, &got);
		episode_add(episode, &op);
		if (op.kind != OP_PACKET)
			continue;
		packets++;
		seen[op.want.reason][op.dir]++;
	}
	if (!same)
		tell_mismatch(&op, &got);
	/* each time would cost as much as a thousand packets */
	else if (episode_seed % 4 == 0)
		same = flows_are_same(true);
	*ret_same = same;
	return packets;
}

static int64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * The judge's clock stands still; the programs' must not get far. Where it did,
 * a difference says nothing: it is tried again, and at last not counted.
 * Return: packets run and compared; -1 after a mismatch.
 */
static int64_t run_episode(uint64_t episode_seed, bool flood)
{
	uint64_t before = programs_counted(), packets = 0, sum = 0;
	struct episode episode = { .cnt = 0 };
	bool same = false, late = true;

	for (int i = 0; !same && late && i < TRIES; i++) {
		int64_t begin = now_ms();

		episode_free(&episode);
		packets = play_new(&episode, episode_seed, flood, &same);
		sum += packets;
		late = now_ms() - begin > LATE_MS;
	}
	if (same)
		same = wd_expect_int((long long)sum,
				     (long long)(programs_counted() - before));
	else if (late)
		packets = 0;
	else
		keep(&episode, episode_seed);
	episode_free(&episode);
	return same || late ? (int64_t)packets : -1;
}

static void programs_and_judge_agree_on_every_packet(void)
{
	uint64_t done = 0, nr = 0, late = 0;
	time_t begin = time(NULL);

	while (done < packets_wanted) {
		int64_t packets = run_episode(seed + nr, nr % FLOOD_EVERY == 7);

		nr++;
		if (!wd_expect(packets >= 0))
			break;
		late += !packets;
		if (!wd_expect(late <= 10 + nr / 20))
			break; /* a machine that is always slow proves nothing */
		done += (uint64_t)packets;
	}
	printf("# %" PRIu64 " packets in %" PRIu64
	       " episodes, %lld s; the machine was too slow for %" PRIu64 "\n",
	       done, nr, (long long)(time(NULL) - begin), late);
}

/* What the object at hand never says, see bpf/rung.h. */
static bool is_never(int reason)
{
	if (!sheds())
		return reason == WD_R_SHED;
	return reason == WD_R_IPOPT || reason == WD_R_FRAG_ORPHAN ||
	       reason == WD_R_FRAG_FULL;
}

/* Of encryption, which is not asked for here: see selftests/wire-packets. */
static bool is_of_wires(int reason)
{
	return (reason >= WD_R_ENCRYPTED && reason <= WD_R_OUTSIDE) ||
	       (reason >= WD_R_PLAINTEXT_OUT && reason <= WD_R_TUN_OPAQUE);
}

/* A generator that no longer gets somewhere proves nothing. */
static void every_reason_was_met_in_both_directions(void)
{
	static const struct {
		int reason;
		bool not_in, not_out;
	} rare[] = {
		{ WD_R_HOST, false, true },
		{ WD_R_SPOOF_MAC, true, false },
		{ WD_R_NOT_LOCAL, false, true },
		{ WD_R_MAP_ERR, true, true },
		/* there are none here: the oracle has them */
		{ WD_R_SERVICE, true, true },
		{ WD_R_SERVICE_LATE, true, true },
		{ WD_R_ANSWER, true, true },
		/* only where the hash puts nine of a sender's trains */
		{ WD_R_FRAG_FULL, true, true },
		/* more than an episode has */
		{ WD_R_NEIGHBOUR_FLOOD, true, true },
		/* a share that is eight times as large */
		{ WD_R_CT_FULL, true, false },
	};
	for (int r = 0; r < WD_R__MAX; r++) {
		bool need[2] = { true, true };

		if (reason_name(r)[0] == '?' || is_never(r) || is_of_wires(r))
			continue;
		for (size_t i = 0; i < sizeof(rare) / sizeof(rare[0]); i++) {
			if (rare[i].reason != r)
				continue;
			need[WD_INGRESS] = !rare[i].not_in;
			need[WD_EGRESS] = !rare[i].not_out;
		}
		printf("# %-16s %9" PRIu64 " in %9" PRIu64 " out\n",
		       reason_name(r), seen[r][0], seen[r][1]);
		wd_test_row(reason_name(r));
		wd_expect(!need[WD_INGRESS] || seen[r][WD_INGRESS]);
		wd_expect(!need[WD_EGRESS] || seen[r][WD_EGRESS]);
	}
}

static bool is_of_trains(enum mark at)
{
	return at == MARK_TRAIN_HOLE || at == MARK_TRAIN_DONE ||
	       at == MARK_TRAIN_ENDED || at == MARK_TRAIN_ANEW ||
	       at == MARK_TRAIN_PORTS;
}

static void packets_get_far(void)
{
	static const char *const names[] = {
#define NAME(name, what) what,
		MARKS(NAME)
#undef NAME
	};
	uint64_t passed = 0, all = 0;

	for (int r = 0; r < WD_R__MAX; r++) {
		all += seen[r][0] + seen[r][1];
		passed += r < WD_R_FIRST_DROP ? seen[r][0] + seen[r][1] : 0;
	}
	printf("# %" PRIu64 " of %" PRIu64 " passed\n", passed, all);
	wd_expect(passed * 4 > all);
	printf("# %" PRIu64 " flows compared\n", flows_compared);
	wd_expect(flows_compared > 0);
	for (int i = 0; i < MARK__MAX; i++) {
		if (sheds() && is_of_trains(i))
			continue;
		printf("# %9" PRIu64 " %s\n", judge_marks[i], names[i]);
		wd_test_row(names[i]);
		wd_expect(judge_marks[i] > 0);
	}
}

int main(int argc, char **argv)
{
	const char *given = argc > 2 ? argv[2] : getenv("WD_SEED");

	seed = given ? strtoull(given, NULL, 0) :
		       (uint64_t)time(NULL) * 1000003;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# WD_SEED=%" PRIu64 "\n", seed);
	judge = judge_new(sheds());
	gen = gen_new();
	if (!judge || !gen || programs_open())
		return 1;
	if (argc > 1)
		packets_wanted = strtoull(argv[1], NULL, 10);
	else if (getenv("WD_LONG"))
		packets_wanted = PACKETS_LONG;
	else if (wd_image_is_lower())
		packets_wanted = PACKETS_LOWER;
	if (argc == 1)
		WD_TEST(cases_of_the_corpus_end_as_they_say);
	WD_TEST(programs_and_judge_agree_on_every_packet);
	/* what is seldom is met for certain only in a whole run */
	if (argc == 1 && packets_wanted >= PACKETS) {
		WD_TEST(every_reason_was_met_in_both_directions);
		WD_TEST(packets_get_far);
	}
	programs_close();
	gen_free(gen);
	judge_free(judge);
	return wd_tests_end();
}
