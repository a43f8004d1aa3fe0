// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cover_report.c - the report as data and as a page: sums agree with what
 * was counted, each path that is not covered is there when it is, and nothing
 * that a name holds becomes more than text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/encryption.h"
#include "encryption/cover_report.h"
#include "encryption/evidence.h"
#include "encryption/uncovered.h"
#include "tap.h"

#define EVIL "<script>\"a'&\x01"

static void add(struct wd_cover *cover, const char *from, const char *to,
		const char *peer, enum wd_cover_kind kind, uint64_t packets)
{
	struct wd_cover_row row = {
		.from = from,
		.to = to,
		.peer = peer,
		.kind = (uint8_t)kind,
		.dir = *to == 'x' ? WD_INGRESS : WD_EGRESS,
		.family = packets % 2 ? 4 : 6,
		.packets = packets,
		.bytes = packets * 1000,
	};

	wd_cover_add(cover, &row);
}

static struct json_object *requirement(const char *json)
{
	struct json_object *req = json_tokener_parse(json);

	wd_expect(req != NULL);
	return req;
}

static struct wd_evidence_sum sum_of_all(void)
{
	struct wd_evidence_sum sum = {
		.cover = wd_cover_new(),
		.from_s = 1800000000,
		.to_s = 1800086400,
		.known_s = 86000,
		.required_s = 80000,
		.gap_s = 400,
		.gap_cnt = 1,
		.gap[0] = { 1800000300, 1800000700, 400 },
	};

	add(sum.cover, "shop", "db", "node-2", WD_COVER_WIREGUARD, 10);
	add(sum.cover, "shop", "db", "node-2", WD_COVER_WIREGUARD, 11);
	add(sum.cover, "shop", "db", "node-3", WD_COVER_DROPPED, 1);
	add(sum.cover, "db", "x", "node-2", WD_COVER_WIREGUARD, 20);
	add(sum.cover, EVIL, "?", EVIL, WD_COVER_HBONE, 3);
	add(sum.cover, "", "", "node-2", WD_COVER_ESP, 5);
	add(sum.cover, "", "shop", "", WD_COVER_EXEMPT, 7);
	return sum;
}

static struct json_object *report_of_all(void)
{
	struct wd_evidence_sum sum = sum_of_all();
	struct json_object *doc = wd_cover_report(
		&sum, "node-1", 1800000000,
		requirement("{\"pods\":\"required\",\"nodes\":\"none\","
			    "\"judged\":true,\"node\":\"node-1\","
			    "\"node_names\":[\"node-1\",\"node-2\"]}"));

	wd_evidence_sum_fini(&sum);
	return doc;
}

/* Packets of everything in an array of groups. */
static int64_t packets_in(struct json_object *doc, const char *key)
{
	int64_t packets = 0;

	for (size_t i = 0; i < wd_json_len(doc, key); i++) {
		struct json_object *counts =
			wd_json_get(wd_json_at(doc, key, i), "counts");

		json_object_object_foreach(counts, kind, count) {
			(void)kind;
			packets += wd_json_get_int(count, "packets");
		}
	}
	return packets;
}

static struct json_object *group_of(struct json_object *doc, const char *key,
				    const char *name, const char *value)
{
	for (size_t i = 0; i < wd_json_len(doc, key); i++) {
		struct json_object *group = wd_json_at(doc, key, i);

		if (!strcmp(value, wd_json_get_str(group, name)))
			return group;
	}
	return NULL;
}

static void every_way_of_adding_up_gives_the_same_sum(void)
{
	struct json_object *doc = report_of_all();
	int64_t rows = 0, kinds = 0;

	for (size_t i = 0; i < wd_json_len(doc, "rows"); i++)
		rows += wd_json_get_int(wd_json_at(doc, "rows", i), "packets");
	for (size_t i = 0; i < wd_json_len(doc, "kinds"); i++) {
		struct json_object *kind = wd_json_at(doc, "kinds", i);

		kinds +=
			wd_json_get_int(wd_json_get(kind, "egress"), "packets");
		kinds += wd_json_get_int(wd_json_get(kind, "ingress"),
					 "packets");
	}
	wd_expect_int(57, rows);
	wd_expect_int(57, kinds);
	wd_expect_int(57, packets_in(doc, "namespaces"));
	wd_expect_int(57, packets_in(doc, "nodes"));
	wd_expect_int(WD_COVER__MAX, (long long)wd_json_len(doc, "kinds"));
	wd_expect_int(41000, (long long)wd_encryption_bytes(doc, "proven"));
	wd_expect_int(56000, (long long)wd_encryption_bytes(doc, NULL));
	json_object_put(doc);
}

