/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strike.h - which call into libc goes wrong, and what is told of those that
 * were made.
 *
 * A program that preloads libstrike.so, with a file of this layout named by
 * WD_STRIKE, asks it before each call that can fail. The file is shared: whoever
 * runs the program says there what is to happen and reads what did, also after the
 * program was killed. Numbers are of this machine's order.
 */
#ifndef WARDER_SELFTESTS_STRIKE_H
#define WARDER_SELFTESTS_STRIKE_H

#include <stdbool.h>
#include <stdint.h>

#define WD_STRIKE_SITES 8192
#define WD_STRIKE_MODULES 32
#define WD_STRIKE_NAME 64

enum wd_strike_what {
	WD_STRIKE_MEMORY,
	WD_STRIKE_MAP, /* mmap(2) */
	WD_STRIKE_BPF,
	WD_STRIKE_SYSCALL, /* others that libc has no name for */
	WD_STRIKE_OPEN,
	WD_STRIKE_READ,
	WD_STRIKE_WRITE,
	WD_STRIKE_SYNC,
	WD_STRIKE_CLOSE, /* it is closed all the same */
	WD_STRIKE_NAME_OF, /* rename, unlink, mkdir: what a path is of */
	WD_STRIKE_LOOK, /* stat, access, readlink, fcntl */
	WD_STRIKE_SOCKET, /* making, binding, options */
	WD_STRIKE_SEND,
	WD_STRIKE_RECEIVE,
	WD_STRIKE_WAIT, /* epoll, timers, inotify, pipes */
	WD_STRIKE_PROCESS, /* fork, unshare, setns */
	WD_STRIKE__MAX,
};

enum wd_strike_action {
	WD_STRIKE_NOTHING, /* calls are counted */
	WD_STRIKE_FAIL, /* with err, the call is not made */
	WD_STRIKE_KILL, /* SIGKILL before the call */
	WD_STRIKE_HALF, /* the same; of what is written half is */
	WD_STRIKE_STOP, /* SIGSTOP before the call */
};

/* A place that calls: the address behind the call, in a module's file. */
struct wd_strike_site {
	uint64_t at; /* (module + 1) << 48 | offset; 0: free */
	uint64_t call_cnt;
	uint64_t struck_cnt;
	uint32_t what;
	uint32_t pad;
};

struct wd_strike {
	/* said by who runs the program; action is written last */
	uint64_t first; /* the call that is struck, from 1 on */
	uint64_t every; /* and each so many after it; 0: no other */
	uint64_t site; /* calls of it alone count; 0: of all */
	uint32_t whats; /* those of these, a bit each */
	int32_t err;
	uint32_t action;
	/* said by the program */
	uint32_t pid; /* of the first process; only this one is killed */
	uint64_t seen_cnt; /* calls that counted, since who runs it made it 0 */
	uint64_t struck_cnt;
	uint64_t lost_cnt; /* sites that had no room */
	uint64_t struck_site; /* the last */
	char module[WD_STRIKE_MODULES][WD_STRIKE_NAME]; /* "": none */
	struct wd_strike_site place[WD_STRIKE_SITES];
};

/**
 * wd_struck() - does the call that returns to @behind go wrong
 * Return: true, and errno says how; does not return where the program is killed.
 */
bool wd_struck(enum wd_strike_what what, const void *behind);

/** wd_half_struck() - is the program to be killed after half of a write */
bool wd_half_struck(const void *behind);

/** wd_strike_kill() - end this process as a power failure would */
void wd_strike_kill(void);

typedef long (*wd_raw_fn)(long number, ...);

/** wd_strike_raw() - syscall(2) as libc has it, which nobody strikes or counts */
wd_raw_fn wd_strike_raw(void);

/** wd_strike_next() - the function of this name that others would call */
void *wd_strike_next(const char *name);

#endif /* WARDER_SELFTESTS_STRIKE_H */
