/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * removals.c - asks for the definition of a kind before believing deletions.
 *
 *	definition there, not being deleted	they are believed
 *	being deleted				wait: the kind goes, or stays after all
 *	not there				forgotten: the kind is gone
 *	not allowed to know			believed after a while of that,
 *						unless it was being deleted before
 *	no answer, or a failure			wait: it says nothing
 */
#include "removals.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/loop.h"
#include "../base/now.h"
#include "../model/xalloc.h"
#include "../source/tree.h"
#include "http.h"

#define DEFINITIONS "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
#define AGAIN_MS 1000
#define ANSWER_MS 5000 /* a request that takes longer is given up */
#define BODY_MAX (1U << 20) /* definitions hold whole schemas */

struct removal {
	struct removal *next;
	int64_t at_ms; /* CLOCK_MONOTONIC */
	bool asked; /* the question under way began after it came */
	char *ns, *name, *uid; /* @ns, @uid: NULL where there is none */
};

struct wd_kube_removals {
	struct wd_kube_http *http;
	struct wd_timer *timer;
	const struct wd_kube_removals_fns *fns;
	void *ctx;
	char *path; /* of the definition */
	uint32_t grace_ms;
	struct removal *first;
	struct removal **end;
	uint32_t cnt; /* of them */
	struct wd_kube_get *get; /* NULL: not asking */
	char *body;
	size_t len;
	bool deleting; /* what the last good answer said */
	int64_t refused_ms; /* CLOCK_MONOTONIC: not allowed since; 0: it was not */
};

static void removal_free(struct removal *removal)
{
	free(removal->ns);
	free(removal->name);
	free(removal->uid);
	free(removal);
}

void wd_kube_removals_forget(struct wd_kube_removals *r)
{
	while (r->first) {
		struct removal *removal = r->first;

		r->first = removal->next;
		removal_free(removal);
	}
	r->end = &r->first;
	r->cnt = 0;
	r->deleting = false; /* what comes under its name is another kind */
}

uint32_t wd_kube_removals_cnt(const struct wd_kube_removals *r)
{
	return r ? r->cnt : 0;
}

/* ---- believing ---- */

static void tell(struct wd_kube_removals *r, const struct removal *removal)
{
	struct wd_tree uid = { .key = "uid", .text = removal->uid };
	struct wd_tree ns = { .key = "namespace", .text = removal->ns };
	struct wd_tree name = { .key = "name", .text = removal->name };
	struct wd_tree meta = { .type = WD_TREE_MAP, .key = "metadata" };
	struct wd_tree root = { .type = WD_TREE_MAP, .cnt = 1 };

	name.next = removal->ns ? &ns : NULL;
	uid.next = &name;
	meta.child = removal->uid ? &uid : &name;
	meta.cnt = 1U + !!removal->ns + !!removal->uid;
	root.child = &meta;
	r->fns->remove(r->ctx, &root);
}

/* Those that came before the question; or if that is refused those that are old. */
static void believe(struct wd_kube_removals *r, bool answered)
{
	int64_t old_ms = wd_now_ms() - r->grace_ms;
	bool any = false;

	if (!answered && r->refused_ms > old_ms)
		return;
	while (r->first &&
	       (answered ? r->first->asked : r->first->at_ms <= old_ms)) {
		struct removal *removal = r->first;

		r->first = removal->next;
		if (!r->first)
			r->end = &r->first;
		r->cnt--;
		tell(r, removal);
		removal_free(removal);
		any = true;
	}
	if (any)
		r->fns->settled(r->ctx);
}

/* ---- asking ---- */

static void on_tree(void *ctx, const struct wd_tree *root)
{
	struct wd_kube_removals *r = ctx;

	r->deleting = wd_tree_get(wd_tree_get(root, "metadata"),
				  "deletionTimestamp") != NULL;
}

static int on_data(void *ctx, const struct wd_kube_answer *answer,
		   const char *piece, size_t len)
{
	struct wd_kube_removals *r = ctx;

	if (answer->status != 200)
		return 0;
	if (r->len + len > BODY_MAX)
		return -1;
	r->body = wd_xrealloc(r->body, r->len + len + 1, 1);
	memcpy(r->body + r->len, piece, len);
	r->len += len;
	return 0;
}

