/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read.c - asks the kernel for its WireGuard devices. Reads whole states or
 * none: what changed under way is read again.
 *
 * The kernel gives a device's private key to whoever may ask (CAP_NET_ADMIN).
 * It is not wanted here: nothing looks at it, and the buffer that it was
 * received in is wiped before anything else happens.
 */
#include "device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "../model/xalloc.h"
#include "../net/rtnl.h"
#include "message.h"

/*
 * One socket for each dump: one that was given up half read would be in the
 * way of the next.
 */
static int open_timed(struct wd_rtnl *nl, int netns_fd, int protocol)
{
	const struct timeval limit = {
		.tv_sec = WD_WG_TIMEOUT_MS / 1000,
		.tv_usec = WD_WG_TIMEOUT_MS % 1000 * 1000,
	};
	int err = wd_rtnl_open(nl, netns_fd, protocol);

	if (err)
		return err;
	if (setsockopt(nl->fd, SOL_SOCKET, SO_RCVTIMEO, &limit,
		       sizeof(limit))) {
		err = -errno;
		wd_rtnl_close(nl);
	}
	return err;
}

static int take(void *ctx, const struct nlmsghdr *msg)
{
	return wd_wg_take(ctx, msg);
}

static int dump(struct wd_rtnl *nl, struct wd_wg_device *dev)
{
	union wd_rtnl_req req;
	struct nlmsghdr *head = mnl_nlmsg_put_header(&req);
	struct genlmsghdr *genl;
	uint16_t family = 0;
	int err = wd_wg_family(nl, &family);

	if (err)
		return err;
	head->nlmsg_type = family;
	head->nlmsg_flags = NLM_F_DUMP;
	genl = mnl_nlmsg_put_extra_header(head, sizeof(*genl));
	genl->cmd = WG_CMD_GET_DEVICE;
	genl->version = WG_GENL_VERSION;
	mnl_attr_put_u32(head, WGDEVICE_A_IFINDEX, dev->ifindex);
	return wd_rtnl_run(nl, head, take, dev);
}

/* One device, once. */
static int read_once(int netns_fd, const struct wd_link *link,
		     struct wd_wg_device *ret_dev)
{
	struct wd_wg_device dev = {
		.ifindex = link->ifindex,
		.is_up = link->is_up,
	};
	struct wd_rtnl nl;
	int err = open_timed(&nl, netns_fd, NETLINK_GENERIC);

	if (err)
		return err;
	err = dump(&nl, &dev);
	explicit_bzero(nl.buf, WD_RTNL_BUF_BYTES);
	wd_rtnl_close(&nl);
	if (!err && (dev.ifindex != link->ifindex || !dev.name[0]))
		err = -EPROTO;
	if (!err)
		err = wd_wg_device_sort(&dev);
	if (err)
		wd_wg_device_fini(&dev);
	else
		*ret_dev = dev;
	return err;
}

/*
 * May another try give what this one did not? A dump of two states, one that
 * the kernel could not fit into its messages, or one that it cut short.
 */
static bool is_passing(int err)
{
	return err == -EINTR || err == -EMSGSIZE || err == -ENOBUFS ||
	       err == -EBUSY;
}

static int read_device(int netns_fd, const struct wd_link *link,
		       struct wd_wg_device *ret_dev)
{
	int err = -EINTR;

	for (int i = 0; i < WD_RTNL_TRIES && is_passing(err); i++)
		err = read_once(netns_fd, link, ret_dev);
	return is_passing(err) ? -EINTR : err == -EAGAIN ? -ETIMEDOUT : err;
}

static int list_links(int netns_fd, struct wd_link **ret_link)
{
	struct wd_rtnl nl;
	int cnt = open_timed(&nl, netns_fd, NETLINK_ROUTE);

	if (cnt)
		return cnt;
	cnt = wd_link_list(&nl, ret_link);
	wd_rtnl_close(&nl);
	return cnt == -EAGAIN ? -ETIMEDOUT : cnt;
}

/* A device that went since the links were listed is none. */
static bool is_gone(int err)
{
	return err == -ENODEV || err == -ENOENT || err == -EOPNOTSUPP;
}

static int read_devices(int netns_fd, const struct wd_link *link, int cnt,
			struct wd_wg_state *state)
{
	for (int i = 0; i < cnt; i++) {
		struct wd_wg_device *dev = &state->device[state->device_cnt];
		int err;

		if (strcmp(link[i].kind, "wireguard") != 0)
			continue;
		err = read_device(netns_fd, &link[i], dev);
		if (err && !is_gone(err))
			return err;
		state->device_cnt += !err;
	}
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct wd_wg_device *x = a;
	const struct wd_wg_device *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static int64_t now_s(clockid_t clock)
{
	struct timespec ts;

	/* Cannot fail: the clock exists and the address is ours. */
	(void)clock_gettime(clock, &ts);
	return ts.tv_sec;
}

static uint32_t count_kind(const struct wd_link *link, int cnt)
{
	uint32_t found = 0;

	for (int i = 0; i < cnt; i++)
		found += !strcmp(link[i].kind, "wireguard");
	return found;
}

int wd_wg_read(int netns_fd, struct wd_wg_state *ret_state)
{
	struct wd_wg_state state = {
		.time = now_s(CLOCK_REALTIME),
		.boottime = now_s(CLOCK_BOOTTIME),
	};
	struct wd_link *link = NULL;
	int cnt = list_links(netns_fd, &link);
	int err;

	if (cnt < 0 || !link)
		return cnt < 0 ? cnt : -EPROTO; /* loopback is always there */
	/* One more: where the next one would be put. */
	state.device = wd_xcalloc((size_t)count_kind(link, cnt) + 1,
				  sizeof(*state.device));
	err = read_devices(netns_fd, link, cnt, &state);
	free(link);
	if (err) {
		wd_wg_state_fini(&state);
		return err;
	}
	qsort(state.device, state.device_cnt, sizeof(*state.device),
	      compare_devices);
	*ret_state = state;
	return 0;
}
