/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tcx.c - our programs on an interface as pinned tcx links.
 *
 * The pin is the attachment: it lives as long as the link's pin, outlives the
 * agent and changes its program in one step. Ours goes before what others have
 * there, so that an early return of theirs cannot skip it. A pin's name holds
 * an ifindex, and those are used again: a link counts only if the kernel lists
 * it on this very interface, else the pin is a leftover and is replaced.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "internal.h"

#define LOOPBACK 1 /* ifindex of lo in every network namespace */
#define PROGS_MAX 64 /* on one hook; the kernel allows as many */

/* Programs and their links on one hook, in the order they run. */
struct hook {
	uint32_t prog[PROGS_MAX];
	uint32_t link[PROGS_MAX];
	uint32_t cnt;
};

/* From the interface's view the packet towards the pod leaves. */
static const enum bpf_attach_type hook_type[] = {
	[WD_INGRESS] = BPF_TCX_EGRESS,
	[WD_EGRESS] = BPF_TCX_INGRESS,
};

static int query(uint32_t ifindex, enum wd_dir way, struct hook *ret_hook)
{
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ret_hook->prog,
		    .link_ids = ret_hook->link, .prog_cnt = PROGS_MAX);
	int err;

	err = bpf_prog_query_opts(ifindex, hook_type[way], &opts);
	if (!err)
		ret_hook->cnt = opts.prog_cnt;
	return err;
}

/*
 * The kernel waits for an RCU grace period, some 10 ms, in every change of a
 * hook. Expedited it takes 0.05 ms at the price of an interrupt to each CPU, so
 * that is asked for meanwhile, unless an administrator already decided. A crash
 * in between leaves it on: that costs a little time, never correctness.
 */
int wd_hurry_begin(void)
{
	char now = '1';
	int fd;

	fd = open("/sys/kernel/rcu_expedited", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (pread(fd, &now, 1, 0) == 1 && now == '0' &&
	    pwrite(fd, "1", 1, 0) == 1)
		return fd;
	close(fd);
	return -1;
}

void wd_hurry_end(int hurry)
{
	if (hurry < 0)
		return;
	(void)!pwrite(hurry, "0", 1, 0); /* as in a crash: only costs */
	close(hurry);
}

/* A program that does nothing: passes to the next. */
static int load_nothing(void)
{
	static const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wd_tcx_probe", "GPL",
			     insns, sizeof(insns) / sizeof(*insns), NULL);
}

int wd_tcx_probe(void)
{
	struct hook hook;
	int hurry, prog, link, err = query(LOOPBACK, WD_INGRESS, &hook);

	if (err)
		return err;
	prog = load_nothing();
	if (prog < 0)
		return prog;
	hurry = wd_hurry_begin();
	link = bpf_link_create(prog, LOOPBACK, hook_type[WD_INGRESS], NULL);
	close(prog);
	if (link >= 0)
		close(link);
	wd_hurry_end(hurry);
	return link < 0 ? link : 0;
}

static int link_info(int fd, struct bpf_link_info *ret_info)
{
	uint32_t len = sizeof(*ret_info);

	*ret_info = (struct bpf_link_info){ 0 };
	return bpf_link_get_info_by_fd(fd, ret_info, &len);
}

static int update_link(int fd, int prog_fd)
{
	return bpf_link_update(fd, prog_fd, NULL);
}

/*
 * The link pinned at @path, if it is one of this hook.
 * Return: descriptor, -ENOENT if there is none, -ESTALE for a leftover.
 */
static int open_link(const char *path, const struct hook *hook,
		     struct bpf_link_info *ret_info)
{
	uint32_t i;
	int fd;

	fd = bpf_obj_get(path);
	if (fd == -ENOENT || fd == -EPERM || fd == -ENOMEM)
		return fd;
	if (fd < 0)
		return -ESTALE; /* there is something, but it cannot be used */
	if (link_info(fd, ret_info) || ret_info->type != BPF_LINK_TYPE_TCX) {
		close(fd);
		return -ESTALE;
	}
	for (i = 0; i < hook->cnt; i++) {
		if (hook->link[i] == ret_info->id)
			return fd;
	}
	close(fd);
	return -ESTALE;
}

