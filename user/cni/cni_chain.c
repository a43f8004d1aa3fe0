/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_chain.c - puts warder-cni into the plugin chain of a node, and takes it
 * out. Changes nothing of the chain but that, and nothing of a chain in which
 * the plugin could not work.
 */
#include "cni_chain.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "cni_conf.h"
#include "cni_swap.h"
#include "cni_text.h"

#define TRIES 8 /* while another writes the same file */
#define TEXT \
	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | \
	 JSON_C_TO_STRING_NOSLASHESCAPE)

static int is_conf(const struct dirent *entry)
{
	return !fnmatch("*.conflist", entry->d_name, FNM_PERIOD) ||
	       !fnmatch("*.conf", entry->d_name, FNM_PERIOD) ||
	       !fnmatch("*.json", entry->d_name, FNM_PERIOD);
}

int wd_cni_chain_files(const char *dir, struct dirent ***ret_entry)
{
	int cnt = scandir(dir, ret_entry, is_conf, alphasort);

	return cnt < 0 ? -errno : cnt;
}

static void free_files(struct dirent **entry, int cnt)
{
	for (int i = 0; i < cnt; i++)
		free(entry[i]);
	free(entry);
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* ---- a chain ---- */

static bool is_ours(struct json_object *plugin)
{
	return !strcmp(wd_json_get_str(plugin, "type"), WD_CNI_PLUGIN);
}

/* The last plugin is ours, behind others, asks this agent, and is the only one. */
static bool is_there(struct json_object *plugins, const char *run_dir)
{
	size_t cnt = json_object_array_length(plugins);
	struct json_object *last =
		cnt ? json_object_array_get_idx(plugins, cnt - 1) : NULL;
	const char *named = wd_json_get_str(last, "runDir");

	if (cnt < 2 || !is_ours(last) ||
	    strcmp(*named ? named : WD_RUN_DIR_DEFAULT, run_dir) != 0)
		return false;
	for (size_t i = 0; i + 1 < cnt; i++)
		if (is_ours(json_object_array_get_idx(plugins, i)))
			return false;
	return true;
}

/* Return: how many there were. */
static int take_out(struct json_object *plugins)
{
	int cnt = 0;

	for (size_t i = json_object_array_length(plugins); i-- > 0;) {
		if (!is_ours(json_object_array_get_idx(plugins, i)))
			continue;
		(void)json_object_array_del_idx(plugins, i, 1);
		cnt++;
	}
	return cnt;
}

static bool speaks(const char *version)
{
	for (size_t i = 0; wd_cni_versions[i]; i++)
		if (!strcmp(wd_cni_versions[i], version))
			return true;
	return false;
}

/* To be freed with json_object_put(). */
static struct json_object *our_item(const char *run_dir)
{
	struct json_object *ours = json_object_new_object();

	wd_json_str(ours, "type", WD_CNI_PLUGIN);
	if (strcmp(run_dir, WD_RUN_DIR_DEFAULT) != 0)
		wd_json_str(ours, "runDir", run_dir);
	return ours;
}

/* Return: 1 changed, 0 nothing to do, -EINVAL with *ret_error. */
static int add_to(struct json_object *conf, const char *run_dir,
		  char **ret_error)
{
	struct json_object *plugins = wd_json_get(conf, "plugins");
	const char *version = wd_json_get_str(conf, "cniVersion");

	if (!json_object_is_type(plugins, json_type_array)) {
		wd_format(
			ret_error,
			"it has no list 'plugins': one plugin alone has to become a .conflist first");
		return -EINVAL;
	}
	if (!speaks(version)) {
		wd_format(
			ret_error,
			WD_CNI_PLUGIN
			" does not speak its cniVersion '%s', 0.3.0 to %s are",
			version, WD_CNI_VERSION_NEWEST);
		return -EINVAL;
	}
	if (is_there(plugins, run_dir))
		return 0;
	(void)take_out(plugins);
	if (!json_object_array_length(plugins)) {
		wd_format(
			ret_error,
			"its list 'plugins' has none that makes an interface");
		return -EINVAL;
	}
	(void)json_object_array_add(plugins, our_item(run_dir));
	return 1;
}

/* Return: 1 changed, 0 nothing to do; never fails. */
static int remove_from(struct json_object *conf, const char *run_dir,
		       char **ret_error)
{
	struct json_object *plugins = wd_json_get(conf, "plugins");

	(void)run_dir;
	(void)ret_error;
	return json_object_is_type(plugins, json_type_array) &&
	       take_out(plugins);
}

/* ---- its file ---- */

typedef int (*edit_fn)(struct json_object *conf, const char *run_dir,
		       char **ret_error);

/* As strict as runtimes are: what they refuse is not made better by us. */
static struct json_object *parse(const char *data, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *conf = NULL;

	while (len && isspace((unsigned char)data[len - 1]))
		len--;
	if (!tok || len > WD_CNI_STDIN_MAX) {
		json_tokener_free(tok);
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	conf = json_tokener_parse_ex(tok, data, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != len ||
	    !json_object_is_type(conf, json_type_object)) {
		json_object_put(conf);
		conf = NULL;
	}
	json_tokener_free(tok);
	return conf;
}

/* A link leads to a file of somebody who may not know of this directory. */
static bool is_link(int dir, const char *name)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       S_ISLNK(st.st_mode);
}

/*
 * The owner's text, changed in place; if that would not say the same as @conf (keys
 * that are written by escapes), all of it anew. NULL: no memory.
 */
static char *text_of(const struct wd_bytes *was, struct json_object *conf,
		     const char *run_dir)
{
	struct json_object *ours = run_dir ? our_item(run_dir) : NULL, *now;
	const char *item = NULL;
	char *text = NULL;
	bool good = false;

	if (ours)
		item = json_object_to_json_string_ext(
			ours, JSON_C_TO_STRING_SPACED |
				      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (!wd_cni_text_edit(was->data, was->len, WD_CNI_PLUGIN, item,
			      &text)) {
		now = parse(text, strlen(text));
		good = now && json_object_equal(now, conf);
		json_object_put(now);
	}
	json_object_put(ours);
	if (good)
		return text;
	free(text);
	text = NULL;
	wd_format(&text, "%s\n", json_object_to_json_string_ext(conf, TEXT));
	return text;
}

static int replace(int dir, const char *name, const struct wd_bytes *was,
		   struct json_object *conf, const char *run_dir)
{
	struct wd_bytes now = { .st = was->st };
	int err;

	now.data = text_of(was, conf, run_dir);
	if (!now.data)
		return -ENOMEM;
	now.len = strlen(now.data);
	err = wd_swap_write(dir, name, was, &now);
	free(now.data);
	return err;
}

static int edit_once(int dir, const char *name, edit_fn edit,
		     const char *run_dir, char **ret_error)
{
	struct json_object *conf;
	struct wd_bytes was = { 0 };
	int err = wd_swap_read(dir, name, &was);

	if (err)
		return err;
	conf = parse(was.data, was.len);
	if (is_link(dir, name)) {
		wd_format(ret_error,
			  "it is a link: change the file it leads to");
		err = -EINVAL;
	} else if (!conf) {
		/* Perhaps its owner has not written all of it yet. */
		wd_format(ret_error, "it is no JSON object");
		err = -EINVAL;
	} else {
		err = edit(conf, run_dir, ret_error);
		if (err > 0)
			err = replace(dir, name, &was, conf, run_dir) ?: 1;
	}
	json_object_put(conf);
	free(was.data);
	return err;
}

/* As edit_fn; -EAGAIN, -ENOENT and -errno of the file. */
static int edit_file(int dir, const char *name, edit_fn edit,
		     const char *run_dir, char **ret_error)
{
	int err = -EAGAIN;

	wd_swap_clean(dir, name);
	for (int i = 0; i < TRIES && err == -EAGAIN; i++)
		err = edit_once(dir, name, edit, run_dir, ret_error);
	if (err < 0 && err != -ENOENT && err != -EAGAIN && !*ret_error)
		wd_format(ret_error, "it cannot be replaced: %s",
			  wd_errno(err));
	return err;
}

bool wd_cni_chain_is_list(const char *name)
{
	return !fnmatch("*.conflist", name, 0);
}

static int add_to_file(int dir, const char *name, const char *run_dir,
		       char **ret_error)
{
	if (wd_cni_chain_is_list(name))
		return edit_file(dir, name, add_to, run_dir, ret_error);
	wd_format(
		ret_error,
		"by its name runtimes take it for one plugin: a .conf has to become a .conflist first");
	return -EINVAL;
}

int wd_cni_chain_add(const char *dir, const char *run_dir, char **ret_path,
		     char **ret_error)
{
	struct dirent **entry = NULL;
	int cnt = wd_cni_chain_files(dir, &entry), err = -ENOENT;
	int fd = open_dir(dir);

	if (fd >= 0 && cnt < 0 && cnt != -ENOENT) {
		wd_format(ret_error, "it cannot be read: %s", wd_errno(cnt));
		err = cnt;
	} else if (fd >= 0 && cnt > 0) {
		wd_format(ret_path, "%s/%s", dir, entry[0]->d_name);
		err = add_to_file(fd, entry[0]->d_name, run_dir, ret_error);
	} else if (fd < 0 && fd != -ENOENT) {
		wd_format(ret_error, "it cannot be opened: %s", wd_errno(fd));
		err = fd;
	}
	if (fd >= 0)
		(void)close(fd);
	free_files(entry, cnt);
	return err;
}

/* What is no JSON has no chain; but it may have our name, and then it is told. */
static int remove_one(int dir, const char *name, char **ret_error)
{
	struct wd_bytes was = { 0 };
	bool named = true;
	int err = 0;

	wd_swap_clean(dir, name);
	if (!wd_swap_read(dir, name, &was))
		named = strstr(was.data, WD_CNI_PLUGIN) != NULL;
	free(was.data);
	if (named)
		err = edit_file(dir, name, remove_from, NULL, ret_error);
	return err == -ENOENT ? 0 : err;
}

int wd_cni_chain_remove(const char *dir, char **ret_error)
{
	struct dirent **entry = NULL;
	int cnt = wd_cni_chain_files(dir, &entry), changed = 0, first = 0;
	int fd = open_dir(dir);

	for (int i = 0; fd >= 0 && i < cnt; i++) {
		char *why = NULL;
		int err = remove_one(fd, entry[i]->d_name, &why);

		if (err > 0)
			changed++;
		if (err < 0 && !first) {
			first = err;
			wd_format(ret_error, "%s/%s: %s", dir, entry[i]->d_name,
				  why ?: wd_errno(err));
		}
		free(why);
	}
	/* Nothing is removed if what names it may be there. */
	if (fd >= 0 && cnt < 0)
		first = cnt;
	else if (fd < 0 && fd != -ENOENT)
		first = fd;
	if (first && !*ret_error)
		wd_format(ret_error, "%s: %s", dir, wd_errno(first));
	if (fd >= 0)
		(void)close(fd);
	free_files(entry, cnt);
	return first ?: changed;
}

/* ---- the program ---- */

static int put_at(int dir, const char *from, char **ret_error)
{
	struct wd_bytes was = { 0 }, now = { 0 };
	int err = wd_swap_read(AT_FDCWD, from, &now);

	if (err) {
		wd_format(ret_error, "'%s' cannot be read: %s", from,
			  wd_errno(err));
		return err;
	}
	now.st.st_mode = 0755;
	now.st.st_uid = geteuid();
	now.st.st_gid = getegid();
	if (!wd_swap_read(dir, WD_CNI_PLUGIN, &was) && was.len == now.len &&
	    !memcmp(was.data, now.data, now.len) && was.st.st_mode & 0111)
		err = 0;
	else
		err = wd_swap_write(dir, WD_CNI_PLUGIN, NULL, &now) ?: 1;
	if (err < 0)
		wd_format(ret_error, "writing " WD_CNI_PLUGIN ": %s",
			  wd_errno(err));
	free(was.data);
	free(now.data);
	return err;
}

int wd_cni_plugin_put(const char *from, const char *dir, char **ret_error)
{
	int fd = open_dir(dir), err;

	if (fd < 0) {
		wd_format(ret_error, "it cannot be opened: %s", wd_errno(fd));
		return fd;
	}
	wd_swap_clean(fd, WD_CNI_PLUGIN);
	err = put_at(fd, from, ret_error);
	(void)close(fd);
	return err;
}

int wd_cni_plugin_remove(const char *dir)
{
	int fd = open_dir(dir), err = 0;
	struct stat st;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	wd_swap_clean(fd, WD_CNI_PLUGIN);
	if (fstatat(fd, WD_CNI_PLUGIN, &st, AT_SYMLINK_NOFOLLOW))
		err = errno == ENOENT ? 0 : -errno;
	else if (S_ISREG(st.st_mode))
		err = unlinkat(fd, WD_CNI_PLUGIN, 0) ? -errno : 1;
	(void)close(fd);
	return err;
}
