/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * markup.h - text within a page. Names and logs come from whoever may write
 * objects; a browser must never obey them.
 */
#ifndef WARDER_MARKUP_H
#define WARDER_MARKUP_H

#include <stdio.h>

/** wd_markup() - printf whose result has nothing that a browser takes for more than text */
void wd_markup(FILE *to, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif /* WARDER_MARKUP_H */
