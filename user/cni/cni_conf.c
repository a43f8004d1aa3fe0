/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_conf.c - reads what a container runtime asks, and refuses what it cannot
 * understand fully: a misspelt key would otherwise be a setting that is
 * silently not in force. Opens nothing and asks nobody.
 */
#include "cni_conf.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "cni_replay.h"

#define DEPTH_MAX 32 /* of nested JSON values */
#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define LOWER_ALNUM "abcdefghijklmnopqrstuvwxyz0123456789"

const char *const wd_cni_versions[] = {
	"0.3.0", "0.3.1", "0.4.0", "1.0.0", WD_CNI_VERSION_NEWEST, NULL
};

/* What a command needs, and the first version that has it. */
static const struct verb {
	const char *name;
	const char *since;
	bool attachment; /* CNI_CONTAINERID and CNI_IFNAME */
	bool netns; /* CNI_NETNS and prevResult */
	bool strict; /* unknown keys are refused */
} verbs[WD_CNI__MAX] = {
	[WD_CNI_ADD] = { .name = "ADD",
			 .since = "0.3.0",
			 .attachment = true,
			 .netns = true,
			 .strict = true },
	[WD_CNI_DEL] = { .name = "DEL", .since = "0.3.0", .attachment = true },
	[WD_CNI_CHECK] = { .name = "CHECK",
			   .since = "0.4.0",
			   .attachment = true,
			   .netns = true,
			   .strict = true },
	[WD_CNI_GC] = { .name = "GC", .since = "1.1.0" },
	[WD_CNI_STATUS] = { .name = "STATUS", .since = "1.1.0", .strict = true },
	[WD_CNI_VERSION] = { .name = "VERSION", .since = "" },
};

int wd_cni_fail(struct wd_cni_error *error, enum wd_cni_code code,
		const char *fmt, ...)
{
	char text[sizeof(error->msg)];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	error->code = code;
	(void)wd_log_escape(text, error->msg, sizeof(error->msg));
	return -EINVAL;
}

/* ---- environment ---- */

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

/* Starts and ends in @ends, and holds nothing but those and @inner. */
static bool word_is_valid(const char *text, size_t max, const char *ends,
			  const char *inner)
{
	size_t len = strlen(text);

	if (len == 0 || len > max || !strchr(ends, text[0]))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr(ends, text[i]) && !strchr(inner, text[i]))
			return false;
	return true;
}

/* As the kernel's dev_valid_name(). */
static bool ifname_is_valid(const char *text)
{
	size_t len = strlen(text);

	if (len == 0 || len >= IFNAMSIZ || !strcmp(text, ".") ||
	    !strcmp(text, ".."))
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] == '/' || text[i] == ':' ||
		    isspace((unsigned char)text[i]))
			return false;
	return true;
}

static int read_verb(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	const char *name = env("CNI_COMMAND");

	for (int i = 0; i < WD_CNI__MAX; i++) {
		if (strcmp(verbs[i].name, name) != 0)
			continue;
		conf->verb = (enum wd_cni_verb)i;
		return 0;
	}
	return wd_cni_fail(
		error, WD_CNI_E_ENV,
		*name ? "CNI_COMMAND: no command '%s'" :
			"CNI_COMMAND%s is not set: a container runtime starts this program",
		name);
}

static int read_attachment(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	conf->container = env("CNI_CONTAINERID");
	conf->ifname = env("CNI_IFNAME");
	conf->netns = env("CNI_NETNS");
	if (!word_is_valid(conf->container, WD_CONTAINER_MAX, ALNUM, "_.-"))
		return wd_cni_fail(
			error, WD_CNI_E_ENV,
			"CNI_CONTAINERID: '%s' is no container id of 1 to %u characters",
			conf->container, WD_CONTAINER_MAX);
	if (!ifname_is_valid(conf->ifname))
		return wd_cni_fail(error, WD_CNI_E_ENV,
				   "CNI_IFNAME: '%s' is no interface name",
				   conf->ifname);
	if (verbs[conf->verb].netns && *conf->netns != '/')
		return wd_cni_fail(
			error, WD_CNI_E_ENV,
			"CNI_NETNS: '%s' is not the full path of a network namespace",
			conf->netns);
	return 0;
}

