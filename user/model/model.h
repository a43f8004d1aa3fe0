/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * model.h - from objects and endpoints to what the programs look up.
 *
 * The compiler of warder: it listens to the store, is told of the local
 * endpoints, and keeps predicates, rows, identities, slots and addresses true,
 * doing work only for what changed. It does no I/O of its own: what it decides
 * goes through the sink it was given (the datapath, or plain memory in tests).
 *
 * One commit is one switch. Everything new is written beside what is in force
 * (the other half of row[2] and slot[2], unused rows, spans and classes), then
 * one generation is published, then what is no longer reachable is given back.
 * A failed write before the publication leaves the old generation in force.
 */
#ifndef WARDER_MODEL_H
#define WARDER_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>
#include <warder/maps.h>

#include "endpoint.h"
#include "object.h"

struct wd_encap;
struct wd_model;
struct wd_store;
struct wd_labels;

/* Where decisions go. All functions return 0 or -errno. */
struct wd_sink {
	void *ctx;
	int (*set)(void *ctx, enum wd_map map, const void *key,
		   const void *val);
	int (*del)(void *ctx, enum wd_map map, const void *key);
	void (*publish)(void *ctx, uint32_t gen);
	/*
	 * Before the publication: rule @id is named by what is published, and may
	 * be already; after it, if it @ends, by nothing. NULL: nobody counts.
	 * What fails is tried again with the next commit.
	 */
	int (*rule)(void *ctx, uint32_t id, bool ends);
	/* Elements of an array below are about to be used; 0 or -errno. NULL: all are there. */
	int (*reach)(void *ctx, enum wd_map map, uint32_t first, uint32_t cnt);
	struct wd_row_val *row; /* WD_ROWS_MAX */
	struct wd_slot_val *slot; /* 2 * WD_SLOTS_MAX */
	struct wd_span_val *span; /* WD_SPANS_MAX */
	struct wd_class_val *class; /* WD_CLASSES_MAX */
};

/** wd_sink_nowhere() - one that keeps nothing; its arrays are still to be set */
void wd_sink_nowhere(struct wd_sink *ret_sink);
/** wd_sink_tables() - set the arrays of one to tables that nobody reads */
void wd_sink_tables(struct wd_sink *sink);
/** wd_sink_tables_free() - free those */
void wd_sink_tables_free(struct wd_sink *sink);

struct wd_model_config {
	const char *node; /* this node's name, "" unknown */
	enum wd_mode mode; /* cluster default, WD_MODE_ENFORCE if UNSET */
	/* cluster default: what pods exchange with other nodes must be encrypted */
	bool encrypt;
	/* nodes that may exchange things with pods in clear; borrowed for good */
	const char *const *exempt;
	size_t exempt_cnt; /* one of "all": every node */
	/* inside the cluster, besides the pod CIDRs of nodes; borrowed for good */
	const struct wd_cidr *inside;
	size_t inside_cnt;
	uint32_t quota[WD_QUOTA__MAX]; /* of each namespace; 0: no limit */
	/* entries of wd_front that stand for addresses of Services beyond it; 0: as many as fit */
	uint32_t closed_most;
};

/** wd_model_new() - @store and @sink outlive the model; out of memory ends the program */
struct wd_model *wd_model_new(const struct wd_store *store,
			      const struct wd_sink *sink,
			      const struct wd_model_config *config);
/** wd_model_mixes() - is there a service whose backends policy may treat differently */
bool wd_model_mixes(const struct wd_model *model);

/** wd_model_closes() - has wd_front entries that hold for each port */
bool wd_model_closes(const struct wd_model *model);
/** wd_model_squeezed() - addresses and ports of services that wd_front has no room for */
uint32_t wd_model_squeezed(const struct wd_model *model);

/** wd_model_rebind() - the tables are elsewhere, with the same contents; copies @sink */
void wd_model_rebind(struct wd_model *model, const struct wd_sink *sink);

void wd_model_free(struct wd_model *model);

/** wd_model_changed() - the store's listener (ctx is the model) */
void wd_model_changed(void *model, const struct wd_object *was,
		      const struct wd_object *now);

/**
 * wd_model_endpoint_set() - a local endpoint is there (or its data changed)
 * @ep: borrowed until wd_model_endpoint_del()
 */
void wd_model_endpoint_set(struct wd_model *model,
			   const struct wd_endpoint *ep);
void wd_model_endpoint_del(struct wd_model *model, uint32_t id);

