/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_refuse.c - does `refuse` refuse what its rules say, and nothing else?
 *
 * Runs itself by it as `test_refuse do OP...`: each OP makes one call and prints
 * one line, which is compared.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rule.h"
#include "tap.h"

#define OUT_BYTES 8192
#define OPS_MAX 16
#define LOG_BYTES 128
#define VERDICT 2 /* of the program that is loaded */
#define PATH_BYTES 256
#define ENTRIES 2000 /* calls for a map's entries that are timed */
#define ENTRY_US_MAX 500 /* each; a busy machine's, else they take about 10 */
#define END_MS 5000

static char dir[] = "/tmp/test-refuse.XXXXXX";
static char rules_file[PATH_BYTES], journal_file[PATH_BYTES];
static char self[PATH_BYTES], refuse[PATH_BYTES];

/* ---- what the command does ---- */

static int bpf(int cmd, union bpf_attr *attr)
{
	int ret = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : ret;
}

static int load(const char *name, char *log, size_t room)
{
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = VERDICT },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SCHED_CLS,
		.insn_cnt = 2,
		.insns = (uintptr_t)code,
		.license = (uintptr_t)"GPL",
		.log_level = log ? 1 : 0,
		.log_size = (uint32_t)room,
		.log_buf = (uintptr_t)log,
	};

	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	return bpf(BPF_PROG_LOAD, &attr);
}

static int make_map(const char *name)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_ARRAY,
				.key_size = 4,
				.value_size = 8,
				.max_entries = 1 };

	snprintf(attr.map_name, sizeof(attr.map_name), "%s", name);
	return bpf(BPF_MAP_CREATE, &attr);
}

static int set_entry(int map)
{
	uint32_t key = 0;
	uint64_t value = 1;
	union bpf_attr attr = { .map_fd = (uint32_t)map,
				.key = (uintptr_t)&key,
				.value = (uintptr_t)&value };

	return bpf(BPF_MAP_UPDATE_ELEM, &attr);
}

static void say(const char *op, int err)
{
	printf("%s %s\n", op, err < 0 ? strerrorname_np(-err) : "ok");
}

static void do_load(const char *name)
{
	int err = load(name, NULL, 0);

	printf("load ");
	say(name, err);
	if (err >= 0)
		close(err);
}

static void do_log(const char *name)
{
	char log[LOG_BYTES] = "";
	int err = load(name, log, sizeof(log));
	size_t bytes = strlen(log);

	log[strcspn(log, "\n")] = '\0';
	printf("log of %zu '%s' ", bytes, log);
	say(name, err);
	if (err >= 0)
		close(err);
}

static void do_run(const char *name)
{
	char packet[64] = { 0 }, out[64];
	union bpf_attr attr = { 0 };
	int prog = load(name, NULL, 0), err;

	attr.test.prog_fd = (uint32_t)prog;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	attr.test.data_out = (uintptr_t)out;
	attr.test.data_size_out = sizeof(out);
	err = bpf(BPF_PROG_TEST_RUN, &attr);
	printf("run %u of %u bytes ", attr.test.retval,
	       attr.test.data_size_out);
	say(name, err);
	close(prog);
}

static void do_map(const char *name)
{
	int map = make_map(name);

	printf("map ");
	say(name, map);
	if (map < 0)
		return;
	printf("entry ");
	say(name, set_entry(map));
	close(map);
}

static void do_time(const char *name)
{
	struct timespec a, b;
	int map = make_map(name);
	long us;

	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < ENTRIES; i++)
		(void)set_entry(map);
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
	printf("%s\n", us / ENTRIES < ENTRY_US_MAX ? "quick" : "slow");
	(void)fprintf(stderr, "# %ld us for each entry\n", us / ENTRIES);
	close(map);
}

