/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_hubble.c - events in Hubble's words: each of our reasons has one of its
 * own list, and a flow has the fields that `hubble observe` prints.
 */
#include <stdio.h>
#include <string.h>

#include <warder/verdict.h>

#include "base/json.h"
#include "base/names.h"
#include "events/hubble.h"

#include "../tap.h"

#define SIDE(port, ns, name, id, id_name, labels) \
	"{\"address\":\"10.0.0." port "\",\"port\":" port ",\"namespace\":" ns \
	",\"name\":" name ",\"identity\":" id ",\"identity_name\":" id_name \
	",\"labels\":{" labels "}}"

#define EVENT(verdict, reason, more) \
	"{\"time\":\"2026-11-26T13:31:09.482001Z\",\"direction\":\"ingress\"," \
	"\"verdict\":\"" verdict "\",\"reason\":\"" reason "\"," \
	"\"help\":\"why\",\"proto\":\"tcp\",\"node\":\"node-2\"," \
	"\"from\":" SIDE("77", "null", "null", "2", "\"world\"", "") ",\"to\":" SIDE( \
		"80", "\"shop\"", "\"db\"", "259", "null", \
		"\"app\":\"database\"") ",\"endpoint\":{\"interface\":\"veth1\",\"ifindex\":5}" more \
					"}"

static struct json_object *flow_doc;

/* What stands in the flow of an event at a path of keys, as text; "" nothing. */
static const char *at(const char *path)
{
	static char text[256];
	struct json_object *obj = wd_json_get(flow_doc, "flow");
	char key[64];

	while (*path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		obj = key[0] >= '0' && key[0] <= '9' &&
				      json_object_is_type(obj,
							  json_type_array) ?
			      json_object_array_get_idx(
				      obj, (size_t)(key[0] - '0')) :
			      wd_json_get(obj, key);
		path += len + (path[len] == '.');
	}
	snprintf(text, sizeof(text), "%s",
		 obj ? json_object_get_string(obj) : "");
	return text;
}

static void read_event(const char *text)
{
	struct json_object *event = json_tokener_parse(text);

	json_object_put(flow_doc);
	flow_doc = wd_hubble_flow(event);
	json_object_put(event);
}

static void each_drop_has_a_reason_of_hubbles(void)
{
	const char *name;
	int nr;

	for (int r = wd_reason_next(-1); r >= 0; r = wd_reason_next(r)) {
		wd_test_row(wd_reason_name((uint32_t)r));
		name = wd_hubble_drop(r, &nr);
		if (r >= WD_R_FIRST_DROP) {
			wd_expect(nr >= 130 && nr <= 203);
			wd_expect(strcmp(name, "DROP_REASON_UNKNOWN") != 0);
		} else {
			wd_expect_int(0, nr);
		}
	}
	wd_test_row(NULL);
}

static void flow_says_who_and_what(void)
{
	read_event(EVENT("allow", "NOT_ISOLATED", ""));

	wd_expect_str("2026-11-26T13:31:09.482001Z", at("time"));
	wd_expect_str("L3_L4", at("Type"));
	wd_expect_str("node-2", at("node_name"));
	wd_expect_str("INGRESS", at("traffic_direction"));
	wd_expect_str("10.0.0.77", at("IP.source"));
	wd_expect_str("10.0.0.80", at("IP.destination"));
	wd_expect_str("IPv4", at("IP.ipVersion"));
	wd_expect_str("77", at("l4.TCP.source_port"));
	wd_expect_str("80", at("l4.TCP.destination_port"));
	wd_expect_str("2", at("source.identity"));
	wd_expect_str("reserved:world", at("source.labels.0"));
	wd_expect_str("", at("source.pod_name"));
	wd_expect_str("shop", at("destination.namespace"));
	wd_expect_str("db", at("destination.pod_name"));
	wd_expect_str("k8s:io.kubernetes.pod.namespace=shop",
		      at("destination.labels.0"));
	wd_expect_str("k8s:app=database", at("destination.labels.1"));
	wd_expect_str("veth1", at("interface.name"));
	wd_expect_str("node-2", wd_json_get_str(flow_doc, "node_name"));
	wd_expect_str("2026-11-26T13:31:09.482001Z",
		      wd_json_get_str(flow_doc, "time"));
}

