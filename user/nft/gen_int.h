/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_int.h - what the files of the generator share, and nobody else sees.
 *
 * generate.c puts a ruleset together; gen_text.c writes chains, gen_base.c
 * those that all pods share, gen_endpoint.c those of a pod, gen_own.c has its
 * addresses, gen_source.c the chains of what comes out of it, gen_host.c those of this host's own sockets,
 * gen_wire.c those of what must be encrypted, gen_quote.c of what is quoted
 * there, gen_policy.c those of slots and classes, gen_pred.c the sets of
 * predicates.
 *
 * A policy is of one direction, which is who opens the flow: suffix "e" the
 * pod, "i" the peer. What becomes of a packet is counted by its own direction:
 * "out" of the pod, "in" to it.
 */
#ifndef WARDER_NFT_GEN_INT_H
#define WARDER_NFT_GEN_INT_H

#include "model/encap.h"
#include "nft/generate.h"

struct wd_nft_gen {
	const struct wd_nft_input *in;
	struct wd_nft_ruleset *rs;
	uint32_t gen; /* in force */
	uint32_t half; /* gen & 1 */
	bool host_policy;
	bool encrypt, encrypt_nodes;
	bool no_net[2]; /* IPv4, IPv6: no prefix of the cluster is known */
	struct wd_encap encap;
	/* the chain that is being written */
	enum wd_nft_family family;
	char name[WD_NFT_NAME];
	FILE *out;
	char *text;
	size_t text_len;
	char count[8][80]; /* see wd_nft_count() */
	unsigned int count_at;
};

/* ---- gen_text.c ---- */