/*
 * Our program hangs on the hook by a link without a pin: the pin was deleted
 * while somebody still held the link. Needs CAP_SYS_ADMIN.
 */
static int find_link(const struct hook *hook, uint32_t prog_id)
{
	uint32_t i;

	for (i = 0; i < hook->cnt; i++) {
		if (hook->prog[i] == prog_id && hook->link[i])
			return bpf_link_get_fd_by_id(hook->link[i]);
	}
	return -EEXIST;
}

static int make_link(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		     const struct hook *hook, const char *path)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = BPF_F_BEFORE);
	int fd, err;

	fd = bpf_link_create(dp->prog_fd[way], ifindex, hook_type[way], &opts);
	if (fd == -EEXIST)
		fd = find_link(hook, dp->info.prog_id[way]);
	if (fd < 0)
		return fd;
	err = wd_pin(fd, path);
	close(fd); /* without a pin this ends the link */
	return err;
}

int wd_tcx_attach(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		  bool *ret_made)
{
	struct bpf_link_info info;
	char path[WD_PATH_MAX];
	struct hook hook;
	int fd, err;

	err = query(ifindex, way, &hook);
	if (err)
		return err;
	wd_link_path(path, dp->dir, ifindex, way);
	fd = open_link(path, &hook, &info);
	if (fd == -ENOENT || fd == -ESTALE) {
		err = make_link(dp, ifindex, way, &hook, path);
		*ret_made = !err;
		return err;
	}
	if (fd < 0)
		return fd;
	if (info.prog_id != dp->info.prog_id[way])
		err = update_link(fd, dp->prog_fd[way]);
	close(fd);
	*ret_made = false;
	return err;
}

int wd_tcx_check(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way)
{
	struct hook hook;
	uint32_t i;
	int err;

	err = query(ifindex, way, &hook);
	if (err)
		return err;
	for (i = 0; i < hook.cnt; i++) {
		if (hook.prog[i] == dp->info.prog_id[way])
			return 0;
	}
	return -ENOLINK;
}

int wd_tcx_before(struct wd_datapath *dp, uint32_t ifindex, enum wd_dir way,
		  uint32_t *ret_prog)
{
	struct hook hook;
	int err = query(ifindex, way, &hook);

	if (err)
		return err;
	*ret_prog = hook.cnt && hook.prog[0] != dp->info.prog_id[way] ?
			    hook.prog[0] :
			    0;
	return 0;
}

int wd_tcx_detach(const char *dir, uint32_t ifindex, enum wd_dir way)
{
	char path[WD_PATH_MAX];
	int fd;

	wd_link_path(path, dir, ifindex, way);
	fd = bpf_obj_get(path);
	if (fd >= 0) {
		/* At once; without the pin alone it would end soon after. */
		(void)bpf_link_detach(fd);
		close(fd);
	}
	return wd_unpin(path);
}

int wd_tcx_guards(const char *dir, uint32_t ifindex, enum wd_dir way)
{
	struct bpf_link_info info;
	char path[WD_PATH_MAX];
	struct hook hook;
	int fd, err;

	err = query(ifindex, way, &hook);
	if (err)
		return err;
	wd_link_path(path, dir, ifindex, way);
	fd = open_link(path, &hook, &info);
	if (fd == -ENOENT || fd == -ESTALE)
		return -ENOLINK;
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int wd_tcx_swap(const char *dir, uint32_t ifindex, enum wd_dir way,
		const struct wd_progs *to, bool *ret_swapped)
{
	struct bpf_link_info info;
	char path[WD_PATH_MAX];
	int fd, err;

	wd_link_path(path, dir, ifindex, way);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	err = link_info(fd, &info);
	if (!err && info.type != BPF_LINK_TYPE_TCX) {
		err = -ENOLINK; /* holds no attachment, whatever it is */
	} else if (!err && info.prog_id != to->id[way]) {
		err = update_link(fd, to->fd[way]);
		if (!err)
			*ret_swapped = true;
	} else if (!err && !info.tcx.ifindex) {
		err = -ENOLINK;
	}
	close(fd);
	return err == -ENOLINK ? wd_unpin(path) : err;
}
