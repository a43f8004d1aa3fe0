/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * selector.c - label selectors (metav1.LabelSelector) into requirements.
 * Decides what an operator needs; what matches is the model's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

/* ---- one requirement ---- */

static int compare_values(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_values(struct wd_req *req, const char **value, uint32_t cnt)
{
	qsort(value, cnt, sizeof(*value), compare_values);
	req->values = wd_xcalloc(cnt, sizeof(*req->values));
	for (uint32_t i = 0; i < cnt; i++) {
		if (req->cnt &&
		    strcmp(value[i], req->values[req->cnt - 1]) == 0)
			continue;
		req->values[req->cnt++] = wd_str_get(value[i]);
	}
}

static int read_operator(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *map, enum wd_op *ret_op)
{
	static const char *const names[] = {
		[WD_OP_IN] = "In",
		[WD_OP_NOT_IN] = "NotIn",
		[WD_OP_EXISTS] = "Exists",
		[WD_OP_NOT_EXISTS] = "DoesNotExist",
	};
	const char *text = NULL;

	if (wd_read_str(r, at, map, "operator", &text))
		return -EINVAL;
	for (int op = WD_OP_IN; text && op <= WD_OP_NOT_EXISTS; op++) {
		if (strcmp(text, names[op]) == 0) {
			*ret_op = (enum wd_op)op;
			return 0;
		}
	}
	wd_read_problem(r, WD_AT(at, "operator"), map->line,
			"must be In, NotIn, Exists or DoesNotExist");
	return -EINVAL;
}

static int read_values(struct wd_read *r, const struct wd_at *at,
		       const struct wd_tree *list, struct wd_req *req)
{
	const char **value = wd_xcalloc(list->cnt, sizeof(*value));
	uint32_t cnt = 0;
	int err = 0;

	wd_for_each_entry(e, list) {
		const struct wd_at *here = WD_ELEMENT(at, cnt);
		const char *text = wd_tree_str(e);

		if (e->type == WD_TREE_SCALAR && wd_tree_is_null(e))
			text = "";
		if (!text) {
			wd_read_problem(r, here, e->line,
					"must be text; put it in quotes");
			err = -EINVAL;
		} else if (wd_read_label_value(r, here, e->line, text)) {
			err = -EINVAL;
		}
		value[cnt++] = text;
	}
	if (!err)
		put_values(req, value, cnt);
	free(value);
	return err;
}

typedef int (*check_fn)(struct wd_read *r, const struct wd_at *at,
			uint32_t line, const char *key);

static int read_expression(struct wd_read *r, const struct wd_at *at,
			   const struct wd_tree *map, check_fn check,
			   struct wd_req *req)
{
	static const char *const known[] = { "key", "operator", "values",
					     NULL };
	const struct wd_tree *values = NULL;
	const char *key = NULL;
	bool wants_values;

	if (wd_read_is_hollow(r, at, map) || wd_read_known(r, at, map, known) ||
	    wd_read_str(r, at, map, "key", &key) ||
	    read_operator(r, at, map, &req->op) ||
	    wd_read_list(r, at, map, "values", &values))
		return -EINVAL;
	if (!key) {
		wd_read_problem(r, WD_AT(at, "key"), map->line, "is missing");
		return -EINVAL;
	}
	if (check(r, WD_AT(at, "key"), map->line, key))
		return -EINVAL;
	wants_values = req->op == WD_OP_IN || req->op == WD_OP_NOT_IN;
	if (wants_values != (values && values->cnt)) {
		wd_read_problem(
			r, WD_AT(at, "values"),
			values ? values->line : map->line,
			wants_values ?
				"must hold at least one value with In and NotIn" :
				"must be empty with Exists and DoesNotExist");
		return -EINVAL;
	}
	if (wants_values && read_values(r, WD_AT(at, "values"), values, req))
		return -EINVAL;
	req->key = wd_str_get(key);
	return 0;
}

/* ---- the selector ---- */

static int compare_reqs(const void *a, const void *b)
{
	const struct wd_req *x = a;
	const struct wd_req *y = b;
	int diff = strcmp(x->key, y->key);

	if (!diff)
		diff = (int)x->op - (int)y->op;
	if (!diff)
		diff = (x->cnt > y->cnt) - (x->cnt < y->cnt);
	for (uint32_t i = 0; !diff && i < x->cnt; i++)
		diff = strcmp(x->values[i], y->values[i]);
	return diff;
}

static int read_match_labels(struct wd_read *r, const struct wd_at *at,
			     const struct wd_tree *map, check_fn check,
			     struct wd_selector *sel)
{
	struct wd_label *label;
	uint32_t cnt;
	int err = wd_read_labels_keys(r, at, map, check, &label, &cnt);

	if (err)
		return err;
	for (uint32_t i = 0; i < cnt; i++) {
		struct wd_req *req = &sel->req[sel->cnt++];

		req->key = wd_str_get(label[i].key);
		req->op = WD_OP_IN;
		put_values(req, &label[i].value, 1);
	}
	free(label);
	return 0;
}

void wd_selector_sort(struct wd_selector *sel)
{
	if (sel->cnt > 1)
		qsort(sel->req, sel->cnt, sizeof(*sel->req), compare_reqs);
}

/*
 * Not of whom a policy is for: it would be in force for nobody then. Its
 * namespace's quota counts what it says.
 */
static int check_size(struct wd_read *r, const struct wd_at *at,
		      const struct wd_tree *map, const struct wd_tree *labels,
		      const struct wd_tree *exprs)
{
	size_t cnt = labels ? labels->cnt : 0;

	if (r->effect != WD_PROBLEM_ISOLATED)
		return 0;
	wd_for_each_entry(e, exprs) {
		const struct wd_tree *values = wd_tree_get(e, "values");

		cnt += 1 + (values ? values->cnt : 0);
	}
	if (cnt <= WD_READ_SELECTOR_MAX)
		return 0;
	wd_read_problem(r, at, map->line,
			"has %zu labels, expressions and values, more than %d: "
			"give what is meant a label of its own",
			cnt, WD_READ_SELECTOR_MAX);
	return -EINVAL;
}

int wd_read_selector(struct wd_read *r, const struct wd_at *at,
		     const struct wd_tree *map, struct wd_selector *ret_sel)
{
	return wd_read_selector_keys(r, at, map, wd_read_label_key, ret_sel);
}

int wd_read_selector_keys(struct wd_read *r, const struct wd_at *at,
			  const struct wd_tree *map, check_fn check,
			  struct wd_selector *ret_sel)
{
	static const char *const known[] = { "matchLabels", "matchExpressions",
					     NULL };
	const struct wd_tree *labels = NULL;
	const struct wd_tree *exprs = NULL;
	uint32_t index;
	int err;

	memset(ret_sel, 0, sizeof(*ret_sel));
	err = wd_read_known(r, at, map, known);
	err |= wd_read_map(r, at, map, "matchLabels", &labels);
	err |= wd_read_list(r, at, map, "matchExpressions", &exprs);
	if (err || check_size(r, at, map, labels, exprs))
		return -EINVAL;
	ret_sel->req = wd_xcalloc((labels ? labels->cnt : 0) +
					  (exprs ? exprs->cnt : 0),
				  sizeof(*ret_sel->req));
	err = read_match_labels(r, WD_AT(at, "matchLabels"), labels, check,
				ret_sel);
	wd_for_each_element(e, index, exprs) {
		struct wd_req *req = &ret_sel->req[ret_sel->cnt];
		const struct wd_at *list = WD_AT(at, "matchExpressions");

		if (read_expression(r, WD_ELEMENT(list, index), e, check,
				    req)) {
			err = -EINVAL;
			memset(req, 0, sizeof(*req));
		} else {
			ret_sel->cnt++;
		}
	}
	wd_selector_sort(ret_sel);
	return err ? -EINVAL : 0;
}
