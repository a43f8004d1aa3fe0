/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wrong_nft.c - a library that stands before libnftables and tells it something
 * else than it was told: for tests of an agent that is given a wrong ruleset.
 *
 * Found by LD_LIBRARY_PATH in place of the real one, whose path is in
 * WD_NFT_REAL. WD_NFT_EDIT names a file of two lines: what is replaced by what,
 * in each command; no file, and nothing is.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct nft_ctx;

struct nft_ctx *nft_ctx_new(uint32_t flags);
void nft_ctx_free(struct nft_ctx *ctx);
int nft_ctx_buffer_output(struct nft_ctx *ctx);
const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx);
int nft_ctx_buffer_error(struct nft_ctx *ctx);
const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx);
void nft_ctx_output_set_flags(struct nft_ctx *ctx, unsigned int flags);
int nft_run_cmd_from_buffer(struct nft_ctx *ctx, const char *buf);

/* ISO C has no cast from an object's to a function's address. */
static void find(void *to, const char *name)
{
	static void *real;
	void *at;

	if (!real)
		real = dlopen(getenv("WD_NFT_REAL"), RTLD_NOW | RTLD_LOCAL);
	at = real ? dlsym(real, name) : NULL;
	if (!at)
		abort();
	memcpy(to, &at, sizeof(at));
}

struct nft_ctx *nft_ctx_new(uint32_t flags)
{
	struct nft_ctx *(*call)(uint32_t flags);

	find(&call, __func__);
	return call(flags);
}

void nft_ctx_free(struct nft_ctx *ctx)
{
	void (*call)(struct nft_ctx *ctx);

	find(&call, __func__);
	call(ctx);
}

int nft_ctx_buffer_output(struct nft_ctx *ctx)
{
	int (*call)(struct nft_ctx *ctx);

	find(&call, __func__);
	return call(ctx);
}

const char *nft_ctx_get_output_buffer(struct nft_ctx *ctx)
{
	const char *(*call)(struct nft_ctx *ctx);

	find(&call, __func__);
	return call(ctx);
}

int nft_ctx_buffer_error(struct nft_ctx *ctx)
{
	int (*call)(struct nft_ctx *ctx);

	find(&call, __func__);
	return call(ctx);
}

const char *nft_ctx_get_error_buffer(struct nft_ctx *ctx)
{
	const char *(*call)(struct nft_ctx *ctx);

	find(&call, __func__);
	return call(ctx);
}

void nft_ctx_output_set_flags(struct nft_ctx *ctx, unsigned int flags)
{
	void (*call)(struct nft_ctx *ctx, unsigned int flags);

	find(&call, __func__);
	call(ctx, flags);
}

/* Return: are there two lines. */
static int read_edit(char from[200], char to[200])
{
	const char *path = getenv("WD_NFT_EDIT");
	FILE *in = path ? fopen(path, "re") : NULL;
	int ok;

	if (!in)
		return 0;
	ok = fgets(from, 200, in) && fgets(to, 200, in);
	fclose(in);
	if (!ok)
		return 0;
	from[strcspn(from, "\n")] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return *from != '\0';
}

int nft_run_cmd_from_buffer(struct nft_ctx *ctx, const char *buf)
{
	int (*call)(struct nft_ctx *ctx, const char *buf);
	char from[200], to[200], *text = NULL;
	const char *at;
	size_t len;
	FILE *out;
	int ret;

	find(&call, __func__);
	if (!read_edit(from, to))
		return call(ctx, buf);
	out = open_memstream(&text, &len);
	if (!out)
		abort();
	while ((at = strstr(buf, from))) {
		fprintf(out, "%.*s%s", (int)(at - buf), buf, to);
		buf = at + strlen(from);
	}
	fputs(buf, out);
	if (fclose(out))
		abort();
	ret = call(ctx, text);
	free(text);
	return ret;
}
