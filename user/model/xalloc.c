/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xalloc.c - memory that is there, or the program ends with a message.
 */
#include "xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void wd_xfail(void)
{
	(void)fputs(
		"warder: out of memory; enforcement goes on with the last generation\n",
		stderr);
	exit(1);
}

static void *must(void *ptr)
{
	if (!ptr)
		wd_xfail();
	return ptr;
}

void *wd_xcalloc(size_t cnt, size_t size)
{
	return must(calloc(cnt ? cnt : 1, size ? size : 1));
}

void *wd_xrealloc(void *ptr, size_t cnt, size_t size)
{
	return must(reallocarray(ptr, cnt ? cnt : 1, size));
}

char *wd_xstrdup(const char *s)
{
	return s ? must(strdup(s)) : NULL;
}

char *wd_xprintf(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;
	int n;

	va_start(args, fmt);
	n = vasprintf(&text, fmt, args);
	va_end(args);
	return must(n < 0 ? NULL : text);
}

FILE *wd_xtext_open(char **text, size_t *len)
{
	return must(open_memstream(text, len));
}

void wd_xtext_close(FILE *to, char *const *text)
{
	int cut = ferror(to);

	/* Half a text would be another one's; for none fclose(3) succeeds. */
	if (fclose(to) || cut || !*text)
		wd_xfail();
}

void *wd_grow(void *ptr, size_t cnt, size_t *cap, size_t size)
{
	if (cnt < *cap)
		return ptr;
	*cap = *cap ? *cap * 2 : 2;
	return wd_xrealloc(ptr, *cap, size);
}
