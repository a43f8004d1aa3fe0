// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_device.c - the programs at a real device without Ethernet headers, which
 * a test run cannot make: a tun device in a network namespace of its own. What
 * is written to it comes in, what is sent to it goes out.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/byteorder.h"
#include "wires.h"

static int tun_fd = -1, raw_fd = -1;
static int ifindex;

static bool set_up(const char *name)
{
	struct ifreq req = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is_up;

	(void)snprintf(req.ifr_name, sizeof(req.ifr_name), "%s", name);
	req.ifr_flags = IFF_UP | IFF_NOARP;
	is_up = fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &req);
	is_up = is_up && !ioctl(fd, SIOCGIFINDEX, &req);
	ifindex = req.ifr_ifindex;
	if (fd >= 0)
		(void)close(fd);
	return is_up;
}

/* Return: NULL, or what this machine lacks. */
static const char *open_device(void)
{
	struct ifreq req = { .ifr_name = "wdtun0",
			     .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (unshare(CLONE_NEWNET))
		return "a network namespace";
	tun_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (tun_fd < 0 || ioctl(tun_fd, TUNSETIFF, &req))
		return "tun devices";
	raw_fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (raw_fd < 0 || !set_up("wdtun0"))
		return "packet sockets";
	return NULL;
}

static bool attach(int dir)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = dir == OUT ? BPF_TC_EGRESS :
						 BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts,
		    .prog_fd = bpf_program__fd(wires_prog(WIRE, dir)));
	int err = bpf_tc_hook_create(&hook);

	return (!err || err == -EEXIST) && !bpf_tc_attach(&hook, &opts);
}

/* A frame into the device, or to whoever reads of it. */
static bool pass(const struct frame *f, int dir, uint16_t type)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = wd_be16(type),
				  .sll_ifindex = ifindex };

	if (dir == IN)
		return write(tun_fd, f->data, f->len) == (ssize_t)f->len;
	/* A sender is told that its packet was dropped. */
	return sendto(raw_fd, f->data, f->len, 0, (const void *)&to,
		      sizeof(to)) == (ssize_t)f->len ||
	       errno == ENOBUFS;
}

/* Does the frame come out of the device? The kernel sends some of its own. */
static bool comes_out(const struct frame *f)
{
	struct pollfd p = { .fd = tun_fd, .events = POLLIN };
	static uint8_t buf[4096];
	bool is_out = false;
	ssize_t n;

	while (poll(&p, 1, 50) == 1 && (n = read(tun_fd, buf, sizeof(buf))) > 0)
		is_out = is_out ||
			 ((size_t)n == f->len && !memcmp(buf, f->data, f->len));
	return is_out;
}

static void expect(int reason, int dir, uint16_t type,
		   const struct piece *pieces)
{
	static struct frame f;
	uint64_t before = wires_counted(reason, dir);

	frame_build(&f, pieces);
	wd_expect(pass(&f, dir, type));
	if (dir == OUT)
		wd_expect_int(reason < WD_R_FIRST_DROP, comes_out(&f));
	wd_expect_int(1, (long long)(wires_counted(reason, dir) - before));
}

/* clsact that is there already is no error, and not worth a word. */
static int say_nothing(enum libbpf_print_level level, const char *fmt,
		       va_list args)
{
	(void)level;
	(void)fmt;
	(void)args;
	return 0;
}

static void packets_of_a_tun_device_are_judged(void)
{
	for_each_nest(dir)
	{
		uint16_t type = build_outer == 4 ? ETH_P_IP : ETH_P_IPV6;

		expect(plaintext(dir), dir, type,
		       LIST(IP(LOCAL, SECRET), UDP(0, 53), DATA(20)));
		expect(WD_R_IN_CLEAR, dir, type,
		       LIST(IP(LOCAL2, PLAIN), UDP(0, 53), DATA(20)));
		expect(unless_min(plaintext(dir)), dir, type,
		       LIST(IP(HERE, NODE2), UDP(0, 4789), PIECE(P_VXLAN), ETH,
			    IN_IP(LOCAL, SECRET), UDP(0, 53), DATA(20)));
		expect(unless_min(WD_R_IN_CLEAR), dir, type,
		       LIST(IP(HERE, NODE2), PIECE(P_GRE), IN_IP(LOCAL2, PLAIN),
			    UDP(0, 53), DATA(20)));
	}
}

/* Whoever sends by a packet socket says what it is, and may be wrong. */
static void what_a_sender_says_of_a_packet_does_not_hide_it(void)
{
	static const uint16_t types[] = { 0x1234, ETH_P_ARP, ETH_P_ALL };

	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		build_outer = 4;
		expect(WD_R_PLAINTEXT_OUT, OUT, types[i],
		       LIST(IP(LOCAL, SECRET), UDP(0, 53), DATA(20)));
		build_outer = 6;
		expect(WD_R_PLAINTEXT_OUT, OUT, types[i],
		       LIST(IP(LOCAL, SECRET), UDP(0, 53), DATA(20)));
	}
	build_outer = 4;
	expect(WD_R_TUN_OPAQUE, OUT, 0x8847,
	       LIST(IP(LOCAL2, PLAIN), UDP(0, 53), DATA(20)));
	expect(WD_R_L3_BAD, OUT, ETH_P_IPV6,
	       LIST(IP(LOCAL2, PLAIN), UDP(0, 53), DATA(20)));
}

int main(void)
{
	const char *lacks = open_device();

	if (lacks) {
		printf("1..0 # SKIP this machine lacks %s\n", lacks);
		return 0;
	}
	wires_open();
	(void)libbpf_set_print(say_nothing);
	wires_device((uint32_t)ifindex, true);
	if (!attach(IN) || !attach(OUT)) {
		printf("Bail out! the programs cannot be attached\n");
		return 1;
	}
	WD_TEST(packets_of_a_tun_device_are_judged);
	WD_TEST(what_a_sender_says_of_a_packet_does_not_hide_it);
	wires_close();
	return wd_tests_end();
}
