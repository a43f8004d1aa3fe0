// SPDX-License-Identifier: GPL-2.0-only
#include "told.h"

#include "model/intern.h"
#include "model/xalloc.h"

struct wd_object *object_of(enum wd_kind kind, const char *ns, const char *name)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = kind;
	obj->ns = wd_str_get(ns);
	obj->name = wd_str_get(name);
	obj->uid = wd_str_get("");
	obj->file = wd_str_get("f");
	return obj;
}

void tell_model(void *model, const struct wd_object *was,
		const struct wd_object *now)
{
	wd_model_changed(*(struct wd_model **)model, was, now);
}
