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
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pods.h"
#include "tap.h"

#define RUN_DIR WD_FX_ROOT "/run"
#define LOG WD_FX_ROOT "/log"
#define STATUS WD_FX_ROOT "/status"
#define START_MS 300000 /* emulated, with a sixth of a processor */
#define READY "agent: ready in" /* the last word of a start in its log */
#define POLL_US 20000
#define PASSES_MS 20000 /* what must come */
#define QUIET_MS 300 /* what must not */
#define PROBING_US 300000
#define LOG_LINES 12
/* Per cent of what is permitted may be lost on rung nft, whose rules change by
 * a transaction of some milliseconds; no other rung may lose any. */
#define LOST_NFT 1

static const char *warder; /* path of the program */
static const char *top = "full"; /* the highest rung that it may use */
static pid_t agent;
static char rung[16]; /* that it reached first */

/* ---- the agent ---- */

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void show_log(void)
{
	static char line[LOG_LINES][512];
	FILE *f = fopen(LOG, "re");
	int n = 0;

	while (f && fgets(line[n % LOG_LINES], sizeof(line[0]), f))
		n++;
	for (int i = n > LOG_LINES ? n - LOG_LINES : 0; i < n; i++)
		printf("# agent: %s", line[i % LOG_LINES]);
	if (f)
		(void)fclose(f);
}

static bool spawn_agent(const char *max_rung)
{
	const char *argv[] = { warder,	      "agent",
			       "--node",      "node",
			       "--manifests", PODS_MANIFESTS,
			       "--run-dir",   RUN_DIR,
			       "--state-dir", WD_FX_ROOT "/state",
			       "--bpffs",     WD_FX_BPFFS,
			       "--max-rung",  max_rung,
			       NULL };
	posix_spawn_file_actions_t to;
	bool ok;

	if (posix_spawn_file_actions_init(&to))
		return false;
	ok = !posix_spawn_file_actions_addopen(
		     &to, 1, LOG, O_WRONLY | O_CREAT | O_APPEND, 0600) &&
	     !posix_spawn_file_actions_adddup2(&to, 1, 2) &&
	     !posix_spawn(&agent, warder, &to, NULL,
			  (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&to);
	return ok;
}

/* What it says of itself: the rung, "" while it is not ready. */
static void ask(char ret_rung[16])
{
	struct json_object *doc, *name;

	ret_rung[0] = '\0';
	if (!wd_fx_run("%s status --json --run-dir " RUN_DIR " >" STATUS,
		       warder))
		return;
	doc = json_object_from_file(STATUS);
	if (doc && json_object_object_get_ex(doc, "rung", &name))
		snprintf(ret_rung, 16, "%s", json_object_get_string(name));
	json_object_put(doc);
}

/*
 * Its log says when to ask: where all is emulated, a command that asks is half
 * of what the machine can do, and the agent is to have it.
 * Return: it is ready, with its rung in @ret_rung.
 */
static bool start_agent(const char *max_rung, char ret_rung[16])
{
	long until = now_ms() + START_MS, from = wd_fx_size(LOG);

	ret_rung[0] = '\0';
	if (!spawn_agent(max_rung))
		return false;
	while (!*ret_rung && now_ms() < until) {
		if (waitpid(agent, NULL, WNOHANG) == agent)
			break;
		usleep(POLL_US);
		if (wd_fx_says(LOG, from, READY))
			ask(ret_rung);
	}
	if (!*ret_rung)
		show_log();
	return *ret_rung;
}

static void end_agent(int sig)
{
	kill(agent, sig);
	waitpid(agent, NULL, 0);
}

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
		show_log();
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
	long begin = now_ms();

	if (no_veth()) {
		wd_test_skip("the kernel has no veth, and the agent guards "
			     "no other pairs");
		return;
	}
	if (!wd_expect(start_agent(top, rung)))
		return;
	printf("@agent %s %ld\n", rung, now_ms() - begin);
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
	char again[16];

	end_agent(SIGKILL);
	usleep(PROBING_US);
	if (wd_expect(start_agent(top, again)))
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
	char now[16];

	end_agent(SIGTERM);
	if (wd_expect(start_agent(next_rung, now)))
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
	wd_expect(wd_fx_run("%s stop --detach --run-dir " RUN_DIR
			    " --bpffs " WD_FX_BPFFS,
			    warder));
	wd_expect(pods_datagram(POD_BAD, AF_INET, PODS_PORT, PASSES_MS));
	waitpid(agent, NULL, 0);
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
