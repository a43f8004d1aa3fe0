// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_link.c - what netlink says of devices, as messages written here.
 */
#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
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

/* What its answers may be is in test_fou.c. */
static void a_kernel_can_be_asked_for_ports_without_a_device(void)
{
	uint16_t *port = NULL;
	uint32_t odd = 1;

	wd_expect(wd_fou_ports(&port, &odd) >= 0);
	wd_expect_int(0, odd);
	free(port);
}

int main(void)
{
	WD_TEST(a_kernel_can_be_asked_for_ports_without_a_device);
	WD_TEST(the_port_of_a_tunnel_is_read);
	WD_TEST(what_is_no_port_is_not_taken_for_one);
	return wd_tests_end();
}
