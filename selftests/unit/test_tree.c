/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_tree.c - YAML and JSON to trees: what is a number, what is text, which
 * line, and what is refused.
 *
 * Trees are compared as text: {k:v} [v,v] 'text' ~ (null) and a letter before
 * what is plain and no text: b boolean, i integer, n any other number.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "source/tree.h"

#include "../tap.h"

#define OUT_SIZE 4096

struct out {
	char text[OUT_SIZE];
	size_t len;
	unsigned int docs;
	bool lines; /* "3:" before each value */
};

static struct out out;
static struct wd_tree_error error;

static void put(struct out *o, const char *text)
{
	int n = snprintf(o->text + o->len, OUT_SIZE - o->len, "%s", text);

	o->len += o->len + (size_t)n < OUT_SIZE ? (size_t)n :
						  OUT_SIZE - 1 - o->len;
}

static void put_scalar(struct out *o, const struct wd_tree *node)
{
	static const char *const mark[] = {
		[WD_SCALAR_TEXT] = "'",	  [WD_SCALAR_NULL] = "~",
		[WD_SCALAR_BOOL] = "b",	  [WD_SCALAR_INT] = "i",
		[WD_SCALAR_NUMBER] = "n",
	};
	enum wd_scalar kind = wd_tree_scalar(node);

	put(o, mark[kind]);
	if (kind != WD_SCALAR_NULL)
		put(o, node->text);
	if (kind == WD_SCALAR_TEXT)
		put(o, "'");
}

static void put_node(struct out *o, const struct wd_tree *node)
{
	bool map = node->type == WD_TREE_MAP;
	char line[16];
	uint32_t cnt = 0;

	if (node->key) {
		put(o, node->key);
		put(o, ":");
	}
	if (o->lines) {
		(void)snprintf(line, sizeof(line), "%u:", node->line);
		put(o, line);
	}
	if (node->type == WD_TREE_SCALAR) {
		put_scalar(o, node);
		return;
	}
	put(o, map ? "{" : "[");
	for (const struct wd_tree *e = node->child; e; e = e->next, cnt++) {
		put(o, cnt ? "," : "");
		put_node(o, e);
	}
	wd_expect_int(cnt, node->cnt);
	put(o, map ? "}" : "]");
}

static void on_document(void *ctx, const struct wd_tree *root)
{
	struct out *o = ctx;

	put(o, o->docs++ ? " | " : "");
	put_node(o, root);
}

static void clear(bool lines)
{
	memset(&out, 0, sizeof(out));
	memset(&error, 0, sizeof(error));
	out.lines = lines;
}

static int yaml(const char *text, bool lines)
{
	size_t len = strlen(text);
	char *copy = malloc(len ? len : 1);
	int err;

	clear(lines);
	memcpy(copy, text, len); /* no NUL: ASan sees a byte too many */
	err = wd_yaml_read(copy, len, on_document, &out, &error);
	free(copy);
	return err;
}

static int json_bytes(const char *text, size_t len, bool lines)
{
	char *copy = malloc(len + 1);
	int err;

	clear(lines);
	memcpy(copy, text, len);
	err = wd_json_read(copy, len, on_document, &out, &error);
	free(copy);
	return err;
}

static int json(const char *text, bool lines)
{
	return json_bytes(text, strlen(text), lines);
}

/* ---- both ---- */

struct row {
	const char *text;
	const char *tree; /* what was told, also before an error */
	uint32_t line; /* of the error, 0 none */
	const char *why; /* part of the error's text */
};

static void expect_rows(const struct row *row, int (*read)(const char *, bool),
			bool lines)
{
	for (; row->text; row++) {
		wd_test_row(row->text);
		wd_expect_int(row->line ? -EBADMSG : 0, read(row->text, lines));
		wd_expect_str(row->tree, out.text);
		wd_expect_int(row->line, error.line);
		if (row->why && !strstr(error.text, row->why))
			wd_expect_str(row->why, error.text);
		wd_expect_int(row->line != 0, error.text[0] != '\0');
	}
	wd_test_row(NULL);
}

