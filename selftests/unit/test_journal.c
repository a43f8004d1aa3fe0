/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_journal.c - what is kept of what happened to the agent, and that a list of
 * things that are wrong is told once at its begin and once at its end.
 */
#include <stdio.h>
#include <string.h>

#include "agent/agent.h"
#include "agent/complaints.h"
#include "base/json.h"
#include "events/journal.h"
#include "wireguard/check.h"

#include "../tap.h"

static struct wd_agent agent; /* nobody watches it */

static void begin(void)
{
	wd_log_set(WD_LOG_ERR);
	agent.journal = wd_journal_new(&agent);
	agent.complaints = wd_complaints_new(&agent);
}

static void end(void)
{
	wd_complaints_free(agent.complaints);
	wd_journal_free(agent.journal);
}

/* To be put. */
static struct json_object *happened(void)
{
	struct json_object *doc = json_object_new_object();

	wd_journal_put(agent.journal, doc);
	return doc;
}

static const char *get(struct json_object *doc, size_t i, const char *key)
{
	return wd_json_get_str(wd_json_at(doc, "happened", i), key);
}

static void last_ones_are_kept_in_their_order(void)
{
	struct wd_happens happens = { .what = WD_HAPPENS_DRIFT,
				      .level = WD_LOG_WARN };
	struct json_object *doc;

	begin();
	doc = happened();
	wd_expect_int(0, (long long)wd_json_len(doc, "happened"));
	json_object_put(doc);
	for (int i = 0; i < WD_JOURNAL_KEPT + 7; i++)
		wd_journal_tell(agent.journal, &happens, "drift: %d", i);
	doc = happened();
	wd_expect_int(WD_JOURNAL_KEPT, (long long)wd_json_len(doc, "happened"));
	wd_expect_str("drift: 7", get(doc, 0, "text"));
	wd_expect_str("drift: 106", get(doc, WD_JOURNAL_KEPT - 1, "text"));
	wd_expect_int(WD_JOURNAL_KEPT + 7,
		      (long long)wd_journal_count(agent.journal,
						  WD_HAPPENS_DRIFT));
	wd_expect_int(0, (long long)wd_journal_count(agent.journal,
						     WD_HAPPENS_RUNG));
	json_object_put(doc);
	end();
}

static void event_has_its_own_keys_beside_those_of_all(void)
{
	struct wd_happens happens = { .what = WD_HAPPENS_OBJECT,
				      .phase = WD_BEGINS,
				      .level = WD_LOG_INFO,
				      .about = json_object_new_object() };
	struct json_object *doc;

	begin();
	wd_json_str(happens.about, "file", "/a");
	wd_journal_tell(agent.journal, &happens, "object: %s", "is odd");
	doc = happened();
	wd_expect_str("object", get(doc, 0, "agent"));
	wd_expect_str("begins", get(doc, 0, "phase"));
	wd_expect_str("info", get(doc, 0, "level"));
	wd_expect_str("object: is odd", get(doc, 0, "text"));
	wd_expect_str("/a", get(doc, 0, "file"));
	wd_expect_int('Z', get(doc, 0, "time")[23]);
	json_object_put(doc);
	end();
}

#define MANY 50

static void findings_begin_once_and_end_once(void)
{
	char wireguard[] = "wireguard", none_there[] = "none is there";
	char n1[] = "n1", no_key[] = "it has none", numbers[] = "17 s";
	struct wd_wg_finding one[] = {
		{ WD_WG_NO_DEVICE, wireguard, none_there },
		{ WD_WG_NODE_WITHOUT_KEY, n1, no_key },
	};
	struct wd_wg_finding again = { WD_WG_NODE_WITHOUT_KEY, n1, numbers };
	const struct wd_wg_findings none = { 0 }, both = { 2, one },
				    second = { 1, &again };
	struct json_object *doc;

	begin();
	wd_complaints_wireguard(agent.complaints, &none, &both);
	wd_complaints_wireguard(agent.complaints, &both, &both);
	wd_complaints_wireguard(agent.complaints, &both, &second);
	wd_complaints_wireguard(agent.complaints, &second, &none);
	doc = happened();
	wd_expect_int(4, (long long)wd_json_len(doc, "happened"));
	wd_expect_str("wireguard: no-device: wireguard: none is there",
		      get(doc, 0, "text"));
	wd_expect_str("begins", get(doc, 1, "phase"));
	wd_expect_str("no-device", get(doc, 2, "finding"));
	wd_expect_str("ends", get(doc, 2, "phase"));
	wd_expect_str("node-without-key", get(doc, 3, "finding"));
	wd_expect_str("ends", get(doc, 3, "phase"));
	json_object_put(doc);
	end();
}

static void many_findings_are_told_as_a_number(void)
{
	struct wd_wg_finding list[MANY];
	char name[MANY][8], text[] = "";
	const struct wd_wg_findings none = { 0 };
	struct wd_wg_findings many = { .cnt = MANY };
	struct json_object *doc;

	for (int i = 0; i < MANY; i++) {
		(void)snprintf(name[i], sizeof(name[i]), "n%d", i);
		list[i] = (struct wd_wg_finding){ WD_WG_NODE_WITHOUT_PEER,
						  name[i], text };
	}
	many.finding = list;
	begin();
	wd_complaints_wireguard(agent.complaints, &none, &many);
	doc = happened();
	wd_expect_int(17, (long long)wd_json_len(doc, "happened"));
	wd_expect_str(
		"wireguard: 34 more things are wrong, see `warder status`",
		get(doc, 16, "text"));
	json_object_put(doc);
	end();
}

int main(void)
{
	WD_TEST(last_ones_are_kept_in_their_order);
	WD_TEST(event_has_its_own_keys_beside_those_of_all);
	WD_TEST(findings_begin_once_and_end_once);
	WD_TEST(many_findings_are_told_as_a_number);
	return wd_tests_end();
}
