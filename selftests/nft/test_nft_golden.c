// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_nft_golden.c - the trial of the ruleset by golden packets: that this
 * kernel passes it, and that a ruleset which lets through too much, or drops
 * too much, does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/privs.h"
#include "datapath/internal.h"
#include "nft/library.h"
#include "nft/nft.h"
#include "tap.h"

#define TRIES 5 /* until a trial has the time that it needs */

/* What is written in place of what, in each ruleset; NULL: nothing. */
static const char *from, *to;
static int replaced;

/* A directory that who asks for the trial has open, and what trials saw of it. */
static struct seen {
	int lock, looks, held;
} *seen; /* shared with them */

int __real_wd_nft_run(struct wd_nft_library *lib, const char *commands,
		      char **ret_error);
int __wrap_wd_nft_run(struct wd_nft_library *lib, const char *commands,
		      char **ret_error);

/* The library is told other words than those that were generated. */
int __wrap_wd_nft_run(struct wd_nft_library *lib, const char *commands,
		      char **ret_error)
{
	char *text = NULL;
	const char *at;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct stat st;
	int err;

	if (!out)
		abort();
	seen->looks++;
	seen->held += !fstat(seen->lock, &st) && S_ISDIR(st.st_mode);
	while (from && (at = strstr(commands, from))) {
		fprintf(out, "%.*s%s", (int)(at - commands), commands, to);
		commands = at + strlen(from);
		replaced++;
	}
	fputs(commands, out);
	if (fclose(out))
		abort();
	err = __real_wd_nft_run(lib, text, ret_error);
	free(text);
	return err;
}

static int try_once(char **ret_text)
{
	struct wd_datapath *dp = calloc(1, sizeof(*dp));
	struct timespec begun, now;
	int err;

	if (!dp)
		abort();
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	err = wd_golden_nft(dp);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	printf("# %.3f s: %s\n",
	       (double)(now.tv_sec - begun.tv_sec) +
		       (double)(now.tv_nsec - begun.tv_nsec) / 1e9,
	       dp->failure.text ? dp->failure.text : "all as expected");
	*ret_text = dp->failure.text;
	free(dp->failure.log);
	free(dp);
	return err;
}

/*
 * Return: as of wd_golden_nft(); @ret_text: what it says, to be freed. That its
 * time was up says what else the machine had to do, and nothing of the ruleset:
 * then it is tried again.
 */
static int try_it(char **ret_text)
{
	int err = try_once(ret_text);

	for (int i = 1; i < TRIES && err == -EOPNOTSUPP && *ret_text &&
			strstr(*ret_text, "took too long");
	     i++) {
		free(*ret_text);
		err = try_once(ret_text);
	}
	return err;
}

static void the_ruleset_passes_on_this_kernel(void)
{
	char *text = NULL;

	wd_expect_int(0, try_it(&text));
	free(text);
}

/* The agent's lock would outlive an agent that was killed in the middle. */
static void a_trial_keeps_nothing_that_who_asks_for_it_has_open(void)
{
	wd_expect(seen->looks > 0);
	wd_expect_int(0, seen->held);
}

static const struct {
	const char *name, *from, *to;
	const char
		*told; /* golden packet that tells, or what the readback says */
} wrongs[] = {
	{ "no rule of a class", "goto allow_e", "goto default_e",
	  "IPv4 outward allowed" },
	{ "a denial that lets pass", "counter name default_in drop",
	  "counter name default_in accept", "IPv4 wrong peer" },
	{ "a denial that is not there", "counter name policy_out drop",
	  "continue", "UDP denied by rule" },
	{ "any address", "counter name spoof_ip_out drop", "accept",
	  "IPv4 spoofed" },
	{ "a pod that meets no chain", "iif vmap @pod_out", "accept",
	  "IPv4 reply" },
	{ "a pod that is reached past the chain", "oif vmap @pod_in", "accept",
	  "IPv4 allowed" },
	{ "a closed pod that is open", "counter name no_endpoint_in drop",
	  "accept", "no endpoint, towards it" },
	{ "what conntrack takes for invalid", "ct state invalid,untracked",
	  "ct state untracked", "forged reset of that connection" },
	{ "a hook that comes early", "postrouting priority 250",
	  "postrouting priority 249", "postrouting has another hook" },
	{ "a chain that lets pass", "policy drop", "policy accept",
	  "has another hook" },
	{ "a rule too many", "add rule inet warder allow_e",
	  "add rule inet warder allow_e accept\n"
	  "add rule inet warder allow_e",
	  "allow_e has more rules" },
	{ "an address that is missing", "{ 10.0.0.128-10.0.0.255 }",
	  "{ 10.0.0.0/25, 10.0.0.128-10.0.0.255 }", "more elements" },
	{ "a chain of somebody else", "add chain inet warder allow_e",
	  "add chain inet warder odd\nadd chain inet warder allow_e",
	  "odd is none of ours" },
};

static void a_ruleset_that_is_wrong_is_found(void)
{
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(*wrongs); i++) {
		char *text = NULL;

		wd_test_row(wrongs[i].name);
		from = wrongs[i].from;
		to = wrongs[i].to;
		wd_expect_int(-EBADMSG, try_it(&text));
		wd_expect(text && strstr(text, wrongs[i].told));
		free(text);
	}
	from = NULL;
}

