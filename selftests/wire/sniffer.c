// SPDX-License-Identifier: GPL-2.0-only
/* sniffer.c - packet sockets, read in batches. */
#include "sniffer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/byteorder.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define BATCH 32
#define FRAME_BYTES (68 << 10) /* segments of 64 KiB, joined, and headers */
#define VLAN_BYTES 4
#define MACS_BYTES 12
#define BUFFER_BYTES (64 << 20)
#define SHOWN_BYTES 60
#define AT_ONCE \
	4096 /* frames of a device, before somebody else is listened to */

struct device {
	int fd;
	bool raw;
	uint64_t came,
		taken; /* frames for the socket, not lost; read of them */
};

struct sniffer {
	const struct wire_rules *rules;
	struct device device[SNIFFER_DEVICES];
	size_t devices;
	bool spare;
	struct sniffer_result result;
	struct mmsghdr msg[BATCH];
	struct iovec iov[BATCH];
	uint8_t control[BATCH][64];
	uint8_t frame[BATCH][VLAN_BYTES + FRAME_BYTES];
};

struct sniffer *sniffer_open(const struct wire_rules *rules)
{
	struct sniffer *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->rules = rules;
	s->spare = true;
	return s;
}

void sniffer_close(struct sniffer *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->devices; i++)
		close(s->device[i].fd);
	free(s);
}

void sniffer_spare_plants(struct sniffer *s, bool spare)
{
	s->spare = spare;
}

/* A protocol of 0 hears nothing before the socket is bound to its device. */
int sniffer_add(struct sniffer *s, const char *device, bool raw)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_ifindex = (int)if_nametoindex(device) };
	int one = 1, bytes = BUFFER_BYTES, err;
	struct packet_mreq promisc = { .mr_ifindex = at.sll_ifindex,
				       .mr_type = PACKET_MR_PROMISC };
	int fd;

	at.sll_protocol = wd_be16(ETH_P_ALL);
	if (s->devices == SNIFFER_DEVICES)
		return -E2BIG;
	if (!at.sll_ifindex)
		return -ENODEV;
	fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
		       sizeof(one)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promisc,
		       sizeof(promisc)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at))) {
		err = -errno;
		close(fd);
		return err;
	}
	s->device[s->devices] = (struct device){ .fd = fd, .raw = raw };
	return (int)s->devices++;
}

/* ---- frames ---- */

static void add_sample(struct sniffer_count *count,
		       const struct wire_found *found, const uint8_t *frame,
		       size_t len)
{
	size_t used;
	char *to;

	if (count->leaks >= SNIFFER_SAMPLES)
		return;
	to = count->sample[count->leaks];
	used = (size_t)snprintf(
		to, SNIFFER_SAMPLE_BYTES,
		"%s%s%s %s: ", found->leak & WIRE_BY_HEADERS ? "h" : "",
		found->leak & WIRE_BY_SCAN ? "s" : "",
		found->leak & WIRE_BY_MARKER ? "m" : "", found->path);
	for (size_t i = 0; i < len && i < SHOWN_BYTES; i++)
		used += (size_t)snprintf(to + used, SNIFFER_SAMPLE_BYTES - used,
					 "%02x", frame[i]);
}

static void take_frame(struct sniffer *s, size_t device, const uint8_t *frame,
		       size_t len)
{
	struct sniffer_count *count = &s->result.count[device];
	struct wire_found found;

	wire_look(s->rules, frame, len, s->device[device].raw, &found);
	count->packets++;
	count->bytes += len;
	count->sealed += found.sealed;
	count->open += found.open && !found.leak;
	if (found.plant >= 0 && found.plant < SNIFFER_PLANTS) {
		s->result.plant[found.plant] |= (uint8_t)found.leak;
		if (s->spare)
			return;
	}
	if (!found.leak)
		return;
	add_sample(count, &found, frame, len);
	count->leaks++;
	count->quoted += strstr(found.path, "icmp") != NULL;
	for (int i = 0; i < 3; i++)
		count->by[i] += found.leak >> i & 1;
}

