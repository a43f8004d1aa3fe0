/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bugreport.c - `warder bugreport`: all that is needed to find out why a kernel
 * refuses the programs, on one page, with or without an agent; into a FILE also
 * what the other commands say, see archive.h.
 *
 * What goes in is listed here, one by one: facts of the kernel, of this binary
 * and of the ladder. No manifest, no label, no key, no environment, and of the
 * kernel's command line nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../base/version.h"
#include "../datapath/ladder.h"
#include "archive.h"
#include "cmd.h"

#include <warder/maps.h>

#define FILE_MOST \
	(4U << 20) /* bytes of one file that are taken, from its end */
#define PIECE 16384U
#define LINE_MOST 256

/* What decides over programs, links, filters and rulesets. */
static const char *const config_words[] = {
	"CONFIG_BPF",
	"CONFIG_CGROUP_BPF",
	"CONFIG_NET_CLS",
	"CONFIG_NET_SCH_INGRESS",
	"CONFIG_NET_ACT_BPF",
	"CONFIG_NET_XGRESS",
	"CONFIG_DEBUG_INFO_BTF",
	"CONFIG_NF_TABLES",
	"CONFIG_NFT_",
	"CONFIG_NF_CONNTRACK",
	"CONFIG_SECURITY_LOCK",
	"CONFIG_LSM",
	"CONFIG_VETH",
	"CONFIG_WIREGUARD",
	"CONFIG_HAVE_EBPF_JIT",
	"CONFIG_PREEMPT",
	"CONFIG_HZ",
	"CONFIG_KALLSYMS",
};

static const char *const facts[] = {
	"/proc/version",
	"/proc/sys/kernel/random/boot_id",
	"/proc/sys/net/core/bpf_jit_enable",
	"/proc/sys/net/core/bpf_jit_harden",
	"/proc/sys/net/core/bpf_jit_limit",
	"/proc/sys/net/core/bpf_jit_kallsyms",
	"/proc/sys/kernel/unprivileged_bpf_disabled",
	"/sys/kernel/security/lockdown",
	"/sys/kernel/security/lsm",
	"/proc/sys/net/ipv6/conf/all/disable_ipv6",
	"/proc/sys/net/bridge/bridge-nf-call-iptables",
};

static const char *const modules[] = { "veth",	       "sch_ingress",
				       "cls_bpf",      "bridge",
				       "nf_tables",    "nft_ct",
				       "nf_conntrack", "nf_conntrack_bridge",
				       "wireguard" };

/* ---- pieces ---- */

static bool is_of_config(const char *line)
{
	for (size_t i = 0; i < sizeof(config_words) / sizeof(*config_words);
	     i++)
		if (!strncmp(line, config_words[i], strlen(config_words[i])))
			return true;
	return false;
}

/* zlib reads files that are not compressed as they are. */
static bool put_config_of(struct json_object *doc, const char *path)
{
	struct json_object *array;
	char line[LINE_MOST];
	gzFile file = gzopen(path, "re");

	if (!file)
		return false;
	wd_json_str(doc, "config_from", path);
	array = wd_json_array(doc, "config");
	while (gzgets(file, line, sizeof(line))) {
		line[strcspn(line, "\n")] = '\0';
		if (is_of_config(line))
			wd_json_push_str(array, line);
	}
	gzclose(file);
	return true;
}

static void put_config(struct json_object *doc, const char *release)
{
	char *path = NULL;

	if (put_config_of(doc, "/proc/config.gz"))
		return;
	wd_format(&path, "/boot/config-%s", release);
	if (!put_config_of(doc, path))
		wd_json_str(doc, "config_from", NULL);
	free(path);
}

/* The end of a file, "" if it is empty, NULL if it cannot be read; freed by the caller. */
static char *read_end(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(FILE_MOST + 1);
	struct stat st;
	size_t len = 0;
	ssize_t got;

	if (text && !fstat(fd, &st) && st.st_size > FILE_MOST)
		(void)lseek(fd, -(off_t)FILE_MOST, SEEK_END);
	while (text && len < FILE_MOST) {
		/* /proc/sys refuses to fill large pieces */
		got = read(fd, text + len,
			   FILE_MOST - len < PIECE ? FILE_MOST - len : PIECE);
		if (got <= 0)
			break;
		len += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (text)
		text[len] = '\0';
	return text;
}

static void put_facts(struct json_object *doc)
{
	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++) {
		char *text = read_end(facts[i]);

		if (text)
			text[strcspn(text, "\n")] = '\0';
		wd_json_str(doc, facts[i], text);
		free(text);
	}
}

static void put_kernel(struct json_object *doc)
{
	struct json_object *kernel = wd_json_object(doc, "kernel"), *array;
	struct utsname uts = { 0 };
	struct stat st;

	(void)uname(&uts);
	wd_json_str(kernel, "release", uts.release);
	wd_json_str(kernel, "machine", uts.machine);
	wd_json_int(kernel, "cpus", sysconf(_SC_NPROCESSORS_ONLN));
	wd_json_int(kernel, "page_bytes", sysconf(_SC_PAGESIZE));
	wd_json_bool(kernel, "btf", !access("/sys/kernel/btf/vmlinux", F_OK));
	if (!stat("/sys/kernel/btf/vmlinux", &st))
		wd_json_int(kernel, "btf_bytes", st.st_size);
	array = wd_json_array(kernel, "modules");
	for (size_t i = 0; i < sizeof(modules) / sizeof(*modules); i++) {
		char *path = NULL;

		wd_format(&path, "/sys/module/%s", modules[i]);
		if (!access(path, F_OK))
			wd_json_push_str(array, modules[i]);
		free(path);
	}
	put_facts(wd_json_object(kernel, "facts"));
	put_config(kernel, uts.release);
}

