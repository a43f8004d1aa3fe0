/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clsact.c - our programs on an interface as filters of the clsact qdisc.
 *
 * For kernels without tcx. Our filter has the first priority and a handle of
 * our own, because several tools believe that handle 1 is theirs; it is ours
 * only if its program uses our wd_state. It must be the first of its hook, or
 * a filter of others could end the packet's way before it: then attaching
 * fails. The qdisc goes when its last filter is gone. No pin is made.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define PRIORITY 1
#define MESSAGE_ROOM 32768 /* bytes; the kernel fills what it is offered */

static const enum bpf_tc_attach_point hook_point[] = {
	[WD_INGRESS] = BPF_TC_EGRESS,
	[WD_EGRESS] = BPF_TC_INGRESS,
};

static const uint32_t hook_parent[] = {
	[WD_INGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS),
	[WD_EGRESS] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
};

/* ---- reading: rtnetlink dumps ---- */

static int receive(struct mnl_socket *socket, uint32_t seq, mnl_cb_t each,
		   void *data)
{
	char *room = malloc(MESSAGE_ROOM);
	int got = room ? MNL_CB_OK : MNL_CB_ERROR;

	while (got > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(socket, room, MESSAGE_ROOM);
		if (got >= 0)
			got = mnl_cb_run(room, got, seq,
					 mnl_socket_get_portid(socket), each,
					 data);
	}
	got = got < 0 ? -errno : 0;
	free(room);
	return got;
}

/* One dump: @each sees every message. */
static int dump(uint16_t type, const struct tcmsg *what, mnl_cb_t each,
		void *data)
{
	char request[NLMSG_ALIGN(sizeof(struct nlmsghdr)) +
		     NLMSG_ALIGN(sizeof(*what))];
	struct mnl_socket *socket;
	struct nlmsghdr *msg;
	int err;

	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (!socket)
		return -errno;
	msg = mnl_nlmsg_put_header(request);
	msg->nlmsg_type = type;
	msg->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	msg->nlmsg_seq = 1; /* the only one on this socket */
	memcpy(mnl_nlmsg_put_extra_header(msg, sizeof(*what)), what,
	       sizeof(*what));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) ||
	    mnl_socket_sendto(socket, msg, msg->nlmsg_len) < 0)
		err = -errno;
	else
		err = receive(socket, msg->nlmsg_seq, each, data);
	mnl_socket_close(socket);
	return err;
}

struct filters {
	uint32_t handle; /* whose we look for */
	uint32_t first_prog; /* program of the first, 0 if it is no bpf */
	uint32_t our_prog; /* program of the one with our handle */
	bool our_name; /* and that one has the name of a program of ours */
	int cnt;
};

static int get_attr(const struct nlattr *attr, void *data)
{
	const struct nlattr **attrs = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= TCA_MAX)
		attrs[type] = attr;
	return MNL_CB_OK;
}

/* libbpf names a filter after its program: "wd_pod_in:[42]". */
static bool is_our_name(const char *name)
{
	static const char *const ours[] = {
#define NAMES_(object, rung, in, out) in ":[", out ":[",
		WD_RUNG_PROGS(NAMES_)
#undef NAMES_
#define NAMES_(object, rung, wire_out, wire_in, tun_out, tun_in) \
	wire_out ":[", wire_in ":[", tun_out ":[", tun_in ":[",
			WD_WIRE_PROGS(NAMES_)
#undef NAMES_
	};

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (!strncmp(name, ours[i], strlen(ours[i])))
			return true;
	return false;
}

static uint32_t program_of(const struct nlmsghdr *msg, bool *ret_our_name)
{
	const struct nlattr *attrs[TCA_MAX + 1] = { NULL }, *inner;
	uint32_t id = 0;

	if (mnl_attr_parse(msg, sizeof(struct tcmsg), get_attr, attrs) < 0)
		return 0;
	if (!attrs[TCA_KIND] || !attrs[TCA_OPTIONS] ||
	    strcmp(mnl_attr_get_str(attrs[TCA_KIND]), "bpf"))
		return 0;
	mnl_attr_for_each_nested(inner, attrs[TCA_OPTIONS]) {
		if (mnl_attr_get_type(inner) == TCA_BPF_ID)
			id = mnl_attr_get_u32(inner);
		if (mnl_attr_get_type(inner) == TCA_BPF_NAME &&
		    !mnl_attr_validate(inner, MNL_TYPE_NUL_STRING))
			*ret_our_name = is_our_name(mnl_attr_get_str(inner));
	}
	return id;
}

