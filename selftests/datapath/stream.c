// SPDX-License-Identifier: GPL-2.0-only
/*
 * stream.c - sends without a pause and counts what comes.
 */
#include "stream.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rig.h"
#include "tap.h"

#define LEAST 10 /* datagrams, however quickly it is stopped */
#define QUIET_MS 200 /* so long nothing: all have arrived */
#define MORE_MS 20000 /* a busy machine may take its time */

/* The child holds nothing of the data path open, least of all its lock. */
static void keep_only(int a, int b, int c)
{
	for (int fd = 3; fd < 256; fd++) {
		if (fd != a && fd != b && fd != c)
			close(fd);
	}
}

/* In the child: a datagram every millisecond until told to stop. */
static void run(int fd, const struct sockaddr_in *to, int stop, int result,
		uint32_t *sent)
{
	struct pollfd end = { .fd = stop };
	struct timespec pause = { .tv_nsec = 1000000 };
	uint32_t cnt = 0, tries = 0;

	if (write(result, &cnt, sizeof(cnt)) != sizeof(cnt)) /* ready */
		_exit(1);
	while (!ppoll(&end, 1, &pause, NULL) || tries < LEAST) {
		cnt += sendto(fd, "x", 1, 0, (const struct sockaddr *)to,
			      sizeof(*to)) == 1;
		tries++;
		__atomic_store_n(sent, cnt, __ATOMIC_RELAXED);
	}
	_exit(write(result, &cnt, sizeof(cnt)) != sizeof(cnt));
}

static bool begin(struct stream *s, int from, const char *ip, uint16_t port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	int stop[2], result[2], room = 16 << 20;
	uint32_t ready;

	inet_pton(AF_INET, ip, &addr.sin_addr);
	/* nothing is lost for want of room until it is taken */
	wd_expect_int(0, setsockopt(s->to, SOL_SOCKET, SO_RCVBUFFORCE, &room,
				    sizeof(room)));
	s->sent = mmap(NULL, sizeof(*s->sent), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->sent == MAP_FAILED || pipe(stop) || pipe(result))
		return false;
	(void)fflush(stdout);
	s->child = fork();
	if (!s->child) {
		keep_only(from, stop[0], result[1]);
		run(from, &addr, stop[0], result[1], s->sent);
	}
	close(stop[0]);
	close(result[1]);
	s->stop = stop[1];
	s->result = result[0];
	return s->child > 0 &&
	       read(s->result, &ready, sizeof(ready)) == sizeof(ready);
}

bool stream_out(struct stream *s)
{
	s->to = rig.pod.node_udp;
	return begin(s, rig.pod.pod_udp, WD_FX_NODE_IP, WD_FX_NODE_PORT);
}

bool stream_in(struct stream *s)
{
	s->to = rig.pod.pod_udp;
	return begin(s, rig.pod.node_udp, WD_FX_POD_IP, WD_FX_POD_PORT);
}

bool stream_more(const struct stream *s, uint32_t cnt)
{
	uint32_t begin = __atomic_load_n(s->sent, __ATOMIC_RELAXED);
	uint32_t more = 0;

	for (int ms = 0; more < cnt && ms < MORE_MS; ms++) {
		usleep(1000);
		more = __atomic_load_n(s->sent, __ATOMIC_RELAXED) - begin;
	}
	return more >= cnt;
}

uint32_t stream_end(struct stream *s)
{
	uint32_t cnt = 0;

	close(s->stop);
	wd_expect_int(sizeof(cnt), read(s->result, &cnt, sizeof(cnt)));
	close(s->result);
	wd_expect_int(s->child, waitpid(s->child, NULL, 0));
	wd_expect(!munmap(s->sent, sizeof(*s->sent)));
	return cnt;
}

uint32_t stream_arrived(const struct stream *s)
{
	struct pollfd in = { .fd = s->to, .events = POLLIN };
	uint32_t cnt = 0;
	char buf[16];

	while (poll(&in, 1, QUIET_MS) > 0) {
		while (recv(s->to, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			cnt++;
	}
	return cnt;
}
