/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_yaml_text.c - a document comes out as YAML that reads as the same one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/yaml_text.h"

#include "../tap.h"

static void expect_yaml(const char *want, const char *json)
{
	struct json_object *obj = json_tokener_parse(json);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!wd_expect(obj && to))
		exit(1);
	wd_yaml_print(to, obj);
	fclose(to);
	wd_expect_str(want, text);
	free(text);
	json_object_put(obj);
}

static void yaml_has_one_key_a_line(void)
{
	expect_yaml("kind: Pod\n"
		    "metadata:\n"
		    "  name: a-b.c\n"
		    "  gone: null\n"
		    "port: 80\n",
		    "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a-b.c\","
		    "\"gone\":null},\"port\":80}");
}

static void yaml_list_stands_where_its_key_stands(void)
{
	expect_yaml("spec:\n"
		    "  types:\n"
		    "  - Ingress\n"
		    "  rules:\n"
		    "  - from:\n"
		    "    - who:\n"
		    "        app: x\n"
		    "    ports:\n"
		    "    - port: 1\n"
		    "      protocol: TCP\n",
		    "{\"spec\":{\"types\":[\"Ingress\"],\"rules\":[{\"from\":["
		    "{\"who\":{\"app\":\"x\"}}],\"ports\":[{\"port\":1,"
		    "\"protocol\":\"TCP\"}]}]}}");
}

static void yaml_empty_things_stay_what_they_are(void)
{
	expect_yaml("podSelector: {}\ningress: []\n",
		    "{\"podSelector\":{},\"ingress\":[]}");
}

static void yaml_quotes_what_could_be_something_else(void)
{
	expect_yaml("a: \"true\"\nb: \"1\"\nc: \"No\"\nd: \"x: y\"\n"
		    "e: \"\"\nf: \"l\\nm\"\ng: \"~\"\n\"1e3\": \"- a\"\n",
		    "{\"a\":\"true\",\"b\":\"1\",\"c\":\"No\",\"d\":\"x: y\","
		    "\"e\":\"\",\"f\":\"l\\nm\",\"g\":\"~\",\"1e3\":\"- a\"}");
}

int main(void)
{
	WD_TEST(yaml_has_one_key_a_line);
	WD_TEST(yaml_list_stands_where_its_key_stands);
	WD_TEST(yaml_empty_things_stay_what_they_are);
	WD_TEST(yaml_quotes_what_could_be_something_else);
	return wd_tests_end();
}
