/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vec.c - a growing array of pointers, for the lists inside the model.
 */
#include "vec.h"

#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

void vec_push(struct vec *v, void *item)
{
	size_t cap = v->cap;

	v->item = wd_grow(v->item, v->cnt, &cap, sizeof(*v->item));
	v->cap = (uint32_t)cap;
	v->item[v->cnt++] = item;
}

bool vec_remove(struct vec *v, const void *item)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		if (v->item[i] != item)
			continue;
		v->item[i] = v->item[--v->cnt];
		return true;
	}
	return false;
}

void vec_take(struct vec *v, const void *item)
{
	for (uint32_t i = 0; i < v->cnt; i++) {
		if (v->item[i] != item)
			continue;
		v->cnt--;
		memmove(&v->item[i], &v->item[i + 1],
			(v->cnt - i) * sizeof(*v->item));
		return;
	}
}

void vec_fini(struct vec *v)
{
	free(v->item);
	*v = (struct vec){ 0 };
}
