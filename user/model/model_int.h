/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model_int.h - the state of the compiler, shared by the files of model/ only.
 *
 *   space    a namespace: its labels, policies, groups and endpoints
 *   group    pods that no policy can tell apart: namespace, labels, named ports
 *   pod      one pod; its addresses are claims
 *   host     an address may be claimed by pods, nodes, this host; one claim wins
 *   term     what one peer of a rule says, deduplicated: selector, CIDR or
 *            nodes, with or without "holds named port"
 *   bit      a predicate of the ABI: true where any of its terms is, or by the
 *            first of them that is
 *   prefix   a CIDR or an except of terms, with its row
 *   service  a name for addresses and ports that lead to others
 *   front    one such address and port, with a row for each kind of backends
 *   slot     a compiled policy: atoms (port span, bit, rule) -> spans, classes
 *
 * What is dirty is in lists; a commit empties them.
 */
#ifndef WARDER_MODEL_INT_H
#define WARDER_MODEL_INT_H

#include <sys/queue.h>

#include "alloc.h"
#include "clusters.h"
#include "hash.h"
#include "intern.h"
#include "encap.h"
#include "model.h"
#include "portname.h"
#include "served.h"
#include "store.h"
#include "vec.h"
#include "xalloc.h"

#define WD_ID_UNKNOWN 0
#define WD_ID_HOST 1
#define WD_ID_WORLD 2
#define WD_ID_REMOTE_NODE 6
#define WD_ID_FIRST 256
#define WD_ID_LAST 65535

struct memo; /* memo.c */
struct mhost; /* host.c */

struct mspace;
struct mgroup;
struct mpod;
struct mterm;
struct mslot;

/* A number for a set of labels, as Cilium's identities. */
struct midentity {
	UT_hash_handle hh; /* by key */
	UT_hash_handle hid; /* by id */
	char *key; /* "ns;k=v;k=v", filtered labels; "#300": Cilium's number */
	uint32_t id;
	uint32_t pods;
	const char *ns; /* NULL while only remembered */
	const struct wd_labels *labels;
};

struct mgroup_key {
	const struct mspace *space;
	const struct wd_labels *labels;
	const struct mports *ports;
	uint64_t number; /* of its identity, as Cilium has it; 0: none is known */
};

struct mgroup {
	UT_hash_handle hh;
	struct mgroup_key key;
	struct midentity *identity;
	uint64_t *bits; /* model->words words: bits whose terms are selectors */
	struct vec pods; /* struct mpod */
};

/* What objects say, against quotas; that of labels is counted by the groups. */
struct mcost {
	uint64_t of[WD_QUOTA__MAX];
};

/* On what, beside itself, it depends how much a policy takes. */
struct mrefers {
	bool grouped; /* groups of CIDRs */
	/* services, as those of an mendpoint */
	uint64_t served;
	uint64_t sliced;
};

/* An object that its namespace's quota has no room for; in the order of coming. */
struct mover {
	UT_hash_handle hh; /* by obj */
	const struct wd_object *obj;
	struct mspace *space;
	enum wd_quota quota; /* the first that is short */
	struct mrefers refers;
	struct mcost cost;
};

/* A policy that refers to groups or services, is not beyond, and took this much. */
struct mreferrer {
	UT_hash_handle hh; /* by obj */
	const struct wd_object *obj;
	struct mspace *space;
	struct mrefers refers;
	bool changed; /* it takes @comes now */
	struct mcost cost;
	struct mcost comes;
};

/* Tables of fixed size that compiled policies fill; of each a namespace has a share. */
enum mtable {
	TABLE_SPANS,
	TABLE_CLASSES,
	TABLE_BITS,
	/* and what else there is not without end */
	TABLE_STEPS, /* that compiling slots takes, see struct sweep */
	TABLE_PARTS, /* of predicates of several */
	TABLE__MAX
};

/* What an entry of wd_front stands for. */
enum mwidth {
	WIDTH_PORT, /* an address and port */
	WIDTH_ADDRESS, /* each port of an address */
	WIDTH_BLOCK, /* what is around addresses that have no entry: WD_FRONT_* */
	WIDTH_REGION,
	WIDTH_ALL,
	WIDTH__MAX
};