static void pairs_are_told_apart_and_their_kinds_too(void)
{
	struct json_object *doc = report_of_all(), *pair, *counts;

	pair = group_of(doc, "namespaces", "from", "shop");
	counts = wd_json_get(pair, "counts");
	wd_expect_str("db", wd_json_get_str(pair, "to"));
	wd_expect_int(21, wd_json_get_int(wd_json_get(counts, "wireguard"),
					  "packets"));
	wd_expect_int(1000,
		      wd_json_get_int(wd_json_get(counts, "dropped"), "bytes"));
	wd_expect(!wd_json_get(counts, "clear"));
	/* out to node-2: WireGuard and ESP; in from it: the db's */
	wd_expect_int(5, (long long)wd_json_len(doc, "nodes"));
	pair = group_of(doc, "nodes", "peer", "node-2");
	wd_expect_str("node-1", wd_json_get_str(pair, "node"));
	wd_expect_str("2027-01-15T08:00:00Z", wd_json_get_str(doc, "from"));
	wd_expect_int(400,
		      wd_json_get_int(wd_json_at(doc, "gaps", 0), "seconds"));
	json_object_put(doc);
}

/* ---- not covered ---- */

static bool is_listed(struct json_object *array, const char *path,
		      const char *subject)
{
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *at = json_object_array_get_idx(array, i);

		if (strcmp(path, wd_json_get_str(at, "path")) != 0)
			continue;
		for (size_t k = 0; k < wd_json_len(at, "subjects"); k++)
			if (subject &&
			    !strcmp(subject, json_object_get_string(wd_json_at(
						     at, "subjects", k))))
				return true;
		return !subject;
	}
	return false;
}

#define JUDGED "\"judged\":true,\"node\":\"n1\",\"node_names\":[\"n1\",\"n2\"],"
#define SPACE(name, is) "{\"namespace\":\"" name "\",\"encryption\":\"" is "\"}"

static const struct uncovered_case {
	const char *name, *json;
	const char *there,
		*subject; /* a path that is to be there, and whom of */
	const char *absent;
} uncovered_cases[] = {
	{ "nothing at all", "{}", "nothing-required", NULL, "not-judged" },
	{ "nothing, said", "{\"pods\":\"none\",\"nodes\":\"none\"}",
	  "namespace-not-required", NULL, "node-exempt" },
	{ "all of pods",
	  "{" JUDGED "\"pods\":\"required\",\"nodes\":\"none\","
	  "\"namespaces\":[" SPACE("a", "required") "]}",
	  "node-to-node", "n2", "namespace-not-required" },
	{ "one namespace is left out",
	  "{" JUDGED "\"pods\":\"required\","
	  "\"namespaces\":[" SPACE("a", "required") "," SPACE("b", "none") "]}",
	  "namespace-not-required", "b", "nothing-required" },
	{ "one namespace only",
	  "{" JUDGED "\"pods\":\"none\","
	  "\"namespaces\":[" SPACE("a", "required") "," SPACE("b", "none") "]}",
	  "namespace-not-required", "b", "nothing-required" },
	{ "nodes too",
	  "{" JUDGED "\"pods\":\"required\",\"nodes\":\"required\"}",
	  "other-nodes", "n2", "node-to-node" },
	{ "required, but no program",
	  "{\"judged\":false,\"pods\":\"required\"}", "not-judged", NULL,
	  "nothing-required" },
	{ "an exempt node",
	  "{" JUDGED "\"pods\":\"required\",\"exempt\":[\"n2\"]}",
	  "node-exempt", "n2", "not-judged" },
	{ "pods in the host's network",
	  "{" JUDGED "\"pods\":\"required\",\"host_network\":["
	  "{\"namespace\":\"kube-system\",\"name\":\"proxy\"}]}",
	  "host-network", "kube-system/proxy", "node-exempt" },
	{ "addresses of the cluster",
	  "{" JUDGED "\"prefixes\":[{\"prefix\":\"10.0.0.0/8\"}]}", "outside",
	  "10.0.0.0/8", "not-judged" },
	{ "a node is not another one", "{" JUDGED "\"pods\":\"required\"}",
	  "same-node", NULL, "nothing-required" },
};

static void each_path_is_listed_when_it_is_there_and_not_else(void)
{
	for (size_t i = 0;
	     i < sizeof(uncovered_cases) / sizeof(*uncovered_cases); i++) {
		const struct uncovered_case *c = &uncovered_cases[i];
		struct json_object *req = requirement(c->json);
		struct json_object *array = json_object_new_array();

		wd_test_row(c->name);
		wd_uncovered_put(req, array);
		wd_expect(is_listed(array, c->there, c->subject));
		wd_expect(!is_listed(array, c->absent, NULL));
		wd_expect(!is_listed(array, "other-nodes", "n1"));
		wd_expect(is_listed(array, "mesh", NULL));
		wd_expect(is_listed(array, "esp", NULL));
		json_object_put(array);
		json_object_put(req);
	}
	wd_test_row(NULL);
}

