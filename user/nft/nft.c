/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.c - see nft.h: keeps account of what is in the kernel, and brings it to
 * what the tables say.
 *
 * Whether somebody else has edited it is told by the number of the ruleset,
 * which each transaction of anybody adds one to. Where it has moved by more
 * than ours, listings are compared with those that were taken while the number
 * was known to be ours: of the chains at once, of the elements of sets too
 * unless there are many, which are looked at once a minute.
 */
#include "nft/nft.h"

#include <errno.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/xalloc.h"
#include "net/rtnl.h"
#include "nft/generate.h"
#include "nft/kernel.h"
#include "nft/library.h"
#include "nft/readback.h"
#include "nft/stats.h"

struct wd_nft {
	bool host_only;
	struct wd_tables tables;
	struct wd_nft_library *lib;
	struct wd_nft_stats *stats;
	struct wd_nft_device *dev;
	size_t dev_cnt;
	size_t dev_cap;
	struct wd_nft_ruleset in_force;
	bool is_there; /* in_force is what the kernel has */
	bool probed; /* info.bridge and bridge_ct are known */
	bool arp;
	bool dirty;
	uint32_t gen; /* of the kernel's ruleset, when it was ours */
	uint64_t chains; /* hash of the listing then without elements, 0 not taken */
	uint64_t listing; /* the same with elements */
	uint64_t done_us; /* our last transaction */
	uint64_t compared_us; /* when elements were last compared */
	struct wd_nft_info info;
};

/* ---- errors ---- */

static int fail(char **ret_error, int err, const char *what, char *why)
{
	if (ret_error)
		*ret_error = wd_xprintf("nft: %s: %s", what,
					why ? why : strerror(-err));
	free(why);
	return err;
}

/* ---- life ---- */

static int probe(struct wd_nft *nft, char **ret_error);

static const char *table_of(bool host_only)
{
	return host_only ? WD_NFT_TABLE_HOST : WD_NFT_TABLE;
}

static int open_one(const struct wd_tables *tables, bool host_only,
		    struct wd_nft **ret_nft, char **ret_error)
{
	struct wd_nft *nft = wd_xcalloc(1, sizeof(*nft));
	char *why = NULL;
	uint32_t gen;
	int err;

	nft->tables = *tables;
	nft->host_only = host_only;
	err = wd_nft_library_open(&nft->lib, &why);
	if (!err) {
		err = wd_nft_kernel_gen(&gen);
		if (err == -EPROTONOSUPPORT || err == -EOPNOTSUPP ||
		    err == -EINVAL) {
			err = -EOPNOTSUPP;
			why = wd_xstrdup("the kernel has no nftables");
		}
	}
	if (!err) /* now, while another rung can be chosen */
		err = probe(nft, &why);
	if (err) {
		wd_nft_library_close(nft->lib);
		free(nft);
		return fail(ret_error, err, "cannot begin", why);
	}
	nft->stats = wd_nft_stats_new(table_of(host_only));
	*ret_nft = nft;
	return 0;
}

int wd_nft_open(const struct wd_tables *tables, struct wd_nft **ret_nft,
		char **ret_error)
{
	return open_one(tables, false, ret_nft, ret_error);
}

int wd_nft_open_host(const struct wd_tables *tables, struct wd_nft **ret_nft,
		     char **ret_error)
{
	return open_one(tables, true, ret_nft, ret_error);
}

void wd_nft_close(struct wd_nft *nft)
{
	if (!nft)
		return;
	wd_nft_clear(&nft->in_force);
	wd_nft_stats_free(nft->stats);
	wd_nft_library_close(nft->lib);
	free(nft->dev);
	free(nft);
}

void wd_nft_changed(struct wd_nft *nft, enum wd_map map, const void *key)
{
	(void)map;
	(void)key; /* elements are compared one by one anyway */
	nft->dirty = true;
}

bool wd_nft_dirty(const struct wd_nft *nft)
{
	return nft->dirty;
}