/* ---- YAML ---- */

static void yaml_says_what_is_text_and_what_is_not(void)
{
	static const struct row rows[] = {
		{ "a", "'a'", 0, NULL },
		{ "[a, 'a', \"a\"]", "['a','a','a']", 0, NULL },
		{ "[1, '1', \"1\", -1, 0, -0]", "[i1,'1','1',i-1,i0,i-0]", 0,
		  NULL },
		{ "[+1, 01, 0x1, 0b1, 0o7, 1_0]",
		  "[n+1,n01,n0x1,n0b1,n0o7,n1_0]", 0, NULL },
		{ "[0X1F, 0B1, 0O7, -0x1]", "[n0X1F,n0B1,n0O7,n-0x1]", 0,
		  NULL },
		{ "[1.0, .5, 5., 1e3, 1E+3, -1.5e-3]",
		  "[n1.0,n.5,n5.,n1e3,n1E+3,n-1.5e-3]", 0, NULL },
		{ "[.inf, -.inf, .NaN, +.Inf]", "[n.inf,n-.inf,n.NaN,n+.Inf]",
		  0, NULL },
		{ "[1.2.3, 1e, e3, '-', '+', ., _1, 0x, 0b, 1:30, 10.0.0.0/8]",
		  "['1.2.3','1e','e3','-','+','.','_1','0x','0b','1:30','10.0.0.0/8']",
		  0, NULL },
		{ "[true, True, TRUE, false, False, FALSE]",
		  "[btrue,bTrue,bTRUE,bfalse,bFalse,bFALSE]", 0, NULL },
		{ "[yes, Yes, YES, no, No, NO, on, On, ON, off, Off, OFF]",
		  "[byes,bYes,bYES,bno,bNo,bNO,bon,bOn,bON,boff,bOff,bOFF]", 0,
		  NULL },
		{ "[tRUE, 'true', y, n, oFF, yEs]",
		  "['tRUE','true','y','n','oFF','yEs']", 0, NULL },
		{ "[~, null, Null, NULL, 'null', nULL, '']",
		  "[~,~,~,~,'null','nULL','']", 0, NULL },
		{ "a:\nb: ''\nc:\n- \n-", "{a:~,b:'',c:[~,~]}", 0, NULL },
		{ "a: |\n  x\n  1\nb: >-\n  5\n", "{a:'x\n1\n',b:'5'}", 0,
		  NULL },
		{ "a: x\n  y\n\n  z", "{a:'x y\nz'}", 0, NULL },
		{ "\"\\u00e4 \\t \\\" \\/\"", "'\xc3\xa4 \t \" /'", 0, NULL },
		{ "'it''s'", "'it's'", 0, NULL },
		{ "{}", "{}", 0, NULL },
		{ "[]", "[]", 0, NULL },
		{ "{a: {}, b: [], c: [{}, []]}", "{a:{},b:[],c:[{},[]]}", 0,
		  NULL },
		{ "{1: a, true: b, ~: c, 1.5: d}",
		  "{1:'a',true:'b',~:'c',1.5:'d'}", 0, NULL },
		{},
	};

	expect_rows(rows, yaml, false);
}

static void yaml_documents_are_told_one_by_one(void)
{
	static const struct row rows[] = {
		{ "", "", 0, NULL },
		{ "\n# nothing\n", "", 0, NULL },
		{ "---\n---\n--- ~\n---\nnull\n", "", 0, NULL },
		{ "a\n---\nb\n--- c\n...\n---\nd", "'a' | 'b' | 'c' | 'd'", 0,
		  NULL },
		{ "%YAML 1.1\n---\na: 1\n", "{a:i1}", 0, NULL },
		{ "\xef\xbb\xbf"
		  "a: 1",
		  "{a:i1}", 0, NULL },
		{ "a: 1\r\nb: 2\r\n", "{a:i1,b:i2}", 0, NULL },
		{ "a: 1\n---\nb: [\n", "{a:i1}", 4, "not YAML" },
		{ "a: 1\n---\nb: 'x\n", "{a:i1}", 4, "not YAML" },
		{},
	};

	expect_rows(rows, yaml, false);
}

