/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_nft_oracle.c - random clusters, changed step by step; after each sync
 * the ruleset must do with real packets what the oracle says of the objects as
 * they are now, or be stricter in a way that user/nft/nft.h lists.
 *
 *	test_nft_oracle [--seed N] [--packets N] [--cluster N]
 *
 * Each cluster has a seed of its own made of the run's and its number.
 */
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/byteorder.h"
#include "frame.h"
#include "node.h"
#include "oracle/dump.h"
#include "oracle/gen.h"
#include "oracle/oracle.h"
#include "tap.h"

#define STEPS 12 /* commits of one cluster */
#define SENT 24 /* new flows after each */
#define LIVE 24 /* flows kept alive between commits */
#define HOSTS 4
#define SPORT_FIRST 20000
#define SPORT_CNT 30000

/* A flow that conntrack knows. */
struct live {
	uint32_t ep; /* instance number, 0 unused */
	enum wd_dir dir;
	struct wd_flow flow;
	uint16_t sport;
	bool is_answered;
	bool of_host; /* by the name of who began it, then */
};

struct cluster {
	struct node *node;
	struct wd_store *store;
	struct wd_model *model;
	struct wd_sink sink;
	struct wd_gen gen;
	struct wd_oracle oracle;
	struct wd_addr host[HOSTS];
	size_t host_cnt;
	struct live live[LIVE];
	uint32_t nr;
	FILE *ip; /* what to tell ip(8) before the next packets */
	char *ip_text;
	size_t ip_len;
};

static uint64_t seed;
static uint64_t wanted = 2200;
static long only_cluster = -1;
static uint64_t sent, repeated, stricter, unseen, dropped, passed;
static uint64_t reason_cnt[WD_R__MAX];
static uint32_t last_ep;
static uint32_t last_sport;
static uint16_t last_id; /* of a packet */
static struct node node;

/* ---- a cluster ---- */

static void ip_begin(struct cluster *c)
{
	c->ip = open_memstream(&c->ip_text, &c->ip_len);
	if (!c->ip)
		abort();
}

static void ip_run(struct cluster *c)
{
	fclose(c->ip);
	if (*c->ip_text)
		node_ip(c->node, "%s", c->ip_text);
	free(c->ip_text);
	ip_begin(c);
}

/* Or a flow to it has a verdict, and its answer is of no flow. */
static bool hosts_are_local(const struct cluster *c)
{
	for (size_t i = 0; i < c->host_cnt; i++)
		if (!wd_expect(node_wait_local(&c->host[i])))
			return false;
	return true;
}

static const char *text_of(const struct wd_addr *a, char buf[64])
{
	wd_addr_str(a, buf);
	return buf;
}

static void object_changed(void *ctx, const struct wd_object *was,
			   const struct wd_object *now)
{
	struct cluster *c = ctx;

	wd_model_changed(c->model, was, now);
}

static void put_routes(struct cluster *c, const struct wd_endpoint *ep)
{
	const uint8_t *m = ep->pod_mac;
	int at = node_at(c->node, ep->ifindex);
	char buf[64];

	for (uint32_t i = 0; i < ep->addr_cnt; i++) {
		text_of(&ep->addr[i], buf);
		fprintf(c->ip,
			"route replace %s dev d%d\n"
			"neigh replace %s lladdr %02x:%02x:%02x:%02x:%02x:%02x nud permanent dev d%d\n",
			buf, at, buf, m[0], m[1], m[2], m[3], m[4], m[5], at);
	}
}

static void ep_set(void *ctx, const struct wd_endpoint *ep)
{
	struct cluster *c = ctx;
	char *error = NULL;

	put_routes(c, ep);
	if (!wd_expect_int(0, wd_nft_attach(c->node->nft, ep->ifindex, &error)))
		printf("# %s\n", error);
	free(error);
	wd_model_endpoint_set(c->model, ep);
}

static void put_routes_again(void *ctx, const struct wd_ep_info *info)
{
	put_routes(ctx, info->ep);
}

