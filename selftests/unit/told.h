/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * told.h - objects put together by a test, and a model that its store tells of them.
 */
#ifndef WARDER_SELFTESTS_TOLD_H
#define WARDER_SELFTESTS_TOLD_H

#include "model/model.h"

/** object_of() - one with a key, of file "f", with no uid; allocated, what else it says is the caller's */
struct wd_object *object_of(enum wd_kind kind, const char *ns,
			    const char *name);

/** tell_model() - listener of a store, see wd_store_fn; @model: struct wd_model **, read when it is told */
void tell_model(void *model, const struct wd_object *was,
		const struct wd_object *now);

#endif /* WARDER_SELFTESTS_TOLD_H */