/** wd_nft_begin() - a chain of the family that is being written */
void wd_nft_begin(struct wd_nft_gen *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wd_nft_rule() - one rule of it */
void wd_nft_rule(struct wd_nft_gen *g, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wd_nft_end() - the chain is done; @hook as in wd_nft_chain() */
void wd_nft_end(struct wd_nft_gen *g, const char *hook);

/** wd_nft_count() - "counter name ..." of a reason; good for the next 7 calls */
const char *wd_nft_count(struct wd_nft_gen *g, enum wd_reason reason,
			 enum wd_dir dir);

/** wd_nft_audit() - the same of what audit mode lets pass */
const char *wd_nft_audit(struct wd_nft_gen *g, enum wd_reason reason,
			 enum wd_dir dir);

/** wd_nft_is() - what says IPv4 or IPv6 in this family, for @version 4 or 6 */
const char *wd_nft_is(const struct wd_nft_gen *g, int version);

/** wd_nft_way() - "in" or "out" */
const char *wd_nft_way(enum wd_dir dir);

/** wd_nft_letter() - 'i' or 'e', of who opened the flow */
char wd_nft_letter(enum wd_dir dir);

/* ---- gen_base.c ---- */

/** wd_nft_base() - the chains all pods share, in inet or bridge */
void wd_nft_base(struct wd_nft_gen *g);

/**
 * wd_nft_ports() - UDP ports that unpack, for braces
 * @all: those too from which a socket may ask
 * @buf: of WD_NFT_LIST bytes
 */
const char *wd_nft_ports(const struct wd_nft_gen *g, bool all, char *buf,
			 size_t len);

/** wd_nft_decisions() - of these what is sane, and the ends of a decision; part of the above */
void wd_nft_decisions(struct wd_nft_gen *g);

/* ---- gen_endpoint.c ---- */

/* Sets and maps of one family, by their index in the ruleset. */
struct wd_nft_sets {
	size_t pods, audit;
	size_t pod_out, pod_in, port_in;
	size_t own4, own6;
	size_t bridge_out4, bridge_out6, bridge_in4, bridge_in6;
	size_t bridge_audit4, bridge_audit6;
};

/** wd_nft_endpoint_sets() - make them, empty */
void wd_nft_endpoint_sets(struct wd_nft_gen *g, struct wd_nft_sets *ret_sets);

/**
 * wd_nft_endpoint() - chains and elements of a device, in inet or bridge
 * @ep: NULL: it is no known endpoint
 */
void wd_nft_endpoint(struct wd_nft_gen *g, const struct wd_nft_sets *sets,
		     const struct wd_nft_device *dev,
		     const struct wd_endpoint_val *ep);

/** wd_nft_own() - elements of own4 and own6 of an endpoint */
void wd_nft_own(struct wd_nft_gen *g, const struct wd_nft_sets *sets,
		uint32_t ifindex, const struct wd_endpoint_val *ep);

/** wd_nft_dev_elem() - a device, or what leads from it to its chain */
void wd_nft_dev_elem(struct wd_nft_gen *g, size_t set, uint32_t ifindex);

/** wd_nft_by_slot() - what the slot of @ep says of the flow, by who opened it; ends the chain */
void wd_nft_by_slot(struct wd_nft_gen *g, const struct wd_endpoint_val *ep,
		    enum wd_dir dir);

/* ---- gen_own.c ---- */

#define WD_NFT_LIST 256 /* bytes for each list of these, or of ports */

/** wd_nft_ll6_known() - is the pod's link-local address known */
bool wd_nft_ll6_known(const struct wd_endpoint_val *ep);

/** wd_nft_own4() - own address number @i < WD_EP_ADDRS; NULL: none, a group, or one of those before */
const __be32 *wd_nft_own4(const struct wd_endpoint_val *ep, int i);

/** wd_nft_own6() - the same of IPv6, the link-local one at WD_EP_ADDRS */
const __be32 *wd_nft_own6(const struct wd_endpoint_val *ep, int i);

/**
 * wd_nft_own_text() - own addresses one by one
 * @at: 0 before the first call, moves on
 * Return: false: there is no more.
 */
bool wd_nft_own_text(const struct wd_endpoint_val *ep, int version, int *at,
		     char text[WD_NFT_LIST]);

/** wd_nft_own_raw() - the same of IPv6 as a number, for raw bytes */
bool wd_nft_own_raw(const struct wd_endpoint_val *ep, int *at,
		    char text[WD_NFT_LIST]);

/**
 * wd_nft_not_own() - "@field != A @field != B"
 * Return: false: there is none of this family, and @text is empty.
 */
bool wd_nft_not_own(const struct wd_endpoint_val *ep, int version,
		    const char *field, char text[WD_NFT_LIST]);

/* ---- gen_wire.c ---- */

/** wd_nft_wire() - what must be encrypted, in inet or bridge; 0 or -errno */
int wd_nft_wire(struct wd_nft_gen *g);

/* ---- gen_quote.c ---- */

/* Prefixes of one version inside the cluster, as "a-b, c-d"; "": none. */
struct wd_nft_nets {
	char *addr;
	char *raw; /* as numbers */
};

/** wd_nft_quote() - chains that judge what an ICMP error quotes; @nets: as numbers */
void wd_nft_quote(struct wd_nft_gen *g, int version, enum wd_dir dir,
		  const char *nets);

/** wd_nft_quote_look() - a rule that has them judge what gets there */
void wd_nft_quote_look(struct wd_nft_gen *g, int version, enum wd_dir dir);

/** wd_nft_quote_nodes() - the same, of two nodes only */
void wd_nft_quote_nodes(struct wd_nft_gen *g, int version, enum wd_dir dir);

/** wd_nft_quote_exempt() - the same, of who is exempt, which what it quotes need not be */
void wd_nft_quote_exempt(struct wd_nft_gen *g, int version, enum wd_dir dir);

/** wd_nft_quote_none() - rules that let no error leave for a pod that must be encrypted */
void wd_nft_quote_none(struct wd_nft_gen *g, int version,
		       const struct wd_nft_nets *nets);

/* ---- gen_source.c ---- */

/** wd_nft_source_all() - chains there that those of all known pods share */
void wd_nft_source_all(struct wd_nft_gen *g);

/** wd_nft_source() - the chain of a device in table netdev; none if it is gone */
void wd_nft_source(struct wd_nft_gen *g, const struct wd_nft_device *dev,
		   const struct wd_endpoint_val *ep);

/* ---- gen_policy.c ---- */

/* What some slots use; by enum wd_dir. */
struct wd_nft_use {
	bool slot[WD_DIR__MAX][WD_SLOTS_MAX];
	bool class[WD_DIR__MAX][WD_CLASSES_MAX];
	uint64_t pred[WD_ROW_WORDS];
};

/** wd_nft_use_slot() - this slot is reached in both directions, and all that it reaches */
void wd_nft_use_slot(const struct wd_nft_gen *g, struct wd_nft_use *use,
		     uint32_t slot);

/** wd_nft_slot_is_ready() - may the slot decide */
bool wd_nft_slot_is_ready(const struct wd_nft_gen *g, uint32_t slot,
			  enum wd_dir dir);

struct wd_nft_preds;

/** wd_nft_policy() - chains of what is used, in inet or bridge */
void wd_nft_policy(struct wd_nft_gen *g, const struct wd_nft_use *use,
		   const struct wd_nft_preds *preds);

/* ---- gen_host.c ---- */

/** wd_nft_host_use() - what the policies of this node reach. Return: 0 or -errno of the tables */
int wd_nft_host_use(const struct wd_nft_gen *g, struct wd_nft_use *use);

/** wd_nft_host() - chains of this host's own sockets; none without a policy. Return: 0 or -errno of the tables */
int wd_nft_host(struct wd_nft_gen *g);

/* ---- gen_pred.c ---- */

/* Names of the sets of prefixes of a predicate, "" none. */
struct wd_nft_preds {
	char range4[WD_PREDS_MAX][WD_NFT_NAME];
	char range6[WD_PREDS_MAX][WD_NFT_NAME];
};

/** wd_nft_preds() - sets of the predicates that are used. Return: 0 or -errno of the tables */
int wd_nft_preds(struct wd_nft_gen *g, const struct wd_nft_use *use,
		 struct wd_nft_preds *ret_preds);

/** wd_nft_each_addr() - call @fn for each entry of wd_addr4 or wd_addr6; 0 or -errno */
int wd_nft_each_addr(const struct wd_nft_gen *g, int version,
		     void (*fn)(void *ctx, const void *key,
				const struct wd_addr_val *val),
		     void *ctx);

/**
 * wd_nft_addr_sets() - sets of addresses by what they are: local4, host4, node4 and of IPv6
 * Return: 0 or -errno of the tables.
 */
int wd_nft_addr_sets(struct wd_nft_gen *g);

#endif /* WARDER_NFT_GEN_INT_H */
