/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quote.c - the judge's view of ICMP errors: they pass if they go to who sent
 * the packet that they quote, and if that packet can have been sent.
 */
#include <string.h>

#include "flows.h"
#include "wire.h"

struct quote {
	struct addr src, dst;
	uint8_t proto;
	const uint8_t *l4; /* at least eight bytes */
};

static bool is_served(const struct look *k)
{
	if (k->l.frag != FRAG_WHOLE)
		return false;
	if (k->l.family == 6) /* RFC 4443: four errors are assigned */
		return k->icmp_type >= 1 && k->icmp_type <= 4;
	return k->icmp_type != 4 && k->icmp_type != 5; /* quench, redirect */
}

/* Less than any link of the family has to carry. */
static bool is_tiny_path(const struct look *k)
{
	const uint8_t *icmp = k->l.frame + k->l.at;

	if (k->l.family == 6)
		return k->icmp_type == 2 && get32(icmp + 4) < 1280;
	return k->icmp_type == 3 && icmp[1] == 4 && get16(icmp + 6) < 68;
}

static bool read_quote(const struct look *k, struct quote *q)
{
	const uint8_t *ip = k->l.frame + k->l.at + ICMP_LEN;
	size_t at = k->l.at + ICMP_LEN;
	size_t header = k->l.family == 4 ? IP4_LEN : IP6_LEN;

	memset(q, 0, sizeof(*q));
	if (!layers_has(&k->l, at, header) || ip[0] >> 4 != k->l.family)
		return false;
	if (k->l.family == 4) {
		if (get16(ip + 6) & 0x1fff)
			return false; /* a later fragment has no ports */
		header = (ip[0] & 15U) * 4;
		if (header < IP4_LEN)
			return false;
		memcpy(q->src.b, ip + 12, 4);
		memcpy(q->dst.b, ip + 16, 4);
		q->proto = ip[9];
	} else {
		memcpy(q->src.b, ip + 8, 16);
		memcpy(q->dst.b, ip + 24, 16);
		q->proto = ip[6];
		if (q->proto == P_FRAGMENT) {
			if (!layers_has(&k->l, at + header, 8) ||
			    get16(ip + header + 2) & 0xfff8)
				return false;
			q->proto = ip[header];
			header += 8;
		}
	}
	q->l4 = ip + header;
	return layers_has(&k->l, at + header, 8);
}

/* Make @k->key that of the quoted packet, which went the other way. */
static bool quoted_key(struct look *k, const struct quote *q)
{
	bool leaves = k->sight->dir == WD_EGRESS;
	enum wd_dir back = leaves ? WD_INGRESS : WD_EGRESS;

	if (k->own == OWN_NONE || !addr_is_equal(&k->dst, &q->src))
		return false;
	if (leaves && !addr_is_equal(&k->src, &q->dst))
		return false;
	k->key.peer = leaves ? q->src : q->dst;
	k->key.proto = q->proto;
	if (proto_is_icmp(k->l.family, q->proto)) {
		if (icmp_is_error(k->l.family, q->l4[0]))
			return false; /* no errors about errors */
		icmp_key(k, back, q->l4);
	} else if (q->proto == P_TCP || q->proto == P_UDP ||
		   q->proto == P_SCTP) {
		port_key(k, back, get16(q->l4), get16(q->l4 + 2));
	} else {
		port_key(k, back, 0, 0);
	}
	return true;
}

/* Can the quoted packet have been sent, as far as the flow knows? */
static bool was_sent(const struct look *k, const struct flow *f, uint32_t seq)
{
	enum wd_dir sender = k->sight->dir == WD_EGRESS ? WD_INGRESS :
							  WD_EGRESS;
	uint32_t end = f->end[sender];

	if (f->stage == ASKED && f->dir != sender)
		return false;
	if (f->key.proto != P_TCP)
		return true;
	if (f->stage == ASKED) /* of the SYN, whatever data it had */
		return seq == f->ack[!sender] - 1;
	if (f->is_blind)
		return true;
	if (sender == WD_INGRESS)
		return end - seq <= WD_TCP_BEHIND;
	return end - seq <= end - f->ack[WD_INGRESS];
}

int judge_quoted(struct look *k)
{
	struct quote q;
	struct flow *f;
	int r;

	if (!is_served(k) || is_tiny_path(k))
		return WD_R_ICMP_UNRELATED;
	if (has_martian(k))
		return WD_R_L3_BAD;
	if (k->sight->dir == WD_INGRESS) {
		r = provenance(k);
		if (r >= WD_R_FIRST_DROP)
			return r;
	}
	if (!read_quote(k, &q) || !quoted_key(k, &q))
		return WD_R_ICMP_UNRELATED;
	f = flow_of(k);
	if (!f)
		return WD_R_ICMP_UNRELATED;
	if (!was_sent(k, f, get32(q.l4 + 4))) {
		mark(MARK_QUOTE_NOT_SENT);
		return WD_R_ICMP_UNRELATED;
	}
	if (f->gen == gen_of(k))
		return WD_R_RELATED;
	mark(MARK_QUOTE_STALE);
	r = consent_for(k, f->is_host, f->dir);
	return lets_pass(k, r) ? WD_R_RELATED : r;
}
