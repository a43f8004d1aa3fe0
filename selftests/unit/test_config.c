/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_config.c - the agent's settings: defaults, file, command line, and
 * every way to get them wrong.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <warder/maps.h>

#include "agent/config.h"

#include "../tap.h"

#define ARGS_MAX 24

/* A settings file with @text; its name is to be freed and the file removed. */
static char *file_make(const char *text)
{
	char *name = strdup("/tmp/wdt-config-XXXXXX");
	int fd = mkstemp(name);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	close(fd);
	return name;
}

static void file_remove(char *name)
{
	unlink(name);
	free(name);
}

/* @word: up to ARGS_MAX options; *ret_error to be freed. */
static int parse(struct wd_config *config, const char *const *word,
		 char **ret_error)
{
	char *argv[ARGS_MAX + 2] = { strdup("agent") };
	int argc = 1, err;

	for (; *word && argc <= ARGS_MAX; word++)
		argv[argc++] = strdup(*word);
	*ret_error = NULL;
	wd_config_init(config);
	err = wd_config_parse(config, argc, argv, ret_error);
	for (int i = 0; i <= ARGS_MAX; i++)
		free(argv[i]); /* permuted, yet all there */
	return err;
}

/* @text as a file. Return: as wd_config_parse(); the error without the file's name. */
static int parse_file(struct wd_config *config, const char *text,
		      char **ret_error)
{
	char *name = file_make(text);
	const char *const word[] = { "--config", name, NULL };
	char *error;
	int err = parse(config, word, &error);

	*ret_error = NULL;
	if (error && !strncmp(error, name, strlen(name)))
		*ret_error = strdup(error + strlen(name));
	free(error);
	file_remove(name);
	return err;
}

static void defaults_are_the_documented_ones(void)
{
	const char *const word[] = { NULL };
	struct wd_config config;
	char *error;

	unsetenv("WARDER_RUN_DIR");
	wd_expect_int(0, parse(&config, word, &error));
	wd_expect_str(WD_RUN_DIR_DEFAULT, config.run_dir);
	wd_expect_str(WD_STATE_DIR_DEFAULT, config.state_dir);
	wd_expect_str(WD_BPFFS_DEFAULT, config.bpffs);
	wd_expect_int(WD_RUNG_FULL, config.max_rung);
	wd_expect_int(WD_MODE_ENFORCE, config.mode);
	wd_expect_int(2000, config.cni_wait_ms);
	wd_expect_int(0, (long long)config.manifests_cnt);
	wd_expect(!config.host_ingress_policy);
	wd_expect(!config.encryption_required);
	wd_expect(!config.metrics);
	wd_expect_int(10, config.slo.p99);
	wd_expect_int(0, config.slo.p50);
	wd_expect_int(60000, config.slo.window_ms);
	wd_expect_int(WD_GUARD_ALARM, config.slo.action);
	wd_expect(*config.node != '\0');
	wd_config_fini(&config);
}

static void run_dir_comes_from_the_environment(void)
{
	const char *const none[] = { NULL };
	const char *const option[] = { "--run-dir", "/b", NULL };
	struct wd_config config;
	char *error;

	setenv("WARDER_RUN_DIR", "/a", 1);
	wd_expect_int(0, parse(&config, none, &error));
	wd_expect_str("/a", config.run_dir);
	wd_config_fini(&config);
	wd_expect_int(0, parse(&config, option, &error));
	wd_expect_str("/b", config.run_dir);
	wd_config_fini(&config);
	unsetenv("WARDER_RUN_DIR");
}

