/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_slo.c - settings of the slow-down guard. Which values mean something is
 * for guard.c.
 */
#include "config_slo.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "config.h"

static int set_number(uint32_t *ret, const char *value, char **ret_error)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (*end || !isdigit((unsigned char)*value) || errno ||
	    number > UINT32_MAX) {
		wd_format(ret_error, "'%s' is no whole number", value);
		return -EINVAL;
	}
	*ret = (uint32_t)number;
	return 0;
}

int wd_config_slo_p99(struct wd_config *config, const char *value,
		      char **ret_error)
{
	return set_number(&config->slo.p99, value, ret_error);
}

int wd_config_slo_p50(struct wd_config *config, const char *value,
		      char **ret_error)
{
	return set_number(&config->slo.p50, value, ret_error);
}

int wd_config_slo_more(struct wd_config *config, const char *value,
		       char **ret_error)
{
	return set_number(&config->slo.more_us, value, ret_error);
}

int wd_config_slo_least(struct wd_config *config, const char *value,
			char **ret_error)
{
	return set_number(&config->slo.least, value, ret_error);
}

int wd_config_slo_times(struct wd_config *config, const char *value,
			char **ret_error)
{
	return set_number(&config->slo.times, value, ret_error);
}

int wd_config_slo_window(struct wd_config *config, const char *value,
			 char **ret_error)
{
	uint32_t ms;

	if (wd_duration_parse(value, &ms)) {
		wd_format(ret_error, "'%s' is not a time, as in 60s or 5m",
			  value);
		return -EINVAL;
	}
	config->slo.window_ms = ms;
	return 0;
}

int wd_config_slo_action(struct wd_config *config, const char *value,
			 char **ret_error)
{
	if (!wd_guard_action_parse(value, &config->slo.action))
		return 0;
	wd_format(ret_error, "'%s' is not one of alarm, audit", value);
	return -EINVAL;
}

int wd_config_slo_check(const struct wd_config *config, char **ret_error)
{
	const char *why = wd_guard_terms_check(&config->slo);

	if (!why)
		return 0;
	wd_format(ret_error,
		  "slo-p99, -p50, -more, -window, -least, -times: %s", why);
	return -EINVAL;
}
