/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_loop.c - the event loop, and the messages of log.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "tap.h"

struct probe {
	struct wd_loop *loop;
	struct wd_timer *timer[4];
	int fd[2];
	int hits;
	int order[8];
	int order_cnt;
};

static struct probe p;

static void set_up(void)
{
	memset(&p, 0, sizeof(p));
	wd_expect_int(0, wd_loop_new(&p.loop));
	for (int i = 0; i < 2; i++) {
		p.fd[i] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
		wd_expect(p.fd[i] >= 0);
	}
}

static void tear_down(void)
{
	wd_loop_free(p.loop);
	for (int i = 0; i < 2; i++)
		(void)close(p.fd[i]);
}

static void stop(void *ctx)
{
	(void)ctx;
	wd_loop_stop(p.loop, 7);
}

static void stop_after(uint64_t ms)
{
	struct wd_timer *timer;

	wd_expect_int(0, wd_timer_new(p.loop, stop, NULL, &timer));
	wd_timer_set(timer, ms);
}

static void note(void *ctx)
{
	p.order[p.order_cnt++ % 8] = *(int *)ctx;
}

static void drop_both(void *ctx, int fd, uint32_t events)
{
	(void)ctx;
	(void)fd;
	(void)events;
	p.hits++;
	wd_loop_del(p.loop, p.fd[0]);
	wd_loop_del(p.loop, p.fd[1]);
}

static void callback_may_remove_a_source_that_is_also_ready(void)
{
	set_up();
	wd_loop_add(p.loop, p.fd[0], EPOLLIN, drop_both, NULL);
	wd_loop_add(p.loop, p.fd[1], EPOLLIN, drop_both, NULL);
	stop_after(20);

	wd_expect_int(7, wd_loop_run(p.loop));

	wd_expect_int(1, p.hits);
	tear_down();
}

static void on_reused(void *ctx, int fd, uint32_t events)
{
	(void)ctx;
	(void)fd;
	(void)events;
	p.hits += 100;
}

/* Replace the other descriptor by one with the same number, not readable. */
static void replace_other(void *ctx, int fd, uint32_t events)
{
	int other = fd == p.fd[0] ? p.fd[1] : p.fd[0];
	int fresh;

	(void)ctx;
	(void)events;
	p.hits++;
	wd_loop_del(p.loop, fd);
	wd_loop_del(p.loop, other);
	(void)close(other);
	fresh = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	wd_expect_int(other, fresh);
	wd_expect_int(0, wd_loop_add(p.loop, fresh, EPOLLIN, on_reused, NULL));
}

static void event_of_a_closed_descriptor_does_not_reach_its_successor(void)
{
	set_up();
	wd_loop_add(p.loop, p.fd[0], EPOLLIN, replace_other, NULL);
	wd_loop_add(p.loop, p.fd[1], EPOLLIN, replace_other, NULL);
	stop_after(20);

	wd_loop_run(p.loop);

	wd_expect_int(1, p.hits);
	tear_down();
}

static void descriptor_is_added_once(void)
{
	set_up();

	wd_expect_int(0, wd_loop_add(p.loop, p.fd[0], EPOLLIN, on_reused, &p));
	wd_expect_int(-EEXIST,
		      wd_loop_add(p.loop, p.fd[0], EPOLLIN, on_reused, &p));
	wd_loop_del(p.loop, p.fd[0]);
	wd_expect_int(-ENOENT, wd_loop_mod(p.loop, p.fd[0], EPOLLIN));
	wd_expect_int(-EBADF, wd_loop_add(p.loop, -1, EPOLLIN, on_reused, &p));
	tear_down();
}

static void timers_fire_in_order_of_time_not_of_setting(void)
{
	static int number[4] = { 0, 1, 2, 3 };
	static const uint64_t ms[4] = { 15, 5, 0, 10 };

	set_up();
	for (int i = 0; i < 4; i++) {
		wd_timer_new(p.loop, note, &number[i], &p.timer[i]);
		wd_timer_set(p.timer[i], ms[i]);
	}
	stop_after(40);

	wd_loop_run(p.loop);

	wd_expect_int(4, p.order_cnt);
	wd_expect_int(2, p.order[0]);
	wd_expect_int(1, p.order[1]);
	wd_expect_int(3, p.order[2]);
	wd_expect_int(0, p.order[3]);
	wd_expect(!wd_timer_armed(p.timer[0]));
	tear_down();
}

static void set_again(void *ctx)
{
	(void)ctx;
	if (++p.hits < 1000000)
		wd_timer_set(p.timer[0], 0);
}

static void timer_that_sets_itself_to_zero_does_not_hold_the_loop(void)
{
	set_up();
	wd_timer_new(p.loop, set_again, NULL, &p.timer[0]);
	wd_timer_set(p.timer[0], 0);
	stop_after(30);

	wd_expect_int(7, wd_loop_run(p.loop));

	wd_expect(p.hits > 1);
	wd_expect(p.hits < 1000000);
	tear_down();
}

static void free_the_next(void *ctx)
{
	(void)ctx;
	p.hits++;
	wd_timer_free(p.timer[1]);
	wd_timer_free(p.timer[0]); /* itself */
}

static void timer_may_free_itself_and_one_that_is_due(void)
{
	set_up();
	wd_timer_new(p.loop, free_the_next, NULL, &p.timer[0]);
	wd_timer_new(p.loop, free_the_next, NULL, &p.timer[1]);
	wd_timer_set(p.timer[0], 0);
	wd_timer_set(p.timer[1], 0);
	stop_after(20);

	wd_loop_run(p.loop);

	wd_expect_int(1, p.hits);
	tear_down();
}