static void do_pin(const char *name)
{
	char path[PATH_BYTES];
	union bpf_attr attr = { 0 };
	int map = make_map("wd_pinned");

	/* No bpffs: refused anyway, but with another error. */
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	attr.pathname = (uintptr_t)path;
	attr.bpf_fd = (uint32_t)map;
	printf("pin ");
	say(name, bpf(BPF_OBJ_PIN, &attr));
	close(map);
}

/* @kind: route, nft; the message is cut short, so the kernel does nothing. */
static void do_send(const char *kind)
{
	bool is_nft = !strcmp(kind, "nft");
	struct nlmsghdr head = {
		.nlmsg_len = sizeof(head),
		.nlmsg_type = is_nft ? NLMSG_NOOP : RTM_NEWTFILTER,
		.nlmsg_flags = NLM_F_REQUEST,
	};
	struct iovec piece = { &head, sizeof(head) };
	struct msghdr msg = { .msg_iov = &piece, .msg_iovlen = 1 };
	int s = socket(AF_NETLINK, SOCK_RAW,
		       is_nft ? NETLINK_NETFILTER : NETLINK_ROUTE);

	printf("socket ");
	say(kind, s < 0 ? -errno : 0);
	if (s < 0)
		return;
	printf("sendmsg ");
	say(kind, sendmsg(s, &msg, 0) < 0 ? -errno : 0);
	printf("sendto ");
	say(kind, send(s, &head, sizeof(head), 0) < 0 ? -errno : 0);
	close(s);
}

static void do_unix(const char *name)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return;
	say(name, send(pair[0], "x", 1, 0) < 0 ? -errno : 0);
	close(pair[0]);
	close(pair[1]);
}

/* The rules change under the running command. */
static void do_rules(const char *text)
{
	char next[PATH_BYTES + 8], path[PATH_BYTES];
	FILE *f;

	snprintf(path, sizeof(path), "%s/rules", dir);
	snprintf(next, sizeof(next), "%s.new", path);
	f = fopen(next, "we");
	if (!f)
		return;
	(void)fputs(text, f);
	(void)fclose(f);
	say("rules", rename(next, path) ? -errno : 0);
}

static void do_fork(const char *name)
{
	pid_t child;

	(void)fflush(stdout);
	child = fork();
	if (child == 0) {
		do_load(name);
		(void)fflush(stdout);
		_exit(0);
	}
	(void)waitpid(child, NULL, 0);
}

static void do_children(const char *name)
{
	printf("%s ", name);
	say("children", waitpid(-1, NULL, WNOHANG) < 0 ? -errno : 0);
}

static void do_op(const char *op, const char *arg)
{
	static const struct {
		const char *op;
		void (*fn)(const char *arg);
	} ops[] = {
		{ "load", do_load },	     { "log", do_log },
		{ "run", do_run },	     { "map", do_map },
		{ "time", do_time },	     { "pin", do_pin },
		{ "send", do_send },	     { "unix", do_unix },
		{ "rules", do_rules },	     { "fork", do_fork },
		{ "children", do_children },
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++) {
		if (!strcmp(op, ops[i].op))
			ops[i].fn(arg);
	}
	(void)fflush(stdout);
}

/* ---- running it ---- */

static void write_rules(const char *text)
{
	FILE *f = fopen(rules_file, "we");

	wd_expect(f != NULL);
	if (!f)
		return;
	(void)fputs(text, f);
	(void)fclose(f);
}

static void become(const char *const ops[])
{
	const char *argv[OPS_MAX + 10] = { refuse,	 "--rules",
					   rules_file,	 "--journal",
					   journal_file, self,
					   "do",	 dir };
	int n = 8;

	for (int i = 0; ops[i]; i++)
		argv[n++] = ops[i];
	execv(refuse, (char *const *)(uintptr_t)argv);
	_exit(127);
}

