// SPDX-License-Identifier: GPL-2.0-only
/* netkit.c - makes a netkit pair by rtnetlink. */
#include "netkit.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

/* Of the kernel's if_link.h; headers of 6.6 do not have them all. */
#define NETKIT_PEER_INFO 1
#define NETKIT_MODE 5
#define NETKIT_MODE_L2 0

#define MESSAGE_BYTES 1024
#define SEQUENCE 1

static void put_request(struct nlmsghdr *nlh, const char *name,
			const char *peer)
{
	struct nlattr *info, *data, *other;
	struct ifinfomsg *ifi;

	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE |
			   NLM_F_EXCL;
	nlh->nlmsg_seq = SEQUENCE;
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "netkit");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, NETKIT_MODE, NETKIT_MODE_L2);
	other = mnl_attr_nest_start(nlh, NETKIT_PEER_INFO);
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = AF_UNSPEC;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, peer);
	mnl_attr_nest_end(nlh, other);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

int wd_netkit_new(const char *name, const char *peer)
{
	struct mnl_socket *nl = mnl_socket_open(NETLINK_ROUTE);
	char buf[MESSAGE_BYTES];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	ssize_t got;
	int err = 0;

	if (!nl)
		return -errno;
	put_request(nlh, name, peer);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		err = -errno;
	if (!err) {
		got = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (got < 0 ||
		    mnl_cb_run(buf, (size_t)got, SEQUENCE,
			       mnl_socket_get_portid(nl), NULL, NULL) < 0)
			err = -errno;
	}
	mnl_socket_close(nl);
	return err;
}
