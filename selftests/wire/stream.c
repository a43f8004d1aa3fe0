// SPDX-License-Identifier: GPL-2.0-only
/* stream.c - sockets that send on and on. */
#include "stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 16 /* of UDP: as many flows */
#define SYN_PORTS 256 /* source ports in turn */
#define SYN_FIRST_PORT 20000
#define BYTES_MIN 48
#define BYTES_MAX 1200
#define BYTES_STEP 61
#define SEGMENTS 60 /* that leave a host as one buffer */
#define SEGMENT_BYTES 100
#define BUFFER_BYTES (SEGMENTS * SEGMENT_BYTES)
#define TICK_NS 2000000
#define TICK_MAX_NS 100000000
#define SEC_NS 1000000000L

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

enum kind { KIND_UDP, KIND_GSO, KIND_TCP, KIND_ECHO, KIND__MAX };

static const char *const kinds[KIND__MAX] = { "udp=", "gso=", "tcp=", "echo=" };

struct address {
	struct sockaddr_storage sa;
	socklen_t len;
};

struct stream {
	enum kind kind;
	struct address src, dst; /* @src.len 0: not said */
	int fd[SOCKETS];
	int fds;
	uint64_t sent, refused, turn;
	uint8_t packet[BUFFER_BYTES];
};

/* ---- what is to be sent ---- */

static bool read_address(struct address *ret, const char *text, uint16_t port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ret->sa;
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->sa;

	memset(ret, 0, sizeof(*ret));
	if (strchr(text, ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		ret->len = sizeof(*in6);
		return inet_pton(AF_INET6, text, &in6->sin6_addr) == 1;
	}
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	ret->len = sizeof(*in);
	return inet_pton(AF_INET, text, &in->sin_addr) == 1;
}

static bool read_target(struct stream *s, const char *text)
{
	char copy[128], *dst = copy, *port, *src = NULL;
	unsigned long number = 0;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return false;
	if ((port = strchr(copy, '>'))) {
		*port = '\0';
		src = copy;
		dst = port + 1;
	}
	if ((port = strchr(dst, ','))) {
		*port = '\0';
		number = strtoul(port + 1, NULL, 10);
	}
	return !port == (s->kind == KIND_ECHO) && number <= UINT16_MAX &&
	       (!src || read_address(&s->src, src, 0)) &&
	       read_address(&s->dst, dst, (uint16_t)number);
}

/* ---- sockets ---- */

static bool bind_to(int fd, const struct address *src,
		    const struct stream_opts *opts)
{
	int one = 1;

	if (opts->so_mark && setsockopt(fd, SOL_SOCKET, SO_MARK, &opts->so_mark,
					sizeof(opts->so_mark)))
		return false;
	if (!src->len)
		return true;
	if (opts->any_source &&
	    (src->sa.ss_family == AF_INET6 ?
		     setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &one,
				sizeof(one)) :
		     setsockopt(fd, SOL_IP, IP_TRANSPARENT, &one, sizeof(one))))
		return false;
	return !bind(fd, (const struct sockaddr *)&src->sa, src->len);
}

static bool is_udp(const struct stream *s)
{
	return s->kind == KIND_UDP || s->kind == KIND_GSO;
}

static int socket_type(const struct stream *s)
{
	return is_udp(s) ? SOCK_DGRAM : SOCK_RAW;
}

static int socket_proto(const struct stream *s)
{
	if (s->kind == KIND_ECHO)
		return s->dst.sa.ss_family == AF_INET6 ? IPPROTO_ICMPV6 :
							 IPPROTO_ICMP;
	return s->kind == KIND_TCP ? IPPROTO_TCP : 0;
}

/* The kernel computes the sum of IPv6's segments; of ICMPv6 it does anyway. */
static bool wants_sum(const struct stream *s, int fd)
{
	int at = (int)offsetof(struct tcphdr, th_sum);

	return s->kind != KIND_TCP || s->dst.sa.ss_family != AF_INET6 ||
	       !setsockopt(fd, SOL_RAW, IPV6_CHECKSUM, &at, sizeof(at));
}

