/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.c - options and keys of the agent: one table of settings, fed by the
 * YAML file and by the command line alike. Checks words and numbers; whether a
 * directory exists or a socket can be made is for those who use it.
 */
#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include <warder/maps.h>

#include "../base/names.h"
#include "../datapath/ladder.h"
#include "../host/hostopen.h"
#include "../metrics/address.h"
#include "../model/clusters.h"
#include "../model/xalloc.h"
#include "config_cluster.h"
#include "config_slo.h"

/* ---- settings: one function each ---- */

static int replace(char **to, const char *value, char **ret_error)
{
	if (!*value) {
		wd_format(ret_error, "must not be empty");
		return -EINVAL;
	}
	free(*to);
	*to = wd_xstrdup(value);
	return 0;
}

static int set_node(struct wd_config *config, const char *value,
		    char **ret_error)
{
	return replace(&config->node, value, ret_error);
}

static int set_kubeconfig(struct wd_config *config, const char *value,
			  char **ret_error)
{
	return replace(&config->kubeconfig, value, ret_error);
}

static int set_cluster_name(struct wd_config *config, const char *value,
			    char **ret_error)
{
	if (wd_cluster_name_ok(value))
		return replace(&config->cluster_name, value, ret_error);
	wd_format(ret_error,
		  "'%s' is no name of a cluster: up to %d of a-z, 0-9 and -, "
		  "which neither begins nor ends it",
		  value, WD_CLUSTER_NAME_MAX);
	return -EINVAL;
}

static int set_state_dir(struct wd_config *config, const char *value,
			 char **ret_error)
{
	return replace(&config->state_dir, value, ret_error);
}

static int set_run_dir(struct wd_config *config, const char *value,
		       char **ret_error)
{
	return replace(&config->run_dir, value, ret_error);
}

static int set_bpffs(struct wd_config *config, const char *value,
		     char **ret_error)
{
	return replace(&config->bpffs, value, ret_error);
}

static int set_manifests(struct wd_config *config, const char *value,
			 char **ret_error)
{
	if (config->manifests_cnt == WD_MANIFEST_DIRS_MAX) {
		wd_format(ret_error, "more than %d directories",
			  WD_MANIFEST_DIRS_MAX);
		return -EINVAL;
	}
	if (replace(&config->manifests[config->manifests_cnt], value,
		    ret_error))
		return -EINVAL;
	config->manifests_cnt++;
	return 0;
}

static int set_max_rung(struct wd_config *config, const char *value,
			char **ret_error)
{
	enum wd_rung rung = wd_rung_from(value);

	if (rung == WD_RUNG__MAX) {
		wd_format(ret_error,
			  "'%s' is not one of full, compat, minimal, nft, hold",
			  value);
		return -EINVAL;
	}
	config->max_rung = rung;
	return 0;
}

static int set_hold(struct wd_config *config, const char *value,
		    char **ret_error)
{
	config->hold_open = !strcmp(value, "allow");
	if (config->hold_open || !strcmp(value, "drop"))
		return 0;
	wd_format(ret_error, "'%s' is not one of drop, allow", value);
	return -EINVAL;
}

static int set_beside_cilium(struct wd_config *config, const char *value,
			     char **ret_error)
{
	config->beside_cilium = !strcmp(value, "allow");
	if (config->beside_cilium || !strcmp(value, "refuse"))
		return 0;
	wd_format(ret_error, "'%s' is not one of refuse, allow", value);
	return -EINVAL;
}

static int set_host_ingress(struct wd_config *config, const char *value,
			    char **ret_error)
{
	if (strcmp(value, "policy") != 0 && strcmp(value, "allow") != 0) {
		wd_format(ret_error, "'%s' is not one of allow, policy", value);
		return -EINVAL;
	}
	config->host_ingress_policy = !strcmp(value, "policy");
	return 0;
}

static int set_host_open(struct wd_config *config, const char *value,
			 char **ret_error)
{
	if (!wd_host_open_check(value))
		return replace(&config->host_open, value, ret_error);
	wd_format(ret_error,
		  "'%s' is not none or a list of up to 40 ports, as in "
		  "22/tcp,2379-2380/tcp",
		  value);
	return -EINVAL;
}

