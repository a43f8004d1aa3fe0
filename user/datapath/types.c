/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * types.c - no program is loaded without the types (BTF) of its functions.
 *
 * Without them the verifier takes each global function of ours for a part of
 * whoever calls it, and walks all ways through all of them: half a minute for each
 * program, in which the agent answers nobody, and then it calls the program too
 * complex. libbpf goes on without them where the kernel refuses them once, also
 * when that was one of its own tries, whose result it keeps while it lives.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

static bool lost; /* a load that was refused here */

static int look_for_types(struct bpf_program *prog,
			  struct bpf_prog_load_opts *opts, long cookie)
{
	(void)prog;
	(void)cookie;
	if (opts->func_info_cnt)
		return 0;
	lost = true;
	return -ESRCH;
}

/* Each section that our objects have; libbpf's own handlers of them do nothing. */
static const struct {
	const char *name;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
} sections[] = {
	{ "tcx/ingress", BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_INGRESS },
	{ "tcx/egress", BPF_PROG_TYPE_SCHED_CLS, BPF_TCX_EGRESS },
	{ "tc", BPF_PROG_TYPE_SCHED_CLS, 0 },
	{ "netfilter", BPF_PROG_TYPE_NETFILTER, BPF_NETFILTER },
};

int wd_types_guard(void)
{
	static size_t done;
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts,
		    .prog_prepare_load_fn = look_for_types);

	for (; done < sizeof(sections) / sizeof(*sections); done++) {
		int err = libbpf_register_prog_handler(sections[done].name,
						       sections[done].type,
						       sections[done].attach,
						       &opts);

		if (err < 0)
			return err;
	}
	return 0;
}

/* Does the kernel take the object's types now? 0 or -errno. */
static int try_types(const struct bpf_object *obj)
{
	const struct btf *btf = bpf_object__btf(obj);
	const void *raw = NULL;
	uint32_t bytes = 0;
	int fd;

	if (btf)
		raw = btf__raw_data(btf, &bytes);
	if (!raw)
		return -ESRCH;
	fd = bpf_btf_load(raw, bytes, NULL);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int wd_types_load(struct wd_datapath *dp, struct bpf_object *obj)
{
	char *said;
	int err;

	lost = false;
	wd_capture_begin();
	err = bpf_object__load(obj);
	said = wd_capture_end();
	if (!err) {
		free(said);
		return 0;
	}
	if (!lost)
		return wd_fail_load(dp, err, said);
	free(said);
	err = try_types(obj);
	if (!err) /* of the moment, but libbpf may have got it for good */
		return wd_fail(
			dp, -EAGAIN, WD_STAGE_PROG,
			"the types (BTF) of the programs were refused, and are not now: if it stays so, start the agent again");
	return wd_fail(dp,
		       err == -EPERM || err == -ENOMEM || err == -EAGAIN ?
			       err :
			       -ESRCH,
		       WD_STAGE_PROG,
		       "the types (BTF) of the programs do not load");
}
