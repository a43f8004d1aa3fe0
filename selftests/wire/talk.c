// SPDX-License-Identifier: GPL-2.0-only
/* talk.c - processes that send, sniffers that count. */
#include "talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agents.h"

#define PORT 9000
#define SLICE_MS 10
#define FLOOD_NICE 10
#define FLOOD_SLICE_US 50000
#define SETTLE_MS 150
#define BEAT_MS 20000 /* for a planted frame, on a machine that is behind */
#define BEATS_MS 1000 /* it may be dropped there as any other: then the next */
#define UNDERLAY 3 /* devices: of the nodes, and the unguarded one */
#define WILD 2
#define BEAT 4 /* number of the planted frame that each watch ends with */
#define PAYLOAD_BYTES 128

unsigned int talk_rate = TALK_RATE;
static uint64_t sent_total;

/* ---- sending ---- */

/*
 * One kind of packet, over one family. 5.10 binds no raw socket of IPv6 to an
 * address that is not its own: where sources are forged, that kind is left out.
 */
static bool add_stream(struct stream **ret, int *count, const char *text,
		       const struct stream_opts *opts)
{
	struct stream *one = stream_open(text, opts);

	if (one)
		ret[(*count)++] = one;
	return one || (opts->any_source && errno == EADDRNOTAVAIL);
}

/* Return: how many, 0 if one could not be had. */
static int open_streams(struct stream **ret, const char *const src[2],
			const char *const dst[2], enum talk_kind kind,
			const struct stream_opts *opts)
{
	bool ok = true;
	char text[128];
	int n = 0;

	for (int v6 = 0; v6 < 2; v6++) {
		snprintf(text, sizeof(text), "udp=%s>%s,%d", src[v6], dst[v6],
			 PORT);
		ok = add_stream(ret, &n, text, opts) && ok;
		if (kind == TALK_UDP)
			continue;
		snprintf(text, sizeof(text), "tcp=%s>%s,%d", src[v6], dst[v6],
			 PORT);
		ok = add_stream(ret, &n, text, opts) && ok;
		snprintf(text, sizeof(text), "echo=%s>%s", src[v6], dst[v6]);
		ok = add_stream(ret, &n, text, opts) && ok;
		if (talk_rate)
			continue;
		snprintf(text, sizeof(text), "gso=%s>%s,%d", src[v6], dst[v6],
			 PORT);
		ok = add_stream(ret, &n, text, opts) && ok;
	}
	return ok ? n : 0;
}

static void send_until(struct stream **streams, int count, int stop, int result)
{
	uint64_t sum[2] = { 0 }, refused;

	if (!count)
		_exit(1);
	/* Those who look come first. */
	if (!talk_rate && nice(FLOOD_NICE) < 0)
		_exit(1);
	stream_run(streams, count, talk_rate, stop);
	for (int i = 0; i < count; i++) {
		sum[0] += stream_sent(streams[i], &refused);
		sum[1] += refused;
	}
	_exit(write(result, sum, sizeof(sum)) != sizeof(sum));
}

bool talk_begin(struct talk *talk, const char *ns, const char *const src[2],
		const char *const dst[2], enum talk_kind kind,
		const struct stream_opts *opts)
{
	struct stream *streams[TALK_STREAMS_MAX];
	int stop[2], told[2];

	*talk = (struct talk){ 0 };
	if (pipe2(stop, O_CLOEXEC) || pipe2(told, O_CLOEXEC))
		return false;
	(void)fflush(stdout);
	talk->child = fork();
	if (!talk->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (!site_enter(ns))
			_exit(1);
		send_until(streams, open_streams(streams, src, dst, kind, opts),
			   stop[0], told[1]);
	}
	close(stop[0]);
	close(told[1]);
	talk->stop = stop[1];
	talk->result = told[0];
	return talk->child > 0;
}

bool talk_pods(struct talk *talk, int from, enum site_pod pod,
	       enum talk_kind kind)
{
	const char *src[2] = { site_ip(from, pod, false),
			       site_ip(from, pod, true) };
	const char *dst[2] = { site_ip(!from, pod, false),
			       site_ip(!from, pod, true) };
	struct stream_opts opts = { 0 };

	memcpy(opts.marker, pod == SITE_OPEN ? SITE_OPEN_MARKER : SITE_MARKER,
	       WIRE_MARKER_BYTES);
	return talk_begin(talk, site_pod_name(from, pod), src, dst, kind,
			  &opts);
}