/* Namespace, known by an object or just by what is in it. Never freed. */
struct mspace {
	UT_hash_handle hh; /* by name */
	const char *name;
	const struct wd_labels *labels;
	enum wd_mode mode;
	bool mode_bad; /* it says one that cannot be read */
	/* its pods are in audit, unless they or it say a mode: the uid that it
	 * had then, "" if none was known; NULL they are not */
	const char *relaxed;
	bool encap;
	enum wd_encryption_want encryption;
	bool rejects; /* what is denied of its pods is answered */
	uint32_t number; /* wd_addr_val.ns */
	struct vec policies; /* const struct wd_object, sorted by name */
	struct vec groups; /* struct mgroup */
	struct vec endpoints; /* struct mendpoint */
	struct vec services; /* struct mservice */
	struct vec
		nameless; /* struct mpod: for whose labels or ports no quota has room */
	struct mcost cost; /* of objects that are not over */
	uint32_t over; /* objects that are */
	uint32_t taken[TABLE__MAX]; /* see share.c */
	uint32_t idle[TABLE__MAX]; /* of that, what no endpoint wants any more */
	bool late; /* some endpoints are, in this commit; see late.c */
	bool moved; /* one got something, or gave it up */
	bool stuck; /* in the last one some were late, and none moved */
	const struct mslot
		*gives; /* so that who has it gives it up, in this one */
	/* entries of wd_front with port 0 that it takes, by their width */
	uint32_t closed[WIDTH__MAX];
	uint32_t covered; /* addresses of services that have none */
	uint64_t load; /* of its services that are not vast */
	bool weigh; /* some are to be weighed, or there may be room for others */
	uint32_t retry; /* of endpoints, the one that is tried again next */
};

struct mpod_key {
	const char *ns;
	const char *name;
};

struct mpod {
	UT_hash_handle hh;
	struct mpod_key key;
	const struct wd_object *obj; /* NULL: only an endpoint is known */
	struct mgroup *group; /* NULL: contributes nothing, or is over a quota */
	enum wd_quota lacks; /* which, where it is in the space's nameless */
	SLIST_HEAD(, mendpoint) endpoints; /* nearly all are elsewhere */
	SLIST_HEAD(, mclaim) claims;
};

enum claim_kind {
	CLAIM_NODE, /* order is precedence, last wins */
	CLAIM_POD,
	CLAIM_HOST,
	CLAIM_ENDPOINT,
};

struct maddr;

struct mclaim {
	SLIST_ENTRY(mclaim) of_addr;
	SLIST_ENTRY(mclaim) of_pod; /* CLAIM_POD, CLAIM_ENDPOINT */
	enum claim_kind kind;
	struct maddr *addr;
	struct mpod *pod; /* CLAIM_POD, CLAIM_ENDPOINT */
	const struct wd_endpoint *ep; /* CLAIM_ENDPOINT */
	const struct wd_object *node; /* CLAIM_NODE */
};

/* What the kernel has for an address or prefix, and what it should have. */
struct mentry {
	bool in_kernel;
	bool published; /* a generation in force may rest on it */
	bool dirty; /* is in the model's dirty list */
	bool owned[2]; /* have.row[i] holds a reference to a row of ours */
	bool rewrite; /* write even if equal */
	bool unsettled; /* is in an unsettled list */
	struct wd_addr_val have;
	struct wd_addr_val want; /* row[0] only: the row in the next generation */
	bool wanted;
	bool is_nobodys; /* an address that is claimed, and nobody's: see addr_winner() */
};

struct maddr {
	UT_hash_handle hh;
	struct wd_addr addr;
	struct mentry e;
	SLIST_HEAD(, mclaim) claims;
};

/* A prefix of the cluster. */
struct minside {
	UT_hash_handle hh; /* by cidr */
	struct wd_cidr cidr; /* padding zero */
	uint32_t refs; /* nodes and settings that say so */
	uint32_t nodes; /* of these, pod CIDRs of nodes */
};

struct mprefix {
	UT_hash_handle hh;
	struct wd_cidr cidr; /* padding zero */
	struct mentry e;
	bool inside; /* the cluster, and there is a term to which that matters */
	struct vec in; /* struct mterm whose CIDR it is */
	struct vec out; /* struct mterm that except it */
};

/* A service, known by its object or just by slices. Forgotten with the last of them. */
struct mservice {
	UT_hash_handle hh; /* by key */
	struct mpod_key key;
	const struct wd_object *obj; /* NULL: only slices are known */
	struct vec slices; /* const struct wd_object */
	uint32_t over; /* slices that are beyond the quota, and not among those */
	bool closed; /* it is beyond it: where it leads is not looked up */
	bool weigh; /* its load may be another */
	bool vast; /* it is beyond what its namespace may look up */
	uint64_t load; /* what looking up where it leads takes, see services_weigh() */
	struct vec fronts; /* struct mfront of its addresses and ports */
};

/* An address that services claim for whose fronts there is no room. */
struct mcrowd {
	UT_hash_handle hh; /* by addr */
	struct wd_addr addr;
	uint32_t fronts;
};

/* Backends of one kind. */
struct mkind {
	struct wd_front_key key;
	bool gone; /* to be deleted once row 0 is in force */
	/* port[] of the value are the halves of ifindex; want has one for both */
	struct mentry e;
};

