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

#define POLICY(name) \
	"{\"kind\":\"NetworkPolicy\",\"namespace\":\"shop\",\"name\":\"" name \
	"\",\"direction\":\"ingress\",\"index\":3}"

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

/* ---- against flow.proto and observer.proto of Cilium 1.14 to 1.17 ---- */

/*
 * Each field that may be in a line, '.' below an object, '#' in a list, and how
 * its type is read: s text, u number of 32 bits, b truth, o object, l list,
 * w a word of an enum (or its number), U a number of 64 bits as text.
 */
static const struct field {
	const char *path;
	char type;
} fields[] = {
	{ "flow", 'o' },
	{ "flow.time", 's' },
	{ "flow.verdict", 'w' },
	{ "flow.drop_reason", 'u' },
	{ "flow.drop_reason_desc", 'w' },
	{ "flow.IP", 'o' },
	{ "flow.IP.source", 's' },
	{ "flow.IP.destination", 's' },
	{ "flow.IP.ipVersion", 'w' },
	{ "flow.l4", 'o' },
	{ "flow.l4.TCP", 'o' },
	{ "flow.l4.TCP.source_port", 'u' },
	{ "flow.l4.TCP.destination_port", 'u' },
	{ "flow.l4.UDP", 'o' },
	{ "flow.l4.UDP.source_port", 'u' },
	{ "flow.l4.UDP.destination_port", 'u' },
	{ "flow.l4.SCTP", 'o' },
	{ "flow.l4.SCTP.source_port", 'u' },
	{ "flow.l4.SCTP.destination_port", 'u' },
	{ "flow.l4.ICMPv4", 'o' },
	{ "flow.l4.ICMPv4.type", 'u' },
	{ "flow.l4.ICMPv4.code", 'u' },
	{ "flow.l4.ICMPv6", 'o' },
	{ "flow.l4.ICMPv6.type", 'u' },
	{ "flow.l4.ICMPv6.code", 'u' },
	{ "flow.source", 'o' },
	{ "flow.source.identity", 'u' },
	{ "flow.source.namespace", 's' },
	{ "flow.source.labels", 'l' },
	{ "flow.source.labels#", 's' },
	{ "flow.source.pod_name", 's' },
	{ "flow.destination", 'o' },
	{ "flow.destination.identity", 'u' },
	{ "flow.destination.namespace", 's' },
	{ "flow.destination.labels", 'l' },
	{ "flow.destination.labels#", 's' },
	{ "flow.destination.pod_name", 's' },
	{ "flow.Type", 'w' },
	{ "flow.node_name", 's' },
	{ "flow.event_type", 'o' },
	{ "flow.event_type.type", 'u' },
	{ "flow.event_type.sub_type", 'u' },
	{ "flow.traffic_direction", 'w' },
	{ "flow.policy_match_type", 'u' },
	{ "flow.is_reply", 'b' },
	{ "flow.interface", 'o' },
	{ "flow.interface.index", 'u' },
	{ "flow.interface.name", 's' },
	{ "flow.ingress_allowed_by", 'l' },
	{ "flow.ingress_allowed_by#", 'o' },
	{ "flow.ingress_allowed_by#.name", 's' },
	{ "flow.ingress_allowed_by#.namespace", 's' },
	{ "flow.ingress_allowed_by#.kind", 's' },
	{ "flow.ingress_denied_by", 'l' },
	{ "flow.ingress_denied_by#", 'o' },
	{ "flow.ingress_denied_by#.name", 's' },
	{ "flow.ingress_denied_by#.namespace", 's' },
	{ "flow.ingress_denied_by#.kind", 's' },
	{ "flow.Summary", 's' },
	{ "lost_events", 'o' },
	{ "lost_events.source", 'w' },
	{ "lost_events.num_events_lost", 'U' },
	{ "node_name", 's' },
	{ "time", 's' },
};

/* The words of all enums that a line may have. */
static const char *const enum_words[] = {
	/* Verdict, FlowType, IPVersion, TrafficDirection, LostEventSource */
	"FORWARDED", "DROPPED", "AUDIT",
	"L3_L4",     "IPv4",	"IPv6",
	"INGRESS",   "EGRESS",	"PERF_EVENT_RING_BUFFER",
};

