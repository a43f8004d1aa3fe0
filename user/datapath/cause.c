/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cause.c - see cause.h. Each stage has its own reading of the same errno.
 */
#include "cause.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef ENOTSUPP
#define ENOTSUPP 524 /* kernel-internal, but bpf(2) lets it out */
#endif

#define CAUSE_(id, name, text, fix) { name, text, fix },
static const struct {
	const char *name, *text, *fix;
} causes[WD_CAUSE__MAX] = { WD_CAUSES(CAUSE_) };
#undef CAUSE_

static const char *const stages[WD_STAGE__MAX] = {
	[WD_STAGE_BPFFS] = "bpffs", [WD_STAGE_MAP] = "map",
	[WD_STAGE_PROG] = "load",   [WD_STAGE_RUN] = "golden",
	[WD_STAGE_PIN] = "pin",	    [WD_STAGE_ATTACH] = "attach",
	[WD_STAGE_HOOK] = "hook",   [WD_STAGE_NFT] = "nft",
};

/* ---- facts ---- */

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
	ssize_t len;
	int fd;

	fd = open("/sys/kernel/security/lockdown", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 && strchr(text, '[') && !strstr(text, "[none]");
}

struct wd_cause_facts wd_cause_look(void)
{
	struct rlimit limit;

	return (struct wd_cause_facts){
		.can = has_cap(CAP_SYS_ADMIN) ||
		       (has_cap(CAP_BPF) && has_cap(CAP_NET_ADMIN)),
		.locked_down = is_locked_down(),
		.memlock = !getrlimit(RLIMIT_MEMLOCK, &limit) &&
			   limit.rlim_cur != RLIM_INFINITY,
	};
}

/* ---- the reading of an errno ---- */

static enum wd_cause not_permitted(enum wd_stage stage,
				   const struct wd_cause_facts *facts)
{
	if (!facts->can)
		return WD_CAUSE_PERMISSION;
	if (facts->locked_down)
		return WD_CAUSE_LOCKDOWN;
	if (stage == WD_STAGE_MAP && facts->memlock)
		return WD_CAUSE_MEMLOCK;
	return WD_CAUSE_PERMISSION;
}

/* All that the words of a log are used for: to name what is missing. */
static bool log_says(const struct wd_cause_facts *facts, const char *words)
{
	return facts->log && strstr(facts->log, words);
}

static enum wd_cause of_prog(int err, const struct wd_cause_facts *facts)
{
	switch (err) {
	case E2BIG:
	case EFAULT: /* "8193 jumps too complex" */
		return WD_CAUSE_COMPLEXITY;
	case ENOSPC: /* no room for the log: says nothing of the program */
		return WD_CAUSE_TRANSIENT;
	case ESRCH:
		return WD_CAUSE_BTF;
	case ENOTSUPP:
	case EOPNOTSUPP:
		return WD_CAUSE_JIT;
	case EACCES:
	case EINVAL:
		if (log_says(facts, "unknown func") ||
		    log_says(facts, "invalid func"))
			return WD_CAUSE_HELPER;
		if (log_says(facts, "has to have BTF"))
			return WD_CAUSE_LOCKS;
		if (err == EINVAL && !log_says(facts, "processed"))
			return WD_CAUSE_ATTACH_TYPE;
		return WD_CAUSE_VERIFIER;
	default:
		return WD_CAUSE_UNKNOWN;
	}
}

static enum wd_cause of_attach(int err)
{
	switch (err) {
	case EBUSY:
	case EEXIST:
		return WD_CAUSE_CONFLICT;
	case EINVAL:
	case ENOENT:
	case EOPNOTSUPP:
	case ENOTSUPP:
		return WD_CAUSE_MODULE;
	case EBADMSG: /* attached, but not what is there */
		return WD_CAUSE_CONFLICT;
	default:
		return WD_CAUSE_UNKNOWN;
	}
}

static enum wd_cause of_nft(int err)
{
	switch (err) {
	case ELIBACC:
		return WD_CAUSE_LIBRARY;
	case EBADMSG: /* it has another one than it was given */
		return WD_CAUSE_GOLDEN;
	case EINVAL:
	case ENOENT:
	case EOPNOTSUPP:
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
		return WD_CAUSE_MODULE;
	default:
		return WD_CAUSE_UNKNOWN;
	}
}

static bool is_transient(enum wd_stage stage, int err)
{
	return err == ENOMEM || err == ENOBUFS || err == EMFILE ||
	       err == ENFILE || err == EAGAIN || err == EINTR ||
	       (err == EBUSY && stage != WD_STAGE_ATTACH &&
		stage != WD_STAGE_HOOK);
}

enum wd_cause wd_cause_of(enum wd_stage stage, int err,
			  const struct wd_cause_facts *facts)
{
	err = -err;
	if (is_transient(stage, err))
		return WD_CAUSE_TRANSIENT;
	if (err == EPERM || (err == EACCES && stage != WD_STAGE_PROG))
		return not_permitted(stage, facts);
	if (err == ENOSYS)
		return WD_CAUSE_NO_BPF;
	switch (stage) {
	case WD_STAGE_BPFFS:
		return err == ENODEV ? WD_CAUSE_BPFFS : WD_CAUSE_UNKNOWN;
	case WD_STAGE_MAP:
		return WD_CAUSE_MAP;
	case WD_STAGE_PROG:
		return of_prog(err, facts);
	case WD_STAGE_RUN: /* what could not be tried is not trusted either */
		return WD_CAUSE_GOLDEN;
	case WD_STAGE_ATTACH:
	case WD_STAGE_HOOK:
		return of_attach(err);
	case WD_STAGE_NFT:
		return of_nft(err);
	default:
		return WD_CAUSE_UNKNOWN;
	}
}

bool wd_cause_is_transient(enum wd_cause cause)
{
	return cause == WD_CAUSE_TRANSIENT;
}

/* ---- words ---- */

const char *wd_cause_name(enum wd_cause cause)
{
	return causes[cause].name;
}

const char *wd_cause_text(enum wd_cause cause)
{
	return causes[cause].text;
}

const char *wd_cause_fix(enum wd_cause cause)
{
	return causes[cause].fix;
}

enum wd_cause wd_cause_from(const char *name)
{
	for (int i = 0; i < WD_CAUSE__MAX; i++)
		if (!strcmp(name, causes[i].name))
			return (enum wd_cause)i;
	return WD_CAUSE__MAX;
}

const char *wd_stage_name(enum wd_stage stage)
{
	return stages[stage];
}
