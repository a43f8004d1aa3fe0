/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inquiry_int.h - a question under way: inquiry.c fills it in, inquiry_doc.c
 * puts it into words.
 */
#ifndef WARDER_INQUIRY_INT_H
#define WARDER_INQUIRY_INT_H

#include "../base/target.h"
#include "../model/endpoint.h"
#include "../model/model.h"
#include "../model/trace.h"

struct json_object;
struct wd_refusal;
struct wd_world;

/* One end of the flow, found. */
struct end {
	struct wd_target target;
	const struct wd_object *pod; /* NULL: not a pod that a source told of */
	const struct wd_endpoint *ep; /* NULL: no interface of this node */
	struct wd_addr addr[2]; /* IPv4, IPv6; family 0: it has none */
	bool host; /* sockets of this host, or a pod in its namespace */
	struct wd_addr_info info; /* of the address asked about */
};

/* What was heard of a hook besides. */
struct heard {
	bool traced; /* the kernel's maps were asked */
	struct wd_trace trace;
	enum wd_verdict verdict; /* by the objects */
	enum wd_reason reason;
	char *unfit; /* why its policy does not fit into the tables, NULL it does */
};

struct question {
	const struct wd_world *world;
	struct wd_refusal *refusal;
	const char *text[2]; /* as given, by enum side */
	int family; /* 4, 6; 0: whichever both have, IPv4 first */
	struct end end[2];
	struct wd_flow flow;
	struct wd_decision hook[WD_DIR__MAX];
	struct wd_service_info service;
	struct end backend; /* who is taken for the receiver, if it has any */
	bool by_kernel; /* what its maps say counts, not what the objects say */
	struct heard heard[WD_DIR__MAX];
};

enum side {
	FROM,
	TO,
};

/** inquiry_side() - the end whose hook has this direction */
static inline enum side inquiry_side(enum wd_dir dir)
{
	return dir == WD_EGRESS ? FROM : TO;
}

/** inquiry_at() - who is there: of a service the backend that decided */
static inline const struct end *inquiry_at(const struct question *q,
					   enum side side)
{
	return side == TO && q->service.backends ? &q->backend : &q->end[side];
}

/** inquiry_is_elsewhere() - is that end a pod whose hook is on another node */
bool inquiry_is_elsewhere(const struct question *q, enum side side);

/** inquiry_is_for_others() - does nothing of it pass here: only another node's agent can answer */
bool inquiry_is_for_others(const struct question *q);

/** inquiry_is_within_node() - are both ends on one node; of manifests: on that of their objects */
bool inquiry_is_within_node(const struct question *q);

/** inquiry_encryption() - "required", "exempt" or "none" between the two */
const char *inquiry_encryption(const struct question *q);

/** inquiry_mesh() - whose tunnels that port is of, NULL nobody's */
const char *inquiry_mesh(const struct wd_flow *flow);

/** inquiry_answer() - the answer, to be put */
struct json_object *inquiry_answer(const struct question *q);

#endif /* WARDER_INQUIRY_INT_H */
