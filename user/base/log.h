/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.h - messages for people, on stderr: one line, "noun 'name': what failed: -ENOENT".
 */
#ifndef WARDER_LOG_H
#define WARDER_LOG_H

#include <stddef.h>

enum wd_log_level {
	WD_LOG_ERR, /* the command fails */
	WD_LOG_WARN, /* goes on, and the text says so */
	WD_LOG_INFO, /* a state change that an operator wants */
	WD_LOG_DEBUG,
};

/** wd_log_set() - highest level printed; default WD_LOG_INFO */
void wd_log_set(enum wd_log_level level);

/* Control characters in arguments are printed escaped. */
void wd_log(enum wd_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define wd_err(...) wd_log(WD_LOG_ERR, __VA_ARGS__)
#define wd_warn(...) wd_log(WD_LOG_WARN, __VA_ARGS__)
#define wd_info(...) wd_log(WD_LOG_INFO, __VA_ARGS__)
#define wd_debug(...) wd_log(WD_LOG_DEBUG, __VA_ARGS__)

/**
 * wd_log_escape() - copy @text with control, bidi and non-UTF-8 bytes as \xNN
 * @buf: @size bytes, at least 1; what does not fit is cut between characters
 * Return: @buf.
 */
char *wd_log_escape(const char *text, char *buf, size_t size);

/** wd_errno() - "-ENOENT" for -ENOENT or ENOENT; static storage, "-errno 123" for unknown ones */
const char *wd_errno(int err);

#endif /* WARDER_LOG_H */