/**
 * wd_model_relax() - pods of a namespace are in audit from the next commit on, or no more
 * Those that enforce only because nobody says otherwise: neither they nor their
 * Namespace say a mode. As if they said audit themselves: see ->lifted. It ends
 * when the Namespace goes, or comes with another uid: that is another one.
 * @uid: of the Namespace, "" if it has none or is not known; NULL: no more
 */
void wd_model_relax(struct wd_model *model, const char *ns, const char *uid);

/** wd_model_relaxes() - is wd_model_relax() of a namespace in force still? */
bool wd_model_relaxes(const struct wd_model *model, const char *ns);

/** wd_model_relaxed() - is a pod in audit by wd_model_relax() */
bool wd_model_relaxed(const struct wd_model *model,
		      const struct wd_object *pod);

/** wd_model_relaxed_cnt() - how many pods of this node and a namespace are */
uint32_t wd_model_relaxed_cnt(const struct wd_model *model, const char *ns);

/** wd_model_host_addrs() - addresses of this host's own interfaces (identity 1) */
void wd_model_host_addrs(struct wd_model *model, const struct wd_addr *addr,
			 size_t cnt);

/* What policies say of this node itself: what is in force, and what is tried. */
enum wd_host_which {
	WD_HOST_IN_FORCE,
	WD_HOST_TRIED, /* goes before what is in force, up to a time */
	WD_HOST__MAX,
};

struct wd_host_policy {
	const struct wd_labels *labels; /* of the node; a reference is taken */
	/* in order of precedence; borrowed until the next call or the deletion */
	const struct wd_object *const *policy;
	size_t cnt;
	uint64_t until_ns; /* CLOCK_MONOTONIC; of WD_HOST_TRIED only */
};

/** wd_model_host_set() - from the next commit on sockets of this host are judged by these; without any all passes */
void wd_model_host_set(struct wd_model *model, enum wd_host_which which,
		       const struct wd_host_policy *given);
void wd_model_host_del(struct wd_model *model, enum wd_host_which which);

/**
 * wd_model_adopt() - begin on top of maps that an agent before left in force
 * @gen: generation in force
 * @used: is an element of wd_row, wd_slot (slot number), wd_span or wd_class
 *        reachable now; such elements are not touched before the first commit
 *        of this model was published.
 */
void wd_model_adopt(struct wd_model *model, uint32_t gen,
		    bool (*used)(void *ctx, enum wd_map map, uint32_t index),
		    void *ctx);

/**
 * wd_model_adopt_entry() - an entry found in wd_addr*, wd_cidr*, wd_front or wd_endpoint
 * Call for each after wd_model_adopt() and before the first commit, which
 * replaces it, or deletes it if nothing wants it.
 */
void wd_model_adopt_entry(struct wd_model *model, enum wd_map map,
			  const void *key, const void *val);

/**
 * wd_model_adopt_rule() - a rule of a class in force had this number
 * Call for each after wd_model_adopt() and before the first commit: the rule
 * that had it gets it again, though another one may come first that wants its
 * place. One that does not come until both halves are ours has ended.
 */
void wd_model_adopt_rule(struct wd_model *model, uint32_t id);

/**
 * wd_model_note_mixed() - find the rules for which wd_model_is_mixed() is true
 * @tick: now, not 0
 * After each commit; costs nothing where there was none.
 */
void wd_model_note_mixed(struct wd_model *model, uint32_t tick);

/**
 * wd_model_is_mixed() - may a rule decide about backends of a service that rules tell apart
 * As of the last wd_model_note_mixed(). Not of one that does not: sooner yes than no.
 * @ret_end: the tick when it no longer could, the last time; 0 it never could
 */
bool wd_model_is_mixed(const struct wd_model *model, uint32_t rule_id,
		       uint32_t *ret_end);

/**
 * wd_model_rule_of() - the number of a rule that some policy in use here rests on
 * @index: as of wd_model_rule()
 * @ret_joined: some of what it decides is not told apart from other rules'
 * Return: 0 there is none. One that found no place to be counted at is a
 * multiple of WD_RULES_MAX.
 */
uint32_t wd_model_rule_of(const struct wd_model *model,
			  const struct wd_object *policy, enum wd_dir dir,
			  int index, bool *ret_joined);

/**
 * wd_model_wants() - the value that a key of wd_addr*, wd_cidr*, wd_front or wd_endpoint was last written with
 * Return: borrowed until the next call of this function or commit; NULL: it should not be there.
 */
const void *wd_model_wants(const struct wd_model *model, enum wd_map map,
			   const void *key);