/* The kernel lists filters in the order they run. */
static int see_filter(const struct nlmsghdr *msg, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(msg);
	struct filters *seen = data;
	bool our_name = false;
	uint32_t prog;

	if (!tc->tcm_handle)
		return MNL_CB_OK; /* head of a priority, no filter */
	prog = program_of(msg, &our_name);
	if (!seen->cnt++)
		seen->first_prog = prog;
	if (tc->tcm_handle == seen->handle && tc->tcm_info >> 16 == PRIORITY) {
		seen->our_prog = prog;
		seen->our_name = our_name;
	}
	return MNL_CB_OK;
}

static int read_filters(uint32_t ifindex, enum wd_dir way, uint32_t handle,
			struct filters *ret_seen)
{
	struct tcmsg what = {
		.tcm_family = AF_UNSPEC,
		.tcm_ifindex = ifindex,
		.tcm_parent = hook_parent[way],
	};
	int err;

	do {
		*ret_seen = (struct filters){ .handle = handle };
		err = dump(RTM_GETTFILTER, &what, see_filter, ret_seen);
	} while (err == -EINTR); /* changed meanwhile: not a whole picture */
	/* No such qdisc, or another one in its place: no filters. */
	return err == -EINVAL || err == -ENOENT ? 0 : err;
}

struct devices {
	uint32_t *list;
	int cnt;
};

static int see_qdisc(const struct nlmsghdr *msg, void *data)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(msg);
	const struct nlattr *attrs[TCA_MAX + 1] = { NULL };
	struct devices *found = data;
	int cnt;

	if (mnl_attr_parse(msg, sizeof(*tc), get_attr, attrs) < 0 ||
	    !attrs[TCA_KIND] ||
	    strcmp(mnl_attr_get_str(attrs[TCA_KIND]), "clsact"))
		return MNL_CB_OK;
	cnt = wd_list_append(&found->list, found->cnt, tc->tcm_ifindex);
	if (cnt < 0) {
		errno = -cnt;
		return MNL_CB_ERROR;
	}
	found->cnt = cnt;
	return MNL_CB_OK;
}

/*
 * 1 if the filter is the owner's, 0 if not or if it is gone. Where bpf(2) may
 * not be asked, its handle and its name must do.
 */
static int is_owned(const struct filters *seen, const struct wd_owner *owner)
{
	uint32_t prog_id = seen->our_prog;
	int fd, yes;

	if (!prog_id)
		return 0;
	if (prog_id == owner->prog_id[WD_INGRESS] ||
	    prog_id == owner->prog_id[WD_EGRESS])
		return 1; /* known without the right to look */
	fd = bpf_prog_get_fd_by_id(prog_id);
	if (fd == -EPERM || fd == -ENOSYS)
		return seen->our_name;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	yes = wd_prog_uses(fd, owner->state_id[0]);
	if (!yes)
		yes = wd_prog_uses(fd, owner->state_id[1]);
	close(fd);
	return yes;
}

static int has_our_filter(uint32_t ifindex, const struct wd_owner *owner)
{
	struct filters seen;
	int way, yes = 0;

	for (way = 0; !yes && way < WD_DIR__MAX; way++) {
		yes = read_filters(ifindex, way, owner->handle, &seen);
		if (!yes)
			yes = is_owned(&seen, owner);
	}
	return yes;
}

int wd_clsact_list(const struct wd_owner *owner, uint32_t **ret_ifindex)
{
	struct tcmsg what = { .tcm_family = AF_UNSPEC };
	struct devices found = { 0 };
	int i, yes, err, kept = 0;

	do {
		found.cnt = 0;
		free(found.list);
		found.list = NULL;
		err = dump(RTM_GETQDISC, &what, see_qdisc, &found);
	} while (err == -EINTR);
	for (i = 0; !err && i < found.cnt; i++) {
		yes = has_our_filter(found.list[i], owner);
		if (yes > 0)
			found.list[kept++] = found.list[i];
		else if (yes != -ENODEV)
			err = yes;
	}
	if (err) {
		free(found.list);
		return err;
	}
	*ret_ifindex = found.list;
	return wd_sort_unique(found.list, kept);
}

/* ---- writing: libbpf, whose complaints say nothing our errors do not ---- */

static int make_qdisc(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err;

	err = bpf_tc_hook_create(&hook);
	return err == -EEXIST ? 0 : err;
}