static void every_option_is_taken(void)
{
	const char *const word[] = {
		"--node=n1",
		"--manifests=/a",
		"--manifests",
		"/b",
		"--state-dir=/s",
		"--bpffs=/p",
		"--check",
		"-v",
		"--cni-wait=500ms",
		"--mode=audit",
		"--host-ingress=policy",
		"--encryption=none",
		"--metrics=9120",
		"--cluster=west=/w",
		"--cluster",
		"e-1=/x=y",
		"--cluster-name=home",
		NULL,
	};
	struct wd_config config;
	char *error;

	wd_expect_int(0, parse(&config, word, &error));
	wd_expect_str("n1", config.node);
	wd_expect_int(2, (long long)config.manifests_cnt);
	wd_expect_str("/a", config.manifests[0]);
	wd_expect_str("/b", config.manifests[1]);
	wd_expect_str("/s", config.state_dir);
	wd_expect_str("/p", config.bpffs);
	wd_expect(config.check);
	wd_expect(config.verbose);
	wd_expect_int(500, config.cni_wait_ms);
	wd_expect_int(WD_MODE_AUDIT, config.mode);
	wd_expect(config.host_ingress_policy);
	wd_expect_str("9120", config.metrics);
	wd_expect_int(2, (long long)config.cluster_cnt);
	wd_expect_str("west", config.cluster[0].name);
	wd_expect_str("/w", config.cluster[0].file);
	wd_expect_str("e-1", config.cluster[1].name);
	wd_expect_str("/x=y", config.cluster[1].file);
	wd_expect_str("home", config.cluster_name);
	wd_config_fini(&config);
}

static void every_key_of_the_file_is_taken(void)
{
	struct wd_config config;
	char *error;

	wd_expect_int(
		0,
		parse_file(&config,
			   "# settings\n"
			   "node: n2\n"
			   "manifests:\n- /a\n- /b\n"
			   "state-dir: /s\nrun-dir: /r\nbpffs: /p\n"
			   "max-rung: nft\nhold: allow\nhost-ingress: policy\n"
			   "beside-cilium: allow\n"
			   "mode: off\nencryption: required\n"
			   "encryption-nodes: required\n"
			   "encryption-new-devices: open\n"
			   "encryption-exempt:\n- a\n- b\n"
			   "encryption-prefix: 10.0.0.0/8\n"
			   "tunnel-port: [1, 65535]\n"
			   "quota-rules: 1\nquota-cidrs: 0\n"
			   "quota-labels: 4294967295\n"
			   "quota-services: 7\nquota-backends: 8\n"
			   "quota-port-numbers: 9\n"
			   "cni-wait: 1m\nverbose: true\n"
			   "metrics: unix:/run/m.sock\n"
			   "slo-p99: 0\nslo-p50: 25\nslo-more: 300\n"
			   "slo-window: 5m\nslo-least: 60\nslo-times: 4\n"
			   "slo-action: audit\n"
			   "cluster: [a=/a, b=/b]\ncluster-name: c\n",
			   &error));
	wd_expect_str("n2", config.node);
	wd_expect_int(2, (long long)config.manifests_cnt);
	wd_expect_str("/b", config.manifests[1]);
	wd_expect_str("/r", config.run_dir);
	wd_expect_int(WD_MODE_OFF, config.mode);
	wd_expect_int(WD_RUNG_NFT, config.max_rung);
	wd_expect(config.hold_open);
	wd_expect(config.beside_cilium);
	wd_expect(config.encryption_required);
	wd_expect(config.encryption_nodes);
	wd_expect(config.new_devices_open);
	wd_expect_int(2, (long long)config.exempt_cnt);
	wd_expect_str("b", config.exempt[1]);
	wd_expect_int(1, (long long)config.prefix_cnt);
	wd_expect_int(8, config.prefix[0].len);
	wd_expect_int(2, (long long)config.tunnel_port_cnt);
	wd_expect_int(65535, config.tunnel_port[1]);
	wd_expect_int(1, config.quota[WD_QUOTA_RULES]);
	wd_expect_int(0, config.quota[WD_QUOTA_CIDRS]);
	wd_expect_int(UINT32_MAX, config.quota[WD_QUOTA_LABELS]);
	wd_expect_int(7, config.quota[WD_QUOTA_SERVICES]);
	wd_expect_int(8, config.quota[WD_QUOTA_BACKENDS]);
	wd_expect_int(9, config.quota[WD_QUOTA_NUMBERS]);
	wd_expect_int(60000, config.cni_wait_ms);
	wd_expect_str("unix:/run/m.sock", config.metrics);
	wd_expect_int(0, config.slo.p99);
	wd_expect_int(25, config.slo.p50);
	wd_expect_int(300, config.slo.more_us);
	wd_expect_int(300000, config.slo.window_ms);
	wd_expect_int(60, config.slo.least);
	wd_expect_int(4, config.slo.times);
	wd_expect_int(WD_GUARD_AUDIT, config.slo.action);
	wd_expect_int(2, (long long)config.cluster_cnt);
	wd_expect_str("b", config.cluster[1].name);
	wd_expect_str("c", config.cluster_name);
	wd_expect(config.verbose);
	wd_config_fini(&config);
}

