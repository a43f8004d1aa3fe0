/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * since.h - a point in time, as a person says it.
 */
#ifndef WARDER_SINCE_H
#define WARDER_SINCE_H

#include <stdint.h>

/**
 * wd_since_parse() - "90s", "15m", "24h", "7d" before @now_s, or a time in UTC
 * @text: a time is YYYY-MM-DD, or YYYY-MM-DDTHH:MM[:SS]Z
 * @now_s: seconds since the epoch
 * Return: 0; -EINVAL it is neither, or no such day; -ERANGE later than @now_s or before 1970.
 */
int wd_since_parse(const char *text, int64_t now_s, int64_t *ret_s);

#endif /* WARDER_SINCE_H */