/** wd_model_node_number() - that wd_addr_val.node has for a node, given now if it had none; >= 1 */
uint32_t wd_model_node_number(struct wd_model *model, const char *name);

/** wd_model_node_name() - the reverse, borrowed; NULL no such number */
const char *wd_model_node_name(const struct wd_model *model, uint32_t number);

/** wd_model_ns_number() - that wd_addr_val.ns has for a namespace, given now if it had none; >= WD_NS_FIRST */
uint32_t wd_model_ns_number(struct wd_model *model, const char *name);

/** wd_model_ns_name() - of a number of wd_addr_val.ns, borrowed; NULL no such number */
const char *wd_model_ns_name(const struct wd_model *model, uint32_t number);

struct wd_over {
	const struct wd_object *
		obj; /* policy, Service or EndpointSlice; NULL: it is about pods */
	const char *ns;
	enum wd_quota quota; /* the first that had no room */
	uint32_t limit;
	/* of a Service: all its backends, as often as an address and port leads there */
	bool pairs;
	uint32_t pods; /* that are as if no source had told of them */
	/* addresses of its Services that have no entry: those around are closed, too */
	uint32_t covered;
};

/** wd_model_over() - what quotas have no room for: objects as they came, then namespaces with pods or covered addresses */
void wd_model_over(const struct wd_model *model,
		   void (*fn)(void *ctx, const struct wd_over *over),
		   void *ctx);

/**
 * wd_model_quotas() - what the objects of each namespace take of its quotas, of those that take any
 * @used: by enum wd_quota; of what is beyond a quota nothing
 */
void wd_model_quotas(const struct wd_model *model,
		     void (*fn)(void *ctx, const char *ns,
				const uint64_t used[WD_QUOTA__MAX]),
		     void *ctx);

/** wd_model_policy_over() - is the policy beyond its namespace's quota: it isolates and allows nothing */
bool wd_model_policy_over(const struct wd_model *model,
			  const struct wd_object *policy);

/** wd_model_dirty() - is there anything that a commit would do */
bool wd_model_dirty(const struct wd_model *model);

/**
 * wd_model_commit() - compile what changed and switch to it
 * @ret_error: what did not fit or failed, to be freed; NULL passes
 * Limits that are hit isolate only the endpoint whose policy is too large
 * (slot 0, reported by wd_model_endpoint()); a failed write is returned, and
 * the next commit tries again. One for whose policy the kernel has no memory goes
 * on with what it had (one that is new drops all): what others need is switched
 * to, and then that is returned; see wd_model_behind().
 * Return: 0, or -errno of the sink; -ENOSPC if the rows or predicates of the node are used up.
 */
int wd_model_commit(struct wd_model *model, char **ret_error);

/** wd_model_commit_whole() - the same, again and again while any endpoint waits for room; of a model that is only asked */
int wd_model_commit_whole(struct wd_model *model, char **ret_error);

/** wd_model_behind() - endpoints without which the last commit switched, and failed; 0: it did not switch, or not fail */
uint32_t wd_model_behind(const struct wd_model *model);

/** wd_model_waits() - do endpoints wait for room that the next commit may have, beside those that are behind */
bool wd_model_waits(const struct wd_model *model);

/**
 * wd_model_settle() - bring the halves that are not in force to the ones that are
 * After a commit both halves of changed entries differ. Doing this a few
 * milliseconds later (no program still runs under the generation before)
 * keeps the next commit small. A commit does it first if it was not done.
 * Return: 0 or -errno of the sink; may be repeated.
 */
int wd_model_settle(struct wd_model *model);

/** wd_model_republish() - drift repair: the next commit switches in any case, so that every verdict is earned anew */
void wd_model_republish(struct wd_model *model);

/** wd_model_encap() - the ports at which this node takes tunnels; of a new model: none but the customary ones */
void wd_model_encap(struct wd_model *model, const struct wd_encap *encap);

/** wd_model_unsettled() - would wd_model_settle() write anything */
bool wd_model_unsettled(const struct wd_model *model);

/** wd_model_refresh() - drift repair: the next commit writes or deletes this key again */
void wd_model_refresh(struct wd_model *model, enum wd_map map, const void *key);

/** wd_model_wanted_cnt() - keys that wd_addr*, wd_cidr*, wd_front or wd_endpoint should have now */
uint32_t wd_model_wanted_cnt(const struct wd_model *model, enum wd_map map);

/** wd_model_wanted_each() - each such key with its value; stops at the first non-zero return */
int wd_model_wanted_each(struct wd_model *model, enum wd_map map,
			 int (*fn)(void *ctx, enum wd_map map, const void *key,
				   const void *want),
			 void *ctx);