/* One with port 0 is what closes the address to who may not send to anybody. */
struct mfront {
	UT_hash_handle hh; /* by key */
	struct wd_front_key key; /* nr 0 */
	bool dirty;
	bool squeezed; /* says less than it would, as the table is full */
	bool crowded; /* and has no entry at all: another covers it */
	bool counted; /* in space->covered */
	bool pays; /* has an entry that counts in space->closed */
	uint32_t crowd; /* of one that covers others: fronts with no entry */
	struct vec services; /* struct mservice: more than one may claim it */
	struct vec kinds; /* struct mkind, by nr */
	struct vec backs; /* struct mback that it rests on */
	uint32_t strays; /* of them, those that nobody claims */
	struct mspace *space; /* with port 0: who told of it, or NULL */
};

/* An address that is a backend. */
struct mback {
	UT_hash_handle hh; /* by addr */
	struct wd_addr addr;
	uint32_t next; /* of them, likely the one that is unlinked next */
	struct vec fronts; /* struct mfront */
};

/* Prefixes of which one peer is made. */
struct mcidrs {
	struct wd_cidr *cidr;
	size_t cnt;
	size_t cap;
};

enum term_type {
	TERM_PODS,
	TERM_CIDR,
	TERM_NODES,
	TERM_UNKNOWN, /* those inside the cluster of whom nobody has told */
};

struct mterm {
	UT_hash_handle hh; /* by key */
	void *key; /* canonical, see term.c */
	uint32_t refs; /* from bits */
	uint32_t ordered; /* parts of ordered bits, if it is about pods */
	enum term_type type;
	/* Also those of whom nobody has told, who may be such pods or nodes: for what denies. */
	bool or_unknown;
	struct mspace *space; /* the only namespace, or NULL: ns_sel decides */
	const struct wd_selector *ns_sel; /* shared, as are the others */
	const struct wd_selector *pod_sel; /* NULL: every pod */
	const struct wd_selector *node_sel; /* NULL: every node */
	enum wd_which_nodes nodes;
	enum wd_cidr_scope scope;
	struct wd_cidr cidr; /* the only prefix, if list_cnt is 0 */
	uint32_t list_cnt;
	struct wd_cidr *list; /* it is about any of these, each once */
	uint32_t except_cnt;
	struct wd_cidr *except;
	const char *port_name; /* interned; NULL: no port condition */
	uint8_t proto;
	uint16_t port;
	bool out; /* scratch: excluded by an except */
	uint64_t mark; /* scratch: the piece of the port space that it was last seen in */
	uint64_t pass_mark; /* scratch: the same, as one to pass on */
	uint64_t maybe_mark; /* scratch: the same, as one perhaps passed on */
	uint64_t fresh_mark; /* scratch: the evaluation that looked for whom it is about last */
	struct vec bits; /* struct mbit that it is part of */
};

/* What a bit is where a term holds. */
enum part_what {
	PART_YES,
	PART_NO,
	PART_PASS, /* what other parts of these tiers say does not count */
};

/* Part of a bit. No padding: lists of them are compared as bytes. */
struct mpart {
	struct mterm *term;
	uint32_t what; /* enum part_what */
	uint32_t tiers; /* a bit for what a tier allows, another for what it denies */
};

/*
 * The first part whose term holds says what the bit is; none: false. Most have
 * no other parts than PART_YES: then the order is of no matter.
 */
struct mbit {
	UT_hash_handle hh; /* by the parts */
	uint32_t nr; /* bit number in rows */
	uint32_t refs; /* from classes */
	uint32_t wants; /* of these, from classes that are wanted */
	bool fresh; /* not evaluated yet */
	bool ordered; /* has other parts than PART_YES */
	uint32_t cnt;
	struct mspace *payer; /* of whose share it is, or NULL; so below */
	struct mpart *part; /* the key; sorted by term unless ordered */
	uint32_t *place; /* of ordered ones: parts by term, see ordered.c */
};

struct mrow {
	UT_hash_handle hh; /* by bits */
	uint32_t id;
	uint32_t refs;
	uint32_t words; /* significant words */
	uint64_t bits[];
};

enum atom_action {
	ATOM_ALLOW = WD_RULE_ALLOW,
	ATOM_DENY = WD_RULE_DENY,
	ATOM_PASS = WD_RULE_PASS,
	/* perhaps passed on: ends what may allow, not what may deny */
	ATOM_MAYBE = WD_RULE_PASS + 1,
};

/* One line of a compiled policy before it is split by ports; in order of precedence. */
struct atom {
	uint8_t dir;
	uint8_t any_port; /* every protocol, also without ports */
	uint8_t l4; /* enum wd_l4: what lo and hi are of */
	uint8_t any_peer;
	uint8_t tier; /* enum wd_tier */
	uint8_t action; /* enum atom_action */
	uint16_t lo;
	uint16_t hi;
	uint8_t tell; /* WD_TELL_*, if it denies */
	uint32_t rule;
	struct mterm *term; /* NULL with any_peer */
};

