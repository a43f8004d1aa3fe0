/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - what to tell a person when the kernel said no.
 *
 * Names the likely cause by errno and by what was being done; the text of
 * libbpf and of the verifier is quoted but decides nothing beyond which object
 * it was about, because its words change with every release.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#include "internal.h"
#include "log.h"

/* As much of the verifier's log as is kept: its end names the reason. */
#define LOG_TAIL 8192

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* kernel-internal, but bpf(2) lets it out */
#endif

static struct {
	char *text;
	size_t len;
	libbpf_print_fn_t before;
} capture;

static const struct cause {
	int err;
	int stage; /* enum wd_stage, or -1 for all */
	const char *text;
} causes[] = {
	{ E2BIG, WD_STAGE_PROG,
	  "more than this kernel's verifier is ready to follow" },
	{ EACCES, WD_STAGE_PROG, "the verifier refused the program" },
	{ EINVAL, WD_STAGE_PROG,
	  "refused by the verifier, or an attach type it does not know" },
	{ EFAULT, WD_STAGE_PROG, "too many branches for the verifier" },
	{ ENOSPC, WD_STAGE_PROG, "the verifier ran out of room" },
	{ ESRCH, WD_STAGE_PROG, "the kernel's BTF is missing or unreadable" },
	{ ENOTSUPP, WD_STAGE_PROG,
	  "the JIT could not translate it (see net.core.bpf_jit_harden)" },
	{ EINVAL, WD_STAGE_MAP, "a map type or flag this kernel lacks" },
	{ E2BIG, WD_STAGE_MAP, "the map is larger than this kernel allows" },
	{ ENODEV, WD_STAGE_BPFFS, "the kernel has no bpf file system" },
	{ EBUSY, WD_STAGE_ATTACH,
	  "another program's filter comes first on this interface" },
	{ EEXIST, WD_STAGE_ATTACH,
	  "another qdisc or program holds the place on this interface" },
	{ ENODEV, WD_STAGE_ATTACH, "the interface is gone" },
	{ EINVAL, WD_STAGE_ATTACH,
	  "the kernel has neither tcx nor clsact (module sch_ingress)" },
	{ ENOENT, WD_STAGE_ATTACH,
	  "the kernel lacks clsact or the bpf classifier (sch_ingress, "
	  "cls_bpf)" },
	{ ENOMEM, -1, "out of memory" },
	{ ENOSYS, -1, "the kernel was built without bpf(2)" },
	{ EROFS, -1, "the file system is read-only" },
};

static bool has_cap(cap_value_t cap)
{
	cap_flag_value_t value = CAP_CLEAR;
	cap_t caps = cap_get_proc();

	if (!caps)
		return true; /* unknown: do not accuse */
	if (cap_get_flag(caps, cap, CAP_EFFECTIVE, &value))
		value = CAP_CLEAR; /* a kernel before this capability */
	cap_free(caps);
	return value == CAP_SET;
}

/* "none [integrity] confidentiality": the word in brackets is in force. */
static bool is_locked_down(void)
{
	char text[64] = "";
	bool locked;
	ssize_t len;
	int fd;

	fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	locked = len > 0 && strchr(text, '[') && !strstr(text, "[none]");
	return locked;
}

static const char *why_not_permitted(enum wd_stage stage)
{
	struct rlimit limit;

	if (stage == WD_STAGE_BPFFS) {
		if (!has_cap(CAP_SYS_ADMIN))
			return "needs root (CAP_SYS_ADMIN)";
		return "the file system or a security module forbids it";
	}
	if (!has_cap(CAP_SYS_ADMIN) &&
	    !(has_cap(CAP_BPF) && has_cap(CAP_NET_ADMIN)))
		return "needs root (CAP_BPF and CAP_NET_ADMIN)";
	if (is_locked_down())
		return "kernel lockdown (/sys/kernel/security/lockdown)";
	if (stage == WD_STAGE_MAP && !getrlimit(RLIMIT_MEMLOCK, &limit) &&
	    limit.rlim_cur != RLIM_INFINITY)
		return "limit of locked memory (ulimit -l unlimited), or a "
		       "security module";
	return "a security module forbids it";
}

static const char *likely_cause(int err, enum wd_stage stage)
{
	size_t i;

	if (err == -EPERM || (err == -EACCES && stage != WD_STAGE_PROG))
		return why_not_permitted(stage);
	for (i = 0; i < sizeof(causes) / sizeof(*causes); i++) {
		const struct cause *c = &causes[i];

		if (c->err == -err && (c->stage < 0 || c->stage == (int)stage))
			return c->text;
	}
	return NULL;
}

int wd_fail(struct wd_datapath *dp, int err, enum wd_stage stage,
	    const char *fmt, ...)
{
	const char *cause = likely_cause(err, stage);
	char *what = NULL;
	va_list args;

	if (dp->why)
		return err;
	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		what = NULL;
	va_end(args);
	if (asprintf(&dp->why, "datapath: %s: %s%s%s", what ? what : fmt,
		     wd_errno(err), cause ? ", " : "", cause ? cause : "") < 0)
		dp->why = NULL;
	free(what);
	return err;
}

__attribute__((format(printf, 2, 0))) static int
collect(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *piece, *more;
	int len;

	if (level != LIBBPF_WARN)
		return 0;
	len = vasprintf(&piece, fmt, args);
	if (len < 0)
		return 0;
	more = realloc(capture.text, capture.len + len + 1);
	if (more) {
		memcpy(more + capture.len, piece, len + 1);
		capture.text = more;
		capture.len += len;
	}
	free(piece);
	return len;
}

void wd_capture_begin(void)
{
	capture.text = NULL;
	capture.len = 0;
	capture.before = libbpf_set_print(collect);
}

char *wd_capture_end(void)
{
	char *text = capture.text;

	libbpf_set_print(capture.before);
	capture.text = NULL;
	return text;
}

/* The name between the quotes behind @kind ("prog '", "map '"), or NULL. */
static char *named_object(const char *said, const char *kind)
{
	const char *at = said ? strstr(said, kind) : NULL;

	if (!at)
		return NULL;
	at += strlen(kind);
	return strndup(at, strcspn(at, "'"));
}

static void add_log(struct wd_datapath *dp, const char *said)
{
	size_t len = said ? strlen(said) : 0;
	bool cut = len > LOG_TAIL;
	char *both;

	if (!len || !dp->why)
		return;
	if (asprintf(&both, "%s\n%s%s", dp->why, cut ? "[...]\n" : "",
		     said + (cut ? len - LOG_TAIL : 0)) < 0)
		return;
	free(dp->why);
	dp->why = both;
}

int wd_fail_load(struct wd_datapath *dp, int err, const char *said)
{
	char *prog = named_object(said, "prog '");
	char *map = named_object(said, "map '");

	if (prog)
		wd_fail(dp, err, WD_STAGE_PROG, "program %s does not load",
			prog);
	else if (map)
		wd_fail(dp, err, WD_STAGE_MAP, "map %s cannot be made", map);
	else
		wd_fail(dp, err, WD_STAGE_PROG, "the programs do not load");
	add_log(dp, said);
	free(prog);
	free(map);
	return err;
}