static void an_empty_file_changes_nothing(void)
{
	static const char *const texts[] = { "", "# nothing\n", "---\n" };
	struct wd_config config;
	char *error;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		wd_test_row(texts[i]);
		wd_expect_int(0, parse_file(&config, texts[i], &error));
		wd_expect_str(WD_BPFFS_DEFAULT, config.bpffs);
		free(error);
		wd_config_fini(&config);
	}
}

static void options_beat_the_file_and_replace_its_directories(void)
{
	char *name =
		file_make("node: file\nmanifests: [/a, /b]\nmode: audit\n");
	const char *const word[] = { "--node=cmd", "--manifests", "/c",
				     "--config",   name,	  NULL };
	struct wd_config config;
	char *error;

	wd_expect_int(0, parse(&config, word, &error));
	wd_expect_str("cmd", config.node);
	wd_expect_int(1, (long long)config.manifests_cnt);
	wd_expect_str("/c", config.manifests[0]);
	wd_expect_int(WD_MODE_AUDIT, config.mode);
	wd_config_fini(&config);
	file_remove(name);
}

struct refused {
	const char *text;
	const char *error;
};

static void expect_refused(const struct refused *rows, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++) {
		struct wd_config config;
		char *error;

		wd_test_row(rows[i].text);
		wd_expect(parse_file(&config, rows[i].text, &error) < 0);
		wd_expect_str(rows[i].error, error);
		free(error);
		wd_config_fini(&config);
	}
}

static void numbers_out_of_range_are_refused_with_their_line(void)
{
	static const struct refused rows[] = {
		{ "tunnel-port: 0\n",
		  ":1: tunnel-port: '0' is not a port from 1 to 65535" },
		{ "tunnel-port: 65536\n",
		  ":1: tunnel-port: '65536' is not a port from 1 to 65535" },
		{ "tunnel-port: vxlan\n",
		  ":1: tunnel-port: 'vxlan' is not a number up to 4294967295" },
		{ "tunnel-port: [1, 2, 3, 4, 5]\n",
		  ":1: tunnel-port: '5' is one too many: no more than 4 are "
		  "told of, beside the customary ones" },
		{ "quota-rules: -1\n",
		  ":1: quota-rules: '-1' is not a number up to 4294967295" },
		{ "quota-cidrs: 4294967296\n",
		  ":1: quota-cidrs: '4294967296' is not a number up to 4294967295" },
		{ "quota-labels: 1k\n",
		  ":1: quota-labels: '1k' is not a number up to 4294967295" },
	};

	expect_refused(rows, sizeof(rows) / sizeof(rows[0]));
}