struct mclass {
	UT_hash_handle hh; /* by val */
	uint32_t id;
	uint32_t refs;
	uint32_t wants; /* of these, from slots that are wanted */
	struct wd_class_val val;
	uint32_t bit_cnt;
	struct mspace *payer;
	struct mbit *bit[WD_CLASS_RULES];
};

struct mslot {
	UT_hash_handle hh; /* by key */
	uint32_t id;
	uint32_t refs;
	uint32_t wants; /* of these, from endpoints that do not wait for another */
	size_t key_len;
	void *key; /* isolated[2] and the atoms */
	struct mspace *payer;
	uint32_t steps;
	struct wd_slot_val val[WD_DIR__MAX];
	struct wd_span_val
		*span[WD_DIR__MAX][WD_L4__MAX]; /* as written; NULL none */
	struct vec classes; /* struct mclass, one reference each */
	struct vec terms; /* struct mterm, one reference each */
};

/* The slots behind an endpoint's entry, by half, one reference each; NULL: none, or of the agent before. */
struct mowned {
	struct mslot *slot[2];
	struct mslot *trial[2];
};

struct mendpoint {
	UT_hash_handle hh; /* by id */
	uint32_t id;
	bool is_host; /* this host itself: its policies are given, see host.c */
	bool kept; /* slot is of policies of before: those of now do not fit */
	bool shut; /* and there are none: nothing but what is always open passes */
	const struct wd_endpoint *ep;
	struct mpod *pod;
	struct mspace *space; /* of its pod */
	SLIST_ENTRY(mendpoint) of_pod;
	/* the policies that select its pod, by precedence, if they are @listed */
	struct vec wide, near; /* const struct wd_object */
	bool listed;
	bool dirty; /* policy must be compiled again */
	bool waits; /* something was given back since it did not fit */
	bool left; /* its slots are not wanted: it is to be compiled, or is new */
	uint8_t late; /* commits in a row without room for what it wants */
	bool named_egress; /* depends on the port names of others */
	bool grouped; /* depends on groups of CIDRs, there or not */
	/* services that it depends on, there or not, as service_bit() of their names */
	uint64_t served;
	uint64_t sliced; /* those of whose slices, though they have a selector */
	bool in_kernel;
	bool rewrite;
	bool lifted; /* its pod's own mode lifts only what its namespace's policies say */
	bool behind; /* compiling it failed: slots, and a mode no less strict, as in force */
	struct mslot *slot; /* in the next generation; NULL: slot 0 */
	struct mslot *trial; /* the same of what is on trial; NULL: nothing is */
	struct mowned owned; /* behind have */
	struct wd_endpoint_val have;
	char *error; /* why slot is NULL though the pod is known */
	/* With an error -E2BIG, -EDQUOT (more of @table than its share has), -ENOSPC:
	 * than all have, or of what is in no share (TABLE__MAX). */
	int lacks;
	enum mtable table;
	uint32_t needs; /* of it, at the least */
};

/* An endpoint entry found in the kernel at start, by interface. */
struct madopted {
	UT_hash_handle hh;
	uint32_t ifindex;
	struct wd_endpoint_val val;
};

/* Kernel entries of endpoints that are gone. */
struct mghost {
	uint32_t ifindex;
	struct mowned owned;
};

struct wd_model {
	const struct wd_store *store;
	struct wd_sink sink;
	const char *node;
	enum wd_mode mode;
	bool encrypt;
	const char *const *exempt;
	size_t exempt_cnt;
	uint32_t quota[WD_QUOTA__MAX]; /* of each namespace; 0 none */
	uint32_t closed_most; /* of each namespace and width; 0: see cover.c */
	struct wd_encap encap;
	struct mover *over;
	struct mreferrer *referrers;
	uint32_t gen;
	bool first; /* nothing published by this process yet */
	bool held; /* nothing that the agent before used is given away */
	bool commit_needed;
	struct mspace *payer; /* for whose pod is compiled; NULL: for the host */
	enum mtable
		crowded; /* of which he, or all, had no room; TABLE__MAX none */
	uint32_t needs; /* of it, at the least, with what was used @before */
	uint32_t before[TABLE__MAX];
	uint32_t taken[TABLE__MAX]; /* by all namespaces */
	uint32_t idle[TABLE__MAX];
	bool late; /* some endpoints wait for what is idle */
	uint32_t retry_first; /* of namespaces, see retry.c */
	struct memo *memos; /* while endpoints are compiled */
	int failed; /* what the sink said that is nobody's shortage, or 0 */
	int behind_err; /* the same, of an endpoint that this commit does without */
	uint32_t behind; /* how many these are */
	uint32_t behind_first; /* of endpoints, the one that is tried first */
	bool room; /* bits, classes or slots were given back: what did not fit may fit now */
	uint64_t mark; /* last one given */
	uint64_t evaluations; /* of fresh bits */
	bool republish; /* switch with the next commit even if it writes no entry */

