/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * wgkey.h - a key of WireGuard and how it is written down.
 *
 * Most are public: by it a peer is known to be a node. What holds a private one
 * wipes it, see wd_wgkey_wipe(), and never prints it.
 */
#ifndef WARDER_WGKEY_H
#define WARDER_WGKEY_H

#include <stdbool.h>
#include <stdint.h>

#define WD_WGKEY_LEN 32
#define WD_WGKEY_STRLEN 45 /* as text, with NUL */

struct wd_wgkey {
	uint8_t byte[WD_WGKEY_LEN];
};

/**
 * wd_wgkey_parse() - read 44 characters of base64, as `wg` writes keys
 * One key has one text: other lengths, blanks, bits that would be lost and the
 * key of nothing but zeros, which means "none" to the kernel, are refused.
 * Return: 0 or -EINVAL.
 */
int wd_wgkey_parse(const char *text, struct wd_wgkey *ret_key);

/** wd_wgkey_str() - print into @buf of WD_WGKEY_STRLEN bytes and return it */
const char *wd_wgkey_str(const struct wd_wgkey *key, char *buf);

/** wd_wgkey_is_none() - is it all zeros */
bool wd_wgkey_is_none(const struct wd_wgkey *key);

/** wd_wgkey_compare() - an order; 0 when equal. For public keys: the time it takes tells where they differ */
int wd_wgkey_compare(const struct wd_wgkey *a, const struct wd_wgkey *b);

/** wd_wgkey_wipe() - overwrite, whatever the compiler thinks of it */
void wd_wgkey_wipe(struct wd_wgkey *key);

#endif /* WARDER_WGKEY_H */
