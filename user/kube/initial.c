/* SPDX-License-Identifier: GPL-2.0-only */
#include "initial.h"

#include <string.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../source/tree.h"
#include "reflector.h"

#define END_ANNOTATION "k8s.io/initial-events-end"

bool wd_kube_initial_may(const struct wd_kube_initial *server)
{
	return server && wd_now_ms() >= server->again_ms;
}

/* All kinds ask at once: what they are told then is one refusal. */
void wd_kube_initial_refused(struct wd_kube_initial *server,
			     const struct wd_kube_timing *timing,
			     const char *path, int code)
{
	uint64_t ms;

	if (!wd_kube_initial_may(server))
		return;
	if (!server->refusals)
		wd_info("kube: %s: the server streams no lists (HTTP %d), "
			"they are read in pages",
			path, code);
	ms = (uint64_t)timing->initial_ms
	     << (server->refusals < 16 ? server->refusals : 16);
	if (ms > timing->initial_max_ms)
		ms = timing->initial_max_ms;
	server->refusals++;
	server->again_ms = wd_now_ms() + (int64_t)ms;
}

void wd_kube_initial_given(struct wd_kube_initial *server)
{
	*server = (struct wd_kube_initial){ 0 };
}

bool wd_kube_initial_is_end(const struct wd_tree *meta)
{
	const char *value = wd_tree_str(
		wd_tree_get(wd_tree_get(meta, "annotations"), END_ANNOTATION));

	return value && strcmp(value, "true") == 0;
}
