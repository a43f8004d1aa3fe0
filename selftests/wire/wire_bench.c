// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_bench.c - what goes through WireGuard of a real kernel, with warder and
 * without it.
 *
 *	wire_bench WARDER [ROUNDS]
 *
 * Three sites (site.h) at the same time, equal but for the agents that one of them
 * has and that require encryption. In each, one TCP connection from pod to pod
 * sends what it can while it is its turn. Turns are short and change places, so
 * that a machine that is slow for a while is slow for all; what is under way is
 * kept small, so that it is gone when the next one's turn begins. The third site
 * is the control: what it is to the second, which it equals, is what the measure
 * itself is worth. Agents run on in turns of others as well; what they took of
 * the processor is told apart. Prints TAP, and medians as JSON behind a `#`.
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
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "agents.h"
#include "datapath/fixture.h"
#include "link.h"
#include "objects.h"
#include "tap.h"

#define ROUNDS 40
#define ROUNDS_MAX 1000
/* By the guest's clock, see tools/bench/in_guest.py: a million instructions each. */
#define TURN_MS 60
#define SETTLE_MS 40 /* what is under way when a turn ends */
#define UNDER_WAY 65536 /* bytes; no queue of the kernel is longer then */
#define SETUP_S 900 /* emulated, on a busy machine */
#define PORT 9100
#define CHUNK 65536
#define SEGMENT 1368 /* bytes of TCP in one packet, by the MTU of wg0 */

enum { WITH, WITHOUT, CONTROL, SITES };

/* Of each site, in memory that all its processes share. */
struct turn {
	atomic_bool on;
	atomic_bool ready;
	atomic_bool broken;
	atomic_ullong bytes; /* received */
	atomic_int agent[SITE_NODES]; /* pids */
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
	const int under_way = UNDER_WAY;
	int fd = -1;

	if (site_enter(site_pod_name(node, SITE_POD)))
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &under_way,
				   sizeof(under_way)) ||
			connect(fd, (struct sockaddr *)&to, sizeof(to)))) {
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

static bool make_site(struct turn *t, bool with)
{
	wd_fx_enter();
	if (!site_new() || !link_new() || !objects_new())
		return false;
	for (int n = 0; with && n < SITE_NODES; n++)
		if (!agent_start(n) || !agent_ready(n))
			return false;
	for (int n = 0; n < SITE_NODES; n++)
		atomic_store(&t->agent[n], site_node[n].agent);
	return true;
}

/* Until it is ended: agents and pods are its children. */
static void run_site(struct turn *t, bool with)
{
	int fd = make_site(t, with) ? listen_in_pod(1) : -1;

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

/*
 * Of the median of @cnt sorted values: where it is with 95 %, whatever they are
 * spread like. Source: binomial distribution of how many are below it.
 */
static int first_of_median(int cnt)
{
	int off = 0;

	while (off * off < cnt)
		off++;
	return cnt / 2 > off ? cnt / 2 - off : 0;
}

static int rounds = ROUNDS;
static double rate[SITES][ROUNDS_MAX];

static void tell_ratio(const char *name, int site)
{
	static double ratio[ROUNDS_MAX];
	int first = first_of_median(rounds);

	for (int i = 0; i < rounds; i++)
		ratio[i] = rate[WITHOUT][i] > 0 ?
				   rate[site][i] / rate[WITHOUT][i] :
				   0;
	printf("# {\"name\": \"%s\", \"value\": %.4f, \"unit\": \"ratio\"}\n",
	       name, median(ratio, rounds));
	printf("# %s: %d rounds, the middle half %.3f to %.3f, the median is in %.3f to %.3f\n",
	       name, rounds, ratio[rounds / 4], ratio[rounds - 1 - rounds / 4],
	       ratio[first], ratio[rounds - 1 - first]);
}

/* Of the agents, since they were started. */
static double cpu_ms(const struct turn *t)
{
	double sum = 0;

	for (int n = 0; n < SITE_NODES; n++) {
		struct timespec ts;
		clockid_t clock;

		if (wd_expect(!clock_getcpuclockid(atomic_load(&t->agent[n]),
						   &clock) &&
			      !clock_gettime(clock, &ts)))
			sum += (double)ts.tv_sec * 1e3 +
			       (double)ts.tv_nsec / 1e6;
	}
	return sum;
}

static void take_turns(void)
{
	double cpu = cpu_ms(&turn[WITH]);
	long begin = site_now_ms();

	for (int i = 0; i < rounds; i++)
		for (int k = 0; k < SITES; k++)
			rate[(i + k) % SITES][i] =
				take_turn(&turn[(i + k) % SITES]);
	printf("# the agents took %.2f %% of the processor, in all turns\n",
	       100 * (cpu_ms(&turn[WITH]) - cpu) /
		       (double)(site_now_ms() - begin));
}

/* Of all programs of ours, those of both nodes: what explains the ratio. */
static void show_programs(double packets, double ms)
{
	double runs = 0, ns = 0;
	__u32 id = 0;

	while (!bpf_prog_get_next_id(id, &id)) {
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0) /* it went */
			continue;
		if (!bpf_prog_get_info_by_fd(fd, &info, &len) && info.run_cnt &&
		    !strncmp(info.name, "wd_", 3)) {
			printf("# %s: %.2f runs for each packet, %.0f ns each\n",
			       info.name, (double)info.run_cnt / packets,
			       (double)info.run_time_ns / (double)info.run_cnt);
			runs += (double)info.run_cnt;
			ns += (double)info.run_time_ns;
		}
		close(fd);
	}
	printf("# programs: %.1f runs for each packet of %d bytes, %.1f %% of the time\n",
	       runs / packets, SEGMENT, ns / ms / 1e4);
}

/* A turn by itself: the kernel's own counting costs something. */
static void look_at_programs(void)
{
	unsigned long long before = atomic_load(&turn[WITH].bytes);
	int stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	long begin = site_now_ms();

	if (!wd_expect(stats >= 0))
		return;
	(void)take_turn(&turn[WITH]);
	before = atomic_load(&turn[WITH].bytes) - before;
	if (wd_expect(before > 0))
		show_programs((double)before / SEGMENT,
			      (double)(site_now_ms() - begin - SETTLE_MS));
	close(stats);
}

static void all_sites_talk_through_wireguard_in_turns(void)
{
	double middle[SITES];

	for (int s = 0; s < SITES; s++)
		if (!wd_expect(wait_until_ready(&turn[s])))
			return;
	for (int s = 0; s < SITES; s++) /* the first ones make keys */
		(void)take_turn(&turn[s]);
	take_turns();
	look_at_programs();
	tell_ratio("wg_throughput_ratio", WITH);
	tell_ratio("wg_control_ratio", CONTROL);
	for (int s = 0; s < SITES; s++) {
		wd_expect(!atomic_load(&turn[s].broken));
		middle[s] = median(rate[s], rounds);
		wd_expect(middle[s] > 0);
	}
	printf("# {\"name\": \"wg_throughput\", \"value\": %.3f, "
	       "\"unit\": \"Mbit/s\", \"baseline\": %.3f}\n",
	       middle[WITH] / 1e6, middle[WITHOUT] / 1e6);
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
	WD_TEST(all_sites_talk_through_wireguard_in_turns);
	for (int s = 0; s < SITES; s++) {
		if (site[s] <= 0)
			continue;
		kill(site[s], SIGKILL);
		(void)waitpid(site[s], NULL, 0);
	}
	return wd_tests_end();
}