static int set_host_confirm(struct wd_config *config, const char *value,
			    char **ret_error)
{
	uint32_t ms;

	if (wd_duration_parse(value, &ms) || ms < 1000 || ms > 3600000) {
		wd_format(ret_error,
			  "'%s' is not a time from 1s to 1h, as in 90s or 2m",
			  value);
		return -EINVAL;
	}
	config->host_confirm_ms = ms;
	return 0;
}

static int set_mode(struct wd_config *config, const char *value,
		    char **ret_error)
{
	int mode = wd_mode_find(value);

	if (mode < 0) {
		wd_format(ret_error, "'%s' is not one of enforce, audit, off",
			  value);
		return -EINVAL;
	}
	config->mode = (enum wd_mode)mode;
	return 0;
}

/* Sets *ret for "required", clears it for "none". */
static int set_required(bool *ret, const char *value, char **ret_error)
{
	*ret = !strcmp(value, "required");
	if (*ret || !strcmp(value, "none"))
		return 0;
	wd_format(ret_error, "'%s' is not one of none, required", value);
	return -EINVAL;
}

static int set_encryption(struct wd_config *config, const char *value,
			  char **ret_error)
{
	return set_required(&config->encryption_required, value, ret_error);
}

static int set_encryption_nodes(struct wd_config *config, const char *value,
				char **ret_error)
{
	return set_required(&config->encryption_nodes, value, ret_error);
}

static int set_new_devices(struct wd_config *config, const char *value,
			   char **ret_error)
{
	config->new_devices_open = !strcmp(value, "open");
	if (config->new_devices_open || !strcmp(value, "closed"))
		return 0;
	wd_format(ret_error, "'%s' is not one of closed, open", value);
	return -EINVAL;
}

static int set_encryption_exempt(struct wd_config *config, const char *value,
				 char **ret_error)
{
	config->exempt = wd_grow(config->exempt, config->exempt_cnt,
				 &config->exempt_cap, sizeof(*config->exempt));
	config->exempt[config->exempt_cnt] = NULL;
	if (replace(&config->exempt[config->exempt_cnt], value, ret_error))
		return -EINVAL;
	config->exempt_cnt++;
	return 0;
}

static int set_encryption_prefix(struct wd_config *config, const char *value,
				 char **ret_error)
{
	struct wd_cidr prefix;

	if (wd_cidr_parse(value, &prefix) || !prefix.len) {
		wd_format(ret_error,
			  "'%s' is not a prefix, as in 10.0.0.0/8 or "
			  "fd00::/48",
			  value);
		return -EINVAL;
	}
	config->prefix = wd_grow(config->prefix, config->prefix_cnt,
				 &config->prefix_cap, sizeof(prefix));
	config->prefix[config->prefix_cnt++] = prefix;
	return 0;
}

static int set_number(uint32_t *ret, const char *value, char **ret_error)
{
	char *end;
	unsigned long number;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (*end || !isdigit((unsigned char)*value) || errno ||
	    number > UINT32_MAX) {
		wd_format(ret_error, "'%s' is not a number up to %u", value,
			  UINT32_MAX);
		return -EINVAL;
	}
	*ret = (uint32_t)number;
	return 0;
}

static int set_tunnel_port(struct wd_config *config, const char *value,
			   char **ret_error)
{
	uint32_t port;

	if (set_number(&port, value, ret_error))
		return -EINVAL;
	if (!port || port > UINT16_MAX) {
		wd_format(ret_error, "'%s' is not a port from 1 to 65535",
			  value);
		return -EINVAL;
	}
	if (config->tunnel_port_cnt == WD_CONFIG_TUNNEL_PORTS) {
		wd_format(
			ret_error,
			"'%s' is one too many: no more than %d are told of, beside the customary ones",
			value, WD_CONFIG_TUNNEL_PORTS);
		return -EINVAL;
	}
	config->tunnel_port[config->tunnel_port_cnt++] = (uint16_t)port;
	return 0;
}

static int set_quota_rules(struct wd_config *config, const char *value,
			   char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_RULES], value, ret_error);
}

static int set_quota_cidrs(struct wd_config *config, const char *value,
			   char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_CIDRS], value, ret_error);
}

