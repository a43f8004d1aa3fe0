/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni.c - `warder cni install`, `check` and `uninstall`: the plugin in the
 * directories of the runtime. Asks no agent, and needs none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "../cni/cni_chain.h"
#include "../doctor/doctor.h"
#include "cmd.h"

#define SELF "/proc/self/exe"

static const char *conf_of(const struct wd_args *args)
{
	return wd_args_get(args, "cni-conf") ?: WD_CNI_CONF_DIR;
}

/* The first of @dirs that is there, else the first; to be freed. */
static char *bin_of(const struct wd_args *args)
{
	char *dirs = strdup(wd_args_get(args, "cni-bin") ?: WD_CNI_BIN_DIRS);
	char *rest = dirs, *dir, *found = NULL;
	struct stat st;

	while (!found && (dir = strsep(&rest, ":")))
		if (!stat(dir, &st) && S_ISDIR(st.st_mode))
			found = strdup(dir);
	if (!found && dirs)
		found = strdup(dirs);
	free(dirs);
	return found;
}

static int install_plugin(const struct wd_args *args, struct json_object *doc)
{
	const char *from = wd_args_get(args, "plugin") ?: SELF;
	char *dir = bin_of(args), *why = NULL;
	int did = dir ? wd_cni_plugin_put(from, dir, &why) : -ENOMEM;

	wd_json_str(doc, "bin", dir ?: "");
	wd_json_bool(doc, "copied", did > 0);
	if (did < 0)
		wd_cmd_fail(args, WD_EXIT_NO, dir ?: "", "%s",
			    why ?: wd_errno(did));
	free(dir);
	free(why);
	return did < 0 ? WD_EXIT_NO : WD_EXIT_OK;
}

/* The chain names the program: that has to be there first. */
static int install_chain(const struct wd_args *args, struct json_object *doc)
{
	const char *dir = conf_of(args);
	char *path = NULL, *why = NULL;
	int did = wd_cni_chain_add(dir, args->run_dir, &path, &why);
	int code = did < 0 ? WD_EXIT_NO : WD_EXIT_OK;

	if (did == -ENOENT && wd_args_has(args, "later"))
		code = WD_EXIT_OK;
	else if (did == -ENOENT)
		wd_cmd_fail(
			args, WD_EXIT_NO, dir,
			"no configuration here yet: install the primary plugin first, or say --later and let the agent add it (--cni-conf)");
	else if (did == -EAGAIN)
		wd_cmd_fail(args, WD_EXIT_NO, path ?: dir,
			    "somebody else writes it all the time; try again");
	else if (did < 0)
		wd_cmd_fail(args, WD_EXIT_NO, path ?: dir, "%s",
			    why ?: wd_errno(did));
	wd_json_str(doc, "conf", path);
	wd_json_bool(doc, "changed", did > 0);
	free(path);
	free(why);
	return code;
}

static void print_installed(struct json_object *doc)
{
	const char *conf = wd_json_get_str(doc, "conf");

	wd_print(stdout, "%s/" WD_CNI_PLUGIN " %s\n",
		 wd_json_get_str(doc, "bin"),
		 wd_json_get_bool(doc, "copied") ? "written" :
						   "was there already");
	if (!*conf)
		puts("no configuration yet");
	else
		wd_print(stdout, "%s %s\n", conf,
			 wd_json_get_bool(doc, "changed") ?
				 "has it at its end now" :
				 "had it at its end already");
}

static int cmd_cni_install(const struct wd_args *args)
{
	struct json_object *doc = json_object_new_object();
	int code = install_plugin(args, doc);

	if (code == WD_EXIT_OK)
		code = install_chain(args, doc);
	if (code == WD_EXIT_OK && args->json)
		wd_cmd_json(doc);
	else if (code == WD_EXIT_OK)
		print_installed(doc);
	json_object_put(doc);
	return code;
}

static int cmd_cni_check(const struct wd_args *args)
{
	struct wd_doctor doctor;
	size_t cnt;

	wd_doctor_init(&doctor, "");
	wd_doctor_cni(&doctor, conf_of(args),
		      wd_args_get(args, "cni-bin") ?: WD_CNI_BIN_DIRS,
		      args->run_dir);
	cnt = json_object_array_length(doctor.findings) +
	      json_object_array_length(doctor.skipped);
	wd_show_findings(args, &doctor);
	wd_doctor_fini(&doctor);
	return cnt ? WD_EXIT_NO : WD_EXIT_OK;
}

