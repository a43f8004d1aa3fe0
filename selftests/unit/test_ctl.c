/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_ctl.c - the control socket from both ends. Each test runs an agent's
 * end in a child process and speaks to it, with the client or byte by byte.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "query/ctl.h"
#include "tap.h"
#include "whatif/forked.h"

static char dir[64];
static struct wd_loop *loop;
static unsigned int idle_ms; /* 0: as the agent has it */
static int left_cnt; /* peers that left before their answer */
static struct wd_ctl_conn *parked;

/* ---- the agent's end ---- */

static void on_echo(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	struct json_object *result = json_object_new_object();
	struct stat st = { 0 };

	(void)ctx;
	wd_json_str(result, "text", wd_json_get_str(req, "text"));
	wd_json_int(result, "inode",
		    fd >= 0 && !fstat(fd, &st) ? st.st_ino : 0);
	if (fd >= 0)
		(void)close(fd);
	wd_ctl_reply(conn, result);
}

static void on_refuse(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	(void)ctx;
	(void)req;
	(void)fd;
	wd_ctl_error(conn, 3, "endpoint 'a/b'", "%d maps missing", 2);
}

static void on_big(void *ctx, struct wd_ctl_conn *conn, struct json_object *req,
		   int fd)
{
	struct json_object *result = json_object_new_object();
	struct json_object *list = wd_json_array(result, "list");

	(void)ctx;
	(void)fd;
	for (int i = 0; i < wd_json_get_int(req, "cnt"); i++)
		wd_json_push_str(list,
				 "0123456789012345678901234567890123456789");
	wd_ctl_reply(conn, result);
}

static void on_left(void *ctx, struct wd_ctl_conn *conn)
{
	(void)ctx;
	(void)conn;
	left_cnt++;
}

static void on_park(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	(void)ctx;
	(void)fd;
	if (wd_json_get_bool(req, "tell"))
		wd_ctl_on_close(conn, on_left, NULL);
	else
		parked = conn;
}

/* Answers what is parked, and says how many left. */
static void on_unpark(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	struct json_object *result = json_object_new_object();

	(void)ctx;
	(void)req;
	(void)fd;
	wd_json_int(result, "left", left_cnt);
	wd_json_bool(result, "parked", parked != NULL);
	if (parked)
		wd_ctl_reply(parked, NULL);
	parked = NULL;
	wd_ctl_reply(conn, result);
}

/* Events until the buffer is full, then the count of those that went in. */
static void on_stream(void *ctx, struct wd_ctl_conn *conn,
		      struct json_object *req, int fd)
{
	int64_t max = wd_json_get_int(req, "cnt");
	struct json_object *result = json_object_new_object();
	int64_t lost = 0;

	(void)ctx;
	(void)fd;
	for (int64_t i = 0; i < max; i++) {
		struct json_object *event = json_object_new_object();

		wd_json_int(event, "seq", i);
		lost += wd_ctl_event(conn, event) == -ENOBUFS;
	}
	wd_json_int(result, "lost", lost);
	wd_ctl_reply(conn, result);
}

static const struct wd_ctl_cmd cmds[] = {
	{ "echo", on_echo }, { "refuse", on_refuse }, { "big", on_big },
	{ "park", on_park }, { "unpark", on_unpark }, { "stream", on_stream },
	{ NULL, NULL },
};

static void on_term(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	wd_loop_stop(loop, 0);
}

/* The child: serve until SIGTERM; a byte on @ready_fd says that it listens. */
static int serve(int ready_fd)
{
	static const int signo[] = { SIGTERM, 0 };
	struct wd_ctl *ctl = NULL;
	int err = wd_loop_new(&loop);

	if (!err)
		err = wd_loop_signals(loop, signo, on_term, NULL);
	if (!err)
		err = wd_ctl_open(loop, dir, cmds, NULL, &ctl);
	if (err || write(ready_fd, "r", 1) != 1)
		return 1;
	if (idle_ms)
		wd_ctl_idle(ctl, idle_ms);
	err = wd_loop_run(loop);
	wd_ctl_close(ctl);
	wd_loop_free(loop);
	return err != 0;
}

static pid_t start_server(void)
{
	int pipe_fd[2];
	char byte;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		(void)close(pipe_fd[0]);
		exit(serve(pipe_fd[1]));
	}
	(void)close(pipe_fd[1]);
	wd_expect_int(1, read(pipe_fd[0], &byte, 1));
	(void)close(pipe_fd[0]);
	return pid;
}