void wd_nft_info(const struct wd_nft *nft, struct wd_nft_info *ret_info)
{
	*ret_info = nft->info;
}

/* ---- what this kernel has ---- */

/* A table that comes and goes in the same transaction. */
static bool kernel_takes(struct wd_nft *nft, const char *family,
			 const char *chain, const char *rule, int *ret_err)
{
	char *text, *why = NULL;
	int err;

	text = wd_xprintf("add table %s warder_probe\n"
			  "add chain %s warder_probe probe { %s }\n"
			  "add rule %s warder_probe probe %s\n"
			  "delete table %s warder_probe\n",
			  family, family, chain, family, rule, family);
	err = wd_nft_run(nft->lib, text, &why);
	free(text);
	free(why);
	if (ret_err)
		*ret_err = err;
	return !err;
}

#define FORWARD "type filter hook forward priority 0; policy accept;"

/*
 * What is essential must be there. Without family bridge no port of a bridge
 * is taken on, see ask_for_bridge(); without connection tracking there what a
 * bridge forwards is dropped; without family arp this host may ask a pod for
 * addresses that are not its own.
 */
static int probe(struct wd_nft *nft, char **ret_error)
{
	int err;

	if (nft->probed)
		return 0;
	if (!kernel_takes(nft, "inet", FORWARD,
			  "ct original ip daddr 192.0.2.1 accept", &err))
		return fail(ret_error, err, "this kernel lacks what is needed",
			    wd_xstrdup("family inet with connection tracking "
				       "(nf_tables, nft_ct, nf_conntrack)"));
	nft->info.bridge =
		kernel_takes(nft, "bridge", FORWARD, "iif 0 accept", NULL);
	nft->info.bridge_ct =
		nft->info.bridge &&
		kernel_takes(nft, "bridge", FORWARD,
			     "ct original ip daddr 192.0.2.1 accept", NULL);
	nft->arp = kernel_takes(
		nft, "arp",
		"type filter hook output priority 0; policy accept;",
		"oif 0 accept", NULL);
	nft->probed = true;
	return 0;
}

/* ---- transactions ---- */

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static struct wd_nft_input input(const struct wd_nft *nft)
{
	return (struct wd_nft_input){
		.host_only = nft->host_only,
		.tables = &nft->tables,
		.dev = nft->dev,
		.dev_cnt = nft->dev_cnt,
		.bridge = nft->info.bridge,
		.bridge_ct = nft->info.bridge_ct,
		.arp = nft->arp,
	};
}

static struct wd_nft_device *find_device(struct wd_nft *nft, uint32_t ifindex)
{
	for (size_t i = 0; i < nft->dev_cnt; i++)
		if (nft->dev[i].ifindex == ifindex)
			return &nft->dev[i];
	return NULL;
}

/* Names may change, and devices go. */
static void look_at_devices(struct wd_nft *nft)
{
	for (size_t i = 0; i < nft->dev_cnt; i++) {
		struct wd_nft_device *dev = &nft->dev[i];

		if (!if_indextoname(dev->ifindex, dev->name))
			*dev->name = '\0';
	}
}

struct present {
	struct wd_nft_ruleset *kept;
	struct wd_nft_ruleset found;
};

static void note_chain(void *ctx, const char *name)
{
	struct present *present = ctx;

	if (strlen(name) < WD_NFT_NAME)
		wd_nft_chain(&present->found, WD_NFT_NETDEV, name, NULL,
			     wd_xstrdup(""));
}

/* The kernel deletes the base chain of a device that goes. */
static int drop_gone_chains(struct wd_nft *nft)
{
	struct present present = { .kept = &nft->in_force };
	int err = wd_nft_kernel_chains(table_of(nft->host_only), WD_NFT_NETDEV,
				       note_chain, &present);

	wd_nft_seal(&present.found);
	for (size_t i = 0; !err && i < nft->in_force.chain_cnt;) {
		const struct wd_nft_chain *chain = &nft->in_force.chain[i];

		if (chain->family == WD_NFT_NETDEV &&
		    !wd_nft_has_chain(&present.found, WD_NFT_NETDEV,
				      chain->name))
			wd_nft_drop_chain(&nft->in_force, WD_NFT_NETDEV,
					  chain->name);
		else
			i++;
	}
	wd_nft_clear(&present.found);
	return err;
}