/* One K=V of CNI_ARGS. Names twice, or such as no object has, are refused. */
static int read_arg(struct wd_cni_conf *conf, const char *key,
		    const char *value, struct wd_cni_error *error)
{
	const struct {
		const char *key;
		char *to;
		size_t size;
		const char *ends;
		const char *inner;
	} args[] = {
		{ "K8S_POD_NAMESPACE", conf->ns, sizeof(conf->ns), LOWER_ALNUM,
		  "-" },
		{ "K8S_POD_NAME", conf->pod, sizeof(conf->pod), LOWER_ALNUM,
		  "-." },
		{ "K8S_POD_UID", conf->uid, sizeof(conf->uid), ALNUM, "-" },
	};

	for (size_t i = 0; i < sizeof(args) / sizeof(args[0]); i++) {
		if (strcmp(args[i].key, key) != 0 ||
		    (!*value && args[i].to == conf->uid))
			continue;
		if (!word_is_valid(value, args[i].size - 1, args[i].ends,
				   args[i].inner))
			return wd_cni_fail(error, WD_CNI_E_ENV,
					   "CNI_ARGS: '%s' is no %s", value,
					   key);
		if (*args[i].to)
			return wd_cni_fail(error, WD_CNI_E_ENV,
					   "CNI_ARGS: %s twice", key);
		memcpy(args[i].to, value, strlen(value) + 1);
	}
	return 0;
}

static int read_args(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	char *text = strdup(env("CNI_ARGS"));
	char *rest = text;
	char *pair;
	int err = text ? 0 : wd_cni_fail(error, WD_CNI_E_IO, "out of memory");

	while (!err && (pair = strsep(&rest, ";"))) {
		char *value = strchr(pair, '=');

		if (!*pair)
			continue;
		if (!value) {
			err = wd_cni_fail(error, WD_CNI_E_ENV,
					  "CNI_ARGS: '%s' is not KEY=VALUE",
					  pair);
			continue;
		}
		*value = '\0';
		err = read_arg(conf, pair, value + 1, error);
	}
	free(text);
	if (!err && conf->verb == WD_CNI_ADD && (!*conf->ns || !*conf->pod))
		err = wd_cni_fail(
			error, WD_CNI_E_ENV,
			"CNI_ARGS: K8S_POD_NAMESPACE and K8S_POD_NAME are needed: "
			"without them no policy is known");
	return err;
}

static int read_env(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	int err = read_verb(conf, error);

	if (err || !verbs[conf->verb].attachment)
		return err;
	err = read_attachment(conf, error);
	/* What ADD refused must be removable: DEL needs none of the names. */
	if (!err && conf->verb == WD_CNI_ADD)
		err = read_args(conf, error);
	return err;
}

/* ---- standard input ---- */

/* Return: bytes read, -E2BIG, -errno */
static ssize_t read_all(int fd, char *data, size_t size)
{
	size_t len = 0;

	for (;;) {
		ssize_t cnt = read(fd, data + len, size - len);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			return -errno;
		if (cnt == 0)
			return (ssize_t)len;
		len += (size_t)cnt;
		if (len == size)
			return -E2BIG;
	}
}

static int parse(struct wd_cni_conf *conf, const char *text, size_t len,
		 struct wd_cni_error *error)
{
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
	enum json_tokener_error why;
	size_t end;

	if (!tok)
		return wd_cni_fail(error, WD_CNI_E_IO, "out of memory");
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	conf->doc = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	if (why != json_tokener_success || end != len)
		return wd_cni_fail(error, WD_CNI_E_DECODE,
				   "configuration: not JSON at byte %zu: %s",
				   end,
				   why == json_tokener_success ?
					   "more than one document" :
				   why == json_tokener_continue ?
					   "it ends too early" :
					   json_tokener_error_desc(why));
	if (!json_object_is_type(conf->doc, json_type_object))
		return wd_cni_fail(error, WD_CNI_E_DECODE,
				   "configuration: not a JSON object");
	return 0;
}

static int read_doc(struct wd_cni_conf *conf, int fd,
		    struct wd_cni_error *error)
{
	char *text = malloc(WD_CNI_STDIN_MAX + 1);
	ssize_t len;
	int err;

