/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clusters.h - names of clusters, and which of them a selector is about.
 *
 * A pod of another cluster is in the namespace "CLUSTER/NAMESPACE", which no
 * object of this one can be in: nothing else tells them apart, and nothing is
 * kept of it where there is one cluster. The labels of such a namespace have
 * the cluster's name among them, under a key that no object can have itself.
 *
 * Which clusters there are is the process's: set once, before anything is read.
 */
#ifndef WARDER_CLUSTERS_H
#define WARDER_CLUSTERS_H

#include <stdbool.h>
#include <stddef.h>

struct wd_labels;
struct wd_selector;

/* What a namespace of another cluster has; and requirements on the cluster. */
#define WD_LABEL_CLUSTER "k8s:io.cilium.k8s.policy.cluster"
#define WD_CLUSTER_DEFAULT "default" /* this one, if nothing else is said */
#define WD_CLUSTER_NAME_MAX 32 /* Cilium's limit */

/** wd_cluster_name_ok() - [a-z0-9]([-a-z0-9]*[a-z0-9])?, at most 32 (Cilium's rule) */
bool wd_cluster_name_ok(const char *name);

/** wd_clusters_set_own() - what this one is called; NULL: WD_CLUSTER_DEFAULT */
void wd_clusters_set_own(const char *name);
/** wd_clusters_own() - borrowed */
const char *wd_clusters_own(void);

/** wd_clusters_add() - there is another one; WD_CLUSTERS_ANY: nobody knows which ones there are */
#define WD_CLUSTERS_ANY "*"
void wd_clusters_add(const char *name);
/** wd_clusters_forget() - as at first: this one, by its default name */
void wd_clusters_forget(void);
/** wd_clusters_has() - is that another one that there is (or may be) */
bool wd_clusters_has(const char *name);
/** wd_clusters_alone() - is there no other one */
bool wd_clusters_alone(void);

/** wd_cluster_space() - "CLUSTER/NAMESPACE", interned, with one reference */
const char *wd_cluster_space(const char *cluster, const char *ns);
/** wd_cluster_is_other() - is that a namespace of another cluster */
bool wd_cluster_is_other(const char *ns);

/**
 * wd_cluster_labels() - of a namespace of another cluster
 * @labels: what the Namespace there has; NULL: nobody told of it
 * @ns: "CLUSTER/NAMESPACE"
 * Return: one reference, with the names of both.
 */
const struct wd_labels *wd_cluster_labels(const struct wd_labels *labels,
					  const char *ns);

/**
 * wd_space_matches() - does a selector hold for a namespace
 * @sel: NULL: yes
 * @labels: of the namespace; NULL: none, as of a node
 *
 * One that does not name a cluster means this one, as by Cilium's
 * policy-default-local-cluster.
 */
bool wd_space_matches(const struct wd_selector *sel,
		      const struct wd_labels *labels);

/** wd_selector_names_cluster() - has it a requirement on WD_LABEL_CLUSTER */
bool wd_selector_names_cluster(const struct wd_selector *sel);

#endif /* WARDER_CLUSTERS_H */