/* Also the leak check: the child is built like this test, so under ASan too. */
static void end_server(pid_t pid)
{
	int status = -1;

	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, &status, 0);
	wd_expect_int(0, status);
}

/* ---- the test's end ---- */

static struct json_object *request(const char *cmd)
{
	struct json_object *req = json_object_new_object();

	wd_json_str(req, "cmd", cmd);
	return req;
}

/* The answer to @req, which is put; NULL and a failed expectation if none. */
static struct json_object *call(struct json_object *req, int fd)
{
	struct json_object *answer = NULL;

	wd_expect_int(0, wd_ctl_call(dir, req, fd, 5000, &answer));
	json_object_put(req);
	return answer;
}

static int dial_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/agent.sock",
		       dir);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

/* What comes until the peer closes, or 3 s. */
static const char *drain(int fd)
{
	static char text[8192];
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t cnt = 1;

	while (cnt > 0 && len < sizeof(text) - 1 && poll(&pfd, 1, 3000) == 1) {
		cnt = read(fd, text + len, sizeof(text) - 1 - len);
		len += cnt > 0 ? (size_t)cnt : 0;
	}
	text[len] = '\0';
	return text;
}

static void call_brings_the_answer(void)
{
	pid_t pid = start_server();
	struct json_object *req = request("echo");
	struct json_object *answer;

	wd_json_str(req, "text", "a\nb");
	answer = call(req, -1);

	wd_expect(wd_json_get_bool(answer, "ok"));
	wd_expect_str("a\nb",
		      wd_json_get_str(wd_json_get(answer, "result"), "text"));
	json_object_put(answer);
	end_server(pid);
}

static void refusal_has_code_text_and_place(void)
{
	pid_t pid = start_server();
	struct json_object *answer = call(request("refuse"), -1);

	wd_expect(!wd_json_get_bool(answer, "ok"));
	wd_expect_int(3, wd_json_get_int(answer, "code"));
	wd_expect_str("2 maps missing", wd_json_get_str(answer, "error"));
	wd_expect_str("endpoint 'a/b'", wd_json_get_str(answer, "where"));
	json_object_put(answer);
	end_server(pid);
}

static void unknown_command_is_a_usage_error(void)
{
	pid_t pid = start_server();
	struct json_object *answer = call(request("nope"), 0);

	wd_expect_int(2, wd_json_get_int(answer, "code"));
	json_object_put(answer);
	end_server(pid);
}

static void descriptor_arrives_at_the_handler(void)
{
	pid_t pid = start_server();
	struct stat st;
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct json_object *answer = call(request("echo"), fd);

	wd_expect_int(0, fstat(fd, &st));
	wd_expect_int((long long)st.st_ino,
		      wd_json_get_int(wd_json_get(answer, "result"), "inode"));
	json_object_put(answer);
	(void)close(fd);
	end_server(pid);
}

static void long_request_and_long_answer_pass(void)
{
	pid_t pid = start_server();
	struct json_object *req = request("echo");
	struct json_object *answer;
	char *text = calloc(1, 1000001);

	memset(text, 'x', 1000000);
	wd_json_str(req, "text", text);
	answer = call(req, -1);
	wd_expect_int(1000000, (long long)strlen(wd_json_get_str(
				       wd_json_get(answer, "result"), "text")));
	json_object_put(answer);

	req = request("big");
	wd_json_int(req, "cnt", 200000);
	answer = call(req, -1);
	wd_expect_int(200000, (long long)wd_json_len(
				      wd_json_get(answer, "result"), "list"));
	json_object_put(answer);
	free(text);
	end_server(pid);
}

static void bad_request_is_answered_and_closed(void)
{
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "no JSON", "hello\n" },
		{ "no object", "[1]\n" },
		{ "two values", "{\"cmd\":\"echo\"} {}\n" },
		{ "no command", "{}\n" },
		{ "command of another type", "{\"cmd\":1}\n" },
		{ "not UTF-8", "{\"cmd\":\"echo\",\"text\":\"\xff\"}\n" },
		{ "empty line", "\n" },
	};
	pid_t pid = start_server();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = dial_raw();
		ssize_t len = (ssize_t)strlen(rows[i].text);

		wd_test_row(rows[i].name);
		wd_expect_int(len, write(fd, rows[i].text, (size_t)len));
		wd_expect(strstr(drain(fd), "\"ok\":false,\"code\":2") != NULL);
		(void)close(fd);
	}
	end_server(pid);
}

