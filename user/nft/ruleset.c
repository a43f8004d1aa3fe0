/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ruleset.c - see ruleset.h: what is in a ruleset. How it is said: diff.c.
 */
#include "nft/ruleset.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model/xalloc.h"

const char *const wd_nft_family_names[WD_NFT_FAMILIES] = {
	[WD_NFT_INET] = "inet",
	[WD_NFT_BRIDGE] = "bridge",
	[WD_NFT_NETDEV] = "netdev",
	[WD_NFT_ARP] = "arp",
};

static const uint8_t elem_sizes[WD_NFT_KINDS] = {
	[WD_NFT_ADDR4] = 4,
	[WD_NFT_ADDR6] = 16,
	[WD_NFT_RANGE4] = 8,
	[WD_NFT_RANGE6] = 32,
	[WD_NFT_QUOTE4] = 4,
	[WD_NFT_QUOTE6] = 16,
	[WD_NFT_DEV] = 4,
	[WD_NFT_DEV_ADDR4] = 8,
	[WD_NFT_DEV_ADDR6] = 20,
	[WD_NFT_DEV_CHAIN] = 8,
	[WD_NFT_DEV_ADDR4_CHAIN] = 12,
	[WD_NFT_DEV_ADDR6_CHAIN] = 24,
};

size_t wd_nft_elem_size(enum wd_nft_kind kind)
{
	return elem_sizes[kind];
}

static void set_name(char name[WD_NFT_NAME], const char *from)
{
	size_t len = strlen(from);

	assert(len < WD_NFT_NAME);
	memset(name, 0, WD_NFT_NAME);
	memcpy(name, from, len);
}

size_t wd_nft_set(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		  enum wd_nft_kind kind, const char *name)
{
	struct wd_nft_set *set;

	rs->set = wd_grow(rs->set, rs->set_cnt, &rs->set_cap, sizeof(*set));
	set = &rs->set[rs->set_cnt];
	memset(set, 0, sizeof(*set));
	set_name(set->name, name);
	set->family = family;
	set->kind = kind;
	rs->table[family] = true;
	return rs->set_cnt++;
}

void wd_nft_elem(struct wd_nft_ruleset *rs, size_t set, const void *elem)
{
	struct wd_nft_set *s = &rs->set[set];
	size_t size = elem_sizes[s->kind];

	s->elem = wd_grow(s->elem, s->cnt, &s->cap, size);
	memcpy(s->elem + s->cnt * size, elem, size);
	s->cnt++;
}

/* FNV-1a, twice over: each half begins elsewhere. */
static uint64_t hash_text(const char *text, uint64_t hash)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	return hash;
}

void wd_nft_chain(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		  const char *name, const char *hook, char *rules)
{
	struct wd_nft_chain *chain;

	rs->chain = wd_grow(rs->chain, rs->chain_cnt, &rs->chain_cap,
			    sizeof(*chain));
	chain = &rs->chain[rs->chain_cnt++];
	memset(chain, 0, sizeof(*chain));
	set_name(chain->name, name);
	chain->family = family;
	chain->hook = wd_xstrdup(hook);
	chain->rules = rules;
	chain->hash[0] = hash_text(rules, 0xcbf29ce484222325ULL);
	chain->hash[1] = hash_text(rules, 0x9ae16a3b2f90404fULL);
	for (const char *c = rules; (c = strchr(c, '\n')); c++)
		chain->rule_cnt++;
	rs->table[family] = true;
}

void wd_nft_counter(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		    const char *name)
{
	struct wd_nft_counter *counter;

	for (size_t i = 0; i < rs->counter_cnt; i++)
		if (rs->counter[i].family == family &&
		    strcmp(rs->counter[i].name, name) == 0)
			return;
	rs->counter = wd_grow(rs->counter, rs->counter_cnt, &rs->counter_cap,
			      sizeof(*counter));
	counter = &rs->counter[rs->counter_cnt++];
	set_name(counter->name, name);
	counter->family = family;
}

/* ---- order ---- */

