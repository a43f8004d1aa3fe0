/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.h - uthash, which without memory ends the program as xalloc.h does: with
 * a message.
 */
#ifndef WARDER_HASH_H
#define WARDER_HASH_H

#include "xalloc.h"

#define uthash_fatal(msg) wd_xfail()
#include <uthash.h>

#endif /* WARDER_HASH_H */
