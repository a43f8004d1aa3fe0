// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_wire.c - frames on a real interface that a test run cannot make: shorter
 * than a header, tagged by the kernel, in buffers cut into pages, and in
 * fragments that the kernel made.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "rig.h"
#include "tap.h"

#define ETH 14
#define FRAME_MAX 8000

static int raw = -1;

static void by_each(void (*check)(void))
{
	for (int no_tcx = 0; no_tcx < 2; no_tcx++) {
		if (rig_begin(no_tcx)) {
			wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
			wd_expect_int(0, rig_attach());
			raw = wd_fx_pod_raw(&rig.pod);
			wd_expect(raw >= 0);
			check();
			close(raw);
		}
		rig_end();
	}
	wd_test_row(NULL);
}

/* Packets counted under a reason, from the pod. */
static uint64_t counted(enum wd_reason reason)
{
	struct wd_stat_val val = { 0 };

	wd_expect_int(0, wd_stat_read(rig.dp, reason, WD_EGRESS, &val));
	return val.packets;
}

/* Wait until @reason was counted @cnt times more than @before. */
static void expect_counted(enum wd_reason reason, uint64_t before, uint64_t cnt)
{
	for (int i = 0; i < 500 && counted(reason) < before + cnt; i++)
		(void)usleep(10000);
	wd_expect_int((long long)cnt, (long long)(counted(reason) - before));
}

/* ---- frames that are too short ---- */

static void check_short(uint16_t type, size_t header, enum wd_reason reason)
{
	uint8_t frame[ETH + 40] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint64_t before = counted(reason), sent = 0;

	frame[12] = (uint8_t)(type >> 8);
	frame[13] = (uint8_t)type;
	frame[ETH] = type == 0x0800 ? 0x45 : 0x60;
	for (size_t len = ETH + 1; len < ETH + header; len++)
		sent += send(raw, frame, len, 0) == (ssize_t)len;
	wd_expect_int((long long)header - 1, (long long)sent);
	expect_counted(reason, before, sent);
}

static void check_all_short(void)
{
	check_short(0x0800, 20, WD_R_L3_BAD);
	check_short(0x86dd, 40, WD_R_L3_BAD);
	check_short(0x0806, 28, WD_R_ARP_FORBIDDEN);
	check_short(0x88cc, 20, WD_R_L2_UNSUP);
	wd_expect(wd_fx_gets_out(&rig.pod));
}

static void a_frame_shorter_than_its_header_is_dropped(void)
{
	by_each(check_all_short);
}

/* ---- tags ---- */

/* The kernel takes a tag out of the frame before the hook sees it. */
static void check_tags(void)
{
	static const uint16_t tags[][2] = { { 0x8100, 5 },
					    { 0x8100, 0 },
					    { 0x88a8, 5 } };
	uint8_t frame[64] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2 };
	uint64_t before = counted(WD_R_VLAN);

	for (int i = 0; i < 3; i++) {
		frame[12] = (uint8_t)(tags[i][0] >> 8);
		frame[13] = (uint8_t)tags[i][0];
		frame[15] = (uint8_t)tags[i][1];
		frame[16] = 0x08;
		frame[17] = 0x06;
		wd_expect_int(sizeof(frame),
			      send(raw, frame, sizeof(frame), 0));
	}
	expect_counted(WD_R_VLAN, before, 3);
}

static void tags_are_seen_where_the_kernel_took_them_out(void)
{
	by_each(check_tags);
}

/* ---- buffers ---- */

static void make_udp(uint8_t frame[FRAME_MAX], size_t len)
{
	struct udphdr udp = { .uh_sport = htons(WD_FX_POD_PORT + 1),
			      .uh_dport = htons(WD_FX_NODE_PORT),
			      .uh_ulen = htons((uint16_t)(len - ETH - 20)) };
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .ttl = 64,
			    .protocol = IPPROTO_UDP,
			    .tot_len = htons((uint16_t)(len - ETH)) };

	memset(frame, 0, len);
	memset(frame, 0xff, 6);
	frame[6] = 2;
	frame[12] = 0x08;
	inet_pton(AF_INET, WD_FX_POD_IP, &ip.saddr);
	inet_pton(AF_INET, WD_FX_NODE_IP, &ip.daddr);
	memcpy(frame + ETH, &ip, sizeof(ip));
	memcpy(frame + ETH + 20, &udp, sizeof(udp));
}

