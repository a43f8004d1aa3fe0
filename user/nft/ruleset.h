/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ruleset.h - a ruleset as sets and chains, and the commands that make one out
 * of another.
 *
 * Pure: knows the words of nftables, nothing of policy, and runs nothing. Each
 * family has one table of that name. Elements of sets are kept and compared
 * one by one, so that a pod more or less is a command of one line; a chain is
 * kept as a hash of its rules, and written anew as a whole.
 */
#ifndef WARDER_NFT_RULESET_H
#define WARDER_NFT_RULESET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define WD_NFT_TABLE "warder"
#define WD_NFT_TABLE_HOST "warder_host" /* policies of the node alone */
#define WD_NFT_TABLE_GATE "warder_gate" /* devices that nothing judges yet */
#define WD_NFT_NAME 32 /* bytes of a name, with its end */

enum wd_nft_family {
	WD_NFT_INET,
	WD_NFT_BRIDGE,
	WD_NFT_NETDEV,
	WD_NFT_ARP,
	WD_NFT_FAMILIES,
};

extern const char *const wd_nft_family_names[WD_NFT_FAMILIES];

/* What an element is: its bytes, in network byte order, in this order. */
enum wd_nft_kind {
	WD_NFT_ADDR4, /* address */
	WD_NFT_ADDR6,
	WD_NFT_RANGE4, /* first address, last address */
	WD_NFT_RANGE6,
	/* as ADDR4 and ADDR6, for what an ICMP error quotes: raw bytes to nftables */
	WD_NFT_QUOTE4,
	WD_NFT_QUOTE6,
	WD_NFT_DEV, /* ifindex */
	WD_NFT_DEV_ADDR4, /* ifindex, address */
	WD_NFT_DEV_ADDR6,
	/* the same, and an ifindex: go to chain ep<ifindex>_<suffix> */
	WD_NFT_DEV_CHAIN,
	WD_NFT_DEV_ADDR4_CHAIN,
	WD_NFT_DEV_ADDR6_CHAIN,
	WD_NFT_KINDS,
};

struct wd_nft_set {
	char name[WD_NFT_NAME];
	enum wd_nft_family family;
	enum wd_nft_kind kind;
	const char *suffix; /* static: of the chains it leads to, or NULL */
	uint8_t *elem; /* sorted once the ruleset is sealed */
	size_t cnt;
	size_t cap;
};

struct wd_nft_chain {
	char name[WD_NFT_NAME];
	enum wd_nft_family family;
	char *hook; /* of a base chain: what stands in its braces; else NULL */
	char *rules; /* a line each; NULL once the ruleset is kept */
	uint64_t hash[2]; /* of the rules */
	uint32_t rule_cnt;
};

struct wd_nft_ruleset {
	const char *name; /* static: of its tables */
	struct wd_nft_set *set; /* sorted by family and name when sealed */
	size_t set_cnt;
	size_t set_cap;
	struct wd_nft_chain *chain; /* likewise */
	size_t chain_cnt;
	size_t chain_cap;
	/* counters by name that rules speak of; sorted when sealed */
	struct wd_nft_counter {
		char name[WD_NFT_NAME];
		enum wd_nft_family family;
	} *counter;
	size_t counter_cnt;
	size_t counter_cap;
	bool table[WD_NFT_FAMILIES]; /* is there a table */
};

/* What a diff costs. */
struct wd_nft_cost {
	uint32_t chains; /* written anew */
	uint32_t rules;
	uint32_t added; /* elements */
	uint32_t deleted;
};

/** wd_nft_set() - a new set, empty. Return: its index, which stays valid until sealed */
size_t wd_nft_set(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		  enum wd_nft_kind kind, const char *name);

/** wd_nft_elem() - put an element of the set's kind into it; twice is once */
void wd_nft_elem(struct wd_nft_ruleset *rs, size_t set, const void *elem);

/** wd_nft_elem_size() - bytes of an element */
size_t wd_nft_elem_size(enum wd_nft_kind kind);

/**
 * wd_nft_chain() - a new chain
 * @hook: of a base chain, what stands in its braces; else NULL
 * @rules: a line each, taken over
 */
void wd_nft_chain(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		  const char *name, const char *hook, char *rules);

/** wd_nft_counter() - rules of this family speak of that counter */
void wd_nft_counter(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		    const char *name);

/**
 * wd_nft_seal() - sort; to be called once, before diff
 * Where two elements of a map have the same key, it leads to chain ep0_<suffix>.
 */
void wd_nft_seal(struct wd_nft_ruleset *rs);

/** wd_nft_has_chain() - is it in a sealed ruleset */
bool wd_nft_has_chain(const struct wd_nft_ruleset *rs,
		      enum wd_nft_family family, const char *name);

/** wd_nft_drop_chain() - forget a chain: it is not in the kernel */
void wd_nft_drop_chain(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		       const char *name);

/**
 * wd_nft_diff() - commands that make @to out of @from, in the order of one transaction
 * @from: sealed, of the same name; an empty one: from nothing
 * @only_add: @to is a part: nothing that it does not mention is deleted
 */
void wd_nft_diff(const struct wd_nft_ruleset *from,
		 const struct wd_nft_ruleset *to, bool only_add, FILE *out,
		 struct wd_nft_cost *ret_cost);

/** wd_nft_merge() - @into becomes what the diff with only_add has made; @part is empty then */
void wd_nft_merge(struct wd_nft_ruleset *into, struct wd_nft_ruleset *part);

/** wd_nft_keep() - let go of texts that only diff needs */
void wd_nft_keep(struct wd_nft_ruleset *rs);

/** wd_nft_clear() - empty and free */
void wd_nft_clear(struct wd_nft_ruleset *rs);

#endif /* WARDER_NFT_RULESET_H */
