/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clusters.c - names of clusters, and which of them a selector is about.
 */
#include "clusters.h"

#include <stdlib.h>
#include <string.h>

#include "intern.h"
#include "object.h"
#include "xalloc.h"

#define NS_NAME "kubernetes.io/metadata.name"

static struct {
	const char *own; /* interned, NULL: WD_CLUSTER_DEFAULT */
	char **other;
	size_t cnt, cap;
	bool met; /* labels of a namespace of another one were made */
} clusters;

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool wd_cluster_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > WD_CLUSTER_NAME_MAX || !is_word(name[0]) ||
	    !is_word(name[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_word(name[i]) && name[i] != '-')
			return false;
	}
	return true;
}

void wd_clusters_set_own(const char *name)
{
	const char *was = clusters.own;

	clusters.own = wd_str_get(name);
	wd_str_put(was);
}

const char *wd_clusters_own(void)
{
	/* interned: values of labels are compared by their place */
	if (!clusters.own)
		clusters.own = wd_str_get(WD_CLUSTER_DEFAULT);
	return clusters.own;
}

void wd_clusters_add(const char *name)
{
	clusters.other = wd_grow(clusters.other, clusters.cnt, &clusters.cap,
				 sizeof(*clusters.other));
	clusters.other[clusters.cnt++] = wd_xstrdup(name);
}

void wd_clusters_forget(void)
{
	for (size_t i = 0; i < clusters.cnt; i++)
		free(clusters.other[i]);
	free(clusters.other);
	clusters.other = NULL;
	clusters.cnt = clusters.cap = 0;
	wd_clusters_set_own(NULL);
}

bool wd_clusters_has(const char *name)
{
	for (size_t i = 0; i < clusters.cnt; i++) {
		if (strcmp(clusters.other[i], name) == 0 ||
		    strcmp(clusters.other[i], WD_CLUSTERS_ANY) == 0)
			return true;
	}
	return false;
}

bool wd_clusters_alone(void)
{
	return clusters.cnt == 0;
}

const char *wd_cluster_space(const char *cluster, const char *ns)
{
	char *text = wd_xprintf("%s/%s", cluster, ns);
	const char *space = wd_str_get(text);

	free(text);
	return space;
}

bool wd_cluster_is_other(const char *ns)
{
	return strchr(ns, '/') != NULL;
}

const struct wd_labels *wd_cluster_labels(const struct wd_labels *labels,
					  const char *ns)
{
	const char *slash = strchr(ns, '/');
	uint32_t cnt = labels ? labels->cnt : 0;
	struct wd_label *label = wd_xcalloc(cnt + 2, sizeof(*label));
	char *cluster = wd_xstrdup(ns);
	const struct wd_labels *ret;
	uint32_t to = 0;

	clusters.met = true;
	cluster[slash - ns] = '\0';
	for (uint32_t i = 0; i < cnt; i++) {
		if (strcmp(labels->label[i].key, NS_NAME) != 0)
			label[to++] = labels->label[i];
	}
	label[to++] = (struct wd_label){ NS_NAME, slash + 1 };
	label[to++] = (struct wd_label){ WD_LABEL_CLUSTER, cluster };
	ret = wd_labels_get(label, to);
	free(cluster);
	free(label);
	return ret;
}

/* ---- selectors ---- */

bool wd_selector_names_cluster(const struct wd_selector *sel)
{
	for (uint32_t i = 0; sel && i < sel->cnt; i++) {
		if (strcmp(sel->req[i].key, WD_LABEL_CLUSTER) == 0)
			return true;
	}
	return false;
}

static bool is_of_other(const struct wd_labels *labels)
{
	for (uint32_t i = 0; i < labels->cnt; i++) {
		if (strcmp(labels->label[i].key, WD_LABEL_CLUSTER) == 0)
			return true;
	}
	return false;
}

bool wd_space_matches(const struct wd_selector *sel,
		      const struct wd_labels *labels)
{
	if (clusters.met && labels && is_of_other(labels) &&
	    !wd_selector_names_cluster(sel))
		return false;
	return wd_selector_matches(sel, labels);
}
