/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * netfilter.c - the programs of netfilter's hooks: the one that judges after
 * the translation of services, and the one of this host's own sockets. Of each
 * the object, its links in this network namespace, IPv4's and IPv6's, and their
 * pins, in a folder of its own.
 *
 * Who sets WD_STATE_LATE must have all of wd_late attached before, and takes it
 * back before they go. A link of netfilter takes no other program, and a hook of BPF
 * shares its priority with nobody. So new links come first, at another priority,
 * then they take the pins, then the old ones go: for a moment both judge. And so
 * a link is there as long as no second one can be had at its priority.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "wd_host.skel.h"
#include "wd_late.skel.h"
#include "wd_pod.skel.h"

/* Behind NF_IP_PRI_NAT_DST (-100), where nobody else is by custom. */
#define PRIORITY_FIRST (-95)
#define PRIORITY_LAST (-86)
#define WD_TRIAL_DEVICE INT32_MAX /* an ifindex that nobody has */
/* BPF_F_NETFILTER_IP_DEFRAG: fragments have no ports. Linux 6.6. */
#define LINK_DEFRAG 1U

/* wd_object_constants() takes those of one object for those of any. */
_Static_assert(offsetof(struct wd_host__rodata, wd_hash_key) ==
		       offsetof(struct wd_pod__rodata, wd_hash_key),
	       "what wd_host has more comes behind");

static const struct part {
	const char *prog; /* its object, too */
	enum wd_part part;
	const char *folder;
	const void *(*elf)(size_t *bytes);
	bool has_flows; /* it has the constants of the flow table */
	uint32_t cnt;
	struct {
		uint32_t pf;
		uint32_t hook;
		const char *pin;
	} link[WD_NF_LINKS];
} parts[WD_NF__MAX] = {
	[WD_NF_LATE] = {
		"wd_late", WD_PART_LATE, "late", wd_late__elf_bytes, false, 2, {
			{ NFPROTO_IPV4, NF_INET_PRE_ROUTING, "wd_late4" },
			{ NFPROTO_IPV6, NF_INET_PRE_ROUTING, "wd_late6" },
		},
	},
	[WD_NF_HOST] = {
		"wd_host", WD_PART_HOST, "host", wd_host__elf_bytes, true, 4, {
			{ NFPROTO_IPV4, NF_INET_LOCAL_IN, "wd_host4_in" },
			{ NFPROTO_IPV4, NF_INET_LOCAL_OUT, "wd_host4_out" },
			{ NFPROTO_IPV6, NF_INET_LOCAL_IN, "wd_host6_in" },
			{ NFPROTO_IPV6, NF_INET_LOCAL_OUT, "wd_host6_out" },
		},
	},
};

static void pin_path(char path[WD_PATH_MAX], const char *dir, enum wd_nf nf,
		     uint32_t at)
{
	wd_pin_path(path, dir, parts[nf].folder, parts[nf].link[at].pin);
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
static int attach_at(int prog_fd, enum wd_nf nf, uint32_t at, int priority)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .netfilter.pf = parts[nf].link[at].pf,
		    .netfilter.hooknum = parts[nf].link[at].hook,
		    .netfilter.priority = priority,
		    .netfilter.flags = LINK_DEFRAG);

	return bpf_link_create(prog_fd, 0, BPF_NETFILTER, &opts);
}

static int attach(int prog_fd, enum wd_nf nf, uint32_t at)
{
	int fd = -EBUSY;

	for (int prio = PRIORITY_FIRST; fd == -EBUSY && prio <= PRIORITY_LAST;
	     prio++)
		fd = attach_at(prog_fd, nf, at, prio);
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
static int find_alive(int link_fd, int prog_fd, enum wd_nf nf, uint32_t at,
		      int *ret_fd)
{
	struct bpf_link_info info;
	int err = link_info(link_fd, &info);
	int fd;

	if (err)
		return err;
	fd = attach_at(prog_fd, nf, at, info.netfilter.priority);
	if (fd == -EBUSY)
		return 0;
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 1;
}

/* The pin that is there may be ours. Return: 0, 1 it was not, or -errno */
static int pin_again(const struct wd_datapath *dp, enum wd_nf nf, uint32_t at)
{
	int fd = dp->nf[nf].link_fd[at], pinned, err;
	struct bpf_link_info have, want;
	char path[WD_PATH_MAX];
	bool ours;

	pin_path(path, dp->dir, nf, at);
	pinned = bpf_obj_get(path);
	err = link_info(fd, &want);
	ours = pinned >= 0 && !err && !link_info(pinned, &have) &&
	       have.id == want.id;
	drop_fd(&pinned);
	if (err || ours)
		return err;
	err = wd_bpffs_make(dp->dir, parts[nf].folder);
	if (!err)
		err = wd_pin(fd, path);
	return err ? err : 1;
}

/* ---- all of a program ---- */

/* What is pinned goes on, if it is the same and attached; else a new one. */
static int open_one(struct wd_datapath *dp, enum wd_nf nf, uint32_t at)
{
	int prog_fd = dp->nf[nf].prog_fd;
	char path[WD_PATH_MAX];
	int old, fd = -1, err = 0;

	pin_path(path, dp->dir, nf, at);
	old = bpf_obj_get(path);
	if (old >= 0 && is_same(dp, old, prog_fd)) {
		err = find_alive(old, prog_fd, nf, at, &fd);
		if (!err) {
			fd = old;
			old = -1;
		}
	} else {
		fd = attach(prog_fd, nf, at);
	}
	if (err < 0 || fd < 0) {
		drop_fd(&old);
		return err < 0 ? err : fd;
	}
	drop_fd(&dp->nf[nf].link_fd[at]);
	dp->nf[nf].link_fd[at] = fd;
	err = pin_again(dp, nf, at);
	drop_fd(&old);
	return err < 0 ? err : 0;
}

static int keep_prog(struct wd_datapath *dp, enum wd_nf nf,
		     struct bpf_object *obj)
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(obj, parts[nf].prog);
	int fd = prog ? fcntl(bpf_program__fd(prog), F_DUPFD_CLOEXEC, 3) : -1;

	if (fd < 0)
		return prog ? -errno : -ENOENT;
	drop_fd(&dp->nf[nf].prog_fd);
	dp->nf[nf].prog_fd = fd;
	return 0;
}

