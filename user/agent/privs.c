/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privs.c - gives up capabilities once everything is loaded. The threat: a
 * fault in the agent's parsers (manifests, CNI requests, netlink answers) is
 * to reach no more than what the agent does all day anyway.
 */
#include "privs.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "../base/log.h"

/*
 * What stays, each for one reason. CAP_SYS_ADMIN is the large one, and while
 * setns() needs it CAP_BPF and CAP_PERFMON would add nothing: bpf() takes it in
 * their place on every kernel that has them.
 */
static const cap_value_t kept[] = {
	CAP_SYS_ADMIN, /* setns() into a pod's network namespace; bpf() */
	CAP_NET_ADMIN, /* filters by netlink, where the kernel has no tcx */
	CAP_SYS_PTRACE, /* /proc/PID/ns/net of pods that run as other users */
};

static const char *const kept_names[] = { "CAP_SYS_ADMIN", "CAP_NET_ADMIN",
					  "CAP_SYS_PTRACE" };

_Static_assert(sizeof(kept_names) / sizeof(kept_names[0]) ==
		       sizeof(kept) / sizeof(kept[0]),
	       "each has its name");

static bool is_kept(cap_value_t cap)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (kept[i] == cap)
			return true;
	return false;
}

/*
 * The bounding set first: it needs CAP_SETPCAP, which goes with the rest. A
 * process without it cannot shrink the set, and needs not: no_new_privs keeps
 * exec() from granting anything.
 */
static int drop_bounding(void)
{
	for (cap_value_t cap = 0; cap < cap_max_bits(); cap++) {
		int has = cap_get_bound(
			cap); /* -1: this kernel does not know it */

		if (has <= 0 || is_kept(cap) || cap_drop_bound(cap) == 0)
			continue;
		if (errno != EPERM)
			return -errno;
		wd_debug("privs: no CAP_SETPCAP, the bounding set stays");
		return 0;
	}
	return 0;
}

/* Those of @kept that the process has; what it lacks it did not need so far. */
static int fill(cap_t now, cap_t want)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		cap_flag_value_t has;

		if (!CAP_IS_SUPPORTED(kept[i]))
			continue;
		if (cap_get_flag(now, kept[i], CAP_PERMITTED, &has))
			return -errno;
		if (has != CAP_SET) {
			wd_debug("privs: capability %d is not there to keep",
				 (int)kept[i]);
			continue;
		}
		if (cap_set_flag(want, CAP_PERMITTED, 1, &kept[i], CAP_SET) ||
		    cap_set_flag(want, CAP_EFFECTIVE, 1, &kept[i], CAP_SET))
			return -errno;
	}
	return 0;
}

static int drop_sets(void)
{
	cap_t now = cap_get_proc();
	cap_t want = cap_init(); /* nothing, also nothing inheritable */
	int err = now && want ? fill(now, want) : -errno;

	if (!err && cap_set_proc(want))
		err = -errno;
	if (now)
		(void)cap_free(now);
	if (want)
		(void)cap_free(want);
	return err;
}

/* Return: 0; -EPERM with *ret_missing; -errno when it cannot be told. */
static int find_missing(const char **ret_missing)
{
	cap_t now = cap_get_proc();
	int err = now ? 0 : -errno;

	for (size_t i = 0; !err && i < sizeof(kept) / sizeof(kept[0]); i++) {
		cap_flag_value_t has;

		if (!CAP_IS_SUPPORTED(kept[i]))
			continue;
		if (cap_get_flag(now, kept[i], CAP_EFFECTIVE, &has)) {
			err = -errno;
		} else if (has != CAP_SET) {
			*ret_missing = kept_names[i];
			err = -EPERM;
		}
	}
	if (now)
		(void)cap_free(now);
	return err;
}

int wd_privs_check(void)
{
	const char *missing = "capabilities";
	int err = find_missing(&missing);

	if (err)
		wd_err("agent: no %s: %s; the agent needs root with CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_SYS_PTRACE; nothing was touched",
		       missing, wd_errno(err));
	return err;
}

int wd_privs_drop(void)
{
	int err;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	if (cap_reset_ambient())
		return -errno;
	err = drop_bounding();
	return err ? err : drop_sets();
}
