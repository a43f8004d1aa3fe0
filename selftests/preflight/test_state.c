// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_state.c - the reader of a node's state refuses what is not exactly one,
 * and says where it is wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "preflight/state.h"
#include "tap.h"

/* A state with one of each. */
static const char good[] =
	"{'format':6,'warder':'0.1.0','schema':11,'node':'n','kernel':'6.1',"
	"'rung':'full','generation':5,'host_policy':true,'services_exact':true,"
	"'encryption_required':true,'host_enforced':true,'host_slot':2,"
	"'tunnels':[{'port':7777}],"
	"'endpoints':[{'ifindex':7,'name':'a/b','id':3,'stat':1,'identity':300,"
	"'slot':2,'trial':0,'master':0,'mode':'audit','encap':false,"
	"'addresses':['10.0.0.1','fd00::1'],'link_local':'fe80::1',"
	"'mac':'02:00:00:00:00:0a','host_mac':'02:00:00:00:00:0b'}],"
	"'addresses':[{'address':'10.0.0.1','identity':300,'row':1,'ifindex':7,"
	"'node':0,'is':['pod','local']}],"
	"'prefixes':[{'prefix':'10.1.0.0/16','identity':9,'row':0}],"
	"'services':[{'address':'10.96.0.10','protocol':6,'port':80,"
	"'number':0,'identity':300,'row':1,'target':8080,'is':['node']},"
	"{'address':'10.96.0.10','protocol':6,'port':80,"
	"'number':1,'identity':301,'row':0,'target':8081,'is':[]}],"
	"'rows':[{'row':1,'predicates':[0,4095]}],"
	"'slots':[{'slot':2,'direction':'ingress','ready':true,'isolated':true,'denies':true,"
	"'tcp':[{'from':0,'class':0},{'from':80,'class':4}],'udp':[],"
	"'sctp':[],'icmp':[],'icmpv6':[],'other':[]},"
	"{'slot':2,'direction':'egress','ready':true,'isolated':false,'denies':false,'tcp':[],"
	"'udp':[],'sctp':[],'icmp':[],'icmpv6':[{'from':0,'class':4}],"
	"'other':[]}],"
	"'classes':[{'class':4,'rules':[{'rule':11,'predicate':0,"
	"'action':'allow'},{'rule':12,'predicate':65535,'action':'deny'}]}],"
	"'rules':[{'rule':11,'name':'p'}]}";

/* @text with ' for ", and the first @old in it made @new. */
static char *edited(const char *text, const char *old, const char *new)
{
	const char *at = strstr(text, old);
	char *out = NULL;

	if (!at || asprintf(&out, "%.*s%s%s", (int)(at - text), text, new,
			    at + strlen(old)) < 0)
		abort();
	for (char *c = out; *c; c++)
		if (*c == '\'')
			*c = '"';
	return out;
}

static int parse(const char *old, const char *new, struct wd_state **ret_state,
		 char **ret_error)
{
	char *text = edited(good, old, new);
	struct json_object *doc = json_tokener_parse(text);
	int err;

	if (!doc) {
		printf("# no JSON: %s\n", text);
		abort();
	}
	err = wd_state_parse(doc, ret_state, ret_error);
	json_object_put(doc);
	free(text);
	return err;
}

static void what_was_written_is_read(void)
{
	struct wd_state *state = NULL;
	char *why = NULL;

	if (!wd_expect_int(0, parse("'n'", "'n'", &state, &why))) {
		printf("# %s\n", why);
		free(why);
		return;
	}
	wd_expect_int(5, state->gen);
	wd_expect(state->host);
	wd_expect(state->encrypt);
	wd_expect_int(WD_STATE_HOST_POLICY | WD_STATE_CIDR4 | WD_STATE_FRONTS |
			      WD_STATE_LATE,
		      state->flags);
	wd_expect(wd_encap_is_own(&state->encap, 7777));
	wd_expect_str("a/b", state->ep[0].name);
	wd_expect_int(WD_EP_AUDIT, state->ep[0].val.flags[0]);
	wd_expect_int(2, state->ep[0].val.slot[1]);
	wd_expect_int(0x0a, state->ep[0].val.mac[5]);
	wd_expect_int(WD_ADDR_POD | WD_ADDR_LOCAL, state->addr[0].val.flags);
	wd_expect_int(16, state->cidr[0].cidr.len);
	wd_expect_int(2, (long long)state->front_cnt);
	wd_expect_int(WD_FRONT_NODE, state->front[0].val.flags);
	wd_expect_int(8081, state->front[1].val.port[1]);
	wd_expect(state->slot[0].val.flags & WD_SLOT_DENIES);
	wd_expect(state->row[0].val.bits[63] == 1ULL << 63);
	wd_expect_int(80, state->span[state->slot[0].val.first[0] + 1].lo);
	wd_expect_int(WD_PRED_ANY, state->class[0].val.rule[1].pred);
	wd_expect_int(WD_ACT_DENY, state->class[0].val.rule[1].action);
	wd_expect_str("p", wd_state_rule(state, 11));
	wd_state_free(state);
}