static void wrong_files_are_refused_with_their_line(void)
{
	static const struct refused rows[] = {
		{ "node: a\nnodes: b\n",
		  ":2: nodes: unknown key; see `warder help agent`" },
		{ "node: a\n\nnode: b\n", ":3: node: is given twice" },
		{ "mode: enforced\n",
		  ":1: mode: 'enforced' is not one of enforce, audit, off" },
		{ "mode: [audit]\n", ":1: mode: must be a single value" },
		{ "manifests:\n- /a\n- [b]\n",
		  ":3: manifests: must be a single value" },
		{ "manifests: {a: b}\n",
		  ":1: manifests: must be a single value" },
		{ "- node\n", ":1: must be a mapping of keys to values" },
		{ "node\n", ":1: must be a mapping of keys to values" },
		{ "node:\n", ":1: node: must not be empty" },
		{ "cni-wait: 2 h\n",
		  ":1: cni-wait: '2 h' is not a time up to 10m, as in 500ms, "
		  "2s or 2" },
		{ "cni-wait: 11m\n",
		  ":1: cni-wait: '11m' is not a time up to 10m, as in 500ms, "
		  "2s or 2" },
		{ "verbose: yes\n", ":1: verbose: 'yes' is not true or false" },
		{ "encryption: some\n",
		  ":1: encryption: 'some' is not one of none, required" },
		{ "encryption-new-devices: yes\n",
		  ":1: encryption-new-devices: 'yes' is not one of closed, open" },
		{ "encryption-nodes: yes\n",
		  ":1: encryption-nodes: 'yes' is not one of none, required" },
		{ "encryption-exempt: ''\n",
		  ":1: encryption-exempt: must not be empty" },
		{ "encryption-prefix: 10.0.0.0\n",
		  ":1: encryption-prefix: '10.0.0.0' is not a prefix, as in "
		  "10.0.0.0/8 or fd00::/48" },
		{ "encryption-prefix: 0.0.0.0/0\n",
		  ":1: encryption-prefix: '0.0.0.0/0' is not a prefix, as in "
		  "10.0.0.0/8 or fd00::/48" },
		{ "max-rung: best\n",
		  ":1: max-rung: 'best' is not one of full, compat, minimal, "
		  "nft, hold" },
		{ "metrics: localhost:9120\n",
		  ":1: metrics: 'localhost:9120' is not none, unix:/PATH, "
		  "ADDRESS:PORT or PORT" },
		{ "slo-action: off\n",
		  ":1: slo-action: 'off' is not one of alarm, audit" },
		{ "slo-window: long\n",
		  ":1: slo-window: 'long' is not a time, as in 60s or 5m" },
		{ "slo-least: -1\n", ":1: slo-least: '-1' is no whole number" },
		{ "report-events: some\n",
		  ":1: report-events: 'some' is not one of none, policies, "
		  "drops, all" },
		{ "report-every: 500ms\n",
		  ":1: report-every: '500ms' is not a time from 1s to 1h, as in "
		  "30s or 2m" },
		{ "hold: open\n",
		  ":1: hold: 'open' is not one of drop, allow" },
		{ "beside-cilium: true\n",
		  ":1: beside-cilium: 'true' is not one of refuse, allow" },
		{ "check: true\n",
		  ":1: check: unknown key; see `warder help agent`" },
		{ "[a, b]: c\n", ":1: a key must be a plain word" },
		{ "node: a\n---\nnode: b\n",
		  ":3: a second document; settings are one" },
		{ "node: \"a\\0b\"\n", ":1: node: must be a single value" },
	};

	expect_refused(rows, sizeof(rows) / sizeof(rows[0]));
}

static void reports_want_a_server(void)
{
	const char *const none[] = { "--report-node", NULL };
	const char *const one[] = { "--report-node",
				    "--in-cluster",
				    "--report-every",
				    "2m",
				    "--report-events",
				    "all",
				    NULL };
	struct wd_config config;
	char *error;

	wd_expect(parse(&config, none, &error) < 0);
	wd_expect_str(
		"report-node, report-events: to whom? kubeconfig or in-cluster name "
		"the API server",
		error);
	free(error);
	wd_config_fini(&config);

	wd_expect_int(0, parse(&config, one, &error));
	wd_expect(config.report_node);
	wd_expect_str("all", wd_report_events_name(config.report_events));
	wd_expect_int(120000, config.report_every_ms);
	wd_config_fini(&config);
}

static void broken_yaml_is_refused_with_its_line(void)
{
	struct wd_config config;
	char *error;

	wd_expect(parse_file(&config, "node: a\nmode: [audit\nbpffs: /x\n",
			     &error) < 0);
	wd_expect(error &&
		  (!strncmp(error, ":2: ", 4) || !strncmp(error, ":3: ", 4)));
	free(error);
	wd_config_fini(&config);
}

