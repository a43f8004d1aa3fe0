/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * problems.h - lists of what is wrong with the input.
 */
#ifndef WARDER_PROBLEMS_H
#define WARDER_PROBLEMS_H

#include "manifests.h"

/* told of one file; the rest is counted in one line */
#define WD_PROBLEMS_MAX 1000

/** wd_problems_add() - strings are copied; @object and @field may be "" */
void wd_problems_add(struct wd_problems *list,
		     const struct wd_problem *problem);

/** wd_problems_append() - copy all of @from */
void wd_problems_append(struct wd_problems *list,
			const struct wd_problems *from);

/** wd_problems_unknown() - kinds that are not read, for who must hear that they do nothing */
void wd_problems_unknown(struct wd_problems *problems, const char *path,
			 const struct wd_unknown_kind *unknown, size_t cnt);

/** wd_problems_sort() - by file, line, field */
void wd_problems_sort(struct wd_problems *list);

#endif /* WARDER_PROBLEMS_H */