#define OBJECT_(object, rung, in, out) #object,
#define WIRE_(object, rung, wire_out, wire_in, tun_out, tun_in) #object,
static void put_objects(struct json_object *doc)
{
	static const char *const names[] = {
		WD_RUNG_PROGS(OBJECT_) WD_WIRE_PROGS(WIRE_) "wd_late", "wd_host"
	};
	struct json_object *objects = wd_json_object(doc, "objects");
	char hash[17];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(hash, sizeof(hash), "%016llx",
			       (unsigned long long)wd_ladder_hash(names[i]));
		wd_json_str(objects, names[i], hash);
	}
}
#undef OBJECT_
#undef WIRE_

static void put_logs(struct json_object *doc, const char *state_dir)
{
	struct json_object *logs = wd_json_object(doc, "logs");
	DIR *dir = opendir(state_dir);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);
		char *path = NULL, *text;

		if (strncmp(entry->d_name, "load-", 5) != 0 || len < 9 ||
		    strcmp(entry->d_name + len - 4, ".log") != 0)
			continue;
		wd_format(&path, "%s/%s", state_dir, entry->d_name);
		text = read_end(path);
		wd_json_str(logs, entry->d_name, text);
		free(text);
		free(path);
	}
	if (dir)
		closedir(dir);
}

/* What the agent says of the ladder; without one, what it last wrote. */
static void put_ladder(const struct wd_args *args, struct json_object *doc,
		       const char *state_dir)
{
	struct json_object *answer = NULL;
	int err = wd_cmd_try(args, wd_cmd_request("ladder.show"),
			     WD_CMD_TIMEOUT_MS, &answer);
	char *path = NULL, *text;

	wd_json_str(doc, "agent", err ? wd_errno(err) : "answers");
	if (!err)
		wd_json_add(doc, "ladder",
			    json_object_get(wd_json_get(answer, "result")));
	json_object_put(answer);
	wd_format(&path, "%s/ladder.json", state_dir);
	text = read_end(path);
	if (text)
		wd_json_add(doc, "ladder_file", json_tokener_parse(text));
	free(text);
	free(path);
}

/* ---- text ---- */

static void print_value(const char *key, struct json_object *value, int depth);

static void print_object(struct json_object *obj, int depth)
{
	json_object_object_foreach(obj, key, value)
		print_value(key, value, depth);
}

static void print_value(const char *key, struct json_object *value, int depth)
{
	if (json_object_is_type(value, json_type_object)) {
		wd_print(stdout, "%*s%s:\n", 2 * depth, "", key);
		print_object(value, depth + 1);
		return;
	}
	if (json_object_is_type(value, json_type_array)) {
		wd_print(stdout, "%*s%s:\n", 2 * depth, "", key);
		for (size_t i = 0; i < json_object_array_length(value); i++)
			print_value("-", json_object_array_get_idx(value, i),
				    depth + 1);
		return;
	}
	wd_print(stdout, "%*s%s%s", 2 * depth, "", key,
		 *key == '-' ? " " : ": ");
	/* a log keeps its lines */
	printf("%s\n", value ? json_object_get_string(value) : "none");
}

static int cmd_bugreport(const struct wd_args *args)
{
	const char *state_dir = wd_args_get(args, "state-dir");
	struct json_object *doc;

	if (!state_dir)
		state_dir = WD_STATE_DIR_DEFAULT;
	if (args->argc)
		return wd_archive(args, args->argv[0], state_dir);
	doc = json_object_new_object();
	wd_json_str(doc, "version", WARDER_VERSION);
	put_kernel(doc);
	put_objects(doc);
	put_ladder(args, doc, state_dir);
	put_logs(doc, state_dir);
	if (args->json)
		wd_cmd_json(doc);
	else
		print_object(doc, 0);
	json_object_put(doc);
	return WD_EXIT_OK;
}

static const struct wd_opt opts[] = {
	{ .name = "state-dir",
	  .arg = "DIR",
	  .help = "of the agent (default " WD_STATE_DIR_DEFAULT ")" },
	{},
};

const struct wd_cmd wd_cmd_bugreport = {
	.object = "bugreport",
	.args = "[FILE]",
	.max = 1,
	.summary = "what is needed to find out what is wrong, without secrets",
	.text = "Kernel release and the parts of its configuration that matter, "
		"whether it has BTF,\nhashes of the objects in this binary, the "
		"ladder with every attempt, and the whole\nlogs of verifier and "
		"libbpf. Works without an agent, too. Holds no secrets: no\n"
		"manifest, no label, no key, nothing of the environment.\n\n"
		"FILE becomes a tar with that and with what doctor, status, ladder, "
		"map, endpoint,\nidentity, policy, service, encryption, wireguard, "
		"slo, cni and metrics say, as text\nand as JSON, and INDEX.txt with "
		"their exit codes. Names of pods and policies, labels\nand addresses "
		"are in it, escaped; no annotation, key or token, and no flow. Only "
		"its\nowner may read it.",
	.opts = opts,
	.fn = cmd_bugreport,
};
