/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objections.c - all that is wrong with objects.
 */
#include "objections.h"

#include <stdlib.h>
#include <string.h>

#include "../kube/kube.h"
#include "../kube/mesh.h"
#include "../model/model.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/manifests.h"
#include "../source/problems.h"
#include "agent.h"
#include "beyond.h"

struct listing {
	const struct wd_store *store;
	struct wd_problems *list;
	size_t told;
	size_t untold;
};

static void add(void *ctx, const struct wd_over *over)
{
	struct listing *l = ctx;

	if (l->told == WD_OBJECTIONS_MAX) {
		l->untold++;
		return;
	}
	l->told++;
	wd_beyond_tell(l->store, over, l->list);
}

static void add_rest(struct listing *l)
{
	char *text = wd_xprintf("%zu more objects go beyond the quotas of "
				"their namespaces",
				l->untold);
	const struct wd_problem problem = {
		.effect = WD_PROBLEM_ISOLATED,
		.file = "",
		.object = "",
		.field = "",
		.text = text,
	};

	wd_problems_add(l->list, &problem);
	free(text);
}

/* Several namespaces together fill the table of services. */
static void add_squeezed(struct listing *l, uint32_t cnt)
{
	char *text = wd_xprintf(
		"%u addresses and ports of services have not all the entries "
		"of their own in wd_front (%u): where they lead is not looked "
		"up",
		cnt, WD_FRONTS_MAX);
	const struct wd_problem problem = {
		.effect = WD_PROBLEM_ISOLATED,
		.file = "",
		.object = "",
		.field = "",
		.text = text,
	};

	wd_problems_add(l->list, &problem);
	l->told++;
	free(text);
}

void wd_objections(const struct wd_agent *agent, struct wd_problems *ret_list)
{
	struct listing l = { .store = agent->store, .list = ret_list };

	memset(ret_list, 0, sizeof(*ret_list));
	wd_problems_append(ret_list, wd_manifests_problems(agent->manifests));
	if (agent->kube)
		wd_kube_problems(agent->kube, ret_list);
	if (agent->mesh)
		wd_mesh_problems(agent->mesh, ret_list);
	wd_model_over(agent->model, add, &l);
	if (l.untold)
		add_rest(&l);
	if (wd_model_squeezed(agent->model))
		add_squeezed(&l, wd_model_squeezed(agent->model));
	if (l.told || agent->kube || agent->mesh)
		wd_problems_sort(ret_list);
}