static void yaml_values_know_their_line(void)
{
	static const struct row rows[] = {
		{ "a: 1\nb:\n  c: 2\n  d:\n  - x\n  - y: z\n",
		  "1:{a:1:i1,b:3:{c:3:i2,d:5:[5:'x',6:{y:6:'z'}]}}", 0, NULL },
		{ "# c\n\n---\na: |\n  t\nb: [1,\n 2]\n",
		  "4:{a:4:'t\n',b:6:[6:i1,7:i2]}", 0, NULL },
		{ "a: &x\n  b: 1\nc: *x\n", "1:{a:1:{b:2:i1},c:3:{b:2:i1}}", 0,
		  NULL },
		{},
	};

	expect_rows(rows, yaml, true);
}

static void yaml_aliases_repeat_what_they_name(void)
{
	static const struct row rows[] = {
		{ "a: &x 1\nb: *x\n", "{a:i1,b:i1}", 0, NULL },
		{ "a: &x '1'\nb: *x\n", "{a:'1',b:'1'}", 0, NULL },
		{ "a: &x {b: [1, 2]}\nc: [*x, *x]\n",
		  "{a:{b:[i1,i2]},c:[{b:[i1,i2]},{b:[i1,i2]}]}", 0, NULL },
		{ "a: &x []\nb: *x\nc: &e {}\nd: *e\ne: &n\nf: *n\n",
		  "{a:[],b:[],c:{},d:{},e:~,f:~}", 0, NULL },
		{ "a: &x 1\nb: &x 2\nc: *x\n", "{a:i1,b:i2,c:i2}", 0, NULL },
		{ "a: &x [&y 1, *y]\nb: *y\nc: *x\n",
		  "{a:[i1,i1],b:i1,c:[i1,i1]}", 0, NULL },
		{ "a: *x\n", "", 1, "names no anchor" },
		{ "&x a\n---\n*x\n", "'a'", 3, "names no anchor" },
		{ "a: &x\n  b: *x\n", "", 2, "names no anchor" },
		{ "a: &x k\n*x : 1\n", "", 2, "write it out" },
		{ "&x k: 1\n", "", 1, "anchor on a field name" },
		{},
	};

	expect_rows(rows, yaml, false);
}

static void yaml_refuses_what_no_object_is(void)
{
	static const struct row rows[] = {
		{ "a: &x {b: 1}\nc:\n  <<: *x\n", "", 3, "merge keys" },
		{ "'<<': 1\n", "{<<:i1}", 0, NULL },
		{ "a: 1\nb: 2\na: 3\n", "", 3,
		  "given twice (first in line 1)" },
		{ "a: 1\n'a': 3\n", "", 2, "given twice" },
		{ "x: {a: 1}\ny: {a: 1}\n", "{x:{a:i1},y:{a:i1}}", 0, NULL },
		{ "{a: b}: c\n", "", 1, "must be text" },
		{ "? [a]\n: c\n", "", 1, "must be text" },
		{ "name: {{ .Values.name }}\n", "", 1, "must be text" },
		{ "a: !mine 1\n", "", 1, "tag '!mine'" },
		{ "a: !mine {}\n", "", 1, "tag '!mine'" },
		{ "a: !!binary aGk=\n", "", 1, "not read" },
		{ "a: !!set {b}\n", "", 1, "not read" },
		{ "a: !!str 1\nb: !!int 1\nc: ! 1\nd: !!map {}\ne: !!seq []\nf: !!str\n",
		  "{a:'1',b:i1,c:'1',d:{},e:[],f:''}", 0, NULL },
		{ "a: \"x\\0y\"\n", "", 1, "NUL" },
		{ "a:\n\t- b\n", "", 2, "not YAML" },
		{ "a: b: c\n", "", 1, "not YAML" },
		{ "a: \xff\n", "", 1, "not UTF-8" },
		{ "a: \x01\n", "", 1, "not UTF-8" },
		{ "a: @x\n", "", 1, "not YAML" },
		{ "a: 'x\n---\ny'\n", "", 2, "not YAML" },
		{},
	};

	expect_rows(rows, yaml, false);
}

