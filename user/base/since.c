/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * since.c - see since.h. The forms are few and strict: a report of another
 * time than was meant would be worse than none.
 */
#include "since.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define UNIT_DIGITS 9 /* of a number with a unit: 30 years in seconds */

static int64_t unit_s(char unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	}
	return 0;
}

static int parse_ago(const char *text, int64_t now_s, int64_t *ret_s)
{
	size_t digits = strspn(text, "0123456789");
	int64_t unit = digits ? unit_s(text[digits]) : 0;

	if (!unit || text[digits + 1])
		return -EINVAL;
	if (digits > UNIT_DIGITS)
		return -ERANGE;
	*ret_s = now_s - (int64_t)strtoll(text, NULL, 10) * unit;
	return 0;
}

/* "99" in the form stands for two digits, anything else for itself. */
static bool has_form(const char *text, const char *form)
{
	for (; *form; form++, text++) {
		if (*form == '9' ? !isdigit((unsigned char)*text) :
				   *text != *form)
			return false;
	}
	return !*text;
}

static int parse_utc(const char *text, int64_t *ret_s)
{
	static const char *const forms[][2] = {
		{ "9999-99-99", "%Y-%m-%d" },
		{ "9999-99-99T99:99Z", "%Y-%m-%dT%H:%MZ" },
		{ "9999-99-99T99:99:99Z", "%Y-%m-%dT%H:%M:%SZ" },
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct tm tm = { 0 }, same;
		time_t t;

		if (!has_form(text, forms[i][0]))
			continue;
		if (!strptime(text, forms[i][1], &tm))
			return -EINVAL;
		same = tm;
		t = timegm(&same);
		/* the 31st of a month that has none became another day */
		if (same.tm_mday != tm.tm_mday || same.tm_mon != tm.tm_mon)
			return -EINVAL;
		*ret_s = t;
		return 0;
	}
	return -EINVAL;
}

int wd_since_parse(const char *text, int64_t now_s, int64_t *ret_s)
{
	int64_t s = 0;
	int err = strchr(text, '-') ? parse_utc(text, &s) :
				      parse_ago(text, now_s, &s);

	if (err)
		return err;
	if (s < 0 || s > now_s)
		return -ERANGE;
	*ret_s = s;
	return 0;
}
