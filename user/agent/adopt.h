/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * adopt.h - handing the maps of the agent before to the model; and drift.
 */
#ifndef WARDER_ADOPT_H
#define WARDER_ADOPT_H

#include <stdbool.h>

struct wd_agent;

/**
 * wd_adopt() - tell the model what is in the kernel, if a generation is in force there
 * Return: 0, or -errno of reading a map.
 */
int wd_adopt(struct wd_agent *agent);

/** wd_adopt_max_endpoint_id() - highest instance number in the kernel, 0 none */
unsigned int wd_adopt_max_endpoint_id(struct wd_agent *agent);

/**
 * wd_drift_check() - compare maps and pins with what was written, repair and count
 * Does nothing while a commit is due.
 * Return: entries found wrong, or -errno.
 */
int wd_drift_check(struct wd_agent *agent);

/**
 * wd_drift_tell() - count @found things that were not as they should be, and tell of them
 * @repaired: they are again
 */
void wd_drift_tell(struct wd_agent *agent, int found, bool repaired,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif /* WARDER_ADOPT_H */