/**
 * wd_model_verify_arrays() - compare rows, slots, spans and classes in use with what was written, write them again
 * The elements 0, which mean "none", too. If any differed the next commit
 * switches: flows may have been judged by it.
 * Return: elements that differed.
 */
int wd_model_verify_arrays(struct wd_model *model);

/* ---- looking ---- */

struct wd_model_stats {
	uint32_t gen;
	uint32_t pods; /* that contribute addresses */
	uint32_t groups; /* distinct (namespace, labels, named ports) */
	uint32_t portnames; /* by namespace and protocol, and over all of them */
	uint32_t identities;
	uint32_t addrs[2]; /* IPv4, IPv6 */
	uint32_t prefixes[2];
	uint32_t services;
	uint32_t fronts; /* entries of wd_front */
	uint32_t preds;
	uint32_t rows;
	uint32_t slots;
	uint32_t spans;
	uint32_t classes;
	uint32_t endpoints;
	uint64_t commits;
	uint64_t commit_us; /* of the last one */
	uint64_t compiled; /* how often an endpoint's policy was, in all */
	uint64_t matched; /* sets of labels, for a term of new predicates, in all */
	uint64_t weighed; /* parts of predicates with an order, of addresses, in all */
	uint64_t numbers; /* looked at for rules that find no place, in all */
	uint64_t sought; /* what peers of rules say, in all */
};
void wd_model_stats(const struct wd_model *model,
		    struct wd_model_stats *ret_stats);

enum wd_ep_state {
	WD_EP_WAITING, /* no source has told of its pod: drops all */
	WD_EP_ENFORCED,
	WD_EP_TOO_LARGE, /* its policy does not fit: drops all, see error */
};

struct wd_ep_info {
	const struct wd_endpoint *ep;
	enum wd_ep_state state;
	enum wd_mode mode;
	bool lifted; /* mode is the pod's own and lifts not what is cluster-wide */
	bool relaxed; /* mode is that of wd_model_relax() */
	uint32_t identity;
	uint32_t slot;
	uint32_t trial; /* slot of what is judged and told of, but let pass; 0 none */
	bool isolated[2];
	bool rejects; /* what is denied is answered, where the rung can */
	bool kept; /* the host's: its policies do not fit, those of before go on */
	const char *error; /* NULL unless TOO_LARGE, kept, or of the trial */
};
/** wd_model_endpoint() - how an endpoint stands. Return: 0 or -ENOENT */
int wd_model_endpoint(const struct wd_model *model, uint32_t id,
		      struct wd_ep_info *ret_info);

/** wd_model_host() - the same of the host. Return: 0, or -ENOENT: not set */
int wd_model_host(const struct wd_model *model, enum wd_host_which which,
		  struct wd_ep_info *ret_info);

/** wd_model_endpoints() - call @fn for each endpoint, by id; the host is none */
void wd_model_endpoints(const struct wd_model *model,
			void (*fn)(void *ctx, const struct wd_ep_info *info),
			void *ctx);

/* What an address is known as. */
struct wd_addr_info {
	struct wd_addr addr;
	uint32_t identity;
	uint32_t row;
	uint32_t flags; /* WD_ADDR_* */
	const char *kind; /* "pod", "node", "host", "cidr", "world" */
	const char *ns; /* pod's, or NULL */
	const char *name; /* pod's or node's, or NULL */
	const struct wd_labels *labels; /* or NULL */
};
void wd_model_addr(const struct wd_model *model, const struct wd_addr *addr,
		   struct wd_addr_info *ret_info);
/** wd_model_addrs() - each known address */
void wd_model_addrs(const struct wd_model *model,
		    void (*fn)(void *ctx, const struct wd_addr_info *info),
		    void *ctx);

/* Label identities in use: number, namespace, labels (without the ones that change with every pod). */
void wd_model_identities(const struct wd_model *model,
			 void (*fn)(void *ctx, uint32_t id, const char *ns,
				    const struct wd_labels *labels,
				    uint32_t pods),
			 void *ctx);

/** wd_model_row_preds() - text of each predicate that holds in a row, in the words of policies */
void wd_model_row_preds(const struct wd_model *model, uint32_t row,
			void (*fn)(void *ctx, uint32_t pred, const char *text),
			void *ctx);

/** wd_model_policy_endpoints() - how many local endpoints a policy selects now */
uint32_t wd_model_policy_endpoints(const struct wd_model *model,
				   const struct wd_object *policy);

