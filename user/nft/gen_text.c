/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_text.c - how a chain is written, and what counters are called.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model/xalloc.h"
#include "nft/gen_int.h"

void wd_nft_begin(struct wd_nft_gen *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(g->name, sizeof(g->name), fmt, ap);
	va_end(ap);
	g->text = NULL;
	g->out = wd_xtext_open(&g->text, &g->text_len);
}

void wd_nft_rule(struct wd_nft_gen *g, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(g->out, fmt, ap);
	va_end(ap);
	fputc('\n', g->out);
}

void wd_nft_end(struct wd_nft_gen *g, const char *hook)
{
	wd_xtext_close(g->out, &g->text);
	g->out = NULL;
	wd_nft_chain(g->rs, g->family, g->name, hook, g->text);
	g->text = NULL;
}

#define NAME_(name, nr, drop, help) [nr] = #name,
static const char *const names[WD_R__MAX] = { WD_REASONS(NAME_) };
#undef NAME_

static const char *count(struct wd_nft_gen *g, const char *kind,
			 enum wd_reason reason, enum wd_dir dir)
{
	char *to = g->count[g->count_at++ % 8], *name;
	size_t size = sizeof(g->count[0]);

	(void)snprintf(to, size, "counter name %s%s_%s", kind, names[reason],
		       wd_nft_way(dir));
	name = to + sizeof("counter name ") - 1;
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	wd_nft_counter(g->rs, g->family, name);
	return to;
}

const char *wd_nft_count(struct wd_nft_gen *g, enum wd_reason reason,
			 enum wd_dir dir)
{
	return count(g, "", reason, dir);
}

const char *wd_nft_audit(struct wd_nft_gen *g, enum wd_reason reason,
			 enum wd_dir dir)
{
	return count(g, "audit_", reason, dir);
}

const char *wd_nft_is(const struct wd_nft_gen *g, int version)
{
	if (g->family == WD_NFT_INET)
		return version == 4 ? "meta nfproto ipv4" : "meta nfproto ipv6";
	return version == 4 ? "ether type ip" : "ether type ip6";
}

const char *wd_nft_way(enum wd_dir dir)
{
	return dir == WD_INGRESS ? "in" : "out";
}

char wd_nft_letter(enum wd_dir dir)
{
	return dir == WD_INGRESS ? 'i' : 'e';
}