/* Everything the command printed, and its exit code. */
static int run(const char *const ops[], char out[OUT_BYTES])
{
	int pipe_fd[2], status = -1;
	size_t done = 0;
	ssize_t n;
	pid_t child;

	out[0] = '\0';
	if (!wd_expect(!pipe2(pipe_fd, O_CLOEXEC)))
		return -1;
	child = fork();
	if (child == 0) {
		(void)dup2(pipe_fd[1], 1);
		become(ops);
	}
	close(pipe_fd[1]);
	while ((n = read(pipe_fd[0], out + done, OUT_BYTES - 1 - done)) > 0)
		done += (size_t)n;
	out[done] = '\0';
	close(pipe_fd[0]);
	(void)waitpid(child, &status, 0);
	return status;
}

#define SAYS(expected, rules, ...) \
	says(expected, rules, (const char *const[]){ __VA_ARGS__, NULL })

static void says(const char *expected, const char *rules,
		 const char *const ops[])
{
	static char out[OUT_BYTES];

	write_rules(rules);
	(void)unlink(journal_file);
	wd_expect_int(0, run(ops, out));
	wd_expect_str(expected, out);
}

static const char *journal(void)
{
	static char text[OUT_BYTES];
	FILE *f = fopen(journal_file, "re");
	size_t n = f ? fread(text, 1, OUT_BYTES - 1, f) : 0;

	text[n] = '\0';
	if (f)
		(void)fclose(f);
	return text;
}

/* ---- the tests ---- */

static void without_rules_nothing_is_refused(void)
{
	SAYS("load wd_a ok\nmap wd_m ok\nentry wd_m ok\n"
	     "run 2 of 64 bytes wd_r ok\n"
	     "socket route ok\nsendmsg route ok\nsendto route ok\n"
	     "unix ok\nload ok ok\n",
	     "", "load", "wd_a", "map", "wd_m", "run", "wd_r", "send", "route",
	     "unix", "unix", "fork", "ok");
}

static void a_load_fails_by_its_name_with_any_error(void)
{
	SAYS("load wd_b ok\nload wd_a EACCES\nload wd_ab EINVAL\n",
	     "bpf:PROG_LOAD name=wd_a errno=EACCES\n"
	     "bpf:PROG_LOAD name=wd_a? errno=EINVAL\n",
	     "load", "wd_b", "load", "wd_a", "load", "wd_ab");
	SAYS("load wd_pod_in E2BIG\n", "bpf:PROG_LOAD errno=7\n", "load",
	     "wd_pod_in");
}

static void an_error_no_libc_knows_is_told(void)
{
	static char text[OUT_BYTES];

	write_rules("bpf:PROG_LOAD errno=524\n");
	(void)unlink(journal_file);
	(void)run((const char *const[]){ "children", "no", "load", "wd_a",
					 NULL },
		  text);
	wd_expect(strstr(journal(), "\"errno\": 524"));
}

static void the_log_is_what_the_rule_says(void)
{
	SAYS("log of 13 'a \"b\" \\c' wd_a EACCES\n",
	     "bpf:PROG_LOAD errno=EACCES log=\"a \\\"b\\\" \\\\c\\nnext\"\n",
	     "log", "wd_a");
	SAYS("log of 0 '' wd_a EACCES\n", "bpf:PROG_LOAD errno=EACCES\n", "log",
	     "wd_a");
}

static void a_log_that_does_not_fit_is_cut_and_told(void)
{
	SAYS("log of 127 '; nothing to see here' wd_a ENOSPC\n",
	     "bpf:PROG_LOAD errno=EACCES pad=1000 log=\"end\"\n", "log",
	     "wd_a");
	SAYS("log of 26 '; nothing to see here' wd_a EACCES\n",
	     "bpf:PROG_LOAD errno=EACCES pad=20 log=\"end\\n\"\n", "log",
	     "wd_a");
}

