/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * golden_nft.c - the trial of a ruleset before one decides anything real.
 *
 * There is no BPF_PROG_TEST_RUN for rulesets, so a child makes a network
 * namespace with one pair of interfaces, puts a ruleset in force there by the
 * same generator and library, and sends the golden packets of pods through
 * it. Of each it looks at the reason that was counted and whether it passed
 * both. Nothing of the node's own is touched or seen.
 *
 * One wrong verdict, and the ruleset is not used. What could not be tried is
 * another thing: below this rung is nothing but to close every pod, so it is
 * told and not held against the ruleset.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/now.h"
#include "../base/opt.h"
#include "ask.h"
#include "golden_net.h"
#include "golden_scene.h"
#include "internal.h"
#include "memory.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/nft.h"
#include "nft/tally.h"

#define PACKET_MS 1000 /* until it is counted, on a machine with much to do */
#define TRIAL_MS 4000 /* all of it */
#define TABLE "inet " WD_NFT_TALLY_TABLE

/* What the child tells; small enough for one write. */
struct report {
	int err; /* 0, -EBADMSG, -EOPNOTSUPP */
	char text[320];
};

struct trial {
	struct report report;
	struct wd_golden_net net;
	struct wd_memory *mem;
	struct wd_nft *nft;
	struct wd_golden_tables to;
	struct wd_nft_tally before, after; /* of one packet */
};

__attribute__((format(printf, 3, 4))) static int say(struct trial *t, int err,
						     const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(t->report.text, sizeof(t->report.text), fmt, ap);
	va_end(ap);
	t->report.err = err;
	return err;
}

static int untried(struct trial *t, int err, const char *what, const char *why)
{
	return say(t, -EOPNOTSUPP,
		   "the golden packets of the ruleset cannot be tried: %s: %s",
		   what, why ? why : strerror(-err));
}

/* ---- tables ---- */

static int set_entry(void *ctx, enum wd_map map, const void *key,
		     const void *val)
{
	return wd_memory_set(ctx, map, key, val);
}

static int del_entry(void *ctx, enum wd_map map, const void *key)
{
	return wd_memory_del(ctx, map, key);
}

static int get_entry(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	return wd_memory_get(ctx, map, key, ret_val);
}

static int next_entry(void *ctx, enum wd_map map, const void *prev,
		      void *ret_next)
{
	return wd_memory_next(ctx, map, prev, ret_next);
}

static void *window(void *ctx, enum wd_map map)
{
	return wd_memory_window(ctx, map);
}

/* ---- rulesets ---- */

/* Whatever passes the ruleset is counted. */
static int count_passing(struct trial *t)
{
	char chains[600], *why = NULL;
	int err;

	(void)snprintf(
		chains, sizeof(chains),
		"add chain " TABLE
		" postrouting { type filter hook postrouting priority 300; }\n"
		"add rule " TABLE " postrouting oif %u counter name passed_in\n"
		"add chain " TABLE
		" input { type filter hook input priority 300; }\n"
		"add rule " TABLE " input iif %u counter name passed_out\n",
		t->net.ifindex, t->net.ifindex);
	err = wd_nft_tally_begin(chains, WD_GOLDEN_MARK, &why);
	if (err)
		err = untried(t, err, "nothing can be counted", why);
	free(why);
	return err;
}

static int begin(struct trial *t)
{
	struct wd_tables tables = { NULL, get_entry, next_entry, window };
	char *why = NULL;
	int err = wd_golden_net_open(&t->net);

	if (err)
		return untried(t, err, t->net.failed, NULL);
	err = count_passing(t);
	if (err)
		return err;
	err = wd_memory_new(&t->mem);
	t->to = (struct wd_golden_tables){ t->mem, set_entry, del_entry,
					   t->net.ifindex };
	tables.ctx = t->mem;
	if (!err)
		err = wd_golden_policy(&t->to);
	if (!err)
		err = wd_nft_open(&tables, &t->nft, &why);
	if (!err)
		err = wd_nft_expect(t->nft, t->net.ifindex);
	if (err)
		err = untried(t, err, "no ruleset", why);
	free(why);
	return err;
}

static int set_scene(struct trial *t, enum wd_golden_scene scene)
{
	int err = wd_golden_scene(&t->to, scene);
	char *why = NULL;

	if (!err)
		err = wd_nft_sync(t->nft, &why);
	if (err == -EBADMSG)
		err = say(t, err, "%s", why ? why : "");
	else if (err)
		err = untried(t, err, "the ruleset", why);
	free(why);
	return err;
}

/* ---- packets ---- */

/* What moved, WD_R__MAX: nothing; the larger, should there be two. */
static enum wd_reason moved(const struct wd_nft_tally *from,
			    const struct wd_nft_tally *to)
{
	enum wd_reason which = WD_R__MAX;

	for (int i = 0; i < WD_R__MAX; i++)
		if (to->reason[i] != from->reason[i] ||
		    to->audit[i] != from->audit[i])
			which = (enum wd_reason)i;
	return which;
}

