/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.c - see trial.h.
 */
#include "trial.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../base/opt.h"
#include "asking.h"
#include "datapath/golden_net.h"
#include "datapath/memory.h"
#include "net/linkset.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/nft.h"
#include "nft/tally.h"

#define TABLE "inet " WD_NFT_TALLY_TABLE
#define LOOPBACK 1
#define OTHERS 0x40000000U /* numbers of the pods' ends, from here on */
#define PACKET_MS 1000 /* until it is counted, on a machine with much to do */

struct wd_trial {
	const struct wd_state *state;
	struct wd_memory *mem;
	struct wd_tables tables; /* of mem */
	struct wd_golden_net net;
	struct wd_nft *nft;
	struct wd_nft *host;
	bool has_device[WD_TRIAL_DEVICES];
	struct wd_nft_tally now;
	struct wd_nft_tally last[WD_DIR__MAX]; /* valid if it was looked */
	bool looked[WD_DIR__MAX];
};

static int failed(char **ret_error, int err, const char *what, char *why)
{
	if (err)
		wd_format(ret_error, "%s: %s", what, why ?: wd_errno(err));
	free(why);
	return err;
}

/* ---- tables ---- */

static int set_entry(void *ctx, enum wd_map map, const void *key,
		     const void *val)
{
	return wd_memory_set(ctx, map, key, val);
}

static int get_entry(void *ctx, enum wd_map map, const void *key, void *ret_val)
{
	return wd_memory_get(ctx, map, key, ret_val);
}

static int next_entry(void *ctx, enum wd_map map, const void *prev,
		      void *ret_next)
{
	return wd_memory_next(ctx, map, prev, ret_next);
}

static void *window(void *ctx, enum wd_map map)
{
	return wd_memory_window(ctx, map);
}

static int fill(struct wd_trial *t)
{
	const struct wd_asking_to to = { t->mem, set_entry };
	const uint32_t key = WD_HOST_KEY;
	struct wd_endpoint_val host = { .id = WD_HOST_KEY };
	int err = wd_asking_tables(&to, t->state);

	host.slot[0] = host.slot[1] = t->state->host_slot;
	if (err || !t->state->host_slot)
		return err;
	return wd_memory_set(t->mem, WD_MAP_wd_endpoint, &key, &host);
}

/* ---- the namespace ---- */

static struct wd_cidr whole(const struct wd_addr *addr)
{
	return (struct wd_cidr){ *addr, addr->family == 4 ? 32 : 128 };
}

/* What has a route is sent; a route that is refused is a question not asked. */
static void add_routes(const struct wd_trial *t, struct wd_rtnl *nl,
		       const struct wd_state_ep *ep)
{
	for (int i = 0; i < 2 * WD_EP_ADDRS; i++) {
		struct wd_addr addr = wd_state_own(ep, i < WD_EP_ADDRS ? 4 : 6,
						   i % WD_EP_ADDRS);
		struct wd_cidr cidr = whole(&addr);

		if (addr.family == 4 || (addr.family == 6 && t->net.has6))
			(void)wd_route_put(nl, ep->ifindex, &cidr);
	}
}

static int add_device(struct wd_trial *t, struct wd_rtnl *nl, uint32_t nr)
{
	const struct wd_state_ep *ep = &t->state->ep[nr];
	char name[IFNAMSIZ], other[IFNAMSIZ];
	struct wd_veth veth = {
		.name = name,
		.ifindex = ep->ifindex,
		.other_name = other,
		.other = OTHERS + nr,
	};
	int err;

	(void)snprintf(name, sizeof(name), "pod%u", nr);
	(void)snprintf(other, sizeof(other), "end%u", nr);
	if (!(ep->val.host_mac[0] & 1))
		memcpy(veth.mac, ep->val.host_mac, sizeof(veth.mac));
	err = wd_veth_create(nl, &veth);
	if (err)
		return err;
	t->has_device[nr] = true;
	add_routes(t, nl, ep);
	return wd_nft_expect(t->nft, ep->ifindex);
}

/* A number that the namespace's own devices have is no reason to end. */
static int add_devices(struct wd_trial *t, struct wd_rtnl *nl)
{
	int err = 0;

	for (uint32_t i = 0;
	     i < t->state->ep_cnt && i < WD_TRIAL_DEVICES && !err; i++) {
		err = add_device(t, nl, i);
		if (err == -EEXIST || err == -EBUSY)
			err = 0;
	}
	return err;
}

