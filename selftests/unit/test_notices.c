/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_notices.c - which Events are made, which are counted on, and what is not
 * told at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/writer.h"
#include "report/notices.h"

#include "../tap.h"

#define EVERY_MS 60000

static struct wd_notice_time at(int64_t ms)
{
	return (struct wd_notice_time){
		.mono_ms = ms,
		.real_us = 1764230400000000 + ms * 1000,
	};
}

static const struct wd_notice pod = {
	.api = "v1",
	.kind = "Pod",
	.ns = "shop",
	.name = "srv",
	.uid = "u-1",
	.reason = "PacketsDropped",
	.text = "from 10.0.0.1",
};

static const struct wd_notice policy = {
	.api = "cilium.io/v2",
	.kind = "CiliumClusterwideNetworkPolicy",
	.ns = "",
	.name = "all",
	.uid = "u-2",
	.reason = "PolicyRefused",
	.text = "spec: no",
};

static void drop(struct wd_notices *n, const char *key, int64_t ms)
{
	if (!wd_notices_again(n, WD_NOTICE_DROP, key, at(ms)))
		wd_notices_add(n, WD_NOTICE_DROP, key, &pod, 0, at(ms));
}

/* One request, with its body parsed. Return: false: there is none */
struct asked {
	char method[8];
	char path[512];
	struct json_object *body;
};

static bool next(struct wd_notices *n, int64_t ms, struct asked *asked)
{
	struct wd_kube_write write;

	asked->body = NULL;
	if (!wd_notices_next(n, at(ms), &write))
		return false;
	(void)snprintf(asked->method, sizeof(asked->method), "%s",
		       write.method);
	(void)snprintf(asked->path, sizeof(asked->path), "%s", write.path);
	asked->body = json_tokener_parse(write.body);
	free(write.path);
	free(write.body);
	return true;
}

/* The next one comes to that; its method and path are told as one text. */
static const char *answer(struct wd_notices *n, int64_t ms,
			  enum wd_kube_wrote wrote)
{
	static char text[600];
	struct asked asked;

	if (!next(n, ms, &asked))
		return "nothing";
	(void)snprintf(text, sizeof(text), "%s %s", asked.method, asked.path);
	json_object_put(asked.body);
	wd_notices_done(n, (int)wrote, at(ms));
	return text;
}

#define EVENTS "/apis/events.k8s.io/v1/namespaces/shop/events"

static void the_first_makes_an_event_and_the_rest_a_series(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	struct json_object *series;
	struct asked asked;
	char path[600];

	drop(n, "a", 0);
	wd_expect(next(n, 0, &asked));
	wd_expect_str("POST", asked.method);
	wd_expect_str(EVENTS, asked.path);
	wd_expect_str("PacketsDropped", wd_json_get_str(asked.body, "reason"));
	wd_expect_str("node-a",
		      wd_json_get_str(asked.body, "reportingInstance"));
	wd_expect_str("2025-11-27T08:00:00.000000Z",
		      wd_json_get_str(asked.body, "eventTime"));
	wd_expect(!wd_json_get(asked.body, "series"));
	wd_expect_str("u-1",
		      wd_json_get_str(wd_json_get(asked.body, "regarding"),
				      "uid"));
	(void)snprintf(path, sizeof(path), EVENTS "/%s",
		       wd_json_get_str(wd_json_get(asked.body, "metadata"),
				       "name"));
	json_object_put(asked.body);
	drop(n, "a", 10); /* while it is under way */
	wd_expect(!next(n, 10, &asked));
	wd_notices_done(n, WD_KUBE_WROTE, at(20));

	drop(n, "a", 30);
	wd_expect(!next(n, 20 + EVERY_MS - 1, &asked));
	wd_expect(next(n, 20 + EVERY_MS, &asked));
	wd_expect_str("PATCH", asked.method);
	wd_expect_str(path, asked.path);
	series = wd_json_get(asked.body, "series");
	wd_expect_int(3, wd_json_get_int(series, "count"));
	wd_expect_str("2025-11-27T08:00:00.030000Z",
		      wd_json_get_str(series, "lastObservedTime"));
	wd_expect_int(1, json_object_object_length(asked.body));
	json_object_put(asked.body);
	wd_notices_done(n, WD_KUBE_WROTE, at(20 + EVERY_MS));
	wd_expect_int(0, (long long)wd_notices_untold(n));
	wd_notices_free(n);
}

static void an_event_that_is_gone_is_made_anew(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);

	drop(n, "a", 0);
	wd_expect_str("POST " EVENTS, answer(n, 0, WD_KUBE_WROTE));
	drop(n, "a", 1);
	(void)answer(n, EVERY_MS, WD_KUBE_WROTE_MISSING);
	wd_expect_str("POST " EVENTS, answer(n, EVERY_MS, WD_KUBE_WROTE));
	wd_expect_str("nothing", answer(n, 3 * EVERY_MS, WD_KUBE_WROTE));
	wd_notices_free(n);
}

static void the_budget_is_shared_and_comes_again(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	char key[16];
	int made = 0;

	for (int i = 0; i < WD_NOTICES_BURST + 3; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		drop(n, key, 0);
	}
	while (strcmp(answer(n, 1, WD_KUBE_WROTE), "nothing") != 0)
		made++;
	wd_expect_int(WD_NOTICES_BURST, made);
	wd_expect_int(3, wd_notices_waiting(n));
	wd_expect(!wd_notices_due(n, at(EVERY_MS - 1)));
	wd_expect(wd_notices_due(n, at(EVERY_MS)));
	wd_expect_str("POST " EVENTS, answer(n, EVERY_MS, WD_KUBE_WROTE));
	wd_expect_str("nothing", answer(n, EVERY_MS, WD_KUBE_WROTE));
	wd_notices_free(n);
}

