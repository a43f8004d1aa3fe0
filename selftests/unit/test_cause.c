// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cause.c - each errno at each stage has one cause, whatever a log says.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "datapath/cause.h"
#include "datapath/ladder.h"
#include "tap.h"

#define JIT_LIMIT 524 /* ENOTSUPP, not for user space */

static const struct wd_cause_facts plain = { .can = true };

static const struct row {
	const char *name;
	enum wd_stage stage;
	int err;
	enum wd_cause cause;
	struct wd_cause_facts facts;
} rows[] = {
	{ "1M instructions", WD_STAGE_PROG, E2BIG, WD_CAUSE_COMPLEXITY, plain },
	{ "8193 jumps", WD_STAGE_PROG, EFAULT, WD_CAUSE_COMPLEXITY, plain },
	{ "no room for a log", WD_STAGE_PROG, ENOSPC, WD_CAUSE_TRANSIENT,
	  plain },
	{ "no BTF", WD_STAGE_PROG, ESRCH, WD_CAUSE_BTF, plain },
	{ "16-bit jumps", WD_STAGE_PROG, JIT_LIMIT, WD_CAUSE_JIT, plain },
	{ "no JIT for it", WD_STAGE_PROG, EOPNOTSUPP, WD_CAUSE_JIT, plain },
	{ "refused", WD_STAGE_PROG, EACCES, WD_CAUSE_VERIFIER, plain },
	{ "refused without a log", WD_STAGE_PROG, EINVAL, WD_CAUSE_ATTACH_TYPE,
	  plain },
	{ "refused with a log",
	  WD_STAGE_PROG,
	  EINVAL,
	  WD_CAUSE_VERIFIER,
	  { .can = true, .log = "R1 bad\nprocessed 5 insns (limit 1000000)" } },
	{ "locks that nobody describes",
	  WD_STAGE_PROG,
	  EINVAL,
	  WD_CAUSE_LOCKS,
	  { .can = true,
	    .log = "map 'wd_flowlock' has to have BTF in order to use bpf_spin_lock\nprocessed 5 insns" } },
	{ "a helper that is not there",
	  WD_STAGE_PROG,
	  EINVAL,
	  WD_CAUSE_HELPER,
	  { .can = true,
	    .log = "invalid func unknown#160\nprocessed 5 insns" } },
	{ "one that is not for this type",
	  WD_STAGE_PROG,
	  EACCES,
	  WD_CAUSE_HELPER,
	  { .can = true, .log = "unknown func bpf_x#9" } },
	{ "anything else", WD_STAGE_PROG, EIO, WD_CAUSE_UNKNOWN, plain },
	{ "a map without room", WD_STAGE_MAP, ENOMEM, WD_CAUSE_TRANSIENT,
	  plain },
	{ "a busy kernel", WD_STAGE_PROG, EBUSY, WD_CAUSE_TRANSIENT, plain },
	{ "an interrupted one", WD_STAGE_PIN, EINTR, WD_CAUSE_TRANSIENT,
	  plain },
	{ "no descriptor is left", WD_STAGE_HOOK, EMFILE, WD_CAUSE_TRANSIENT,
	  plain },
	{ "the verifier wants it again", WD_STAGE_PROG, EAGAIN,
	  WD_CAUSE_TRANSIENT, plain },
	{ "a map type", WD_STAGE_MAP, EINVAL, WD_CAUSE_MAP, plain },
	{ "a map too large", WD_STAGE_MAP, E2BIG, WD_CAUSE_MAP, plain },
	{ "nobody is root", WD_STAGE_PROG, EPERM, WD_CAUSE_PERMISSION, { 0 } },
	{ "nor here",
	  WD_STAGE_MAP,
	  EACCES,
	  WD_CAUSE_PERMISSION,
	  { .locked_down = true, .memlock = true } },
	{ "lockdown",
	  WD_STAGE_PROG,
	  EPERM,
	  WD_CAUSE_LOCKDOWN,
	  { .can = true, .locked_down = true } },
	{ "memlock",
	  WD_STAGE_MAP,
	  EPERM,
	  WD_CAUSE_MEMLOCK,
	  { .can = true, .memlock = true } },
	{ "no matter of memlock",
	  WD_STAGE_PROG,
	  EPERM,
	  WD_CAUSE_PERMISSION,
	  { .can = true, .memlock = true } },
	{ "a security module", WD_STAGE_PROG, EPERM, WD_CAUSE_PERMISSION,
	  plain },
	{ "no bpf(2)", WD_STAGE_MAP, ENOSYS, WD_CAUSE_NO_BPF, plain },
	{ "no bpffs", WD_STAGE_BPFFS, ENODEV, WD_CAUSE_BPFFS, plain },
	{ "another bpffs", WD_STAGE_BPFFS, EIO, WD_CAUSE_UNKNOWN, plain },
	{ "a wrong verdict", WD_STAGE_RUN, EBADMSG, WD_CAUSE_GOLDEN, plain },
	{ "no test run", WD_STAGE_RUN, EINVAL, WD_CAUSE_GOLDEN, plain },
	{ "a filter before it", WD_STAGE_ATTACH, EBUSY, WD_CAUSE_CONFLICT,
	  plain },
	{ "a qdisc", WD_STAGE_ATTACH, EEXIST, WD_CAUSE_CONFLICT, plain },
	{ "replaced at once", WD_STAGE_ATTACH, EBADMSG, WD_CAUSE_CONFLICT,
	  plain },
	{ "no sch_ingress", WD_STAGE_ATTACH, EINVAL, WD_CAUSE_MODULE, plain },
	{ "no cls_bpf", WD_STAGE_ATTACH, ENOENT, WD_CAUSE_MODULE, plain },
	{ "no tc at all", WD_STAGE_ATTACH, EOPNOTSUPP, WD_CAUSE_MODULE, plain },
	{ "nor this", WD_STAGE_ATTACH, JIT_LIMIT, WD_CAUSE_MODULE, plain },
	{ "gone", WD_STAGE_ATTACH, ENODEV, WD_CAUSE_UNKNOWN, plain },
	{ "no reassembly", WD_STAGE_HOOK, ENOENT, WD_CAUSE_MODULE, plain },
	{ "no such links", WD_STAGE_HOOK, EINVAL, WD_CAUSE_MODULE, plain },
	{ "every priority taken", WD_STAGE_HOOK, EBUSY, WD_CAUSE_CONFLICT,
	  plain },
	{ "a pin", WD_STAGE_PIN, ENOENT, WD_CAUSE_UNKNOWN, plain },
	{ "no library", WD_STAGE_NFT, ELIBACC, WD_CAUSE_LIBRARY, plain },
	{ "no nf_tables", WD_STAGE_NFT, EPROTONOSUPPORT, WD_CAUSE_MODULE,
	  plain },
	{ "no expression", WD_STAGE_NFT, ENOENT, WD_CAUSE_MODULE, plain },
	{ "no family", WD_STAGE_NFT, EAFNOSUPPORT, WD_CAUSE_MODULE, plain },
	{ "no hook", WD_STAGE_NFT, EOPNOTSUPP, WD_CAUSE_MODULE, plain },
	{ "no flag", WD_STAGE_NFT, EINVAL, WD_CAUSE_MODULE, plain },
	{ "else", WD_STAGE_NFT, EIO, WD_CAUSE_UNKNOWN, plain },
};

