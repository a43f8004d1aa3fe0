/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz.h - what a libFuzzer program of this folder looks like, and what ends it.
 */
#ifndef WARDER_SELFTESTS_FUZZ_H
#define WARDER_SELFTESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/** LLVMFuzzerTestOneInput() - read one input; called by libFuzzer, returns 0 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that does not hold is a finding, as a bad access is. */
#define fuzz_expect(condition) \
	do { \
		if (!(condition)) \
			__builtin_trap(); \
	} while (0)

/** fuzz_manifest() - read @data as a file of this name, twice, and look at what came of it */
void fuzz_manifest(const char *path, const uint8_t *data, size_t size);

#endif /* WARDER_SELFTESTS_FUZZ_H */
