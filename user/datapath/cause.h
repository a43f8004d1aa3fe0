/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cause.h - why a rung could not be had, as one word that a person can act on.
 *
 * Decided by what was being done, the errno and a few facts of this machine.
 * The words of the verifier are advice at most: they change with every release.
 * Pure, but for wd_cause_facts(), which looks at this process and the kernel.
 */
#ifndef WARDER_DATAPATH_CAUSE_H
#define WARDER_DATAPATH_CAUSE_H

#include <stdbool.h>

/* What was being done when a call failed. */
enum wd_stage {
	WD_STAGE_BPFFS,
	WD_STAGE_MAP,
	WD_STAGE_PROG,
	WD_STAGE_RUN, /* the golden packets */
	WD_STAGE_PIN,
	WD_STAGE_ATTACH, /* to an interface */
	WD_STAGE_HOOK, /* to a hook of netfilter */
	WD_STAGE_NFT,
	WD_STAGE__MAX,
};

/* X(NAME, name, what it means, what would help) */
#define WD_CAUSES(X) \
	X(UNKNOWN, "unknown", \
	  "the kernel said no for a reason not known here", \
	  "send `warder bugreport`") \
	X(COMPLEXITY, "complexity", \
	  "more than this kernel's verifier is ready to follow", \
	  "another kernel, or a newer warder; send `warder bugreport`") \
	X(VERIFIER, "verifier", "the verifier refused the program", \
	  "another kernel, or a newer warder; send `warder bugreport`") \
	X(HELPER, "helper", \
	  "the kernel lacks a function that the program calls", \
	  "a newer kernel") \
	X(ATTACH_TYPE, "attach-type", \
	  "the kernel does not take programs of this type, without a word why", \
	  "a kernel update or its withdrawal; send `warder bugreport`") \
	X(BTF, "btf", "the kernel's BTF is missing or unreadable", \
	  "a kernel with CONFIG_DEBUG_INFO_BTF") \
	X(LOCKS, "locks", \
	  "the kernel takes no BTF of the maps, and their locks need it", \
	  "find out what forbids BPF_BTF_LOAD, or another kernel") \
	X(JIT, "jit", "the JIT could not translate the program", \
	  "net.core.bpf_jit_harden=1 or 0 in place of 2, or another kernel") \
	X(PERMISSION, "permission", "bpf(2) is not permitted", \
	  "run as root with CAP_BPF and CAP_NET_ADMIN; see what seccomp and security modules forbid") \
	X(LOCKDOWN, "lockdown", "kernel lockdown forbids it", \
	  "lockdown=integrity or none on the kernel's command line") \
	X(MEMLOCK, "memlock", "the limit of locked memory is too low", \
	  "ulimit -l unlimited (LimitMEMLOCK=infinity)") \
	X(NO_BPF, "no-bpf", "the kernel was built without bpf(2)", \
	  "a kernel with CONFIG_BPF_SYSCALL") \
	X(BPFFS, "bpffs", "there is no bpf file system", \
	  "a kernel with CONFIG_BPF_SYSCALL; mount -t bpf bpf /sys/fs/bpf") \
	X(MAP, "map", \
	  "a map cannot be made: a type, flag or size this kernel lacks", \
	  "a newer kernel") \
	X(GOLDEN, "golden", \
	  "this kernel runs the program or ruleset wrongly: golden packets got another verdict", \
	  "another kernel, at once; send `warder bugreport`") \
	X(CONFLICT, "conflict", \
	  "another program or qdisc holds the place on an interface", \
	  "remove it, or let it come after warder's") \
	X(MODULE, "module", \
	  "the kernel lacks a part, or its module is not loaded", \
	  "load the module that the message names (linux-modules-extra on some systems)") \
	X(LIBRARY, "library", "a shared library is missing", \
	  "install the package that the message names") \
	X(NO_TCX, "no-tcx", "the kernel has no tcx links (6.6)", \
	  "a newer kernel") \
	X(TRANSIENT, "transient", "out of memory or busy: it may work later", \
	  "it is tried again")

#define WD_CAUSE_ENUM_(id, name, text, fix) WD_CAUSE_##id,
enum wd_cause {
	WD_CAUSES(WD_CAUSE_ENUM_) WD_CAUSE__MAX,
};
#undef WD_CAUSE_ENUM_

/* What else is known of a failed call. */
struct wd_cause_facts {
	bool can; /* the process has the capabilities */
	bool locked_down; /* /sys/kernel/security/lockdown is not none */
	bool memlock; /* locked memory is limited */
	const char *log; /* what verifier and libbpf said, or NULL */
};

/** wd_cause_look() - the facts of this process and kernel; log is NULL */
struct wd_cause_facts wd_cause_look(void);

/**
 * wd_cause_of() - name the cause of a failure
 * @err: negative errno; kernel-internal ones that bpf(2) lets out (524) too
 */
enum wd_cause wd_cause_of(enum wd_stage stage, int err,
			  const struct wd_cause_facts *facts);

/** wd_cause_is_transient() - may the same call work later, with nothing changed */
bool wd_cause_is_transient(enum wd_cause cause);

const char *wd_cause_name(enum wd_cause cause);
const char *wd_cause_text(enum wd_cause cause);
const char *wd_cause_fix(enum wd_cause cause);

/** wd_cause_from() - by name; WD_CAUSE__MAX if there is none */
enum wd_cause wd_cause_from(const char *name);

const char *wd_stage_name(enum wd_stage stage);

#endif /* WARDER_DATAPATH_CAUSE_H */
