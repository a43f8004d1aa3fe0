/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * siphash.h - a hash that nobody outside can steer.
 *
 * Names, labels and prefixes in objects are chosen by tenants. By a hash without
 * a secret one of them could put all of his into one chain of a table, and each
 * change would cost as much as he has of them.
 */
#ifndef WARDER_SIPHASH_H
#define WARDER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * wd_hash() - hash @len bytes at @data with the secret of this process
 *
 * The secret is drawn once, at the first call; a child has that of its parent.
 * Hence never to be written to a file or told to another process. A kernel that
 * gives no random bytes ends the program with a message, as without memory.
 * Not thread safe.
 */
uint32_t wd_hash(const void *data, size_t len);

/**
 * wd_siphash() - SipHash-1-3 of @len bytes at @data
 * @key: 128 bits, in the byte order of this machine
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012.
 */
uint64_t wd_siphash(const uint64_t key[2], const void *data, size_t len);

#endif /* WARDER_SIPHASH_H */
