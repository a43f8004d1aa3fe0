/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * problems.c - lists of what is wrong with the input.
 */
#include "problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/intern.h"
#include "../model/xalloc.h"

void wd_problems_fini(struct wd_problems *list)
{
	for (size_t i = 0; i < list->cnt; i++) {
		wd_str_put(list->problem[i].file);
		wd_str_put(list->problem[i].object);
		wd_str_put(list->problem[i].field);
		wd_str_put(list->problem[i].text);
	}
	free(list->problem);
	list->problem = NULL;
	list->cnt = 0;
}

/* The array grows by doubling: its room is the next power of two. */
static void make_room(struct wd_problems *list)
{
	if (list->cnt & (list->cnt - 1))
		return;
	list->problem = wd_xrealloc(list->problem,
				    list->cnt ? list->cnt * 2 : 1,
				    sizeof(*list->problem));
}

void wd_problems_add(struct wd_problems *list, const struct wd_problem *problem)
{
	struct wd_problem *copy;

	make_room(list);
	copy = &list->problem[list->cnt++];
	copy->effect = problem->effect;
	copy->line = problem->line;
	copy->file = wd_str_get(problem->file);
	copy->object = wd_str_get(problem->object);
	copy->field = wd_str_get(problem->field);
	copy->text = wd_str_get(problem->text);
}

void wd_problems_append(struct wd_problems *list,
			const struct wd_problems *from)
{
	for (size_t i = 0; i < from->cnt; i++)
		wd_problems_add(list, &from->problem[i]);
}

static int compare(const void *a, const void *b)
{
	const struct wd_problem *x = a;
	const struct wd_problem *y = b;
	int diff = strcmp(x->file, y->file);

	if (!diff)
		diff = (x->line > y->line) - (x->line < y->line);
	return diff ? diff : strcmp(x->field, y->field);
}

void wd_problems_sort(struct wd_problems *list)
{
	if (list->cnt)
		qsort(list->problem, list->cnt, sizeof(*list->problem),
		      compare);
}

/* Whoever checks before a rollout must hear that a policy is no policy here. */
void wd_problems_unknown(struct wd_problems *problems, const char *path,
			 const struct wd_unknown_kind *unknown, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		char text[400];
		struct wd_problem problem = {
			.effect = WD_PROBLEM_IGNORED,
			.file = path,
			.object = "",
			.field = "kind",
		};

		(void)snprintf(
			text, sizeof(text),
			"%u of kind '%s': not read by this version, nothing of it is enforced",
			unknown[i].cnt, unknown[i].kind);
		problem.text = text;
		wd_problems_add(problems, &problem);
	}
}
