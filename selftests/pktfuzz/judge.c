/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.c - the order of the judge's checks, from the link to the flow, and
 * what mode and fragments make of the outcome.
 */
#include "judge.h"

#include <stdlib.h>
#include <string.h>
#include <warder/abi.h>

#include "look.h"
#include "wire.h"

uint64_t judge_marks[MARK__MAX];

void mark(enum mark mark)
{
	judge_marks[mark]++;
}

struct judge {
	struct setting setting;
	struct flows *flows;
	struct trains *trains;
	uint32_t gen; /* 0: nothing is published */
	uint32_t now;
	bool sheds;
};

struct judge *judge_new(bool sheds)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->sheds = sheds;
	j->flows = flows_new();
	j->trains = trains_new();
	if (j->flows && j->trains)
		return j;
	judge_free(j);
	return NULL;
}

void judge_free(struct judge *judge)
{
	if (!judge)
		return;
	flows_free(judge->flows);
	trains_free(judge->trains);
	free(judge);
}

void judge_reset(struct judge *judge)
{
	judge->setting = (struct setting){ .switches = 0 };
	judge->gen = 0;
	judge->now = 1000;
	flows_reset(judge->flows);
	trains_reset(judge->trains);
}

void judge_publish(struct judge *judge, const struct setting *setting)
{
	judge->setting = *setting;
	judge->gen++;
}

void judge_seed(struct judge *judge, const struct seed *seed)
{
	struct look k = { .judge = judge };

	k.key.peer = seed->peer;
	k.key.lport = seed->lport;
	k.key.pport = seed->pport;
	k.key.pod = POD_OF(seed->dev);
	k.key.family = seed->family;
	k.key.own = seed->own;
	k.key.proto = seed->proto;
	seed_flow(&k, seed->dir, seed->life);
}

size_t judge_flows(struct judge *judge, struct flow_state *ret, size_t room)
{
	struct look k = { .judge = judge };

	return list_flows(&k, ret, room);
}

void judge_wait(struct judge *judge, uint32_t ticks)
{
	judge->now += ticks;
}

/* ---- what the parts ask for ---- */

const struct setting *setting_of(const struct look *k)
{
	return &k->judge->setting;
}

struct flows *flows_of(const struct look *k)
{
	return k->judge->flows;
}

struct trains *trains_of(const struct look *k)
{
	return k->judge->trains;
}

uint32_t now_of(const struct look *k)
{
	return k->judge->now;
}

uint32_t gen_of(const struct look *k)
{
	return k->judge->gen;
}

/* ---- addresses ---- */

enum own own_of(const struct pod *pod, int family, const struct addr *a)
{
	const struct addr *own = family == 4 ? pod->own4 : pod->own6;

	if (addr_is_zero(a))
		return OWN_NONE;
	if (addr_is_equal(a, &own[0]))
		return OWN_FIRST;
	if (addr_is_equal(a, &own[1]))
		return OWN_SECOND;
	return family == 6 && addr_is_equal(a, &pod->link) ? OWN_LINK :
							     OWN_NONE;
}

bool is_link_local6(const struct addr *a)
{
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* Groups, and everybody on the link. */
bool is_multicast(int family, const struct addr *a)
{
	if (family == 6)
		return a->b[0] == 0xff;
	return (a->b[0] >= 224 && a->b[0] < 240) || get32(a->b) == 0xffffffff;
}

static bool is_low6(const struct addr *a, uint8_t last)
{
	static const uint8_t zero[15];

	return !memcmp(a->b, zero, 15) && a->b[15] == last;
}

static bool is_mapped6(const struct addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->b, mapped, 12);
}

bool has_martian(const struct look *k)
{
	const struct addr *src = &k->src, *dst = &k->dst;

	if (k->l.family == 4)
		return src->b[0] == 0 || src->b[0] == 127 || src->b[0] >= 224 ||
		       dst->b[0] == 127 || addr_is_zero(dst);
	return src->b[0] == 0xff || is_low6(src, 0) || is_low6(src, 1) ||
	       is_mapped6(src) || is_low6(dst, 0) || is_low6(dst, 1) ||
	       is_mapped6(dst);
}

/* ---- the checks, in their order ---- */

static int check_tag(const struct look *k)
{
	return k->l.ethertype == 0x8100 || k->l.ethertype == 0x88a8 ?
		       WD_R_VLAN :
		       GO_ON;
}