static struct bpf_object *open_part(enum wd_nf nf)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = parts[nf].prog);
	struct bpf_object *obj;
	const void *elf;
	size_t bytes;

	wd_capture_begin();
	elf = parts[nf].elf(&bytes);
	obj = bpf_object__open_mem(elf, bytes, &opts);
	free(wd_capture_end());
	return obj;
}

/* Its maps have the sizes that they are to have. */
static int load_part(struct wd_datapath *dp, enum wd_nf nf,
		     struct bpf_object *obj)
{
	int err = 0;

	if (parts[nf].has_flows)
		err = wd_object_constants(obj, dp->hash_key, dp->with_events);
	return err ? err : wd_load_other(dp, obj);
}

/* Beside everything, with small maps of its own, before it decides anything. */
static int try_part(struct wd_datapath *dp, enum wd_nf nf)
{
	struct bpf_object *obj = open_part(nf);
	int err = obj ? wd_golden_shrink(obj) : -errno;
	uint32_t *device;

	device = err ? NULL :
		       wd_object_constant(obj, "wd_trial_device",
					  sizeof(*device));
	if (device)
		*device = WD_TRIAL_DEVICE;
	if (!err)
		err = load_part(dp, nf, obj);
	if (!err)
		err = wd_golden_nf(dp, obj, nf);
	bpf_object__close(obj);
	return err;
}

static int load(struct wd_datapath *dp, enum wd_nf nf)
{
	struct bpf_object *obj;
	int err = try_part(dp, nf);

	if (err)
		return err;
	obj = open_part(nf);
	err = obj ? wd_maps_reuse(dp, obj) : -errno;
	if (!err)
		err = load_part(dp, nf, obj);
	if (!err)
		err = keep_prog(dp, nf, obj);
	bpf_object__close(obj);
	return err;
}

static int open_links(struct wd_datapath *dp, enum wd_nf nf)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < parts[nf].cnt; i++) {
		err = open_one(dp, nf, i);
		if (err)
			wd_fail(dp, err, WD_STAGE_HOOK,
				"link %s to a hook of netfilter cannot be had "
				"(Linux 6.6, nf_defrag_ipv4, nf_defrag_ipv6)",
				parts[nf].link[i].pin);
	}
	return err;
}

int wd_nf_open(struct wd_datapath *dp, enum wd_nf nf)
{
	struct wd_nf_part *p = &dp->nf[nf];
	int err;

	p->state_id = 0;
	if (dp->engine != WD_ENGINE_PROGS || dp->info.beside || dp->memory) {
		p->error[0] = '\0';
		return -EOPNOTSUPP;
	}
	err = wd_part_begin(dp, parts[nf].part);
	if (!err)
		err = load(dp, nf);
	if (!err)
		err = open_links(dp, nf);
	wd_part_end(dp, parts[nf].part, err, p->error, sizeof(p->error));
	if (!err)
		p->state_id = dp->map_id[WD_MAP_wd_state];
	return err;
}

const void *wd_nf_elf(enum wd_nf nf, size_t *ret_bytes)
{
	return parts[nf].elf(ret_bytes);
}

bool wd_nf_on(const struct wd_datapath *dp, enum wd_nf nf)
{
	return dp->nf[nf].state_id && dp->engine == WD_ENGINE_PROGS &&
	       !dp->info.beside &&
	       dp->nf[nf].state_id == dp->map_id[WD_MAP_wd_state];
}

const char *wd_nf_error(const struct wd_datapath *dp, enum wd_nf nf)
{
	return dp->nf[nf].error;
}