/** wd_model_policy_isolates() - does any of its specs isolate @pod in a direction, if the policy counts */
bool wd_model_policy_isolates(const struct wd_model *model,
			      const struct wd_object *policy,
			      const struct wd_object *pod, enum wd_dir dir);

/** wd_model_policy_selects() - is @pod the subject of any of its specs */
bool wd_model_policy_selects(const struct wd_model *model,
			     const struct wd_object *policy,
			     const struct wd_object *pod);

/* ---- why ---- */

/* One hook's answer about a new flow. */
struct wd_decision {
	enum wd_dir dir;
	bool enforced; /* false: that end is not an endpoint of this node; nothing else is set */
	enum wd_verdict verdict;
	bool on_trial; /* what is enforced lets it pass; what is on trial would not */
	enum wd_reason reason;
	const struct wd_object *
		policy; /* the rule's, or one that isolates (reason DEFAULT), or NULL */
	int rule; /* index for wd_policy_rule(), -1 none */
	/*
	 * The first that would allow it, but is beyond the quota, or might, but has
	 * a rule that was not understood; NULL none. Of no matter if it is allowed.
	 */
	const struct wd_object *refused;
	uint32_t rule_id; /* stable id */
	uint32_t identity; /* of the endpoint */
	uint32_t peer_identity;
	/* The same question put to the compiled tables; differs only by a defect. */
	enum wd_verdict table_verdict;
	enum wd_reason table_reason;
	bool told; /* of that the sender is told, where the rung can */
};

/* What a flow to a service comes to: it may end at any of the backends. */
struct wd_service_info {
	const char *ns; /* NULL: the destination is no service that is known */
	const char *name;
	uint32_t backends; /* 0: none is known */
	struct wd_addr
		addr; /* of the one that decided, and is taken for the receiver */
	uint16_t port;
	uint32_t allowed; /* so many of them policy allows */
	uint32_t denied; /* so many their own hooks drop, if those are asked */
	bool late; /* so who judges after the translation decides */
	struct wd_addr first; /* of those */
	uint16_t first_port;
};

struct wd_flow {
	struct wd_addr src;
	struct wd_addr dst;
	bool from_host; /* by a socket of this host */
	bool late; /* somebody judges after the translation of services */
	bool everywhere; /* ask each backend's own hook: the first that drops is told */
	uint8_t proto; /* IP protocol number */
	/* destination port, host byte order; ICMP: type << 8 | code; else 0 */
	uint16_t port;
};

/**
 * wd_model_why() - what both hooks say about a new flow; ret[WD_EGRESS] is the sender's, ret[WD_INGRESS] the receiver's
 * @ret_service: set where a pod of this node sends to a service; NULL passes
 */
void wd_model_why(const struct wd_model *model, const struct wd_flow *flow,
		  bool host_policy, struct wd_decision ret[WD_DIR__MAX],
		  struct wd_service_info *ret_service);

/** wd_model_backends() - where a flow to a service may end, one by one; none if it goes to no service */
void wd_model_backends(const struct wd_model *model, const struct wd_flow *flow,
		       void (*fn)(void *ctx, const struct wd_addr *addr),
		       void *ctx);

/**
 * wd_model_next_rule() - ids of all rules in use here that have a place to be counted at
 * @after: the one before, 0 at first; the model must not change meanwhile
 * Return: an id, in no order; 0 that was all.
 */
uint32_t wd_model_next_rule(const struct wd_model *model, uint32_t after);

/** wd_model_rule() - the rule behind a stable id. Return: its policy, or NULL; *ret_dir, *ret_index set then */
const struct wd_object *wd_model_rule(const struct wd_model *model,
				      uint32_t rule_id, enum wd_dir *ret_dir,
				      int *ret_index);

/* ---- identities that last ---- */

/** wd_label_is_noise() - is it made by controllers, another for each pod or revision: no identity, and nothing to select by */
bool wd_label_is_noise(const char *key);

/** wd_model_identity_load() - a number remembered for a label set ("ns" and labels as JSON-free text key) */
int wd_model_identity_load(struct wd_model *model, uint32_t id,
			   const char *key);
/** wd_model_identity_save() - each number and its key; called when wd_model_identity_dirty() */
void wd_model_identity_save(const struct wd_model *model,
			    void (*fn)(void *ctx, uint32_t id, const char *key),
			    void *ctx);
/** wd_model_identity_dirty() - numbers were allocated since this was last asked (resets) */
bool wd_model_identity_dirty(struct wd_model *model);

#endif /* WARDER_MODEL_H */