static uint64_t hash_text(const char *text, uint64_t hash)
{
	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3ULL;
	return hash;
}

/* What the kernel has of ours. Return: 0 with the hash, or -errno. */
static int take_listing(struct wd_nft *nft, bool elements, uint64_t *ret_hash)
{
	uint64_t hash = 0xcbf29ce484222325ULL;
	int err = 0;

	for (int i = 0; !err && i < WD_NFT_FAMILIES; i++) {
		char command[64], *text = NULL;

		if (!nft->in_force.table[i])
			continue;
		(void)snprintf(command, sizeof(command), "list table %s %s",
			       wd_nft_family_names[i],
			       table_of(nft->host_only));
		err = wd_nft_list(nft->lib, command, elements, &text);
		if (!err)
			hash = hash_text(text, hash);
		free(text);
	}
	*ret_hash = hash ? hash : 1;
	return err;
}

/* Our transaction was done: is the number still ours? */
static void note_gen(struct wd_nft *nft, uint32_t before, bool same_chains)
{
	bool was_ours = before == nft->gen;
	uint32_t now;

	nft->listing = 0;
	if (!same_chains)
		nft->chains = 0;
	if (wd_nft_kernel_gen(&now))
		now = 0;
	/* what others did meanwhile is still to be compared: with the chains */
	if (now == before + 1 && (was_ours || !same_chains))
		nft->gen = now;
	else if (!nft->chains && !take_listing(nft, false, &nft->chains))
		nft->gen = now;
}

static int run(struct wd_nft *nft, const char *text, bool same_chains,
	       char **ret_error)
{
	uint32_t before = 0;
	char *why = NULL;
	int err;

	(void)wd_nft_kernel_gen(&before);
	err = wd_nft_run(nft->lib, text, &why);
	if (err)
		return fail(ret_error, err, "the kernel refused the ruleset",
			    why);
	nft->info.transactions++;
	nft->done_us = now_us();
	note_gen(nft, before, same_chains);
	return 0;
}

static void put_old_tables(const char *name, FILE *out)
{
	bool table[WD_NFT_FAMILIES];

	if (wd_nft_kernel_tables(name, table))
		return;
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		if (table[i])
			fprintf(out, "delete table %s %s\n",
				wd_nft_family_names[i], name);
}

/* From what is in force to @to; @to is taken over, or freed on failure. */
static int go_to(struct wd_nft *nft, struct wd_nft_ruleset *to, bool is_part,
		 char **ret_error)
{
	struct wd_nft_ruleset empty = { 0 };
	struct wd_nft_cost cost;
	char *text = NULL;
	size_t len;
	FILE *out = wd_xtext_open(&text, &len);
	int err = 0;

	if (!nft->is_there) {
		wd_nft_stats_note(nft->stats);
		put_old_tables(table_of(nft->host_only), out);
	}
	wd_nft_diff(nft->is_there ? &nft->in_force : &empty, to, is_part, out,
		    &cost);
	wd_xtext_close(out, &text);
	if (*text)
		err = run(nft, text, nft->is_there && !cost.chains, ret_error);
	free(text);
	if (err) {
		wd_nft_clear(to);
		return err;
	}
	if (!nft->is_there)
		wd_nft_stats_keep(nft->stats);
	nft->info.chains += cost.chains;
	nft->info.rules += cost.rules;
	nft->info.added += cost.added;
	nft->info.deleted += cost.deleted;
	wd_nft_keep(to);
	if (is_part) {
		wd_nft_merge(&nft->in_force, to);
	} else {
		wd_nft_clear(&nft->in_force);
		nft->in_force = *to;
	}
	nft->is_there = true;
	return 0;
}

