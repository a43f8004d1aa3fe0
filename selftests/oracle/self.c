// SPDX-License-Identifier: GPL-2.0-only
#include "self.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "model/intern.h"
#include "model/object.h"

static bool is_about(const struct wd_object *policy,
		     const struct wd_labels *labels)
{
	const struct wd_object self = {
		.kind = WD_KIND_POD,
		.ns = "",
		.pod = { .labels = labels, .is_node = true },
	};

	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++)
		if (wd_spec_selects(&policy->policy.spec[i], "", &self, NULL))
			return true;
	return false;
}

/* The first tier, then by name. */
static int policy_cmp(const void *a, const void *b)
{
	const struct wd_object *const *x = a, *const *y = b;

	if ((*x)->policy.tier != (*y)->policy.tier)
		return (*x)->policy.tier < (*y)->policy.tier ? -1 : 1;
	return strcmp((*x)->name, (*y)->name);
}

static size_t gather(const struct wd_store *store,
		     const struct wd_labels *labels,
		     const struct wd_object *list[WD_SELF_POLICIES])
{
	const struct wd_object *policy = NULL;
	size_t cnt = 0;

	while (labels &&
	       (policy = wd_store_next(store, WD_KIND_CILIUM_CNP, policy))) {
		if (!is_about(policy, labels))
			continue;
		assert(cnt < WD_SELF_POLICIES);
		list[cnt++] = policy;
	}
	if (cnt)
		qsort(list, cnt, sizeof(*list), policy_cmp);
	return cnt;
}

/* Each object that is made has a uid of its own. */
static bool is_same(const struct wd_self *self, const struct wd_labels *labels,
		    const struct wd_object *const *list, size_t cnt)
{
	bool same = self->cnt == cnt && (!cnt || self->labels == labels);

	for (size_t i = 0; same && i < cnt; i++)
		same = !strcmp(self->policy[i]->uid, list[i]->uid);
	return same;
}

static void forget(struct wd_self *self)
{
	for (size_t i = 0; i < self->cnt; i++)
		wd_object_free(self->policy[i]);
	wd_labels_put(self->labels);
	memset(self, 0, sizeof(*self));
}

void wd_self_sync(struct wd_self *self, const struct wd_store *store,
		  const char *node, struct wd_model *model)
{
	const struct wd_object *obj =
		wd_store_get(store, WD_KIND_NODE, "", node);
	const struct wd_labels *labels = obj ? obj->node.labels : NULL;
	const struct wd_object *list[WD_SELF_POLICIES];
	size_t cnt = gather(store, labels, list);
	struct wd_self old = *self;
	struct wd_host_policy given = { .cnt = cnt, .policy = list };

	if (is_same(self, labels, list, cnt))
		return;
	memset(self, 0, sizeof(*self));
	for (size_t i = 0; i < cnt; i++) {
		self->policy[i] = wd_copy_object(list[i]);
		list[i] = self->policy[i];
	}
	self->cnt = cnt;
	self->labels = wd_labels_ref(labels);
	given.labels = labels;
	if (cnt)
		wd_model_host_set(model, WD_HOST_IN_FORCE, &given);
	else
		wd_model_host_del(model, WD_HOST_IN_FORCE);
	forget(&old);
}

void wd_self_fini(struct wd_self *self, struct wd_model *model)
{
	wd_model_host_del(model, WD_HOST_IN_FORCE);
	forget(self);
}
