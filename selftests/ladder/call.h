/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call.h - a system call that waits for an answer: what it asks for.
 */
#ifndef WARDER_SELFTESTS_CALL_H
#define WARDER_SELFTESTS_CALL_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "rule.h"

struct seccomp_notif;

struct wd_call {
	pid_t pid; /* the thread's */
	struct wd_face face;
	bool is_netlink; /* false: a socket that rules cannot speak of */
	/* of bpf(2) */
	uint32_t cmd;
	uint64_t attr_at; /* where the attributes are, there */
	uint32_t attr_bytes; /* as the caller says */
	union bpf_attr
		attr; /* as it was when the call came; what was not given is 0 */
};

/**
 * wd_call_read() - what does the call ask for
 * Looks at a message's socket and content, and at the name behind a descriptor,
 * only if @messages or @names: that takes time.
 * Return: 0; -ESRCH, -ENOENT the caller is gone; or -errno.
 */
int wd_call_read(const struct seccomp_notif *notif, bool messages, bool names,
		 struct wd_call *ret_call);

#endif /* WARDER_SELFTESTS_CALL_H */