static const struct {
	const char *name;
	const char *old;
	const char *new;
	const char *says; /* part of the message */
} cases[] = {
	{ "another format", "'format':6", "'format':1", "format: 1" },
	{ "no format", "'format':6,", "", "not the state of a node" },
	{ "another schema", "'schema':11", "'schema':1", "schema" },
	{ "a field too many", "'node':'n'", "'node':'n','x':1", "x: is not" },
	{ "a field too few", "'node':'n',", "", "node: is missing" },
	{ "a field of another type", "'node':'n'", "'node':1", "of type" },
	{ "a list that is none", "'rules':[{'rule':11,'name':'p'}]",
	  "'rules':{}", "rules" },
	{ "a tunnel without a port", "'port':7777", "'port':0",
	  "tunnels[0].port: 0" },
	{ "a tunnel beyond the last port", "'port':7777", "'port':65536",
	  "tunnels[0].port" },
	{ "an element that is no object", "[{'rule':11,'name':'p'}]", "[1]",
	  "rules[0]" },
	{ "a field of an element too many", "'name':'p'", "'name':'p','y':0",
	  "rules[0].y" },
	{ "a negative number", "'generation':5", "'generation':-5",
	  "generation: -5" },
	{ "the loopback device", "'ifindex':7,'name'", "'ifindex':1,'name'",
	  "endpoints[0].ifindex" },
	{ "a slot beyond the map", "'slot':2,'trial'", "'slot':2048,'trial'",
	  "endpoints[0].slot" },
	{ "what is on trial is not there", "'trial':0", "'trial':3",
	  "endpoints[0].trial" },
	{ "a slot that is not there", "'slot':2,'trial'", "'slot':3,'trial'",
	  "endpoints[0].slot" },
	{ "a slot of the node that is not there", "'host_slot':2",
	  "'host_slot':3", "host_slot: is a number that nothing has" },
	{ "a slot of one direction", "'direction':'egress'",
	  "'direction':'ingress'", "slots[1]: is there twice" },
	{ "an unknown mode", "'audit'", "'loose'", "mode" },
	{ "three addresses of a family", "'10.0.0.1','fd00::1'",
	  "'10.0.0.1','10.0.0.2','10.0.0.3'", "addresses" },
	{ "no address", "'address':'10.0.0.1'", "'address':'10.0.0'",
	  "addresses[0].address" },
	{ "an unknown kind", "'local'", "'near'", "addresses[0].is" },
	{ "a row that is not there", "'row':1,'ifindex'", "'row':2,'ifindex'",
	  "addresses[0].row" },
	{ "no prefix", "10.1.0.0/16", "10.1.0.0/33", "prefixes[0].prefix" },
	{ "a service of a row that is not there", "'row':1,'target'",
	  "'row':2,'target'", "services[0].row" },
	{ "a service twice", "'number':1", "'number':0", "services[" },
	{ "a kind of backends without the one before", "'number':1",
	  "'number':2", "services[1].number" },
	{ "kinds of backends beyond the last", "'number':1", "'number':16",
	  "services[1].number" },
	{ "a port of a service beyond the last", "'port':80,", "'port':65536,",
	  "services[0].port" },
	{ "an unknown kind of backends", "['node']", "['nod']",
	  "services[0].is" },
	{ "a predicate beyond the row", "4095", "4096", "rows[0].predicates" },
	{ "row 0", "[{'row':1,", "[{'row':0,", "rows[0]" },
	{ "spans that go down", "'from':80", "'from':0", "slots[0].tcp" },
	{ "spans that do not begin at 0", "'from':0", "'from':1",
	  "slots[0].tcp" },
	{ "a port beyond the last", "'from':80", "'from':65536",
	  "slots[0].from" },
	{ "a class that is not there", "'from':80,'class':4",
	  "'from':80,'class':5", "class" },
	{ "a class of ICMP that is not there", "'icmpv6':[{'from':0,'class':4",
	  "'icmpv6':[{'from':0,'class':5", "class" },
	{ "class 0", "{'class':4,'rules'", "{'class':0,'rules'", "classes[0]" },
	{ "a predicate between", "'predicate':0", "'predicate':5000",
	  "predicate" },
	{ "an unknown action", "'deny'", "'reject'", "action" },
	{ "no hardware address", "02:00:00:00:00:0a", "02:00:00:00:00:0",
	  "endpoints[0].mac" },
};

static void what_is_not_right_is_refused_with_its_place(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct wd_state *state = NULL;
		char *why = NULL;

		wd_test_row(cases[i].name);
		wd_expect_int(-EINVAL,
			      parse(cases[i].old, cases[i].new, &state, &why));
		wd_expect(!state);
		if (!wd_expect(why && strstr(why, cases[i].says)))
			printf("# %s\n", why ? why : "no message");
		wd_state_free(state);
		free(why);
	}
	wd_test_row(NULL);
}

static void same_address_twice_is_refused(void)
{
	struct wd_state *state = NULL;
	char *why = NULL;

	wd_expect_int(-EINVAL, parse("'prefixes':[",
				     "'prefixes':[{'prefix':'10.1.2.0/16',"
				     "'identity':1,'row':0},",
				     &state, &why));
	wd_expect(why && strstr(why, "twice"));
	free(why);
}

static void file_that_is_no_json_is_refused(void)
{
	struct wd_state *state = NULL;
	char *why = NULL;

	wd_expect_int(-EINVAL,
		      wd_state_read("/proc/self/status", &state, &why));
	wd_expect_str("is not JSON", why);
	free(why);
	why = NULL;
	wd_expect_int(-ENOENT, wd_state_read("/nowhere", &state, &why));
	wd_expect(why && strstr(why, "-ENOENT"));
	free(why);
}

int main(void)
{
	WD_TEST(what_was_written_is_read);
	WD_TEST(what_is_not_right_is_refused_with_its_place);
	WD_TEST(same_address_twice_is_refused);
	WD_TEST(file_that_is_no_json_is_refused);
	return wd_tests_end();
}
