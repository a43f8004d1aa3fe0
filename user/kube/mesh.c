/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mesh.c - takes from each other cluster what it may tell, and nothing else.
 *
 * The agent over there is trusted to name its own pods and no more. What it
 * says of an address counts less than anything that this cluster says (the
 * model sees to that); addresses that no pod elsewhere can have are left out.
 */
#include "mesh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../model/clusters.h"
#include "../model/intern.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/problems.h"
#include "kube.h"
#include "login.h"
#include "room.h"

#define RETRY_FLUSHES 10 /* between two looks at a kubeconfig */

/* What there is a bound of. */
enum goods {
	GOODS_ADDRS,
	GOODS_SPACES,
	GOODS_BYTES,
	GOODS__MAX,
};

static const uint64_t goods_max[GOODS__MAX] = {
	[GOODS_ADDRS] = WD_MESH_ADDRS_MAX,
	[GOODS_SPACES] = WD_MESH_SPACES_MAX,
	[GOODS_BYTES] = WD_MESH_BYTES_MAX,
};

struct cluster {
	struct wd_mesh *mesh;
	const char *name; /* interned */
	const char *source; /* "cluster:NAME", interned: in place of a file */
	char *file; /* kubeconfig */
	char *state_dir;
	struct wd_store *store; /* as it is there */
	struct wd_kube_login login;
	struct wd_kube *kube;
	char *error; /* of the kubeconfig */
	struct wd_kube_room room;
	uint64_t has[GOODS__MAX];
	uint32_t flushes;
	uint32_t pod_cnt, refused_cnt, over_cnt;
};

struct wd_mesh {
	struct wd_loop *loop;
	struct wd_mesh_setup setup;
	size_t cnt, cap;
	struct cluster **cluster;
	bool full; /* something waits for room */
};

/* ---- what comes in ---- */

/* This host, its links, groups of hosts: nothing that another cluster could give away. */
static bool is_nobodys(const struct wd_addr *addr)
{
	uint32_t v4 = ntohl(addr->v4.s_addr);

	if (addr->family == 4)
		return v4 >> 24 == 0 || v4 >> 24 == 127 || v4 >> 16 == 0xa9fe ||
		       v4 >> 28 >= 0xe;
	return IN6_IS_ADDR_UNSPECIFIED(&addr->v6) ||
	       IN6_IS_ADDR_LOOPBACK(&addr->v6) ||
	       IN6_IS_ADDR_LINKLOCAL(&addr->v6) ||
	       IN6_IS_ADDR_MULTICAST(&addr->v6);
}

static uint32_t usable_cnt(const struct wd_pod *pod)
{
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < pod->addr_cnt; i++)
		cnt += !is_nobodys(&pod->addr[i]);
	return cnt;
}

static uint32_t refused_cnt(const struct wd_object *obj)
{
	return obj->pod.host_network || obj->pod.finished ?
		       0 :
		       obj->pod.addr_cnt - usable_cnt(&obj->pod);
}

static struct wd_port_name *copy_ports(const struct wd_pod *pod)
{
	struct wd_port_name *port = wd_xcalloc(pod->port_cnt, sizeof(*port));

	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		port[i] = pod->port[i];
		(void)wd_str_ref(port[i].name);
	}
	return wd_ports_share(port, pod->port_cnt);
}

static struct wd_object *object_new(const struct cluster *c,
				    const struct wd_object *from)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = from->kind;
	obj->uid = wd_str_ref(from->uid);
	obj->created = from->created;
	obj->file = wd_str_ref(c->source);
	return obj;
}

static struct wd_object *pod_of(const struct cluster *c,
				const struct wd_object *from)
{
	struct wd_object *obj = object_new(c, from);
	struct wd_pod *pod = &obj->pod;

	obj->ns = wd_cluster_space(c->name, from->ns);
	obj->name = wd_str_ref(from->name);
	/* No node of this cluster, so that it is taken for no pod here. */
	pod->node = wd_str_ref(c->source);
	pod->labels = wd_labels_ref(from->pod.labels);
	pod->terminating = from->pod.terminating;
	pod->addr = wd_xcalloc(from->pod.addr_cnt + 1, sizeof(*pod->addr));
	for (uint32_t i = 0; i < from->pod.addr_cnt; i++) {
		if (!is_nobodys(&from->pod.addr[i]))
			pod->addr[pod->addr_cnt++] = from->pod.addr[i];
	}
	if (from->pod.port_cnt) {
		pod->port = copy_ports(&from->pod);
		pod->port_cnt = from->pod.port_cnt;
		pod->ports_shared = true;
	}
	return obj;
}