static int check_mac(const struct look *k)
{
	static const uint8_t unknown[6];

	if (k->sight->dir == WD_INGRESS || !memcmp(k->pod->mac, unknown, 6))
		return GO_ON;
	return memcmp(k->pod->mac, k->l.frame + 6, 6) ? WD_R_SPOOF_MAC : GO_ON;
}

static int check_type(const struct look *k)
{
	if (k->l.ethertype == 0x0806)
		return judge_arp(k);
	return k->l.family ? GO_ON : WD_R_L2_UNSUP;
}

/* The pod's end of the packet is one of its addresses, or a group it hears. */
static int check_own(struct look *k)
{
	bool leaves = k->sight->dir == WD_EGRESS;
	const struct addr *end = leaves ? &k->src : &k->dst;

	k->own = own_of(k->pod, k->l.family, end);
	if (k->own != OWN_NONE)
		return GO_ON;
	if (has_martian(k))
		return WD_R_L3_BAD;
	if (leaves)
		return WD_R_SPOOF_IP;
	return is_multicast(k->l.family, end) ? GO_ON : WD_R_NOT_LOCAL;
}

bool proto_is_icmp(int family, uint8_t proto)
{
	return proto == (family == 4 ? P_ICMP : P_ICMP6);
}

bool icmp_is_error(int family, uint8_t type)
{
	if (family == 6)
		return type < 128;
	return type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
}

void port_key(struct look *k, enum wd_dir dir, uint16_t sport, uint16_t dport)
{
	k->key.lport = dir == WD_EGRESS ? sport : dport;
	k->key.pport = dir == WD_EGRESS ? dport : sport;
	k->key.sub = 0;
}

void icmp_key(struct look *k, enum wd_dir dir, const uint8_t *icmp)
{
	uint8_t echo = k->l.family == 4 ? 8 : 128;
	uint8_t reply = k->l.family == 4 ? 0 : 129;

	k->key.pport = get16(icmp);
	k->key.lport = icmp[0] == echo || icmp[0] == reply ? get16(icmp + 4) :
							     0;
	if (icmp[0] == echo)
		k->key.sub = dir == WD_INGRESS ? 1 : 2;
	else if (icmp[0] == reply)
		k->key.sub = dir == WD_INGRESS ? 2 : 1;
	else
		k->key.sub = dir == WD_INGRESS ? 3 : 4;
	k->is_answer = icmp[0] == reply;
	if (k->is_answer) /* of a question with its code */
		k->key.pport = (uint16_t)(echo << 8 | icmp[1]);
}

static int read_tcp(struct look *k, const uint8_t *tcp)
{
	uint32_t header = (tcp[12] >> 4) * 4U;

	if (header < TCP_LEN || !layers_has(&k->l, k->l.at, header))
		return WD_R_L4_BAD;
	k->tcp = tcp[13] & (T_FIN | T_SYN | T_RST | T_ACK);
	k->seq = get32(tcp + 4);
	k->ack = get32(tcp + 8);
	k->has_positions = true;
	if (!k->tcp || (k->tcp & (T_FIN | T_ACK)) == T_FIN)
		return WD_R_CT_INVALID; /* nobody's stack sends these */
	if ((k->tcp & T_SYN) && (k->tcp & (T_FIN | T_RST)))
		return WD_R_CT_INVALID;
	/* of what is cut in fragments the length is not known: the most */
	k->span = k->l.frag == FRAG_FIRST ?
			  0xffff :
			  (uint32_t)(k->l.ip_end - k->l.at) - header;
	k->span += !!(k->tcp & T_SYN) + !!(k->tcp & T_FIN);
	return GO_ON;
}

static int read_transport(struct look *k)
{
	const uint8_t *hdr = k->l.frame + k->l.at;
	uint8_t proto = k->l.proto;
	bool icmp = proto_is_icmp(k->l.family, proto);
	size_t need = 0;

	if (proto == P_TCP)
		need = TCP_LEN;
	else if (proto == P_SCTP)
		need = SCTP_LEN;
	else if (proto == P_UDP || icmp)
		need = UDP_LEN;
	if (!layers_has(&k->l, k->l.at, need))
		return WD_R_L4_BAD;
	if (icmp) {
		k->icmp_type = hdr[0];
		k->is_error = icmp_is_error(k->l.family, hdr[0]);
		icmp_key(k, k->sight->dir, hdr);
	} else if (need) {
		port_key(k, k->sight->dir, get16(hdr), get16(hdr + 2));
	}
	return proto == P_TCP ? read_tcp(k, hdr) : GO_ON;
}

