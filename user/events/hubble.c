/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hubble.c - events in the words of Hubble. Pure. What Hubble has no word for
 * (our reason, the rule's number) stands in Summary, which it prints.
 */
#include "hubble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <warder/verdict.h>

#include "../base/json.h"
#include "../base/names.h"
#include "../base/opt.h"

/* monitorAPI.MessageType of Cilium. */
#define TYPE_DROP 1
#define TYPE_POLICY_VERDICT 5

/* Which part of a rule matched: policymap's PolicyMatch*. */
#define MATCH_L3_L4 2
#define MATCH_ALL 4

#define DROP_INVALID_SOURCE_MAC 130, "INVALID_SOURCE_MAC"
#define DROP_INVALID_SOURCE_IP 132, "INVALID_SOURCE_IP"
#define DROP_POLICY_DENIED 133, "POLICY_DENIED"
#define DROP_INVALID_PACKET 134, "INVALID_PACKET_DROPPED"
#define DROP_CT_HEADER 135, "CT_TRUNCATED_OR_INVALID_HEADER"
#define DROP_L4_UNKNOWN 142, "UNKNOWN_L4_PROTOCOL"
#define DROP_UNROUTABLE 151, "STALE_OR_UNROUTABLE_IP"
#define DROP_NO_CONTAINER 152, "NO_MATCHING_LOCAL_CONTAINER_FOUND"
#define DROP_CT_INSERT 155, "CT_MAP_INSERTION_FAILED"
#define DROP_EXTHDR 156, "INVALID_IPV6_EXTENSION_HEADER"
#define DROP_FRAGMENT 157, "IP_FRAGMENTATION_NOT_SUPPORTED"
#define DROP_NO_BACKEND 158, "SERVICE_BACKEND_NOT_FOUND"
#define DROP_CT_STATE 163, "UNKNOWN_CONNECTION_TRACKING_STATE"
#define DROP_NO_CONFIG \
	165, "NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION"
#define DROP_L2 166, "UNSUPPORTED_L2_PROTOCOL"
#define DROP_ENCAP 170, "ENCAPSULATION_TRAFFIC_IS_PROHIBITED"
#define DROP_UNKNOWN_SENDER 172, "UNKNOWN_SENDER"
#define DROP_FRAG_ORPHAN 175, "FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND"
#define DROP_ICMPV6 176, "FORBIDDEN_ICMPV6_MESSAGE"
#define DROP_POLICY_DENY 181, "POLICY_DENY"
#define DROP_VLAN 182, "VLAN_FILTERED"
#define DROP_UNENCRYPTED 195, "UNENCRYPTED_TRAFFIC"
#define DROP_EP_NOT_READY 203, "DROP_EP_NOT_READY"

/*
 * A line with a word that is not in its list is not read at all, but a number is:
 * those after this one came with Hubble 1.15 and later.
 */
#define DROP_WORD_MAX 193

/*
 * `hubble observe` ends at a line of 64 KiB. A label takes up to 390 bytes, a
 * policy as many: with these there are 57,000.
 */
#define LABELS_MAX 64 /* of each side */
#define POLICIES_MAX 16

static const struct {
	int nr;
	const char *name;
} drops[WD_R__MAX] = {
	[WD_R_DEFAULT] = { DROP_POLICY_DENIED },
	[WD_R_POLICY] = { DROP_POLICY_DENY },
	[WD_R_NOT_READY] = { DROP_EP_NOT_READY },
	[WD_R_NO_ENDPOINT] = { DROP_NO_CONTAINER },
	[WD_R_SPOOF_IP] = { DROP_INVALID_SOURCE_IP },
	[WD_R_SPOOF_MAC] = { DROP_INVALID_SOURCE_MAC },
	[WD_R_ARP_FORBIDDEN] = { DROP_INVALID_PACKET },
	[WD_R_ND_FORBIDDEN] = { DROP_ICMPV6 },
	[WD_R_VLAN] = { DROP_VLAN },
	[WD_R_L2_UNSUP] = { DROP_L2 },
	[WD_R_L3_BAD] = { DROP_INVALID_PACKET },
	[WD_R_IPOPT] = { DROP_INVALID_PACKET },
	[WD_R_EXTHDR] = { DROP_EXTHDR },
	[WD_R_L4_BAD] = { DROP_CT_HEADER },
	[WD_R_PROTO_UNSUP] = { DROP_L4_UNKNOWN },
	[WD_R_FRAG_ORPHAN] = { DROP_FRAG_ORPHAN },
	[WD_R_FRAG_TINY] = { DROP_FRAGMENT },
	[WD_R_FRAG_OVERLAP] = { DROP_FRAGMENT },
	[WD_R_ICMP_UNRELATED] = { DROP_CT_STATE },
	[WD_R_CT_INVALID] = { DROP_CT_STATE },
	[WD_R_CT_FULL] = { DROP_CT_INSERT },
	[WD_R_NOT_LOCAL] = { DROP_UNROUTABLE },
	[WD_R_MAP_ERR] = { DROP_NO_CONFIG },
	[WD_R_MCAST] = { DROP_POLICY_DENIED },
	[WD_R_ENCAP_FORBIDDEN] = { DROP_ENCAP },
	[WD_R_DHCP_FORBIDDEN] = { DROP_INVALID_PACKET },
	[WD_R_FRAG_FULL] = { DROP_FRAGMENT },
	[WD_R_NEIGHBOUR_FLOOD] = { DROP_INVALID_PACKET },
	[WD_R_SHED] = { DROP_FRAGMENT },
	[WD_R_PLAINTEXT_OUT] = { DROP_UNENCRYPTED },
	[WD_R_PLAINTEXT_IN] = { DROP_UNENCRYPTED },
	[WD_R_WG_STATE] = { DROP_UNENCRYPTED },
	[WD_R_TUN_BAD_PEER] = { DROP_UNKNOWN_SENDER },
	[WD_R_TUN_OPAQUE] = { DROP_UNENCRYPTED },
	[WD_R_SERVICE] = { DROP_NO_BACKEND },
};

const char *wd_hubble_drop(int reason, int *ret_nr)
{
	bool is_drop = reason >= 0 && reason < WD_R__MAX && drops[reason].nr;

	*ret_nr = is_drop ? drops[reason].nr : 0;
	return is_drop ? drops[reason].name : "DROP_REASON_UNKNOWN";
}

static bool says(struct json_object *event, const char *key, const char *value)
{
	return !strcmp(wd_json_get_str(event, key), value);
}

/* What policy has decided, as against what no policy can let pass. */
static bool is_policy_verdict(struct json_object *event)
{
	return !says(event, "verdict", "drop") ||
	       says(event, "reason", "DEFAULT") ||
	       says(event, "reason", "POLICY");
}

static void put_verdict(struct json_object *flow, struct json_object *event)
{
	struct json_object *type;
	int nr = 0;
	const char *name = wd_hubble_drop(
		wd_reason_find(wd_json_get_str(event, "reason")), &nr);
	bool policy = is_policy_verdict(event);

	wd_json_str(flow, "verdict",
		    says(event, "verdict", "drop")  ? "DROPPED" :
		    says(event, "verdict", "audit") ? "AUDIT" :
						      "FORWARDED");
	if (says(event, "verdict", "drop")) {
		wd_json_int(flow, "drop_reason", nr);
		if (nr > DROP_WORD_MAX)
			wd_json_int(flow, "drop_reason_desc", nr);
		else
			wd_json_str(flow, "drop_reason_desc", name);
	} else if (says(event, "verdict", "allow")) {
		wd_json_bool(flow, "is_reply", false); /* it opens a flow */
		wd_json_int(flow, "policy_match_type",
			    wd_json_get(event, "rule") ? MATCH_L3_L4 :
							 MATCH_ALL);
	}
	type = wd_json_object(flow, "event_type");
	wd_json_int(type, "type", policy ? TYPE_POLICY_VERDICT : TYPE_DROP);
	if (!policy)
		wd_json_int(type, "sub_type", nr);
}

static void put_ip(struct json_object *flow, struct json_object *event)
{
	const char *from =
		wd_json_get_str(wd_json_get(event, "from"), "address");
	struct json_object *ip;

	if (!*from)
		return;
	ip = wd_json_object(flow, "IP");
	wd_json_str(ip, "source", from);
	wd_json_str(ip, "destination",
		    wd_json_get_str(wd_json_get(event, "to"), "address"));
	wd_json_str(ip, "ipVersion", strchr(from, ':') ? "IPv6" : "IPv4");
}

static void put_l4(struct json_object *flow, struct json_object *event)
{
	static const struct {
		const char *proto, *name;
		bool icmp;
	} protos[] = { { "tcp", "TCP", false },
		       { "udp", "UDP", false },
		       { "sctp", "SCTP", false },
		       { "icmp", "ICMPv4", true },
		       { "icmpv6", "ICMPv6", true } };
	struct json_object *obj;

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (!says(event, "proto", protos[i].proto))
			continue;
		obj = wd_json_object(wd_json_object(flow, "l4"),
				     protos[i].name);
		wd_json_int(obj, protos[i].icmp ? "type" : "source_port",
			    protos[i].icmp ?
				    wd_json_get_int(event, "icmp_type") :
				    wd_json_get_int(wd_json_get(event, "from"),
						    "port"));
		wd_json_int(obj, protos[i].icmp ? "code" : "destination_port",
			    protos[i].icmp ?
				    wd_json_get_int(event, "icmp_code") :
				    wd_json_get_int(wd_json_get(event, "to"),
						    "port"));
	}
}