static int set_quota_labels(struct wd_config *config, const char *value,
			    char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_LABELS], value, ret_error);
}

static int set_quota_services(struct wd_config *config, const char *value,
			      char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_SERVICES], value, ret_error);
}

static int set_quota_backends(struct wd_config *config, const char *value,
			      char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_BACKENDS], value, ret_error);
}

static int set_quota_port_numbers(struct wd_config *config, const char *value,
				  char **ret_error)
{
	return set_number(&config->quota[WD_QUOTA_NUMBERS], value, ret_error);
}

static int set_cni_wait(struct wd_config *config, const char *value,
			char **ret_error)
{
	uint32_t ms;

	if (wd_duration_parse(value, &ms) || ms > 600000) {
		wd_format(ret_error,
			  "'%s' is not a time up to 10m, as in 500ms, 2s or 2",
			  value);
		return -EINVAL;
	}
	config->cni_wait_ms = ms;
	return 0;
}

static int set_cni_conf(struct wd_config *config, const char *value,
			char **ret_error)
{
	if (strcmp(value, "none") != 0)
		return replace(&config->cni_conf, value, ret_error);
	free(config->cni_conf);
	config->cni_conf = NULL;
	return 0;
}

static int set_metrics(struct wd_config *config, const char *value,
		       char **ret_error)
{
	struct wd_metrics_address address;
	int err;

	if (!strcmp(value, "none")) {
		free(config->metrics);
		config->metrics = NULL;
		return 0;
	}
	err = wd_metrics_address(value, &address);
	if (!err)
		return replace(&config->metrics, value, ret_error);
	wd_format(ret_error,
		  err == -ENAMETOOLONG ?
			  "'%s' is too long for the path of a socket" :
			  "'%s' is not none, unix:/PATH, ADDRESS:PORT or PORT",
		  value);
	return -EINVAL;
}

/* A switch, or true or false in the file. */
static int set_flag(bool *ret, const char *value, char **ret_error)
{
	if (value && strcmp(value, "true") != 0 &&
	    strcmp(value, "false") != 0) {
		wd_format(ret_error, "'%s' is not true or false", value);
		return -EINVAL;
	}
	*ret = !value || !strcmp(value, "true");
	return 0;
}

static int set_verbose(struct wd_config *config, const char *value,
		       char **ret_error)
{
	return set_flag(&config->verbose, value, ret_error);
}

static int set_cilium_objects(struct wd_config *config, const char *value,
			      char **ret_error)
{
	return set_flag(&config->cilium_objects, value, ret_error);
}

static int set_report_node(struct wd_config *config, const char *value,
			   char **ret_error)
{
	return set_flag(&config->report_node, value, ret_error);
}

static const char *const report_words[] = {
	"none",
	[WD_REPORT_POLICIES] = "policies",
	[WD_REPORT_DROPS] = "drops",
	[WD_REPORT_POLICIES | WD_REPORT_DROPS] = "all",
};

const char *wd_report_events_name(uint32_t bits)
{
	return report_words[bits & (WD_REPORT_POLICIES | WD_REPORT_DROPS)];
}

static int set_report_events(struct wd_config *config, const char *value,
			     char **ret_error)
{
	for (uint32_t i = 0; i < sizeof(report_words) / sizeof(report_words[0]);
	     i++) {
		if (!strcmp(report_words[i], value)) {
			config->report_events = i;
			return 0;
		}
	}
	wd_format(ret_error, "'%s' is not one of none, policies, drops, all",
		  value);
	return -EINVAL;
}

static int set_report_every(struct wd_config *config, const char *value,
			    char **ret_error)
{
	uint32_t ms;

	if (wd_duration_parse(value, &ms) || ms < 1000 || ms > 3600000) {
		wd_format(ret_error,
			  "'%s' is not a time from 1s to 1h, as in 30s or 2m",
			  value);
		return -EINVAL;
	}
	config->report_every_ms = ms;
	return 0;
}

static int set_in_cluster(struct wd_config *config, const char *value,
			  char **ret_error)
{
	return set_flag(&config->in_cluster, value, ret_error);
}

/* ---- lists ---- */

