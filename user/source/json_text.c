/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * json_text.c - JSON to trees.
 *
 * json-c keeps no line numbers and libyaml refuses legal JSON (tabs, "\/",
 * surrogate pairs), at a tenth of the speed. Strict as RFC 8259, except that
 * values may follow each other. Strings stay in the text, which is changed.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "build.h"
#include "tree.h"

struct reader {
	char *at; /* ends with a NUL at @end */
	char *end;
	uint32_t line;
	struct wd_build b;
};

static void skip_space(struct reader *r)
{
	for (;; r->at++) {
		if (*r->at == '\n')
			r->line++;
		else if (*r->at != ' ' && *r->at != '\t' && *r->at != '\r')
			return;
	}
}

static int hex4(const char *at)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = at[i];

		value <<= 4;
		if (c >= '0' && c <= '9')
			value |= c - '0';
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			value |= (c | 32) - 'a' + 10;
		else
			return -1;
	}
	return value;
}

static char *put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c < 0x800) {
		*out++ = (char)(0xc0 | c >> 6);
	} else {
		if (c < 0x10000) {
			*out++ = (char)(0xe0 | c >> 12);
		} else {
			*out++ = (char)(0xf0 | c >> 18);
			*out++ = (char)(0x80 | (c >> 12 & 63));
		}
		*out++ = (char)(0x80 | (c >> 6 & 63));
	}
	*out++ = (char)(0x80 | (c & 63));
	return out;
}

/* At the character after "\u"; what it stands for, or 0 (also for U+0000). */
static uint32_t read_unicode(char **at)
{
	int high = hex4(*at);
	int low;

	if (high <= 0 || (high >= 0xdc00 && high < 0xe000))
		return 0;
	*at += 4;
	if (high < 0xd800 || high >= 0xe000)
		return (uint32_t)high;
	if ((*at)[0] != '\\' || (*at)[1] != 'u')
		return 0;
	low = hex4(*at + 2);
	if (low < 0xdc00 || low >= 0xe000)
		return 0;
	*at += 6;
	return 0x10000 + ((uint32_t)(high - 0xd800) << 10) +
	       (uint32_t)(low - 0xdc00);
}

/* At the character after a backslash. Return: where to write on, NULL if bad. */
static char *read_escape(char **at, char *out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	char c = *(*at)++;
	const char *found = c ? strchr(from, c) : NULL;
	uint32_t code;

	if (found) {
		*out++ = to[found - from];
		return out;
	}
	if (c != 'u')
		return NULL;
	code = read_unicode(at);
	return code ? put_utf8(out, code) : NULL;
}

