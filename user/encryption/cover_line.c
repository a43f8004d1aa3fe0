/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_line.c - words with a checksum. Whoever may write objects chooses
 * names: none of them can end a word or a line.
 */
#include "cover_line.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "../base/opt.h"
#include "cover.h"

#define CRC_DIGITS 8

static unsigned int crc_of(const char *words)
{
	return (unsigned int)crc32(crc32(0, NULL, 0), (const Bytef *)words,
				   (uInt)strlen(words));
}

char *wd_line_seal(const char *words)
{
	char *line = NULL;

	wd_format(&line, "%08x %s\n", crc_of(words), words);
	return line;
}

char *wd_line_open(char *line)
{
	size_t len = strlen(line);
	char *end;
	unsigned long crc;

	if (len < CRC_DIGITS + 2 || line[len - 1] != '\n' ||
	    line[CRC_DIGITS] != ' ')
		return NULL;
	line[len - 1] = '\0';
	crc = strtoul(line, &end, 16);
	if (end != line + CRC_DIGITS || crc != crc_of(end + 1))
		return NULL;
	return end + 1;
}

static bool is_plain(unsigned char c)
{
	return c < 0x80 && (isalnum(c) || (c && strchr("-._:", c)));
}

void wd_word_put(FILE *to, const char *name)
{
	(void)fputc(' ', to);
	if (!*name)
		(void)fputc('%', to);
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (is_plain(c))
			(void)fputc(c, to);
		else
			(void)fprintf(to, "%%%02X", c);
	}
}

/* Cuts the next word off; NULL at the end. */
static char *next_word(struct wd_words *words)
{
	char *word = words->at;
	size_t len;

	if (words->err || !*word) {
		words->err = -EBADMSG;
		return NULL;
	}
	len = strcspn(word, " ");
	words->at += len;
	if (*words->at)
		*words->at++ = '\0';
	if (!len)
		words->err = -EBADMSG;
	return len ? word : NULL;
}

static int hex_of(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int decode(char *word)
{
	char *to = word;

	if (!strcmp(word, "%")) {
		*word = '\0';
		return 0;
	}
	for (const char *at = word; *at; at++) {
		int high, low;

		if (*at != '%') {
			*to++ = *at;
			continue;
		}
		high = hex_of(at[1]);
		low = high < 0 ? -1 : hex_of(at[2]);
		if (low < 0 || high * 16 + low == 0)
			return -EBADMSG;
		*to++ = (char)(high * 16 + low);
		at += 2;
	}
	*to = '\0';
	return 0;
}

const char *wd_word_str(struct wd_words *words)
{
	char *word = next_word(words);

	if (!word)
		return "";
	if (decode(word)) {
		words->err = -EBADMSG;
		return "";
	}
	return word;
}

uint64_t wd_word_u64(struct wd_words *words, int base, uint64_t max)
{
	const char *word = next_word(words);
	uint64_t number;
	char *end;

	if (!word)
		return 0;
	errno = 0;
	number = strtoull(word, &end, base);
	if (!isxdigit((unsigned char)*word) || *end || errno || number > max) {
		words->err = -EBADMSG;
		return 0;
	}
	return number;
}

void wd_word_row_put(FILE *to, const struct wd_cover_row *row)
{
	wd_word_put(to, row->from);
	wd_word_put(to, row->to);
	wd_word_put(to, row->peer);
	(void)fprintf(to, " %s %u %u %" PRIu64 " %" PRIu64,
		      wd_cover_kind_name(row->kind), row->dir, row->family,
		      row->packets, row->bytes);
}

struct wd_cover_row wd_word_row(struct wd_words *words)
{
	struct wd_cover_row row = { 0 };
	int kind;

	row.from = wd_word_str(words);
	row.to = wd_word_str(words);
	row.peer = wd_word_str(words);
	kind = wd_cover_kind_find(wd_word_str(words));
	if (kind < 0)
		words->err = -EBADMSG;
	else
		row.kind = (uint8_t)kind;
	row.dir = (uint8_t)wd_word_u64(words, 10, WD_DIR__MAX - 1);
	row.family = (uint8_t)wd_word_u64(words, 10, 6);
	row.packets = wd_word_u64(words, 10, UINT64_MAX);
	row.bytes = wd_word_u64(words, 10, UINT64_MAX);
	return row;
}

int wd_words_end(struct wd_words *words)
{
	return words->err || *words->at ? -EBADMSG : 0;
}
