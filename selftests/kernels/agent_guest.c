/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent_guest.c - the real agent on any kernel, with real traffic.
 *
 *	agent_guest WARDER [HIGHEST RUNG [short]]
 *
 * Starts it beside pods that run already, says which rung it reaches and in
 * what time, as a line for tools/kernels/run:
 *
 *	@agent RUNG MS
 *
 * and looks that what the policy allows passes and nothing else does: after the
 * start, through SIGKILL and a new start, and while programs of one rung take
 * the place of another's (not in the short form).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "pods.h"
#include "tap.h"

#define PASSES_MS 20000 /* what must come */
#define QUIET_MS 300 /* what must not */
#define PROBING_US 300000
/* Per cent of what is permitted may be lost on rung nft, whose rules change by
 * a transaction of some milliseconds; no other rung may lose any. */
#define LOST_NFT 1

static const char *warder; /* path of the program */
static const char *top = "full"; /* the highest rung that it may use */
static char rung[AGENT_RUNG_STRLEN]; /* that it reached first */

static bool takes_rung(const char *name)
{
	return wd_fx_run("%s agent --check --manifests " PODS_MANIFESTS
			 " --max-rung %s",
			 warder, name);
}

/* ---- traffic ---- */

/* Does something judge flows, or is nothing but closing left? */
static bool passes_anything(void)
{
	return strcmp(rung, "hold") != 0;
}

static bool expect_allowed(int family)
{
	int fd = pods_connect(POD_OK, family, PODS_PORT, PASSES_MS);
	int other = pods_accept(family, PODS_PORT, PASSES_MS);
	bool good = wd_expect(fd >= 0);

	good = wd_expect(other >= 0) && good;
	close(fd);
	close(other);
	return wd_expect(pods_datagram(POD_OK, family, PODS_PORT, PASSES_MS)) &&
	       good;
}

static bool expect_denied(enum pod from, int family, uint16_t port)
{
	int fd = pods_connect(from, family, port, QUIET_MS);
	int other = pods_accept(family, port, 0);
	bool good = wd_expect_int(-1, fd);

	good = wd_expect_int(-1, other) && good;
	close(fd);
	close(other);
	return wd_expect(!pods_datagram(from, family, port, QUIET_MS)) && good;
}

static void expect_policy(void)
{
	bool good = true;

	for (int i = 0; i < 1 + pods_has_ip6(); i++) {
		int family = i ? AF_INET6 : AF_INET;

		wd_test_row(i ? "v6" : "v4");
		if (passes_anything())
			good = expect_allowed(family) && good;
		good = expect_denied(POD_BAD, family, PODS_PORT) && good;
		good = expect_denied(POD_OK, family, PODS_OTHER_PORT) && good;
	}
	wd_test_row(NULL);
	if (!good)
		agent_show_log();
}

/* A connection of `ok`, with both its ends. */
struct stream {
	int client, server;
};

static bool stream_open(struct stream *stream, int family)
{
	stream->client = pods_connect(POD_OK, family, PODS_PORT, PASSES_MS);
	stream->server = pods_accept(family, PODS_PORT, PASSES_MS);
	return stream->client >= 0 && stream->server >= 0;
}

static bool carries(int from, int to)
{
	struct timeval wait = { .tv_sec = PASSES_MS / 1000 };
	char byte = 'b';

	return send(from, &byte, 1, MSG_NOSIGNAL) == 1 &&
	       !setsockopt(to, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) &&
	       recv(to, &byte, 1, MSG_WAITALL) == 1;
}

static bool stream_lives(const struct stream *stream)
{
	int flags = fcntl(stream->client, F_GETFL);

	return !fcntl(stream->client, F_SETFL, flags & ~O_NONBLOCK) &&
	       carries(stream->client, stream->server) &&
	       carries(stream->server, stream->client);
}

static void stream_close(const struct stream *stream)
{
	close(stream->client);
	close(stream->server);
}

/* ---- tests ---- */

static bool no_veth(void)
{
	const char *lacks = getenv("WD_LACKS");

	return lacks && strstr(lacks, "veth");
}

