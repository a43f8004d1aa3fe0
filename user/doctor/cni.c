/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni.c - is the plugin in the chain that the runtime takes. A runtime takes the
 * first configuration by name; what stands in the others does not count.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "base/json.h"
#include "base/opt.h"
#include "cni/cni_chain.h"
#include "cni/cni_conf.h"
#include "doctor.h"

#define CHECK "cni"
#define PLUGIN WD_CNI_PLUGIN

/* Place of the plugin in the chain, -1 if it is not there. */
static int find_plugin(struct json_object *conf)
{
	for (size_t i = 0; i < wd_json_len(conf, "plugins"); i++)
		if (!strcmp(wd_json_get_str(wd_json_at(conf, "plugins", i),
					    "type"),
			    PLUGIN))
			return (int)i;
	return -1;
}

static bool speaks(const char *version)
{
	for (size_t i = 0; wd_cni_versions[i]; i++)
		if (!strcmp(wd_cni_versions[i], version))
			return true;
	return false;
}

static void check_place(struct wd_doctor *doctor, const char *path,
			struct json_object *conf, int at)
{
	int last = (int)wd_json_len(conf, "plugins") - 1;
	const char *next = at < last ?
				   wd_json_get_str(wd_json_at(conf, "plugins",
							      (size_t)at + 1),
						   "type") :
				   "";

	if (at == 0)
		wd_doctor_find(
			doctor, CHECK, path,
			"put the plugin that makes the interface before it",
			PLUGIN " comes first, and has no interface to guard");
	else if (at < last)
		wd_doctor_find(doctor, CHECK, path,
			       "`warder cni install`, which moves " PLUGIN
			       " to the end",
			       "'%s' comes after " PLUGIN
			       ": what it does to the pod is not seen by ADD",
			       next);
}

static void check_keys(struct wd_doctor *doctor, const char *path,
		       struct json_object *conf, struct json_object *plugin,
		       const char *run_dir)
{
	const char *version = wd_json_get_str(conf, "cniVersion");
	const char *named = wd_json_get_str(plugin, "runDir");

	if (!speaks(version))
		wd_doctor_find(doctor, CHECK, path,
			       "set cniVersion to 1.0.0 or 1.1.0",
			       PLUGIN " does not speak version '%s'", version);
	if (strcmp(*named ? named : WD_RUN_DIR_DEFAULT, run_dir) != 0)
		wd_doctor_find(
			doctor, CHECK, path,
			"set runDir of " PLUGIN " to the agent's --run-dir",
			PLUGIN
			" asks an agent in '%s', and this one is in '%s'",
			*named ? named : WD_RUN_DIR_DEFAULT, run_dir);
}

/* @later: the chain stands in a file that does not count. */
static void check_chain(struct wd_doctor *doctor, const char *path,
			struct json_object *conf, const char *later,
			const char *run_dir)
{
	int at = find_plugin(conf);

	if (at < 0) {
		wd_doctor_find(
			doctor, CHECK, path,
			later ? "give the file that has it the lowest name, or remove the other" :
				"`warder cni install`, which adds {\"type\": \"" PLUGIN
				"\"} at the end of its plugins; a .conf of one plugin has to become a .conflist first",
			"the runtime takes this file, which has no " PLUGIN
			"%s%s: pods start unguarded, until they are found",
			later ? "; it is in " : "", later ?: "");
		return;
	}
	if (!wd_cni_chain_is_list(path))
		wd_doctor_find(
			doctor, CHECK, path,
			"give it a name that ends in .conflist",
			"it has a list of plugins, and by its name runtimes take it for one plugin");
	check_place(doctor, path, conf, at);
	check_keys(doctor, path, conf, wd_json_at(conf, "plugins", (size_t)at),
		   run_dir);
}

static void check_binary(struct wd_doctor *doctor, const char *bin_dirs)
{
	char *dirs = strdup(bin_dirs), *rest = dirs, *dir, *path = NULL;
	bool found = false;

	while (!found && (dir = strsep(&rest, ":"))) {
		wd_format(&path, "%s%s/" PLUGIN, doctor->root, dir);
		found = path && !access(path, X_OK);
		free(path);
	}
	free(dirs);
	if (!found)
		wd_doctor_find(doctor, CHECK, PLUGIN,
			       "`warder cni install`, or link it there",
			       "is in none of %s, where runtimes look for it",
			       bin_dirs);
}

static struct json_object *read_conf(const struct wd_doctor *doctor,
				     const char *dir, const char *name,
				     char **ret_path)
{
	struct json_object *conf;
	char *whole = NULL;

	wd_format(ret_path, "%s/%s", dir, name);
	wd_format(&whole, "%s%s", doctor->root, *ret_path);
	conf = whole ? json_object_from_file(whole) : NULL;
	free(whole);
	return conf;
}

/* The first file after the one that counts which has the plugin; to be freed. */
static char *find_later(const struct wd_doctor *doctor, const char *dir,
			struct dirent **entry, int cnt)
{
	char *path = NULL;

	for (int i = 1; i < cnt; i++) {
		struct json_object *conf =
			read_conf(doctor, dir, entry[i]->d_name, &path);
		int at = find_plugin(conf);

		json_object_put(conf);
		if (at >= 0)
			return path;
		free(path);
	}
	return NULL;
}

static void check_files(struct wd_doctor *doctor, const char *dir,
			struct dirent **entry, int cnt, const char *run_dir)
{
	char *path = NULL, *later = find_later(doctor, dir, entry, cnt);
	struct json_object *conf =
		read_conf(doctor, dir, entry[0]->d_name, &path);

	if (conf)
		check_chain(doctor, path, conf, later, run_dir);
	else
		wd_doctor_find(doctor, CHECK, path, "correct or remove it",
			       "is no JSON, and the runtime takes this file");
	json_object_put(conf);
	free(path);
	free(later);
}

void wd_doctor_cni(struct wd_doctor *doctor, const char *conf_dir,
		   const char *bin_dirs, const char *run_dir)
{
	struct dirent **entry = NULL;
	char *dir = NULL;
	int cnt;

	wd_format(&dir, "%s%s", doctor->root, conf_dir);
	cnt = dir ? wd_cni_chain_files(dir, &entry) : -1;
	free(dir);
	if (cnt > 0) {
		check_files(doctor, conf_dir, entry, cnt, run_dir);
		check_binary(doctor, bin_dirs);
	} else {
		wd_doctor_skip(
			doctor, CHECK,
			"no configuration in %s; --cni-conf names another directory",
			conf_dir);
	}
	for (int i = 0; i < cnt; i++)
		free(entry[i]);
	free(entry);
}