int wd_nf_check(struct wd_datapath *dp, enum wd_nf nf, int *ret_found)
{
	struct wd_nf_part *part = &dp->nf[nf];
	int err = wd_nf_on(dp, nf) ? 0 : -ENOLINK;

	*ret_found = 0;
	for (uint32_t i = 0; !err && i < parts[nf].cnt; i++) {
		int fd = -1;

		err = find_alive(part->link_fd[i], part->prog_fd, nf, i, &fd);
		if (err == 1) {
			++*ret_found;
			drop_fd(&part->link_fd[i]);
			part->link_fd[i] = fd;
		}
		if (err >= 0)
			err = pin_again(dp, nf, i);
		if (err == 1) {
			*ret_found += *ret_found == 0;
			err = 0;
		}
	}
	if (err) {
		part->state_id = 0;
		wd_failure_clear(dp);
		wd_fail(dp, err, WD_STAGE_HOOK,
			"what was taken off cannot be attached again");
		wd_part_end(dp, parts[nf].part, err, part->error,
			    sizeof(part->error));
	}
	return err;
}

/* ---- what an agent before has left ---- */

bool wd_nf_pinned(const struct wd_datapath *dp, enum wd_nf nf)
{
	bool all = true;

	for (uint32_t i = 0; all && i < parts[nf].cnt; i++) {
		char path[WD_PATH_MAX];
		int fd;

		pin_path(path, dp->dir, nf, i);
		fd = bpf_obj_get(path);
		all = fd >= 0;
		drop_fd(&fd);
	}
	return all;
}

/*
 * Is a link pinned, and not taken off by somebody? @ret_here: by the maps in force.
 * Return: 0; 1: certainly not; or -errno, which says neither.
 */
static int look_at_pin(const struct wd_datapath *dp, enum wd_nf nf, uint32_t at,
		       bool *ret_here)
{
	struct bpf_link_info link;
	char path[WD_PATH_MAX];
	int fd, prog, again = -1, ret;

	*ret_here = false;
	pin_path(path, dp->dir, nf, at);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	ret = link_info(fd, &link);
	prog = ret ? ret : bpf_prog_get_fd_by_id(link.prog_id);
	if (prog >= 0) {
		*ret_here = wd_prog_uses(prog, dp->map_id[WD_MAP_wd_state]) ==
			    1;
		ret = find_alive(fd, prog, nf, at, &again);
		drop_fd(&again);
		drop_fd(&prog);
	} else {
		ret = prog;
	}
	drop_fd(&fd);
	return ret;
}

bool wd_nf_goes_on(const struct wd_datapath *dp, enum wd_nf nf)
{
	bool all = dp->map_fd[WD_MAP_wd_state] >= 0;

	for (uint32_t i = 0; all && i < parts[nf].cnt; i++) {
		bool here;

		all = look_at_pin(dp, nf, i, &here) == 0 && here;
	}
	return all;
}

bool wd_nf_left(const struct wd_datapath *dp, enum wd_nf nf)
{
	bool all = wd_nf_pinned(dp, nf);

	for (uint32_t i = 0; all && i < parts[nf].cnt; i++) {
		bool here;

		all = look_at_pin(dp, nf, i, &here) != 1;
	}
	return all;
}

int wd_late_inherit(struct wd_datapath *dp)
{
	int map_fd = dp->map_fd[WD_MAP_wd_state];
	struct wd_state_val state;
	uint32_t zero = 0;
	int err;

	if (map_fd < 0 || wd_nf_goes_on(dp, WD_NF_LATE))
		return 0;
	err = bpf_map_lookup_elem(map_fd, &zero, &state);
	if (err || !(state.flags & WD_STATE_LATE))
		return err;
	state.flags &= ~(uint32_t)WD_STATE_LATE;
	return bpf_map_update_elem(map_fd, &zero, &state, BPF_EXIST);
}

/* ---- the end ---- */

void wd_nf_none(struct wd_datapath *dp)
{
	for (int nf = 0; nf < WD_NF__MAX; nf++) {
		dp->nf[nf].prog_fd = -1;
		for (int i = 0; i < WD_NF_LINKS; i++)
			dp->nf[nf].link_fd[i] = -1;
	}
}

static void let_go(struct wd_nf_part *part)
{
	part->state_id = 0;
	drop_fd(&part->prog_fd);
	for (int i = 0; i < WD_NF_LINKS; i++)
		drop_fd(&part->link_fd[i]);
}

void wd_nf_close(struct wd_datapath *dp)
{
	for (int nf = 0; nf < WD_NF__MAX; nf++)
		let_go(&dp->nf[nf]);
}

int wd_nf_unpin(const char *dir, enum wd_nf nf)
{
	char path[WD_PATH_MAX];
	int err = wd_pins_clear(dir, parts[nf].folder, NULL);

	wd_pin_path(path, dir, parts[nf].folder, "");
	(void)rmdir(path); /* stays if it holds what is not ours */
	return err;
}

int wd_nf_leave(struct wd_datapath *dp, enum wd_nf nf)
{
	for (uint32_t i = 0; i < parts[nf].cnt; i++) {
		/* a forked child's copy would keep it; without, it ends below */
		if (dp->nf[nf].link_fd[i] >= 0)
			(void)bpf_link_detach(dp->nf[nf].link_fd[i]);
	}
	let_go(&dp->nf[nf]);
	return wd_nf_unpin(dp->dir, nf);
}