static void what_has_no_room_or_waits_too_long_is_counted(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	char key[16];

	for (int i = 0; i < WD_NOTICES_DROP_MAX + 5; i++) {
		(void)snprintf(key, sizeof(key), "%d", i);
		drop(n, key, 0);
	}
	wd_expect_int(5, (long long)wd_notices_untold(n));
	wd_expect_int(WD_NOTICES_DROP_MAX, wd_notices_waiting(n));
	/* There is room for policies nevertheless. */
	wd_notices_add(n, WD_NOTICE_POLICY, "p", &policy, 0, at(0));
	wd_expect_int(WD_NOTICES_DROP_MAX + 1, wd_notices_waiting(n));

	(void)wd_notices_due(n, at(11 * EVERY_MS));
	wd_expect_int(0, wd_notices_waiting(n));
	wd_expect_int(5 + WD_NOTICES_DROP_MAX + 1,
		      (long long)wd_notices_untold(n));
	wd_notices_free(n);
}

static void what_fails_is_told_again_and_not_for_ever(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	int tries = 0;

	drop(n, "a", 0);
	while (strcmp(answer(n, 1, WD_KUBE_WROTE_FAILED), "nothing") != 0)
		tries++;
	wd_expect_int(12, tries);
	wd_expect_int(1, (long long)wd_notices_untold(n));

	drop(n, "b", 1);
	(void)answer(n, 1, WD_KUBE_WROTE_REFUSED);
	wd_expect_str("nothing", answer(n, 1, WD_KUBE_WROTE));
	wd_expect_int(2, (long long)wd_notices_untold(n));
	wd_notices_free(n);
}

static void one_that_fails_does_not_hold_up_another(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	struct asked asked;

	drop(n, "a", 0);
	(void)answer(n, 1, WD_KUBE_WROTE_FAILED);
	wd_notices_add(n, WD_NOTICE_POLICY, "p", &policy, 0, at(2));
	wd_expect(next(n, 2, &asked));
	wd_expect_str("/apis/events.k8s.io/v1/namespaces/default/events",
		      asked.path);
	json_object_put(asked.body);
	wd_notices_free(n);
}

static char *policy_event(const char *node, int64_t ms)
{
	struct wd_notices *n = wd_notices_new(node, EVERY_MS);
	struct asked asked;
	char *name;

	wd_notices_add(n, WD_NOTICE_POLICY, "p", &policy, 0, at(ms));
	wd_expect(next(n, ms, &asked));
	name = strdup(
		wd_json_get_str(wd_json_get(asked.body, "metadata"), "name"));
	json_object_put(asked.body);
	wd_notices_free(n);
	return name;
}

static void all_nodes_find_the_same_name_for_a_policy(void)
{
	char *one = policy_event("node-a", 0);
	char *other = policy_event("node-b", 777);

	wd_expect_str(one, other);
	wd_expect(!strncmp("all.", one, 4));
	free(one);
	free(other);
}

static void a_policy_is_told_once_and_not_counted(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);

	wd_notices_add(n, WD_NOTICE_POLICY, "p", &policy, 100, at(0));
	wd_expect_str("nothing", answer(n, 99, WD_KUBE_WROTE));
	wd_expect(strcmp(answer(n, 100, WD_KUBE_WROTE_BEFORE), "nothing") != 0);
	wd_expect(wd_notices_again(n, WD_NOTICE_POLICY, "p", at(200)));
	wd_expect_str("nothing", answer(n, 2 * EVERY_MS, WD_KUBE_WROTE));
	wd_expect_int(0, (long long)wd_notices_untold(n));
	wd_notices_free(n);
}

static void names_and_texts_are_cut_to_what_the_server_takes(void)
{
	struct wd_notices *n = wd_notices_new("node-a", EVERY_MS);
	struct wd_notice notice = pod;
	char name[254], text[1100];
	const char *got;
	struct asked asked;

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[199] = '.';
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text + 1023, "\xc3\xa4", 2); /* across the border */
	notice.name = name;
	notice.text = text;
	wd_notices_add(n, WD_NOTICE_DROP, "a", &notice, 0, at(0));
	wd_expect(next(n, 0, &asked));
	got = wd_json_get_str(wd_json_get(asked.body, "metadata"), "name");
	wd_expect_int(199 + 1 + 16, (long long)strlen(got));
	wd_expect(!strstr(got, ".."));
	wd_expect_int(1023,
		      (long long)strlen(wd_json_get_str(asked.body, "note")));
	json_object_put(asked.body);
	wd_notices_free(n);
}

int main(void)
{
	WD_TEST(the_first_makes_an_event_and_the_rest_a_series);
	WD_TEST(an_event_that_is_gone_is_made_anew);
	WD_TEST(the_budget_is_shared_and_comes_again);
	WD_TEST(what_has_no_room_or_waits_too_long_is_counted);
	WD_TEST(what_fails_is_told_again_and_not_for_ever);
	WD_TEST(one_that_fails_does_not_hold_up_another);
	WD_TEST(all_nodes_find_the_same_name_for_a_policy);
	WD_TEST(a_policy_is_told_once_and_not_counted);
	WD_TEST(names_and_texts_are_cut_to_what_the_server_takes);
	return wd_tests_end();
}