/* @open @cnt times, then @close as often. */
static char *nested(const char *open, const char *close, size_t cnt)
{
	size_t len = strlen(open);
	char *text = calloc(cnt, len + 2);

	for (size_t i = 0; i < cnt; i++) {
		memcpy(text + i * len, open, len);
		text[cnt * len + i] = *close;
	}
	return text;
}

static void depth_has_a_limit(void)
{
	static const struct {
		const char *name;
		const char *open;
		const char *close;
		int (*read)(const char *, bool);
	} rows[] = {
		{ "YAML lists", "[", "]", yaml },
		{ "YAML maps", "{a: ", "}", yaml },
		{ "JSON lists", "[", "]", json },
		{ "JSON maps", "{\"a\":", "}", json },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool map = rows[i].open[0] == '{';
		/* The innermost map needs a value: JSON has none here. */
		char *fits =
			nested(rows[i].open, rows[i].close, WD_TREE_DEPTH_MAX);
		char *deep = nested(rows[i].open, rows[i].close,
				    WD_TREE_DEPTH_MAX + 1);

		wd_test_row(rows[i].name);
		if (!map || rows[i].read == yaml)
			wd_expect_int(0, rows[i].read(fits, false));
		wd_expect_int(-EBADMSG, rows[i].read(deep, false));
		wd_expect(strstr(error.text, "levels deep"));
		free(fits);
		free(deep);
	}
	wd_test_row(NULL);
}

static void a_mapping_may_be_large_and_each_field_is_there_once(void)
{
	enum { CNT = 200000 };
	size_t size = (size_t)CNT * 12 + 64;
	char *text = malloc(size);
	size_t len = 0;

	for (int i = 0; i < CNT; i++)
		len += (size_t)snprintf(text + len, size - len, "%s\"k%d\":1",
					i ? "," : "{", i);
	(void)snprintf(text + len, size - len, "}");
	wd_expect_int(0, json(text, false));
	(void)snprintf(text + len, size - len, ",\n\"k7\":1}");
	wd_expect_int(-EBADMSG, json(text, false));
	wd_expect(strstr(error.text, "'k7' is given twice"));
	wd_expect_int(2, error.line);
	free(text);
}

static void on_any(void *ctx, const struct wd_tree *root)
{
	*(uint32_t *)ctx = root->cnt;
}

static void an_object_of_an_api_has_a_limit_of_values(void)
{
	size_t len = 2 * (size_t)WD_TREE_OBJECT_VALUES + 1;
	char *text = malloc(len + 1);
	uint32_t cnt = 0;

	for (size_t i = 0; i < 2; i++) {
		/* the list is a value, too */
		size_t end = len - 2 * (1 - i);

		memset(text, ',', end);
		for (size_t at = 1; at < end; at += 2)
			text[at] = '0';
		text[0] = '[';
		text[end - 1] = ']';
		text[end - 2] = '0';
		if (!i)
			wd_expect_int(0, wd_json_read_object(text, end, on_any,
							     &cnt, &error));
		else
			wd_expect_int(-EBADMSG,
				      wd_json_read_object(text, end, on_any,
							  &cnt, &error));
	}
	wd_expect_int(WD_TREE_OBJECT_VALUES - 1, cnt);
	wd_expect(strstr(error.text, "more than 1048576 values"));
	free(text);
}

