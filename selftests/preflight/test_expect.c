// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_expect.c - of random nodes: the state goes through its file unchanged,
 * and what is expected of it is what the oracle says of the objects.
 *
 *	test_expect [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "node.h"
#include "oracle/dump.h"
#include "preflight/asking.h"
#include "preflight/questions.h"
#include "tap.h"

#define NODES 40
#define QUESTIONS 400

static uint64_t seed;
static uint64_t asked;
static uint64_t reasons[WD_R__MAX];
static uint64_t to_services;
static uint64_t spans;
static struct node node;

static const struct wd_endpoint *endpoint_of(const struct wd_question *q)
{
	uint32_t id = node.state->ep[q->ep].val.id;

	for (uint32_t i = 0; i < node.gen.ep_cnt; i++)
		if (node.gen.ep[i]->id == id)
			return node.gen.ep[i];
	return NULL;
}

/* An address of a prefix may be one that no packet between machines has. */
static bool is_nobody(const struct wd_question *q)
{
	uint8_t first = q->peer.v6.s6_addr[0];

	return q->peer.family == 4 &&
	       (first == 127 || (!first && q->dir == WD_INGRESS));
}

/* Where kinds of backends differ, and which is asked first is open. */
static bool is_one_of(const struct wd_answer *want,
		      const struct wd_expected *got)
{
	if (got->reason == want->reason)
		return want->or_audit && got->passes;
	if (!want->may[got->reason])
		return false;
	return got->reason < WD_R_FIRST_DROP ?
		       got->passes :
		       (want->verdict != WD_DROP) == got->passes;
}

static bool agree(const struct wd_question *q)
{
	bool is_out = q->dir == WD_EGRESS;
	struct wd_flow flow = { .src = is_out ? q->own : q->peer,
				.dst = is_out ? q->peer : q->own,
				.from_host = !is_out && !q->iif,
				.proto = q->proto,
				.port = q->port };
	const struct wd_endpoint *ep = endpoint_of(q);
	struct wd_expected got = wd_expected(node.state, q);
	struct wd_answer want;

	if (!wd_expect(ep))
		return false;
	asked++;
	/* nothing comes from a group */
	if (wd_oracle_is_group(&flow.src) || is_nobody(q))
		return wd_expect_int(WD_R_L3_BAD, got.reason);
	want = wd_oracle_judge(&node.oracle, ep, q->dir, &flow);
	reasons[got.reason]++;
	to_services += is_out && wd_state_front(node.state, &q->peer, q->proto,
						q->port, 0);
	if (is_one_of(&want, &got))
		return true;
	if (wd_expect_str(wd_dump_reason(want.reason),
			  wd_dump_reason((int)got.reason)) &&
	    wd_expect_int(want.verdict != WD_DROP, got.passes))
		return true;
	printf("# seed %llu\n", (unsigned long long)seed);
	wd_dump_case(&node.gen, &node.oracle, ep, q->dir, &flow);
	return false;
}

static void expected_is_what_the_oracle_says(void)
{
	struct wd_questions questions;
	bool ok = true;

	for (uint64_t nr = 0; ok && nr < NODES; nr++) {
		ok = node_begin(&node, seed + nr, (int)(nr % 8)) &&
		     wd_expect_int(0, wd_questions_make(node.state, seed + nr,
							QUESTIONS, &questions));
		for (size_t i = 0; ok && i < questions.cnt; i++)
			ok = agree(&questions.list[i]);
		if (ok)
			wd_questions_free(&questions);
		node_end(&node);
	}
	printf("# %llu questions, %llu to services, seed %llu\n",
	       (unsigned long long)asked, (unsigned long long)to_services,
	       (unsigned long long)seed);
	/* of each kind some, or this tests little */
	wd_expect(reasons[WD_R_POLICY_ALLOW] > asked / 50);
	wd_expect(reasons[WD_R_DEFAULT] > asked / 50);
	wd_expect(reasons[WD_R_NOT_ISOLATED] > asked / 50);
	wd_expect(reasons[WD_R_HOST] && reasons[WD_R_MCAST] &&
		  reasons[WD_R_ENCAP_FORBIDDEN] && reasons[WD_R_PROTO_UNSUP]);
	wd_expect(reasons[WD_R_SERVICE] && to_services > asked / 200);
}

/* ---- the file ---- */

static char *text_of(const struct wd_state *state)
{
	struct json_object *doc = wd_state_json(state);
	char *text = strdup(
		json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN));

	json_object_put(doc);
	return text;
}

