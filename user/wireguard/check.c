/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.c - finds what is wrong with WireGuard. Pure: what follows from a finding
 * is the agent's matter, and whether a packet passes is the programs'.
 */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

/*
 * WireGuard asks for a handshake every 5 s while it has something to send, and
 * whoever got a packet answers within 10 s, if only with an empty one.
 */
#define HANDSHAKE_WAIT_S 6
#define ANSWER_WAIT_S 15
#define SENDS_S 30 /* something was sent within so many seconds */
#define HANDSHAKE_BYTES 148
#define EMPTY_BYTES 32 /* nobody answers an empty packet */

/* What is known of one node while it is looked at. */
struct tally {
	const struct wd_wg_node *node;
	bool has_peer;
	uint32_t pods; /* addresses of its pods */
	uint32_t none; /* of these: no peer has them */
	char *first_none;
	char *first_wrong;
};

struct check {
	const struct wd_wg_state *state;
	const struct wd_wg_cluster *cluster;
	const struct wd_wg_device *dev; /* own, never NULL once it is set */
	const struct wd_wg_node *self;
	struct wd_wg_keys keys;
	struct wd_wg_owners owners; /* of dev */
	struct tally *tally; /* of each node, by number */
	size_t cap;
	struct wd_wg_findings *out;
};