/* Ten aliases of what holds ten aliases: small text, huge tree. */
static void alias_bombs_are_refused(void)
{
	static char text[4096];
	size_t len = (size_t)snprintf(text, sizeof(text), "a0: &a0 x\n");

	for (int i = 1; i <= 9; i++) {
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"a%d: &a%d [*a%d", i, i, i - 1);
		for (int k = 0; k < 9; k++)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						", *a%d", i - 1);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "]\n");
		wd_expect_int(i < 5 ? 0 : -EBADMSG, yaml(text, false));
	}
	wd_expect(strstr(error.text, "aliases make more than"));
	wd_expect_int(6, error.line);
}

static void anchors_have_a_limit(void)
{
	static char text[32768];
	size_t len = 0;

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"- &a%d 1\n", i);
	wd_expect_int(0, yaml(text, false));
	(void)snprintf(text + len, sizeof(text) - len, "- &more 1\n");
	wd_expect_int(-EBADMSG, yaml(text, false));
	wd_expect_int(1001, error.line);
}

/* ---- JSON ---- */

static void json_says_what_is_text_and_what_is_not(void)
{
	static const struct row rows[] = {
		{ "\"a\"", "'a'", 0, NULL },
		{ "[1, \"1\", -1, 0, true, \"true\", false, null, \"null\"]",
		  "[i1,'1',i-1,i0,btrue,'true',bfalse,~,'null']", 0, NULL },
		{ "[1.0, 1e3, -1.5E-3, 1E+2]", "[n1.0,n1e3,n-1.5E-3,n1E+2]", 0,
		  NULL },
		{ "{\"a\": {}, \"b\": [], \"c\": [{}, []]}",
		  "{a:{},b:[],c:[{},[]]}", 0, NULL },
		{ "\t{\r\n\"a\"\t:\n1 }\n", "{a:i1}", 0, NULL },
		{ "{\"<<\": 1, \"\": 2, \"~\": 3}", "{<<:i1,:i2,~:i3}", 0,
		  NULL },
		{ "\xef\xbb\xbf{}", "{}", 0, NULL },
		{ "{}\n{}[]1", "{} | {} | [] | i1", 0, NULL },
		{ "null {} null", "{}", 0, NULL },
		{ "", "", 0, NULL },
		{ " \n\t", "", 0, NULL },
		{},
	};

	expect_rows(rows, json, false);
}

static void json_values_know_their_line(void)
{
	static const struct row rows[] = {
		{ "{\n\"a\": 1,\n\"b\": [\n2,\n{\n}],\n\"c\"\n:\n\n3}\n",
		  "1:{a:2:i1,b:3:[4:i2,5:{}],c:10:i3}", 0, NULL },
		{ "\n{}\n[]", "2:{} | 3:[]", 0, NULL },
		{},
	};

	expect_rows(rows, json, true);
}

static void json_escapes_stand_for_characters(void)
{
	static const struct row rows[] = {
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "'\"\\/\b\f\n\r\t'", 0,
		  NULL },
		{ "\"\\u0041\\u00e4\\u20AC\"", "'A\xc3\xa4\xe2\x82\xac'", 0,
		  NULL },
		{ "\"\\ud83d\\ude00\"", "'\xf0\x9f\x98\x80'", 0, NULL },
		{ "\"\\uDBFF\\uDFFF\"", "'\xf4\x8f\xbf\xbf'", 0, NULL },
		{ "{\"\\u0061\": 1}", "{a:i1}", 0, NULL },
		{ "{\"a\": 1,\n\"\\u0061\": 2}", "", 2, "given twice" },
		{ "\"\\u0000\"", "", 1, "bad escape" },
		{ "\"\\ud83d\"", "", 1, "bad escape" },
		{ "\"\\ud83dx\"", "", 1, "bad escape" },
		{ "\"\\ud83d\\n\"", "", 1, "bad escape" },
		{ "\"\\ud83d\\u0041\"", "", 1, "bad escape" },
		{ "\"\\ude00\"", "", 1, "bad escape" },
		{ "\"\\u12\"", "", 1, "bad escape" },
		{ "\"\\u12g4\"", "", 1, "bad escape" },
		{ "\"\\x41\"", "", 1, "bad escape" },
		{ "\"\\U0041\"", "", 1, "bad escape" },
		{ "\"\\", "", 1, "bad escape" },
		{ "\"\\u", "", 1, "bad escape" },
		{ "\"\\ud83d\\u", "", 1, "bad escape" },
		{},
	};

	expect_rows(rows, json, false);
}