static void state_goes_through_its_file_unchanged(void)
{
	for (uint64_t nr = 0; nr < NODES; nr++) {
		struct json_object *doc;
		struct wd_state *again = NULL;
		char *why = NULL, *first, *second;

		if (!node_begin(&node, seed + nr, 3))
			return;
		first = text_of(node.state);
		doc = json_tokener_parse(first);
		if (wd_expect_int(0, wd_state_parse(doc, &again, &why))) {
			second = text_of(again);
			wd_expect_str(first, second);
			wd_expect_int(node.state->flags, again->flags);
			free(second);
		} else {
			printf("# %s\n", why ? why : "");
		}
		json_object_put(doc);
		wd_state_free(again);
		free(first);
		free(why);
		node_end(&node);
	}
}

/* ---- the questions ---- */

static void same_seed_gives_the_same_questions(void)
{
	struct wd_questions a, b, c;

	if (!node_begin(&node, seed, 4))
		return;
	wd_expect_int(0, wd_questions_make(node.state, 5, 100, &a));
	wd_expect_int(0, wd_questions_make(node.state, 5, 100, &b));
	wd_expect_int(0, wd_questions_make(node.state, 6, 100, &c));
	wd_expect_int(100, (long long)a.cnt);
	wd_expect(a.cnt == b.cnt &&
		  !memcmp(a.list, b.list, a.cnt * sizeof(*a.list)));
	wd_expect(memcmp(a.list, c.list, a.cnt * sizeof(*a.list)) != 0);
	wd_questions_free(&a);
	wd_questions_free(&b);
	wd_questions_free(&c);
	node_end(&node);
}

/* 1: the port is asked about, 2: the one before it is. */
static int asked_about(const struct wd_questions *q, size_t ep, uint32_t port)
{
	int seen = 0;

	for (size_t i = 0; i < q->cnt; i++) {
		if (q->list[i].ep != ep || q->list[i].dir != WD_INGRESS ||
		    q->list[i].proto != IPPROTO_TCP)
			continue;
		seen |= q->list[i].port == port ? 1 : 0;
		seen |= q->list[i].port + 1U == port ? 2 : 0;
	}
	return seen;
}

static void check_endpoint(const struct wd_questions *q, size_t nr)
{
	const struct wd_state_ep *ep = &node.state->ep[nr];
	const struct wd_state_slot *slot =
		wd_state_slot(node.state, ep->val.slot[0], WD_INGRESS);

	if (!slot ||
	    (!wd_state_own(ep, 4, 0).family && !wd_state_own(ep, 6, 0).family))
		return;
	for (uint32_t i = 1; i < slot->val.cnt[WD_L4_TCP]; i++) {
		uint32_t at = slot->val.first[WD_L4_TCP] + i;
		uint32_t lo = node.state->span[at].lo;

		spans++;
		wd_expect_int(lo > 1 ? 3 : 1, asked_about(q, nr, lo));
	}
}

/* Where all fit: each endpoint, direction and family, each end of each span. */
static void every_span_is_asked_about_and_the_port_beside_it(void)
{
	struct wd_questions q;

	/* not every node has policies with ports */
	for (uint64_t nr = 0; nr < 100 && spans < 20; nr++) {
		if (!node_begin(&node, seed + nr, 4))
			return;
		wd_expect_int(0, wd_questions_make(node.state, 5, 1000000, &q));
		wd_expect_int((long long)q.possible, (long long)q.cnt);
		for (size_t i = 0; i < node.state->ep_cnt; i++)
			check_endpoint(&q, i);
		wd_questions_free(&q);
		node_end(&node);
	}
	wd_expect(spans >= 20);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	WD_TEST(state_goes_through_its_file_unchanged);
	WD_TEST(expected_is_what_the_oracle_says);
	WD_TEST(same_seed_gives_the_same_questions);
	WD_TEST(every_span_is_asked_about_and_the_port_beside_it);
	return wd_tests_end();
}