static void agent_reaches_a_rung_beside_pods_that_run(void)
{
	long begin = agent_now_ms();

	if (no_veth()) {
		wd_test_skip("the kernel has no veth, and the agent guards "
			     "no other pairs");
		return;
	}
	if (!wd_expect(agent_start(warder, top, rung)))
		return;
	printf("@agent %s %ld\n", rung, agent_now_ms() - begin);
}

static void what_is_allowed_passes_and_nothing_else(void)
{
	expect_policy();
}

static uint32_t may_lose(uint32_t sent)
{
	return strcmp(rung, "nft") ? 0 : sent * LOST_NFT / 100;
}

/*
 * While both pods try all the time, @change happens. Then: of `bad` nothing has
 * arrived, of `ok` everything that it sent, and a connection goes on.
 */
static void expect_no_gap(void (*change)(void))
{
	struct prober bad, good;
	struct stream stream = { .client = -1, .server = -1 };
	bool open = passes_anything() && stream_open(&stream, AF_INET);

	wd_expect(open || !passes_anything());
	if (!wd_expect(prober_begin(&bad, POD_BAD)) ||
	    !wd_expect(prober_begin(&good, POD_OK)))
		return;
	usleep(PROBING_US);
	change();
	usleep(PROBING_US);
	wd_expect(prober_end(&good));
	wd_expect(prober_end(&bad));
	wd_expect(bad.sent > 0);
	wd_expect_int(0, bad.arrived);
	wd_expect_int(0, bad.connected);
	if (passes_anything()) {
		wd_expect(good.sent > 0);
		wd_expect(good.arrived + may_lose(good.sent) >= good.sent);
		wd_expect(good.connected > 0);
		wd_expect(stream_lives(&stream));
	}
	printf("# denied: %u sent, 0 wanted, %u arrived; allowed: %u of %u\n",
	       bad.sent, bad.arrived, good.arrived, good.sent);
	if (open)
		stream_close(&stream);
}

static void kill_and_start(void)
{
	char again[AGENT_RUNG_STRLEN];

	agent_end(SIGKILL);
	usleep(PROBING_US);
	if (wd_expect(agent_start(warder, top, again)))
		wd_expect_str(rung, again);
}

static void nothing_leaks_or_is_lost_through_sigkill_and_a_new_start(void)
{
	expect_no_gap(kill_and_start);
	expect_policy();
}

static const char *next_rung;

static void go_to_rung(void)
{
	char now[AGENT_RUNG_STRLEN];

	agent_end(SIGTERM);
	if (wd_expect(agent_start(warder, next_rung, now)))
		wd_expect_str(next_rung, now);
}

static void nothing_leaks_or_is_lost_while_programs_are_swapped(void)
{
	if (!takes_rung("minimal")) {
		wd_test_skip("this agent knows one rung");
		return;
	}
	if (!strcmp(rung, "nft") || !strcmp(rung, "hold")) {
		wd_test_skip("no programs are in force");
		return;
	}
	next_rung = "minimal";
	expect_no_gap(go_to_rung);
	expect_policy();
	next_rung = rung;
	expect_no_gap(go_to_rung);
	expect_policy();
}

static void detaching_opens_everything(void)
{
	wd_expect(agent_detach());
	wd_expect(pods_datagram(POD_BAD, AF_INET, PODS_PORT, PASSES_MS));
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: agent_guest WARDER [RUNG [short]]\n");
		return 2;
	}
	warder = argv[1];
	top = argc > 2 ? argv[2] : top;
	wd_fx_enter();
	if (!no_veth() && !pods_new()) {
		printf("Bail out! no pods: %s\n", strerror(errno));
		return 1;
	}
	WD_TEST(agent_reaches_a_rung_beside_pods_that_run);
	if (!rung[0])
		return wd_tests_end();
	WD_TEST(what_is_allowed_passes_and_nothing_else);
	WD_TEST(nothing_leaks_or_is_lost_through_sigkill_and_a_new_start);
	if (argc < 4)
		WD_TEST(nothing_leaks_or_is_lost_while_programs_are_swapped);
	WD_TEST(detaching_opens_everything);
	return wd_tests_end();
}