static int put_filter(uint32_t ifindex, enum wd_dir way, uint32_t handle,
		      int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = hook_point[way]);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .handle = handle,
		    .priority = PRIORITY, .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

static int drop_filter(uint32_t ifindex, enum wd_dir way, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = hook_point[way]);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

static int attach_quietly(uint32_t ifindex, enum wd_dir way, uint32_t handle,
			  int prog_fd, bool has_qdisc)
{
	libbpf_print_fn_t before = libbpf_set_print(NULL);
	int err = 0;

	if (!has_qdisc)
		err = make_qdisc(ifindex);
	if (!err)
		err = put_filter(ifindex, way, handle, prog_fd);
	libbpf_set_print(before);
	return err;
}

/*
 * What comes first is of another family of ours: a pod's device was taken for a
 * wire until somebody told of the pod. It hands on what it lets pass, and the
 * kernel puts a new filter of a priority before the others.
 */
static bool is_of_our_set(const struct wd_datapath *dp, uint32_t prog_id)
{
	struct filters first = { .our_prog = prog_id };
	struct wd_owner set = {
		.state_id = { dp->map_id[WD_MAP_wd_state], dp->old_state_id },
	};

	return is_owned(&first, &set) > 0;
}

int wd_clsact_attach(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		     bool *ret_made)
{
	uint32_t want = dp->info.prog_id[way];
	struct filters seen;
	int err;

	*ret_made = false;
	err = read_filters(ifindex, way, dp->handle, &seen);
	if (err)
		return err;
	if (seen.cnt && seen.first_prog != seen.our_prog &&
	    !is_of_our_set(dp, seen.first_prog))
		return -EBUSY; /* what comes first could keep packets from us */
	if (seen.our_prog == want)
		return 0;
	err = attach_quietly(ifindex, way, dp->handle, dp->prog_fd[way],
			     seen.cnt);
	if (err)
		return err;
	if (seen.our_prog)
		dp->info.swapped = true;
	else
		*ret_made = true;
	return 0;
}

static bool device_exists(uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	return if_indextoname(ifindex, name);
}

int wd_clsact_check(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way)
{
	struct filters seen;
	int err;

	err = read_filters(ifindex, way, dp->handle, &seen);
	if (err)
		return err;
	if (!seen.cnt)
		err = device_exists(ifindex) ? 0 : -ENODEV;
	if (err)
		return err;
	if (seen.first_prog != dp->info.prog_id[way] ||
	    seen.our_prog != dp->info.prog_id[way])
		return -ENOLINK;
	return 0;
}

int wd_clsact_guards(uint32_t ifindex, enum wd_dir way,
		     const struct wd_owner *owner)
{
	struct filters seen;
	int err;

	err = read_filters(ifindex, way, owner->handle, &seen);
	if (!err)
		err = is_owned(&seen, owner);
	if (err)
		return err > 0 ? 0 : err;
	return device_exists(ifindex) ? -ENOLINK : -ENODEV;
}

int wd_clsact_swap(uint32_t ifindex, enum wd_dir way,
		   const struct wd_owner *owner, const struct wd_progs *to,
		   bool *ret_swapped)
{
	struct filters seen;
	int err;

	err = read_filters(ifindex, way, owner->handle, &seen);
	if (err || seen.our_prog == to->id[way])
		return err;
	err = is_owned(&seen, owner);
	if (err <= 0)
		return err;
	err = attach_quietly(ifindex, way, owner->handle, to->fd[way], true);
	if (!err)
		*ret_swapped = true;
	return err;
}

int wd_clsact_detach(uint32_t ifindex, enum wd_dir way,
		     const struct wd_owner *owner)
{
	libbpf_print_fn_t before;
	struct filters seen;
	int err;

	err = read_filters(ifindex, way, owner->handle, &seen);
	if (!err)
		err = is_owned(&seen, owner);
	if (err == -ENODEV)
		return 0;
	if (err <= 0)
		return err;
	before = libbpf_set_print(NULL);
	err = drop_filter(ifindex, way, owner->handle);
	libbpf_set_print(before);
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

void wd_clsact_tidy(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex,
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	libbpf_print_fn_t before;
	struct filters seen;
	int way;

	for (way = 0; way < WD_DIR__MAX; way++) {
		if (read_filters(ifindex, way, 0, &seen) || seen.cnt)
			return;
	}
	before = libbpf_set_print(NULL);
	(void)bpf_tc_hook_destroy(&hook); /* an empty qdisc does no harm */
	libbpf_set_print(before);
}
