/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_yaml.c - any bytes as a YAML manifest.
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_manifest("f.yaml", data, size);
	return 0;
}
