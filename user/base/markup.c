/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * markup.c - see markup.h. For text between tags and in quoted attributes.
 */
#include "markup.h"

#include <stdarg.h>
#include <stdlib.h>

void wd_markup(FILE *to, const char *fmt, ...)
{
	char *plain = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&plain, fmt, ap) < 0)
		plain = NULL;
	va_end(ap);
	for (const char *at = plain; at && *at; at++) {
		unsigned char c = (unsigned char)*at;

		if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' ||
		    (c < ' ' && c != '\n'))
			(void)fprintf(to, "&#%u;", c < ' ' ? 0xfffdU : c);
		else
			(void)fputc(c, to);
	}
	free(plain);
}