/* The kernel cuts what is sent at once, as late as it can. */
static bool wants_segments(const struct stream *s, int fd)
{
	int bytes = SEGMENT_BYTES;

	return s->kind != KIND_GSO ||
	       !setsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &bytes, sizeof(bytes));
}

static bool open_sockets(struct stream *s, const struct stream_opts *opts)
{
	int want = is_udp(s) ? SOCKETS : 1;

	while (s->fds < want) {
		int fd = socket(s->dst.sa.ss_family,
				socket_type(s) | SOCK_CLOEXEC | SOCK_NONBLOCK,
				socket_proto(s));

		if (fd < 0)
			return false;
		s->fd[s->fds++] = fd;
		if (!bind_to(fd, &s->src, opts) || !wants_sum(s, fd) ||
		    !wants_segments(s, fd))
			return false;
	}
	return true;
}

/* Raw sockets take no port, and refuse one that is not the protocol's. */
static void forget_port(struct address *a)
{
	if (a->sa.ss_family == AF_INET6)
		((struct sockaddr_in6 *)&a->sa)->sin6_port = 0;
	else
		((struct sockaddr_in *)&a->sa)->sin_port = 0;
}

static uint16_t port_of(const struct address *a)
{
	return a->sa.ss_family == AF_INET6 ?
		       ((const struct sockaddr_in6 *)&a->sa)->sin6_port :
		       ((const struct sockaddr_in *)&a->sa)->sin_port;
}

static size_t header_bytes(const struct stream *s)
{
	switch (s->kind) {
	case KIND_TCP:
		return sizeof(struct tcphdr);
	case KIND_ECHO:
		return sizeof(struct icmphdr);
	case KIND_UDP:
	case KIND_GSO:
	case KIND__MAX:
		break;
	}
	return 0;
}

static void fill(struct stream *s, const struct stream_opts *opts)
{
	struct tcphdr *tcp = (struct tcphdr *)s->packet;
	size_t at = header_bytes(s);

	if (s->kind == KIND_TCP) {
		tcp->th_dport = port_of(&s->dst);
		tcp->th_off = sizeof(*tcp) / 4;
		tcp->th_flags = TH_SYN;
		tcp->th_win = htons(64240);
	}
	if (s->kind == KIND_ECHO)
		s->packet[0] = s->dst.sa.ss_family == AF_INET6 ?
				       ICMP6_ECHO_REQUEST :
				       ICMP_ECHO;
	for (; at < BUFFER_BYTES; at++)
		s->packet[at] = opts->marker[at % WIRE_MARKER_BYTES];
}

struct stream *stream_open(const char *text, const struct stream_opts *opts)
{
	struct stream *s = calloc(1, sizeof(*s));
	int kind = 0;

	if (!s)
		return NULL;
	while (kind < KIND__MAX &&
	       strncmp(text, kinds[kind], strlen(kinds[kind])))
		kind++;
	s->kind = (enum kind)kind;
	if (kind == KIND__MAX) {
		errno = EINVAL;
		goto err;
	}
	if (!read_target(s, text + strlen(kinds[kind]))) {
		errno = EINVAL;
		goto err;
	}
	if (!open_sockets(s, opts))
		goto err;
	fill(s, opts);
	if (!is_udp(s))
		forget_port(&s->dst);
	return s;
err:
	kind = errno;
	stream_close(s);
	errno = kind;
	return NULL;
}

void stream_close(struct stream *s)
{
	if (!s)
		return;
	while (s->fds)
		close(s->fd[--s->fds]);
	free(s);
}

/* ---- sending ---- */