	struct midentity *identities;
	struct midentity *identities_by_id;
	uint32_t identity_next;
	bool identity_dirty;

	struct mspace *spaces;
	struct mports *ports;
	struct mgroup *groups;
	struct mpod *pods;
	struct maddr *addrs;
	struct mendpoint *endpoints;
	struct mportname *portnames;
	bool portnames_changed;
	bool portnames_room; /* for more of one, in any namespace */
	uint64_t groups_left; /* how many went: there may be room for others */
	bool groups_changed; /* of CIDRs */
	/* service_bit() of those of which it is another whom policies mean by them */
	uint64_t services_changed;
	uint64_t slices_changed; /* of those with a selector whose slices are others */
	uint64_t compiled; /* endpoints, each time */
	uint64_t matched; /* terms of new bits with groups, each time */
	uint64_t weighed; /* parts of ordered bits, of addresses, each time */
	uint64_t numbers; /* looked at for rules without a place */
	uint64_t sought; /* terms, each time a rule says one */
	uint64_t atoms; /* of drafts that were compiled, and those of all pieces */
	struct vec host_claims; /* struct mclaim */
	struct mhost *host[WD_HOST__MAX]; /* NULL: no such one */

	struct mterm *terms;
	struct mbit *bits;
	struct mbit *bit_by_nr[WD_PREDS_MAX];
	struct wd_alloc bit_alloc;
	/* given back, but may be set in rows in use */
	uint64_t bit_stale[WD_ROW_WORDS];
	uint32_t words; /* of group bit sets */
	struct vec fresh_bits;
	struct mservice *services;
	struct mfront *fronts;
	struct mback *backs;
	struct vec dirty_fronts; /* struct mfront */
	uint32_t kind_cnt; /* of all fronts, those that are to be deleted, too */
	uint32_t closed_cnt; /* fronts with port 0 */
	uint32_t closed_kinds[WIDTH__MAX]; /* by width, as kind_cnt */
	struct mcrowd *crowds;
	struct vec heavy; /* struct mspace, to be weighed */
	uint32_t squeezed_cnt;
	bool front_room; /* entries were deleted */
	bool closed_room; /* some with port 0 */
	uint32_t prefix_cnt[2]; /* by family, those that are to be deleted, too */
	struct vec unsettled_kinds; /* struct mkind */
	uint32_t strays; /* of all fronts: what those rest on is prefixes */
	struct mprefix *prefixes;
	uint32_t prefix_lens[2][129]; /* prefixes of each length, by family */
	bool prefixes_dirty;

	struct mrow *rows;
	struct mrow *row_by_id[WD_ROWS_MAX];
	struct wd_alloc row_alloc;
	struct wd_alloc slot_alloc;
	struct wd_alloc span_alloc;
	struct wd_alloc class_alloc;
	struct mslot *slots;
	struct mclass *classes;
	struct mrule *rules;
	struct mrule *rules_named; /* the same, by what they are called */
	uint64_t rule_places[WD_RULES_MAX / 64]; /* of wd_rulestat, taken */
	uint32_t rule_placeless; /* the last such number given behind one taken */
	bool rules_fresh; /* some are not told of */
	bool rules_kept; /* some are of the agent before and did not come yet */
	bool rules_mix; /* some are mixed, see mixed.c */
	uint64_t mixed_at; /* commits, when that was looked at */
	uint32_t *rules_ended; /* to be told of */
	size_t rules_ended_cnt;
	struct vec
		wide; /* const struct wd_object: policies for the whole cluster, by precedence */
	struct vec node_terms; /* struct mterm */
	struct vec unknown_terms; /* struct mterm with or_unknown */
	const struct wd_labels *no_labels; /* the empty set */
	uint32_t ordered; /* bits */
	struct vec ordered_pods; /* struct mterm, of pods, in any of these */
	uint32_t others; /* groups in namespaces of other clusters */
	struct minside *insides;
	uint32_t scoped; /* terms to which it matters what is inside the cluster */

	struct vec dirty_addrs; /* struct maddr */
	struct vec dirty_prefixes; /* struct mprefix */
	struct vec unsettled_addrs; /* struct maddr */
	struct vec unsettled_prefixes; /* struct mprefix */
	struct vec ghosts; /* struct mghost */
	struct madopted *adopted; /* endpoint entries of the agent before */
	struct vec nodes; /* const char *: node names by number - 1 */
	struct vec numbered; /* struct mspace, by number - WD_NS_FIRST */
	uint64_t commits;
	uint64_t commit_us;
};

