/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_json.c - any bytes as a JSON manifest.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_manifest("f.json", data, size);
	return 0;
}