/* A name for IPv6 sockets to have, which is nobody's: of documentation. */
static bool has_ipv6(struct wd_rtnl *nl)
{
	struct wd_addr own;

	return !wd_addr_parse("2001:db8:ffff::ffff", &own) &&
	       !wd_ifaddr_add(nl, LOOPBACK, &own);
}

static int make_links(struct wd_trial *t)
{
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	err = wd_link_set(&nl, LOOPBACK, true, 0);
	t->net.has6 = !err && has_ipv6(&nl);
	if (!err)
		err = add_devices(t, &nl);
	wd_rtnl_close(&nl);
	return err;
}

/* What passed the ruleset is counted, and ends before it is sent or kept. */
static int count_passing(char **ret_why)
{
	char chains[600];

	(void)snprintf(
		chains, sizeof(chains),
		"add chain " TABLE
		" postrouting { type filter hook postrouting priority 300; }\n"
		"add rule " TABLE
		" postrouting oif != %d counter name passed_in drop\n"
		"add chain " TABLE
		" prerouting { type filter hook prerouting priority 300; }\n"
		"add rule " TABLE
		" prerouting iif != %d counter name passed_out drop\n",
		LOOPBACK, LOOPBACK);
	return wd_nft_tally_begin(chains, WD_GOLDEN_MARK, ret_why);
}

static int begin(struct wd_trial *t, char **ret_error)
{
	char *why = NULL;
	const char *what;
	int err = wd_golden_net_enter(&what);

	if (err)
		return failed(ret_error, err, what, NULL);
	err = count_passing(&why);
	if (!err)
		err = wd_nft_open(&t->tables, &t->nft, &why);
	if (err)
		return failed(ret_error, err, "no ruleset", why);
	err = make_links(t);
	if (err)
		return failed(ret_error, err,
			      "no devices like those of the pods (veth)", NULL);
	err = wd_golden_net_sockets(&t->net);
	return failed(ret_error, err, "no sockets", NULL);
}

int wd_trial_open(const struct wd_state *state, struct wd_trial **ret_trial,
		  char **ret_error)
{
	struct wd_trial *t = calloc(1, sizeof(*t));
	int err = t ? wd_memory_new(&t->mem) : -ENOMEM;

	if (!err) {
		t->state = state;
		t->net = (struct wd_golden_net){ .pod_fd = -1,
						 .raw_fd = { -1, -1 } };
		t->tables = (struct wd_tables){ t->mem, get_entry, next_entry,
						window };
		err = fill(t);
	}
	err = err ? failed(ret_error, err, "the state's tables", NULL) :
		    begin(t, ret_error);
	if (err)
		wd_trial_close(t);
	else
		*ret_trial = t;
	return err;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* all was sent, or that failed before */
}

void wd_trial_close(struct wd_trial *t)
{
	if (!t)
		return;
	close_fd(t->net.pod_fd);
	close_fd(t->net.raw_fd[0]);
	close_fd(t->net.raw_fd[1]);
	wd_nft_close(t->host);
	wd_nft_close(t->nft);
	wd_memory_free(t->mem);
	free(t);
}

/* ---- in force ---- */

int wd_trial_force(struct wd_trial *t, bool judge_host, char **ret_error)
{
	const struct wd_asking_to to = { t->mem, set_entry };
	int err = wd_asking_state(&to, t->state,
				  judge_host ? WD_STATE_HOST_POLICY : 0);

	memset(t->looked, 0, sizeof(t->looked));
	return err ? failed(ret_error, err, "the state's tables", NULL) :
		     wd_nft_sync(t->nft, ret_error);
}

int wd_trial_force_host(struct wd_trial *t, char **ret_error)
{
	int err = t->host ? 0 :
			    wd_nft_open_host(&t->tables, &t->host, ret_error);

	return err ? err : wd_nft_sync(t->host, ret_error);
}

/* ---- counters ---- */