/* ---- is it as it was left ---- */

#define FEW 2000 /* elements, which take milliseconds to list */
#define QUIET_US 10000000ULL /* after our last transaction */
#define COMPARE_US 60000000ULL

/* Is it worth to list elements now? */
static bool elements_are_due(const struct wd_nft *nft)
{
	uint64_t now = now_us();
	size_t cnt = 0;

	for (size_t i = 0; i < nft->in_force.set_cnt; i++)
		cnt += nft->in_force.set[i].cnt;
	if (cnt < FEW)
		return true;
	return now - nft->done_us > QUIET_US &&
	       now - nft->compared_us > COMPARE_US;
}

/* The number is ours: what there is now is what others are compared with. */
static int take_listings(struct wd_nft *nft, bool elements)
{
	uint64_t chains = nft->chains, listing = nft->listing;
	uint32_t after = 0;
	int err = 0;

	if (!chains)
		err = take_listing(nft, false, &chains);
	if (!err && !listing && elements)
		err = take_listing(nft, true, &listing);
	if (!err)
		err = wd_nft_kernel_gen(&after);
	if (err || after != nft->gen)
		return err;
	nft->chains = chains;
	nft->listing = listing;
	return 0;
}

/* -ENOLINK: it differs; by what it is like without elements, if that is all there is. */
static int compare_listings(struct wd_nft *nft, uint32_t gen, bool elements)
{
	uint64_t now;
	int err;

	if (!nft->chains)
		return -ENOLINK;
	err = take_listing(nft, false, &now);
	if (err)
		return err == -ENOENT ? -ENOLINK : err;
	if (now != nft->chains)
		return -ENOLINK;
	/* not known how it was: what elements there are now must do */
	if (!nft->listing)
		nft->gen = gen;
	if (!elements || !nft->listing)
		return 0;
	nft->compared_us = now_us();
	err = take_listing(nft, true, &now);
	if (err)
		return err;
	if (now != nft->listing)
		return -ENOLINK;
	nft->gen = gen;
	return 0;
}

static int compare(struct wd_nft *nft)
{
	bool elements = elements_are_due(nft);
	uint32_t gen;
	int err = wd_nft_kernel_gen(&gen);

	if (err)
		return err;
	if (gen != nft->gen)
		return compare_listings(nft, gen, elements);
	if (nft->chains && (nft->listing || !elements))
		return 0;
	return take_listings(nft, elements);
}

/* ---- bridges ---- */

/*
 * deny: a kernel whose nftables does not see what bridges forward cannot guard
 * a port of one. Return: 0, -EOPNOTSUPP, -ENODEV or -errno.
 */
static int ask_for_bridge(const struct wd_nft *nft, uint32_t ifindex,
			  char **ret_error)
{
	struct wd_link link;
	struct wd_rtnl nl;
	int err;

	if (nft->info.bridge)
		return 0;
	err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);
	if (!err) {
		err = wd_link_get(&nl, ifindex, NULL, &link);
		wd_rtnl_close(&nl);
	}
	if (!err && !link.master)
		return 0;
	if (err)
		return fail(ret_error, err, "cannot look at the interface",
			    NULL);
	return fail(
		ret_error, -EOPNOTSUPP, "cannot guard a port of a bridge",
		wd_xstrdup(
			"this kernel lacks family bridge (nf_tables, nft_meta_bridge)"));
}

/* All that are to be guarded from now on; one that went is no obstacle. */
static int ask_for_bridges(const struct wd_nft *nft, char **ret_error)
{
	int err = 0;

	for (size_t i = 0; !err && i < nft->dev_cnt; i++)
		if (*nft->dev[i].name)
			err = ask_for_bridge(nft, nft->dev[i].ifindex,
					     ret_error);
	return err;
}

/* ---- sync ---- */

/* A device may go between looking and doing. */
#define TRIES 3

static bool may_be_of_the_moment(int err)
{
	return err == -ENOENT || err == -ENODEV || err == -EBADMSG;
}

