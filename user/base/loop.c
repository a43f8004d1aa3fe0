/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.c - the agent's event loop over epoll. It owns the order in which
 * callbacks run and nothing that they do.
 *
 * A callback may remove any source, also one whose event waits in the same
 * batch, and a new source may get the same descriptor number. So an epoll
 * event carries no pointer but the descriptor and the number of its
 * registration; an event of an older registration is dropped.
 */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

struct source {
	wd_loop_fd_fn fn; /* NULL: no such source */
	void *ctx;
	uint32_t reg; /* number of the registration */
};

struct wd_timer {
	TAILQ_ENTRY(wd_timer) all;
	TAILQ_ENTRY(wd_timer) due; /* sorted, while armed */
	struct wd_loop *loop;
	wd_loop_timer_fn fn;
	void *ctx;
	uint64_t due_ns;
	bool armed;
};

TAILQ_HEAD(timer_list, wd_timer);

struct signals {
	LIST_ENTRY(signals) link;
	wd_loop_signal_fn fn;
	void *ctx;
	int fd;
};

struct wd_loop {
	int epoll_fd;
	int timer_fd;
	struct source *source; /* by descriptor */
	size_t source_cnt;
	uint32_t next_reg;
	struct timer_list timers;
	struct timer_list armed; /* sorted by due_ns */
	LIST_HEAD(, signals) signals;
	uint64_t programmed_ns; /* what timer_fd is set to, 0 off */
	uint64_t turn_ns; /* timers due until then run in this turn */
	bool stopped;
	int code;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	/* Cannot fail: the clock exists and the address is ours. */
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* ---- descriptors ---- */

static int grow(struct wd_loop *loop, int fd)
{
	size_t cnt = loop->source_cnt ? loop->source_cnt : 64;
	struct source *source;

	if (fd < 0)
		return -EBADF;
	while (cnt <= (size_t)fd)
		cnt *= 2;
	if (cnt == loop->source_cnt)
		return 0;
	source = reallocarray(loop->source, cnt, sizeof(*source));
	if (!source)
		return -ENOMEM;
	memset(source + loop->source_cnt, 0,
	       (cnt - loop->source_cnt) * sizeof(*source));
	loop->source = source;
	loop->source_cnt = cnt;
	return 0;
}

static int control(struct wd_loop *loop, int op, int fd, uint32_t events)
{
	struct epoll_event ev = {
		.events = events,
		.data.u64 = (uint64_t)loop->source[fd].reg << 32 | (uint32_t)fd,
	};

	return epoll_ctl(loop->epoll_fd, op, fd, &ev) ? -errno : 0;
}

static struct source *find_source(struct wd_loop *loop, int fd)
{
	if (fd < 0 || (size_t)fd >= loop->source_cnt || !loop->source[fd].fn)
		return NULL;
	return &loop->source[fd];
}

int wd_loop_add(struct wd_loop *loop, int fd, uint32_t events, wd_loop_fd_fn fn,
		void *ctx)
{
	int err;

	if (find_source(loop, fd))
		return -EEXIST;
	err = grow(loop, fd);
	if (err)
		return err;
	loop->source[fd].reg = loop->next_reg++;
	err = control(loop, EPOLL_CTL_ADD, fd, events);
	if (err)
		return err;
	loop->source[fd].fn = fn;
	loop->source[fd].ctx = ctx;
	return 0;
}

int wd_loop_mod(struct wd_loop *loop, int fd, uint32_t events)
{
	if (!find_source(loop, fd))
		return -ENOENT;
	return control(loop, EPOLL_CTL_MOD, fd, events);
}

void wd_loop_del(struct wd_loop *loop, int fd)
{
	struct source *source = find_source(loop, fd);

	if (!source)
		return;
	/* Fails when the descriptor is closed: then the kernel has done it. */
	(void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	source->fn = NULL;
}

/* ---- timers ---- */

static int program(struct wd_loop *loop)
{
	struct wd_timer *first = TAILQ_FIRST(&loop->armed);
	uint64_t due = first ? first->due_ns : 0;
	struct itimerspec at = {
		.it_value.tv_sec = (time_t)(due / NS_PER_S),
		.it_value.tv_nsec = (long)(due % NS_PER_S),
	};

	if (due == loop->programmed_ns)
		return 0;
	if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL))
		return -errno;
	loop->programmed_ns = due;
	return 0;
}

static void on_timers(void *ctx, int fd, uint32_t events)
{
	struct wd_loop *loop = ctx;
	struct wd_timer *timer;
	uint64_t fired;

	(void)events;
	/* EAGAIN: the first timer was changed meanwhile; look all the same. */
	(void)!read(fd, &fired, sizeof(fired));
	loop->programmed_ns = 0;
	loop->turn_ns = now_ns();
	while ((timer = TAILQ_FIRST(&loop->armed)) &&
	       timer->due_ns <= loop->turn_ns) {
		wd_timer_stop(timer);
		timer->fn(timer->ctx);
	}
}