static void push_label(struct json_object *array, const char *source,
		       const char *key, const char *value)
{
	char *text = NULL;

	wd_format(&text, "%s:%s%s%s", source, key, value ? "=" : "",
		  value ?: "");
	wd_json_push_str(array, text ?: "");
	free(text);
}

static void push_labels(struct json_object *array, struct json_object *labels)
{
	if (!labels)
		return;
	json_object_object_foreach(labels, key, value) {
		if (json_object_array_length(array) >= LABELS_MAX)
			return;
		push_label(array, "k8s", key, json_object_get_string(value));
	}
}

static void put_endpoint(struct json_object *flow, const char *key,
			 struct json_object *side)
{
	struct json_object *obj = wd_json_object(flow, key), *array;
	const char *ns = wd_json_get_str(side, "namespace");
	const char *reserved = wd_json_get_str(side, "identity_name");

	wd_json_int(obj, "identity", wd_json_get_int(side, "identity"));
	array = wd_json_array(obj, "labels");
	if (*reserved)
		push_label(array, "reserved", reserved, NULL);
	if (*ns)
		push_label(array, "k8s", "io.kubernetes.pod.namespace", ns);
	if (!*ns)
		return; /* a node has a name, too, and is no pod */
	push_labels(array, wd_json_get(side, "labels"));
	wd_json_str(obj, "namespace", ns);
	wd_json_str(obj, "pod_name", wd_json_get_str(side, "name"));
}

