/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * late.c - the program that judges after the translation of services: its
 * object, its two links in this network namespace, IPv4's and IPv6's, and their
 * pins below late/.
 *
 * Who sets WD_STATE_LATE must have both attached before, and takes it back
 * before they go. A link of netfilter takes no other program, and a hook of BPF
 * shares its priority with nobody. So new links come first, at another priority,
 * then they take the pins, then the old ones go: for a moment both judge. And so
 * a link is there as long as no second one can be had at its priority.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "wd_late.skel.h"

/* Behind NF_IP_PRI_NAT_DST (-100), where nobody else is by custom. */
#define PRIORITY_FIRST (-95)
#define PRIORITY_LAST (-86)
/* BPF_F_NETFILTER_IP_DEFRAG: fragments have no ports. Linux 6.6. */
#define LINK_DEFRAG 1U

static const struct {
	uint32_t pf;
	const char *pin;
} families[WD_LATE_FAMILIES] = {
	{ NFPROTO_IPV4, "wd_late4" },
	{ NFPROTO_IPV6, "wd_late6" },
};

#define FOLDER "late"

static void pin_path(char path[WD_PATH_MAX], const char *dir, int family)
{
	wd_pin_path(path, dir, FOLDER, families[family].pin);
}

static int link_info(int fd, struct bpf_link_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	memset(ret_info, 0, sizeof(*ret_info));
	return bpf_link_get_info_by_fd(fd, ret_info, &len);
}

static void drop_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* ---- one link ---- */

/* Return: the link, or -EBUSY somebody has that priority, or -errno. */
static int attach_at(int prog_fd, int family, int priority)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .netfilter.pf = families[family].pf,
		    .netfilter.hooknum = NF_INET_PRE_ROUTING,
		    .netfilter.priority = priority,
		    .netfilter.flags = LINK_DEFRAG);

	return bpf_link_create(prog_fd, 0, BPF_NETFILTER, &opts);
}

static int attach(int prog_fd, int family)
{
	int fd = -EBUSY;

	for (int at = PRIORITY_FIRST; fd == -EBUSY && at <= PRIORITY_LAST; at++)
		fd = attach_at(prog_fd, family, at);
	return fd;
}

/* Is it a link of this program, or one with the same instructions, by our maps? */
static bool is_same(const struct wd_datapath *dp, int link_fd, int prog_fd)
{
	struct bpf_prog_info have, want;
	struct bpf_link_info link;
	bool same;
	int fd;

	if (link_info(link_fd, &link))
		return false;
	fd = bpf_prog_get_fd_by_id(link.prog_id);
	if (fd < 0)
		return false;
	same = !wd_prog_info(fd, &have) && !wd_prog_info(prog_fd, &want) &&
	       !memcmp(have.tag, want.tag, sizeof(have.tag)) &&
	       wd_prog_uses(fd, dp->map_id[WD_MAP_wd_state]) == 1;
	close(fd);
	return same;
}

/*
 * Is @link_fd still attached? One that somebody took off stays as a shell, of
 * which nothing tells. Return: 0; 1: it was not, and *ret_fd is; or -errno.
 */
static int find_alive(int link_fd, int prog_fd, int family, int *ret_fd)
{
	struct bpf_link_info info;
	int err = link_info(link_fd, &info);
	int fd;

	if (err)
		return err;
	fd = attach_at(prog_fd, family, info.netfilter.priority);
	if (fd == -EBUSY)
		return 0;
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 1;
}

/* The pin that is there may be ours. Return: 0, 1 it was not, or -errno */
static int pin_again(const struct wd_datapath *dp, int family)
{
	int fd = dp->late.link_fd[family], pinned, err;
	struct bpf_link_info have, want;
	char path[WD_PATH_MAX];
	bool ours;

	pin_path(path, dp->dir, family);
	pinned = bpf_obj_get(path);
	err = link_info(fd, &want);
	ours = pinned >= 0 && !err && !link_info(pinned, &have) &&
	       have.id == want.id;
	drop_fd(&pinned);
	if (err || ours)
		return err;
	err = wd_bpffs_make(dp->dir, FOLDER);
	if (!err)
		err = wd_pin(fd, path);
	return err ? err : 1;
}

/* ---- both ---- */

/* What is pinned goes on, if it is the same and attached; else a new one. */
static int open_one(struct wd_datapath *dp, int prog_fd, int family)
{
	char path[WD_PATH_MAX];
	int old, fd = -1, err = 0;

	pin_path(path, dp->dir, family);
	old = bpf_obj_get(path);
	if (old >= 0 && is_same(dp, old, prog_fd)) {
		err = find_alive(old, prog_fd, family, &fd);
		if (!err) {
			fd = old;
			old = -1;
		}
	} else {
		fd = attach(prog_fd, family);
	}
	if (err < 0 || fd < 0) {
		drop_fd(&old);
		return err < 0 ? err : fd;
	}
	drop_fd(&dp->late.link_fd[family]);
	dp->late.link_fd[family] = fd;
	err = pin_again(dp, family);
	drop_fd(&old);
	return err < 0 ? err : 0;
}

static int keep_prog(struct wd_datapath *dp, struct bpf_object *obj)
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(obj, "wd_late");
	int fd = prog ? fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 3) : -1;

	if (fd < 0)
		return prog ? -errno : -ENOENT;
	drop_fd(&dp->late.prog_fd);
	dp->late.prog_fd = fd;
	return 0;
}

