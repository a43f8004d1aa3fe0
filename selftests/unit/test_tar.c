// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_tar.c - archives byte by byte. That tar reads them is asked in
 * net/test_report.py.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tar.h"
#include "tap.h"

#define BLOCK 512

struct archive {
	FILE *to;
	char *text;
	size_t len;
};

static void begin(struct archive *archive)
{
	archive->text = NULL;
	archive->len = 0;
	archive->to = open_memstream(&archive->text, &archive->len);
	if (!archive->to)
		abort();
}

static void end(struct archive *archive)
{
	wd_expect_int(0, fclose(archive->to));
	free(archive->text);
}

static void a_file_is_a_header_and_whole_blocks(void)
{
	static const struct {
		const char *name;
		size_t len, blocks;
	} cases[] = {
		{ "empty", 0, 1 },
		{ "one byte", 1, 2 },
		{ "one block", 512, 2 },
		{ "a byte more", 513, 3 },
	};
	static const char data[513] = "x";

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct archive archive;

		wd_test_row(cases[i].name);
		begin(&archive);
		wd_expect_int(0, wd_tar_put(archive.to, "a", 0, data,
					    cases[i].len));
		wd_expect_int(0, fflush(archive.to));
		wd_expect_int((long)cases[i].blocks * BLOCK, (long)archive.len);
		wd_expect_int(0, wd_tar_end(archive.to));
		wd_expect_int((long)(cases[i].blocks + 2) * BLOCK,
			      (long)archive.len);
		end(&archive);
	}
	wd_test_row(NULL);
}

static void a_header_says_name_size_time_and_mode_in_octal(void)
{
	struct archive archive;

	begin(&archive);
	wd_expect_int(0, wd_tar_put(archive.to, "dir/file", 01234567,
				    "ten bytes\n", 10));
	wd_expect_int(0, fflush(archive.to));
	wd_expect_str("dir/file", archive.text);
	wd_expect_str("0000600", archive.text + 100);
	wd_expect_str("00000000012", archive.text + 124);
	wd_expect_str("00001234567", archive.text + 136);
	wd_expect_int('0', archive.text[156]);
	wd_expect(!memcmp(archive.text + 257,
			  "ustar\0"
			  "00",
			  8));
	wd_expect(!memcmp(archive.text + BLOCK, "ten bytes\n\0", 11));
	end(&archive);
}

static void the_sum_is_of_all_bytes_with_its_own_as_spaces(void)
{
	struct archive archive;
	unsigned long sum = 0;

	begin(&archive);
	wd_expect_int(0, wd_tar_put(archive.to, "a", 7, "", 0));
	wd_expect_int(0, fflush(archive.to));
	for (int i = 0; i < BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' :
					     (unsigned char)archive.text[i];
	wd_expect_int((long)sum, strtol(archive.text + 148, NULL, 8));
	wd_expect_int('\0', archive.text[154]);
	wd_expect_int(' ', archive.text[155]);
	end(&archive);
}

static void a_name_that_does_not_fit_is_refused(void)
{
	struct archive archive;
	char name[WD_TAR_NAME_MAX + 2];

	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	begin(&archive);
	wd_expect_int(-ENAMETOOLONG, wd_tar_put(archive.to, name, 0, "", 0));
	wd_expect_int(0, wd_tar_put(archive.to, name + 1, 0, "", 0));
	wd_expect_int(-EFBIG, wd_tar_put(archive.to, "a", 0, "", 1ULL << 33));
	wd_expect_int(0, fflush(archive.to));
	wd_expect_int(BLOCK, (long)archive.len);
	wd_expect_int('\0', archive.text[WD_TAR_NAME_MAX]);
	end(&archive);
}

static void what_cannot_be_written_is_an_error(void)
{
	FILE *full = fopen("/dev/full", "we");

	if (!full)
		abort();
	(void)wd_tar_put(full, "a", 0, "x", 1); /* may stand in the buffer */
	wd_expect_int(-EIO, wd_tar_end(full));
	(void)fclose(full);
}

int main(void)
{
	WD_TEST(a_file_is_a_header_and_whole_blocks);
	WD_TEST(a_header_says_name_size_time_and_mode_in_octal);
	WD_TEST(the_sum_is_of_all_bytes_with_its_own_as_spaces);
	WD_TEST(a_name_that_does_not_fit_is_refused);
	WD_TEST(what_cannot_be_written_is_an_error);
	return wd_tests_end();
}
