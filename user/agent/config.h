/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.h - what the agent was told: defaults, then the YAML file, then options.
 *
 * Every long option is also a key of the file, without the dashes. An unknown
 * key or a bad value is an error with file and line; nothing is guessed.
 */
#ifndef WARDER_CONFIG_H
#define WARDER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <warder/rung.h>

#include "../base/opt.h"
#include "../model/object.h"
#include "../slo/guard.h"

#define WD_MANIFEST_DIRS_MAX 32
#define WD_CONFIG_TUNNEL_PORTS \
	4 /* half of WD_TUNNEL_PORTS: the node has some itself */
#define WD_RUN_DIR_DEFAULT "/run/warder"
#define WD_STATE_DIR_DEFAULT "/var/lib/warder"

/* Another cluster. */
struct wd_config_cluster {
	char *name;
	char *file; /* kubeconfig */
};

/* What is told as Events. */
enum wd_report_bits {
	WD_REPORT_POLICIES = 1, /* policies that are not in force as written */
	WD_REPORT_DROPS = 2, /* what pods here lost, or would in audit mode */
};

struct wd_config {
	char *file; /* --config */
	char *node; /* --node; default: the host name */
	char *manifests
		[WD_MANIFEST_DIRS_MAX]; /* --manifests, repeatable; a list in the file */
	size_t manifests_cnt;
	char *kubeconfig; /* --kubeconfig: which API server is a source, NULL none by it */
	bool in_cluster; /* --in-cluster: the API server of the pod the agent is in */
	bool cilium_objects; /* --cilium-objects: pods of other nodes are known by these */
	bool report_node; /* --report-node: tell the API server how the node stands */
	uint32_t report_events; /* --report-events: WD_REPORT_* */
	uint32_t report_every_ms; /* --report-every: so seldom at least */
	char *cluster_name; /* --cluster-name: of the node's own, NULL default */
	struct wd_config_cluster *cluster; /* --cluster: others */
	size_t cluster_cnt, cluster_cap;
	char *state_dir; /* --state-dir */
	char *run_dir; /* --run-dir */
	char *bpffs; /* --bpffs */
	enum wd_rung max_rung; /* --max-rung */
	bool hold_open; /* --hold=allow|drop: pods of a node on which no rung works */
	bool beside_cilium; /* --beside-cilium=allow|refuse, see beside.h */
	bool host_ingress_policy; /* --host-ingress=policy|allow */
	char *host_open; /* --host-open, see hostopen.h */
	uint32_t host_confirm_ms; /* --host-confirm */
	enum wd_mode mode; /* mode: enforce|audit|off */
	bool encryption_required; /* encryption: required|none */
	bool encryption_nodes; /* encryption-nodes: required|none */
	bool new_devices_open; /* encryption-new-devices: open|closed */
	char **exempt; /* encryption-exempt: node names, or all */
	size_t exempt_cnt, exempt_cap;
	/* encryption-prefix: inside the cluster, besides pod CIDRs of nodes */
	struct wd_cidr *prefix;
	size_t prefix_cnt, prefix_cap;
	/* tunnel-port: UDP ports at which other nodes take tunnels */
	uint16_t tunnel_port[WD_CONFIG_TUNNEL_PORTS];
	size_t tunnel_port_cnt;
	uint32_t quota
		[WD_QUOTA__MAX]; /* quota-rules, -cidrs, -labels, -services, -backends, -port-numbers */
	uint32_t cni_wait_ms; /* --cni-wait, "2s", "500ms" or seconds; default 2000 */
	char *cni_conf; /* --cni-conf: the plugin is kept in its chain, NULL nowhere */
	char *metrics; /* --metrics: where they are served, NULL nowhere */
	struct wd_guard_terms
		slo; /* --slo-*: of namespaces that have none of their own */
	bool verbose; /* -v */
	bool check; /* --check: validate and end */
	bool json; /* --json: what --check finds, and errors, as JSON */
};

/* Options of `warder agent`, for parsing and help; ends with a NULL name. */
extern const struct wd_opt wd_config_opts[];

/** wd_report_events_name() - the word of --report-events for these bits */
const char *wd_report_events_name(uint32_t bits);

/** wd_config_init() - the defaults; strings are allocated */
void wd_config_init(struct wd_config *config);
void wd_config_fini(struct wd_config *config);

/**
 * wd_config_parse() - options of `warder agent`
 * @config: initialised; its values are the defaults
 * @argv: is permuted; argv[0] is skipped
 * The file first, then the options: an option beats the file, and directories
 * given as options replace the file's list.
 * Return: 0; -EINVAL with *ret_error a message (where and what) to be freed.
 */
int wd_config_parse(struct wd_config *config, int argc, char **argv,
		    char **ret_error);

#endif /* WARDER_CONFIG_H */