/* Return: of wd_golden_nft() in a process with these capabilities less. */
static int try_without(int (*drop)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *text = NULL;

		(void)fflush(stdout);
		_exit(drop() ? 255 : -try_it(&text));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static int drop_all(void)
{
	cap_t none = cap_init();
	int err = none && !cap_set_proc(none) ? 0 : -errno;

	(void)cap_free(none);
	return err;
}

static void an_agent_that_has_dropped_its_capabilities_can_try_it(void)
{
	wd_expect_int(0, try_without(wd_privs_drop));
}

static void what_cannot_be_tried_is_not_called_wrong(void)
{
	wd_expect_int(-EOPNOTSUPP, try_without(drop_all));
}

static bool write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");
	bool ok = f && fputs(text, f) >= 0;

	return f && !fclose(f) && ok;
}

/* For this process and those it starts: root of a namespace that has none below it. */
static bool forbid_user_namespaces(void)
{
	return !unshare(CLONE_NEWUSER) &&
	       write_file("/proc/self/uid_map", "0 0 1\n") &&
	       write_file("/proc/sys/user/max_user_namespaces", "0\n");
}

/* Return: -errno of wd_golden_nft(), or ECHILD if it does not say @told. */
static int try_forbidden(int (*drop)(void), const char *told)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char *text = NULL;
		int err = 255;

		if (forbid_user_namespaces() && (!drop || !drop()))
			err = -try_it(&text);
		if (told && (!text || !strstr(text, told)))
			err = ECHILD;
		(void)fflush(stdout);
		_exit(err);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

static void where_user_namespaces_are_forbidden_a_capability_is_enough(void)
{
	wd_expect_int(0, try_forbidden(NULL, NULL));
	wd_expect_int(-EOPNOTSUPP,
		      try_forbidden(wd_privs_drop, "no CAP_NET_RAW"));
}

static char bpffs[] = "/tmp/warder-nft-XXXXXX";

/* A data path that begins on this rung, in a namespace of this process's. */
static struct wd_datapath *begin_on_nft(void)
{
	static const struct wd_ladder_opts opts = { .top = WD_RUNG_NFT,
						    .bottom = WD_RUNG_HOLD };
	struct wd_datapath *dp = NULL;
	char *why = NULL;

	wd_expect_int(0, wd_datapath_open_at(bpffs, &opts, &dp, &why));
	if (why)
		printf("# %s\n", why);
	free(why);
	return dp;
}

/* What was noted of the ruleset; NULL nothing. */
static const struct wd_attempt *attempt_of(const struct wd_datapath *dp)
{
	const struct wd_ladder *l = wd_ladder(dp);

	for (int i = 0; i < l->attempts; i++)
		if (!strcmp(l->attempt[i].object, "nft"))
			return &l->attempt[i];
	return NULL;
}

static void a_ruleset_that_cannot_be_tried_is_used_and_that_is_told(void)
{
	const struct wd_attempt *a;
	struct wd_datapath *dp;

	from = "add table inet warder_trial"; /* nothing of the node's own */
	to = "add nonsense";
	dp = begin_on_nft();
	from = NULL;
	if (!dp)
		return;
	wd_expect_str("nft", wd_rung_name(wd_ladder(dp)->rung));
	a = attempt_of(dp);
	if (wd_expect(a)) {
		wd_expect(a->optional);
		wd_expect(strstr(a->text, "cannot be tried"));
		wd_expect(!strstr(a->text, "wrong"));
	}
	wd_datapath_close(dp);
}

static void a_ruleset_that_is_wrong_is_not_used(void)
{
	const struct wd_attempt *a;
	struct wd_datapath *dp;

	from = "counter name default_in drop";
	to = "counter name default_in accept";
	dp = begin_on_nft();
	from = NULL;
	if (!dp)
		return;
	wd_expect_str("hold", wd_rung_name(wd_ladder(dp)->rung));
	a = attempt_of(dp);
	if (wd_expect(a)) {
		wd_expect(!a->optional);
		wd_expect_str("golden", wd_cause_name(a->cause));
	}
	wd_expect(!wd_nft_found());
	wd_datapath_close(dp);
}

static bool look_at_trials(void)
{
	seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		return false;
	seen->lock = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return seen->lock >= 0;
}

int main(void)
{
	if (geteuid()) {
		printf("1..0 # SKIP needs root\n");
		return 4;
	}
	if (!look_at_trials()) {
		perror("# what trials see");
		return 1;
	}
	WD_TEST(the_ruleset_passes_on_this_kernel);
	WD_TEST(a_trial_keeps_nothing_that_who_asks_for_it_has_open);
	WD_TEST(a_ruleset_that_is_wrong_is_found);
	WD_TEST(an_agent_that_has_dropped_its_capabilities_can_try_it);
	WD_TEST(where_user_namespaces_are_forbidden_a_capability_is_enough);
	WD_TEST(what_cannot_be_tried_is_not_called_wrong);
	if (unshare(CLONE_NEWNET) || !mkdtemp(bpffs)) {
		perror("# a namespace and a folder");
		return 1;
	}
	WD_TEST(a_ruleset_that_cannot_be_tried_is_used_and_that_is_told);
	WD_TEST(a_ruleset_that_is_wrong_is_not_used);
	while (!umount2(bpffs, MNT_DETACH))
		;
	(void)rmdir(bpffs);
	return wd_tests_end();
}