/* model.c: is @pod, of @s, the subject of any of its specs; NULL passes */
bool policy_selects(const struct wd_object *policy, const struct mspace *s,
		    const struct wd_object *pod);

/* host.c */
void hosts_fini(struct wd_model *m);
/* What sockets of this host are judged by now; NULL nothing. */
const struct mendpoint *host_endpoint(const struct wd_model *m);
/* One of the policies that it is given, by what a rule names; NULL none. */
const struct wd_object *host_policy(const struct wd_model *m, enum wd_kind kind,
				    const char *name);

/* quota.c */
bool quota_is_over(const struct wd_model *m, const struct wd_object *obj);
/* Before it leaves the store, and when it is there. Return: was it, is it over. */
bool quota_goes(struct wd_model *m, struct mspace *s,
		const struct wd_object *obj);
bool quota_comes(struct wd_model *m, struct mspace *s,
		 const struct wd_object *obj);
/* Take in those that there is room for now, and tell of each. */
void quota_next(struct wd_model *m, struct mspace *s,
		void (*fn)(struct wd_model *m, struct mspace *s,
			   const struct wd_object *obj));
/* quota_regroup() - groups or services may be others: policies that refer to them take more or less */
void quota_regroup(struct wd_model *m,
		   void (*fn)(struct wd_model *m, struct mspace *s,
			      const struct wd_object *obj));
/*
 * Which quota has no room for a group of @key; WD_QUOTA__MAX: all have.
 * @leaving: the group that the pod leaves, or NULL
 */
enum wd_quota quota_lacks_group(const struct wd_model *m,
				const struct mgroup_key *key,
				const struct mgroup *leaving);
/* pod_refresh(), and the pods that there is room for after it. */
void pod_update(struct wd_model *m, struct mpod *pod);
/* Of services that lead to many; 0: none. */
uint64_t quota_load(const struct wd_model *m);
/* The API server's own service: in no quota. */
bool quota_spares(const char *ns, const char *service);
void quota_fini(struct wd_model *m);

/* identity.c */
struct midentity *identity_get(struct wd_model *m, const char *ns,
			       const struct wd_labels *labels, uint32_t number);
void identity_put(struct wd_model *m, struct midentity *id);
void identities_fini(struct wd_model *m);

/* term.c: terms, bits, prefixes */
struct mterm *term_pods(struct wd_model *m, struct mspace *space,
			const struct wd_peer *peer,
			const struct wd_port_name *holds, bool or_unknown);
struct mterm *term_cidr(struct wd_model *m, const struct wd_peer *peer,
			const struct wd_port_name *holds);
/* The same of all prefixes of @list, which is sorted; what excepts say is of each. */
struct mterm *term_cidrs(struct wd_model *m, const struct wd_peer *peer,
			 const struct mcidrs *list,
			 const struct wd_port_name *holds);
/* What people see of it; to be freed. */
char *term_text(const struct mterm *t);
/* The prefixes of one of TERM_CIDR. Return: how many */
uint32_t term_prefixes(const struct mterm *t, const struct wd_cidr **ret_cidr);
/* A prefix more; and all in the form that term_cidrs() takes. */
void cidrs_add(struct mcidrs *list, const struct wd_cidr *cidr);
void cidrs_sort(struct mcidrs *list);
struct mterm *term_anypod(struct wd_model *m, const struct wd_port_name *holds);
struct mterm *term_nodes(struct wd_model *m, const struct wd_peer *peer,
			 bool or_unknown);
struct mterm *term_unknown(struct wd_model *m);
void term_ref(struct mterm *t);
void term_put(struct wd_model *m, struct mterm *t);
bool term_matches_group(const struct mterm *t, const struct mgroup *g);
/*
 * Takes a reference of each term; may sort @part. @payer: of whose share a new
 * one is, or NULL. NULL: no number is free, or not for him.
 */
struct mbit *bit_get(struct wd_model *m, struct mspace *payer,
		     struct mpart *part, uint32_t cnt);
/* It is wanted once more, or less; bit_get() does. */
void bit_want(struct wd_model *m, struct mbit *b);
void bit_leave(struct wd_model *m, struct mbit *b);
void bit_put(struct wd_model *m, struct mbit *b); /* one that is left */
void bits_evaluate(struct wd_model *m);
void group_evaluate(struct wd_model *m, struct mgroup *g);
void group_dirty(struct wd_model *m,
		 const struct mgroup *g); /* addresses of its pods */
