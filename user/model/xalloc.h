/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xalloc.h - memory that is there, or the program ends with a message.
 *
 * The model holds the node's whole policy; half a policy after a failed malloc
 * would be worse than a restart, which leaves the last generation in force.
 */
#ifndef WARDER_XALLOC_H
#define WARDER_XALLOC_H

#include <stddef.h>
#include <stdio.h>

/** wd_xfail() - say that memory is out, and end with code 1 */
__attribute__((noreturn)) void wd_xfail(void);

/** wd_xcalloc() - zeroed memory for @cnt elements of @size bytes */
void *wd_xcalloc(size_t cnt, size_t size);

/** wd_xrealloc() - as realloc for @cnt elements of @size bytes; new memory is not zeroed */
void *wd_xrealloc(void *ptr, size_t cnt, size_t size);

/** wd_xstrdup() - NULL passes */
char *wd_xstrdup(const char *s);

/** wd_xprintf() - as asprintf */
char *wd_xprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * wd_xtext_open() - a stream into memory, see open_memstream(3)
 * wd_xtext_close() - the text is whole; *@text, the same as before, is the caller's
 */
FILE *wd_xtext_open(char **text, size_t *len);
void wd_xtext_close(FILE *to, char *const *text);

/**
 * wd_grow() - room for one more element of an array that grows by doubling
 * @ptr: the array, @cnt elements in use, *@cap allocated
 * Return: the array, moved or not.
 */
void *wd_grow(void *ptr, size_t cnt, size_t *cap, size_t size);

#endif /* WARDER_XALLOC_H */