/* Its labels alone: modes and requirements are what this cluster says. */
static struct wd_object *space_of(const struct cluster *c,
				  const struct wd_object *from)
{
	struct wd_object *obj = object_new(c, from);

	obj->ns = wd_str_get("");
	obj->name = wd_cluster_space(c->name, from->name);
	obj->nsp.labels = wd_cluster_labels(from->nsp.labels, obj->name);
	return obj;
}

/* Does it bring anything? Those in the network of their node do not. */
static bool is_wanted(const struct wd_object *obj)
{
	if (obj->kind == WD_KIND_NAMESPACE)
		return true;
	return obj->kind == WD_KIND_POD && !obj->pod.host_network &&
	       !obj->pod.finished && usable_cnt(&obj->pod);
}

/* As it is in force, or NULL. */
static const struct wd_object *in_force(const struct cluster *c,
					const struct wd_object *obj)
{
	bool is_pod = obj->kind == WD_KIND_POD;
	const char *space =
		wd_cluster_space(c->name, is_pod ? obj->ns : obj->name);
	const struct wd_object *there =
		wd_store_get(c->mesh->setup.store, obj->kind,
			     is_pod ? space : "", is_pod ? obj->name : space);

	wd_str_put(space);
	return there;
}

/* ---- room ---- */

static uint64_t beyond(uint64_t has, uint64_t share)
{
	return has > share ? has - share : 0;
}

/* May @c have @want of it? Its share is there in any case. */
static bool is_room(const struct cluster *c, enum goods goods, uint64_t want)
{
	const struct wd_mesh *mesh = c->mesh;
	uint64_t half = goods_max[goods] / 2;
	uint64_t share = half / mesh->setup.cluster_cnt;
	uint64_t taken = beyond(want, share);

	if (!taken)
		return true;
	for (size_t i = 0; i < mesh->cnt; i++) {
		if (mesh->cluster[i] != c)
			taken += beyond(mesh->cluster[i]->has[goods], share);
	}
	return taken <= half;
}

static bool take_bytes(void *ctx, int64_t bytes)
{
	struct cluster *c = ctx;
	uint64_t want = c->has[GOODS_BYTES] + (uint64_t)bytes;

	if (bytes > 0 && !is_room(c, GOODS_BYTES, want))
		return false;
	c->has[GOODS_BYTES] = want;
	return true;
}

/* Count it in (@by 1) or out (-1) of what is in force. */
static void account(struct cluster *c, const struct wd_object *obj, int by)
{
	if (obj->kind == WD_KIND_POD) {
		c->pod_cnt += (uint32_t)by;
		c->has[GOODS_ADDRS] += (uint64_t)by * obj->pod.addr_cnt;
	} else {
		c->has[GOODS_SPACES] += (uint64_t)by;
	}
}

static void take_out(struct cluster *c, const struct wd_object *obj)
{
	const struct wd_object *there = in_force(c, obj);

	if (!there)
		return;
	account(c, there, -1);
	(void)wd_store_del(c->mesh->setup.store, there->kind, there->ns,
			   there->name, NULL);
}

/* Return: false if there is no room. */
static bool take_in(struct cluster *c, const struct wd_object *obj)
{
	struct wd_mesh *mesh = c->mesh;
	const struct wd_object *there = in_force(c, obj);
	bool is_pod = obj->kind == WD_KIND_POD;
	enum goods goods = is_pod ? GOODS_ADDRS : GOODS_SPACES;
	uint64_t want = c->has[goods] + (is_pod ? usable_cnt(&obj->pod) : 1);
	struct wd_object *now;

	if (there)
		want -= is_pod ? there->pod.addr_cnt : 1;
	if (!is_room(c, goods, want))
		return false;
	if (there)
		account(c, there, -1);
	now = is_pod ? pod_of(c, obj) : space_of(c, obj);
	account(c, now, 1);
	(void)wd_store_put(mesh->setup.store, now);
	return true;
}