static void push_policy(struct json_object *array, struct json_object *policy)
{
	struct json_object *obj = wd_json_push(array);

	wd_json_str(obj, "name", wd_json_get_str(policy, "name"));
	wd_json_str(obj, "namespace", wd_json_get_str(policy, "namespace"));
	wd_json_str(obj, "kind", wd_json_get_str(policy, "kind"));
}

/* Hubble 1.16 and later; an older one says that it does not know them. */
static void put_policies(struct json_object *flow, struct json_object *event)
{
	struct json_object *rule = wd_json_get(event, "rule"), *array;
	size_t isolated = wd_json_len(event, "isolated_by");
	char *key = NULL;

	if (!rule && !isolated)
		return;
	wd_format(&key, "%s_%s_by", wd_json_get_str(event, "direction"),
		  says(event, "verdict", "allow") ? "allowed" : "denied");
	if (!key)
		return;
	array = wd_json_array(flow, key);
	if (rule)
		push_policy(array, rule);
	for (size_t i = 0; i < isolated && i < POLICIES_MAX; i++)
		push_policy(array, wd_json_at(event, "isolated_by", i));
	free(key);
}

static size_t labels_of(struct json_object *event, const char *side)
{
	struct json_object *labels =
		wd_json_get(wd_json_get(event, side), "labels");

	return labels ? (size_t)json_object_object_length(labels) : 0;
}

/* Is something left out for the length of the line? */
static bool is_cut(struct json_object *event)
{
	/* the namespace is a label, too */
	return labels_of(event, "from") >= LABELS_MAX ||
	       labels_of(event, "to") >= LABELS_MAX ||
	       wd_json_len(event, "isolated_by") > POLICIES_MAX;
}

static void put_summary(struct json_object *flow, struct json_object *event)
{
	struct json_object *rule = wd_json_get(event, "rule");
	char *by = NULL, *text = NULL;

	if (rule)
		wd_format(&by, ", %s/%s%s%s %s[%lld]",
			  wd_json_get_str(rule, "kind"),
			  wd_json_get_str(rule, "namespace"),
			  *wd_json_get_str(rule, "namespace") ? "/" : "",
			  wd_json_get_str(rule, "name"),
			  wd_json_get_str(rule, "direction"),
			  (long long)wd_json_get_int(rule, "index"));
	wd_format(&text, "%s: %s%s%s", wd_json_get_str(event, "reason"),
		  wd_json_get_str(event, "help"), by ?: "",
		  is_cut(event) ? "; not all labels and policies are told" :
				  "");
	wd_json_str(flow, "Summary", text);
	free(by);
	free(text);
}

struct json_object *wd_hubble_flow(struct json_object *event)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *flow = wd_json_object(doc, "flow"), *device;
	struct json_object *endpoint = wd_json_get(event, "endpoint");

	wd_json_str(flow, "time", wd_json_get_str(event, "time"));
	put_verdict(flow, event);
	put_ip(flow, event);
	put_l4(flow, event);
	put_endpoint(flow, "source", wd_json_get(event, "from"));
	put_endpoint(flow, "destination", wd_json_get(event, "to"));
	wd_json_str(flow, "Type", "L3_L4");
	wd_json_str(flow, "node_name", wd_json_get_str(event, "node"));
	wd_json_str(flow, "traffic_direction",
		    says(event, "direction", "ingress") ? "INGRESS" : "EGRESS");
	device = wd_json_object(flow, "interface");
	wd_json_int(device, "index", wd_json_get_int(endpoint, "ifindex"));
	wd_json_str(device, "name", wd_json_get_str(endpoint, "interface"));
	put_policies(flow, event);
	put_summary(flow, event);
	wd_json_str(doc, "node_name", wd_json_get_str(event, "node"));
	wd_json_str(doc, "time", wd_json_get_str(event, "time"));
	return doc;
}

struct json_object *wd_hubble_lost(int64_t cnt, const char *time)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *lost = wd_json_object(doc, "lost_events");
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)cnt);
	wd_json_str(lost, "source", "PERF_EVENT_RING_BUFFER");
	wd_json_str(lost, "num_events_lost", text); /* uint64 is text there */
	wd_json_str(doc, "time", time);
	return doc;
}