static void stopped_timer_stays_silent_and_a_later_set_wins(void)
{
	static int number[2] = { 0, 1 };

	set_up();
	for (int i = 0; i < 2; i++) {
		wd_timer_new(p.loop, note, &number[i], &p.timer[i]);
		wd_timer_set(p.timer[i], 1);
	}
	wd_timer_stop(p.timer[0]);
	wd_timer_set(p.timer[1], 1000);
	stop_after(20);

	wd_loop_run(p.loop);

	wd_expect_int(0, p.order_cnt);
	wd_expect(wd_timer_armed(p.timer[1]));
	tear_down();
}

static void on_signal(void *ctx, int signo)
{
	(void)ctx;
	p.hits = signo;
	wd_loop_stop(p.loop, 0);
}

static void signal_is_a_callback_of_the_loop(void)
{
	static const int signo[] = { SIGUSR1, SIGUSR2, 0 };

	set_up();
	wd_expect_int(0, wd_loop_signals(p.loop, signo, on_signal, NULL));
	(void)kill(getpid(), SIGUSR2);
	stop_after(1000);

	wd_expect_int(0, wd_loop_run(p.loop));

	wd_expect_int(SIGUSR2, p.hits);
	tear_down();
}

static void stop_before_run_is_kept(void)
{
	set_up();
	wd_loop_stop(p.loop, 3);

	wd_expect_int(3, wd_loop_run(p.loop));
	tear_down();
}

/* ---- log ---- */

static void escape_keeps_text_and_marks_the_rest(void)
{
	static const struct {
		const char *name, *text, *expected;
	} rows[] = {
		{ "plain", "pod 'a/b'", "pod 'a/b'" },
		{ "UTF-8", "K\xc3\xb6ln \xe2\x82\xac",
		  "K\xc3\xb6ln \xe2\x82\xac" },
		{ "new line", "a\nb\r", "a\\x0ab\\x0d" },
		{ "escape sequence", "\x1b[2J", "\\x1b[2J" },
		{ "C1 control",
		  "\xc2\x9b"
		  "2J",
		  "\\xc2\\x9b2J" },
		/* NOLINTNEXTLINE(misc-misleading-bidirectional): what is tested */
		{ "bidi override", "\xe2\x80\xae", "\\xe2\\x80\\xae" },
		{ "not UTF-8", "a\xff", "a\\xff" },
		{ "cut short", "a\xe2\x82", "a\\xe2\\x82" },
		{ "overlong", "\xc0\xaf", "\\xc0\\xaf" },
		{ "surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80" },
	};
	char buf[64];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		wd_expect_str(rows[i].expected,
			      wd_log_escape(rows[i].text, buf, sizeof(buf)));
	}
}

static void escape_stays_inside_its_buffer(void)
{
	char buf[16];

	for (size_t size = 1; size <= sizeof(buf); size++) {
		memset(buf, 'Z', sizeof(buf));
		wd_log_escape("\n\n\n\n\n\xe2\x82\xac", buf, size);
		wd_expect(strlen(buf) < size);
		wd_expect(size == sizeof(buf) || buf[size] == 'Z');
	}
}

/* What a call writes to stderr. */
static void captured(char *buf, size_t size, enum wd_log_level level,
		     const char *text)
{
	int pipe_fd[2];
	int saved = dup(STDERR_FILENO);
	ssize_t cnt;

	if (saved < 0 || pipe2(pipe_fd, O_CLOEXEC | O_NONBLOCK))
		return;
	(void)dup2(pipe_fd[1], STDERR_FILENO);
	wd_log(level, "pod '%s': no address", text);
	(void)dup2(saved, STDERR_FILENO);
	cnt = read(pipe_fd[0], buf, size - 1);
	buf[cnt > 0 ? cnt : 0] = '\0';
	(void)close(saved);
	(void)close(pipe_fd[0]);
	(void)close(pipe_fd[1]);
}

static void message_is_one_line_with_its_level(void)
{
	static char buf[2048];
	static char big[3000];

	captured(buf, sizeof(buf), WD_LOG_WARN, "x\ny");
	wd_expect_str("warning: pod 'x\\x0ay': no address\n", buf);

	captured(buf, sizeof(buf), WD_LOG_DEBUG, "x");
	wd_expect_str("", buf);

	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	captured(buf, sizeof(buf), WD_LOG_ERR, big);
	wd_expect(strlen(buf) > 800);
	wd_expect_str("...\n", buf + strlen(buf) - 4);
}

static void errno_has_its_symbol(void)
{
	wd_expect_str("-ENOENT", wd_errno(-ENOENT));
	wd_expect_str("-EXDEV", wd_errno(EXDEV));
	wd_expect_str("-errno 4000", wd_errno(-4000));
}

int main(void)
{
	WD_TEST(callback_may_remove_a_source_that_is_also_ready);
	WD_TEST(event_of_a_closed_descriptor_does_not_reach_its_successor);
	WD_TEST(descriptor_is_added_once);
	WD_TEST(timers_fire_in_order_of_time_not_of_setting);
	WD_TEST(timer_that_sets_itself_to_zero_does_not_hold_the_loop);
	WD_TEST(timer_may_free_itself_and_one_that_is_due);
	WD_TEST(stopped_timer_stays_silent_and_a_later_set_wins);
	WD_TEST(signal_is_a_callback_of_the_loop);
	WD_TEST(stop_before_run_is_kept);
	WD_TEST(escape_keeps_text_and_marks_the_rest);
	WD_TEST(escape_stays_inside_its_buffer);
	WD_TEST(message_is_one_line_with_its_level);
	WD_TEST(errno_has_its_symbol);
	return wd_tests_end();
}
