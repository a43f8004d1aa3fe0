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
/* What nobody wants any more is idle until it is given back, or used again. */
void share_idle(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt);
void share_use(struct wd_model *m, struct mspace *payer, enum mtable table,
	       uint32_t cnt);
/* Is there room for what is idle? Not asked of another's than who pays. */
bool share_may_use(struct wd_model *m, const struct mspace *payer,
		   enum mtable table, uint32_t cnt);
/* Give back what is idle. */
void share_drop(struct wd_model *m, struct mspace *payer, enum mtable table,
		uint32_t cnt);
/* Is what @payer uses, of what was @idle, within his share? If not, of what is noted. */
bool share_is_kept(struct wd_model *m, const struct mspace *payer,
		   const uint32_t *idle);
/* Is there room for @cnt more, in his share, but for what is idle; at once; and in what all namespaces may have? */
bool share_fits(const struct mspace *payer, enum mtable table, uint32_t cnt);
bool share_has(const struct wd_model *m, const struct mspace *payer,
	       enum mtable table, uint32_t cnt);
bool share_left(const struct wd_model *m, enum mtable table, uint32_t cnt);

#endif /* WARDER_SHARE_INT_H */
