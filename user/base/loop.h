/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * loop.h - the agent's single event loop: descriptors, timers, signals over epoll.
 *
 * Callbacks run one at a time and must not block. A callback may remove any
 * source, also its own.
 */
#ifndef WARDER_LOOP_H
#define WARDER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct wd_loop;
struct wd_timer;

typedef void (*wd_loop_fd_fn)(void *ctx, int fd, uint32_t events);
typedef void (*wd_loop_timer_fn)(void *ctx);
typedef void (*wd_loop_signal_fn)(void *ctx, int signo);

int wd_loop_new(struct wd_loop **ret_loop);
void wd_loop_free(struct wd_loop *loop);

/** wd_loop_add() - watch @fd for EPOLLIN/EPOLLOUT events; 0 or -errno */
int wd_loop_add(struct wd_loop *loop, int fd, uint32_t events, wd_loop_fd_fn fn,
		void *ctx);
int wd_loop_mod(struct wd_loop *loop, int fd, uint32_t events);
void wd_loop_del(struct wd_loop *loop, int fd);

/** wd_timer_new() - a timer, not armed; one timerfd for all; freed with the loop or by wd_timer_free() */
int wd_timer_new(struct wd_loop *loop, wd_loop_timer_fn fn, void *ctx,
		 struct wd_timer **ret_timer);
/** wd_timer_set() - fire once after @ms milliseconds (0 = next turn) */
void wd_timer_set(struct wd_timer *timer, uint64_t ms);
void wd_timer_stop(struct wd_timer *timer);
bool wd_timer_armed(const struct wd_timer *timer);
void wd_timer_free(struct wd_timer *timer);

/** wd_loop_signals() - block @signo.. (0-terminated list) and deliver them to @fn */
int wd_loop_signals(struct wd_loop *loop, const int *signo,
		    wd_loop_signal_fn fn, void *ctx);

/** wd_loop_run() - until wd_loop_stop(); returns its code or -errno of epoll */
int wd_loop_run(struct wd_loop *loop);
void wd_loop_stop(struct wd_loop *loop, int code);

#endif /* WARDER_LOOP_H */