bool talk_host(struct talk *talk, int n, uint32_t mark)
{
	const char *dst[2] = { site_ip(!n, SITE_POD, false),
			       site_ip(!n, SITE_POD, true) };
	const char *src[2] = { site_node[n].ip[0], site_node[n].ip[1] };
	struct stream_opts opts = { .so_mark = mark };

	memcpy(opts.marker, SITE_MARKER, WIRE_MARKER_BYTES);
	return talk_begin(talk, site_node[n].name, src, dst, TALK_ALL, &opts);
}

/* Later children hold ends of our pipes, too: none of them is waited for. */
bool talk_end(struct talk *talk)
{
	uint64_t sum[2] = { 0 };
	int status = -1;
	bool ok;

	if (talk->child <= 0)
		return false;
	ok = write(talk->stop, "x", 1) == 1 &&
	     waitpid(talk->child, &status, 0) == talk->child && !status &&
	     read(talk->result, sum, sizeof(sum)) == sizeof(sum);
	close(talk->stop);
	close(talk->result);
	talk->child = 0;
	talk->sent = sum[0];
	talk->refused = sum[1];
	sent_total += sum[0];
	return ok;
}

/* ---- ears ---- */

static struct wire_rules rules, rules_of[SITE_PODS];
static struct sniffer *under, *ear[SITE_NODES][SITE_PODS];
static struct sniffer_result result;
static uint64_t total;

/* Takes what is sent to a pod, so that its kernel does not complain. */
static bool open_sink(void)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons(PORT) };
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd >= 0 && !bind(fd, (struct sockaddr *)&any, sizeof(any));
}

static bool open_ear(int n, enum site_pod pod)
{
	bool ok = site_enter(site_pod_name(n, pod));

	sniffer_close(ear[n][pod]);
	ear[n][pod] = sniffer_open(&rules_of[pod]);
	ok = ok && ear[n][pod] && !sniffer_add(ear[n][pod], "eth0", false);
	return site_enter(NULL) && ok;
}

bool watch_again(int n)
{
	return open_ear(n, SITE_POD);
}

static bool open_pod(int n, enum site_pod pod)
{
	bool ok = site_enter(site_pod_name(n, pod)) && open_sink();

	return site_enter(NULL) && ok && open_ear(n, pod);
}

static void take_all(void)
{
	(void)sniffer_take(under, SLICE_MS, -1);
	for (int n = 0; n < SITE_NODES; n++)
		for (int pod = 0; pod < SITE_PODS; pod++)
			(void)sniffer_take(ear[n][pod], 0, -1);
}

/* What arrives has the marker, and not in an error that quotes it. */
static void rules_of_ear(enum site_pod pod, struct wire_rules *ret)
{
	char word[64];

	for (int n = 0; n < SITE_NODES; n++)
		for (int v6 = 0; v6 < 2; v6++) {
			snprintf(word, sizeof(word), "secret=%s",
				 site_ip(n, pod, v6));
			if (!wire_rule(ret, word))
				abort();
		}
	ret->has_marker = true;
	memcpy(ret->marker, pod == SITE_OPEN ? SITE_OPEN_MARKER : SITE_MARKER,
	       WIRE_MARKER_BYTES);
}

bool watch_new(void)
{
	static const char *const device[UNDERLAY] = { "port1", "port2",
						      "port3" };

	site_rules(&rules);
	for (int pod = 0; pod < SITE_PODS; pod++)
		rules_of_ear((enum site_pod)pod, &rules_of[pod]);
	agents_idle = take_all;
	under = sniffer_open(&rules);
	for (int i = 0; under && i < UNDERLAY; i++)
		if (sniffer_add(under, device[i], false) != i)
			return false;
	for (int n = 0; n < SITE_NODES; n++)
		for (int pod = 0; pod < SITE_PODS; pod++)
			if (!open_pod(n, (enum site_pod)pod))
				return false;
	return under;
}

/* In a flood much comes at a time, or whoever looks takes all of the processor. */
static void look_for(int ms)
{
	long until = site_now_ms() + ms;

	do {
		if (!talk_rate)
			usleep(FLOOD_SLICE_US);
		take_all();
	} while (site_now_ms() < until);
}

/* ---- planting ---- */

static size_t payload_of(unsigned int number, bool tag, const char *marker,
			 uint8_t *ret)
{
	uint32_t be = htonl(number);
	size_t len = 0;

	if (tag) {
		memcpy(ret, SITE_TAG, WIRE_TAG_BYTES);
		memcpy(ret + WIRE_TAG_BYTES, &be, sizeof(be));
		len = WIRE_TAG_BYTES + sizeof(be);
	}
	for (; marker && len + WIRE_MARKER_BYTES <= PAYLOAD_BYTES;
	     len += WIRE_MARKER_BYTES)
		memcpy(ret + len, marker, WIRE_MARKER_BYTES);
	return len;
}

