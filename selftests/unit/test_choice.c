/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_choice.c - who watches is shown what he chose: each filter for itself,
 * all of them together, and what is wrong is refused, never taken for "all".
 */
#include <errno.h>
#include <string.h>

#include <warder/abi.h>

#include "agent/choice.h"
#include "base/byteorder.h"
#include "base/json.h"

#include "../tap.h"

static const char *where, *what;

/* A request of one word; another one may be added by the caller. */
static struct json_object *asking(const char *key, const char *value)
{
	struct json_object *req = json_object_new_object();

	if (key)
		wd_json_str(req, key, value);
	return req;
}

static int reads(struct json_object *req, struct wd_choice *choice)
{
	int err = wd_choice_read(req, choice, &where, &what);

	json_object_put(req);
	return err;
}

/* shop/api asks shop/db; dropped, since db is isolated. */
static const struct wd_event dropped = {
	.local_id = 259,
	.peer_id = 258,
	.family = 4,
	.proto = 6,
	.dir = WD_INGRESS,
	.verdict = WD_DROP,
	.reason = WD_R_DEFAULT,
};

static const char dropped_doc[] =
	"{\"endpoint\":{\"namespace\":\"shop\",\"name\":\"db\"},"
	"\"from\":{\"namespace\":\"web\",\"name\":\"api\"},"
	"\"to\":{\"namespace\":\"shop\",\"name\":\"db\"},"
	"\"isolated_by\":[{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"deny\"},"
	"{\"kind\":\"CiliumClusterwideNetworkPolicy\",\"namespace\":null,\"name\":\"base\"}]}";

static const char allowed_doc[] =
	"{\"endpoint\":{\"namespace\":\"shop\",\"name\":\"db\"},"
	"\"from\":{\"namespace\":null,\"name\":null},"
	"\"to\":{\"namespace\":\"shop\",\"name\":\"db\"},"
	"\"rule\":{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"db\"}}";

static bool shows(const struct wd_choice *choice, const struct wd_event *event,
		  const char *text)
{
	struct json_object *doc = json_tokener_parse(text);
	bool shown = wd_choice_event(choice, event) &&
		     wd_choice_doc(choice, doc);

	json_object_put(doc);
	return shown;
}

static struct wd_event event_of(enum wd_verdict verdict, enum wd_reason reason)
{
	struct wd_event event = dropped;

	event.sport = wd_be16(40000);
	event.dport = wd_be16(5432);
	event.verdict = (uint8_t)verdict;
	event.reason = (uint8_t)reason;
	return event;
}

static void each_filter_lets_through_what_fits_it_and_nothing_else(void)
{
	static const struct {
		const char *key, *value;
		bool drop, pass; /* is the dropped one shown, the allowed one */
	} rows[] = {
		{ NULL, NULL, true, true },
		{ "verdict", "drop", true, false },
		{ "verdict", "allow", false, true },
		{ "verdict", "audit", false, false },
		{ "reason", "DEFAULT", true, false },
		{ "reason", "policy_allow", false, true },
		{ "port", "5432", true, true },
		{ "port", "40000", true, true },
		{ "port", "5433", false, false },
		{ "identity", "258", true, true },
		{ "identity", "259", true, true },
		{ "identity", "260", false, false },
		{ "identity", "world", false, false },
		{ "pod", "shop/db", true, true },
		{ "pod", "web/api", true, false },
		{ "pod", "shop/api", false, false },
		{ "namespace", "shop", true, true },
		{ "namespace", "web", true, false },
		{ "namespace", "db", false, false },
		{ "policy", "NetworkPolicy/shop/deny", true, false },
		{ "policy", "shop/deny", true, false },
		{ "policy", "CiliumClusterwideNetworkPolicy/base", true,
		  false },
		{ "policy", "shop/db", false, true },
		{ "policy", "NetworkPolicy/shop/db", false, true },
		{ "policy", "CiliumNetworkPolicy/shop/db", false, false },
	};
	struct wd_event drop = event_of(WD_DROP, WD_R_DEFAULT);
	struct wd_event pass = event_of(WD_ALLOW, WD_R_POLICY_ALLOW);
	struct wd_choice choice;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].value);
		if (!wd_expect_int(0, reads(asking(rows[i].key, rows[i].value),
					    &choice)))
			continue;
		wd_expect_int(rows[i].drop, shows(&choice, &drop, dropped_doc));
		wd_expect_int(rows[i].pass, shows(&choice, &pass, allowed_doc));
		wd_choice_fini(&choice);
	}
	wd_test_row(NULL);
}