static void request_without_end_is_refused_at_its_limit(void)
{
	pid_t pid = start_server();
	int fd = dial_raw();
	static char block[4096];
	size_t sent = 0;
	ssize_t cnt = 1;

	memset(block, ' ', sizeof(block));
	while (cnt > 0 && sent < (4u << 20)) {
		cnt = send(fd, block, sizeof(block), MSG_NOSIGNAL);
		sent += cnt > 0 ? (size_t)cnt : 0;
	}

	wd_expect(sent >= (1u << 20));
	wd_expect(sent < (4u << 20));
	wd_expect(strstr(drain(fd), "longer than") != NULL);
	(void)close(fd);
	end_server(pid);
}

static void request_may_come_byte_by_byte(void)
{
	static const char text[] = "{\"cmd\":\"echo\",\"text\":\"slow\"}\n";
	pid_t pid = start_server();
	int fd = dial_raw();

	for (size_t i = 0; i + 1 < sizeof(text); i++)
		wd_expect_int(1, write(fd, &text[i], 1));

	wd_expect(strstr(drain(fd), "\"text\":\"slow\"") != NULL);
	(void)close(fd);
	end_server(pid);
}

static void half_closed_peer_gets_its_answer(void)
{
	static const char text[] = "{\"cmd\":\"echo\",\"text\":\"half\"}\n";
	pid_t pid = start_server();
	int fd = dial_raw();

	wd_expect_int(sizeof(text) - 1, write(fd, text, sizeof(text) - 1));
	(void)shutdown(fd, SHUT_WR);

	wd_expect(strstr(drain(fd), "\"text\":\"half\"") != NULL);
	(void)close(fd);
	end_server(pid);
}

static void two_descriptors_are_refused(void)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(3 * sizeof(int))];
	} control = { .space = { 0 } };
	char text[] = "{\"cmd\":\"echo\"}\n";
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	pid_t pid = start_server();

	for (size_t cnt = 2; cnt <= 3; cnt++) {
		int fds[3] = { 0, 1, 2 };
		int fd = dial_raw();
		struct cmsghdr *cmsg;

		msg.msg_controllen = CMSG_SPACE(cnt * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(cnt * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, cnt * sizeof(int));
		wd_expect_int(sizeof(text) - 1, sendmsg(fd, &msg, 0));
		wd_expect(strstr(drain(fd), "cannot be read") != NULL);
		(void)close(fd);
	}
	end_server(pid);
}

static void leaving_peer_is_told_to_who_asked(void)
{
	static const char tell[] = "{\"cmd\":\"park\",\"tell\":true}\n";
	static const char quiet[] = "{\"cmd\":\"park\"}\n";
	pid_t pid = start_server();
	int fd = dial_raw();
	struct json_object *answer;
	struct json_object *result;

	wd_expect_int(sizeof(tell) - 1, write(fd, tell, sizeof(tell) - 1));
	(void)close(fd);
	fd = dial_raw();
	wd_expect_int(sizeof(quiet) - 1, write(fd, quiet, sizeof(quiet) - 1));
	(void)close(fd);
	for (int i = 0; i < 3; i++) /* both are handled before these */
		json_object_put(call(request("echo"), -1));
	answer = call(request("unpark"), -1);
	result = wd_json_get(answer, "result");

	wd_expect_int(1, wd_json_get_int(result, "left"));
	wd_expect(wd_json_get_bool(result, "parked"));
	json_object_put(answer);
	end_server(pid);
}

static int count_events(void *ctx, struct json_object *event)
{
	int64_t *cnt = ctx;

	wd_expect_int(*cnt, wd_json_get_int(event, "seq"));
	return ++*cnt == 5000;
}

static void stream_brings_events_in_order(void)
{
	pid_t pid = start_server();
	struct json_object *req = request("stream");
	int64_t cnt = 0;

	wd_json_int(req, "cnt", 5000);
	wd_expect_int(0, wd_ctl_stream(dir, req, -1, count_events, &cnt));
	wd_expect_int(5000, cnt);

	json_object_put(req);
	end_server(pid);
}

static int keep_refusal(void *ctx, struct json_object *event)
{
	*(int64_t *)ctx = wd_json_get_int(event, "code");
	return 0;
}

static void refused_stream_hands_over_the_refusal(void)
{
	pid_t pid = start_server();
	struct json_object *req = request("refuse");
	int64_t code = 0;

	wd_expect_int(-EREMOTEIO,
		      wd_ctl_stream(dir, req, -1, keep_refusal, &code));
	wd_expect_int(3, code);

	json_object_put(req);
	end_server(pid);
}

/* The last bytes of what came so far; a read may bring any number. */
static void keep_end(char *last, size_t size, const char *more, size_t cnt)
{
	size_t drop = cnt < size ? cnt : size;

	memmove(last, last + drop, size - drop);
	memcpy(last + size - drop, more + cnt - drop, drop);
}