int wd_timer_new(struct wd_loop *loop, wd_loop_timer_fn fn, void *ctx,
		 struct wd_timer **ret_timer)
{
	struct wd_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return -ENOMEM;
	timer->loop = loop;
	timer->fn = fn;
	timer->ctx = ctx;
	TAILQ_INSERT_TAIL(&loop->timers, timer, all);
	*ret_timer = timer;
	return 0;
}

void wd_timer_set(struct wd_timer *timer, uint64_t ms)
{
	struct wd_loop *loop = timer->loop;
	uint64_t due = now_ns() + ms * NS_PER_MS;
	struct wd_timer *other;

	wd_timer_stop(timer);
	/* A callback that re-arms itself must not hold the turn for ever. */
	if (due <= loop->turn_ns)
		due = loop->turn_ns + 1;
	timer->due_ns = due;
	timer->armed = true;
	TAILQ_FOREACH_REVERSE(other, &loop->armed, timer_list, due)
	{
		if (other->due_ns <= due) {
			TAILQ_INSERT_AFTER(&loop->armed, other, timer, due);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&loop->armed, timer, due);
}

void wd_timer_stop(struct wd_timer *timer)
{
	if (!timer->armed)
		return;
	TAILQ_REMOVE(&timer->loop->armed, timer, due);
	timer->armed = false;
}

bool wd_timer_armed(const struct wd_timer *timer)
{
	return timer->armed;
}

void wd_timer_free(struct wd_timer *timer)
{
	if (!timer)
		return;
	wd_timer_stop(timer);
	TAILQ_REMOVE(&timer->loop->timers, timer, all);
	free(timer);
}

/* ---- signals ---- */

static void on_signals(void *ctx, int fd, uint32_t events)
{
	struct signals *sig = ctx;
	struct signalfd_siginfo info;

	(void)events;
	if (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		sig->fn(sig->ctx, (int)info.ssi_signo);
}

int wd_loop_signals(struct wd_loop *loop, const int *signo,
		    wd_loop_signal_fn fn, void *ctx)
{
	struct signals *sig = calloc(1, sizeof(*sig));
	sigset_t set;
	int err;

	if (!sig)
		return -ENOMEM;
	sigemptyset(&set);
	for (; *signo; signo++)
		sigaddset(&set, *signo);
	sig->fn = fn;
	sig->ctx = ctx;
	sig->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (sig->fd < 0) {
		err = -errno;
		goto err_free;
	}
	err = wd_loop_add(loop, sig->fd, EPOLLIN, on_signals, sig);
	if (err)
		goto err_close;
	/* Last: a blocked signal that nobody reads would be lost. */
	err = -pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (err)
		goto err_del;
	LIST_INSERT_HEAD(&loop->signals, sig, link);
	return 0;

err_del:
	wd_loop_del(loop, sig->fd);
err_close:
	(void)close(sig->fd);
err_free:
	free(sig);
	return err;
}

/* ---- the loop ---- */

int wd_loop_new(struct wd_loop **ret_loop)
{
	struct wd_loop *loop = calloc(1, sizeof(*loop));
	int err;

	if (!loop)
		return -ENOMEM;
	TAILQ_INIT(&loop->timers);
	TAILQ_INIT(&loop->armed);
	LIST_INIT(&loop->signals);
	loop->timer_fd = -1;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		err = -errno;
		goto err_free;
	}
	loop->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0) {
		err = -errno;
		goto err_free;
	}
	err = wd_loop_add(loop, loop->timer_fd, EPOLLIN, on_timers, loop);
	if (err)
		goto err_free;
	*ret_loop = loop;
	return 0;

err_free:
	wd_loop_free(loop);
	return err;
}

void wd_loop_free(struct wd_loop *loop)
{
	struct wd_timer *timer;
	struct signals *sig;

	if (!loop)
		return;
	while ((timer = TAILQ_FIRST(&loop->timers)))
		wd_timer_free(timer);
	while ((sig = LIST_FIRST(&loop->signals))) {
		LIST_REMOVE(sig, link);
		(void)close(sig->fd);
		free(sig);
	}
	if (loop->timer_fd >= 0)
		(void)close(loop->timer_fd);
	if (loop->epoll_fd >= 0)
		(void)close(loop->epoll_fd);
	free(loop->source);
	free(loop);
}

static void dispatch(struct wd_loop *loop, const struct epoll_event *ev)
{
	struct source *source =
		find_source(loop, (int)(ev->data.u64 & 0xffffffff));

	if (source && source->reg == ev->data.u64 >> 32)
		source->fn(source->ctx, (int)(ev->data.u64 & 0xffffffff),
			   ev->events);
}

int wd_loop_run(struct wd_loop *loop)
{
	struct epoll_event ev[BATCH];

	while (!loop->stopped) {
		int err = program(loop);
		int cnt;

		if (err)
			return err;
		cnt = epoll_wait(loop->epoll_fd, ev, BATCH, -1);
		if (cnt < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < cnt && !loop->stopped; i++)
			dispatch(loop, &ev[i]);
	}
	loop->stopped = false;
	return loop->code;
}

void wd_loop_stop(struct wd_loop *loop, int code)
{
	loop->stopped = true;
	loop->code = code;
}