static void json_text_must_be_utf8(void)
{
	static const char *const good[] = {
		"\"\x7f\"",
		"\"\xc2\x80\"",
		"\"\xdf\xbf\"",
		"\"\xe0\xa0\x80\"",
		"\"\xed\x9f\xbf\"",
		"\"\xee\x80\x80\"",
		"\"\xef\xbf\xbf\"",
		"\"\xf0\x90\x80\x80\"",
		"\"\xf4\x8f\xbf\xbf\"",
	};
	static const char *const bad[] = {
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc1\xbf\"",
		"\"\xc2\"",
		"\"\xc2",
		"\"\xe0\x80\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xed\xbf\xbf\"",
		"\"\xf0\x80\x80\x80\"",
		"\"\xe2\x82\"",
		"\"\xf0\x9f\x98",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf5\x80\x80\x80\"",
		"\"\xff\"",
		"\"\xfe\"",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		wd_expect_int(0, json(good[i], false));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		wd_test_row(bad[i]);
		wd_expect_int(-EBADMSG, json(bad[i], false));
		wd_expect_int(1, error.line);
	}
	wd_test_row(NULL);
}

static void json_is_strict(void)
{
	static const struct row rows[] = {
		{ "{\n", "", 2, "field name" },
		{ "{\"a\"", "", 1, "colon" },
		{ "{\"a\":", "", 1, "value is missing" },
		{ "{\"a\":1", "", 1, "comma or '}'" },
		{ "[", "", 1, "value is missing" },
		{ "[1", "", 1, "comma or ']'" },
		{ "[1,", "", 1, "value is missing" },
		{ "\"a", "", 1, "not closed" },
		{ "[1,\n]", "", 2, "value is missing" },
		{ "[,1]", "", 1, "value is missing" },
		{ "[1 2]", "", 1, "comma or ']'" },
		{ "{\"a\":1,}", "", 1, "field name" },
		{ "{\"a\" 1}", "", 1, "colon" },
		{ "{\"a\":1 \"b\":2}", "", 1, "comma or '}'" },
		{ "{a:1}", "", 1, "field name" },
		{ "{1:1}", "", 1, "field name" },
		{ "{'a':1}", "", 1, "field name" },
		{ "[1}", "", 1, "comma or ']'" },
		{ "{\"a\":1]", "", 1, "comma or '}'" },
		{ "]", "", 1, "value is missing" },
		{ "{} x", "{}", 1, "no JSON value" },
		{ "{}\n}", "{}", 2, "value is missing" },
		{ "[yes]", "", 1, "double quotes" },
		{ "[True]", "", 1, "no JSON value" },
		{ "[nul]", "", 1, "no JSON value" },
		{ "[nulls]", "", 1, "no JSON value" },
		{ "[01]", "", 1, "no JSON value" },
		{ "[+1]", "", 1, "no JSON value" },
		{ "[.5]", "", 1, "no JSON value" },
		{ "[5.]", "", 1, "no JSON value" },
		{ "[1e]", "", 1, "no JSON value" },
		{ "[-]", "", 1, "no JSON value" },
		{ "[0x1]", "", 1, "no JSON value" },
		{ "[NaN]", "", 1, "no JSON value" },
		{ "// c\n{}", "", 1, "value is missing" },
		{ "\"a\nb\"", "", 1, "control character" },
		{ "\"a\tb\"", "", 1, "control character" },
		{},
	};

	expect_rows(rows, json, false);
}