static void ep_del(void *ctx, uint32_t id)
{
	struct cluster *c = ctx;
	struct wd_ep_info info;
	char buf[64];

	if (wd_expect_int(0, wd_model_endpoint(c->model, id, &info))) {
		int at = node_at(c->node, info.ep->ifindex);

		for (uint32_t i = 0; i < info.ep->addr_cnt; i++)
			fprintf(c->ip, "route del %s dev d%d\n",
				text_of(&info.ep->addr[i], buf), at);
		wd_expect_int(0, wd_nft_detach(c->node->nft, info.ep->ifindex,
					       NULL));
	}
	wd_model_endpoint_del(c->model, id);
	/* one that has the same address had lost its route to the one that goes */
	wd_model_endpoints(c->model, put_routes_again, c);
}

static void host_addrs(void *ctx, const struct wd_addr *addr, size_t cnt)
{
	struct cluster *c = ctx;
	char buf[64];

	for (size_t i = 0; i < c->host_cnt; i++)
		fprintf(c->ip, "addr del %s dev lo\n",
			text_of(&c->host[i], buf));
	memcpy(c->host, addr, cnt * sizeof(*addr));
	c->host_cnt = cnt;
	for (size_t i = 0; i < cnt; i++)
		fprintf(c->ip, "addr add %s dev lo\n", text_of(&addr[i], buf));
	wd_model_host_addrs(c->model, addr, cnt);
}

static void cluster_begin(struct cluster *c, uint32_t nr)
{
	static const enum wd_mode modes[] = { WD_MODE_UNSET, WD_MODE_ENFORCE,
					      WD_MODE_ENFORCE, WD_MODE_AUDIT };
	struct wd_model_config config = { .node = "n0" };
	struct wd_state_val *state;

	memset(c, 0, sizeof(*c));
	c->nr = nr;
	c->node = &node;
	wd_expect(node_open(&node));
	ip_begin(c);
	c->gen.rng = seed * 0x9e3779b97f4a7c15ULL + nr;
	config.mode = modes[wd_gen_rnd(&c->gen, 4)];
	c->oracle.mode = config.mode;
	c->oracle.host_policy = wd_gen_one_in(&c->gen, 3);
	state = wd_memory_window(node.mem, WD_MAP_wd_state);
	state->flags = WD_STATE_CIDR4 | WD_STATE_CIDR6;
	if (c->oracle.host_policy)
		state->flags |= WD_STATE_HOST_POLICY;
	c->sink = node_sink(&node);
	c->store = wd_store_new(object_changed, c);
	c->model = wd_model_new(c->store, &c->sink, &config);
	c->oracle.store = c->store;
	c->oracle.untranslated = true;
	c->oracle.untried = true; /* the ruleset has what is enforced */
	c->gen.store = c->store;
	c->gen.ep_id = last_ep;
	c->gen.ifindex = node.ifindex;
	c->gen.ifindex_cnt = NODE_PODS;
	c->gen.ep_set = ep_set;
	c->gen.ep_del = ep_del;
	c->gen.host_addrs = host_addrs;
	c->gen.ctx = c;
	wd_gen_fill(&c->gen);
}

static void cluster_end(struct cluster *c)
{
	last_ep = c->gen.ep_id;
	wd_model_free(c->model);
	wd_store_free(c->store);
	wd_gen_fini(&c->gen);
	fclose(c->ip);
	free(c->ip_text);
	node_close(&node);
}