static void verdicts_are_those_of_hubble(void)
{
	static const struct {
		const char *event, *verdict, *desc, *type, *sub;
	} rows[] = {
		{ EVENT("allow", "NOT_ISOLATED", ""), "FORWARDED", "", "5",
		  "" },
		{ EVENT("drop", "DEFAULT", ""), "DROPPED", "POLICY_DENIED", "5",
		  "" },
		{ EVENT("drop", "POLICY", ""), "DROPPED", "POLICY_DENY", "5",
		  "" },
		{ EVENT("drop", "SPOOF_IP", ""), "DROPPED", "INVALID_SOURCE_IP",
		  "1", "132" },
		{ EVENT("audit", "DEFAULT", ""), "AUDIT", "", "5", "" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		read_event(rows[i].event);
		wd_test_row(rows[i].verdict);
		wd_expect_str(rows[i].verdict, at("verdict"));
		wd_expect_str(rows[i].desc, at("drop_reason_desc"));
		wd_expect_str(rows[i].type, at("event_type.type"));
		wd_expect_str(rows[i].sub, at("event_type.sub_type"));
	}
	wd_test_row(NULL);
}

static void policies_that_decided_are_named(void)
{
#define POLICY(name) \
	"{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"" name \
	"\",\"direction\":\"ingress\",\"index\":3}"
	read_event(EVENT("allow", "POLICY_ALLOW", ",\"rule\":" POLICY("one")));
	wd_expect_str("one", at("ingress_allowed_by.0.name"));
	wd_expect_str("", at("ingress_denied_by"));
	wd_expect_str("POLICY_ALLOW: why, NetworkPolicy/shop/one ingress[3]",
		      at("Summary"));
	read_event(EVENT("drop", "DEFAULT",
			 ",\"isolated_by\":[" POLICY("a") "," POLICY("b") "]"));
	wd_expect_str("a", at("ingress_denied_by.0.name"));
	wd_expect_str("b", at("ingress_denied_by.1.name"));
	wd_expect_str("shop", at("ingress_denied_by.1.namespace"));
	wd_expect_str("DEFAULT: why", at("Summary"));
}

static void what_is_no_ip_has_no_addresses(void)
{
	read_event("{\"verdict\":\"drop\",\"reason\":\"L2_UNSUP\","
		   "\"ethertype\":\"0x88cc\",\"direction\":\"egress\","
		   "\"from\":{\"address\":null},\"to\":{\"address\":null}}");
	wd_expect_str("", at("IP"));
	wd_expect_str("", at("l4"));
	wd_expect_str("UNSUPPORTED_L2_PROTOCOL", at("drop_reason_desc"));
}

static void losses_are_told_as_hubble_does(void)
{
	struct json_object *doc =
		wd_hubble_lost(1LL << 40, "2026-11-26T13:31:09Z");
	struct json_object *lost = wd_json_get(doc, "lost_events");

	wd_expect_str("1099511627776",
		      wd_json_get_str(lost, "num_events_lost"));
	wd_expect_str("2026-11-26T13:31:09Z", wd_json_get_str(doc, "time"));
	json_object_put(doc);
}

int main(void)
{
	WD_TEST(each_drop_has_a_reason_of_hubbles);
	WD_TEST(flow_says_who_and_what);
	WD_TEST(verdicts_are_those_of_hubble);
	WD_TEST(policies_that_decided_are_named);
	WD_TEST(what_is_no_ip_has_no_addresses);
	WD_TEST(losses_are_told_as_hubble_does);
	json_object_put(flow_doc);
	return wd_tests_end();
}
