/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * host.c - this node itself as the subject of policies.
 *
 * To the compiler it is an endpoint without addresses, behind a pod that no
 * source tells of: its labels are the node's, and its namespace has no name.
 * What policies count for it is given, not looked for: what was read is not
 * always what may be in force, see user/host/hostpolicy.c. There may be two, what is
 * in force and what is tried; the programs know which one counts when.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model_int.h"

struct mhost {
	struct wd_endpoint ep;
	struct wd_object *pod;
};

static const struct {
	uint32_t key; /* its id and interface */
	const char *name;
} hosts[WD_HOST__MAX] = {
	[WD_HOST_IN_FORCE] = { WD_HOST_KEY, "host" },
	[WD_HOST_TRIED] = { WD_HOST_TRIED_KEY, "host, tried" },
};

static struct mendpoint *endpoint_of(const struct wd_model *m,
				     enum wd_host_which which)
{
	struct mendpoint *e;

	HASH_FIND(hh, m->endpoints, &hosts[which].key, sizeof(hosts[which].key),
		  e);
	return e;
}

static struct mhost *host_new(enum wd_host_which which)
{
	struct mhost *host = wd_xcalloc(1, sizeof(*host));
	struct wd_object *pod = wd_xcalloc(1, sizeof(*pod));

	pod->kind = WD_KIND_POD;
	pod->ns = wd_str_get("");
	pod->name = wd_str_get(hosts[which].name);
	pod->uid = wd_str_get("");
	pod->file = wd_str_get("");
	pod->pod.is_node = true;
	pod->pod.finished = true; /* claims nothing, and is nobody's peer */
	host->pod = pod;
	host->ep.id = host->ep.ifindex = hosts[which].key;
	host->ep.stat = WD_HOST_STAT;
	host->ep.ns = host->ep.uid = host->ep.container = pod->ns;
	host->ep.network = host->ep.netns = pod->ns;
	host->ep.name = pod->name;
	return host;
}

void wd_model_host_set(struct wd_model *m, enum wd_host_which which,
		       const struct wd_host_policy *given)
{
	struct mhost *host = m->host[which];
	struct mendpoint *e;

	if (!host)
		host = m->host[which] = host_new(which);
	(void)wd_labels_ref(given->labels);
	wd_labels_put(host->pod->pod.labels);
	host->pod->pod.labels = given->labels;
	host->ep.cookie = which == WD_HOST_TRIED ? given->until_ns : 0;
	wd_model_endpoint_set(m, &host->ep);
	e = endpoint_of(m, which);
	e->is_host = true;
	e->pod->obj = host->pod;
	e->wide.cnt = 0;
	for (size_t i = 0; i < given->cnt; i++) {
		union {
			const struct wd_object *in;
			void *out;
		} cast = { given->policy[i] };

		vec_push(&e->wide, cast.out);
	}
	e->dirty = true;
	m->commit_needed = true;
}

void wd_model_host_del(struct wd_model *m, enum wd_host_which which)
{
	struct mhost *host = m->host[which];

	if (!host)
		return;
	endpoint_of(m, which)->pod->obj = NULL;
	wd_model_endpoint_del(m, host->ep.id);
	wd_object_free(host->pod);
	free(host);
	m->host[which] = NULL;
	m->commit_needed = true;
}

void hosts_fini(struct wd_model *m)
{
	for (int i = 0; i < WD_HOST__MAX; i++)
		wd_model_host_del(m, (enum wd_host_which)i);
}

const struct mendpoint *host_endpoint(const struct wd_model *m)
{
	const struct mendpoint *tried = endpoint_of(m, WD_HOST_TRIED);
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	/* as wd_host.bpf.c does it */
	if (tried && tried->have.slot[m->gen & 1] &&
	    (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec <
		    tried->ep->cookie)
		return tried;
	return endpoint_of(m, WD_HOST_IN_FORCE);
}

const struct wd_object *host_policy(const struct wd_model *m, enum wd_kind kind,
				    const char *name)
{
	for (int i = 0; i < WD_HOST__MAX; i++) {
		const struct mendpoint *e =
			endpoint_of(m, (enum wd_host_which)i);

		for (size_t k = 0; e && k < e->wide.cnt; k++) {
			const struct wd_object *policy = e->wide.item[k];

			if (policy->kind == kind && !strcmp(policy->name, name))
				return policy;
		}
	}
	return NULL;
}