static void wrong_options_are_refused(void)
{
	static const struct {
		const char *word[3];
		const char *error;
	} rows[] = {
		{ { "--cluster=west" },
		  "--cluster: '=west' is not NAME=FILE: NAME up to 32 of a-z, "
		  "0-9 and -, FILE the whole path of a kubeconfig" },
		{ { "--cluster=We/st=/w" },
		  "--cluster: 'We/st=/w' is not NAME=FILE: NAME up to 32 of "
		  "a-z, 0-9 and -, FILE the whole path of a kubeconfig" },
		{ { "--cluster=w=k" },
		  "--cluster: 'w=k' is not NAME=FILE: NAME up to 32 of a-z, "
		  "0-9 and -, FILE the whole path of a kubeconfig" },
		{ { "--cluster=a=/a", "--cluster=a=/b" },
		  "--cluster: 'a' is named twice" },
		{ { "--cluster=default=/a" },
		  "cluster: 'default' is this cluster's own name; give either "
		  "another one (cluster-name)" },
		{ { "--cluster-name=-a" },
		  "--cluster-name: '-a' is no name of a cluster: up to 32 of "
		  "a-z, 0-9 and -, which neither begins nor ends it" },
		{ { "--nodes=a" }, "--nodes=a: unknown or ambiguous option" },
		{ { "-x" }, "-x: unknown option" },
		{ { "--node" }, "--node: needs a value: NAME" },
		{ { "--check=1" }, "--check: takes no value" },
		{ { "--node=" }, "--node: must not be empty" },
		{ { "--max-rung", "top" },
		  "--max-rung: 'top' is not one of full, compat, minimal, nft, "
		  "hold" },
		{ { "--host-ingress=deny" },
		  "--host-ingress: 'deny' is not one of allow, policy" },
		{ { "extra" }, "'extra': the agent takes options only" },
		{ { "--config", "/nonexistent/warder.yaml" },
		  "/nonexistent/warder.yaml: No such file or directory" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct wd_config config;
		char *error;

		wd_test_row(rows[i].word[0]);
		wd_expect(parse(&config, rows[i].word, &error) < 0);
		wd_expect_str(rows[i].error, error);
		free(error);
		wd_config_fini(&config);
	}
}

static void slo_settings_mean_something_together(void)
{
	static const char *const files[] = {
		"slo-p99: 0\n",	   "slo-p99: 5\n",   "slo-window: 500ms\n",
		"slo-least: 49\n", "slo-times: 0\n",
	};
	struct wd_config config;
	char *error;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *name = file_make(files[i]);
		const char *const word[] = { "--config", name, NULL };

		wd_test_row(files[i]);
		wd_expect(parse(&config, word, &error) < 0);
		wd_expect(error && strstr(error, "slo-p99, -p50"));
		free(error);
		wd_config_fini(&config);
		file_remove(name);
	}
	wd_test_row(NULL);
}

static void too_many_directories_are_refused(void)
{
	char text[64 * 16] = "manifests:\n";
	struct wd_config config;
	size_t len = strlen(text);
	char *error;

	for (int i = 0; i <= WD_MANIFEST_DIRS_MAX; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
					"- /d%d\n", i);
	wd_expect(parse_file(&config, text, &error) < 0);
	wd_expect_str(":34: manifests: more than 32 directories", error);
	free(error);
	wd_config_fini(&config);
}

int main(void)
{
	WD_TEST(defaults_are_the_documented_ones);
	WD_TEST(run_dir_comes_from_the_environment);
	WD_TEST(every_option_is_taken);
	WD_TEST(every_key_of_the_file_is_taken);
	WD_TEST(an_empty_file_changes_nothing);
	WD_TEST(options_beat_the_file_and_replace_its_directories);
	WD_TEST(numbers_out_of_range_are_refused_with_their_line);
	WD_TEST(wrong_files_are_refused_with_their_line);
	WD_TEST(reports_want_a_server);
	WD_TEST(broken_yaml_is_refused_with_its_line);
	WD_TEST(wrong_options_are_refused);
	WD_TEST(slo_settings_mean_something_together);
	WD_TEST(too_many_directories_are_refused);
	return wd_tests_end();
}