static void all_that_is_chosen_must_hold(void)
{
	struct wd_event drop = event_of(WD_DROP, WD_R_DEFAULT);
	struct json_object *req = asking("pod", "shop/db");
	struct wd_choice choice;

	wd_json_str(req, "port", "5432");
	wd_json_str(req, "reason", "DEFAULT");
	wd_expect_int(0, reads(req, &choice));
	wd_expect(shows(&choice, &drop, dropped_doc));
	drop.reason = WD_R_POLICY;
	wd_expect(!shows(&choice, &drop, dropped_doc));
	drop.reason = WD_R_DEFAULT;
	drop.dport = wd_be16(80);
	wd_expect(!shows(&choice, &drop, dropped_doc));
	wd_choice_fini(&choice);
}

static void port_means_no_type_of_icmp(void)
{
	struct wd_event echo = event_of(WD_DROP, WD_R_DEFAULT);
	struct wd_choice choice;

	echo.proto = 1;
	echo.dport = wd_be16(8 << 8);
	wd_expect_int(0, reads(asking("port", "2048"), &choice));
	wd_expect(!wd_choice_event(&choice, &echo));
	echo.proto = 17;
	wd_expect(wd_choice_event(&choice, &echo));
	wd_choice_fini(&choice);
}

static void wrong_words_are_refused_by_name(void)
{
	static const struct {
		const char *key, *value;
	} rows[] = {
		{ "verdict", "dropped" },
		{ "verdict", "" },
		{ "reason", "NOPE" },
		{ "port", "0" },
		{ "port", "65536" },
		{ "port", "80/tcp" },
		{ "port", "" },
		{ "identity", "somebody" },
		{ "identity", "4294967296" },
		{ "identity", "-1" },
		{ "pod", "db" },
		{ "pod", "shop/" },
		{ "pod", "/db" },
		{ "pod", "a/b/c" },
		{ "pod", "" },
		{ "namespace", "" },
		{ "namespace", "a/b" },
		{ "policy", "db" },
		{ "policy", "a/b/c/d" },
		{ "policy", "a//c" },
	};
	struct wd_choice choice;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].value);
		where = "";
		wd_expect_int(-EINVAL, reads(asking(rows[i].key, rows[i].value),
					     &choice));
		wd_expect_str(rows[i].key, where);
	}
	wd_test_row(NULL);
}

static void agent_alone_is_chosen_without_packets(void)
{
	struct json_object *req = asking("namespace", "shop");
	struct wd_choice choice;

	wd_json_bool(req, "agent", true);
	wd_expect_int(-EINVAL, reads(req, &choice));
	wd_expect_str("agent", where);
	req = asking(NULL, NULL);
	wd_json_bool(req, "agent", true);
	wd_expect_int(0, reads(req, &choice));
	wd_expect(!wd_choice_event(&choice, &dropped));
	wd_expect(!wd_choice_has_new(&choice));
	wd_choice_fini(&choice);
}

/* The kernel makes events of new flows only for who can be shown them. */
static void new_flows_are_asked_for_only_where_they_may_be_shown(void)
{
	static const struct {
		const char *key, *value;
		bool has_new, whole;
	} rows[] = {
		{ NULL, NULL, true, false },
		{ "pod", "a/b", true, false },
		{ "verdict", "allow", true, false },
		{ "verdict", "drop", false, false },
		{ "verdict", "audit", false, false },
		{ "reason", "NOT_ISOLATED", true, false },
		{ "reason", "SPOOF_IP", false, false },
		{ "policy", "a/b", true, true },
	};
	struct wd_choice choice;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		wd_test_row(rows[i].value);
		wd_expect_int(0, reads(asking(rows[i].key, rows[i].value),
				       &choice));
		wd_expect_int(rows[i].has_new, wd_choice_has_new(&choice));
		wd_expect_int(rows[i].whole, wd_choice_needs_whole(&choice));
		wd_expect_int(!rows[i].key, wd_choice_is_any(&choice));
		wd_choice_fini(&choice);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(each_filter_lets_through_what_fits_it_and_nothing_else);
	WD_TEST(all_that_is_chosen_must_hold);
	WD_TEST(port_means_no_type_of_icmp);
	WD_TEST(wrong_words_are_refused_by_name);
	WD_TEST(agent_alone_is_chosen_without_packets);
	WD_TEST(new_flows_are_asked_for_only_where_they_may_be_shown);
	return wd_tests_end();
}
