/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hash.h - uthash, by a hash that nobody can steer, and which without memory
 * ends the program as xalloc.h does: with a message. Who can go on without
 * memory defines HASH_NONFATAL_OOM before.
 *
 * The only place that takes in the library's header: objects that disagree about
 * the hash would not find what the others keep.
 */
#ifndef WARDER_HASH_H
#define WARDER_HASH_H

#include "../base/siphash.h"
#include "xalloc.h"

#define HASH_FUNCTION(at, len, ret) ((ret) = wd_hash((at), (len)))
#ifndef HASH_NONFATAL_OOM
#define uthash_fatal(msg) wd_xfail()
#endif
#include <uthash.h>

#endif /* WARDER_HASH_H */
