/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vec.h - a growing array of pointers, for the lists inside the model.
 */
#ifndef WARDER_VEC_H
#define WARDER_VEC_H

#include <stdbool.h>
#include <stdint.h>

struct vec {
	uint32_t cnt;
	uint32_t cap;
	void **item;
};

/** vec_push() - @item is the last now */
void vec_push(struct vec *v, void *item);

/** vec_remove() - take @item out; the last one takes its place. Return: was it there */
bool vec_remove(struct vec *v, const void *item);

/** vec_take() - the same, and the order stays */
void vec_take(struct vec *v, const void *item);

/** vec_fini() - what the items are is the caller's */
void vec_fini(struct vec *v);

#endif /* WARDER_VEC_H */
