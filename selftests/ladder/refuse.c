/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * refuse.c - runs a command in whose kernel some calls fail.
 *
 *	refuse [--rules FILE] [--rule RULE]... [--journal FILE] COMMAND [ARG]...
 *
 * The command is not changed and not traced: bpf(2), the making of netlink
 * sockets and what is written to them wait, by a seccomp filter, for an answer
 * of a helper process, which refuses what a rule (rule.h) says and lets the rest
 * go on to the kernel. FILE may be replaced at any time, by rename: the next
 * call meets the new rules, whose counts begin anew. A file that is not there
 * has none; one with a mistake leaves the rules before in force, which the
 * journal tells.
 *
 *	this process --fork--> . --fork--> helper, child of nobody
 *	     | filter on            |
 *	     | tells the number --> | takes the listener
 *	     | <------------------- | has it
 *	     v exec COMMAND         v answers until no process has the filter
 *
 * So the command keeps its parent, number, exit code and signals. The helper
 * ignores signals of the group; without it each of these calls would fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer.h"
#include "call.h"
#include "journal.h"
#include "rule.h"
#include "target.h"

#define RULES_BYTES 65536
#define NOTIF_BYTES 512 /* more than any kernel's messages have */
#define ERROR_BYTES 256
#define EXIT_USAGE 2
#define EXIT_REFUSE 125 /* the command was not begun */

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV /* Linux 5.19 */
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static struct wd_rules rules;
static const char *rules_path; /* NULL: they do not change */
static struct stat rules_are; /* the file they were read from */

static void die(const char *what, int err)
{
	(void)fprintf(stderr, "refuse: %s: %s\n", what, strerror(err));
	_exit(EXIT_REFUSE);
}

/* ---- rules ---- */

static int read_file(int fd, char *text, size_t room)
{
	size_t done = 0;
	ssize_t n = 1;

	while (n > 0 && done + 1 < room) {
		n = read(fd, text + done, room - 1 - done);
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	text[done] = '\0';
	return n ? -EFBIG : 0;
}

/* The new rules are in force whole, or the ones before stay. 0 or -EINVAL. */
static int take_rules(const char *text)
{
	static struct wd_rules next;
	char error[ERROR_BYTES] = "";
	int err = wd_rules_add(&next, text, error, sizeof(error));

	if (err) {
		wd_rules_clear(&next);
		(void)fprintf(stderr, "refuse: %s: %s\n", rules_path, error);
	} else {
		wd_rules_clear(&rules);
		rules = next;
		memset(&next, 0, sizeof(next));
	}
	wd_journal_rules(rules.cnt, err ? error : NULL);
	return err;
}

static int read_rules(void)
{
	static char text[RULES_BYTES];
	int fd = open(rules_path, O_RDONLY | O_CLOEXEC);
	int err = fd < 0 ? -errno : read_file(fd, text, sizeof(text));

	if (fd >= 0) {
		(void)fstat(fd, &rules_are);
		close(fd);
	}
	if (!err || err == -ENOENT)
		return take_rules(err ? "" : text);
	wd_journal_rules(rules.cnt, strerror(-err));
	return err;
}

/* Asked before each answer; one stat(2). */
static void renew_rules(void)
{
	struct stat now = { 0 };

	if (!rules_path)
		return;
	(void)stat(rules_path, &now);
	if (now.st_ino == rules_are.st_ino &&
	    now.st_mtim.tv_sec == rules_are.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == rules_are.st_mtim.tv_nsec &&
	    now.st_size == rules_are.st_size)
		return;
	rules_are = now;
	(void)read_rules(); /* the journal tells */
}

/* ---- the helper ---- */

static bool is_quiet(const struct wd_call *call)
{
	switch (call->cmd) {
	case BPF_MAP_LOOKUP_ELEM:
	case BPF_MAP_UPDATE_ELEM:
	case BPF_MAP_DELETE_ELEM:
	case BPF_MAP_GET_NEXT_KEY:
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH:
	case BPF_OBJ_GET_INFO_BY_FD:
	case BPF_PROG_QUERY:
		return call->face.family == WD_FAMILY_BPF;
	default:
		return !call->is_netlink && call->face.family != WD_FAMILY_BPF;
	}
}

static void answer_one(int listener, const struct seccomp_notif *notif)
{
	char room[NOTIF_BYTES] __attribute__((aligned(8))) = { 0 };
	struct seccomp_notif_resp *resp = (struct seccomp_notif_resp *)room;
	uint64_t since = wd_journal_now();
	static struct wd_call call;
	int rule = -1, err;

	renew_rules();
	err = wd_call_read(notif, wd_rules_has(&rules, WD_FAMILY_NETLINK),
			   wd_rules_ask_entries(&rules), &call);
	if (!err)
		rule = wd_rules_find(&rules, &call.face);
	resp->id = notif->id;
	err = wd_answer(&call, rule < 0 ? NULL : &rules.rule[rule], resp);
	if (rule >= 0 || !is_quiet(&call))
		wd_journal_call(&call, rule, err, since);
	/* A caller that was killed meanwhile needs no answer. */
	if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, resp) && errno != ENOENT)
		die("answering", errno);
}