/* Return: how many programs were removed, or -errno of the first failure. */
static int remove_plugins(const struct wd_args *args, const char **ret_where,
			  char **ret_dirs)
{
	char *dirs = strdup(wd_args_get(args, "cni-bin") ?: WD_CNI_BIN_DIRS);
	char *rest = dirs, *dir;
	int cnt = 0, first = 0;

	*ret_dirs = dirs;
	if (!dirs)
		return -ENOMEM;
	while ((dir = strsep(&rest, ":"))) {
		int err = wd_cni_plugin_remove(dir);

		if (err > 0)
			cnt++;
		if (err < 0 && !first) {
			first = err;
			*ret_where = dir;
		}
	}
	return first ?: cnt;
}

/* First the chains: what they name must be there as long as they do. */
static int cmd_cni_uninstall(const struct wd_args *args)
{
	const char *where = "";
	char *why = NULL, *dirs = NULL;
	int files = wd_cni_chain_remove(conf_of(args), &why), programs = 0;
	int code = WD_EXIT_OK;

	if (files >= 0)
		programs = remove_plugins(args, &where, &dirs);
	if (files < 0) {
		code = wd_cmd_fail(args, WD_EXIT_NO, conf_of(args), "%s",
				   why ?: wd_errno(files));
	} else if (programs < 0) {
		code = wd_cmd_fail(args, WD_EXIT_NO, where,
				   WD_CNI_PLUGIN " cannot be removed: %s",
				   wd_errno(programs));
	} else if (args->json) {
		struct json_object *doc = json_object_new_object();

		wd_json_int(doc, "chains", files);
		wd_json_int(doc, "programs", programs);
		wd_cmd_json(doc);
		json_object_put(doc);
	} else {
		printf("removed from %d chains, %d programs removed\n", files,
		       programs);
	}
	free(why);
	free(dirs);
	return code;
}

#define OPT_CONF \
	{ .name = "cni-conf", \
	  .arg = "DIR", \
	  .help = "where the runtime reads CNI configurations\n(default " WD_CNI_CONF_DIR \
		  ")" }

static const struct wd_opt install_opts[] = {
	OPT_CONF,
	{ .name = "cni-bin",
	  .arg = "DIRS",
	  .help = "where to put the plugin: the first that is there, ':' between\n"
		  "(default " WD_CNI_BIN_DIRS ")" },
	{ .name = "plugin",
	  .arg = "FILE",
	  .help = "the plugin's program (default: this program itself)" },
	{ .name = "later",
	  .help = "it is no failure that there is no configuration yet" },
	{},
};

static const struct wd_opt other_opts[] = {
	OPT_CONF,
	{ .name = "cni-bin",
	  .arg = "DIRS",
	  .help = "where it looks for plugins, ':' between (default\n" WD_CNI_BIN_DIRS
		  ")" },
	{},
};

const struct wd_cmd wd_cmd_cni_install = {
	.object = "cni",
	.verb = "install",
	.summary = "the plugin into the chain that the runtime takes",
	.text = "Copies warder-cni to the other plugins, then puts it at the end of the chain in\n"
		"the first configuration by name. Both files are replaced whole, by a rename;\n"
		"what somebody else writes to the chain meanwhile is not lost. An agent with\n"
		"--cni-conf puts it back when the chain is written anew. From now on pods start\n"
		"only where an agent answers.",
	.opts = install_opts,
	.fn = cmd_cni_install,
};

const struct wd_cmd wd_cmd_cni_check = {
	.object = "cni",
	.verb = "check",
	.summary =
		"is the plugin at the end of the chain that the runtime takes",
	.text = "What `warder doctor` says of the chain, alone. Exits with 1 if anything is\n"
		"found, or there is no chain.",
	.opts = other_opts,
	.fn = cmd_cni_check,
};

const struct wd_cmd wd_cmd_cni_uninstall = {
	.object = "cni",
	.verb = "uninstall",
	.summary = "the plugin out of every chain, and its program",
	.text = "Takes it out of each configuration in the directory, then removes the copied\n"
		"program; a link of that name stays. Nothing else of the chains changes. An agent\n"
		"with --cni-conf would put it back: end that first.",
	.opts = other_opts,
	.fn = cmd_cni_uninstall,
};
