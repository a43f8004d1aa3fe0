/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_int.h - fronts for which there is no room, see cover.c.
 */
#ifndef WARDER_COVER_INT_H
#define WARDER_COVER_INT_H

#include "model_int.h"

enum mwidth front_width(const struct wd_front_key *key);
/* To what is looked up where that has no entry. Return: false: nothing is */
bool front_widen(struct wd_front_key *key);
/* Does anybody tell of it, or is it to cover others? */
bool front_is_wanted(const struct mfront *f);
/* May it have @cnt entries? */
bool front_has_room(struct wd_model *m, struct mfront *f, uint32_t cnt);
/* Its entry counts as its namespace's, and no more. */
void front_pay(struct mfront *f);
void front_unpay(struct mfront *f);
/* It says less than it would. */
void front_squeeze(struct wd_model *m, struct mfront *f);
/* It has no entry: another stands for it. Undone by front_uncover(). */
void front_cover(struct wd_model *m, struct mfront *f);
void front_uncover(struct wd_model *m, struct mfront *f);
/* Does a front of that address have no entry? What is around closes it, a pod's too. */
bool front_is_missing(const struct wd_model *m, const struct wd_addr *addr);
void crowds_fini(struct wd_model *m);
/* Entries that a namespace may have for addresses of services beyond its quota. */
uint32_t front_own(const struct wd_model *m, enum mwidth width);
/* After a commit: those for which there was no room may have some. */
void fronts_room(struct wd_model *m);

#endif /* WARDER_COVER_INT_H */
