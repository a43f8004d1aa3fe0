/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * read.h - from trees to objects: what the readers of the kinds share.
 *
 * A reader never guesses: a value of the wrong type, or a field that it does
 * not know, is a problem with file, line and path. Which effect that has is
 * the reader's: until the subject of a policy is clear, nothing changes; after
 * that the subject is isolated.
 */
#ifndef WARDER_READ_H
#define WARDER_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manifests.h"
#include "tree.h"

/* of a static pod: the uid that its node knows it by */
#define WD_MIRROR_ANNOTATION "kubernetes.io/config.mirror"

struct wd_object;
struct wd_selector;
struct wd_label;
struct wd_labels;
struct wd_addr;
struct wd_cidr;
struct wd_peer;
struct wd_policy_rule;
struct wd_spec;

/* What a text holds, told in its order. */
struct wd_read_fns {
	/* An object; ownership passes. */
	void (*object)(void *ctx, struct wd_object *obj);
	/* Refused as a whole, but it is clear which one was meant. */
	void (*refused)(void *ctx, int kind, const char *ns, const char *name);
	/* Something that cannot be read, nobody knows what. */
	void (*unreadable)(void *ctx);
	/* A kind that warder does not know: "Kind" or "group/version Kind". */
	void (*unknown)(void *ctx, const char *kind);
};

struct wd_read {
	const struct wd_read_fns *fns;
	void *ctx;
	struct wd_problems *problems;
	const char *file;
	uint32_t line_base; /* added to a tree's lines */
	enum wd_problem_effect effect; /* of the problems met now */
	char object[600]; /* "NetworkPolicy/ns/name", "" until known */
};

/* A place in a document: field @key of @up, or element @index of it. */
struct wd_at {
	const struct wd_at *up;
	const char *key; /* NULL: an element */
	uint32_t index;
};

#define WD_AT(up_, key_) (&(const struct wd_at){ .up = (up_), .key = (key_) })
#define WD_ELEMENT(up_, index_) \
	(&(const struct wd_at){ .up = (up_), .index = (index_) })

#define wd_for_each_entry(entry, node) \
	for (const struct wd_tree *entry = (node) ? (node)->child : NULL; \
	     entry; entry = entry->next)

/* The same for a list, with the element's number in @index, a variable of the caller's. */
#define wd_for_each_element(entry, index, node) \
	for (const struct wd_tree *entry = \
		     ((index) = 0, (node) ? (node)->child : NULL); \
	     entry; entry = entry->next, (index)++)

/** wd_read_text() - read one file's text; problems and objects go where @r says */
void wd_read_text(struct wd_read *r, char *text, size_t len, bool json);

/**
 * wd_read_object() - one object that is no file's document, but no List
 * @api, @kind: what it is where it does not say itself
 */
void wd_read_object(struct wd_read *r, const struct wd_tree *doc,
		    const char *api, const char *kind);

