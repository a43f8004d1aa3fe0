/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call.c - reads a call's arguments out of the caller's memory.
 */
#include "call.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "target.h"

#define PATH_BYTES 512
#define MESSAGE_BYTES 65536 /* of a call's messages are looked at */
#define PIECES_MAX 64 /* of a message */
#define PROBE_BTF_BYTES \
	512 /* what libbpf tries with is smaller, an object's larger */

/* ---- bpf(2) ---- */

/* A program's or a map's, by a descriptor of the caller. */
static void name_behind(const struct wd_call *call, uint32_t fd, bool is_map,
			char ret_name[WD_NAME_MAX])
{
	struct bpf_prog_info prog = { 0 };
	struct bpf_map_info map = { 0 };
	union bpf_attr attr = { 0 };
	int copy = wd_target_fd(call->pid, (int)fd);

	if (copy < 0)
		return; /* the kernel will say it */
	attr.info.bpf_fd = (uint32_t)copy;
	attr.info.info_len = is_map ? sizeof(map) : sizeof(prog);
	attr.info.info = is_map ? (uintptr_t)&map : (uintptr_t)&prog;
	if (!syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)))
		snprintf(ret_name, WD_NAME_MAX, "%s",
			 is_map ? map.name : prog.name);
	close(copy);
}

static void name_of_pin(const struct wd_call *call, char ret_name[WD_NAME_MAX])
{
	char path[PATH_BYTES];
	const char *last;

	if (wd_target_text(call->pid, call->attr.pathname, path, sizeof(path)))
		return;
	last = strrchr(path, '/');
	snprintf(ret_name, WD_NAME_MAX, "%.*s", WD_NAME_MAX - 1,
		 last ? last + 1 : path);
}

/* Names of programs and maps that libbpf tries the kernel with. */
static bool is_probe_name(const char *name)
{
	return !*name || !strncmp(name, "libbpf_", 7) ||
	       !strcmp(name, "det_arg_ctx");
}

static void read_making(struct wd_call *call)
{
	const char *name = call->cmd == BPF_MAP_CREATE ? call->attr.map_name :
							 call->attr.prog_name;

	if (call->cmd == BPF_BTF_LOAD) {
		call->face.is_probe = call->attr.btf_size < PROBE_BTF_BYTES;
		return;
	}
	snprintf(call->face.name, WD_NAME_MAX, "%.*s", BPF_OBJ_NAME_LEN, name);
	call->face.is_probe = is_probe_name(call->face.name);
}

static void read_name(struct wd_call *call, bool names)
{
	const union bpf_attr *attr = &call->attr;
	char *name = call->face.name;

	switch (call->cmd) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_BTF_LOAD:
		read_making(call);
		break;
	case BPF_OBJ_PIN:
	case BPF_OBJ_GET:
		name_of_pin(call, name);
		break;
	case BPF_PROG_TEST_RUN:
		name_behind(call, attr->test.prog_fd, false, name);
		break;
	case BPF_LINK_CREATE:
		name_behind(call, attr->link_create.prog_fd, false, name);
		break;
	case BPF_LINK_UPDATE:
		name_behind(call, attr->link_update.new_prog_fd, false, name);
		break;
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_FREEZE:
		if (names)
			name_behind(call, attr->map_fd, true, name);
		break;
	default:
		break;
	}
}

static int read_bpf(const struct seccomp_notif *notif, bool names,
		    struct wd_call *call)
{
	size_t bytes;
	int err;

	call->face.family = WD_FAMILY_BPF;
	call->cmd = (uint32_t)notif->data.args[0];
	call->attr_at = notif->data.args[1];
	call->attr_bytes = (uint32_t)notif->data.args[2];
	bytes = call->attr_bytes < sizeof(call->attr) ? call->attr_bytes :
							sizeof(call->attr);
	wd_bpf_name(call->cmd, call->face.what);
	err = wd_target_read(call->pid, call->attr_at, &call->attr, bytes);
	if (err == -EFAULT)
		return 0; /* the kernel will say it */
	if (!err)
		read_name(call, names);
	return err;
}

/* ---- netlink ---- */

