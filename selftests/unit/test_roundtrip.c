/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_roundtrip.c - one meaning, many spellings. Random valid policies,
 * written as YAML in block and flow style, quoted and plain, and as JSON, give
 * equal objects. WD_SEED=N repeats a run.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "source/load.h"
#include "source/tree.h"

#include "../tap.h"
#include "reading.h"

#define ROUNDS 2000
#define NODES 4096
#define TEXT 262144

/* A document before it is written. */
struct node {
	enum { TEXT_NODE, NUMBER, MAP, LIST } type;
	const char *key;
	const char *text;
	struct node *child;
	struct node *next;
};

enum style { JSON, JSON_WIDE, FLOW, BLOCK };

static struct node pool[NODES];
static size_t used;
static char numbers[NODES][8];
static uint64_t state;

static uint32_t random_below(uint32_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % limit;
}

static bool chance(uint32_t percent)
{
	return random_below(100) < percent;
}

static const char *one_of(const char *const *list, uint32_t cnt)
{
	return list[random_below(cnt)];
}

#define ONE_OF(list) one_of(list, sizeof(list) / sizeof((list)[0]))

/* ---- building ---- */

/* At the end of @parent, below @key where that is a map. */
static struct node *add(struct node *parent, const char *key, int type,
			const char *text)
{
	struct node *node = &pool[used++];
	struct node **at = parent ? &parent->child : NULL;

	if (used == NODES)
		abort();
	*node = (struct node){ .type = type, .key = key, .text = text };
	while (at && *at)
		at = &(*at)->next;
	if (at)
		*at = node;
	return node;
}

static void add_number(struct node *parent, const char *key, uint32_t value)
{
	char *text = numbers[used];

	(void)snprintf(text, sizeof(numbers[0]), "%u", value);
	add(parent, key, NUMBER, text);
}

static const char *const keys[] = { "app", "tier", "example.com/a", "x-1",
				    "kubernetes.io/metadata.name" };
/* Words that are no text without quotes among them. */
static const char *const values[] = { "",	   "web",  "5",	      "true",
				      "no",	   "null", "1.5",     "0x10",
				      "1e3",	   "010",  "a.b_c-d", "off",
				      "2001-01-01" };

static void add_expression(struct node *list)
{
	static const char *const ops[] = { "In", "NotIn", "Exists",
					   "DoesNotExist" };
	struct node *e = add(list, NULL, MAP, NULL);
	const char *op = ONE_OF(ops);

	add(e, "key", TEXT_NODE, ONE_OF(keys));
	add(e, "operator", TEXT_NODE, op);
	if (strchr(op, 'I')) {
		struct node *in = add(e, "values", LIST, NULL);

		for (uint32_t i = 0; i <= random_below(3); i++)
			add(in, NULL, TEXT_NODE, ONE_OF(values));
	} else if (chance(30)) {
		add(e, "values", LIST, NULL);
	}
}

static void add_selector(struct node *parent, const char *key)
{
	struct node *sel = add(parent, key, MAP, NULL);
	struct node *labels = chance(60) ? add(sel, "matchLabels", MAP, NULL) :
					   NULL;
	struct node *exprs =
		chance(50) ? add(sel, "matchExpressions", LIST, NULL) : NULL;

	for (size_t i = 0; labels && i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (chance(30))
			add(labels, keys[i], TEXT_NODE, ONE_OF(values));
	}
	for (uint32_t i = 0; exprs && i < random_below(4); i++)
		add_expression(exprs);
}

static void add_block(struct node *peer)
{
	static const char *const blocks[][2] = {
		{ "10.0.0.0/8", "10.1.0.0/16" },
		{ "0.0.0.0/0", "192.168.0.1/32" },
		{ "::/0", "fd00::/8" },
		{ "2001:db8::/32", "2001:db8:1::/48" },
	};
	const char *const *block = blocks[random_below(4)];
	struct node *map = add(peer, "ipBlock", MAP, NULL);

	add(map, "cidr", TEXT_NODE, block[0]);
	if (chance(50)) {
		struct node *except = add(map, "except", LIST, NULL);

		if (chance(70))
			add(except, NULL, TEXT_NODE, block[1]);
	}
}

static void add_peer(struct node *list)
{
	struct node *peer = add(list, NULL, MAP, NULL);
	uint32_t what = random_below(4);

	if (what == 0) {
		add_block(peer);
		return;
	}
	if (what & 1)
		add_selector(peer, "podSelector");
	if (what & 2)
		add_selector(peer, "namespaceSelector");
}

