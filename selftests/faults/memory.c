/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory.c - memory that is not there. What libc itself takes by these names is
 * asked for, too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "strike.h"

/* glibc's own, which need no look-up: that one takes memory itself. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t cnt, size_t size);
extern void *__libc_realloc(void *ptr, size_t size);

#define STRUCK wd_struck(WD_STRIKE_MEMORY, __builtin_return_address(0))

void *malloc(size_t size)
{
	return STRUCK ? NULL : __libc_malloc(size);
}

void *calloc(size_t cnt, size_t size)
{
	return STRUCK ? NULL : __libc_calloc(cnt, size);
}

void *realloc(void *ptr, size_t size)
{
	return STRUCK ? NULL : __libc_realloc(ptr, size);
}

void *reallocarray(void *ptr, size_t cnt, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(cnt, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return STRUCK ? NULL : __libc_realloc(ptr, bytes);
}

static char *copy_of(const char *s, size_t len)
{
	char *copy = __libc_malloc(len + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *strdup(const char *s)
{
	return STRUCK ? NULL : copy_of(s, strlen(s));
}

char *strndup(const char *s, size_t len)
{
	return STRUCK ? NULL : copy_of(s, strnlen(s, len));
}
