/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wgkey.c - keys of WireGuard as text: base64 of RFC 4648, read strictly, since
 * two texts of one key would be two nodes to whoever compares texts.
 */
#include "wgkey.h"

#include <errno.h>
#include <string.h>

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Return: 0-63, or -1. */
static int digit_value(char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

int wd_wgkey_parse(const char *text, struct wd_wgkey *ret_key)
{
	const size_t used = WD_WGKEY_STRLEN - 2; /* 43, then one "=" */
	struct wd_wgkey key = { 0 };
	uint32_t bits = 0;
	int err = -EINVAL;

	if (strlen(text) != used + 1 || text[used] != '=')
		return -EINVAL;
	for (size_t i = 0, out = 0; i < used; i++) {
		int value = digit_value(text[i]);

		if (value < 0)
			goto out_wipe;
		bits = bits << 6 | (uint32_t)value;
		/* Of each four digits all but the first end a byte. */
		if (i % 4)
			key.byte[out++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	/* 43 digits are 258 bits: the last two must say nothing. */
	if (!(bits & 3) && !wd_wgkey_is_none(&key)) {
		*ret_key = key;
		err = 0;
	}
out_wipe:
	wd_wgkey_wipe(&key);
	return err;
}

const char *wd_wgkey_str(const struct wd_wgkey *key, char *buf)
{
	for (size_t i = 0; i < WD_WGKEY_STRLEN - 2; i++) {
		size_t bit = 6 * i;
		uint32_t pair = (uint32_t)key->byte[bit / 8] << 8;

		if (bit / 8 + 1 < WD_WGKEY_LEN)
			pair |= key->byte[bit / 8 + 1];
		buf[i] = digits[pair >> (10 - bit % 8) & 63];
	}
	buf[WD_WGKEY_STRLEN - 2] = '=';
	buf[WD_WGKEY_STRLEN - 1] = '\0';
	return buf;
}

bool wd_wgkey_is_none(const struct wd_wgkey *key)
{
	uint8_t any = 0;

	for (size_t i = 0; i < WD_WGKEY_LEN; i++)
		any |= key->byte[i];
	return !any;
}

int wd_wgkey_compare(const struct wd_wgkey *a, const struct wd_wgkey *b)
{
	return memcmp(a->byte, b->byte, WD_WGKEY_LEN);
}

void wd_wgkey_wipe(struct wd_wgkey *key)
{
	explicit_bzero(key, sizeof(*key));
}
