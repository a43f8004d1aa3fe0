/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_fou.c - ports of sockets that unpack, as a kernel answers that is written
 * here: with sense, and without.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>

#include "net/fou.h"
#include "net/rtnl.h"
#include "tap.h"

#define L2TP_CONN_ID 9 /* of linux/l2tp.h, which includes what clashes */
#define L2TP_UDP_SPORT 26
#define FOU_FAMILY (GENL_MIN_ID + 1)
#define L2TP_FAMILY (GENL_MIN_ID + 2)
#define NO_ANSWER 0 /* port of a socket: the kernel says no port */

static char room[512];

static struct nlmsghdr *begin_answer(void)
{
	struct nlmsghdr *msg;

	memset(room, 0, sizeof(room));
	msg = mnl_nlmsg_put_header(room);
	msg->nlmsg_type = FOU_FAMILY;
	(void)mnl_nlmsg_put_extra_header(msg, sizeof(struct genlmsghdr));
	return msg;
}

/* ---- a kernel ---- */

typedef int (*taker)(void *ctx, const struct nlmsghdr *msg);

static struct {
	int err; /* of every question about sockets */
	int nameless; /* families without a name */
	uint16_t fou[4], l2tp[4];
	size_t fou_cnt, l2tp_cnt;
} kernel;

int wd_rtnl_open(struct wd_rtnl *nl, int netns_fd, int protocol)
{
	wd_expect_int(-1, netns_fd);
	wd_expect_int(NETLINK_GENERIC, protocol);
	nl->seq = 0;
	return 0;
}

void wd_rtnl_close(struct wd_rtnl *nl)
{
	(void)nl;
}

static int answer_family(const char *name, uint16_t id, taker fn, void *ctx)
{
	struct nlmsghdr *msg = begin_answer();

	mnl_attr_put_u16(msg, CTRL_ATTR_FAMILY_ID, id);
	if (!kernel.nameless)
		mnl_attr_put_strz(msg, CTRL_ATTR_FAMILY_NAME, name);
	return fn(ctx, msg);
}

static int answer_families(taker fn, void *ctx)
{
	int err = answer_family("nlctrl", GENL_ID_CTRL, fn, ctx);

	if (!err)
		err = answer_family("fou", FOU_FAMILY, fn, ctx);
	return err ? err : answer_family("l2tp", L2TP_FAMILY, fn, ctx);
}

int wd_rtnl_run(struct wd_rtnl *nl, struct nlmsghdr *head, taker fn, void *ctx)
{
	bool fou = head->nlmsg_type == FOU_FAMILY;
	size_t cnt = fou ? kernel.fou_cnt : kernel.l2tp_cnt;
	int err = kernel.err;

	(void)nl;
	if (head->nlmsg_type == GENL_ID_CTRL)
		return answer_families(fn, ctx);
	for (size_t i = 0; !err && i < cnt; i++) {
		struct nlmsghdr *msg = begin_answer();

		if (fou && kernel.fou[i] != NO_ANSWER)
			mnl_attr_put_u16(msg, FOU_ATTR_PORT,
					 htons(kernel.fou[i]));
		if (!fou && kernel.l2tp[i] != NO_ANSWER) {
			mnl_attr_put_u32(msg, L2TP_CONN_ID, 3);
			mnl_attr_put_u16(msg, L2TP_UDP_SPORT, kernel.l2tp[i]);
		}
		err = fn(ctx, msg);
	}
	return err;
}

/* ---- one answer ---- */

static void the_port_of_a_fou_socket_is_read(void)
{
	struct nlmsghdr *msg = begin_answer();
	uint16_t port = 0;

	mnl_attr_put_u8(msg, FOU_ATTR_AF, AF_INET6);
	mnl_attr_put_u16(msg, FOU_ATTR_PORT, htons(7781));
	wd_expect_int(0, wd_fou_take_fou(msg, &port));
	wd_expect_int(7781, port);
}

static void the_port_of_an_l2tp_tunnel_is_read_if_it_has_one(void)
{
	struct nlmsghdr *msg = begin_answer();
	uint16_t port = 1;

	mnl_attr_put_u32(msg, L2TP_CONN_ID, 3);
	wd_expect_int(0, wd_fou_take_l2tp(msg, &port));
	wd_expect_int(0, port); /* over IP */
	mnl_attr_put_u16(msg, L2TP_UDP_SPORT, 7782);
	wd_expect_int(0, wd_fou_take_l2tp(msg, &port));
	wd_expect_int(7782, port);
}

static void an_answer_that_names_no_port_is_refused(void)
{
	struct nlmsghdr *msg = begin_answer();
	uint16_t port = 5;

	wd_expect_int(-EPROTO, wd_fou_take_l2tp(msg, &port));
	wd_expect_int(-EPROTO, wd_fou_take_fou(msg, &port));
	mnl_attr_put_u8(msg, FOU_ATTR_PORT, 1);
	wd_expect_int(-EPROTO, wd_fou_take_fou(msg, &port));
	msg = begin_answer();
	mnl_attr_put_u16(msg, FOU_ATTR_PORT, 0);
	wd_expect_int(-EPROTO, wd_fou_take_fou(msg, &port));
	wd_expect_int(5, port);
}

/* ---- all of them ---- */

static void one_answer_without_sense_takes_no_other_port_with_it(void)
{
	uint16_t *port = NULL;
	uint32_t odd = 0;

	memset(&kernel, 0, sizeof(kernel));
	kernel.fou_cnt = 3;
	kernel.fou[0] = 7781;
	kernel.fou[1] = NO_ANSWER;
	kernel.fou[2] = 7783;
	kernel.l2tp_cnt = 2;
	kernel.l2tp[0] = NO_ANSWER;
	kernel.l2tp[1] = 7785;
	wd_expect_int(3, wd_fou_ports(&port, &odd));
	wd_expect_int(2, odd);
	wd_expect_int(7781, port[0]);
	wd_expect_int(7783, port[1]);
	wd_expect_int(7785, port[2]);
	free(port);
}

static void what_the_kernel_refuses_is_said(void)
{
	uint16_t *port = NULL;
	uint32_t odd = 5;

	memset(&kernel, 0, sizeof(kernel));
	kernel.err = -EACCES;
	wd_expect_int(-EACCES, wd_fou_ports(&port, &odd));
	kernel.err = 0;
	kernel.nameless = 1;
	wd_expect_int(-EPROTO, wd_fou_ports(&port, &odd));
	wd_expect(!port);
	wd_expect_int(5, odd);
}

int main(void)
{
	WD_TEST(the_port_of_a_fou_socket_is_read);
	WD_TEST(the_port_of_an_l2tp_tunnel_is_read_if_it_has_one);
	WD_TEST(an_answer_that_names_no_port_is_refused);
	WD_TEST(one_answer_without_sense_takes_no_other_port_with_it);
	WD_TEST(what_the_kernel_refuses_is_said);
	return wd_tests_end();
}
