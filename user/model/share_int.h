/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * share_int.h - shares of the tables that compiled policies fill, see share.c.
 */
#ifndef WARDER_SHARE_INT_H
#define WARDER_SHARE_INT_H

#include "model_int.h"

/* @payer: NULL, nobody's. Return: is that within his share; then it is taken */
bool share_take(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt);
void share_give(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt);
/* From now on @payer pays, and what he has too little of is noted. */
void share_begin(struct wd_model *m, struct mspace *payer);
/* Is there room for @cnt more, in his share; and in what all namespaces may have? */
bool share_has(const struct mspace *payer, enum mtable table, uint32_t cnt);
bool share_left(const struct wd_model *m, enum mtable table, uint32_t cnt);

#endif /* WARDER_SHARE_INT_H */