/* Bytes of the UTF-8 character at @s, 0 if it is none. */
static size_t utf8_len(const char *s)
{
	uint8_t c = (uint8_t)s[0];
	size_t len = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	uint8_t second = (uint8_t)s[1];

	if (c < 0xc2 || c > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((c == 0xe0 && second < 0xa0) || (c == 0xed && second > 0x9f) ||
	    (c == 0xf0 && second < 0x90) || (c == 0xf4 && second > 0x8f))
		return 0;
	return len;
}

/* After the opening quote. */
static int read_string(struct reader *r, const char **ret_text)
{
	char *start = r->at;
	char *out = start;

	for (;;) {
		uint8_t c = (uint8_t)*r->at;

		if (c == '"')
			break;
		if (c < 0x20)
			return wd_build_fail(
				&r->b, r->line,
				"text is not closed, or holds a control character "
				"(write it as \\n, \\t or \\u....)");
		if (c == '\\') {
			r->at++;
			out = read_escape(&r->at, out);
			if (!out)
				return wd_build_fail(
					&r->b, r->line,
					"bad escape in text, see RFC 8259");
		} else if (c < 0x80) {
			*out++ = *r->at++;
		} else {
			size_t len = utf8_len(r->at);

			if (!len)
				return wd_build_fail(&r->b, r->line,
						     "text is not UTF-8");
			memmove(out, r->at, len);
			out += len;
			r->at += len;
		}
	}
	r->at++;
	*out = '\0';
	*ret_text = start;
	return 0;
}

static bool is_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = strspn(s, "0123456789");
	if (!n || (*s == '0' && n > 1))
		return false;
	s += n;
	if (*s == '.') {
		n = strspn(++s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	if (*s == 'e' || *s == 'E') {
		s++;
		s += *s == '+' || *s == '-';
		n = strspn(s, "0123456789");
		if (!n)
			return false;
		s += n;
	}
	return !*s;
}

/* true, false, null or a number; copied, for the character after it is needed. */
static int read_literal(struct reader *r, const char **ret_text)
{
	size_t len = strspn(
		r->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		       "0123456789+-._");
	char *copy = wd_arena_get(&r->b.arena, len + 1);

	memcpy(copy, r->at, len);
	copy[len] = '\0';
	if (strcmp(copy, "true") != 0 && strcmp(copy, "false") != 0 &&
	    strcmp(copy, "null") != 0 && !is_number(copy))
		return wd_build_fail(
			&r->b, r->line,
			len ? "'%.40s' is no JSON value, text needs double quotes" :
			      "a value is missing%.0s",
			copy);
	r->at += len;
	*ret_text = copy;
	return 0;
}

static int read_key(struct reader *r)
{
	const char *key = NULL;
	int err;

	skip_space(r);
	if (*r->at != '"')
		return wd_build_fail(
			&r->b, r->line,
			"a field name in double quotes is missing (a comma too many?)");
	r->at++;
	err = read_string(r, &key);
	if (!err)
		err = wd_build_key(&r->b, key, false, r->line);
	if (err)
		return err;
	skip_space(r);
	if (*r->at != ':')
		return wd_build_fail(&r->b, r->line,
				     "a colon is missing after '%.60s'", key);
	r->at++;
	return 0;
}

/* Return: 1 if a map or list was opened that has entries. */
static int read_value(struct reader *r)
{
	struct wd_tree *node;
	bool plain = false;
	const char *text = NULL;
	int err;

	skip_space(r);
	if (*r->at == '{' || *r->at == '[') {
		char close = *r->at == '{' ? '}' : ']';

		err = wd_build_open(&r->b,
				    *r->at == '{' ? WD_TREE_MAP : WD_TREE_LIST,
				    r->line);
		if (err)
			return err;
		r->at++;
		skip_space(r);
		if (*r->at != close)
			return 1;
		r->at++;
		return wd_build_close(&r->b);
	}
	if (*r->at == '"') {
		r->at++;
		err = read_string(r, &text);
	} else {
		plain = true;
		err = read_literal(r, &text);
	}
	if (err)
		return err;
	node = wd_build_add(&r->b, WD_TREE_SCALAR, r->line);
	if (!node)
		return -EBADMSG;
	node->text = text;
	node->plain = plain;
	return 0;
}

/* After a value: close what ends here. Return: 1 if another entry follows. */
static int read_end(struct reader *r)
{
	while (r->b.depth) {
		bool map = r->b.frame[r->b.depth - 1].node->type == WD_TREE_MAP;

		skip_space(r);
		if (*r->at == ',') {
			r->at++;
			return 1;
		}
		if (*r->at != (map ? '}' : ']'))
			return wd_build_fail(&r->b, r->line,
					     "a comma or '%c' is missing",
					     map ? '}' : ']');
		r->at++;
		if (wd_build_close(&r->b))
			return -EBADMSG;
	}
	return 0;
}

static int read_document(struct reader *r)
{
	int more;

	do {
		if (wd_build_wants_key(&r->b)) {
			more = read_key(r);
			if (more < 0)
				return more;
		}
		more = read_value(r);
		if (!more)
			more = read_end(r);
	} while (more > 0);
	return more;
}

static int read_all(char *text, size_t len, size_t most, wd_tree_fn fn,
		    void *ctx, struct wd_tree_error *ret_error)
{
	static struct reader
		r; /* big; one reader at a time, the agent has one thread */
	int err = 0;

	memset(&r, 0, sizeof(r));
	r.at = text;
	r.end = text + len;
	r.line = 1;
	r.b.error = ret_error;
	r.b.most = most;
	text[len] = '\0';
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	for (;;) {
		skip_space(&r);
		if (r.at >= r.end)
			break;
		err = read_document(&r);
		if (err)
			break;
		if (!wd_tree_is_null(r.b.root))
			fn(ctx, r.b.root);
		wd_build_reset(&r.b);
	}
	wd_arena_fini(&r.b.arena);
	return err;
}

int wd_json_read(char *text, size_t len, wd_tree_fn fn, void *ctx,
		 struct wd_tree_error *ret_error)
{
	return read_all(text, len, SIZE_MAX, fn, ctx, ret_error);
}

int wd_json_read_object(char *text, size_t len, wd_tree_fn fn, void *ctx,
			struct wd_tree_error *ret_error)
{
	return read_all(text, len, WD_TREE_OBJECT_VALUES, fn, ctx, ret_error);
}