/* DropReason as of 1.14, whose words each later one knows, too. */
static const struct {
	int nr;
	const char *word;
} drop_words[] = {
	{ 130, "INVALID_SOURCE_MAC" },
	{ 132, "INVALID_SOURCE_IP" },
	{ 133, "POLICY_DENIED" },
	{ 134, "INVALID_PACKET_DROPPED" },
	{ 135, "CT_TRUNCATED_OR_INVALID_HEADER" },
	{ 142, "UNKNOWN_L4_PROTOCOL" },
	{ 151, "STALE_OR_UNROUTABLE_IP" },
	{ 152, "NO_MATCHING_LOCAL_CONTAINER_FOUND" },
	{ 155, "CT_MAP_INSERTION_FAILED" },
	{ 156, "INVALID_IPV6_EXTENSION_HEADER" },
	{ 157, "IP_FRAGMENTATION_NOT_SUPPORTED" },
	{ 158, "SERVICE_BACKEND_NOT_FOUND" },
	{ 163, "UNKNOWN_CONNECTION_TRACKING_STATE" },
	{ 165, "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION" },
	{ 166, "UNSUPPORTED_L2_PROTOCOL" },
	{ 170, "ENCAPSULATION_TRAFFIC_IS_PROHIBITED" },
	{ 172, "UNKNOWN_SENDER" },
	{ 175, "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND" },
	{ 176, "FORBIDDEN_ICMPV6_MESSAGE" },
	{ 181, "POLICY_DENY" },
	{ 182, "VLAN_FILTERED" },
};

static bool is_word(const char *word)
{
	for (size_t i = 0; i < sizeof(enum_words) / sizeof(enum_words[0]);
	     i++) {
		if (!strcmp(word, enum_words[i]))
			return true;
	}
	for (size_t i = 0; i < sizeof(drop_words) / sizeof(drop_words[0]);
	     i++) {
		if (!strcmp(word, drop_words[i].word))
			return true;
	}
	return false;
}

static bool is_of_type(struct json_object *obj, char type)
{
	bool text = json_object_is_type(obj, json_type_string);
	bool number = json_object_is_type(obj, json_type_int) &&
		      json_object_get_int64(obj) >= 0 &&
		      json_object_get_int64(obj) <= UINT32_MAX;

	switch (type) {
	case 's':
		return text;
	case 'w':
		return number || (text && is_word(json_object_get_string(obj)));
	case 'u':
		return number;
	case 'U':
		return text &&
		       strspn(json_object_get_string(obj), "0123456789") ==
			       strlen(json_object_get_string(obj));
	case 'b':
		return json_object_is_type(obj, json_type_boolean);
	case 'l':
		return json_object_is_type(obj, json_type_array);
	default:
		return json_object_is_type(obj, json_type_object);
	}
}

static void expect_field(const char *path, struct json_object *obj)
{
	wd_test_row(path);
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!strcmp(fields[i].path, path)) {
			wd_expect(is_of_type(obj, fields[i].type));
			return;
		}
	}
	wd_expect_str("a field of Hubble's", path);
}

static void expect_known(const char *path, struct json_object *obj)
{
	char below[128];

	if (*path)
		expect_field(path, obj);
	if (json_object_is_type(obj, json_type_array)) {
		snprintf(below, sizeof(below), "%s#", path);
		for (size_t i = 0; i < json_object_array_length(obj); i++)
			expect_known(below, json_object_array_get_idx(obj, i));
	} else if (json_object_is_type(obj, json_type_object)) {
		json_object_object_foreach(obj, key, value) {
			snprintf(below, sizeof(below), "%s%s%s", path,
				 *path ? "." : "", key);
			expect_known(below, value);
		}
	}
}

