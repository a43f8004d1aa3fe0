/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hold.c - closes a pod's interface where nothing can judge its packets.
 *
 * The host's side of the pair is set down: that needs no program, no table and
 * no module, stops both directions, and touches nothing else of the node. The
 * interface's alias says who did it, so that `ip link` tells a person, any
 * agent can open it again, and one without that alias is left as it is. The
 * kernel forgets the routes of an interface that goes down, but for those of
 * scope host, and IPv6 addresses: what set them up must do so again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/rtnetlink.h>

#include "internal.h"
#include "net/rtnl.h"

#define MARK "closed by warder: rung hold"
#define ANSWER_BYTES 128 /* longest alias that is looked at, with its end */

static struct ifinfomsg *begin(union wd_rtnl_req *req, uint16_t type,
			       uint32_t ifindex)
{
	struct nlmsghdr *msg;
	struct ifinfomsg *info;

	memset(req, 0, sizeof(*req));
	msg = mnl_nlmsg_put_header(req);
	msg->nlmsg_type = type;
	info = mnl_nlmsg_put_extra_header(msg, sizeof(*info));
	info->ifi_family = AF_UNSPEC;
	info->ifi_index = (int)ifindex;
	return info;
}

static int see_alias(void *ctx, const struct nlmsghdr *msg)
{
	const struct nlattr *attr;
	char *alias = ctx;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	mnl_attr_for_each(attr, msg, sizeof(struct ifinfomsg)) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == IFLA_IFALIAS &&
		    len < ANSWER_BYTES)
			memcpy(alias, mnl_attr_get_payload(attr), len);
	}
	return 0;
}

static int is_marked(struct wd_rtnl *nl, uint32_t ifindex)
{
	char alias[ANSWER_BYTES] = "";
	union wd_rtnl_req req;
	int err;

	begin(&req, RTM_GETLINK, ifindex);
	err = wd_rtnl_run(nl, &req.head, see_alias, alias);
	return err ? err : !strcmp(alias, MARK);
}

static int set_link(struct wd_rtnl *nl, uint32_t ifindex, bool up,
		    const char *alias)
{
	union wd_rtnl_req req;
	struct ifinfomsg *info = begin(&req, RTM_SETLINK, ifindex);

	info->ifi_change = IFF_UP;
	info->ifi_flags = up ? IFF_UP : 0;
	/* without its terminating zero, as the kernel stores it */
	mnl_attr_put(&req.head, IFLA_IFALIAS, strlen(alias), alias);
	return wd_rtnl_run(nl, &req.head, NULL, NULL);
}

int wd_hold_close(uint32_t ifindex)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = set_link(&nl, ifindex, false, MARK);
	wd_rtnl_close(&nl);
	return err;
}

int wd_hold_open(uint32_t ifindex)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = is_marked(&nl, ifindex);
	if (err > 0)
		err = set_link(&nl, ifindex, true, "");
	wd_rtnl_close(&nl);
	return err;
}

int wd_hold_check(uint32_t ifindex)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = is_marked(&nl, ifindex);
	wd_rtnl_close(&nl);
	if (err < 0)
		return err;
	return err ? 0 : -ENOLINK;
}

/* ---- all that are closed, without an open data path ---- */

static int see_closed(void *ctx, const struct nlmsghdr *msg)
{
	const struct ifinfomsg *info = mnl_nlmsg_get_payload(msg);
	char alias[ANSWER_BYTES] = "";
	struct wd_hold_list *list = ctx;
	int cnt;

	if (msg->nlmsg_type != RTM_NEWLINK)
		return 0;
	(void)see_alias(alias, msg);
	if (strcmp(alias, MARK) != 0)
		return 0;
	cnt = wd_list_append(&list->ifindex, list->cnt,
			     (uint32_t)info->ifi_index);
	if (cnt < 0)
		return cnt;
	list->cnt = cnt;
	return 0;
}

int wd_hold_list(struct wd_hold_list *ret_list)
{
	union wd_rtnl_req req;
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE), tries = 0;

	memset(ret_list, 0, sizeof(*ret_list));
	if (err)
		return err;
	do {
		ret_list->cnt = 0;
		begin(&req, RTM_GETLINK, 0);
		req.head.nlmsg_flags = NLM_F_DUMP;
		err = wd_rtnl_run(&nl, &req.head, see_closed, ret_list);
	} while (err == -EINTR && ++tries < WD_RTNL_TRIES);
	wd_rtnl_close(&nl);
	if (err) {
		free(ret_list->ifindex);
		ret_list->ifindex = NULL;
	}
	return err;
}