static void each_errno_at_each_stage_has_its_cause(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct row *r = &rows[i];

		wd_test_row(r->name);
		wd_expect_str(wd_cause_name(r->cause),
			      wd_cause_name(wd_cause_of(r->stage, -r->err,
							&r->facts)));
	}
	wd_test_row(NULL);
}

static void only_what_may_pass_is_transient(void)
{
	for (int i = 0; i < WD_CAUSE__MAX; i++)
		wd_expect_int(i == WD_CAUSE_TRANSIENT,
			      wd_cause_is_transient((enum wd_cause)i));
}

/* Words come and go with kernels: whether it is tried again is not theirs to say. */
static void no_word_of_a_log_makes_a_failure_transient(void)
{
	static const char *const logs[] = { "",
					    "processed 5 insns",
					    "processed 3+2+0 insns",
					    "unknown func",
					    "has to have BTF",
					    "invalid func unknown#160",
					    "\xff\xfe" };
	int transient = 0;

	for (int at = 0; at < WD_STAGE__MAX * (JIT_LIMIT + 1); at++) {
		enum wd_stage stage = (enum wd_stage)(at % WD_STAGE__MAX);
		int err = -(at / WD_STAGE__MAX);
		struct wd_cause_facts facts = plain;
		bool plainly =
			wd_cause_is_transient(wd_cause_of(stage, err, &plain));

		transient += plainly;
		for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
			facts.log = logs[i];
			wd_expect(plainly == wd_cause_is_transient(wd_cause_of(
						     stage, err, &facts)));
		}
	}
	wd_expect(transient > 0);
}

static void every_cause_has_a_name_a_meaning_and_a_remedy(void)
{
	for (int i = 0; i < WD_CAUSE__MAX; i++) {
		enum wd_cause cause = (enum wd_cause)i;

		wd_expect_int(i, wd_cause_from(wd_cause_name(cause)));
		wd_expect(*wd_cause_text(cause) != 0);
		wd_expect(*wd_cause_fix(cause) != 0);
	}
	wd_expect_int(WD_CAUSE__MAX, wd_cause_from("nonsense"));
}

static void every_stage_has_a_name(void)
{
	for (int i = 0; i < WD_STAGE__MAX; i++)
		wd_expect(wd_stage_name((enum wd_stage)i) != NULL);
}

static void every_rung_has_its_words(void)
{
	for (int i = 0; i < WD_RUNG__MAX; i++) {
		enum wd_rung rung = (enum wd_rung)i;

		wd_expect_int(i, wd_rung_from(wd_rung_name(rung)));
		wd_expect(*wd_rung_text(rung) && *wd_rung_lacks(rung));
	}
	wd_expect_int(WD_RUNG__MAX, wd_rung_from("FULL"));
}

int main(void)
{
	WD_TEST(each_errno_at_each_stage_has_its_cause);
	WD_TEST(only_what_may_pass_is_transient);
	WD_TEST(no_word_of_a_log_makes_a_failure_transient);
	WD_TEST(every_cause_has_a_name_a_meaning_and_a_remedy);
	WD_TEST(every_stage_has_a_name);
	WD_TEST(every_rung_has_its_words);
	return wd_tests_end();
}