static void add_port(struct node *list)
{
	static const char *const protos[] = { "TCP", "UDP", "SCTP" };
	static const char *const names[] = { "http", "dns-1", "on", "1e3" };
	struct node *port = add(list, NULL, MAP, NULL);
	uint32_t lo = 1 + random_below(65535);

	if (chance(60))
		add(port, "protocol", TEXT_NODE, ONE_OF(protos));
	if (chance(30)) {
		add(port, "port", TEXT_NODE, ONE_OF(names));
	} else if (chance(80)) {
		add_number(port, "port", lo);
		if (chance(30))
			add_number(port, "endPort",
				   lo + random_below(65536 - lo));
	}
}

static void add_rules(struct node *spec, const char *key, const char *peers)
{
	struct node *rules = add(spec, key, LIST, NULL);

	for (uint32_t i = 0; i < random_below(4); i++) {
		struct node *rule = add(rules, NULL, MAP, NULL);
		struct node *list;

		list = chance(70) ? add(rule, peers, LIST, NULL) : NULL;
		for (uint32_t k = 0; list && k < random_below(4); k++)
			add_peer(list);
		list = chance(70) ? add(rule, "ports", LIST, NULL) : NULL;
		for (uint32_t k = 0; list && k < random_below(4); k++)
			add_port(list);
	}
}

static struct node *make_policy(void)
{
	struct node *doc, *map;

	used = 0;
	doc = add(NULL, NULL, MAP, NULL);
	add(doc, "apiVersion", TEXT_NODE, "networking.k8s.io/v1");
	add(doc, "kind", TEXT_NODE, "NetworkPolicy");
	map = add(doc, "metadata", MAP, NULL);
	add(map, "name", TEXT_NODE, "p");
	add(map, "namespace", TEXT_NODE, "n");
	map = add(doc, "spec", MAP, NULL);
	add_selector(map, "podSelector");
	if (chance(60)) {
		struct node *types = add(map, "policyTypes", LIST, NULL);

		if (chance(70))
			add(types, NULL, TEXT_NODE, "Ingress");
		if (chance(50))
			add(types, NULL, TEXT_NODE, "Egress");
	}
	if (chance(70))
		add_rules(map, "ingress", "from");
	if (chance(60))
		add_rules(map, "egress", "to");
	return doc;
}

/* ---- writing ---- */

struct out {
	char *text;
	size_t len;
};

static void put(struct out *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct out *out, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(out->text + out->len, TEXT - out->len, fmt, args);
	va_end(args);
	if (n < 0 || out->len + (size_t)n >= TEXT)
		abort();
	out->len += (size_t)n;
}

/* Words that plain YAML takes for something else, or that its syntax needs. */
static bool is_plain_text(const char *text)
{
	return wd_text_scalar(text) == WD_SCALAR_TEXT &&
	       !strpbrk(text, ":{}[],") && text[0] != '-';
}

/* The same text as escapes: \u0061. */
static void put_escaped(struct out *out, const char *text)
{
	put(out, "\"");
	for (; *text; text++)
		put(out, chance(50) ? "\\u%04x" : "%c", *text);
	put(out, "\"");
}

static void put_text(struct out *out, const char *text, enum style style)
{
	uint32_t how = style <= JSON_WIDE ? random_below(2) : random_below(4);

	if (how == 0)
		put_escaped(out, text);
	else if (how == 1)
		put(out, "\"%s\"", text);
	else if (how == 2 || !is_plain_text(text))
		put(out, "'%s'", text);
	else
		put(out, "%s", text);
}

static void put_space(struct out *out, enum style style)
{
	static const char *const wide[] = { "", " ", "\t", "\n", "\r\n  " };

	if (style == JSON_WIDE)
		put(out, "%s", ONE_OF(wide));
	else if (style == FLOW)
		put(out, "%s", chance(80) ? " " : "\n      ");
}

static void put_flow(struct out *out, const struct node *node, enum style style)
{
	const char *braces = node->type == MAP ? "{}" : "[]";

	if (node->type == TEXT_NODE || node->type == NUMBER) {
		if (node->type == TEXT_NODE)
			put_text(out, node->text, style);
		else
			put(out, "%s", node->text);
		return;
	}
	put(out, "%c", braces[0]);
	for (const struct node *e = node->child; e; e = e->next) {
		put_space(out, style);
		if (e->key) {
			put_text(out, e->key, style);
			put(out, ":%s", style == FLOW ? " " : "");
			put_space(out, style);
		}
		put_flow(out, e, style);
		put_space(out, style);
		put(out, "%s", e->next ? "," : "");
	}
	put(out, "%c", braces[1]);
}