static void find(struct check *c, enum wd_wg_kind kind, const char *object,
		 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void find(struct check *c, enum wd_wg_kind kind, const char *object,
		 const char *fmt, ...)
{
	struct wd_wg_finding *finding;
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = wd_xstrdup("");
	va_end(ap);
	c->out->finding = wd_grow(c->out->finding, c->out->cnt, &c->cap,
				  sizeof(*c->out->finding));
	finding = &c->out->finding[c->out->cnt++];
	finding->kind = kind;
	finding->object = wd_xstrdup(object);
	finding->text = text;
}

/* ---- nodes by number ---- */

static int compare_tallies(const void *a, const void *b)
{
	const struct tally *x = a;
	const struct tally *y = b;

	return x->node->number < y->node->number ?
		       -1 :
		       x->node->number > y->node->number;
}

static struct tally *tally_of(const struct check *c, uint32_t number)
{
	const struct wd_wg_node node = { .number = number };
	const struct tally want = { .node = &node };

	return bsearch(&want, c->tally, c->cluster->node_cnt, sizeof(want),
		       compare_tallies);
}

#define OWNER_STRLEN 300

static const char *owner_text(const struct check *c,
			      const struct wd_wg_owner *owner, char *buf)
{
	const struct tally *t = tally_of(c, owner->node);

	if (!t)
		return "a peer of no known node";
	(void)snprintf(buf, OWNER_STRLEN, "the peer of node %s", t->node->name);
	return buf;
}

static void begin_tallies(struct check *c)
{
	uint32_t cnt = c->cluster->node_cnt;

	c->tally = wd_xcalloc(cnt + 1, sizeof(*c->tally));
	for (uint32_t i = 0; i < cnt; i++)
		c->tally[i].node = &c->cluster->node[i];
	qsort(c->tally, cnt, sizeof(*c->tally), compare_tallies);
}

static void end_tallies(struct check *c)
{
	for (uint32_t i = 0; i < c->cluster->node_cnt; i++) {
		free(c->tally[i].first_none);
		free(c->tally[i].first_wrong);
	}
	free(c->tally);
}

/* ---- the device ---- */

static void check_device(struct check *c)
{
	const struct wd_wg_device *dev = c->dev;
	char has[WD_WGKEY_STRLEN], wants[WD_WGKEY_STRLEN];

	if (!dev->is_up)
		find(c, WD_WG_DEVICE_DOWN, dev->name,
		     "the device is down: nothing goes by it");
	if (!dev->has_key)
		find(c, WD_WG_NO_KEY, dev->name,
		     "the device has no private key: it can talk to nobody");
	else if (c->self && c->self->has_key &&
		 wd_wgkey_compare(&dev->key, &c->self->key) != 0)
		find(c, WD_WG_KEY_MISMATCH, dev->name,
		     "its public key is %s, but the object of node %s says %s, "
		     "which is what the other nodes expect",
		     wd_wgkey_str(&dev->key, has), c->self->name,
		     wd_wgkey_str(&c->self->key, wants));
}

static void check_other_devices(struct check *c)
{
	for (uint32_t i = 0; i < c->state->device_cnt; i++) {
		const struct wd_wg_device *dev = &c->state->device[i];

		if (dev != c->dev)
			find(c, WD_WG_SECOND_DEVICE, dev->name,
			     "a second WireGuard device, with %u peer%s; %s is "
			     "the one that connects the nodes",
			     dev->peer_cnt, dev->peer_cnt == 1 ? "" : "s",
			     c->dev->name);
	}
}

/* ---- peers and nodes ---- */

static void check_silence(struct check *c, const struct wd_wg_peer *peer,
			  const struct wd_wg_node *node)
{
	int64_t now = c->state->boottime;
	int64_t waited = peer->trace.waits ? now - peer->trace.waits : 0;
	int64_t age = c->state->time - peer->handshake;
	uint64_t sent = peer->tx_bytes - peer->trace.tx_then;
	uint64_t idle = HANDSHAKE_BYTES + EMPTY_BYTES;

	if (!waited || now - peer->trace.sent > SENDS_S)
		return;
	if (peer->keepalive)
		idle += EMPTY_BYTES * (uint64_t)(waited / peer->keepalive + 1);
	if (!peer->handshake && waited >= HANDSHAKE_WAIT_S)
		find(c, WD_WG_STALE_HANDSHAKE, node->name,
		     "packets wait for it, and there was never a handshake");
	else if (age > WD_WG_SESSION_S && waited >= HANDSHAKE_WAIT_S)
		find(c, WD_WG_STALE_HANDSHAKE, node->name,
		     "packets wait for it, and the last handshake was "
		     "%" PRId64 " s ago",
		     age);
	else if (waited >= ANSWER_WAIT_S && sent > idle)
		find(c, WD_WG_STALE_HANDSHAKE, node->name,
		     "%" PRIu64 " bytes were sent to it in %" PRId64
		     " s, and none came back",
		     sent, waited);
}

static void check_peer(struct check *c, const struct wd_wg_peer *peer)
{
	char key[WD_WGKEY_STRLEN];
	bool shared;
	const struct wd_wg_node *node =
		wd_wg_keys_find(&c->keys, &peer->key, &shared);

	if (node) {
		tally_of(c, node->number)->has_peer = true;
		check_silence(c, peer, node);
	} else if (!shared) {
		find(c, WD_WG_PEER_WITHOUT_NODE, wd_wgkey_str(&peer->key, key),
		     "no node has the key of this peer, which may send and is "
		     "sent %u prefix%s",
		     peer->prefix_cnt, peer->prefix_cnt == 1 ? "" : "es");
	}
}

static void check_shared(struct check *c)
{
	for (uint32_t i = 1; i < c->keys.cnt; i++) {
		const struct wd_wg_node *one = c->keys.node[i - 1];
		const struct wd_wg_node *two = c->keys.node[i];
		char key[WD_WGKEY_STRLEN];

		if (wd_wgkey_compare(&one->key, &two->key) != 0)
			continue;
		/* The third that has it adds nothing. */
		if (i > 1 &&
		    !wd_wgkey_compare(&c->keys.node[i - 2]->key, &one->key))
			continue;
		find(c, WD_WG_KEY_SHARED, wd_wgkey_str(&one->key, key),
		     "nodes %s and %s have the same public key: which of them "
		     "speaks cannot be told, so neither is believed",
		     one->name, two->name);
	}
}

/* Is anything to be had from this node's peer, but for its addresses? */
static bool node_has_peer(struct check *c, const struct tally *t)
{
	if (!t->node->has_key) {
		find(c, WD_WG_NODE_WITHOUT_KEY, t->node->name,
		     "its object has no public key, so no peer is known to be "
		     "this node");
		return false;
	}
	if (t->has_peer)
		return true;
	/* Told already: a key of several is believed of none. */
	if (wd_wg_keys_find(&c->keys, &t->node->key, NULL))
		find(c, WD_WG_NODE_WITHOUT_PEER, t->node->name,
		     "no peer of %s has its key", c->dev->name);
	return false;
}

/* ---- addresses ---- */

static bool is_one_address(const struct wd_cidr *prefix)
{
	return prefix->len == (prefix->addr.family == 4 ? 32 : 128);
}

/*
 * A pod here is reached by no peer: prefixes around its address are looked at
 * elsewhere, but its address alone is that of a pod that was on another node.
 */
static void count_pod(struct check *c, const struct wd_wg_pod *pod)
{
	struct tally *t = tally_of(c, pod->node);
	const struct wd_wg_owner *owner =
		t ? wd_wg_owners_find(&c->owners, &pod->addr) : NULL;
	char addr[WD_ADDR_STRLEN], who[OWNER_STRLEN];

	if (!t ||
	    (t->node->is_self && (!owner || !is_one_address(&owner->prefix))))
		return;
	t->pods++;
	if (!owner && !t->none++)
		t->first_none = wd_xprintf("%s (%s/%s)",
					   wd_addr_str(&pod->addr, addr),
					   pod->ns, pod->name);
	if (owner && owner->node != pod->node && !t->first_wrong)
		t->first_wrong = wd_xprintf("%s (%s/%s), to %s",
					    wd_addr_str(&pod->addr, addr),
					    pod->ns, pod->name,
					    owner_text(c, owner, who));
}

/*
 * A peer that may send from another node's prefix, be there pods or not. One
 * address alone is that of a pod, which was looked at.
 */
static void check_prefixes(struct check *c)
{
	struct wd_wg_owners homes;

	wd_wg_homes_init(&homes, c->cluster);
	for (uint32_t i = 0; i < c->owners.cnt; i++) {
		const struct wd_wg_owner *owner = &c->owners.owner[i];
		const struct wd_cidr *prefix = &owner->prefix;
		const struct wd_wg_owner *home =
			wd_wg_owners_find(&homes, &prefix->addr);
		char text[WD_ADDR_STRLEN], who[OWNER_STRLEN];
		struct tally *t;

		if (!home || owner->node == home->node ||
		    is_one_address(prefix) ||
		    !wd_cidr_covers(&home->prefix, prefix))
			continue;
		t = tally_of(c, home->node);
		if (t && !t->first_wrong)
			t->first_wrong = wd_xprintf("%s, to %s",
						    wd_cidr_str(prefix, text),
						    owner_text(c, owner, who));
	}
	wd_wg_owners_fini(&homes);
}

static void check_addresses(struct check *c, struct tally *t, bool has_peer)
{
	if (has_peer && t->none)
		find(c, WD_WG_ADDRESS_WITHOUT_PEER, t->node->name,
		     "%u of %u addresses of its pods may be sent by no peer, "
		     "first %s",
		     t->none, t->pods, t->first_none);
	if (t->first_wrong)
		find(c, WD_WG_ADDRESS_WRONG_PEER, t->node->name,
		     "addresses of its pods belong to another peer, first %s",
		     t->first_wrong);
}

/* ---- all together ---- */

static void check_nodes(struct check *c)
{
	wd_wg_owners_init(&c->owners, c->state, &c->keys, c->dev);
	for (uint32_t i = 0; i < c->dev->peer_cnt; i++)
		check_peer(c, &c->dev->peer[i]);
	for (uint32_t i = 0; i < c->cluster->pod_cnt; i++)
		count_pod(c, &c->cluster->pod[i]);
	check_prefixes(c);
	for (uint32_t i = 0; i < c->cluster->node_cnt; i++) {
		struct tally *t = &c->tally[i];

		check_addresses(c, t, !t->node->is_self && node_has_peer(c, t));
	}
	wd_wg_owners_fini(&c->owners);
}

/* Are there nodes besides this one? */
static bool has_others(const struct check *c)
{
	return c->cluster->node_cnt > (c->self ? 1 : 0);
}

static int compare_findings(const void *a, const void *b)
{
	const struct wd_wg_finding *x = a;
	const struct wd_wg_finding *y = b;

	return x->kind == y->kind ? strcmp(x->object, y->object) :
				    (int)x->kind - (int)y->kind;
}

static void check_state(struct check *c)
{
	c->dev = wd_wg_own_device(c->state, c->cluster);
	if (!c->dev) {
		if (c->cluster->is_required)
			find(c, WD_WG_NO_DEVICE,
			     c->cluster->device ?: "wireguard",
			     "encryption is required, and this node has no "
			     "such WireGuard device");
		return;
	}
	check_device(c);
	check_other_devices(c);
	check_shared(c);
	if (c->dev->peer_cnt)
		check_nodes(c);
	else if (has_others(c))
		find(c, WD_WG_NO_PEERS, c->dev->name,
		     "the device has no peers, and the cluster has %u other "
		     "nodes",
		     c->cluster->node_cnt - (c->self ? 1 : 0));
}

void wd_wg_check(const struct wd_wg_state *state,
		 const struct wd_wg_cluster *cluster,
		 struct wd_wg_findings *ret)
{
	struct check c = {
		.state = state,
		.cluster = cluster,
		.self = wd_wg_self(cluster),
		.out = ret,
	};

	memset(ret, 0, sizeof(*ret));
	wd_wg_keys_init(&c.keys, cluster);
	begin_tallies(&c);
	if (!cluster->is_required && !c.keys.cnt)
		goto out; /* somebody else's WireGuard */
	if (state)
		check_state(&c);
	else
		find(&c, WD_WG_UNREADABLE, "wireguard",
		     "the kernel does not tell the state of WireGuard");
	if (ret->cnt)
		qsort(ret->finding, ret->cnt, sizeof(*ret->finding),
		      compare_findings);
out:
	end_tallies(&c);
	wd_wg_keys_fini(&c.keys);
}

void wd_wg_findings_fini(struct wd_wg_findings *findings)
{
	for (uint32_t i = 0; i < findings->cnt; i++) {
		free(findings->finding[i].object);
		free(findings->finding[i].text);
	}
	free(findings->finding);
	memset(findings, 0, sizeof(*findings));
}

bool wd_wg_findings_equal(const struct wd_wg_findings *a,
			  const struct wd_wg_findings *b)
{
	if (a->cnt != b->cnt)
		return false;
	for (uint32_t i = 0; i < a->cnt; i++) {
		if (compare_findings(&a->finding[i], &b->finding[i]) != 0)
			return false;
	}
	return true;
}

#define NAME_(symbol, name, stops, help) [WD_WG_##symbol] = (name),
#define STOPS_(symbol, name, stops, help) [WD_WG_##symbol] = (stops),
#define HELP_(symbol, name, stops, help) [WD_WG_##symbol] = (help),

const char *wd_wg_kind_name(enum wd_wg_kind kind)
{
	static const char *const names[] = { WD_WG_FINDINGS(NAME_) };

	return names[kind];
}

const char *wd_wg_kind_help(enum wd_wg_kind kind)
{
	static const char *const helps[] = { WD_WG_FINDINGS(HELP_) };

	return helps[kind];
}

bool wd_wg_kind_stops(enum wd_wg_kind kind)
{
	static const bool stops[] = { WD_WG_FINDINGS(STOPS_) };

	return stops[kind];
}
