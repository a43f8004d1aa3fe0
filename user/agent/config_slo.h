/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_slo.h - settings of the slow-down guard: what a namespace is held to
 * for which `warder slo set` gave none.
 */
#ifndef WARDER_CONFIG_SLO_H
#define WARDER_CONFIG_SLO_H

struct wd_config;

/* Return of each: 0; -EINVAL with *ret_error a message to be freed. */
int wd_config_slo_p99(struct wd_config *config, const char *value,
		      char **ret_error);
int wd_config_slo_p50(struct wd_config *config, const char *value,
		      char **ret_error);
int wd_config_slo_more(struct wd_config *config, const char *value,
		       char **ret_error);
int wd_config_slo_window(struct wd_config *config, const char *value,
			 char **ret_error);
int wd_config_slo_least(struct wd_config *config, const char *value,
			char **ret_error);
int wd_config_slo_times(struct wd_config *config, const char *value,
			char **ret_error);
int wd_config_slo_action(struct wd_config *config, const char *value,
			 char **ret_error);

/** wd_config_slo_check() - do all of them mean something together; returns as above */
int wd_config_slo_check(const struct wd_config *config, char **ret_error);

#endif /* WARDER_CONFIG_SLO_H */