static void put_block(struct out *out, const struct node *node, int indent)
{
	for (const struct node *e = node->child; e; e = e->next) {
		bool open = (e->type == MAP || e->type == LIST) && e->child &&
			    chance(85);

		if (chance(5))
			put(out, "%*s# a comment: [\n", indent, "");
		put(out, "%*s", indent, "");
		if (e->key)
			put_text(out, e->key, BLOCK);
		put(out, "%s", e->key ? ":" : "-");
		if (open) {
			put(out, "%s\n", chance(10) ? "  # why" : "");
			put_block(out, e, indent + 1 + (int)random_below(4));
			continue;
		}
		put(out, " ");
		put_flow(out, e, FLOW);
		put(out, "%s\n", chance(10) ? "   # why" : "");
	}
}

/* ---- comparing ---- */

static char *write_as(const struct node *doc, enum style style)
{
	struct out out = { .text = malloc(TEXT) };

	if (!out.text)
		abort();
	if (style == BLOCK) {
		put(&out, "%s", chance(50) ? "---\n" : "");
		put_block(&out, doc, 0);
	} else {
		put_flow(&out, doc, style);
	}
	return out.text;
}

static void print_text(const char *name, const char *text)
{
	printf("# %s: ", name);
	for (; *text; text++)
		printf("%s", (char[3]){ *text, *text == '\n' ? '#' : '\0' });
	printf("\n");
}

/* Return: false and both texts printed when they do not mean the same. */
static bool same_meaning(const char *json, const char *yaml, bool is_json)
{
	struct wd_load x, y;
	bool same;

	reading_load(&x, "p.json", json);
	reading_load(&y, is_json ? "q.json" : "p.yaml", yaml);
	same = x.obj_cnt == 1 && y.obj_cnt == 1 && !x.problems.cnt &&
	       !y.problems.cnt && wd_object_equal(x.obj[0], y.obj[0]);
	if (!same) {
		static char a[READING_TEXT];
		static char b[READING_TEXT];

		print_text("one", json);
		print_text("other", yaml);
		wd_expect_str(reading_object(x.obj_cnt ? x.obj[0] : NULL, a),
			      reading_object(y.obj_cnt ? y.obj[0] : NULL, b));
		wd_expect_str(reading_problems(&x.problems, a),
			      reading_problems(&y.problems, b));
		wd_expect(same);
	}
	wd_load_fini(&x);
	wd_load_fini(&y);
	return same;
}

static void every_spelling_means_the_same(void)
{
	bool same = true;

	for (int i = 0; i < ROUNDS && same; i++) {
		const struct node *doc = make_policy();
		char *json = write_as(doc, JSON);

		for (int style = JSON_WIDE; style <= BLOCK && same; style++) {
			char *other = write_as(doc, (enum style)style);

			same = same_meaning(json, other, style == JSON_WIDE);
			free(other);
		}
		free(json);
	}
}

static void load_random(struct wd_load *load, char *text)
{
	char *json = write_as(make_policy(), JSON);

	reading_load(load, "p.json", json);
	if (wd_expect_int(1, (long long)load->obj_cnt))
		(void)reading_object(load->obj[0], text);
	free(json);
}

/* Equal exactly when they read the same; small policies, so that both happen. */
static void other_policies_are_equal_only_if_they_read_the_same(void)
{
	static char a[READING_TEXT];
	static char b[READING_TEXT];
	int same = 0;
	int wrong = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct wd_load x, y;

		load_random(&x, a);
		load_random(&y, b);
		if (x.obj_cnt && y.obj_cnt && strlen(a) < READING_TEXT - 1) {
			bool equal = wd_object_equal(x.obj[0], y.obj[0]);

			same += equal;
			wrong += equal != (strcmp(a, b) == 0);
		}
		wd_load_fini(&x);
		wd_load_fini(&y);
	}
	wd_expect_int(0, wrong);
	wd_expect(same > 0 && same < ROUNDS / 2);
}

int main(void)
{
	const char *seed = getenv("WD_SEED");

	state = seed ? strtoull(seed, NULL, 0) :
		       (uint64_t)time(NULL) * 2654435761U;
	state = state ? state : 1;
	printf("# WD_SEED=%llu\n", (unsigned long long)state);
	WD_TEST(every_spelling_means_the_same);
	WD_TEST(other_policies_are_equal_only_if_they_read_the_same);
	return wd_tests_end();
}
