/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_conf.h - what a container runtime asks of the plugin: environment and
 * configuration, checked. Nothing in it has been acted upon yet.
 */
#ifndef WARDER_CNI_CONF_H
#define WARDER_CNI_CONF_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;

#define WD_CNI_VERSION_NEWEST "1.1.0"
#define WD_CNI_STDIN_MAX (1u << 20) /* bytes of configuration */

/* Numbers of the CNI specification, section "Error"; from 100 on our own. */
enum wd_cni_code {
	WD_CNI_E_VERSION =
		1, /* cniVersion, or the command is not in that version */
	WD_CNI_E_FIELD = 2, /* a key nobody knows */
	WD_CNI_E_ENV = 4, /* environment */
	WD_CNI_E_IO = 5,
	WD_CNI_E_DECODE = 6, /* stdin is not JSON */
	WD_CNI_E_CONFIG =
		7, /* a value of the configuration; the chain it stands in */
	WD_CNI_E_AGAIN = 11, /* no agent, or the pod is not known yet */
	WD_CNI_E_STATUS = 50, /* STATUS: ADD would fail now */
	WD_CNI_E_REFUSED = 100, /* the agent cannot enforce this pod */
	WD_CNI_E_CHECK = 101, /* CHECK: not as ADD left it */
};

enum wd_cni_verb {
	WD_CNI_ADD,
	WD_CNI_DEL,
	WD_CNI_CHECK,
	WD_CNI_GC,
	WD_CNI_STATUS,
	WD_CNI_VERSION,
	WD_CNI__MAX,
};

struct wd_cni_error {
	enum wd_cni_code code;
	char msg[512];
};

struct wd_cni_conf {
	enum wd_cni_verb verb;
	const char *container; /* "" where the command has none */
	const char *ifname;
	const char *netns; /* path, "" if not given */
	char ns[64]; /* of CNI_ARGS; "" if not given */
	char pod[254];
	char uid[64];
	struct json_object *doc; /* owned */
	const char *
		version; /* as requested, one of wd_cni_versions; else the newest */
	const char *run_dir;
};

/* Every version that the plugin speaks, oldest first; NULL ends. */
extern const char *const wd_cni_versions[];

/** wd_cni_fail() - fill @error; returns -EINVAL for the caller to hand on */
int wd_cni_fail(struct wd_cni_error *error, enum wd_cni_code code,
		const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/**
 * wd_cni_conf_read() - environment, then the configuration from @fd up to its end
 * @conf: zeroed; to be given to wd_cni_conf_fini() in any case
 * DEL and GC accept unknown keys and pods without a name: what ADD refused must be removable.
 * Return: 0, or -EINVAL with *error filled.
 */
int wd_cni_conf_read(struct wd_cni_conf *conf, int fd,
		     struct wd_cni_error *error);
void wd_cni_conf_fini(struct wd_cni_conf *conf);

/**
 * wd_cni_conf_ips() - addresses of CNI_IFNAME in prevResult ("10.1.0.5/24")
 * @list: array that they are added to
 * Return: 0, or -EINVAL with *error filled.
 */
int wd_cni_conf_ips(const struct wd_cni_conf *conf, struct json_object *list,
		    struct wd_cni_error *error);

#endif /* WARDER_CNI_CONF_H */
