// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_bench.c - what goes through WireGuard of a real kernel, with warder and
 * without it.
 *
 *	wire_bench WARDER [ROUNDS]
 *
 * Two sites (site.h) at the same time, equal but for the agents that one of them
 * has and that require encryption. In each, one TCP connection from pod to pod
 * sends what it can while it is its turn. Turns are short and change places, so
 * that a machine that is slow for a while is slow for both. Prints TAP, and the
 * medians as a line of JSON behind a `#`.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents.h"
#include "datapath/fixture.h"
#include "link.h"
#include "objects.h"
#include "tap.h"

#define ROUNDS 20
#define ROUNDS_MAX 1000
#define TURN_MS 1500
#define SETTLE_MS 500 /* what is under way when a turn ends */
#define SETUP_S 900 /* emulated, on a busy machine */
#define PORT 9100
#define CHUNK 65536

enum { WITH, WITHOUT, SITES };

/* Of each site, in memory that all its processes share. */
struct turn {
	atomic_bool on;
	atomic_bool ready;
	atomic_bool broken;
	atomic_ullong bytes; /* received */
};

static struct turn *turn;

/* ---- one connection ---- */

static struct sockaddr_in address(int node, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(port) };

	if (inet_pton(AF_INET, site_ip(node, SITE_POD, false), &to.sin_addr) !=
	    1)
		abort();
	return to;
}

static void receive(struct turn *t, int from)
{
	static char data[CHUNK];
	ssize_t got;

	while ((got = read(from, data, sizeof(data))) > 0)
		atomic_fetch_add(&t->bytes, (unsigned long long)got);
	atomic_store(&t->broken, true);
	_exit(1);
}

static void send_all(struct turn *t, int to)
{
	static char data[CHUNK];

	atomic_store(&t->ready, true);
	for (;;) {
		if (!atomic_load(&t->on))
			usleep(2000);
		else if (write(to, data, sizeof(data)) < 0)
			break;
	}
	atomic_store(&t->broken, true);
	_exit(1);
}

static int listen_in_pod(int node)
{
	struct sockaddr_in to = address(node, PORT);
	int fd = -1;

	if (site_enter(site_pod_name(node, SITE_POD)))
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 &&
	    (bind(fd, (struct sockaddr *)&to, sizeof(to)) || listen(fd, 1))) {
		close(fd);
		fd = -1;
	}
	return site_enter(NULL) ? fd : -1;
}

static int connect_from_pod(int node)
{
	struct sockaddr_in to = address(!node, PORT);
	int fd = -1;

	if (site_enter(site_pod_name(node, SITE_POD)))
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		fd = -1;
	}
	return site_enter(NULL) ? fd : -1;
}

static pid_t child_of(struct turn *t, void (*run)(struct turn *t, int fd),
		      int fd)
{
	pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(t, fd);
		_exit(1);
	}
	return child;
}

static void accept_and_receive(struct turn *t, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		_exit(1);
	receive(t, fd);
}

/* ---- one site ---- */

static bool make_site(bool with)
{
	wd_fx_enter();
	if (!site_new() || !link_new() || !objects_new())
		return false;
	for (int n = 0; with && n < SITE_NODES; n++)
		if (!agent_start(n) || !agent_ready(n))
			return false;
	return true;
}

/* Until it is ended: agents and pods are its children. */
static void run_site(struct turn *t, bool with)
{
	int fd = make_site(with) ? listen_in_pod(1) : -1;

	if (fd < 0 || child_of(t, accept_and_receive, fd) < 0)
		goto broken;
	fd = connect_from_pod(0);
	if (fd < 0 || child_of(t, send_all, fd) < 0)
		goto broken;
	for (;;)
		pause();
broken:
	printf("# a site %s warder: %s\n", with ? "with" : "without",
	       strerror(errno));
	if (with)
		agents_show();
	(void)fflush(stdout);
	atomic_store(&t->broken, true);
	_exit(1);
}

static bool wait_until_ready(const struct turn *t)
{
	for (int i = 0; i < SETUP_S * 10; i++) {
		if (atomic_load(&t->broken))
			return false;
		if (atomic_load(&t->ready))
			return true;
		usleep(100000);
	}
	return false;
}

/* ---- turns ---- */

/* Return: bits per second */
static double take_turn(struct turn *t)
{
	unsigned long long before;
	long begin, end;

	atomic_store(&t->on, true);
	usleep(SETTLE_MS * 1000);
	before = atomic_load(&t->bytes);
	begin = site_now_ms();
	usleep(TURN_MS * 1000);
	before = atomic_load(&t->bytes) - before;
	end = site_now_ms();
	atomic_store(&t->on, false);
	usleep(SETTLE_MS * 1000);
	return (double)before * 8000.0 / (double)(end - begin);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *list, int cnt)
{
	qsort(list, (size_t)cnt, sizeof(*list), compare);
	return cnt % 2 ? list[cnt / 2] :
			 (list[cnt / 2 - 1] + list[cnt / 2]) / 2;
}

static int rounds = ROUNDS;

static void both_sites_talk_through_wireguard_in_turns(void)
{
	static double rate[SITES][ROUNDS_MAX], ratio[ROUNDS_MAX];
	double middle[SITES];

	for (int s = 0; s < SITES; s++)
		if (!wd_expect(wait_until_ready(&turn[s])))
			return;
	for (int s = 0; s < SITES; s++) /* the first ones make keys */
		(void)take_turn(&turn[s]);
	for (int i = 0; i < rounds; i++) {
		int first = i % 2 ? WITHOUT : WITH;

		rate[first][i] = take_turn(&turn[first]);
		rate[!first][i] = take_turn(&turn[!first]);
		ratio[i] = rate[WITHOUT][i] > 0 ?
				   rate[WITH][i] / rate[WITHOUT][i] :
				   0;
	}
	for (int s = 0; s < SITES; s++) {
		wd_expect(!atomic_load(&turn[s].broken));
		middle[s] = median(rate[s], rounds);
		wd_expect(middle[s] > 0);
	}
	printf("# {\"name\": \"wg_throughput\", \"value\": %.3f, "
	       "\"unit\": \"Mbit/s\", \"baseline\": %.3f}\n",
	       middle[WITH] / 1e6, middle[WITHOUT] / 1e6);
	(void)median(ratio, rounds);
	printf("# {\"name\": \"wg_throughput_ratio\", \"value\": %.4f, "
	       "\"unit\": \"ratio\"}\n",
	       median(ratio, rounds));
	printf("# %d rounds; ratios of the middle half %.3f to %.3f\n", rounds,
	       ratio[rounds / 4], ratio[rounds - 1 - rounds / 4]);
}

int main(int argc, char **argv)
{
	pid_t site[SITES];

	if (argc > 2)
		rounds = (int)strtol(argv[2], NULL, 10);
	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: wire_bench WARDER [ROUNDS]\n");
		return 2;
	}
	agents_opts.warder = argv[1];
	(void)signal(SIGPIPE, SIG_IGN);
	turn = mmap(NULL, SITES * sizeof(*turn), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (turn == MAP_FAILED) {
		printf("Bail out! %s\n", strerror(errno));
		return 1;
	}
	for (int s = 0; s < SITES; s++) {
		site[s] = fork();
		if (site[s])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_site(&turn[s], s == WITH);
	}
	WD_TEST(both_sites_talk_through_wireguard_in_turns);
	for (int s = 0; s < SITES; s++) {
		if (site[s] <= 0)
			continue;
		kill(site[s], SIGKILL);
		(void)waitpid(site[s], NULL, 0);
	}
	return wd_tests_end();
}