/** wd_read_problem() - something is wrong at @at (NULL: the document itself); @line of the tree, 0 unknown */
void wd_read_problem(struct wd_read *r, const struct wd_at *at, uint32_t line,
		     const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ---- fields; each returns 0, or -EINVAL with the problem told ---- */

/**
 * struct wd_read_beyond - a field of the API that is not enforced
 * @key: its name
 * @why: what it would need, and what to do
 * @hollow: without entries it says nothing, as if it were null
 */
struct wd_read_beyond {
	const char *key;
	const char *why;
	bool hollow;
};

/**
 * wd_read_known_beyond() - wd_read_known(), with reasons for what is not known
 * @r: the problems go here
 * @at: where @map stands
 * @map: the mapping
 * @known: the fields it may have; ends with NULL
 * @beyond: what is told of these instead of "unknown field", if they are not
 *          null; ends with a NULL key; NULL if there is none
 *
 * Return: 0, or -EINVAL with each other field told
 */
int wd_read_known_beyond(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, const char *const *known,
			 const struct wd_read_beyond *beyond);

/** wd_read_known() - @map has no field outside @known (ends with NULL) */
int wd_read_known(struct wd_read *r, const struct wd_at *at,
		  const struct wd_tree *map, const char *const *known);

/** wd_read_map() / wd_read_list() - field @key of @map; *ret is NULL if absent or null */
int wd_read_map(struct wd_read *r, const struct wd_at *at,
		const struct wd_tree *map, const char *key,
		const struct wd_tree **ret);
int wd_read_list(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key,
		 const struct wd_tree **ret);

/** wd_read_str() - a text; NULL if absent or null */
int wd_read_str(struct wd_read *r, const struct wd_at *at,
		const struct wd_tree *map, const char *key, const char **ret);

/** wd_read_bool() - true or false; false if absent or null */
int wd_read_bool(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key, bool *ret);

/** wd_read_port_nr() - a number 1-65535 in @node */
int wd_read_port_nr(struct wd_read *r, const struct wd_at *at,
		    const struct wd_tree *node, uint16_t *ret);

/** wd_read_proto() - TCP, UDP or SCTP; TCP if absent or null */
int wd_read_proto(struct wd_read *r, const struct wd_at *at,
		  const struct wd_tree *map, uint8_t *ret);

/** wd_read_addr() - an address; family 0 if absent, null or "" */
int wd_read_addr(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *map, const char *key,
		 struct wd_addr *ret_addr);

/* Addresses of one object: each one is compared with those before it. */
#define WD_READ_ADDRS_MAX 1024

/** wd_read_addr_loose() - the same, by wd_addr_parse_loose() */
int wd_read_addr_loose(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *map, const char *key,
		       struct wd_addr *ret_addr);

/** wd_read_addr_add() - put @addr, of @at, at the end of a list, allocated, that does not have it yet */
int wd_read_addr_add(struct wd_read *r, const struct wd_at *at,
		     const struct wd_addr *addr, struct wd_addr **list,
		     uint32_t *cnt);

/* Is it an element that is there but says nothing (null)? Told as a problem. */
bool wd_read_is_hollow(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *entry);

/* ---- metadata ---- */

struct wd_meta {
	const char *ns; /* "" where the kind has none */
	const char *name;
	const char *uid; /* "" */
	int64_t created; /* seconds since the epoch, 0 unknown */
	bool deleting;
	const struct wd_tree *labels; /* map or NULL */
	const struct wd_tree *annotations; /* map or NULL */
};

/**
 * wd_read_meta() - metadata of @doc; strings are the tree's
 * @namespaced: the namespace is "default" where it is not given
 * @strict: unknown fields are a problem
 * Return: 0; -EINVAL: not clear which object is meant.
 */
int wd_read_meta(struct wd_read *r, const struct wd_tree *doc, bool namespaced,
		 bool strict, struct wd_meta *ret_meta);

/** wd_read_object_new() - an object with what @meta says; zeroed apart from that */
struct wd_object *wd_read_object_new(const struct wd_read *r, int kind,
				     const struct wd_meta *meta, uint32_t line);

/**
 * wd_read_labels_keys() - as wd_read_labels() with another syntax of keys
 */
int wd_read_labels_keys(struct wd_read *r, const struct wd_at *at,
			const struct wd_tree *map,
			int (*check)(struct wd_read *r, const struct wd_at *at,
				     uint32_t line, const char *key),
			struct wd_label **ret_label, uint32_t *ret_cnt);

/**
 * wd_read_labels() - a map of texts as an array, keys and values checked as the API does
 * @ret_label: freed by the caller; strings are the tree's
 */
int wd_read_labels(struct wd_read *r, const struct wd_at *at,
		   const struct wd_tree *map, struct wd_label **ret_label,
		   uint32_t *ret_cnt);

/** wd_read_label_key() / wd_read_label_value() - syntax of labels (apimachinery's validation) */
int wd_read_label_key(struct wd_read *r, const struct wd_at *at, uint32_t line,
		      const char *key);
int wd_read_label_value(struct wd_read *r, const struct wd_at *at,
			uint32_t line, const char *value);

/*
 * Labels of one object. The API takes all that fit into 1.5 MiB, 100,000 and
 * more; each is kept in memory for as long as the object is there, on every
 * node, and whoever may write pods has as many of them as a quota lets. What
 * real objects have is a few dozen. Without a limit some 100 pods of one tenant,
 * Pending ones also, fill the agent's MemoryMax.
 */
#define WD_READ_LABELS_MAX 1024

/** wd_read_label_cnt() - are @cnt labels, at @at, as many as an object may have; -EINVAL: more, and it is told */
int wd_read_label_cnt(struct wd_read *r, const struct wd_at *at, uint32_t line,
		      size_t cnt);

/**
 * wd_read_own_labels() - the labels of the object itself, WD_READ_LABELS_MAX at most
 * @extra_key: one that it has in any case, with @extra_value; NULL none
 * @ret_labels: one reference
 */
int wd_read_own_labels(struct wd_read *r, const struct wd_meta *meta,
		       const char *extra_key, const char *extra_value,
		       const struct wd_labels **ret_labels);

/** wd_read_object_name() - is @name one that objects may have (DNS subdomain) */
int wd_read_object_name(struct wd_read *r, const struct wd_at *at,
			uint32_t line, const char *name);

/*
 * Labels, expressions and values of one selector. Each is compared with what
 * each of up to tens of thousands of pods has, and kept in memory.
 */
#define WD_READ_SELECTOR_MAX 4096

/**
 * wd_read_selector() - a label selector (metav1.LabelSelector)
 * @map: NULL selects everything
 * @ret_sel: set also on failure; released by wd_object_free() of the object that takes it
 */
int wd_read_selector(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_selector *ret_sel);

/* ---- parts of policies; each returns 0, or -EINVAL with the problem told ---- */

/** wd_read_is_port_name() - IANA service name: 1-15 of [a-z0-9-], a letter, no '-' at an end or twice (RFC 6335, 5.1) */
bool wd_read_is_port_name(const char *s);

/** wd_read_cidr() - a prefix in @node, which may be NULL; @line of what it is missing in */
int wd_read_cidr(struct wd_read *r, const struct wd_at *at,
		 const struct wd_tree *node, uint32_t line,
		 struct wd_cidr *ret_cidr);

/** wd_read_except() - prefixes, each inside the peer's own; @list may be NULL */
int wd_read_except(struct wd_read *r, const struct wd_at *at,
		   const struct wd_tree *list, struct wd_peer *peer);

/** wd_read_everything() - a selector that matches everything, shared */
struct wd_selector *wd_read_everything(void);

/**
 * wd_read_on_trial() - is a policy only to be judged and told of, by its
 * annotation warder.io/audit
 *
 * Anything but true or false is told, and the policy enforced.
 */
bool wd_read_on_trial(struct wd_read *r, const struct wd_meta *meta);

/**
 * wd_read_response() - is the sender of what is denied told so, by annotation
 * warder.io/deny-response
 * @counts: false on an object where it means nothing
 *
 * Anything but drop or reject is told, and taken as if it were not there.
 */
enum wd_response wd_read_response(struct wd_read *r, const struct wd_meta *meta,
				  bool counts);

/** wd_read_break_spec() - one rule in front that was not understood and denies, whatever else it says */
void wd_read_break_spec(struct wd_spec *spec, uint32_t line);

/** wd_read_names_ports() - does a rule say a port by name */
bool wd_read_names_ports(const struct wd_policy_rule *rule);

/** wd_read_means_pods() - are all its peers pods (also if it has none, or means any) */
bool wd_read_means_pods(const struct wd_policy_rule *rule);

/** wd_read_peer_add() - one more peer of a rule, zeroed; good until the next one */
struct wd_peer *wd_read_peer_add(struct wd_policy_rule *rule, int type);

/**
 * wd_read_peer_selector() - a selector of its own, shared among all that are equal
 * @map: NULL leaves *ret_sel: an absent selector and an empty one are two things
 * @ret_sel: set also on failure
 */
int wd_read_peer_selector(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  struct wd_selector **ret_sel);

/**
 * wd_read_selector_keys() - as wd_read_selector(), with another syntax of keys
 * @check: is @key one; tells the problem if not
 */
int wd_read_selector_keys(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map,
			  int (*check)(struct wd_read *r,
				       const struct wd_at *at, uint32_t line,
				       const char *key),
			  struct wd_selector *ret_sel);

/** wd_selector_sort() - requirements in the one order that equal selectors have */
void wd_selector_sort(struct wd_selector *sel);

/** wd_read_cilium_l4() - toPorts and icmps of a rule @map; sets any_port and ports of @rule */
int wd_read_cilium_l4(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, struct wd_policy_rule *rule);

/* What a selector of Cilium means, see cilium_selector.c. */
struct wd_cilium_selector {
	struct wd_selector *ns_sel; /* shared; NULL: no namespace is named */
	struct wd_selector *pod_sel; /* not shared yet, never NULL */
	const char *entity; /* "host" of "reserved:host", interned, or NULL */
	/* of WD_CILIUM_DENIED: who is no pod is meant, too, but for these */
	bool others;
	bool spares_own; /* this node */
	bool spares_nodes; /* the other ones */
	bool spares_world;
};

enum wd_cilium_use {
	WD_CILIUM_SUBJECT, /* of the policy's namespace, whatever others are named */
	WD_CILIUM_ALLOWED, /* a peer */
	WD_CILIUM_DENIED,
};

/**
 * wd_read_cilium_selector() - an EndpointSelector
 * @map: may be NULL, which selects everything
 * @home: namespace of the policy, "" none: meant where a cluster alone is named
 * Return: 0, or -EINVAL with the problem told; the selectors are the
 * caller's in either case (released by wd_object_free() of what takes them).
 */
int wd_read_cilium_selector(struct wd_read *r, const struct wd_at *at,
			    const struct wd_tree *map, const char *home,
			    enum wd_cilium_use use,
			    struct wd_cilium_selector *ret_sel);

/* Whose labels a selector is about that is none of pods: what source they have. */
enum wd_read_source {
	WD_SOURCE_K8S, /* of services, and of the node a policy is for */
	WD_SOURCE_NODE, /* of nodes as peers */
};

/**
 * wd_read_sourced_selector() - a selector of labels of services or nodes
 * @map: may be NULL: nothing is done
 * @ret_sel: shared; their source, or any, is left out of a key, as all have it
 * Return: 0, or -EINVAL with the problem told; *ret_sel is the caller's then, too
 */
int wd_read_sourced_selector(struct wd_read *r, const struct wd_at *at,
			     const struct wd_tree *map,
			     enum wd_read_source source,
			     struct wd_selector **ret_sel);

/* ---- kinds: an object, or -EINVAL with the problems told ---- */

int wd_read_netpol(struct wd_read *r, const struct wd_tree *doc,
		   const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_cilium_np(struct wd_read *r, const struct wd_tree *doc,
		      const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_cilium_cnp(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_cluster_np(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_admin_np(struct wd_read *r, const struct wd_tree *doc,
		     const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_baseline_np(struct wd_read *r, const struct wd_tree *doc,
			const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_pod(struct wd_read *r, const struct wd_tree *doc,
		const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_namespace(struct wd_read *r, const struct wd_tree *doc,
		      const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_cilium_node(struct wd_read *r, const struct wd_tree *doc,
			const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_cidr_group(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_service(struct wd_read *r, const struct wd_tree *doc,
		    const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_slice(struct wd_read *r, const struct wd_tree *doc,
		  const struct wd_meta *meta, struct wd_object **ret_obj);
int wd_read_node(struct wd_read *r, const struct wd_tree *doc,
		 const struct wd_meta *meta, struct wd_object **ret_obj);

#endif /* WARDER_READ_H */
