/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_wgkey.c - keys of WireGuard as text, one text for each key.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/wgkey.h"

#include "../tap.h"

#define COUNTED "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void a_key_has_one_text(void)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{ COUNTED, 0 },
		{ "/////////////////////////////////////////w8=", 0 },
		{ "++++++++++++++++++++++++++++++++++++++++++8=", 0 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=", 0 },
		{ "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", -EINVAL },
		{ "", -EINVAL },
		{ "=", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+=", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8==", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", -EINVAL },
		{ " " COUNTED, -EINVAL },
		{ COUNTED "\n", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka xwdHh8=", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka-xwdHh8=", -EINVAL },
		{ "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka=xwdHh8=", -EINVAL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wd_wgkey key = { { 99 } };
		char buf[WD_WGKEY_STRLEN];

		wd_test_row(rows[i].text);
		wd_expect_int(rows[i].err, wd_wgkey_parse(rows[i].text, &key));
		if (rows[i].err)
			wd_expect_int(99, key.byte[0]); /* untouched */
		else
			wd_expect_str(rows[i].text, wd_wgkey_str(&key, buf));
	}
	wd_test_row(NULL);
}

static void bytes_are_in_the_order_of_the_text(void)
{
	struct wd_wgkey key = { 0 };

	wd_expect_int(0, wd_wgkey_parse(COUNTED, &key));
	for (int i = 0; i < WD_WGKEY_LEN; i++)
		wd_expect_int(i, key.byte[i]);
}

static void any_key_is_read_as_it_was_written(void)
{
	for (int i = 0; i < 10000; i++) {
		struct wd_wgkey key, back = { 0 };
		char buf[WD_WGKEY_STRLEN];

		for (int k = 0; k < WD_WGKEY_LEN; k++)
			key.byte[k] = (uint8_t)(random() >> 8);
		if (wd_wgkey_parse(wd_wgkey_str(&key, buf), &back) ||
		    wd_wgkey_compare(&key, &back)) {
			wd_expect_str("the same key", buf);
			return;
		}
	}
}

static void a_wiped_key_is_none(void)
{
	struct wd_wgkey key = { 0 };

	wd_expect_int(0, wd_wgkey_parse(COUNTED, &key));
	wd_expect(!wd_wgkey_is_none(&key));
	wd_wgkey_wipe(&key);
	wd_expect(wd_wgkey_is_none(&key));
}

int main(void)
{
	WD_TEST(a_key_has_one_text);
	WD_TEST(bytes_are_in_the_order_of_the_text);
	WD_TEST(any_key_is_read_as_it_was_written);
	WD_TEST(a_wiped_key_is_none);
	return wd_tests_end();
}