static void slow_reader_loses_events_and_costs_bounded_memory(void)
{
	static const char text[] = "{\"cmd\":\"stream\",\"cnt\":200000}\n";
	pid_t pid = start_server();
	int fd = dial_raw();
	static char block[65536];
	char last[256];
	ssize_t cnt;

	memset(last, ' ', sizeof(last) - 1);
	last[sizeof(last) - 1] = '\0';
	wd_expect_int(sizeof(text) - 1, write(fd, text, sizeof(text) - 1));
	json_object_put(call(request("echo"), -1)); /* others are served */
	while ((cnt = read(fd, block, sizeof(block))) > 0)
		keep_end(last, sizeof(last) - 1, block, (size_t)cnt);

	wd_expect(strstr(last, "\"lost\":") != NULL);
	wd_expect(strstr(last, "\"lost\":0") == NULL);
	(void)close(fd);
	end_server(pid);
}

/* Is the peer's end of @fd closed within 30 s? */
static bool is_hung_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, 30000) == 1 && pfd.revents & POLLHUP;
}

/* They have asked, and are answered: none of them goes. */
static void too_many_connections_are_told_so(void)
{
	static const char big[] = "{\"cmd\":\"big\",\"cnt\":10000}\n";
	pid_t pid = start_server();
	int fd[65];

	for (int i = 0; i < 64; i++) {
		struct pollfd pfd = { .fd = dial_raw(), .events = POLLIN };

		fd[i] = pfd.fd;
		wd_expect_int(sizeof(big) - 1,
			      write(fd[i], big, sizeof(big) - 1));
		wd_expect_int(1, poll(&pfd, 1, 30000));
	}
	fd[64] = dial_raw();
	wd_expect(strstr(drain(fd[64]), "too many connections") != NULL);
	for (int i = 0; i < 65; i++)
		(void)close(fd[i]);
	json_object_put(call(request("echo"), -1));
	end_server(pid);
}

static void who_asks_nothing_makes_room(void)
{
	pid_t pid = start_server();
	int fd[64];

	for (int i = 0; i < 64; i++)
		fd[i] = dial_raw();
	json_object_put(call(request("echo"), -1));
	wd_expect(is_hung_up(fd[0]));
	for (int i = 0; i < 64; i++)
		(void)close(fd[i]);
	end_server(pid);
}

/*
 * They are closed when their time is over, and nobody waits for them. More than
 * a socket takes at once would be read from the long answer.
 */
static void idle_askers_are_hung_up_on(void)
{
	static const char half[] = "{\"cmd\":";
	static const char big[] = "{\"cmd\":\"big\",\"cnt\":200000}\n";
	int silent, slow, deaf;
	pid_t pid;

	idle_ms = 300;
	pid = start_server();
	idle_ms = 0;
	silent = dial_raw();
	slow = dial_raw();
	deaf = dial_raw();
	wd_expect_int(sizeof(half) - 1, write(slow, half, sizeof(half) - 1));
	wd_expect_int(sizeof(big) - 1, write(deaf, big, sizeof(big) - 1));
	json_object_put(call(request("echo"), -1));
	wd_expect(is_hung_up(silent));
	wd_expect(is_hung_up(slow));
	wd_expect(is_hung_up(deaf));
	json_object_put(call(request("echo"), -1));
	(void)close(silent);
	(void)close(slow);
	(void)close(deaf);
	end_server(pid);
}

/* Nor do children of the agent wait: one answers questions of policy and ends. */
static void child_waits_for_its_asker_so_long_and_no_longer(void)
{
	static char much[4096];
	int pair[2], err = 0;

	if (!wd_expect_int(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair)))
		return;
	wd_expect_int(0, wd_forked_idle(pair[0], 20));
	wd_expect_int(-ETIMEDOUT, wd_forked_read(pair[0], much, 2));
	wd_expect_int(1, write(pair[1], "x", 1));
	wd_expect_int(-ETIMEDOUT, wd_forked_read(pair[0], much, 2));
	while (!err)
		err = wd_forked_write(pair[0], much, sizeof(much));
	wd_expect_int(-ETIMEDOUT, err);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

static void answer_that_does_not_come_times_out(void)
{
	pid_t pid = start_server();
	struct json_object *req = request("park");
	struct json_object *answer = NULL;

	wd_expect_int(-ETIMEDOUT, wd_ctl_call(dir, req, -1, 50, &answer));

	json_object_put(req);
	end_server(pid);
}

