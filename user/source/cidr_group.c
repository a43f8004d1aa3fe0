/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cidr_group.c - CiliumCIDRGroup (cilium.io/v2, v2alpha1): prefixes under a
 * name and labels, for the policies that refer to them. One that is not
 * understood as a whole is refused, and the version before stays.
 */
#include <errno.h>
#include <stdlib.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

static int read_cidrs(struct wd_read *r, const struct wd_tree *spec,
		      struct wd_cidr_group *group)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "spec"), "externalCIDRs");
	const struct wd_tree *list = NULL;
	uint32_t index;
	int err = 0;

	if (wd_read_list(r, WD_AT(NULL, "spec"), spec, "externalCIDRs", &list))
		return -EINVAL;
	if (!list) {
		wd_read_problem(r, at, spec->line,
				"is missing; write [] if it has none");
		return -EINVAL;
	}
	group->cidr = wd_xcalloc(list->cnt, sizeof(*group->cidr));
	group->cidr_cnt = list->cnt;
	wd_for_each_element(e, index, list)
		err |= wd_read_cidr(r, WD_ELEMENT(at, index), e, e->line,
				    &group->cidr[index]);
	return err;
}

int wd_read_cidr_group(struct wd_read *r, const struct wd_tree *doc,
		       const struct wd_meta *meta, struct wd_object **ret_obj)
{
	static const char *const fields[] = { "apiVersion", "kind", "metadata",
					      "spec", NULL };
	static const char *const known[] = { "externalCIDRs", NULL };
	const struct wd_tree *spec = NULL;
	struct wd_object *obj;

	if (wd_read_map(r, NULL, doc, "spec", &spec))
		return -EINVAL;
	if (!spec) {
		wd_read_problem(r, WD_AT(NULL, "spec"), doc->line,
				"is missing");
		return -EINVAL;
	}
	obj = wd_read_object_new(r, WD_KIND_CIDR_GROUP, meta, doc->line);
	if (wd_read_known(r, NULL, doc, fields) |
	    wd_read_known(r, WD_AT(NULL, "spec"), spec, known) |
	    wd_read_own_labels(r, meta, NULL, NULL, &obj->group.labels) |
	    read_cidrs(r, spec, &obj->group)) {
		wd_object_free(obj);
		return -EINVAL;
	}
	*ret_obj = obj;
	return 0;
}