static void each_path_says_why_in_whole_sentences(void)
{
	struct json_object *req = requirement("{\"exempt\":[\"a\"]}");
	struct json_object *array = json_object_new_array();

	wd_uncovered_put(req, array);
	for (size_t i = 0; i < json_object_array_length(array); i++) {
		struct json_object *at = json_object_array_get_idx(array, i);
		const char *why = wd_json_get_str(at, "why");

		wd_test_row(wd_json_get_str(at, "path"));
		wd_expect(strlen(why) > 40 && why[strlen(why) - 1] == '.');
		wd_expect(strlen(wd_json_get_str(at, "title")) > 10);
		for (size_t k = 0; k < wd_json_len(at, "counted_as"); k++)
			wd_expect(wd_cover_kind_find(json_object_get_string(
					  wd_json_at(at, "counted_as", k))) >=
				  0);
	}
	wd_test_row(NULL);
	json_object_put(array);
	json_object_put(req);
}

/* ---- the page ---- */

static char *page_of(struct json_object *doc)
{
	char *page = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);

	wd_encryption_html(doc, to);
	(void)fclose(to);
	return page;
}

static size_t count_of(const char *page, const char *what)
{
	size_t cnt = 0;

	for (; (page = strstr(page, what)) != NULL; page++)
		cnt++;
	return cnt;
}

static void a_page_obeys_no_name_and_needs_no_other_file(void)
{
	static const char *const never[] = { "<script", "http://", "https://",
					     "src=",	"@import", "url(",
					     "onload",	"\x01" };
	struct json_object *doc = report_of_all();
	char *page = page_of(doc);

	for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++) {
		wd_test_row(never[i]);
		wd_expect_int(0, (long long)count_of(page, never[i]));
	}
	wd_test_row(NULL);
	wd_expect(strstr(page, "&#60;script&#62;&#34;a&#39;&#38;") != NULL);
	wd_expect_int(1, (long long)count_of(page, "<svg "));
	free(page);
	json_object_put(doc);
}

static void a_page_has_as_many_ends_as_begins(void)
{
	static const char *const tags[] = { "table", "svg",  "section", "div",
					    "b",     "rect", "text",	"h2",
					    "title", "p" };
	struct json_object *doc = report_of_all();
	char *page = page_of(doc);

	for (size_t i = 0; i < sizeof(tags) / sizeof(*tags); i++) {
		char begin[16], more[16], end[16];
		size_t cnt;

		wd_test_row(tags[i]);
		(void)snprintf(begin, sizeof(begin), "<%s>", tags[i]);
		(void)snprintf(more, sizeof(more), "<%s ", tags[i]);
		(void)snprintf(end, sizeof(end), "</%s>", tags[i]);
		cnt = count_of(page, begin) + count_of(page, more);
		wd_expect(cnt > 0);
		/* a frame of a bar is one tag only */
		if (!strcmp(tags[i], "rect"))
			cnt -= count_of(page, "stroke=\"var(--dim)\"/>");
		wd_expect_int((long long)cnt, (long long)count_of(page, end));
	}
	wd_test_row(NULL);
	free(page);
	json_object_put(doc);
}

static void many_pairs_become_one_bar_and_say_so(void)
{
	struct wd_evidence_sum sum = { .cover = wd_cover_new() };
	struct json_object *doc;
	char name[32], *page;

	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "ns-%d", i);
		add(sum.cover, name, "db", "n2", WD_COVER_CLEAR,
		    (uint64_t)(300 - i));
	}
	doc = wd_cover_report(&sum, "n1", 0, requirement("{}"));
	page = page_of(doc);
	wd_expect(strstr(page, "290 other pairs") != NULL);
	wd_expect(strstr(page, "and 100 more") != NULL);
	wd_expect(strstr(page, "ns-0 to db") != NULL);
	wd_expect_int(12 * 2, (long long)count_of(page, "<text "));
	free(page);
	json_object_put(doc);
	wd_evidence_sum_fini(&sum);
}

static void a_page_of_nothing_is_a_page(void)
{
	struct wd_evidence_sum sum = { .cover = wd_cover_new() };
	struct json_object *doc =
		wd_cover_report(&sum, "n1", 0, requirement("{}"));
	char *page = page_of(doc);

	wd_expect(strstr(page, "Nothing that passed was counted") != NULL);
	wd_expect(!strstr(page, "nan"));
	free(page);
	json_object_put(doc);
	wd_evidence_sum_fini(&sum);
}

int main(int argc, char **argv)
{
	WD_TEST(every_way_of_adding_up_gives_the_same_sum);
	WD_TEST(pairs_are_told_apart_and_their_kinds_too);
	WD_TEST(each_path_is_listed_when_it_is_there_and_not_else);
	WD_TEST(each_path_says_why_in_whole_sentences);
	WD_TEST(a_page_obeys_no_name_and_needs_no_other_file);
	WD_TEST(a_page_has_as_many_ends_as_begins);
	WD_TEST(many_pairs_become_one_bar_and_say_so);
	WD_TEST(a_page_of_nothing_is_a_page);
	if (argc > 1) { /* to look at it */
		struct json_object *doc = report_of_all();
		FILE *to = fopen(argv[1], "we");

		if (to) {
			wd_encryption_html(doc, to);
			(void)fclose(to);
		}
		json_object_put(doc);
	}
	return wd_tests_end();
}