/* Only the first @linear bytes lie in one piece. */
static ssize_t send_cut(const uint8_t *frame, size_t len, uint16_t linear)
{
	struct virtio_net_hdr hdr = { 0 };
	struct iovec iov[2] = { { &hdr, sizeof(hdr) },
				{ (void *)(uintptr_t)frame, len } };

	memcpy(&hdr.hdr_len, &linear, sizeof(linear)); /* host's byte order */
	return writev(raw, iov, 2) - (ssize_t)sizeof(hdr);
}

static void check_cut(void)
{
	static const uint16_t linear[] = { 14, 15, 33, 34, 35, 41, 42, 100 };
	static uint8_t frame[FRAME_MAX];
	char command[64];
	int on = 1;
	uint64_t before;

	snprintf(command, sizeof(command), "ip link set %s-p mtu 9000",
		 rig.pod.name);
	wd_expect(wd_fx_run("ip link set %s mtu 9000", rig.pod.name));
	wd_expect(wd_fx_pod_run(&rig.pod, command));
	wd_expect_int(0, setsockopt(raw, SOL_PACKET, PACKET_VNET_HDR, &on,
				    sizeof(on)));
	make_udp(frame, 6000);
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	before = counted(WD_R_DEFAULT);
	for (int i = 0; i < 8; i++)
		wd_expect_int(6000, send_cut(frame, 6000, linear[i]));
	expect_counted(WD_R_DEFAULT, before, 8);
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
	before = counted(WD_R_NOT_ISOLATED);
	wd_expect_int(6000, send_cut(frame, 6000, 14));
	expect_counted(WD_R_NOT_ISOLATED, before, 1);
}

static void how_a_buffer_is_cut_changes_no_verdict(void)
{
	by_each(check_cut);
}

/* ---- fragments ---- */

static bool large_goes(int from, int to, const char *ip, uint16_t port,
		       int wait_ms)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_port = htons(port) };
	struct pollfd in = { .fd = to, .events = POLLIN };
	static char buf[5000];

	inet_pton(AF_INET, ip, &addr.sin_addr);
	if (sendto(from, buf, sizeof(buf), 0, (struct sockaddr *)&addr,
		   sizeof(addr)) != sizeof(buf))
		return false;
	return poll(&in, 1, wait_ms) == 1 &&
	       recv(to, buf, sizeof(buf), MSG_DONTWAIT) == sizeof(buf);
}

static void check_fragments(void)
{
	wd_expect(large_goes(rig.pod.pod_udp, rig.pod.node_udp, WD_FX_NODE_IP,
			     WD_FX_NODE_PORT, 5000));
	wd_expect(large_goes(rig.pod.node_udp, rig.pod.pod_udp, WD_FX_POD_IP,
			     WD_FX_POD_PORT, 5000));
	wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
	wd_expect(!large_goes(rig.pod.pod_udp, rig.pod.node_udp, WD_FX_NODE_IP,
			      WD_FX_NODE_PORT, 150));
	wd_expect(!large_goes(rig.pod.node_udp, rig.pod.pod_udp, WD_FX_POD_IP,
			      WD_FX_POD_PORT, 150));
	wd_expect(counted(WD_R_FRAG_ORPHAN) >= 3);
}

static void a_large_datagram_passes_or_not_as_a_whole(void)
{
	by_each(check_fragments);
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(a_frame_shorter_than_its_header_is_dropped);
	WD_TEST(tags_are_seen_where_the_kernel_took_them_out);
	WD_TEST(how_a_buffer_is_cut_changes_no_verdict);
	WD_TEST(a_large_datagram_passes_or_not_as_a_whole);
	return wd_tests_end();
}
