/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * page.h - colours of the pages, by what they mean, on paper and screen and on a
 * dark screen. tools/kernels/page.py has the same; selftests/doc/test_pages.py
 * compares them, and text with what it stands on (WCAG 2, 4.5 to 1).
 */
#ifndef WARDER_PAGE_H
#define WARDER_PAGE_H

/* What is text, dimmed text, a good or bad sign, or open; behind it: page, card, cells. */
#define WD_PAGE_COLOURS \
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#4d5761;" \
	"--line:#d8dee4;--card:#f6f8fa;--good:#14713d;--bad:#b42318;" \
	"--open:#8a5a00;--bar:#2f6f9a;--yes:#e6f4ea;--no:#fdecea;" \
	"--both:#fff4e0}\n" \
	"@media screen and (prefers-color-scheme:dark){:root{--bg:#14181d;" \
	"--fg:#e6e9ed;--dim:#9aa5b1;--line:#313a44;--card:#1c2229;" \
	"--good:#4cc26c;--bad:#ff8a7a;--open:#e0b04a;--bar:#5b9bd5;" \
	"--yes:#12301c;--no:#3b1a18;--both:#362a10}}\n"

#endif /* WARDER_PAGE_H */