/* What was put there anew is read back. */
static int put(struct wd_nft *nft, struct wd_nft_ruleset *to, char **ret_error)
{
	bool is_new = !nft->is_there;
	char *why = NULL;
	int err = go_to(nft, to, false, ret_error);

	if (err || !is_new)
		return err;
	err = wd_nft_readback(&nft->in_force, &why);
	if (!err)
		return 0;
	nft->is_there = false;
	return fail(ret_error, err, "the ruleset cannot be read back", why);
}

int wd_nft_sync(struct wd_nft *nft, char **ret_error)
{
	uint64_t begun = now_us();
	char *why = NULL;
	int err = probe(nft, &why);

	if (nft->is_there && compare(nft) == -ENOLINK)
		nft->is_there = false;
	for (int i = 0; !err && i < TRIES; i++) {
		struct wd_nft_input in;
		struct wd_nft_ruleset to;

		look_at_devices(nft);
		err = nft->is_there ? drop_gone_chains(nft) :
				      ask_for_bridges(nft, &why);
		in = input(nft);
		if (!err)
			err = wd_nft_generate(&in, &to);
		if (err)
			break;
		err = put(nft, &to, &why);
		if (!err || !may_be_of_the_moment(err) || i == TRIES - 1)
			break;
		free(why);
		why = NULL;
		err = 0;
	}
	if (err && !why)
		(void)fail(&why, err, "cannot read the tables", NULL);
	if (ret_error && err)
		*ret_error = why;
	else
		free(why);
	if (!err) {
		nft->dirty = false;
		nft->info.last_us = (uint32_t)(now_us() - begun);
	}
	return err;
}

/* ---- devices ---- */

static int close_device(struct wd_nft *nft, const struct wd_nft_device *dev,
			char **ret_error)
{
	struct wd_nft_input in = input(nft);
	struct wd_nft_ruleset part;
	int err = drop_gone_chains(nft);

	if (err)
		return fail(ret_error, err, "cannot read the ruleset", NULL);
	wd_nft_generate_closed(&in, dev, &part);
	return go_to(nft, &part, true, ret_error);
}

/* Return: 1 it is new, 0 it was known, -ENODEV. */
static int add_device(struct wd_nft *nft, struct wd_nft_device *dev)
{
	if (!if_indextoname(dev->ifindex, dev->name))
		return -ENODEV;
	if (find_device(nft, dev->ifindex))
		return 0;
	nft->dev = wd_grow(nft->dev, nft->dev_cnt, &nft->dev_cap,
			   sizeof(*nft->dev));
	nft->dev[nft->dev_cnt++] = *dev;
	return 1;
}

int wd_nft_expect(struct wd_nft *nft, uint32_t ifindex)
{
	struct wd_nft_device dev = { .ifindex = ifindex };
	int is_new = add_device(nft, &dev);

	return is_new < 0 ? is_new : 0;
}

int wd_nft_attach(struct wd_nft *nft, uint32_t ifindex, char **ret_error)
{
	struct wd_nft_device dev = { .ifindex = ifindex };
	int err = probe(nft, ret_error), is_new;

	if (!err)
		err = ask_for_bridge(nft, ifindex, ret_error);
	if (err)
		return err;
	is_new = add_device(nft, &dev);
	if (is_new < 0)
		return fail(ret_error, is_new, "cannot guard the interface",
			    NULL);
	if (!is_new && nft->is_there)
		return 0;
	err = nft->is_there ? close_device(nft, &dev, ret_error) :
			      wd_nft_sync(nft, ret_error);
	if (err && is_new)
		nft->dev_cnt--;
	return err;
}

int wd_nft_detach(struct wd_nft *nft, uint32_t ifindex, char **ret_error)
{
	struct wd_nft_device *dev = find_device(nft, ifindex), was;
	int err;

	if (!dev)
		return 0;
	was = *dev;
	*dev = nft->dev[--nft->dev_cnt];
	err = nft->is_there ? wd_nft_sync(nft, ret_error) : 0;
	if (err)
		nft->dev[nft->dev_cnt++] = was;
	return err;
}