static void json_does_not_stop_at_a_nul(void)
{
	static const struct {
		const char *name;
		const char *text;
		size_t len;
	} rows[] = {
		{ "between values", "{}\0{}", 5 }, { "in text", "\"a\0b\"", 5 },
		{ "in a key", "{\"a\0\":1}", 8 },  { "at the end", "{}\0", 3 },
		{ "in a number", "[1\0]", 4 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].name);
		wd_expect_int(-EBADMSG,
			      json_bytes(rows[i].text, rows[i].len, false));
	}
	wd_test_row(NULL);
}

/* Every beginning of a text but the whole is refused (or holds nothing), and read within bounds. */
static void truncated_json_is_refused(void)
{
	static const char text[] =
		"{\"a\": [1, \"\\ud83d\\ude00\xe2\x82\xac\", true, {}], "
		"\"b\": {\"c\": null, \"d\": -1.5e-3}}";

	wd_expect_int(0, json(text, false));
	for (size_t len = 1; len < sizeof(text) - 1; len++)
		wd_expect_int(-EBADMSG, json_bytes(text, len, false));
}

/* ---- asking ---- */

static void ask(void *ctx, const struct wd_tree *root)
{
	const struct wd_tree *list = wd_tree_get(root, "list");

	(void)ctx;
	wd_expect_str("x", wd_tree_str(wd_tree_get(root, "text")));
	wd_expect_str(NULL, wd_tree_str(wd_tree_get(root, "number")));
	wd_expect_str(NULL, wd_tree_str(wd_tree_get(root, "bool")));
	wd_expect_str("5", wd_tree_str(wd_tree_get(root, "quoted")));
	wd_expect(!wd_tree_get(root, "none"));
	wd_expect(!wd_tree_get(root, "absent"));
	wd_expect(list && !wd_tree_get(list, "text"));
	wd_expect(!wd_tree_get(wd_tree_get(root, "text"), "text"));
	wd_expect(!wd_tree_get(NULL, "text"));
	wd_expect_str(NULL, wd_tree_str(list));
	wd_expect_str(NULL, wd_tree_str(NULL));
}

static void fields_are_found_null_is_absent(void)
{
	static const char text[] =
		"{text: x, number: 5, bool: yes, quoted: '5', none: null, "
		"list: [text]}";

	wd_expect_int(0, wd_yaml_read(text, strlen(text), ask, NULL, &error));
}

int main(void)
{
	WD_TEST(yaml_says_what_is_text_and_what_is_not);
	WD_TEST(yaml_documents_are_told_one_by_one);
	WD_TEST(yaml_values_know_their_line);
	WD_TEST(yaml_aliases_repeat_what_they_name);
	WD_TEST(yaml_refuses_what_no_object_is);
	WD_TEST(depth_has_a_limit);
	WD_TEST(a_mapping_may_be_large_and_each_field_is_there_once);
	WD_TEST(an_object_of_an_api_has_a_limit_of_values);
	WD_TEST(alias_bombs_are_refused);
	WD_TEST(anchors_have_a_limit);
	WD_TEST(json_says_what_is_text_and_what_is_not);
	WD_TEST(json_values_know_their_line);
	WD_TEST(json_escapes_stand_for_characters);
	WD_TEST(json_text_must_be_utf8);
	WD_TEST(json_is_strict);
	WD_TEST(json_does_not_stop_at_a_nul);
	WD_TEST(truncated_json_is_refused);
	WD_TEST(fields_are_found_null_is_absent);
	return wd_tests_end();
}