static void maps_and_their_entries_fail_by_name(void)
{
	SAYS("map wd_flow ENOMEM\nmap wd_row ok\nentry wd_row ok\n",
	     "bpf:MAP_CREATE name=wd_flow errno=ENOMEM\n", "map", "wd_flow",
	     "map", "wd_row");
	SAYS("map wd_flow ok\nentry wd_flow ok\nmap wd_row ok\n"
	     "entry wd_row EPERM\n",
	     "bpf:MAP_UPDATE_ELEM name=wd_row errno=EPERM\n", "map", "wd_flow",
	     "map", "wd_row");
}

static void pins_fail_by_the_last_part_of_their_path(void)
{
	SAYS("pin a EPERM\npin b ENOSPC\n", "bpf:OBJ_PIN name=b errno=ENOSPC\n",
	     "pin", "a", "pin", "b");
}

static void all_of_bpf_fails(void)
{
	SAYS("load  EPERM\nload wd_a EPERM\nmap wd_m EPERM\nunix ok\n",
	     "bpf:* errno=EPERM\n", "load", "", "load", "wd_a", "map", "wd_m",
	     "unix", "unix");
}

static void probes_of_libbpf_go_by_unless_asked_for(void)
{
	SAYS("load  ok\nload libbpf_nametest ok\nload wd_a EACCES\n",
	     "bpf:PROG_LOAD errno=EACCES\n", "load", "", "load",
	     "libbpf_nametest", "load", "wd_a");
	SAYS("load  EACCES\nload libbpf_nametest EACCES\n",
	     "bpf:PROG_LOAD probes errno=EACCES\n", "load", "", "load",
	     "libbpf_nametest");
}

static void a_program_that_runs_has_another_verdict(void)
{
	SAYS("run 7 of 64 bytes wd_a ok\nrun 2 of 64 bytes wd_b ok\n",
	     "bpf:PROG_TEST_RUN name=wd_a retval=7\n", "run", "wd_a", "run",
	     "wd_b");
	SAYS("run 0 of 64 bytes wd_a ENODEV\n",
	     "bpf:PROG_TEST_RUN errno=ENODEV\n", "run", "wd_a");
}

static void rules_count(void)
{
	SAYS("load wd_a ok\nload wd_a EAGAIN\nload wd_a EAGAIN\n"
	     "load wd_a EBUSY\n",
	     "bpf:PROG_LOAD after=1 times=2 errno=EAGAIN\n"
	     "bpf:PROG_LOAD after=1 errno=EBUSY\n",
	     "load", "wd_a", "load", "wd_a", "load", "wd_a", "load", "wd_a");
}

static void the_first_rule_that_fits_decides(void)
{
	SAYS("load wd_a ok\nload wd_b EPERM\n",
	     "# one may pass\nbpf:PROG_LOAD name=wd_a\n\n"
	     "bpf:PROG_LOAD errno=EPERM\n",
	     "load", "wd_a", "load", "wd_b");
}

static void rules_change_while_the_command_runs(void)
{
	SAYS("load wd_a EPERM\nrules ok\nload wd_a ok\nrules ok\n"
	     "load wd_a E2BIG\n",
	     "bpf:PROG_LOAD errno=EPERM\n", "load", "wd_a", "rules", "", "load",
	     "wd_a", "rules", "bpf:PROG_LOAD errno=E2BIG", "load", "wd_a");
}

static void rules_with_a_mistake_leave_those_before_in_force(void)
{
	SAYS("rules ok\nload wd_a EPERM\n", "bpf:PROG_LOAD errno=EPERM\n",
	     "rules", "bpf:PROG_LAOD errno=EPERM", "load", "wd_a");
	wd_expect(strstr(journal(), "line 1: bpf has no 'PROG_LAOD'"));
}

