/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.c - messages for people. One message is one line and one write, whatever
 * a label, a pod name or a file name tries to put into it. It decides nothing
 * about which message matters.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES 880 /* longer messages are cut, and show it */

static enum wd_log_level log_level = WD_LOG_INFO;

static const char *const level_text[] = {
	[WD_LOG_ERR] = "error: ",
	[WD_LOG_WARN] = "warning: ",
	[WD_LOG_INFO] = "",
	[WD_LOG_DEBUG] = "debug: ",
};

/*
 * Decode one UTF-8 character. Return: its length, 0 when the bytes are none
 * (overlong, surrogate, beyond Unicode, cut short).
 */
static size_t decode(const unsigned char *s, uint32_t *ret_cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80	   ? 1 :
		     (s[0] & 0xe0) == 0xc0 ? 2 :
		     (s[0] & 0xf0) == 0xe0 ? 3 :
		     (s[0] & 0xf8) == 0xf0 ? 4 :
					     0;
	uint32_t cp;

	if (len < 2) {
		*ret_cp = s[0];
		return len;
	}
	cp = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (s[i] & 0x3f);
	}
	if (cp < least[len] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
		return 0;
	*ret_cp = cp;
	return len;
}

/* Characters that move the cursor, start a line or reorder text. */
static bool is_plain(uint32_t cp)
{
	static const struct {
		uint32_t lo, hi;
	} bad[] = {
		{ 0, 0x1f },	    { 0x7f, 0x9f },	{ 0x61c, 0x61c },
		{ 0x200b, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f },
		{ 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xe0000, 0xe007f },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cp >= bad[i].lo && cp <= bad[i].hi)
			return false;
	return true;
}

char *wd_log_escape(const char *text, char *buf, size_t size)
{
	static const char hex[] = "0123456789abcdef";
	const unsigned char *s = (const unsigned char *)text;
	char *out = buf;

	/* Five: the longest unit, "\xNN" or four bytes, and the NUL. */
	while (*s && (size_t)(out - buf) + 5 <= size) {
		uint32_t cp = 0;
		size_t len = decode(s, &cp);

		if (len && is_plain(cp)) {
			memcpy(out, s, len);
			out += len;
			s += len;
			continue;
		}
		*out++ = '\\';
		*out++ = 'x';
		*out++ = hex[*s >> 4];
		*out++ = hex[*s & 15];
		s++;
	}
	*out = '\0';
	return buf;
}

void wd_log_set(enum wd_log_level level)
{
	log_level = level;
}

void wd_log(enum wd_log_level level, const char *fmt, ...)
{
	int saved = errno;
	char raw[LINE_BYTES];
	char line[LINE_BYTES];
	va_list args;
	int len;

	if (level > log_level)
		return;
	va_start(args, fmt);
	len = vsnprintf(raw, sizeof(raw), fmt, args);
	va_end(args);
	if (len < 0)
		raw[0] = '\0';
	wd_log_escape(raw, line, sizeof(line));
	/* Nobody is left to tell when stderr does not take it. */
	(void)dprintf(STDERR_FILENO, "%s%s%s\n", level_text[level], line,
		      len >= (int)sizeof(raw) ? "..." : "");
	errno = saved;
}

const char *wd_errno(int err)
{
	static char text[4][24];
	static unsigned int next;
	char *out = text[next++ % 4];
	int number = err < 0 ? -err : err;
	const char *name = number ? strerrorname_np(number) : NULL;

	if (name)
		(void)snprintf(out, sizeof(text[0]), "-%s", name);
	else
		(void)snprintf(out, sizeof(text[0]), "-errno %d", number);
	return out;
}