static void clear_texts(char **list, size_t *cnt)
{
	while (*cnt) {
		free(list[--*cnt]);
		list[*cnt] = NULL;
	}
}

static void clear_manifests(struct wd_config *config)
{
	clear_texts(config->manifests, &config->manifests_cnt);
}

static void clear_exempt(struct wd_config *config)
{
	clear_texts(config->exempt, &config->exempt_cnt);
}

static void clear_prefixes(struct wd_config *config)
{
	config->prefix_cnt = 0;
}

static void clear_tunnel_ports(struct wd_config *config)
{
	config->tunnel_port_cnt = 0;
}

/* What may stand in the file; the rest of wd_config_opts is for the command line. */
static const struct setting {
	const char *name;
	int (*set)(struct wd_config *config, const char *value,
		   char **ret_error);
	/* of a list, where options take the place of what the file says */
	void (*clear)(struct wd_config *config);
} settings[] = {
	{ "node", set_node, NULL },
	{ "manifests", set_manifests, clear_manifests },
	{ "kubeconfig", set_kubeconfig, NULL },
	{ "in-cluster", set_in_cluster, NULL },
	{ "cilium-objects", set_cilium_objects, NULL },
	{ "report-node", set_report_node, NULL },
	{ "report-events", set_report_events, NULL },
	{ "report-every", set_report_every, NULL },
	{ "cluster", wd_config_cluster, wd_config_no_clusters },
	{ "cluster-name", set_cluster_name, NULL },
	{ "state-dir", set_state_dir, NULL },
	{ "run-dir", set_run_dir, NULL },
	{ "bpffs", set_bpffs, NULL },
	{ "max-rung", set_max_rung, NULL },
	{ "hold", set_hold, NULL },
	{ "beside-cilium", set_beside_cilium, NULL },
	{ "host-ingress", set_host_ingress, NULL },
	{ "host-open", set_host_open, NULL },
	{ "host-confirm", set_host_confirm, NULL },
	{ "mode", set_mode, NULL },
	{ "encryption", set_encryption, NULL },
	{ "encryption-nodes", set_encryption_nodes, NULL },
	{ "encryption-new-devices", set_new_devices, NULL },
	{ "encryption-exempt", set_encryption_exempt, clear_exempt },
	{ "encryption-prefix", set_encryption_prefix, clear_prefixes },
	{ "tunnel-port", set_tunnel_port, clear_tunnel_ports },
	{ "quota-rules", set_quota_rules, NULL },
	{ "quota-cidrs", set_quota_cidrs, NULL },
	{ "quota-labels", set_quota_labels, NULL },
	{ "quota-services", set_quota_services, NULL },
	{ "quota-backends", set_quota_backends, NULL },
	{ "quota-port-numbers", set_quota_port_numbers, NULL },
	{ "cni-wait", set_cni_wait, NULL },
	{ "cni-conf", set_cni_conf, NULL },
	{ "metrics", set_metrics, NULL },
	{ "slo-p99", wd_config_slo_p99, NULL },
	{ "slo-p50", wd_config_slo_p50, NULL },
	{ "slo-more", wd_config_slo_more, NULL },
	{ "slo-window", wd_config_slo_window, NULL },
	{ "slo-least", wd_config_slo_least, NULL },
	{ "slo-times", wd_config_slo_times, NULL },
	{ "slo-action", wd_config_slo_action, NULL },
	{ "verbose", set_verbose, NULL },
};

#define SETTINGS_CNT (sizeof(settings) / sizeof(settings[0]))

static const struct setting *setting_find(const char *name)
{
	for (size_t i = 0; i < SETTINGS_CNT; i++)
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	return NULL;
}

/* ---- the file ---- */

struct reader {
	struct wd_config *config;
	yaml_document_t doc;
	bool seen[SETTINGS_CNT];
	char **ret_error;
};

static int fail_at(const struct reader *reader, yaml_mark_t mark,
		   const char *key, const char *text)
{
	wd_format(reader->ret_error, "%s:%zu: %s%s%s", reader->config->file,
		  mark.line + 1, key, *key ? ": " : "", text);
	return -EINVAL;
}