/* What a row is of. */
struct whose {
	const struct wd_addr *addr; /* with @len all of an address, or a prefix */
	uint8_t len;
	bool is_known; /* a pod, a node or this host has it */
	bool is_inside; /* the cluster; only worked out if any term wants it */
	/* inside, and of nobody, or of a pod that no source has told of */
	bool is_unknown;
	bool is_own; /* of this node */
	const struct mgroup *group; /* of the pod behind it, or NULL */
	const struct wd_labels
		*node; /* of the node whose address it is, or NULL */
};
void inside_add(struct wd_model *m, const struct wd_cidr *cidr);
void inside_del(struct wd_model *m, const struct wd_cidr *cidr);
/* It is a pod CIDR of a node, or (@is false) no longer. */
void inside_node(struct wd_model *m, const struct wd_cidr *cidr, bool is);
/* Is the address in any of these? */
bool inside_is_nodes(const struct wd_model *m, const struct wd_addr *addr);
bool inside_has(const struct wd_model *m, const struct wd_addr *addr,
		uint8_t len);
/* Those of CIDRs that hold; one of several prefixes may come more than once. */
void cidr_terms(struct wd_model *m, const struct whose *who, struct vec *ret);
void cidr_bits(struct wd_model *m, const struct whose *who, uint64_t *bits);
void nodes_bits(const struct wd_model *m, const struct whose *who,
		uint64_t *bits);
void unknown_bits(const struct wd_model *m, const struct whose *who,
		  uint64_t *bits);
/* ordered.c: @b comes, with its parts, or goes, before they do */
void ordered_add(struct wd_model *m, struct mbit *b);
void ordered_del(struct wd_model *m, struct mbit *b);
void ordered_bits(struct wd_model *m, const struct whose *who, uint64_t *bits);
bool term_matches_node(const struct mterm *t, const struct whose *who);
bool ports_hold(const struct mports *ports, const char *name, uint8_t proto,
		uint16_t port);

/* row.c */
int row_get(struct wd_model *m, const uint64_t *bits, uint32_t *ret_id);
void row_ref(struct wd_model *m, uint32_t id);
void row_put(struct wd_model *m, uint32_t id);

/* peer.c: spaces, groups, pods, nodes, addresses */
/* The group of such a pod, or NULL. @key: what it would be, to be given to group_key_fini() */
struct mgroup *group_find(struct wd_model *m, const struct wd_object *pod,
			  struct mgroup_key *key);
void group_key_fini(struct wd_model *m, struct mgroup_key *key);
struct mspace *space_get(struct wd_model *m, const char *name);
void pod_changed(struct wd_model *m, const struct wd_object *was,
		 const struct wd_object *now);
void pod_refresh(struct wd_model *m, struct mpod *pod);
struct mpod *pod_get(struct wd_model *m, const char *ns, const char *name);
void node_changed(struct wd_model *m, const struct wd_object *was,
		  const struct wd_object *now);
void space_changed(struct wd_model *m, const struct wd_object *was,
		   const struct wd_object *now);
struct wd_addr addr_clean(const struct wd_addr *from);
struct maddr *addr_get(struct wd_model *m, const struct wd_addr *addr);
const struct mclaim *addr_winner(const struct wd_model *m,
				 const struct maddr *a);
void addr_dirty(struct wd_model *m, struct maddr *a);
int addr_compile(struct wd_model *m, struct maddr *a);
int prefix_compile(struct wd_model *m, struct mprefix *p);
void prefix_dirty(struct wd_model *m, struct mprefix *p);
uint32_t endpoint_identity(const struct mendpoint *e);
const struct wd_object *endpoint_pod(const struct mendpoint *e);
const struct wd_object *claim_pod(const struct mclaim *c);
struct mclaim *claim_new(struct wd_model *m, const struct wd_addr *addr,
			 enum claim_kind kind);
void claim_free(struct wd_model *m, struct mclaim *c);

/* Of the link or of a group: may be this host, though nobody claims it. */
bool addr_is_near(const struct wd_addr *addr);
/* What the row of an address that nobody claims has; or that of a prefix. */
void stray_bits(struct wd_model *m, const struct wd_addr *addr, uint8_t len,
		uint64_t *bits);

/* service.c */
void service_changed(struct wd_model *m, const struct wd_object *was,
		     const struct wd_object *now);
void slice_changed(struct wd_model *m, const struct wd_object *was,
		   const struct wd_object *now);
/*
 * Which services lead to so much, for all their addresses and ports, that it is
 * not looked up. Before fronts are compiled.
 */
void services_weigh(struct wd_model *m);
/* There is room now for one that was beyond the quota. */
void service_taken_in(struct wd_model *m, const struct wd_object *obj);
/* Does it say where flows end; else nobody knows of some of them. */
bool service_is_sure(const struct mservice *s);
/* Has a service beyond the quota its address and port, too? */
bool service_shares(const struct wd_model *m, const struct mfront *front);
/* A pod of the namespace came, went or changed: services that go by selectors. */
void services_of(struct wd_model *m, const struct mspace *space);
/*
 * Where flows to @front may end, each once.
 * @ret_end: allocated, to be freed; Return: how many.
 */
