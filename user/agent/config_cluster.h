/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_cluster.h - settings of other clusters.
 */
#ifndef WARDER_CONFIG_CLUSTER_H
#define WARDER_CONFIG_CLUSTER_H

struct wd_config;

/**
 * wd_config_cluster() - one more, as NAME=FILE
 * Return: 0; -EINVAL with *ret_error a message to be freed.
 */
int wd_config_cluster(struct wd_config *config, const char *value,
		      char **ret_error);

/** wd_config_no_clusters() - none any more */
void wd_config_no_clusters(struct wd_config *config);

/** wd_config_clusters_check() - is this cluster none of them; returns as above */
int wd_config_clusters_check(const struct wd_config *config, char **ret_error);

#endif /* WARDER_CONFIG_CLUSTER_H */
