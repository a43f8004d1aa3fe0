/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mesh.h - other clusters, whose pods policies of this one can name.
 *
 * Of another cluster only pods and the labels of its namespaces come in, in
 * namespaces "CLUSTER/NAMESPACE": no policy, mode, service or node of it, and
 * none of its numbers for identities. Each has a store of its own, in which
 * its names stand as they do there. One that is lost stays as it was.
 */
#ifndef WARDER_KUBE_MESH_H
#define WARDER_KUBE_MESH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_kube;
struct wd_kube_timing;
struct wd_loop;
struct wd_mesh;
struct wd_problems;
struct wd_store;

/*
 * Of all other clusters together, so that none fills this one's tables. Half of
 * each is shared out evenly, and nobody else's; the other half is for whoever
 * comes first.
 */
#define WD_MESH_ADDRS_MAX 65536
#define WD_MESH_SPACES_MAX 4096
#define WD_MESH_BYTES_MAX (64U << 20) /* of memory, see room.h */

struct wd_mesh_setup {
	struct wd_store *store; /* this cluster's: gets their pods */
	const char *state_dir; /* what each said last is kept there */
	const struct wd_kube_timing *timing;
	size_t cluster_cnt; /* that will be added */
	void (*changed)(void *ctx); /* the store is, or what is known of one */
	void *ctx;
};

struct wd_mesh_status {
	const char *name;
	const char *file; /* its kubeconfig */
	const struct wd_kube *kube; /* NULL: its kubeconfig cannot be used */
	bool known; /* of every kind that tells of pods it is known what there is */
	char *error; /* why it is not known or not heard any more, to be freed; NULL: it is */
	uint32_t pod_cnt; /* in force here */
	uint32_t refused_cnt; /* addresses that no pod of another cluster can have */
	uint32_t over_cnt; /* pods and namespaces for which there is no room */
};

/** wd_mesh_new() - no cluster yet; what @setup points to must outlive it */
struct wd_mesh *wd_mesh_new(struct wd_loop *loop,
			    const struct wd_mesh_setup *setup);

/** wd_mesh_add() - follow one more, from now on; a kubeconfig that cannot be used is tried again */
void wd_mesh_add(struct wd_mesh *mesh, const char *name, const char *file);

/** wd_mesh_free() - what is in the store stays there; NULL passes */
void wd_mesh_free(struct wd_mesh *mesh);

/** wd_mesh_flush() - about once a second, and at the end: to the disk */
void wd_mesh_flush(struct wd_mesh *mesh);

/** wd_mesh_status() - of cluster number @i, from 0. Return: false: there is none */
bool wd_mesh_status(const struct wd_mesh *mesh, size_t i,
		    struct wd_mesh_status *ret_status);

/** wd_mesh_problems() - what is wrong with their objects and with them; appended to @list */
void wd_mesh_problems(const struct wd_mesh *mesh, struct wd_problems *list);

#endif /* WARDER_KUBE_MESH_H */