static void add_type(struct wd_face *face, uint32_t protocol, uint16_t type)
{
	if (face->type_cnt < WD_TYPES_MAX)
		wd_message_name(protocol, type, face->type[face->type_cnt++]);
}

/* Each kind of message once: a ruleset's repeat. */
static void read_types(struct wd_face *face, uint32_t protocol,
		       const char *bytes, size_t cnt)
{
	uint16_t last = UINT16_MAX;
	struct nlmsghdr head;

	while (cnt >= sizeof(head)) {
		memcpy(&head, bytes, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > cnt)
			return;
		if (head.nlmsg_type != last)
			add_type(face, protocol, head.nlmsg_type);
		last = head.nlmsg_type;
		if (NLMSG_ALIGN(head.nlmsg_len) >= cnt)
			return;
		bytes += NLMSG_ALIGN(head.nlmsg_len);
		cnt -= NLMSG_ALIGN(head.nlmsg_len);
	}
}

static char message[MESSAGE_BYTES];

static size_t gather(pid_t pid, const struct msghdr *msg)
{
	struct iovec piece[PIECES_MAX] = { 0 };
	size_t cnt = msg->msg_iovlen, done = 0;

	if (cnt > PIECES_MAX)
		cnt = PIECES_MAX;
	if (wd_target_read(pid, (uintptr_t)msg->msg_iov, piece,
			   cnt * sizeof(*piece)))
		return 0;
	for (size_t i = 0; i < cnt && done < sizeof(message); i++) {
		size_t bytes = piece[i].iov_len;

		if (bytes > sizeof(message) - done)
			bytes = sizeof(message) - done;
		if (wd_target_read(pid, (uintptr_t)piece[i].iov_base,
				   message + done, bytes))
			return done;
		done += bytes;
	}
	return done;
}

/* Puts the call's bytes into message[]. Return: how many. */
static size_t read_message(const struct seccomp_notif *notif, pid_t pid)
{
	size_t bytes = notif->data.args[2];
	struct msghdr msg = { 0 };

	if (notif->data.nr == SYS_sendmsg) {
		if (wd_target_read(pid, notif->data.args[1], &msg, sizeof(msg)))
			return 0;
		return gather(pid, &msg);
	}
	if (bytes > sizeof(message))
		bytes = sizeof(message);
	if (wd_target_read(pid, notif->data.args[1], message, bytes))
		return 0;
	return bytes;
}

/* Is it a netlink socket, and of which protocol? Return: 1, 0 or -errno. */
static int protocol_of(pid_t pid, int fd, int *ret_protocol)
{
	int domain = 0, copy = wd_target_fd(pid, fd);
	socklen_t len = sizeof(domain);
	int err = 0;

	if (copy < 0)
		return copy;
	if (getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    getsockopt(copy, SOL_SOCKET, SO_PROTOCOL, ret_protocol, &len))
		err = -errno;
	close(copy);
	return err ? err : domain == AF_NETLINK;
}

static int read_send(const struct seccomp_notif *notif, struct wd_call *call)
{
	int protocol = 0;
	int is = protocol_of(call->pid, (int)notif->data.args[0], &protocol);

	call->face.family = WD_FAMILY_NETLINK;
	call->is_netlink = is == 1;
	if (is == -ESRCH)
		return is;
	if (is != 1)
		return 0;
	wd_netlink_name((uint32_t)protocol, call->face.what);
	read_types(&call->face, (uint32_t)protocol, message,
		   read_message(notif, call->pid));
	return 0;
}

int wd_call_read(const struct seccomp_notif *notif, bool messages, bool names,
		 struct wd_call *ret_call)
{
	struct wd_call *call = ret_call;

	memset(call, 0, sizeof(*call));
	call->pid = (pid_t)notif->pid;
	if (notif->data.nr == SYS_bpf)
		return read_bpf(notif, names, call);
	if (notif->data.nr == SYS_socket) {
		call->face.family = WD_FAMILY_SOCKET;
		call->is_netlink = true; /* the filter lets no other through */
		wd_netlink_name((uint32_t)notif->data.args[2], call->face.what);
		return 0;
	}
	call->face.family = WD_FAMILY_NETLINK;
	return messages ? read_send(notif, call) : 0;
}
