/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock.c - the time of the data path. jiffies start at a number that no
 * interface shows, so the kernel is asked by a program.
 */
#include "clock.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <time.h>

#define SHIFT_DEFAULT 8 /* HZ 250 */
#define SHIFT_MAX 12
#define NS_PER_S 1000000000L

uint32_t wd_clock_shift(void)
{
	struct timespec jiffy;
	uint32_t shift = 0;
	uint64_t hz;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy) || jiffy.tv_sec ||
	    jiffy.tv_nsec <= 0)
		return SHIFT_DEFAULT;
	hz = (uint64_t)(NS_PER_S / jiffy.tv_nsec);
	/* A tick of 3/4 to 3/2 seconds. */
	while (shift < SHIFT_MAX && (4ULL << shift) < 3 * hz)
		shift++;
	return shift;
}

uint64_t wd_clock_tick_ns(void)
{
	struct timespec jiffy;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy) || jiffy.tv_sec ||
	    jiffy.tv_nsec <= 0)
		return NS_PER_S;
	return (uint64_t)jiffy.tv_nsec << wd_clock_shift();
}

/* The program, kept open; -errno if it does not load. */
static int clock_program(void)
{
	static int fd = -1;
	const struct bpf_insn insns[] = {
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },
		{ .code = BPF_ALU64 | BPF_RSH | BPF_K,
		  .imm = (int)wd_clock_shift() },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	if (fd < 0)
		fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "wd_clock", "GPL",
				   insns, sizeof(insns) / sizeof(insns[0]),
				   NULL);
	return fd;
}

int wd_clock_ticks(uint32_t *ret_ticks)
{
	uint8_t frame[64] = { 0 }; /* shorter ones are refused */
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame,
		    .data_size_in = sizeof(frame), .repeat = 1);
	int fd = clock_program();
	int err;

	if (fd < 0)
		return fd;
	err = bpf_prog_test_run_opts(fd, &opts);
	if (!err)
		*ret_ticks = opts.retval;
	return err;
}