static int put_frames(int fd, const char *device, const struct plant_ends *ends,
		      bool tag, const char *marker, int only)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(device) };
	uint8_t payload[PLANT_PAYLOAD_MAX], frame[PLANT_BYTES];
	struct plant plant;
	int sent = 0;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		size_t len;

		if (only >= 0 && (unsigned int)only != n)
			continue;
		len = plant_build(&plant, ends, payload,
				  payload_of(n, tag, marker, payload), frame);
		sent += sendto(fd, frame, len, 0, (struct sockaddr *)&to,
			       sizeof(to)) == (ssize_t)len;
	}
	return sent;
}

static int plant(const char *ns, const char *device,
		 const struct plant_ends *ends, bool tag, const char *marker,
		 int only)
{
	int fd = -1, sent = -1;

	if (site_enter(ns))
		fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd >= 0) {
		sent = put_frames(fd, device, ends, tag, marker, only);
		close(fd);
	}
	return site_enter(NULL) ? sent : -1;
}

int plant_from(const char *ns, const char *device,
	       const struct plant_ends *ends, bool tag, const char *marker)
{
	return plant(ns, device, ends, tag, marker, -1);
}

/* ---- watching ---- */

static bool hears(struct sniffer *sniffer, struct sniffer_result *ret)
{
	int err = sniffer_next(sniffer, ret);

	if (err)
		printf("# the run is void: a sniffer fails: %s\n",
		       strerror(-err));
	return !err;
}

static bool is_whole(const struct sniffer_count *count)
{
	if (!count->lost && !count->cut)
		return true;
	printf("# the run is void: %ju packets were lost, %ju cut\n",
	       (uintmax_t)count->lost, (uintmax_t)count->cut);
	return false;
}

static void show_leaks(const struct sniffer_count *count, int port)
{
	for (int i = 0; i < SNIFFER_SAMPLES && count->sample[i][0]; i++)
		printf("# port%d: %s\n", port + 1, count->sample[i]);
}

static bool take_under(struct seen *ret)
{
	const struct sniffer_count *wild = &result.count[WILD];
	bool ok = hears(under, &result);

	for (int i = 0; ok && i < UNDERLAY; i++)
		ok = is_whole(&result.count[i]);
	for (int i = 0; i < WILD; i++) {
		ret->packets += result.count[i].packets;
		ret->sealed += result.count[i].sealed;
		ret->leaks += result.count[i].leaks;
		show_leaks(&result.count[i], i);
	}
	total += ret->packets;
	if (wild->by[0] && wild->by[1] && wild->by[2])
		return ok;
	printf("# the run is void: the planted frame was not found\n");
	return false;
}

static bool take_ears(struct seen *ret)
{
	static struct sniffer_result one;
	bool ok = true;

	for (int n = 0; n < SITE_NODES; n++)
		for (int pod = 0; pod < SITE_PODS; pod++) {
			ok = hears(ear[n][pod], &one) &&
			     is_whole(&one.count[0]) && ok;
			ret->arrived[n][pod] =
				one.count[0].by[2] - one.count[0].quoted;
		}
	return ok;
}

/* Plants a frame where nobody guards, again and again, until one is found. */
static void wait_for_beat(const struct plant_ends *ends)
{
	long now = site_now_ms(), next = now, until = now + BEAT_MS;

	do {
		if (now >= next) {
			(void)plant(NULL, "wild0", ends, false, SITE_MARKER,
				    BEAT);
			next = now + BEATS_MS;
		}
		look_for(SETTLE_MS);
		now = site_now_ms();
	} while (now < until && !sniffer_leaks(under, WILD));
}

bool watch(int ms, struct seen *ret_seen)
{
	struct plant_ends ends;
	bool ok;

	*ret_seen = (struct seen){ 0 };
	site_ends(0, SITE_POD, &ends);
	memset(ends.mac, 2, sizeof(ends.mac));
	look_for(ms);
	sniffer_spare_plants(under, false);
	wait_for_beat(&ends);
	ok = take_under(ret_seen);
	return take_ears(ret_seen) && ok;
}

bool watch_plants(unsigned int want, unsigned int want_without_header)
{
	struct plant one;
	bool ok = true;

	look_for(SETTLE_MS);
	ok = !sniffer_next(under, &result);
	for (unsigned int n = 0; plant_get(n, &one); n++) {
		unsigned int who = one.no_header ? want_without_header : want;

		if (result.plant[n] == who)
			continue;
		printf("# %s: expected %x, found by %x\n", one.name, who,
		       result.plant[n]);
		ok = false;
	}
	return ok;
}

uint64_t watch_total(void)
{
	return total;
}

uint64_t talk_total(void)
{
	return sent_total;
}