static uint16_t sum_of(const uint8_t *at, size_t len, uint32_t value)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		value += (uint32_t)at[i] << 8 | at[i + 1];
	if (len % 2)
		value += (uint32_t)at[len - 1] << 8;
	while (value >> 16)
		value = (value >> 16) + (value & 0xffff);
	return htons((uint16_t)~value);
}

/* IPv4's pseudo header needs the source that the kernel will choose. */
static uint32_t pseudo_sum(const struct stream *s, size_t len)
{
	struct in_addr ends[2] = {
		((const struct sockaddr_in *)&s->src.sa)->sin_addr,
		((const struct sockaddr_in *)&s->dst.sa)->sin_addr
	};
	uint8_t bytes[sizeof(ends)];
	uint32_t value = IPPROTO_TCP + (uint32_t)len;

	memcpy(bytes, ends, sizeof(ends));
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		value += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	return value;
}

static void number_segment(struct stream *s, size_t len)
{
	struct tcphdr *tcp = (struct tcphdr *)s->packet;

	tcp->th_sport = htons((uint16_t)(SYN_FIRST_PORT + s->turn % SYN_PORTS));
	tcp->th_sum = 0;
	if (s->dst.sa.ss_family == AF_INET)
		tcp->th_sum = sum_of(s->packet, len, pseudo_sum(s, len));
}

static void number_echo(struct stream *s, size_t len)
{
	struct icmphdr *icmp = (struct icmphdr *)s->packet;

	icmp->un.echo.id = htons(4711);
	icmp->un.echo.sequence = htons((uint16_t)s->turn);
	icmp->checksum = 0;
	if (s->dst.sa.ss_family == AF_INET)
		icmp->checksum = sum_of(s->packet, len, 0);
}

void stream_send(struct stream *s)
{
	size_t len = BYTES_MIN + s->turn * BYTES_STEP % (BYTES_MAX - BYTES_MIN);
	uint64_t *count;

	if (s->kind == KIND_GSO)
		len = BUFFER_BYTES;
	s->turn++;
	if (s->kind == KIND_TCP)
		number_segment(s, len);
	if (s->kind == KIND_ECHO)
		number_echo(s, len);
	count = sendto(s->fd[s->turn % (uint64_t)s->fds], s->packet, len, 0,
		       (struct sockaddr *)&s->dst.sa,
		       s->dst.len) == (ssize_t)len ?
			&s->sent :
			&s->refused;
	*count += s->kind == KIND_GSO ? SEGMENTS : 1;
}

uint64_t stream_sent(const struct stream *s, uint64_t *ret_refused)
{
	*ret_refused = s->refused;
	return s->sent;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SEC_NS + now.tv_nsec;
}

/* How many are due at @now; what was missed for long is not made up for. */
static uint64_t due(int64_t *begin, int64_t now, unsigned int rate,
		    uint64_t done)
{
	uint64_t owed = (uint64_t)(now - *begin) * rate / SEC_NS;

	if (owed > done + rate / 10 + 1) {
		*begin = now - (int64_t)(done * (uint64_t)SEC_NS / rate);
		owed = done + 1;
	}
	return owed;
}

/* Until about the next one is due. */
static long tick_of(unsigned int rate)
{
	long gap = rate ? SEC_NS / (long)rate : TICK_NS;

	return gap < TICK_NS ? TICK_NS : gap > TICK_MAX_NS ? TICK_MAX_NS : gap;
}

void stream_run(struct stream *const *streams, int count, unsigned int rate,
		int stop_fd)
{
	const struct timespec tick = { .tv_nsec = tick_of(rate) };
	struct pollfd stop = { .fd = stop_fd, .events = POLLIN };
	int64_t begin = now_ns();
	uint64_t n = 0, owed;

	while (!poll(&stop, 1, 0)) {
		owed = rate ? due(&begin, now_ns(), rate, n) : n + 64;
		while (n < owed)
			stream_send(streams[n++ % (uint64_t)count]);
		if (rate)
			nanosleep(&tick, NULL);
	}
}
