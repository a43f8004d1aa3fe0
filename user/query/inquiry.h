/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inquiry.h - one question about one flow, and the answer of `warder why`: who
 * is meant, what each hook says, and which of them decides.
 *
 * Asked of a running agent, or of a world that was made of manifests alone. The
 * verdict itself is the model's. The keys of question and answer are in the man
 * page of `warder why`.
 */
#ifndef WARDER_INQUIRY_H
#define WARDER_INQUIRY_H

#include <stdbool.h>

struct json_object;
struct wd_addr;
struct wd_endpoint;
struct wd_model;
struct wd_store;
struct wd_trace_source;

/* Whom to ask; all borrowed. */
struct wd_world {
	const struct wd_store *store;
	const struct wd_model *model;
	const char *node; /* this node's name, "" unknown */
	bool host_policy; /* what this host sends to its pods is judged, too */
	bool late; /* services are judged behind the translation */
	bool everywhere; /* and so is each of their backends, at its own hook */
	const char *rung; /* NULL: no kernel stands behind it */
	/* the maps that the programs read; NULL: none read any */
	const struct wd_trace_source *kernel;
	const char *
		as_of; /* the manifests it is made of; NULL: those of an agent */
	/* an interface of this node, NULL none */
	const struct wd_endpoint *(*by_pod)(void *ctx, const char *ns,
					    const char *name);
	const struct wd_endpoint *(*by_addr)(void *ctx,
					     const struct wd_addr *addr);
	/* is an address in a prefix of the cluster, also if nobody has it */
	bool (*inside)(void *ctx, const struct wd_addr *addr);
	void *ctx;
};

/* Why there is no answer. */
struct wd_refusal {
	int code; /* exit code for the command: 1 no answer, 2 no question */
	char *where; /* to be freed */
	char *text; /* to be freed */
};

/**
 * wd_inquire() - answer one question
 * @req: from, to (text), family (4, 6, 0), ask (kernel, model; "": the kernel
 *	 if there is one)
 * Return: the answer, to be put; NULL: @ret_refusal says why not.
 */
struct json_object *wd_inquire(const struct wd_world *world,
			       struct json_object *req,
			       struct wd_refusal *ret_refusal);

#endif /* WARDER_INQUIRY_H */