static bool commit(struct cluster *c)
{
	char *error = NULL;
	int err = wd_model_commit(c->model, &error);

	if (!wd_expect_int(0, err))
		printf("# commit: %s\n", error ? error : "no message");
	free(error);
	error = NULL;
	err = wd_nft_sync(node.nft, &error);
	if (!wd_expect_int(0, err))
		printf("# sync: %s\n", error ? error : "no message");
	free(error);
	if (wd_gen_one_in(&c->gen, 3))
		wd_expect_int(0, wd_model_settle(c->model));
	ip_run(c);
	c->oracle.ep = (const struct wd_endpoint *const *)c->gen.ep;
	c->oracle.ep_cnt = c->gen.ep_cnt;
	c->oracle.host = c->host;
	c->oracle.host_cnt = c->host_cnt;
	c->oracle.node = "n0";
	if (!hosts_are_local(c))
		return false;
	node_forget(&node);
	return !err;
}

/* ---- packets ---- */

/* The one local endpoint with the address; NULL none. false: there are several. */
static bool local(const struct cluster *c, const struct wd_addr *addr,
		  const struct wd_endpoint **ret_ep)
{
	const struct wd_endpoint *ep = NULL;
	uint32_t cnt = wd_oracle_local(&c->oracle, addr, &ep);

	*ret_ep = cnt ? ep : NULL;
	return cnt < 2;
}

static bool is_host_addr(const struct cluster *c, const struct wd_addr *addr)
{
	for (size_t i = 0; i < c->host_cnt; i++)
		if (wd_addr_equal(&c->host[i], addr))
			return true;
	return false;
}

/* Send it from where it comes from. @spoof: by the uplink all the same */
static void send_packet(struct cluster *c, const struct packet *sent_as,
			bool spoof)
{
	static const uint8_t far[6] = { 2, 0, 0, 0, 0xff, 1 };
	struct packet packet = *sent_as;
	const struct packet *p = &packet;
	const struct wd_flow *f = p->flow;
	const struct wd_addr *src = p->is_reply ? &f->dst : &f->src;
	const struct wd_endpoint *ep = NULL;
	uint8_t frame[FRAME_MAX];
	int at = NODE_UPLINK;
	size_t len;

	(void)node_arrived(&node, -1);
	last_id += last_id == UINT16_MAX ? 2 : 1;
	packet.id = last_id;
	(void)local(c, src, &ep);
	if (ep && !spoof)
		at = node_at(c->node, ep->ifindex);
	len = frame_build(frame, p, node.mac[at],
			  at == NODE_UPLINK ? far : ep->pod_mac);
	if (!ep && ((!p->is_reply && f->from_host) ||
		    (p->is_reply && is_host_addr(c, src))))
		node_send(&node, frame + FRAME_ETH, len - FRAME_ETH);
	else
		node_inject(&node, at, frame, len);
	sent++;
}

/* By its own interfaces, or by what its Node object says. */
static bool has_host_name(const struct wd_addr *addr)
{
	struct wd_addr_val val;
	enum wd_map map = addr->family == 4 ? WD_MAP_wd_addr4 : WD_MAP_wd_addr6;
	__be32 v4 = wd_be32_of(addr->v4);
	const void *key = &addr->v6;

	if (addr->family == 4)
		key = &v4;
	return !wd_memory_get(node.mem, map, key, &val) &&
	       (val.flags & WD_ADDR_HOST);
}