static void on_end(void *ctx, const struct wd_kube_answer *answer)
{
	struct wd_kube_removals *r = ctx;
	struct wd_tree_error error = { 0 };
	bool good = answer->status == 200 && !*answer->error && r->len;

	r->get = NULL;
	wd_timer_stop(r->timer);
	good = good && !wd_json_read(r->body, r->len, on_tree, r, &error);
	free(r->body);
	r->body = NULL;
	r->len = 0;
	if (answer->status != 401 && answer->status != 403)
		r->refused_ms = 0;
	else if (!r->refused_ms)
		r->refused_ms = wd_now_ms();
	if (answer->status == 404)
		wd_kube_removals_forget(r);
	else if ((good || r->refused_ms) && !r->deleting)
		believe(r, good);
	if (r->first)
		wd_timer_set(r->timer, AGAIN_MS);
}

static const struct wd_kube_get_fns get_fns = {
	.data = on_data,
	.end = on_end,
};

static void on_timer(void *ctx)
{
	struct wd_kube_removals *r = ctx;

	if (r->get) {
		const struct wd_kube_answer none = { 0 };

		wd_kube_get_end(r->get);
		on_end(r, &none);
		return;
	}
	if (!r->first)
		return;
	for (struct removal *removal = r->first; removal;
	     removal = removal->next)
		removal->asked = true;
	if (wd_kube_get(r->http, r->path, &get_fns, r, &r->get)) {
		r->refused_ms = 0;
		wd_timer_set(r->timer, AGAIN_MS);
		return;
	}
	wd_timer_set(r->timer, ANSWER_MS);
}

/* ---- what waits ---- */

static char *copy_text(const struct wd_tree *meta, const char *key)
{
	const struct wd_tree *node = wd_tree_get(meta, key);

	return node && node->type == WD_TREE_SCALAR ? wd_xstrdup(node->text) :
						      NULL;
}

bool wd_kube_removals_add(struct wd_kube_removals *r,
			  const struct wd_tree *root)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	struct removal *removal;

	if (r->cnt >= WD_KUBE_REMOVALS_MAX)
		return false;
	removal = wd_xcalloc(1, sizeof(*removal));
	removal->at_ms = wd_now_ms();
	removal->ns = copy_text(meta, "namespace");
	removal->name = copy_text(meta, "name");
	removal->uid = copy_text(meta, "uid");
	if (!removal->name) {
		removal_free(removal);
		return true;
	}
	*r->end = removal;
	r->end = &removal->next;
	r->cnt++;
	if (!r->get && !wd_timer_armed(r->timer))
		wd_timer_set(r->timer, 0);
	return true;
}

/* ---- life ---- */

/* "/apis/cilium.io/v2/ciliumnodes": definition ciliumnodes.cilium.io */
static char *definition_of(const char *path)
{
	const char *group = path + strlen("/apis/");
	const char *plural = strrchr(path, '/') + 1;

	return wd_xprintf(DEFINITIONS "%s.%.*s", plural,
			  (int)strcspn(group, "/"), group);
}

int wd_kube_removals_new(struct wd_kube_http *http, struct wd_loop *loop,
			 const char *path, uint32_t grace_ms,
			 struct wd_kube_removals **ret_removals)
{
	struct wd_kube_removals *r = wd_xcalloc(1, sizeof(*r));
	int err = wd_timer_new(loop, on_timer, r, &r->timer);

	if (err) {
		free(r);
		return err;
	}
	r->http = http;
	r->path = definition_of(path);
	r->grace_ms = grace_ms;
	r->end = &r->first;
	*ret_removals = r;
	return 0;
}

void wd_kube_removals_start(struct wd_kube_removals *r,
			    const struct wd_kube_removals_fns *fns, void *ctx)
{
	r->fns = fns;
	r->ctx = ctx;
}

void wd_kube_removals_free(struct wd_kube_removals *r)
{
	if (!r)
		return;
	wd_kube_removals_forget(r);
	if (r->get)
		wd_kube_get_end(r->get);
	wd_timer_free(r->timer);
	free(r->body);
	free(r->path);
	free(r);
}