/* The text of a scalar; NULL if it is none or holds a NUL. */
static const char *scalar_text(const yaml_node_t *node)
{
	const char *text;

	if (!node || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static int read_value(struct reader *reader, const struct setting *setting,
		      const yaml_node_t *node)
{
	const char *value = scalar_text(node);
	char *why = NULL;
	int err;

	if (!value)
		return fail_at(reader, node->start_mark, setting->name,
			       "must be a single value");
	err = setting->set(reader->config, value, &why);
	if (err)
		(void)fail_at(reader, node->start_mark, setting->name,
			      why ?: "invalid");
	free(why);
	return err;
}

static int read_list(struct reader *reader, const struct setting *setting,
		     const yaml_node_t *node)
{
	const yaml_node_item_t *item = node->data.sequence.items.start;

	for (; item < node->data.sequence.items.top; item++) {
		int err =
			read_value(reader, setting,
				   yaml_document_get_node(&reader->doc, *item));

		if (err)
			return err;
	}
	return 0;
}

static int read_pair(struct reader *reader, const yaml_node_t *key,
		     const yaml_node_t *value)
{
	const char *name = scalar_text(key);
	const struct setting *setting = name ? setting_find(name) : NULL;

	if (!name)
		return fail_at(reader, key->start_mark, "",
			       "a key must be a plain word");
	if (!setting)
		return fail_at(reader, key->start_mark, name,
			       "unknown key; see `warder help agent`");
	if (reader->seen[setting - settings])
		return fail_at(reader, key->start_mark, name, "is given twice");
	reader->seen[setting - settings] = true;
	if (setting->clear && value->type == YAML_SEQUENCE_NODE)
		return read_list(reader, setting, value);
	return read_value(reader, setting, value);
}

static int read_root(struct reader *reader)
{
	const yaml_node_t *root = yaml_document_get_root_node(&reader->doc);
	const yaml_node_pair_t *pair;

	if (!root)
		return 0; /* an empty file sets nothing */
	if (scalar_text(root) && !*scalar_text(root))
		return 0; /* so does a document of comments only */
	if (root->type != YAML_MAPPING_NODE)
		return fail_at(reader, root->start_mark, "",
			       "must be a mapping of keys to values");
	for (pair = root->data.mapping.pairs.start;
	     pair < root->data.mapping.pairs.top; pair++) {
		int err = read_pair(
			reader, yaml_document_get_node(&reader->doc, pair->key),
			yaml_document_get_node(&reader->doc, pair->value));

		if (err)
			return err;
	}
	return 0;
}

static int read_document(struct reader *reader, yaml_parser_t *parser)
{
	int err;

	if (!yaml_parser_load(parser, &reader->doc))
		return fail_at(reader, parser->problem_mark, "",
			       parser->problem ?: "is not YAML");
	err = read_root(reader);
	yaml_document_delete(&reader->doc);
	return err;
}

static int read_one_document(struct reader *reader, yaml_parser_t *parser)
{
	int err = read_document(reader, parser);
	yaml_node_t *more;
	yaml_mark_t mark;

	if (err)
		return err;
	if (!yaml_parser_load(parser, &reader->doc))
		return fail_at(reader, parser->problem_mark, "",
			       parser->problem ?: "is not YAML");
	more = yaml_document_get_root_node(&reader->doc);
	if (more)
		mark = more->start_mark;
	yaml_document_delete(&reader->doc);
	return more ? fail_at(reader, mark, "",
			      "a second document; settings are one") :
		      0;
}

static int read_file(struct wd_config *config, char **ret_error)
{
	struct reader reader = { .config = config, .ret_error = ret_error };
	FILE *file = fopen(config->file, "re");
	yaml_parser_t parser;
	int err;

	if (!file) {
		wd_format(ret_error, "%s: %s", config->file, strerror(errno));
		return -EINVAL;
	}
	if (!yaml_parser_initialize(&parser)) {
		fclose(file);
		wd_format(ret_error, "%s: out of memory", config->file);
		return -EINVAL;
	}
	yaml_parser_set_input_file(&parser, file);
	err = read_one_document(&reader, &parser);
	yaml_parser_delete(&parser);
	fclose(file);
	return err;
}

/* ---- the command line ---- */

struct given {
	struct wd_config *config;
	bool seen[SETTINGS_CNT]; /* a list: the file's was forgotten */
	bool file_only; /* first pass: only --config counts */
};

static int set_option(void *ctx, const struct wd_opt *opt, const char *value,
		      char **ret_error)
{
	struct given *given = ctx;
	const struct setting *setting = setting_find(opt->name);

	if (!strcmp(opt->name, "config"))
		return replace(&given->config->file, value, ret_error);
	if (given->file_only)
		return 0;
	if (!strcmp(opt->name, "check")) {
		given->config->check = true;
		return 0;
	}
	if (!strcmp(opt->name, "json")) {
		given->config->json = true;
		return 0;
	}
	if (!strcmp(opt->name, "help"))
		return 0; /* was looked for before */
	assert(setting);
	if (setting->clear && !given->seen[setting - settings])
		setting->clear(given->config);
	given->seen[setting - settings] = true;
	return setting->set(given->config, value, ret_error);
}

static int check_reports(const struct wd_config *config, char **ret_error)
{
	if ((!config->report_node && !config->report_events) ||
	    config->kubeconfig || config->in_cluster)
		return 0;
	wd_format(
		ret_error,
		"report-node, report-events: to whom? kubeconfig or in-cluster "
		"name the API server");
	return -EINVAL;
}

int wd_config_parse(struct wd_config *config, int argc, char **argv,
		    char **ret_error)
{
	const struct wd_opt *const tables[] = { wd_config_opts, NULL };
	struct given given = { .config = config, .file_only = true };
	int first;

	first = wd_opt_parse(tables, argc, argv, set_option, &given, ret_error);
	if (first < 0)
		return first;
	if (first < argc) {
		wd_format(ret_error, "'%s': the agent takes options only",
			  argv[first]);
		return -EINVAL;
	}
	if (config->file && read_file(config, ret_error))
		return -EINVAL;
	given.file_only = false;
	first = wd_opt_parse(tables, argc, argv, set_option, &given, ret_error);
	if (first < 0)
		return first;
	if (config->kubeconfig && config->in_cluster) {
		wd_format(ret_error, "kubeconfig and in-cluster: which of the "
				     "two API servers is meant?");
		return -EINVAL;
	}
	return check_reports(config, ret_error)			   ?:
		       wd_config_clusters_check(config, ret_error) ?:
		       wd_config_slo_check(config, ret_error);
}

/* As the kubelet names its node: the host name in lower case. */
static char *host_name(void)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) || !*name)
		snprintf(name, sizeof(name), "localhost");
	for (char *c = name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return wd_xstrdup(name);
}

