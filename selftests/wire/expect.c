// SPDX-License-Identifier: GPL-2.0-only
/* expect.c - the pods' talk, and what is seen of it. */
#include "expect.h"

#include <stdio.h>
#include <stdlib.h>

#include "agents.h"
#include "tap.h"

int expect_hold_ms = 1000;
static struct talk talk[SITE_NODES];

/* In a flood it is node a that is in trouble, and sends all that it can. */
void begin_talk(enum talk_kind kind)
{
	unsigned int rate = talk_rate;

	for (int n = 0; n < SITE_NODES; n++) {
		talk_rate = n && !rate ? TALK_RATE : rate;
		wd_expect(talk_pods(&talk[n], n, SITE_POD, kind));
	}
	talk_rate = rate;
}

/* Return: how many each node's pod has sent. */
static void end_talk(uint64_t ret_sent[SITE_NODES])
{
	for (int n = 0; n < SITE_NODES; n++) {
		wd_expect(talk_end(&talk[n]));
		ret_sent[n] = talk[n].sent;
		wd_expect(talk[n].sent > 0);
	}
}

void stop_talk(void)
{
	uint64_t sent[SITE_NODES];

	end_talk(sent);
}

struct seen expect_no_leak(int ms)
{
	struct seen seen;

	wd_expect(watch(ms, &seen));
	wd_expect_int(0, (long long)seen.leaks);
	return seen;
}

/*
 * After a talk: what was sent may still come, and later where a machine is
 * behind. @came: how many have, is added to; NULL: whatever.
 */
static void expect_the_end(uint64_t came[SITE_NODES])
{
	long until = site_now_ms() + EXPECT_MENDED_MS;
	uint64_t late;

	do {
		struct seen seen = expect_no_leak(EXPECT_LATER_MS);

		late = 0;
		for (int n = 0; n < SITE_NODES; n++) {
			late += seen.arrived[n][SITE_POD];
			if (came)
				came[n] += seen.arrived[n][SITE_POD];
		}
	} while (late && site_now_ms() < until);
}

void expect_nothing_arrives(int ms)
{
	struct seen seen = expect_no_leak(ms);

	for (int n = 0; n < SITE_NODES; n++)
		wd_expect_int(0, (long long)seen.arrived[n][SITE_POD]);
}

void expect_nothing_arrives_at(int node)
{
	struct seen seen = expect_no_leak(expect_hold_ms);

	wd_expect_int(0, (long long)seen.arrived[node][SITE_POD]);
}

bool expect_arrival_at(int node)
{
	long until = site_now_ms() + EXPECT_MENDED_MS;

	do {
		struct seen seen = expect_no_leak(expect_hold_ms);

		if (seen.arrived[node][SITE_POD] && seen.sealed)
			return true;
	} while (site_now_ms() < until);
	return false;
}

bool expect_all_arrives(int ms)
{
	struct seen seen = expect_no_leak(ms);
	bool ok = wd_expect(seen.sealed > 0);

	for (int n = 0; n < SITE_NODES; n++)
		ok = wd_expect(seen.arrived[n][SITE_POD] > 0) && ok;
	return ok;
}

void expect_hidden(void (*change)(void))
{
	begin_talk(TALK_ALL);
	(void)expect_no_leak(expect_hold_ms / 2);
	change();
	(void)expect_no_leak(expect_hold_ms);
}

/* WireGuard tries again each 5 s where the other end did not answer. */
static bool comes_back(void)
{
	long until = site_now_ms() + EXPECT_MENDED_MS;

	do {
		struct seen seen = expect_no_leak(expect_hold_ms);

		if (seen.arrived[0][SITE_POD] && seen.arrived[1][SITE_POD])
			return true;
	} while (site_now_ms() < until);
	return false;
}

long expect_mended(void (*mend)(void))
{
	long begin = site_now_ms(), took = -1;

	mend();
	if (wd_expect(comes_back()))
		took = site_now_ms() - begin;
	if (took < 0 || !expect_all_arrives(expect_hold_ms))
		agents_show();
	stop_talk();
	expect_the_end(NULL);
	return took;
}

/*
 * Packets that the kernel threw away as its processor was too far behind: an
 * emulated machine that has to wait for others. Column 2, of all processors.
 */
static uint64_t backlog_drops(void)
{
	FILE *f = fopen("/proc/net/softnet_stat", "re");
	char line[256], *at;
	uint64_t sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		(void)strtoul(line, &at, 16);
		sum += strtoul(at, NULL, 16);
	}
	if (f)
		(void)fclose(f);
	return sum;
}

/*
 * What WireGuard kept while it could not send, up to 128 packets for each peer,
 * goes with the first one that follows: that is to be before any is counted.
 */
static void send_what_was_kept(void)
{
	begin_talk(TALK_UDP);
	(void)expect_no_leak(EXPECT_LATER_MS);
	stop_talk();
	expect_the_end(NULL);
}

void expect_none_lost(void (*change)(void))
{
	uint64_t sent[SITE_NODES], came[SITE_NODES] = { 0 };
	int64_t behind;
	struct seen seen;

	send_what_was_kept();
	behind = (int64_t)backlog_drops();
	begin_talk(TALK_UDP);
	change();
	seen = expect_no_leak(expect_hold_ms);
	for (int n = 0; n < SITE_NODES; n++)
		came[n] = seen.arrived[n][SITE_POD];
	end_talk(sent);
	expect_the_end(came);
	behind = (int64_t)backlog_drops() - behind;
	for (int n = 0; n < SITE_NODES; n++) {
		int64_t lost = (int64_t)(sent[n] - came[!n]);

		wd_expect_int(0, (long long)talk[n].refused);
		/* more than was sent would hide what was lost */
		if (!wd_expect(lost >= 0) || !wd_expect(lost <= behind))
			agents_show();
		printf("# %ju sent, %jd lost, %jd by the kernel's own queue\n",
		       (uintmax_t)sent[n], (intmax_t)lost, (intmax_t)behind);
	}
}

void nothing(void)
{
}