#define NAME_(name, nr, drop, help) [nr] = #name,
static const char *const names[WD_R__MAX] = { WD_REASONS(NAME_) };
#undef NAME_

static const char *name_of(enum wd_reason reason)
{
	return reason < WD_R__MAX && names[reason] ? names[reason] : "nothing";
}

static int judge(struct trial *t, const struct wd_golden *g,
		 enum wd_reason want)
{
	enum wd_reason got = moved(&t->before, &t->after);
	bool passed = t->after.passed != t->before.passed;

	if (got == want && passed == (want < WD_R_FIRST_DROP))
		return 0;
	if (got == WD_R__MAX && !passed)
		return untried(t, 0, g->name, "it was not counted");
	return say(t, -EBADMSG,
		   "this kernel carries out the ruleset wrongly, so it is not "
		   "used: golden packet '%s' %s and was counted as %s, not %s",
		   g->name, passed ? "passed" : "did not pass", name_of(got),
		   name_of(want));
}

/* Is there anything to wait for? What passed was counted before it did. */
static bool is_told(const struct trial *t, enum wd_reason want)
{
	enum wd_reason got = moved(&t->before, &t->after);

	if (t->after.passed != t->before.passed)
		return true;
	return got != WD_R__MAX && (got != want || want >= WD_R_FIRST_DROP);
}

static int try_one(struct trial *t, const struct wd_golden *g)
{
	enum wd_reason want = g->nft ? g->nft : g->reason;
	int64_t until = wd_now_ms() + PACKET_MS;
	int err = wd_nft_tally_take(g->way, &t->before);

	if (!err)
		err = wd_golden_net_send(&t->net, g);
	while (!err) {
		err = wd_nft_tally_take(g->way, &t->after);
		if (err || is_told(t, want) || wd_now_ms() > until)
			break;
		(void)usleep(500);
	}
	return err ? untried(t, err, g->name, NULL) : judge(t, g, want);
}

static int try_all(struct trial *t)
{
	enum wd_golden_scene scene = NORMAL;
	int err = begin(t);

	if (!err)
		err = set_scene(t, scene);
	for (size_t i = 0; !err && i < wd_golden_cnt; i++) {
		const struct wd_golden *g = &wd_goldens[i];

		if (g->no_nft || (g->family == 6 && !t->net.has6))
			continue;
		if (g->scene != scene)
			err = set_scene(t, g->scene);
		scene = g->scene;
		if (!err)
			err = try_one(t, g);
	}
	return err;
}

/* ---- the child ---- */

__attribute__((noreturn)) static void be_child(int fd, pid_t parent)
{
	static struct trial t; /* large, and for once */

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it ended before that */
	/* the agent's lock, too, must not outlive an agent that is killed */
	if (fd > 3)
		(void)close_range(3, (unsigned int)fd - 1, 0);
	(void)close_range((unsigned int)fd + 1, ~0U, 0);
	(void)try_all(&t);
	/* all else, the namespace too, goes with the process */
	_exit(write(fd, &t.report, sizeof(t.report)) != sizeof(t.report));
}

/* Return: has it told; if not it is to be ended. */
static bool hear(int fd, struct report *ret)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	int64_t until = wd_now_ms() + TRIAL_MS;
	int ready;

	do {
		int64_t left = until - wd_now_ms();

		ready = poll(&poll_fd, 1, left > 0 ? (int)left : 0);
	} while (ready < 0 && errno == EINTR);
	return ready > 0 && read(fd, ret, sizeof(*ret)) == sizeof(*ret);
}

static void end(pid_t pid, bool kill_it)
{
	pid_t ended;

	if (kill_it)
		(void)kill(pid, SIGKILL);
	do {
		ended = waitpid(pid, NULL, 0);
	} while (ended < 0 && errno == EINTR);
}

static void try_it(struct report *ret)
{
	pid_t parent = getpid(), pid;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC)) {
		ret->err = -EOPNOTSUPP;
		(void)snprintf(ret->text, sizeof(ret->text),
			       "no pipe for the trial of the ruleset");
		return;
	}
	pid = fork();
	if (!pid)
		be_child(fd[1], parent);
	(void)close(fd[1]); /* nothing was written to it here */
	if (pid < 0 || !hear(fd[0], ret)) {
		ret->err = -EOPNOTSUPP;
		(void)snprintf(ret->text, sizeof(ret->text),
			       "the golden packets of the ruleset cannot be "
			       "tried: %s",
			       pid < 0 ? "no process for it" :
					 "it took too long, or died");
	}
	(void)close(fd[0]); /* was only read */
	if (pid > 0)
		end(pid, ret->err == -EOPNOTSUPP);
	ret->text[sizeof(ret->text) - 1] = '\0';
}

int wd_golden_nft(struct wd_datapath *dp)
{
	struct report report = { 0 };

	try_it(&report);
	return report.err ? wd_fail(dp, report.err, WD_STAGE_RUN, "%s",
				    report.text) :
			    0;
}

int wd_ask_ruleset(char **ret_error)
{
	struct report report = { 0 };

	try_it(&report);
	if (report.err)
		wd_format(ret_error, "%s", report.text);
	return report.err;
}