size_t service_ends(const struct wd_model *m, const struct mfront *front,
		    struct wd_end **ret_end);
/* As peers of rules (WD_PEER_SERVICES): the next one after @s (NULL: the first), NULL: none. */
const struct mservice *service_next(const struct wd_model *m,
				    const struct wd_peer *peer,
				    const struct mservice *s);
/* The pods that it means as such a peer, or NULL: the addresses of its slices. */
const struct wd_selector *service_pods(const struct mservice *s);
/* What stands for the services of a name; NULL: all of them. */
uint64_t service_bit(const char *name);
/* Does a rule that denies mean everybody, since nobody knows where they lead? */
bool services_unknown(const struct wd_model *m, const struct wd_peer *peer);
void services_fini(struct wd_model *m);

/* front.c */
struct mfront *front_get(struct wd_model *m, const struct wd_front_key *key);
struct mfront *front_find(const struct wd_model *m,
			  const struct wd_front_key *key);
void front_dirty(struct wd_model *m, struct mfront *f);
/* The row of a backend, or what it rests on, is another. */
void front_addr_changed(struct wd_model *m, const struct wd_addr *addr);
void front_prefixes_changed(struct wd_model *m);
int front_compile(struct wd_model *m, struct mfront *f);
int front_write(struct wd_model *m, struct mfront *f, bool *ret_wrote);
void front_done(struct wd_model *m, struct mfront *f);
void front_adopt(struct wd_model *m, const struct wd_front_key *key,
		 const struct wd_front_val *val);
/* The front of a flow, or NULL. @claim: whose the address is, or NULL */
const struct mfront *front_of(const struct wd_model *m,
			      const struct wd_addr *addr, uint8_t proto,
			      uint16_t port, const struct mclaim *claim);
/* The ports of tunnels are others now. */
void fronts_encap(struct wd_model *m);
void fronts_fini(struct wd_model *m);

/* write.c: entries */
/*
 * Is there an entry for every prefix that is spoken of? @was: how many there were,
 * by family, before a draft that is @narrow: of policies in namespaces, who leave
 * some to those of the whole cluster, but may name what is there.
 */
bool prefixes_fit(const struct wd_model *m, const uint32_t *was, bool narrow);
/* Those of a policy that did not fit, which the kernel has not got. */
void prefixes_forget(struct wd_model *m);
int entry_write(struct wd_model *m, struct mentry *e, enum wd_map map,
		const void *key, bool *ret_wrote);
int entry_settle(struct wd_model *m, struct mentry *e, enum wd_map map,
		 const void *key);
void entry_gone(struct wd_model *m, struct mentry *e);

/*
 * retry.c: all that are dirty, and those for which there may be room; without
 * those that are m->behind. Return: 0 or m->failed
 */
int endpoints_compile(struct wd_model *m);
/* Is there one for which there may be room? */
bool endpoints_wait(const struct wd_model *m);

/* slot.c; NULL passes */
void slot_put(struct wd_model *m, struct mslot *s); /* one that is left */
/* late.c: the endpoint wants its slots no more; more than once does no harm */
void endpoint_leave(struct wd_model *m, struct mendpoint *e);
/* As pod and namespace say; and as it is carried out, see mendpoint.lifted. */
enum wd_mode endpoint_mode(const struct wd_model *m, const struct mendpoint *e);
enum wd_mode endpoint_enforced(const struct wd_model *m,
			       const struct mendpoint *e);
bool space_encrypts(const struct wd_model *m, const struct mspace *s);
/* Must what it exchanges with other nodes be encrypted? */
bool endpoint_encrypts(const struct wd_model *m, const struct mendpoint *e);
/* May it exchange tunnels with nodes? */
bool endpoint_encap(const struct mendpoint *e);
bool endpoint_rejects(const struct mendpoint *e);

/**
 * array_get() - take @cnt elements of an array of the kernel, ready to be written
 * Return: the first, -ENOSPC if there is no such gap, or what the sink says; that is
 * in @m->failed, too, if it is not that there is no room.
 */
int64_t array_get(struct wd_model *m, enum wd_map map, uint32_t cnt);

/* bit.c also has words of groups; write.c: towards the sink */
int write_all(struct wd_model *m, bool *ret_wrote);
void write_done(struct wd_model *m);
void ghost_add(struct wd_model *m, uint32_t ifindex,
	       const struct mowned *owned);
void owned_put(struct wd_model *m, struct mowned *owned);

#endif /* WARDER_MODEL_INT_H */
