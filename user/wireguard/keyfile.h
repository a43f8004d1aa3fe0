/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * keyfile.h - this node's private key on disk.
 */
#ifndef WARDER_WG_KEYFILE_H
#define WARDER_WG_KEYFILE_H

#include <stdbool.h>

#include "../model/wgkey.h"

/**
 * wd_wg_keyfile_read() - read the key; the caller wipes it
 * Return: 0; -ENOENT; -ELOOP a symbolic link; -EACCES others than its owner,
 * who must be this user, may read or write it; -EINVAL no key in it; -errno.
 */
int wd_wg_keyfile_read(const char *path, struct wd_wgkey *ret_secret);

/**
 * wd_wg_keyfile_make() - make a new key and keep it in a file that was not there
 * Mode 0600 from its first moment, whole or not at all, and on the disk when
 * this returns.
 * Return: 0; -EEXIST; -errno.
 */
int wd_wg_keyfile_make(const char *path, struct wd_wgkey *ret_secret);

#endif /* WARDER_WG_KEYFILE_H */