/* The listener of the cluster's own store. */
static void on_object(void *ctx, const struct wd_object *was,
		      const struct wd_object *now)
{
	struct cluster *c = ctx;
	const struct wd_object *any = now ? now : was;

	if (any->kind != WD_KIND_POD && any->kind != WD_KIND_NAMESPACE)
		return;
	if (any->kind == WD_KIND_POD) {
		c->refused_cnt -= was ? refused_cnt(was) : 0;
		c->refused_cnt += now ? refused_cnt(now) : 0;
	}
	/* What has no room now is not what it was before either. */
	if (!now || !is_wanted(now)) {
		take_out(c, any);
	} else if (!take_in(c, now)) {
		take_out(c, any);
		c->mesh->full = true;
	}
}

static uint32_t look_for_room(struct cluster *c, enum wd_kind kind)
{
	const struct wd_object *obj = NULL;
	uint32_t left = 0;

	while ((obj = wd_store_next(c->store, kind, obj))) {
		if (is_wanted(obj) && !in_force(c, obj) && !take_in(c, obj))
			left++;
	}
	return left;
}

/* Some may have gone, of any of them. */
static void fill(struct wd_mesh *mesh)
{
	bool full = false;

	if (!mesh->full)
		return;
	for (size_t i = 0; i < mesh->cnt; i++) {
		struct cluster *c = mesh->cluster[i];
		uint32_t left = look_for_room(c, WD_KIND_NAMESPACE) +
				look_for_room(c, WD_KIND_POD);

		if (left && !c->over_cnt)
			wd_warn("cluster '%s': no room for all of its pods: of "
				"all other clusters %d addresses or %d "
				"namespaces are taken, and its share of them; "
				"%u objects are left out",
				c->name, WD_MESH_ADDRS_MAX, WD_MESH_SPACES_MAX,
				left);
		c->over_cnt = left;
		full |= left;
	}
	mesh->full = full;
}

static void on_changed(void *ctx)
{
	struct cluster *c = ctx;

	fill(c->mesh);
	c->mesh->setup.changed(c->mesh->setup.ctx);
}

static void on_gone(void *ctx, int kind, const char *ns, const char *name)
{
	(void)ctx;
	(void)kind;
	(void)ns;
	(void)name;
}

static const struct wd_kube_fns kube_fns = {
	.changed = on_changed,
	.gone = on_gone,
};

/* ---- life ---- */

struct wd_mesh *wd_mesh_new(struct wd_loop *loop,
			    const struct wd_mesh_setup *setup)
{
	struct wd_mesh *mesh = wd_xcalloc(1, sizeof(*mesh));

	mesh->loop = loop;
	mesh->setup = *setup;
	return mesh;
}

static void follow(struct cluster *c)
{
	const struct wd_kube_setup setup = {
		.login = &c->login,
		.timing = c->mesh->setup.timing,
		.store = c->store,
		.source = c->source,
		.state_dir = c->state_dir,
		.cilium = true,
		.pods_only = true,
		.room = &c->room,
	};
	char *why = NULL;
	int err = wd_kube_login_file(c->file, &c->login, &why);

	if (!err)
		err = wd_kube_new(c->mesh->loop, &setup, &c->kube, &why);
	if (err) {
		wd_kube_login_fini(&c->login);
		wd_kube_login_init(&c->login);
		if (!why)
			why = wd_xstrdup(wd_errno(err));
		if (!c->error || strcmp(c->error, why) != 0)
			wd_warn("cluster '%s': %s; its pods are nobody until "
				"that is put right",
				c->name, why);
		free(c->error);
		c->error = why;
		return;
	}
	free(c->error);
	c->error = NULL;
	wd_kube_login_warn(&c->login);
	wd_kube_start(c->kube, &kube_fns, c);
}