static int cmp_sets(const void *a, const void *b)
{
	const struct wd_nft_set *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int cmp_chains(const void *a, const void *b)
{
	const struct wd_nft_chain *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int cmp_counters(const void *a, const void *b)
{
	const struct wd_nft_counter *x = a, *y = b;

	if (x->family != y->family)
		return x->family < y->family ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int cmp_elems(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(const size_t *)size);
}

static bool kind_is_map(enum wd_nft_kind kind)
{
	return kind >= WD_NFT_DEV_CHAIN;
}

/* Each key once. What two chains claim goes to neither. */
static void seal_set(struct wd_nft_set *set)
{
	size_t size = elem_sizes[set->kind], cnt = 0;
	size_t key = kind_is_map(set->kind) ? size - 4 : size;

	if (!set->cnt)
		return;
	qsort_r(set->elem, set->cnt, size, cmp_elems, &size);
	for (size_t i = 0; i < set->cnt; i++) {
		uint8_t *last = set->elem + (cnt - 1) * size;
		const uint8_t *at = set->elem + i * size;

		if (cnt && memcmp(last, at, key) == 0) {
			if (memcmp(last, at, size) != 0)
				memset(last + key, 0, size - key);
			continue;
		}
		memmove(set->elem + cnt * size, at, size);
		cnt++;
	}
	set->cnt = cnt;
}

void wd_nft_seal(struct wd_nft_ruleset *rs)
{
	if (rs->set_cnt)
		qsort(rs->set, rs->set_cnt, sizeof(*rs->set), cmp_sets);
	if (rs->chain_cnt)
		qsort(rs->chain, rs->chain_cnt, sizeof(*rs->chain), cmp_chains);
	if (rs->counter_cnt)
		qsort(rs->counter, rs->counter_cnt, sizeof(*rs->counter),
		      cmp_counters);
	for (size_t i = 0; i < rs->set_cnt; i++)
		seal_set(&rs->set[i]);
}

static struct wd_nft_chain *find_chain(const struct wd_nft_ruleset *rs,
				       enum wd_nft_family family,
				       const char *name)
{
	struct wd_nft_chain key = { .family = family };

	set_name(key.name, name);
	if (!rs->chain_cnt)
		return NULL;
	return bsearch(&key, rs->chain, rs->chain_cnt, sizeof(key), cmp_chains);
}

bool wd_nft_has_chain(const struct wd_nft_ruleset *rs,
		      enum wd_nft_family family, const char *name)
{
	return find_chain(rs, family, name);
}

static void free_chain(struct wd_nft_chain *chain)
{
	free(chain->hook);
	free(chain->rules);
}

void wd_nft_drop_chain(struct wd_nft_ruleset *rs, enum wd_nft_family family,
		       const char *name)
{
	struct wd_nft_chain *chain = find_chain(rs, family, name);
	size_t at;

	if (!chain)
		return;
	free_chain(chain);
	at = (size_t)(chain - rs->chain);
	memmove(chain, chain + 1, (rs->chain_cnt - at - 1) * sizeof(*chain));
	rs->chain_cnt--;
}

/* ---- life ---- */

static void merge_set(struct wd_nft_ruleset *into, struct wd_nft_set *from)
{
	for (size_t i = 0; i < into->set_cnt; i++) {
		struct wd_nft_set *set = &into->set[i];

		if (cmp_sets(set, from) != 0)
			continue;
		for (size_t j = 0; j < from->cnt; j++)
			wd_nft_elem(into, i,
				    from->elem + j * elem_sizes[from->kind]);
		free(from->elem);
		return;
	}
	into->set = wd_grow(into->set, into->set_cnt, &into->set_cap,
			    sizeof(*into->set));
	into->set[into->set_cnt++] = *from;
}

void wd_nft_merge(struct wd_nft_ruleset *into, struct wd_nft_ruleset *part)
{
	for (size_t i = 0; i < part->set_cnt; i++)
		merge_set(into, &part->set[i]);
	for (size_t i = 0; i < part->chain_cnt; i++) {
		struct wd_nft_chain *from = &part->chain[i], *was;

		was = find_chain(into, from->family, from->name);
		if (was)
			wd_nft_drop_chain(into, from->family, from->name);
	}
	for (size_t i = 0; i < part->chain_cnt; i++) {
		into->chain = wd_grow(into->chain, into->chain_cnt,
				      &into->chain_cap, sizeof(*into->chain));
		into->chain[into->chain_cnt++] = part->chain[i];
	}
	for (size_t i = 0; i < part->counter_cnt; i++)
		wd_nft_counter(into, part->counter[i].family,
			       part->counter[i].name);
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		into->table[i] |= part->table[i];
	part->set_cnt = part->chain_cnt = 0;
	wd_nft_clear(part);
	wd_nft_seal(into);
}

void wd_nft_keep(struct wd_nft_ruleset *rs)
{
	for (size_t i = 0; i < rs->chain_cnt; i++) {
		free(rs->chain[i].rules);
		rs->chain[i].rules = NULL;
	}
}

void wd_nft_clear(struct wd_nft_ruleset *rs)
{
	for (size_t i = 0; i < rs->chain_cnt; i++)
		free_chain(&rs->chain[i]);
	for (size_t i = 0; i < rs->set_cnt; i++)
		free(rs->set[i].elem);
	free(rs->chain);
	free(rs->set);
	free(rs->counter);
	memset(rs, 0, sizeof(*rs));
}