static void netlink_fails_by_protocol_and_type(void)
{
	SAYS("socket route ok\nsendmsg route EOPNOTSUPP\n"
	     "sendto route EOPNOTSUPP\nunix ok\n",
	     "netlink:ROUTE type=NEWTFILTER errno=EOPNOTSUPP\n", "send",
	     "route", "unix", "unix");
	SAYS("socket route ok\nsendmsg route ok\nsendto route ok\n",
	     "netlink:ROUTE type=NEWQDISC errno=EOPNOTSUPP\n"
	     "netlink:NETFILTER errno=EPERM\n",
	     "send", "route");
	SAYS("socket nft ok\nsendmsg nft EPERM\nsendto nft EPERM\n",
	     "netlink:NETFILTER errno=EPERM\n", "send", "nft");
}

static void sockets_fail_by_protocol(void)
{
	SAYS("socket nft EPROTONOSUPPORT\n"
	     "socket route ok\nsendmsg route ok\nsendto route ok\n",
	     "socket:NETFILTER errno=EPROTONOSUPPORT\n", "send", "nft", "send",
	     "route");
}

static void children_of_the_command_are_refused_too(void)
{
	SAYS("load wd_a EPERM\n", "bpf:PROG_LOAD errno=EPERM\n", "fork",
	     "wd_a");
}

static void the_command_has_no_child_it_did_not_make(void)
{
	SAYS("its children ECHILD\n", "", "children", "its");
}

static void the_journal_tells_each_load_and_no_entry(void)
{
	const char *text;

	SAYS("load wd_a EPERM\nmap wd_m ok\nentry wd_m ok\n",
	     "bpf:PROG_LOAD errno=EPERM\n", "load", "wd_a", "map", "wd_m");
	text = journal();
	wd_expect(strstr(text, "\"what\": \"PROG_LOAD\", \"name\": \"wd_a\", "
			       "\"insns\": 2"));
	wd_expect(strstr(text, "\"rule\": 0, \"errno\": 1, \"us\": "));
	wd_expect(strstr(text, "\"what\": \"MAP_CREATE\", \"name\": \"wd_m\""));
	wd_expect(!strstr(text, "MAP_UPDATE_ELEM"));
}

static void calls_for_entries_stay_quick(void)
{
	SAYS("quick\n", "bpf:PROG_LOAD errno=EPERM\n", "time", "wd_m");
}

static void an_exit_code_and_a_signal_are_the_commands(void)
{
	const char *const sh[] = { refuse, "sh", "-c", "exit 7", NULL };
	const char *const kill_self[] = { refuse, "sh", "-c", "kill -9 $$",
					  NULL };
	const char *const *const argv[] = { sh, kill_self };
	int status[2] = { -1, -1 };

	for (int i = 0; i < 2; i++) {
		pid_t child = fork();

		if (child == 0) {
			execv(refuse, (char *const *)(uintptr_t)argv[i]);
			_exit(127);
		}
		(void)waitpid(child, &status[i], 0);
	}
	wd_expect_int(7, WEXITSTATUS(status[0]));
	wd_expect(WIFSIGNALED(status[1]) && WTERMSIG(status[1]) == SIGKILL);
}

/* Who is left keeps the pipe open, so it would never end. */
static void the_helper_ends_with_the_command(void)
{
	int pipe_fd[2];
	struct timespec now, since;
	char c;
	pid_t child;

	if (!wd_expect(!pipe(pipe_fd)))
		return;
	child = fork();
	if (child == 0) {
		close(pipe_fd[0]);
		execl(refuse, refuse, "sleep", "60", (char *)NULL);
		_exit(127);
	}
	close(pipe_fd[1]);
	usleep(100000); /* it has begun, or dies before: all the same */
	kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &since);
	wd_expect_int(0, read(pipe_fd[0], &c, 1));
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	wd_expect((now.tv_sec - since.tv_sec) * 1000 < END_MS);
	close(pipe_fd[0]);
}

