// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_trim.c - what was read once leaves memory, and can be read again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/trim.h"
#include "model/xalloc.h"
#include "tap.h"

#define BYTES (4 * 1024 * 1024)
#define PAGE 4096

static const char constants[BYTES] = { 1 };
static char written[BYTES] = { 1 };

static long long resident_file_kb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	long long kb = -1;
	char line[128];
	char *end;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "RssFile:", 8) != 0)
			continue;
		kb = strtoll(line + 8, &end, 10);
		wd_expect_str(" kB\n", end);
	}
	if (f)
		(void)fclose(f);
	return kb;
}

static int sum(const char *bytes)
{
	const volatile char *at = bytes;
	int all = 0;

	for (size_t i = 0; i < BYTES; i += PAGE)
		all += at[i];
	return all;
}

static void constants_leave_memory_and_come_back(void)
{
	long long before;

	wd_expect_int(1, sum(constants));
	before = resident_file_kb();
	wd_expect(before > BYTES / 1024);
	wd_trim();
	wd_expect(resident_file_kb() < before - BYTES / 1024 / 2);
	wd_expect_int(1, sum(constants));
}

static void what_was_written_stays(void)
{
	char *heap = wd_xcalloc(1, BYTES);

	memset(heap, 2, BYTES);
	written[PAGE] = 3;
	wd_trim();
	wd_expect_int(4, sum(written));
	wd_expect_int(2 * BYTES / PAGE, sum(heap));
	free(heap);
}

int main(void)
{
	WD_TEST(constants_leave_memory_and_come_back);
	WD_TEST(what_was_written_stays);
	return wd_tests_end();
}