static uint8_t answer_of(const struct wd_nft_tally *from,
			 const struct wd_nft_tally *to)
{
	bool passed = to->passed != from->passed;

	for (int i = WD_R__MAX - 1; i >= 0; i--)
		if (to->reason[i] != from->reason[i] ||
		    to->audit[i] != from->audit[i])
			return (uint8_t)(i | (passed ? WD_ANSWER_PASSES : 0));
	return WD_ANSWER_FAILED;
}

/* Is nothing more to come? What passes is counted by its reason before it does. */
static bool is_told(const struct wd_nft_tally *from,
		    const struct wd_nft_tally *to, uint8_t answer)
{
	if (to->passed != from->passed)
		return true;
	return answer >= WD_R_FIRST_DROP && answer < WD_R__MAX &&
	       to->reason[answer] != from->reason[answer];
}

/* ---- questions ---- */

/* conntrack begins a flow with it. */
static bool opens(const struct wd_question *q)
{
	bool is_v4 = q->own.family == 4;
	uint8_t type = (uint8_t)(q->port >> 8);

	if (q->proto == IPPROTO_ICMP)
		return is_v4 && type == 8;
	if (q->proto == IPPROTO_ICMPV6)
		return !is_v4 && type == 128;
	return q->proto != IPPROTO_SCTP;
}

bool wd_trial_can(const struct wd_state *state, const struct wd_question *q)
{
	const struct wd_state_ep *ep = &state->ep[q->ep];

	for (int i = 0; i < WD_EP_ADDRS; i++) {
		struct wd_addr own = wd_state_own(ep, q->own.family, i);

		if (own.family && wd_addr_equal(&own, &q->peer))
			return false;
	}
	return q->ep < WD_TRIAL_DEVICES && opens(q) &&
	       !wd_expected_service(state, q);
}

static int send_one(struct wd_trial *t, const struct wd_question *q)
{
	uint8_t frame[WD_QUESTION_FRAME];
	size_t len = wd_question_frame(t->state, q, frame);

	t->net.pod = OTHERS + q->ep;
	return wd_golden_net_frame(&t->net, q->dir, frame, len);
}

uint8_t wd_trial_one(struct wd_trial *t, const struct wd_question *q)
{
	struct wd_nft_tally *from = &t->last[q->dir], *to = &t->now;
	uint8_t answer = WD_ANSWER_FAILED;
	int64_t until = wd_now_ms() + PACKET_MS;
	int err = 0;

	if (q->ep >= WD_TRIAL_DEVICES || !t->has_device[q->ep])
		return WD_ANSWER_FAILED;
	if (!t->looked[q->dir])
		err = wd_nft_tally_take(q->dir, from);
	if (!err)
		err = send_one(t, q);
	/* what goes to a pod is counted by the host's own chains, too */
	memset(t->looked, 0, sizeof(t->looked));
	while (!err) {
		err = wd_nft_tally_take(q->dir, to);
		if (err)
			break;
		answer = answer_of(from, to);
		if (is_told(from, to, answer) || wd_now_ms() > until)
			break;
		(void)usleep(500);
	}
	if (err || answer == WD_ANSWER_FAILED)
		return WD_ANSWER_FAILED;
	*from = *to;
	t->looked[q->dir] = true;
	return answer;
}

/* Those that need the host's own sockets judged, or the others. */
static void ask_some(struct wd_trial *t, const struct wd_questions *questions,
		     bool judge_host, uint8_t *answer)
{
	for (size_t i = 0; i < questions->cnt; i++) {
		const struct wd_question *q = &questions->list[i];

		if ((q->iif != 0) == judge_host && wd_trial_can(t->state, q))
			answer[i] = wd_trial_one(t, q);
	}
}

int wd_trial_all(struct wd_trial *t, const struct wd_questions *questions,
		 uint8_t *answer, char **ret_error)
{
	int err;

	memset(answer, WD_ANSWER_NONE, questions->cnt);
	err = wd_trial_force(t, false, ret_error);
	if (err)
		return err;
	ask_some(t, questions, false, answer);
	err = wd_trial_force(t, true, ret_error);
	if (!err)
		ask_some(t, questions, true, answer);
	return err;
}

uint8_t wd_trial_right(const struct wd_state *state,
		       const struct wd_question *q)
{
	struct wd_expected right = wd_expected_enforced(state, q);

	return (uint8_t)(right.reason | (right.passes ? WD_ANSWER_PASSES : 0));
}