static void no_agent_is_told_apart(void)
{
	struct json_object *req = request("echo");
	struct json_object *answer = NULL;
	pid_t pid;

	wd_expect_int(-ENOENT, wd_ctl_call(dir, req, -1, 50, &answer));
	pid = start_server();
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	wd_expect_int(-ECONNREFUSED, wd_ctl_call(dir, req, -1, 50, &answer));
	json_object_put(req);
}

static void dead_agents_socket_is_replaced_and_a_live_one_is_not(void)
{
	pid_t pid = start_server();
	struct wd_ctl *ctl;

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	pid = start_server();
	json_object_put(call(request("echo"), -1));

	wd_expect_int(0, wd_loop_new(&loop));
	wd_expect_int(-EADDRINUSE, wd_ctl_open(loop, dir, cmds, NULL, &ctl));
	wd_loop_free(loop);
	json_object_put(call(request("echo"), -1));
	end_server(pid);
}

static void socket_and_directory_are_for_the_owner_only(void)
{
	char path[128];
	struct stat st;
	pid_t pid;

	wd_expect_int(0, chmod(dir, 0755));
	pid = start_server();

	wd_expect_int(0, stat(dir, &st));
	wd_expect_int(0700, st.st_mode & 0777);
	(void)snprintf(path, sizeof(path), "%s/agent.sock", dir);
	wd_expect_int(0, lstat(path, &st));
	wd_expect(S_ISSOCK(st.st_mode));
	wd_expect_int(0600, st.st_mode & 0777);
	end_server(pid);
	wd_expect_int(-1, lstat(path, &st));
}

static void link_instead_of_the_directory_is_refused(void)
{
	struct wd_ctl *ctl;
	char path[80];

	(void)snprintf(path, sizeof(path), "%s.link", dir);
	wd_expect_int(0, symlink(dir, path));
	wd_expect_int(0, wd_loop_new(&loop));

	wd_expect_int(-ENOTDIR, wd_ctl_open(loop, path, cmds, NULL, &ctl));

	wd_loop_free(loop);
	(void)unlink(path);
}

static void other_users_are_refused(void)
{
	char path[128];
	pid_t pid = start_server();
	int status = -1;
	pid_t child;

	if (geteuid()) {
		wd_test_skip("root, to become another user");
		end_server(pid);
		return;
	}
	/* Take away what keeps others out before the credentials do. */
	(void)chmod(dir, 0755);
	(void)snprintf(path, sizeof(path), "%s/agent.sock", dir);
	(void)chmod(path, 0666);
	child = fork();
	if (child == 0) {
		int fd = setresuid(1000, 1000, 1000) ? -1 : dial_raw();

		(void)!write(fd, "{\"cmd\":\"echo\"}\n", 15);
		_exit(fd < 0 ? 2 : drain(fd)[0] != '\0');
	}
	(void)waitpid(child, &status, 0);
	wd_expect_int(0, status);
	end_server(pid);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wdt-%d-ctl", (int)getpid());
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdir(dir, 0700))
		return 1;
	WD_TEST(call_brings_the_answer);
	WD_TEST(refusal_has_code_text_and_place);
	WD_TEST(unknown_command_is_a_usage_error);
	WD_TEST(descriptor_arrives_at_the_handler);
	WD_TEST(long_request_and_long_answer_pass);
	WD_TEST(bad_request_is_answered_and_closed);
	WD_TEST(request_without_end_is_refused_at_its_limit);
	WD_TEST(request_may_come_byte_by_byte);
	WD_TEST(half_closed_peer_gets_its_answer);
	WD_TEST(two_descriptors_are_refused);
	WD_TEST(leaving_peer_is_told_to_who_asked);
	WD_TEST(stream_brings_events_in_order);
	WD_TEST(refused_stream_hands_over_the_refusal);
	WD_TEST(slow_reader_loses_events_and_costs_bounded_memory);
	WD_TEST(too_many_connections_are_told_so);
	WD_TEST(who_asks_nothing_makes_room);
	WD_TEST(idle_askers_are_hung_up_on);
	WD_TEST(child_waits_for_its_asker_so_long_and_no_longer);
	WD_TEST(answer_that_does_not_come_times_out);
	WD_TEST(no_agent_is_told_apart);
	WD_TEST(dead_agents_socket_is_replaced_and_a_live_one_is_not);
	WD_TEST(socket_and_directory_are_for_the_owner_only);
	WD_TEST(link_instead_of_the_directory_is_refused);
	WD_TEST(other_users_are_refused);
	(void)rmdir(dir);
	return wd_tests_end();
}