void wd_config_init(struct wd_config *config)
{
	const char *run_dir = getenv("WARDER_RUN_DIR");

	*config = (struct wd_config){
		.node = host_name(),
		.state_dir = wd_xstrdup(WD_STATE_DIR_DEFAULT),
		.run_dir = wd_xstrdup(run_dir && *run_dir ? run_dir :
							    WD_RUN_DIR_DEFAULT),
		.bpffs = wd_xstrdup(WD_BPFFS_DEFAULT),
		.max_rung = WD_RUNG_FULL,
		.host_open = wd_xstrdup(WD_HOST_OPEN_DEFAULT),
		.host_confirm_ms = 90000,
		.report_every_ms = 60000,
		.mode = WD_MODE_ENFORCE,
		/* no one takes a table: half of the predicates, 3/4 of the rows */
		.quota = { 2048, 8192, 4096, 16384, 16384, 128 },
		.cni_wait_ms = 2000,
	};
	wd_guard_terms_init(&config->slo);
}

void wd_config_fini(struct wd_config *config)
{
	free(config->file);
	free(config->node);
	clear_manifests(config);
	clear_exempt(config);
	free(config->exempt);
	free(config->prefix);
	free(config->kubeconfig);
	free(config->cluster_name);
	wd_config_no_clusters(config);
	free(config->cluster);
	free(config->cni_conf);
	free(config->state_dir);
	free(config->run_dir);
	free(config->bpffs);
	free(config->host_open);
	free(config->metrics);
	*config = (struct wd_config){};
}