	if (!text)
		return wd_cni_fail(error, WD_CNI_E_IO, "out of memory");
	len = read_all(fd, text, WD_CNI_STDIN_MAX + 1);
	if (len == -E2BIG)
		err = wd_cni_fail(error, WD_CNI_E_DECODE,
				  "configuration: longer than %u bytes",
				  WD_CNI_STDIN_MAX);
	else if (len < 0)
		err = wd_cni_fail(error, WD_CNI_E_IO,
				  "reading standard input: %s",
				  wd_errno((int)len));
	else if (len == 0 && conf->verb == WD_CNI_VERSION)
		err = 0; /* by hand, to see what it speaks */
	else
		err = parse(conf, text, (size_t)len, error);
	free(text);
	return err;
}

/* ---- configuration ---- */

/* Index into wd_cni_versions, -1 unknown. */
static int version_index(const char *version)
{
	for (int i = 0; wd_cni_versions[i]; i++)
		if (!strcmp(wd_cni_versions[i], version))
			return i;
	return -1;
}

static int check_version(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	const struct verb *verb = &verbs[conf->verb];
	const char *version = wd_json_get_str(conf->doc, "cniVersion");
	int index = version_index(version);

	if (index >= 0)
		conf->version = wd_cni_versions[index];
	if (conf->verb == WD_CNI_VERSION)
		return 0;
	if (index < 0)
		return wd_cni_fail(
			error, WD_CNI_E_VERSION,
			"cniVersion: '%s' is not supported, 0.3.0 to " WD_CNI_VERSION_NEWEST
			" are",
			version);
	if (index < version_index(verb->since))
		return wd_cni_fail(
			error, WD_CNI_E_VERSION,
			"cniVersion: %s has no command %s, it came with %s",
			version, verb->name, verb->since);
	return 0;
}

/* Keys that libcni and runtimes put there; what they mean for us, if anything. */
static const struct key {
	const char *name;
	enum json_type type;
} keys[] = {
	{ "cniVersion", json_type_string },
	{ "name", json_type_string },
	{ "type", json_type_string },
	{ "prevResult", json_type_object },
	{ "runtimeConfig", json_type_object },
	{ "capabilities", json_type_object },
	{ "args", json_type_object },
	{ "ipam", json_type_object },
	{ "dns", json_type_object },
	{ "disableCheck", json_type_boolean },
	{ "disableGC", json_type_boolean },
	{ "runDir", json_type_string },
};