static void answer_all(int listener)
{
	char room[NOTIF_BYTES] __attribute__((aligned(8)));
	struct pollfd wait = { .fd = listener, .events = POLLIN };

	for (;;) {
		if (poll(&wait, 1, -1) < 0)
			die("poll", errno);
		if (!(wait.revents & POLLIN))
			return; /* nobody has the filter any more */
		memset(room, 0, sizeof(room));
		if (!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, room))
			answer_one(listener, (struct seccomp_notif *)room);
		else if (errno != ENOENT && errno != EINTR)
			die("waiting for calls", errno);
	}
}

static void helper(pid_t command, int in, int out)
{
	int number, listener;

	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)prctl(PR_SET_NAME, "refuse");
	if (read(in, &number, sizeof(number)) != sizeof(number))
		_exit(EXIT_REFUSE); /* it has said why */
	listener = wd_target_fd(command, number);
	if (listener < 0)
		die("taking the listener", -listener);
	if (write(out, &number, sizeof(number)) != sizeof(number))
		_exit(EXIT_REFUSE);
	close(in);
	close(out);
	answer_all(listener);
	_exit(0);
}

/* ---- the command ---- */

#define LOAD(field) \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)

static int install_filter(void)
{
	struct sock_filter code[] = {
		LOAD(arch),
		IS(ARCH, 0, 7), /* to the last but one */
		LOAD(nr),
		IS(SYS_bpf, 6, 0),
		IS(SYS_sendmsg, 5, 0),
		IS(SYS_sendto, 4, 0),
		IS(SYS_socket, 0, 2),
		LOAD(args[0]), /* little endian: its low half */
		IS(AF_NETLINK, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(*code), code };
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long fd;

	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		     flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &prog);
	if (fd < 0 && errno == EINVAL)
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			     &prog);
	return fd < 0 ? -errno : (int)fd;
}

/* The helper's parent is gone at once, so that the command never meets a child. */
static void start_helper(int *ret_in, int *ret_out)
{
	int there[2], back[2];
	pid_t command = getpid(), child;

	if (pipe2(there, O_CLOEXEC) || pipe2(back, O_CLOEXEC))
		die("pipe", errno);
	child = fork();
	if (child < 0)
		die("fork", errno);
	if (child == 0) {
		pid_t own = fork();

		if (own)
			_exit(own < 0 ? EXIT_REFUSE : 0);
		close(there[1]);
		close(back[0]);
		helper(command, there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	if (waitpid(child, NULL, 0) != child)
		die("waiting for the helper", errno);
	*ret_in = back[0];
	*ret_out = there[1];
}

static void run(char *argv[])
{
	int in, out, listener, got;

	if (rules_path && read_rules())
		exit(EXIT_USAGE);
	start_helper(&in, &out);
	listener = install_filter();
	if (listener < 0)
		die("the filter", -listener);
	if (write(out, &listener, sizeof(listener)) != sizeof(listener) ||
	    read(in, &got, sizeof(got)) != sizeof(got))
		die("the helper ended", EPIPE);
	close(listener);
	close(in);
	close(out);
	execvp(argv[0], argv);
	die(argv[0], errno);
}

static void usage(void)
{
	(void)fputs("usage: refuse [--rules FILE] [--rule RULE]... "
		    "[--journal FILE] COMMAND [ARG]...\n",
		    stderr);
	exit(EXIT_USAGE);
}

static void add_rule(const char *text)
{
	char error[ERROR_BYTES] = "";

	if (!wd_rules_add(&rules, text, error, sizeof(error)))
		return;
	(void)fprintf(stderr, "refuse: '%s': %s\n", text, error);
	exit(EXIT_USAGE);
}

static void open_journal(const char *path)
{
	int err = wd_journal_open(path);

	if (err)
		die(path, -err);
}

int main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "rules", required_argument, NULL, 'f' },
		{ "rule", required_argument, NULL, 'r' },
		{ "journal", required_argument, NULL, 'j' },
		{},
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (opt == 'f')
			rules_path = optarg;
		else if (opt == 'r')
			add_rule(optarg);
		else if (opt == 'j')
			open_journal(optarg);
		else
			usage();
	}
	if (optind == argc || (rules_path && rules.cnt))
		usage();
	run(argv + optind);
}