static void what_is_no_rule_is_told(void)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "bpf", "line 1: 'bpf' is not FAMILY:WHAT" },
		{ "\nbfp:*", "line 2: there is no family 'bfp'" },
		{ "bpf:NOTHING errno=1", "line 1: bpf has no 'NOTHING'" },
		{ "bpf:* errno=EWHAT", "line 1: 'EWHAT' is no error" },
		{ "bpf:* errno=0", "line 1: '0' is no error" },
		{ "bpf:* colour=red", "line 1: what is 'colour'?" },
		{ "bpf:* quickly", "line 1: what is 'quickly'?" },
		{ "bpf:* times=x", "line 1: 'x' is no number" },
		{ "bpf:* log=\"x", "line 1: this has no end: log=\"x" },
		{ "bpf:MAP_CREATE retval=1",
		  "line 1: only PROG_TEST_RUN has a retval" },
		{ "bpf:PROG_TEST_RUN retval=1 errno=1",
		  "line 1: errno and retval exclude each other" },
		{ "bpf:* type=x", "line 1: only netlink has a type" },
		{ "socket:* name=x", "line 1: only bpf has names" },
	};
	static struct wd_rules rules;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char error[128] = "";

		wd_test_row(rows[i].text);
		wd_expect_int(-EINVAL, wd_rules_add(&rules, rows[i].text, error,
						    sizeof(error)));
		wd_expect_str(rows[i].error, error);
		wd_rules_clear(&rules);
	}
}

/* ---- all of them ---- */

static void find_programs(void)
{
	char at[PATH_BYTES] = "";

	if (readlink("/proc/self/exe", at, sizeof(at) - 1) < 0 ||
	    !mkdtemp(dir)) {
		perror("test_refuse");
		exit(1);
	}
	snprintf(self, sizeof(self), "%s", at);
	snprintf(refuse, sizeof(refuse), "%.240s/refuse", dirname(at));
	snprintf(rules_file, sizeof(rules_file), "%s/rules", dir);
	snprintf(journal_file, sizeof(journal_file), "%s/journal", dir);
}

static void remove_files(void)
{
	(void)unlink(rules_file);
	(void)unlink(journal_file);
	(void)rmdir(dir);
}

int main(int argc, char *argv[])
{
	if (argc > 2 && !strcmp(argv[1], "do")) {
		snprintf(dir, sizeof(dir), "%s", argv[2]);
		for (int i = 3; i + 1 < argc; i += 2)
			do_op(argv[i], argv[i + 1]);
		return 0;
	}
	find_programs();
	WD_TEST(without_rules_nothing_is_refused);
	WD_TEST(a_load_fails_by_its_name_with_any_error);
	WD_TEST(an_error_no_libc_knows_is_told);
	WD_TEST(the_log_is_what_the_rule_says);
	WD_TEST(a_log_that_does_not_fit_is_cut_and_told);
	WD_TEST(maps_and_their_entries_fail_by_name);
	WD_TEST(pins_fail_by_the_last_part_of_their_path);
	WD_TEST(all_of_bpf_fails);
	WD_TEST(probes_of_libbpf_go_by_unless_asked_for);
	WD_TEST(a_program_that_runs_has_another_verdict);
	WD_TEST(rules_count);
	WD_TEST(the_first_rule_that_fits_decides);
	WD_TEST(rules_change_while_the_command_runs);
	WD_TEST(rules_with_a_mistake_leave_those_before_in_force);
	WD_TEST(netlink_fails_by_protocol_and_type);
	WD_TEST(sockets_fail_by_protocol);
	WD_TEST(children_of_the_command_are_refused_too);
	WD_TEST(the_command_has_no_child_it_did_not_make);
	WD_TEST(the_journal_tells_each_load_and_no_entry);
	WD_TEST(calls_for_entries_stay_quick);
	WD_TEST(an_exit_code_and_a_signal_are_the_commands);
	WD_TEST(the_helper_ends_with_the_command);
	WD_TEST(what_is_no_rule_is_told);
	remove_files();
	return wd_tests_end();
}