/* A tag that the kernel took out stands beside the frame: put it back. */
static size_t put_tag(struct msghdr *msg, uint8_t *frame, size_t len)
{
	struct tpacket_auxdata aux;
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	uint16_t tag[2];

	if (!c || c->cmsg_level != SOL_PACKET ||
	    c->cmsg_type != PACKET_AUXDATA || len < MACS_BYTES)
		return 0;
	memcpy(&aux, CMSG_DATA(c), sizeof(aux));
	if (!(aux.tp_status & TP_STATUS_VLAN_VALID))
		return 0;
	tag[0] = htons((aux.tp_status & TP_STATUS_VLAN_TPID_VALID) ?
			       aux.tp_vlan_tpid :
			       ETH_P_8021Q);
	tag[1] = htons(aux.tp_vlan_tci);
	memmove(frame - VLAN_BYTES, frame, MACS_BYTES);
	memcpy(frame - VLAN_BYTES + MACS_BYTES, tag, sizeof(tag));
	return VLAN_BYTES;
}

static void prepare(struct sniffer *s)
{
	for (int i = 0; i < BATCH; i++) {
		s->iov[i] =
			(struct iovec){ s->frame[i] + VLAN_BYTES, FRAME_BYTES };
		s->msg[i].msg_hdr = (struct msghdr){
			.msg_iov = &s->iov[i],
			.msg_iovlen = 1,
			.msg_control = s->control[i],
			.msg_controllen = sizeof(s->control[i]),
		};
	}
}

/* Return: how many frames, or -errno. */
static int take_batch(struct sniffer *s, size_t device)
{
	int got;

	prepare(s);
	got = recvmmsg(s->device[device].fd, s->msg, BATCH,
		       MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENETDOWN ?
			       0 :
			       -errno;
	for (int i = 0; i < got; i++) {
		uint8_t *frame = s->frame[i] + VLAN_BYTES;
		size_t len = s->msg[i].msg_len, tag;

		if (len > FRAME_BYTES) {
			s->result.count[device].cut++;
			len = FRAME_BYTES;
		}
		tag = put_tag(&s->msg[i].msg_hdr, frame, len);
		take_frame(s, device, frame - tag, len + tag);
	}
	return got;
}

/* @most: more than that may come while it is looked at. Return: 0, or -errno */
static int drain(struct sniffer *s, size_t device, uint64_t most)
{
	uint64_t end = s->device[device].taken + most;
	int got = BATCH;

	while (got == BATCH && s->device[device].taken < end) {
		got = take_batch(s, device);
		if (got < 0)
			return got;
		s->device[device].taken += (uint64_t)got;
	}
	return 0;
}

int sniffer_take(struct sniffer *s, int wait_ms, int stop_fd)
{
	struct pollfd fds[SNIFFER_DEVICES + 1];
	nfds_t n = 0;
	int got;

	for (; n < s->devices; n++)
		fds[n] = (struct pollfd){ s->device[n].fd, POLLIN, 0 };
	if (stop_fd >= 0)
		fds[n++] = (struct pollfd){ stop_fd, POLLIN, 0 };
	got = poll(fds, n, wait_ms);
	if (got < 0 && errno != EINTR)
		return -errno;
	got = 0;
	for (size_t i = 0; !got && i < s->devices; i++)
		got = drain(s, i, AT_ONCE);
	return got;
}

uint64_t sniffer_leaks(const struct sniffer *s, int device)
{
	return s->result.count[device].leaks;
}

static int count_lost(struct sniffer *s, size_t device)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	if (getsockopt(s->device[device].fd, SOL_PACKET, PACKET_STATISTICS,
		       &stats, &len))
		return -errno;
	s->result.count[device].lost += stats.tp_drops;
	s->device[device].came += stats.tp_packets - stats.tp_drops;
	return 0;
}

/* What came up to now; not what comes meanwhile, of which there may be no end. */
static int take_up_to_now(struct sniffer *s, size_t device)
{
	const struct device *d = &s->device[device];
	int err = count_lost(s, device);

	if (err || d->came <= d->taken)
		return err;
	return drain(s, device, d->came - d->taken);
}

int sniffer_next(struct sniffer *s, struct sniffer_result *ret)
{
	int err = 0;

	for (size_t i = 0; !err && i < s->devices; i++)
		err = take_up_to_now(s, i);
	if (err)
		return err;
	*ret = s->result;
	memset(&s->result, 0, sizeof(s->result));
	return 0;
}
