/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * self.h - gives a model the policies of this node that a store has, as
 * hostpolicy.c does with those that were confirmed.
 */
#ifndef WARDER_SELFTESTS_SELF_H
#define WARDER_SELFTESTS_SELF_H

#include "model/model.h"
#include "model/store.h"

#define WD_SELF_POLICIES 16

struct wd_self {
	struct wd_object *policy[WD_SELF_POLICIES]; /* copies */
	size_t cnt;
	const struct wd_labels *labels;
};

/** wd_self_sync() - before a commit. @node: the name of this one. Tells the model only what changed */
void wd_self_sync(struct wd_self *self, const struct wd_store *store,
		  const char *node, struct wd_model *model);

/** wd_self_fini() - takes them back from the model, too */
void wd_self_fini(struct wd_self *self, struct wd_model *model);

#endif /* WARDER_SELFTESTS_SELF_H */