static bool is_icmp_of_other(const struct wd_flow *f)
{
	return f->proto == (f->src.family == 4 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static bool is_icmp(const struct wd_flow *f)
{
	return f->proto == (f->src.family == 4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

static bool is_echo(const struct wd_flow *f)
{
	return is_icmp(f) && f->port >> 8 == (f->src.family == 4 ? 8 : 128);
}

/* conntrack begins no flow with it: an answer, an error, or a type unknown to it. */
static bool opens_nothing(const struct wd_flow *f)
{
	static const uint8_t known4[] = { 8, 13, 15, 17 };
	uint8_t type = (uint8_t)(f->port >> 8);

	if (!is_icmp(f))
		return false;
	if (f->src.family == 4)
		return !memchr(known4, type, sizeof(known4));
	return type != 128 && type != 139;
}

/* The list in nft.h, as far as it concerns these packets. */
static bool may_be_stricter(const struct cluster *c, const struct packet *p,
			    int reason)
{
	const struct wd_flow *f = p->flow;
	const struct wd_endpoint *src = NULL, *dst = NULL;

	if (reason == WD_R_CT_INVALID)
		return is_icmp_of_other(f) || f->proto == IPPROTO_SCTP ||
		       opens_nothing(f) ||
		       (local(c, &f->src, &src) && local(c, &f->dst, &dst) &&
			src && src == dst);
	/* the name of this host, from elsewhere */
	if (reason == WD_R_SPOOF_IP)
		return has_host_name(&f->src) && !f->from_host;
	/* a socket of this host with another's name */
	return p->is_reply && f->from_host && !has_host_name(&f->src);
}

static bool verdict_passes(const struct verdict *v)
{
	return v->reason < WD_R_FIRST_DROP || v->audit;
}

static void report(const struct cluster *c, const struct wd_endpoint *ep,
		   enum wd_dir dir, const struct packet *p,
		   struct wd_answer want, const struct verdict *got)
{
	printf("# %s packet, source port %u, wanted %s (verdict %d), got %s%s\n"
	       "# again: --seed %llu --cluster %u\n",
	       p->is_reply ? "reply" :
	       p->is_later ? "later" :
			     "first",
	       p->sport, wd_dump_reason(want.reason), want.verdict,
	       wd_dump_reason(got->reason), got->audit ? " (audit)" : "",
	       (unsigned long long)seed, c->nr);
	wd_dump_case(&c->gen, &c->oracle, ep, dir, p->flow);
}

/*
 * Is the verdict at one hook what the oracle wants of the flow?
 * @dir: of the flow, at @ep
 */
static bool agrees(struct cluster *c, const struct wd_endpoint *ep,
		   enum wd_dir dir, const struct packet *p,
		   struct wd_answer want, const struct verdict *got)
{
	const char *what = NULL;

	/*
	 * What is counted as dropped, or not at all, must not have come out; one
	 * before it may do so late.
	 */
	if ((got->reason < 0 || !verdict_passes(got)) &&
	    !wd_expect_int(0, node_arrived_of(&node, last_id))) {
		report(c, ep, dir, p, want, got);
		return false;
	}
	if (got->reason < 0) {
		unseen++;
		return true;
	}
	reason_cnt[got->reason]++;
	if (want.verdict == WD_DROP && verdict_passes(got))
		what = "wider";
	else if (want.verdict != WD_DROP && !verdict_passes(got) &&
		 !may_be_stricter(c, p, got->reason))
		what = "stricter";
	else if (want.verdict == WD_DROP && (int)want.reason != got->reason &&
		 !may_be_stricter(c, p, got->reason))
		what = "another reason";
	else if (want.verdict == WD_AUDIT && got->reason >= WD_R_FIRST_DROP &&
		 !got->audit && !may_be_stricter(c, p, got->reason))
		what = "audit";
	if (!what) {
		stricter += want.verdict != WD_DROP && !verdict_passes(got);
		passed += verdict_passes(got);
		dropped += !verdict_passes(got);
		return true;
	}
	wd_expect_str("equal", what);
	report(c, ep, dir, p, want, got);
	return false;
}

static bool has_ports(const struct wd_flow *f)
{
	return f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP ||
	       f->proto == IPPROTO_SCTP;
}

/* Protocols without ports have one flow per peer: it must not be there yet. */
static bool make_room(struct cluster *c, const struct wd_flow *f)
{
	if (has_ports(f) || is_icmp(f))
		return true;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep && c->live[i].flow.proto == f->proto)
			return false;
	node_forget_flow(f);
	return true;
}

static void keep(struct cluster *c, const struct wd_endpoint *ep,
		 enum wd_dir dir, const struct packet *p)
{
	struct live *live = &c->live[wd_gen_rnd(&c->gen, LIVE)];

	*live = (struct live){ .ep = ep->id,
			       .dir = dir,
			       .flow = *p->flow,
			       .sport = p->sport,
			       .of_host = has_host_name(&p->flow->src) };
}

static enum wd_dir other(enum wd_dir dir)
{
	return dir == WD_EGRESS ? WD_INGRESS : WD_EGRESS;
}

/* An endpoint's address by a device that is not its own. */
static bool send_spoofed(struct cluster *c, const struct packet *p)
{
	static const struct wd_answer want = {
		WD_DROP, WD_R_SPOOF_IP, { false }, false
	};
	const struct wd_object *owner =
		wd_oracle_owner(&c->oracle, &p->flow->src);
	const struct wd_endpoint *ep, *to;
	struct verdicts got;

	(void)local(c, &p->flow->src, &ep);
	(void)local(c, &p->flow->dst, &to);
	if (!ep || !to || owner != wd_oracle_pod(&c->oracle, ep))
		return true;
	send_packet(c, p, true);
	got = node_verdicts(&node, WD_INGRESS);
	return agrees(c, to, WD_INGRESS, p, want, &got.at[WD_INGRESS]);
}

static bool send_new(struct cluster *c)
{
	enum wd_dir dir = wd_gen_one_in(&c->gen, 2) ? WD_EGRESS : WD_INGRESS;
	const struct wd_endpoint *ep, *from, *to;
	struct packet p = { 0 };
	struct verdicts got;
	struct wd_answer want;
	struct wd_flow flow;

	if (!c->gen.ep_cnt)
		return true;
	ep = c->gen.ep[wd_gen_rnd(&c->gen, c->gen.ep_cnt)];
	if (!wd_gen_flow(&c->gen, ep, dir, &flow) ||
	    !local(c, &flow.src, &from) || !local(c, &flow.dst, &to) ||
	    !make_room(c, &flow))
		return true;
	p.flow = &flow;
	p.sport = (uint16_t)(SPORT_FIRST + last_sport++ % SPORT_CNT);
	if (dir == WD_INGRESS && wd_gen_one_in(&c->gen, 8) &&
	    !send_spoofed(c, &p))
		return false;
	send_packet(c, &p, false);
	got = node_verdicts(&node, dir);
	want = wd_oracle_judge(&c->oracle, ep, dir, &flow);
	if (!agrees(c, ep, dir, &p, want, &got.at[dir]))
		return false;
	if (got.at[dir].reason < 0 || !verdict_passes(&got.at[dir]))
		return true;
	/* between two pods of the node both must allow it */
	if (dir == WD_EGRESS && to) {
		if (got.at[WD_INGRESS].reason < 0)
			got = node_verdicts(&node, WD_INGRESS);
		want = wd_oracle_judge(&c->oracle, to, WD_INGRESS, &flow);
		if (!agrees(c, to, WD_INGRESS, &p, want, &got.at[WD_INGRESS]))
			return false;
		if (want.verdict == WD_DROP)
			return true;
	}
	keep(c, ep, dir, &p);
	return true;
}

static const struct wd_endpoint *endpoint_nr(const struct cluster *c,
					     uint32_t id)
{
	for (uint32_t i = 0; i < c->gen.ep_cnt; i++)
		if (c->gen.ep[i]->id == id)
			return c->gen.ep[i];
	return NULL;
}

/* The ends of a flow may be somebody else's by now. */
static bool ends_are_as_before(const struct cluster *c, const struct live *live,
			       const struct wd_endpoint *ep)
{
	const struct wd_endpoint *src, *dst;

	if (!local(c, &live->flow.src, &src) ||
	    !local(c, &live->flow.dst, &dst) ||
	    live->of_host != has_host_name(&live->flow.src))
		return false;
	return live->dir == WD_EGRESS ? src == ep : dst == ep;
}

/* One more packet of a flow that was allowed; maybe it is not any more. */
static bool send_again(struct cluster *c, struct live *live)
{
	const struct wd_endpoint *ep = endpoint_nr(c, live->ep);
	struct packet p = { .flow = &live->flow, .sport = live->sport };
	struct wd_answer want;
	struct verdicts got;
	enum wd_dir hook;

	if (!ep || !ends_are_as_before(c, live, ep)) {
		live->ep = 0;
		return true;
	}
	p.is_reply = !wd_oracle_is_group(&live->flow.dst) &&
		     !opens_nothing(&live->flow) && wd_gen_one_in(&c->gen, 2);
	p.is_later = live->is_answered;
	p.is_synack = p.is_reply && !live->is_answered;
	hook = p.is_reply ? other(live->dir) : live->dir;
	want = wd_oracle_judge(&c->oracle, ep, live->dir, &live->flow);
	/* what answers another question needs a rule, which cannot be asked */
	if (p.is_reply && is_icmp(&live->flow) && !is_echo(&live->flow))
		want = (struct wd_answer){
			WD_DROP, WD_R_CT_INVALID, { false }, false
		};
	send_packet(c, &p, false);
	repeated++;
	got = node_verdicts(&node, hook);
	/* the other end's endpoint may have dropped it before */
	if (hook == WD_INGRESS && got.at[hook].reason < 0)
		return true;
	if (want.verdict == WD_DROP && got.at[hook].reason >= WD_R_FIRST_DROP)
		want.reason = (enum wd_reason)got.at[hook].reason;
	if (!agrees(c, ep, live->dir, &p, want, &got.at[hook]))
		return false;
	if (want.verdict == WD_DROP || !verdict_passes(&got.at[hook]))
		live->ep = 0;
	else if (p.is_reply)
		live->is_answered = true;
	return true;
}

/* ---- tests ---- */

static bool step(struct cluster *c)
{
	uint32_t changes = 1 + wd_gen_rnd(&c->gen, 4);

	for (uint32_t i = 0; i < changes; i++)
		wd_gen_mutate(&c->gen);
	if (!commit(c))
		return false;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep && !send_again(c, &c->live[i]))
			return false;
	for (int i = 0; i < SENT; i++)
		if (!send_new(c))
			return false;
	for (int i = 0; i < LIVE; i++)
		if (c->live[i].ep && wd_gen_one_in(&c->gen, 3) &&
		    !send_again(c, &c->live[i]))
			return false;
	return true;
}

static bool run_cluster(uint32_t nr)
{
	static struct cluster c;
	bool ok;

	cluster_begin(&c, nr);
	ok = commit(&c);
	for (int i = 0; ok && i < STEPS; i++)
		ok = step(&c);
	cluster_end(&c);
	return ok;
}

static void ruleset_does_what_the_objects_say(void)
{
	uint32_t nr = 0;

	if (only_cluster >= 0)
		(void)run_cluster((uint32_t)only_cluster);
	else
		while (sent < wanted && run_cluster(nr))
			nr++;
	printf("# %llu packets, %llu of live flows: %llu passed, %llu dropped, %llu as listed stricter, %llu without a verdict\n",
	       (unsigned long long)sent, (unsigned long long)repeated,
	       (unsigned long long)passed, (unsigned long long)dropped,
	       (unsigned long long)stricter, (unsigned long long)unseen);
	for (int i = 0; i < WD_R__MAX; i++)
		if (reason_cnt[i])
			printf("#   %s %llu\n", wd_dump_reason(i),
			       (unsigned long long)reason_cnt[i]);
	/* or nothing was tested */
	if (only_cluster < 0)
		wd_expect(unseen * 5 < sent);
}

static void parse_args(int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "packets", required_argument, NULL, 'p' },
		{ "cluster", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long long val = optarg ? strtoull(optarg, NULL, 0) : 0;

		if (opt == 's')
			seed = val;
		else if (opt == 'p')
			wanted = val;
		else if (opt == 'n')
			only_cluster = (long)val;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	seed = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	parse_args(argc, argv);
	printf("# seed %llu\n", (unsigned long long)seed);
	WD_TEST(ruleset_does_what_the_objects_say);
	return wd_tests_end();
}