/* ---- what a lower rung drops, see bpf/rung.h ---- */

/* What it does not walk: options, and extension headers that may be. */
static int shed_extras(const struct look *k)
{
	const uint8_t *ip = k->l.frame + ETH_LEN;

	if (k->l.family == 4)
		return (ip[0] & 15) > 5 ? WD_R_SHED : GO_ON;
	if (!k->l.has_ext)
		return GO_ON;
	return layers_walks(ip[6]) ? WD_R_SHED : WD_R_EXTHDR;
}

static int shed_later(const struct look *k)
{
	if (k->l.frag_at < header_len(k->l.frag_proto))
		return WD_R_FRAG_OVERLAP;
	return mode_is_off(k) ? WD_R_FRAG_ORPHAN : WD_R_SHED;
}

/* ---- the transport header ---- */

static int check_transport(struct look *k)
{
	const struct addr *peer = k->sight->dir == WD_EGRESS ? &k->dst :
							       &k->src;
	int r;

	k->key.peer = *peer;
	k->key.pod = k->pod_nr;
	k->key.family = (uint8_t)k->l.family;
	k->key.own = (uint8_t)k->own;
	k->key.proto = k->l.proto;
	if (k->l.frag == FRAG_LATER)
		return k->judge->sheds ? shed_later(k) : judge_later(k);
	r = read_transport(k);
	if (r == GO_ON && k->l.frag == FRAG_FIRST && k->judge->sheds)
		return mode_is_off(k) ? GO_ON : WD_R_SHED;
	return r == WD_R_L4_BAD && k->l.frag == FRAG_FIRST ? WD_R_FRAG_TINY : r;
}

static int check_ip(struct look *k)
{
	int r;

	k->is_ip = true;
	memcpy(k->src.b, k->l.src, 16);
	memcpy(k->dst.b, k->l.dst, 16);
	if (k->l.ip_fault)
		return k->l.ip_fault;
	r = k->l.has_ext ? GO_ON : judge_nd(k, false);
	if (r == GO_ON)
		r = check_own(k);
	if (r != GO_ON)
		return r;
	if (k->judge->sheds)
		r = shed_extras(k);
	if (r != GO_ON)
		return r;
	if (k->l.extra_fault)
		return k->l.extra_fault;
	if (k->l.has_ext && k->l.frag != FRAG_LATER)
		r = judge_nd(k, true);
	return r == GO_ON ? check_transport(k) : r;
}

static int check_all(struct look *k)
{
	int r = check_tag(k);

	if (r == GO_ON)
		r = check_mac(k);
	if (r == GO_ON)
		r = check_type(k);
	if (r == GO_ON)
		r = check_ip(k);
	if (r != GO_ON)
		return r;
	if (!k->judge->gen)
		return WD_R_NOT_READY;
	return k->is_error ? judge_quoted(k) : judge_flow(k);
}

/* ---- the outcome ---- */

static bool rests_on_state(int reason)
{
	return reason == WD_R_FRAG_ORPHAN || reason == WD_R_FRAG_FULL ||
	       reason == WD_R_ICMP_UNRELATED || reason == WD_R_CT_INVALID ||
	       reason == WD_R_CT_FULL;
}

static struct ruling conclude(struct look *k, int r)
{
	uint32_t mode = setting_of(k)->flags[k->pod_nr];

	if (k->l.frag == FRAG_FIRST && k->is_ip && !k->judge->sheds)
		r = note_first(k, r);
	if ((mode & WD_EP_OFF) && rests_on_state(r))
		r = WD_R_MODE_OFF; /* off does not judge by state */
	if (r < WD_R_FIRST_DROP)
		return (struct ruling){ r, WD_ALLOW };
	if ((mode & WD_EP_AUDIT) && rests_on_state(r))
		return (struct ruling){ r, WD_AUDIT };
	return (struct ruling){ r, lets_pass(k, r) ? WD_AUDIT : WD_DROP };
}

struct ruling judge_packet(struct judge *judge, const struct sight *sight)
{
	struct look k = { .judge = judge, .sight = sight };

	if (!DEV_IS_POD(sight->dev))
		return (struct ruling){ WD_R_NO_ENDPOINT, WD_DROP };
	k.pod_nr = POD_OF(sight->dev);
	k.pod = &site_pods[k.pod_nr];
	layers_parse(&k.l, sight->data, sight->len);
	return conclude(&k, check_all(&k));
}