/* ---- is it still there ---- */

int wd_nft_check(struct wd_nft *nft, uint32_t ifindex)
{
	char name[IF_NAMESIZE];
	int err;

	if (!if_indextoname(ifindex, name))
		return -ENODEV;
	if (!find_device(nft, ifindex) || !nft->is_there)
		return -ENOLINK;
	err = ask_for_bridge(nft, ifindex, NULL);
	if (err)
		return err;
	err = compare(nft);
	if (err == -ENOLINK)
		nft->is_there = false;
	return err;
}

int wd_nft_intact(struct wd_nft *nft)
{
	int err = nft->is_there ? compare(nft) : -ENOLINK;

	if (err == -ENOLINK)
		nft->is_there = false;
	return err;
}

static bool found(const char *name)
{
	bool table[WD_NFT_FAMILIES];

	if (wd_nft_kernel_tables(name, table))
		return false;
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		if (table[i])
			return true;
	return false;
}

bool wd_nft_found(void)
{
	return found(WD_NFT_TABLE);
}

bool wd_nft_found_host(void)
{
	return found(WD_NFT_TABLE_HOST);
}

struct device_walk {
	void (*fn)(void *ctx, uint32_t ifindex);
	void *ctx;
};

/* The base chain of a device is dev<ifindex>; its others have more behind it. */
static void see_chain(void *ctx, const char *name)
{
	const struct device_walk *walk = ctx;
	unsigned long ifindex;
	char *end;

	if (strncmp(name, "dev", 3) != 0)
		return;
	ifindex = strtoul(name + 3, &end, 10);
	if (end != name + 3 && !*end)
		walk->fn(walk->ctx, (uint32_t)ifindex);
}

int wd_nft_devices(void (*fn)(void *ctx, uint32_t ifindex), void *ctx)
{
	struct device_walk walk = { fn, ctx };

	return wd_nft_kernel_chains(WD_NFT_TABLE, WD_NFT_NETDEV, see_chain,
				    &walk);
}

struct wanted {
	uint32_t ifindex;
	bool found;
};

static void find_device_of(void *ctx, uint32_t ifindex)
{
	struct wanted *wanted = ctx;

	wanted->found |= ifindex == wanted->ifindex;
}

bool wd_nft_guards(uint32_t ifindex)
{
	struct wanted wanted = { .ifindex = ifindex };

	return !wd_nft_devices(find_device_of, &wanted) && wanted.found;
}

static int remove_tables(const char *name, char **ret_error)
{
	bool table[WD_NFT_FAMILIES], any = false;
	int err = wd_nft_kernel_tables(name, table);

	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		any |= table[i];
	/* no nftables, no ruleset */
	if (err == -EPROTONOSUPPORT)
		return 0;
	if (!err && any)
		err = wd_nft_kernel_delete(name, table);
	return err ? fail(ret_error, err, "cannot delete the ruleset", NULL) :
		     0;
}

int wd_nft_remove(char **ret_error)
{
	return remove_tables(WD_NFT_TABLE, ret_error);
}

int wd_nft_remove_host(char **ret_error)
{
	return remove_tables(WD_NFT_TABLE_HOST, ret_error);
}

int wd_nft_stats(struct wd_nft *nft, enum wd_reason reason, enum wd_dir dir,
		 uint64_t *ret_packets, uint64_t *ret_bytes)
{
	return wd_nft_stats_read(nft->stats, "", reason, dir, ret_packets,
				 ret_bytes);
}

int wd_nft_audit_stats(struct wd_nft *nft, enum wd_reason reason,
		       enum wd_dir dir, uint64_t *ret_packets,
		       uint64_t *ret_bytes)
{
	return wd_nft_stats_read(nft->stats, "audit_", reason, dir, ret_packets,
				 ret_bytes);
}
