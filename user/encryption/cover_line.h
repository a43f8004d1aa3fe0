/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_line.h - lines of the files of the evidence: words with a checksum.
 *
 *	<CRC-32 of what follows the blank, 8 hex digits> <words, by blanks>
 *
 * A name is one word: what is not a letter, a digit or one of "-._:" is written
 * as %XX, an empty one as "%". A line that was cut or changed does not pass.
 */
#ifndef WARDER_COVER_LINE_H
#define WARDER_COVER_LINE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct wd_cover_row;

/* The words of a line that is being read; what was read once failed says so at the end. */
struct wd_words {
	char *at;
	int err; /* 0 or -EBADMSG */
};

/**
 * wd_line_seal() - a whole line of its words
 * @words: without the line feed
 * Return: to be freed; NULL no memory.
 */
char *wd_line_seal(const char *words);

/** wd_line_open() - Return: where the words of a line begin, NULL if it is not whole. Cuts the line feed off */
char *wd_line_open(char *line);

/** wd_word_put() - a blank and a name */
void wd_word_put(FILE *to, const char *name);

/** wd_word_str() - the next name, in place; "" where there is none and in case of an error */
const char *wd_word_str(struct wd_words *words);

/** wd_word_u64() - the next number, in base @base and at most @max */
uint64_t wd_word_u64(struct wd_words *words, int base, uint64_t max);

/** wd_word_row_put() - a row as words, each after a blank */
void wd_word_row_put(FILE *to, const struct wd_cover_row *row);

/** wd_word_row() - the next row; its names are in the line */
struct wd_cover_row wd_word_row(struct wd_words *words);

/** wd_words_end() - is that all. Return: 0, -EBADMSG */
int wd_words_end(struct wd_words *words);

#endif /* WARDER_COVER_LINE_H */