static void each_reason_in_a_line_is_one_that_any_hubble_reads(void)
{
	char text[1024];
	const char *name;
	int nr;

	for (int r = wd_reason_next(-1); r >= 0; r = wd_reason_next(r)) {
		bool found = false;

		if (r < WD_R_FIRST_DROP)
			continue;
		name = wd_hubble_drop(r, &nr);
		snprintf(text, sizeof(text), EVENT("drop", "%s", ""),
			 wd_reason_name((uint32_t)r));
		read_event(text);
		expect_known("", flow_doc);
		for (size_t i = 0;
		     i < sizeof(drop_words) / sizeof(drop_words[0]); i++)
			found |= drop_words[i].nr == nr &&
				 !strcmp(drop_words[i].word, name) &&
				 !strcmp(name, at("drop_reason_desc"));
		wd_test_row(name);
		/* what only newer ones have a word for is told by number */
		wd_expect(found ||
			  (nr > 193 && json_object_get_int(wd_json_get(
					       wd_json_get(flow_doc, "flow"),
					       "drop_reason_desc")) == nr));
	}
	wd_test_row(NULL);
}

static void each_field_of_a_line_is_one_of_hubbles(void)
{
	static const char *const protos[] = { "udp", "sctp", "icmp", "icmpv6" };
	struct json_object *lost = wd_hubble_lost(7, "2026-11-26T13:31:09Z");
	struct json_object *event;

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		event = json_tokener_parse(EVENT("allow", "POLICY_ALLOW", ""));
		wd_json_str(event, "proto", protos[i]);
		wd_json_add(event, "rule", json_tokener_parse(POLICY("one")));
		json_object_put(flow_doc);
		flow_doc = wd_hubble_flow(event);
		json_object_put(event);
		expect_known("", flow_doc);
	}
	read_event(EVENT("audit", "DEFAULT",
			 ",\"isolated_by\":[" POLICY("a") "]"));
	expect_known("", flow_doc);
	expect_known("", lost);
	wd_test_row(NULL);
	json_object_put(lost);
}

static struct json_object *labels_of(struct json_object *event,
				     const char *side)
{
	return wd_json_get(wd_json_get(event, side), "labels");
}

/* A reader that takes lines of less than 64 KiB stops at the first longer one. */
static void no_line_is_longer_than_hubble_reads(void)
{
	struct json_object *event =
		json_tokener_parse(EVENT("drop", "DEFAULT", ""));
	struct json_object *by = wd_json_array(event, "isolated_by");
	char key[320], value[64];

	memset(value, 'v', 63);
	value[63] = '\0';
	for (int i = 0; i < 400; i++) {
		struct json_object *policy = wd_json_push(by);

		snprintf(key, sizeof(key), "%0253d/%063d", i, i);
		wd_json_str(labels_of(event, "from"), key, value);
		wd_json_str(labels_of(event, "to"), key, value);
		key[253] = '\0';
		wd_json_str(policy, "name", key);
		wd_json_str(policy, "namespace", value);
		wd_json_str(policy, "kind", "CiliumClusterwideNetworkPolicy");
	}
	json_object_put(flow_doc);
	flow_doc = wd_hubble_flow(event);
	json_object_put(event);
	wd_expect(strlen(json_object_to_json_string_ext(
			  flow_doc, JSON_C_TO_STRING_PLAIN |
					    JSON_C_TO_STRING_NOSLASHESCAPE)) <
		  64 * 1024);
	wd_expect_str("DEFAULT: why; not all labels and policies are told",
		      at("Summary"));
	expect_known("", flow_doc);
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(each_drop_has_a_reason_of_hubbles);
	WD_TEST(flow_says_who_and_what);
	WD_TEST(verdicts_are_those_of_hubble);
	WD_TEST(policies_that_decided_are_named);
	WD_TEST(what_is_no_ip_has_no_addresses);
	WD_TEST(losses_are_told_as_hubble_does);
	WD_TEST(each_reason_in_a_line_is_one_that_any_hubble_reads);
	WD_TEST(each_field_of_a_line_is_one_of_hubbles);
	WD_TEST(no_line_is_longer_than_hubble_reads);
	json_object_put(flow_doc);
	return wd_tests_end();
}
