/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * look.h - what the parts of the judge know of the packet at hand.
 *
 * A check returns a reason, which ends the decision, or GO_ON.
 */
#ifndef WARDER_SELFTESTS_LOOK_H
#define WARDER_SELFTESTS_LOOK_H

#include "judge.h"
#include "layers.h"

#define GO_ON (-1)

/* Which of the pod's addresses is its end of the packet. */
enum own { OWN_FIRST, OWN_SECOND, OWN_LINK, OWN_NONE };

/* Names a flow of one pod. Compared byte by byte: zeroed, no padding. */
struct flow_key {
	struct addr peer;
	uint16_t lport, pport; /* the pod's and the peer's, host order */
	uint8_t pod, family, own, proto;
	uint8_t sub; /* ICMP: whose request, 1 + enum wd_dir; 3 + if no echo */
	uint8_t pad;
};

struct look {
	struct judge *judge;
	const struct sight *sight;
	const struct pod *pod;
	uint8_t pod_nr;
	struct layers l;
	struct addr src, dst;
	enum own own;
	struct flow_key key;
	bool is_ip; /* the check of the IP header was reached */
	bool is_error, is_answer; /* ICMP */
	uint8_t icmp_type;
	/* TCP */
	uint8_t tcp; /* flags */
	uint32_t seq, ack, span; /* span: bytes of sequence space */
	bool has_positions;
};

/* ---- addresses ---- */

enum own own_of(const struct pod *pod, int family, const struct addr *a);
bool is_multicast(int family, const struct addr *a);
bool is_link_local6(const struct addr *a);

/* ---- neighbour.c: ARP and neighbour discovery ---- */

int judge_arp(const struct look *k);
/** judge_nd() - GO_ON if it is something else. @wrapped: behind extension headers */
int judge_nd(const struct look *k, bool wrapped);

/* ---- consent.c: who the packet is from, and what policy says ---- */

/** provenance() - WD_R_HOST, a reason to drop, or GO_ON */
int provenance(const struct look *k);
/** consent() - for the flow of @k->key if it is opened in direction @dir */
int consent(const struct look *k, enum wd_dir dir);
/** lets_pass() - does a packet with this reason go through? */
bool lets_pass(const struct look *k, int reason);
const struct setting *setting_of(const struct look *k);

/* ---- trains.c: fragments ---- */

struct trains;
struct trains *trains_new(void);
void trains_reset(struct trains *trains);
void trains_free(struct trains *trains);
struct trains *trains_of(const struct look *k);
bool mode_is_off(const struct look *k);
/** header_len() - bytes of the transport header that no later fragment may cover */
uint32_t header_len(uint8_t proto);
/** judge_later() - a later fragment; GO_ON with the ports of its first in @k */
int judge_later(struct look *k);
/** note_first() - what became of a first fragment. Return: its reason now */
int note_first(struct look *k, int reason);

/* ---- flows.c ---- */

struct flows;
struct flows *flows_new(void);
void flows_reset(struct flows *flows);
void flows_free(struct flows *flows);
struct flows *flows_of(const struct look *k);
int judge_flow(struct look *k);
int judge_quoted(struct look *k);
/** list_flows() - see judge_flows() */
size_t list_flows(const struct look *k, struct flow_state *ret, size_t room);
/** seed_flow() - make the flow of @k->key unless there is one */
void seed_flow(struct look *k, enum wd_dir dir, uint32_t life);

/* ---- judge.c ---- */

/** mark() - it came across */
void mark(enum mark mark);
uint32_t now_of(const struct look *k);
uint32_t gen_of(const struct look *k);
/** icmp_key() - complete @k->key for a message that goes in direction @dir */
void icmp_key(struct look *k, enum wd_dir dir, const uint8_t *icmp);
void port_key(struct look *k, enum wd_dir dir, uint16_t sport, uint16_t dport);
bool icmp_is_error(int family, uint8_t type);
bool proto_is_icmp(int family, uint8_t proto);
bool has_martian(const struct look *k);

#endif /* WARDER_SELFTESTS_LOOK_H */