static int load(struct wd_datapath *dp)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "wd_late");
	struct bpf_object *obj;
	const void *elf;
	size_t bytes;
	int err;

	wd_capture_begin();
	elf = wd_late__elf_bytes(&bytes);
	obj = bpf_object__open_mem(elf, bytes, &opts);
	free(wd_capture_end());
	err = obj ? wd_maps_reuse(dp, obj) : -errno;
	if (!err)
		err = wd_load_other(dp, obj);
	if (!err)
		err = keep_prog(dp, obj);
	bpf_object__close(obj);
	return err;
}

/* The first line: what was tried, and the likely cause. */
static void note_why(struct wd_datapath *dp, const char *what, int err)
{
	char *why = wd_failure_why(dp);

	(void)snprintf(dp->late.error, sizeof(dp->late.error), "%s: %.*s", what,
		       why ? (int)strcspn(why, "\n") : 60,
		       why ? why : strerror(-err));
	free(why);
}

int wd_late_open(struct wd_datapath *dp)
{
	const char *what = "wd_late";
	int err;

	dp->late.state_id = 0;
	dp->late.error[0] = '\0';
	if (dp->engine != WD_ENGINE_PROGS || dp->info.beside || dp->memory)
		return -EOPNOTSUPP;
	wd_failure_clear(dp);
	err = load(dp);
	for (int i = 0; !err && i < WD_LATE_FAMILIES; i++) {
		what = families[i].pin;
		err = open_one(dp, dp->late.prog_fd, i);
	}
	if (err)
		note_why(dp, what, err);
	else
		dp->late.state_id = dp->map_id[WD_MAP_wd_state];
	return err;
}

bool wd_late_on(const struct wd_datapath *dp)
{
	return dp->late.state_id && dp->engine == WD_ENGINE_PROGS &&
	       !dp->info.beside &&
	       dp->late.state_id == dp->map_id[WD_MAP_wd_state];
}

const char *wd_late_error(const struct wd_datapath *dp)
{
	return dp->late.error;
}

int wd_late_check(struct wd_datapath *dp, int *ret_found)
{
	int err = wd_late_on(dp) ? 0 : -ENOLINK;

	*ret_found = 0;
	for (int i = 0; !err && i < WD_LATE_FAMILIES; i++) {
		int fd = -1;

		err = find_alive(dp->late.link_fd[i], dp->late.prog_fd, i, &fd);
		if (err == 1) {
			++*ret_found;
			drop_fd(&dp->late.link_fd[i]);
			dp->late.link_fd[i] = fd;
		}
		if (err >= 0)
			err = pin_again(dp, i);
		if (err == 1) {
			*ret_found += *ret_found == 0;
			err = 0;
		}
	}
	if (err) {
		dp->late.state_id = 0;
		note_why(dp, "wd_late", err);
	}
	return err;
}

/* ---- what an agent before has left ---- */

bool wd_late_pinned(const struct wd_datapath *dp)
{
	bool all = true;

	for (int i = 0; all && i < WD_LATE_FAMILIES; i++) {
		char path[WD_PATH_MAX];
		int fd;

		pin_path(path, dp->dir, i);
		fd = bpf_obj_get(path);
		all = fd >= 0;
		drop_fd(&fd);
	}
	return all;
}

static bool is_pinned_here(const struct wd_datapath *dp, int family)
{
	struct bpf_link_info link;
	char path[WD_PATH_MAX];
	int fd, prog = -1;
	bool is_it;

	pin_path(path, dp->dir, family);
	fd = bpf_obj_get(path);
	if (fd >= 0 && !link_info(fd, &link))
		prog = bpf_prog_get_fd_by_id(link.prog_id);
	is_it = prog >= 0 &&
		wd_prog_uses(prog, dp->map_id[WD_MAP_wd_state]) == 1;
	drop_fd(&prog);
	drop_fd(&fd);
	return is_it;
}

int wd_late_inherit(struct wd_datapath *dp)
{
	int map_fd = dp->map_fd[WD_MAP_wd_state];
	struct wd_state_val state;
	uint32_t zero = 0;
	bool all = true;
	int err;

	if (map_fd < 0)
		return 0;
	for (int i = 0; i < WD_LATE_FAMILIES; i++)
		all = all && is_pinned_here(dp, i);
	if (all)
		return 0;
	err = bpf_map_lookup_elem(map_fd, &zero, &state);
	if (err || !(state.flags & WD_STATE_LATE))
		return err;
	state.flags &= ~(uint32_t)WD_STATE_LATE;
	return bpf_map_update_elem(map_fd, &zero, &state, BPF_EXIST);
}

/* ---- the end ---- */

void wd_late_close(struct wd_datapath *dp)
{
	dp->late.state_id = 0;
	drop_fd(&dp->late.prog_fd);
	for (int i = 0; i < WD_LATE_FAMILIES; i++)
		drop_fd(&dp->late.link_fd[i]);
}

int wd_late_unpin(const char *dir)
{
	char path[WD_PATH_MAX];
	int err = wd_pins_clear(dir, FOLDER, NULL);

	wd_pin_path(path, dir, FOLDER, "");
	(void)rmdir(path); /* stays if it holds what is not ours */
	return err;
}

int wd_late_leave(struct wd_datapath *dp)
{
	wd_late_close(dp);
	return wd_late_unpin(dp->dir);
}
