// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link.c - what netlink says of devices and of what unpacks without one, as
 * messages written here.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/fou.h>
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/fou.h"
#include "net/rtnl.h"
#include "tap.h"

/* A device of @kind whose attribute @type is @port. */
static struct wd_link link_of(const char *kind, uint16_t type, uint16_t port)
{
	char buf[512];
	struct wd_link link = { 0 };
	struct nlattr *info, *data;
	struct nlmsghdr *msg = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *head = mnl_nlmsg_put_extra_header(msg, sizeof(*head));

	msg->nlmsg_type = RTM_NEWLINK;
	head->ifi_index = 7;
	mnl_attr_put_strz(msg, IFLA_IFNAME, "dev7");
	info = mnl_attr_nest_start(msg, IFLA_LINKINFO);
	mnl_attr_put_strz(msg, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(msg, IFLA_INFO_DATA);
	mnl_attr_put_u32(msg, 60, 1); /* another one */
	mnl_attr_put_u16(msg, type, htons(port));
	mnl_attr_nest_end(msg, data);
	mnl_attr_nest_end(msg, info);
	wd_expect_int(0, wd_link_parse(msg, &link));
	wd_expect_int(7, link.ifindex);
	return link;
}

static void the_port_of_a_tunnel_is_read(void)
{
	wd_expect_int(7777,
		      link_of("vxlan", IFLA_VXLAN_PORT, 7777).tunnel_port);
	wd_expect_int(7778,
		      link_of("geneve", IFLA_GENEVE_PORT, 7778).tunnel_port);
	wd_expect_int(7779,
		      link_of("bareudp", IFLA_BAREUDP_PORT, 7779).tunnel_port);
}

static void what_is_no_port_is_not_taken_for_one(void)
{
	wd_expect_int(0, link_of("vlan", IFLA_VXLAN_PORT, 1).tunnel_port);
	wd_expect_int(0, link_of("vxlan", IFLA_VXLAN_ID, 1).tunnel_port);
	wd_expect_int(0, link_of("geneve", IFLA_GENEVE_ID, 1).tunnel_port);
	wd_expect_int(0, link_of("", IFLA_BAREUDP_PORT, 1).tunnel_port);
}

/* ---- FOU, L2TP ---- */

#define L2TP_CONN_ID 9 /* of linux/l2tp.h, which includes what clashes */
#define L2TP_UDP_SPORT 26

static char room[512];

static struct nlmsghdr *begin_answer(void)
{
	struct nlmsghdr *msg;

	memset(room, 0, sizeof(room));
	msg = mnl_nlmsg_put_header(room);
	msg->nlmsg_type = GENL_MIN_ID + 1;
	(void)mnl_nlmsg_put_extra_header(msg, sizeof(struct genlmsghdr));
	return msg;
}

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

static void a_kernel_can_be_asked_for_them(void)
{
	uint16_t *port = NULL;

	wd_expect(wd_fou_ports(&port) >= 0);
	free(port);
}

int main(void)
{
	WD_TEST(the_port_of_a_fou_socket_is_read);
	WD_TEST(the_port_of_an_l2tp_tunnel_is_read_if_it_has_one);
	WD_TEST(an_answer_that_names_no_port_is_refused);
	WD_TEST(a_kernel_can_be_asked_for_them);
	WD_TEST(the_port_of_a_tunnel_is_read);
	WD_TEST(what_is_no_port_is_not_taken_for_one);
	return wd_tests_end();
}
