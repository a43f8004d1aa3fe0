/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_ctl.c - any bytes as what a peer sends to the agent's control socket.
 * The first byte says how: in how many pieces, whether the peer closes its
 * writing side, whether it waits for the answer. Both ends are in this process.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "query/ctl.h"

#include "fuzz.h"

#define HALF_CLOSE 1 /* bits of the first byte */
#define LEAVE 2
#define PIECES 4

static char dir[] = "/tmp/wd-fuzz-ctl-XXXXXX";
static struct wd_loop *loop;
static struct wd_timer *turn;
static struct wd_ctl *ctl;
static struct wd_ctl_conn *parked;

static void on_echo(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	(void)ctx;
	fuzz_expect(fd < 0);
	wd_ctl_reply(conn, json_object_get(req));
}

static void on_left(void *ctx, struct wd_ctl_conn *conn)
{
	(void)ctx;
	fuzz_expect(conn == parked);
	parked = NULL;
}

static void on_park(void *ctx, struct wd_ctl_conn *conn,
		    struct json_object *req, int fd)
{
	(void)ctx;
	(void)req;
	(void)fd;
	(void)wd_ctl_event(conn, json_object_new_object());
	parked = conn;
	wd_ctl_on_close(conn, on_left, NULL);
}

static const struct wd_ctl_cmd cmds[] = {
	{ .name = "echo", .fn = on_echo },
	{ .name = "park", .fn = on_park },
	{},
};

/* The timer is the first of a batch: stop at its second firing, when the rest was served. */
static void on_turn(void *ctx)
{
	static bool served;

	(void)ctx;
	served = !served;
	if (served)
		wd_timer_set(turn, 0);
	else
		wd_loop_stop(loop, 0);
}

/* Let the agent's end do what it has to. */
static void turns(int cnt)
{
	while (cnt-- > 0) {
		wd_timer_set(turn, 0);
		(void)wd_loop_run(loop);
	}
}

static void clean_up(void)
{
	wd_ctl_close(ctl);
	wd_timer_free(turn);
	wd_loop_free(loop);
	(void)rmdir(dir);
}

static void begin(void)
{
	fuzz_expect(mkdtemp(dir));
	fuzz_expect(wd_loop_new(&loop) == 0);
	fuzz_expect(wd_timer_new(loop, on_turn, NULL, &turn) == 0);
	fuzz_expect(wd_ctl_open(loop, dir, cmds, NULL, &ctl) == 0);
	(void)atexit(clean_up);
}

static int call(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	(void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/agent.sock",
		       dir);
	fuzz_expect(fd >= 0 &&
		    connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

/* An answer, if there is one, is whole lines. */
static void read_answer(int fd)
{
	char answer[65536];
	ssize_t len = recv(fd, answer, sizeof(answer), 0);

	fuzz_expect(len <= 0 || len == (ssize_t)sizeof(answer) ||
		    answer[len - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how = size ? data[0] : 0;
	size_t piece;
	int fd;

	if (!loop)
		begin();
	fd = call();
	piece = how & PIECES ? 1 + size / 3 : size;
	for (size_t at = 1; at < size; at += piece) {
		size_t len = size - at < piece ? size - at : piece;

		if (send(fd, data + at, len, MSG_NOSIGNAL) < 0)
			break;
		turns(how & PIECES ? 2 : 0);
	}
	if (how & HALF_CLOSE)
		(void)shutdown(fd, SHUT_WR);
	turns(3);
	if (!(how & LEAVE))
		read_answer(fd);
	if (parked && !(how & LEAVE)) {
		struct wd_ctl_conn *conn = parked;

		parked = NULL;
		wd_ctl_on_close(conn, NULL, NULL);
		wd_ctl_error(conn, 1, "", "late");
		turns(2);
	}
	(void)close(fd);
	turns(3);
	fuzz_expect(!parked);
	return 0;
}