static int check_key(const char *name, struct json_object *value, bool strict,
		     struct wd_cni_error *error)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].name, name) != 0)
			continue;
		if (!value || json_object_is_type(value, keys[i].type))
			return 0;
		return wd_cni_fail(error, WD_CNI_E_CONFIG,
				   "%s: must be a JSON %s", name,
				   json_type_to_name(keys[i].type));
	}
	if (!strict || !strncmp(name, "cni.dev/", 8))
		return 0;
	return wd_cni_fail(
		error, WD_CNI_E_FIELD,
		"%s: no such key (value %.100s); of its own warder-cni knows runDir only",
		name,
		json_object_to_json_string_ext(
			value, JSON_C_TO_STRING_PLAIN |
				       JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int check_keys(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	struct json_object_iterator it = json_object_iter_begin(conf->doc);
	struct json_object_iterator end = json_object_iter_end(conf->doc);
	int err = 0;

	while (!err && !json_object_iter_equal(&it, &end)) {
		err = check_key(json_object_iter_peek_name(&it),
				json_object_iter_peek_value(&it),
				verbs[conf->verb].strict, error);
		json_object_iter_next(&it);
	}
	return err;
}

/*
 * The network's name; GC is about one. What ADD refused must be removable, so
 * DEL does not care.
 */
static int check_name(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	const char *name = wd_json_get_str(conf->doc, "name");

	if (conf->verb == WD_CNI_DEL || word_is_valid(name, 255, ALNUM, "_.-"))
		return 0;
	return wd_cni_fail(error, WD_CNI_E_CONFIG,
			   "name: '%s' is no name of a network", name);
}

static int check_run_dir(struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	struct json_object *value = wd_json_get(conf->doc, "runDir");

	conf->run_dir = WD_RUN_DIR_DEFAULT;
	if (!value)
		return 0;
	conf->run_dir = json_object_get_string(value);
	if (*conf->run_dir == '/' &&
	    strlen(conf->run_dir) ==
		    (size_t)json_object_get_string_len(value) &&
	    strlen(conf->run_dir) + sizeof("/agent.sock") <=
		    sizeof(((struct sockaddr_un *)0)->sun_path))
		return 0;
	return wd_cni_fail(
		error, WD_CNI_E_CONFIG,
		"runDir: '%s' must be a full path of less than 97 bytes",
		conf->run_dir);
}

static int check_prev(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	struct json_object *prev = wd_json_get(conf->doc, "prevResult");
	struct json_object *version = wd_json_get(prev, "cniVersion");

	if (!prev)
		return wd_cni_fail(
			error, WD_CNI_E_CONFIG,
			"prevResult: missing; warder-cni must be chained after a plugin "
			"that makes a veth");
	if (!version)
		return 0;
	if (!json_object_is_type(version, json_type_string) ||
	    version_index(json_object_get_string(version)) < 0)
		return wd_cni_fail(error, WD_CNI_E_CONFIG,
				   "prevResult.cniVersion: not supported");
	/* The runtime converts; 1.0 dropped a field of 0.x that readers need. */
	if (version_index(json_object_get_string(version)) >
		    version_index("0.4.0") &&
	    version_index(conf->version) <= version_index("0.4.0"))
		return wd_cni_fail(
			error, WD_CNI_E_CONFIG,
			"prevResult.cniVersion: %s is newer than cniVersion %s",
			json_object_get_string(version), conf->version);
	return 0;
}

int wd_cni_conf_read(struct wd_cni_conf *conf, int fd,
		     struct wd_cni_error *error)
{
	int err;

	conf->version = WD_CNI_VERSION_NEWEST;
	conf->container = conf->ifname = conf->netns = "";
	err = read_env(conf, error);
	if (!err)
		err = read_doc(conf, fd, error);
	if (!err)
		err = check_version(conf, error);
	if (err || conf->verb == WD_CNI_VERSION)
		return err;
	err = check_keys(conf, error);
	if (!err)
		err = check_name(conf, error);
	if (!err)
		err = check_run_dir(conf, error);
	if (!err && verbs[conf->verb].netns)
		err = check_prev(conf, error);
	return err;
}

void wd_cni_conf_fini(struct wd_cni_conf *conf)
{
	json_object_put(conf->doc);
	conf->doc = NULL;
}

/* ---- prevResult ---- */

/*
 * Is entry @ip about CNI_IFNAME? Without "interface" it is; an index must name
 * an interface of the list. Return: 1, 0, -EINVAL
 */
static int ip_is_ours(const struct wd_cni_conf *conf, struct json_object *prev,
		      struct json_object *ip)
{
	struct json_object *index = wd_json_get(ip, "interface");
	struct json_object *link;
	int64_t at;

	if (!index)
		return 1;
	at = json_object_get_int64(index);
	if (!json_object_is_type(index, json_type_int) || at < 0)
		return -EINVAL;
	link = wd_json_at(prev, "interfaces", (size_t)at);
	if (!link)
		return -EINVAL;
	return *wd_json_get_str(link, "sandbox") &&
	       !strcmp(wd_json_get_str(link, "name"), conf->ifname);
}

int wd_cni_conf_ips(const struct wd_cni_conf *conf, struct json_object *list,
		    struct wd_cni_error *error)
{
	struct json_object *prev = wd_json_get(conf->doc, "prevResult");
	struct json_object *ips = wd_json_get(prev, "ips");

	if (ips && !json_object_is_type(ips, json_type_array))
		return wd_cni_fail(error, WD_CNI_E_CONFIG,
				   "prevResult.ips: must be a list");
	for (size_t i = 0; i < wd_json_len(prev, "ips"); i++) {
		struct json_object *ip = wd_json_at(prev, "ips", i);
		const char *address = wd_json_get_str(ip, "address");
		struct wd_addr addr;
		char text[WD_ADDR_STRLEN + 4];
		int ours = ip_is_ours(conf, prev, ip);

		if (ours < 0)
			return wd_cni_fail(
				error, WD_CNI_E_CONFIG,
				"prevResult.ips[%zu].interface: no such interface",
				i);
		(void)snprintf(text, sizeof(text), "%s", address);
		text[strcspn(text, "/")] = '\0';
		if (strlen(address) >= sizeof(text) ||
		    wd_addr_parse(text, &addr))
			return wd_cni_fail(
				error, WD_CNI_E_CONFIG,
				"prevResult.ips[%zu].address: '%.64s' is no address",
				i, address);
		if (ours)
			wd_json_push_str(list, address);
	}
	return 0;
}
