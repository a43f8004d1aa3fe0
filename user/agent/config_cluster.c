/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_cluster.c - settings of other clusters: NAME=FILE, each name once.
 */
#include "config_cluster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../model/clusters.h"
#include "../model/xalloc.h"
#include "config.h"

static int add_cluster(struct wd_config *config, char *name, const char *file,
		       char **ret_error)
{
	struct wd_config_cluster *c;

	if (!wd_cluster_name_ok(name) || *file != '/') {
		wd_format(ret_error,
			  "'%s=%s' is not NAME=FILE: NAME up to %d of a-z, 0-9 "
			  "and -, FILE the whole path of a kubeconfig",
			  name, file, WD_CLUSTER_NAME_MAX);
		return -EINVAL;
	}
	for (size_t i = 0; i < config->cluster_cnt; i++) {
		if (strcmp(config->cluster[i].name, name) != 0)
			continue;
		wd_format(ret_error, "'%s' is named twice", name);
		return -EINVAL;
	}
	config->cluster = wd_grow(config->cluster, config->cluster_cnt,
				  &config->cluster_cap,
				  sizeof(*config->cluster));
	c = &config->cluster[config->cluster_cnt++];
	c->name = wd_xstrdup(name);
	c->file = wd_xstrdup(file);
	return 0;
}

int wd_config_cluster(struct wd_config *config, const char *value,
		      char **ret_error)
{
	const char *is = strchr(value, '=');
	char *name = wd_xstrdup(value);
	int err;

	name[is ? is - value : 0] = '\0';
	err = add_cluster(config, name, is ? is + 1 : value, ret_error);
	free(name);
	return err;
}

void wd_config_no_clusters(struct wd_config *config)
{
	for (size_t i = 0; i < config->cluster_cnt; i++) {
		free(config->cluster[i].name);
		free(config->cluster[i].file);
	}
	config->cluster_cnt = 0;
}

/* This one is none of the others. */
int wd_config_clusters_check(const struct wd_config *config, char **ret_error)
{
	const char *own = config->cluster_name ?: WD_CLUSTER_DEFAULT;

	for (size_t i = 0; i < config->cluster_cnt; i++) {
		if (strcmp(config->cluster[i].name, own) != 0)
			continue;
		wd_format(ret_error,
			  "cluster: '%s' is this cluster's own name; give "
			  "either another one (cluster-name)",
			  own);
		return -EINVAL;
	}
	return 0;
}