void wd_mesh_add(struct wd_mesh *mesh, const char *name, const char *file)
{
	struct cluster *c = wd_xcalloc(1, sizeof(*c));
	char *source = wd_xprintf("cluster:%s", name);

	c->mesh = mesh;
	c->room = (struct wd_kube_room){ .take = take_bytes, .ctx = c };
	c->name = wd_str_get(name);
	c->source = wd_str_get(source);
	c->file = wd_xstrdup(file);
	c->state_dir = wd_xprintf("%s/cluster-%s", mesh->setup.state_dir, name);
	c->store = wd_store_new(on_object, c);
	wd_kube_login_init(&c->login);
	mesh->cluster = wd_grow(mesh->cluster, mesh->cnt, &mesh->cap,
				sizeof(struct cluster *));
	mesh->cluster[mesh->cnt++] = c;
	free(source);
	follow(c);
}

static void cluster_free(struct cluster *c)
{
	wd_kube_free(c->kube);
	wd_kube_login_fini(&c->login);
	wd_store_free(c->store);
	wd_str_put(c->name);
	wd_str_put(c->source);
	free(c->file);
	free(c->state_dir);
	free(c->error);
	free(c);
}

void wd_mesh_free(struct wd_mesh *mesh)
{
	if (!mesh)
		return;
	for (size_t i = 0; i < mesh->cnt; i++)
		cluster_free(mesh->cluster[i]);
	free(mesh->cluster);
	free(mesh);
}

void wd_mesh_flush(struct wd_mesh *mesh)
{
	for (size_t i = 0; i < mesh->cnt; i++) {
		struct cluster *c = mesh->cluster[i];

		if (c->kube)
			wd_kube_flush(c->kube);
		else if (++c->flushes % RETRY_FLUSHES == 0)
			follow(c);
	}
}

/* ---- asking ---- */

static char *error_of(const struct cluster *c)
{
	if (!c->kube)
		return wd_xstrdup(c->error);
	return wd_kube_is_known(c->kube) ? wd_kube_lost(c->kube) :
					   wd_kube_waits_for(c->kube);
}

bool wd_mesh_status(const struct wd_mesh *mesh, size_t i,
		    struct wd_mesh_status *ret_status)
{
	const struct cluster *c;

	if (i >= mesh->cnt)
		return false;
	c = mesh->cluster[i];
	*ret_status = (struct wd_mesh_status){
		.name = c->name,
		.file = c->file,
		.kube = c->kube,
		.known = c->kube && wd_kube_is_known(c->kube),
		.error = error_of(c),
		.pod_cnt = c->pod_cnt,
		.refused_cnt = c->refused_cnt,
		.over_cnt = c->over_cnt,
	};
	return true;
}

static void add_problem(const struct cluster *c, struct wd_problems *list,
			enum wd_problem_effect effect, char *text)
{
	const struct wd_problem problem = {
		.effect = effect,
		.file = c->source,
		.object = "",
		.field = "",
		.text = text,
	};

	wd_problems_add(list, &problem);
	free(text);
}

void wd_mesh_problems(const struct wd_mesh *mesh, struct wd_problems *list)
{
	for (size_t i = 0; i < mesh->cnt; i++) {
		const struct cluster *c = mesh->cluster[i];
		char *error = error_of(c);

		if (error)
			add_problem(c, list, WD_PROBLEM_KEPT,
				    wd_xprintf("%u pods of it are in force: %s",
					       c->pod_cnt, error));
		if (c->refused_cnt)
			add_problem(
				c, list, WD_PROBLEM_IGNORED,
				wd_xprintf(
					"%u addresses of its pods are of this "
					"host, of a link or of a group of "
					"hosts: they stay nobody's",
					c->refused_cnt));
		if (c->over_cnt)
			add_problem(
				c, list, WD_PROBLEM_IGNORED,
				wd_xprintf(
					"%u of its pods and namespaces have no "
					"room beside those of other clusters: "
					"they stay unknown",
					c->over_cnt));
		free(error);
		if (c->kube)
			wd_kube_problems(c->kube, list);
	}
}
