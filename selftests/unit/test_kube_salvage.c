/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_kube_salvage.c - whose text that was, of texts that cannot be read.
 */
#include <stdio.h>
#include <string.h>

#include "kube/salvage.h"
#include "tap.h"

#define META \
	"\"metadata\":{\"annotations\":{\"name\":\"no\"}," \
	"\"managedFields\":[{\"name\":\"no\"}],\"name\":\"web\"," \
	"\"namespace\":\"shop\",\"uid\":\"u1\",\"resourceVersion\":\"7\"}"
#define REST "\"spec\":{\"metadata\":{\"name\":\"no\"},\"x\":"

static const struct salvage_case {
	const char *name;
	const char *text;
	bool is_event;
	const char *want; /* "type ns name uid version" */
} cases[] = {
	{ "item", "{" META "," REST "}}", false, " shop web u1 7" },
	{ "metadata last", "{" REST "\"\xff\"}," META "}", false,
	  " shop web u1 7" },
	{ "cut off", "{" META "," REST "[[\"abc", false, " shop web u1 7" },
	{ "cut off in the name", "{\"metadata\":{\"name\":\"we", false,
	  "    " },
	{ "event", "{\"type\":\"DELETED\",\"object\":{" META "," REST "}}}",
	  true, "DELETED shop web u1 7" },
	{ "type last", "{\"object\":{\"type\":\"no\"," META "},\"type\": \"A\"",
	  true, "A shop web u1 7" },
	{ "another one's names",
	  "{\"type\":\"A\",\"other\":{" META "}, \"metadata\":{\"name\":\"x\"}",
	  true, "A    " },
	{ "a name with escapes", "{\"metadata\" : {\"name\" : \"w\\\"eb\"}}",
	  false, "    " },
	{ "an escape at the end", "{\"metadata\":{\"name\":\"w\\", false,
	  "    " },
	{ "no JSON", "]}]} \"<html>", true, "    " },
};

static void names_are_found_in_what_cannot_be_read(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct salvage_case *c = &cases[i];
		static struct wd_kube_salvage s;
		static char told[5 * WD_KUBE_SALVAGE_MAX];

		wd_test_row(c->name);
		wd_kube_salvage(c->text, strlen(c->text), c->is_event, &s);
		(void)snprintf(told, sizeof(told), "%s %s %s %s %s", s.type,
			       s.ns, s.name, s.uid, s.version);
		wd_expect_str(c->want, told);
	}
	wd_test_row(NULL);
}

static const char *of(const struct wd_tree *root, const char *key)
{
	return wd_tree_str(wd_tree_get(wd_tree_get(root, "metadata"), key));
}

static void what_was_found_is_an_object_with_metadata(void)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"n\",\"uid\":\"u\"";
	struct wd_kube_salvage s;
	const struct wd_tree *root;

	wd_kube_salvage(text, strlen(text), false, &s);
	root = wd_kube_salvage_tree(&s);
	wd_expect_str("n", of(root, "name"));
	wd_expect_str("u", of(root, "uid"));
	wd_expect(!of(root, "namespace"));
	wd_kube_salvage("{", 1, false, &s);
	wd_expect(!wd_kube_salvage_tree(&s));
}

static void nuls_in_texts_become_another_character(void)
{
	char text[] = "\"\\u0000\\\\u0000\\\\\\u0000 \\u00001 \\u000";

	wd_kube_salvage_nuls(text, strlen(text));
	wd_expect_str("\"\\ufffd\\\\u0000\\\\\\ufffd \\ufffd1 \\u000", text);
}

int main(void)
{
	WD_TEST(names_are_found_in_what_cannot_be_read);
	WD_TEST(what_was_found_is_an_object_with_metadata);
	WD_TEST(nuls_in_texts_become_another_character);
	return wd_tests_end();
}
