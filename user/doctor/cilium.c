/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium.c - is Cilium the CNI of this node in a way that carries packets past
 * warder's hooks, or gives them devices that have none. Cilium writes down what
 * it was told, older releases as macros for its own programs as well; nothing
 * else of it is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

#define CHECK "cilium"
#define CONFIG "/run/cilium/state/agent-runtime-config.json"
#define LEGACY "EnableHostLegacyRouting"
#define MACROS "/run/cilium/state/globals/node_config.h"
#define DEVICE "/sys/class/net/cilium_host"

static FILE *open_file(const struct wd_doctor *doctor, const char *name)
{
	char *path = NULL;
	FILE *file;

	wd_format(&path, "%s%s", doctor->root, name);
	file = path ? fopen(path, "re") : NULL;
	free(path);
	return file;
}

static bool is_there(const struct wd_doctor *doctor, const char *name)
{
	char *path = NULL;
	bool there;

	wd_format(&path, "%s%s", doctor->root, name);
	there = path && !access(path, F_OK);
	free(path);
	return there;
}

/* Is @name defined: the whole word, and no other that begins so. */
static bool defines(const char *line, const char *name)
{
	static const char define[] = "#define ";
	size_t len = strlen(name);

	if (strncmp(line, define, sizeof(define) - 1) != 0)
		return false;
	line += sizeof(define) - 1;
	return !strncmp(line, name, len) &&
	       (!line[len] || strchr(" \t\n", line[len]));
}

enum routing {
	ROUTING_UNKNOWN,
	ROUTING_STACK, /* past the hooks of veths, as any packet */
	ROUTING_BPF, /* by bpf_redirect_peer() */
};

/* Which of its releases says it where: at the top, or in a group of options. */
static enum routing routing_of(struct json_object *config)
{
	struct json_object *legacy = wd_json_get(config, LEGACY);

	if (!config)
		return ROUTING_UNKNOWN;
	json_object_object_foreach(config, key, group) {
		(void)key;
		if (!legacy)
			legacy = wd_json_get(group, LEGACY);
	}
	if (!json_object_is_type(legacy, json_type_boolean))
		return ROUTING_UNKNOWN;
	return json_object_get_boolean(legacy) ? ROUTING_STACK : ROUTING_BPF;
}

/* Newer releases have no such macro: that there is none says nothing. */
static bool macros_tell(const struct wd_doctor *doctor)
{
	FILE *file = open_file(doctor, MACROS);
	bool told = false;
	char *line = NULL;
	size_t room = 0;

	while (file && !told && getline(&line, &room, file) > 0)
		told = defines(line, "ENABLE_HOST_ROUTING");
	free(line);
	if (file)
		(void)fclose(file);
	return told;
}

static struct json_object *read_config(const struct wd_doctor *doctor)
{
	struct json_object *config;
	char *path = NULL;

	wd_format(&path, "%s" CONFIG, doctor->root);
	config = path ? json_object_from_file(path) : NULL;
	free(path);
	if (json_object_is_type(config, json_type_object))
		return config;
	json_object_put(config);
	return NULL;
}

static void check_devices(struct wd_doctor *doctor, struct json_object *config)
{
	const char *mode = wd_json_get_str(config, "DatapathMode");

	if (strncmp(mode, "netkit", 6) == 0)
		wd_doctor_find(
			doctor, CHECK, CONFIG,
			"set bpf.datapathMode=veth for Cilium and make the pods anew",
			"Cilium gives pods devices of the kind %s, where warder has no hook: CNI ADD is refused",
			mode);
}

void wd_doctor_cilium(struct wd_doctor *doctor)
{
	struct json_object *config;
	enum routing routing;
	const char *where = CONFIG;

	if (!is_there(doctor, DEVICE))
		return;
	config = read_config(doctor);
	routing = routing_of(config);
	if (routing == ROUTING_UNKNOWN && macros_tell(doctor)) {
		routing = ROUTING_BPF;
		where = MACROS;
	}
	if (routing == ROUTING_UNKNOWN)
		wd_doctor_skip(doctor, CHECK,
			       "Cilium's devices are here, but " CONFIG
			       " does not tell how it routes");
	if (routing == ROUTING_BPF)
		wd_doctor_find(
			doctor, CHECK, where,
			"set bpf.hostLegacyRouting=true for Cilium, or leave policy to one of the two; if Cilium is gone from this node: ip link del cilium_host",
			"Cilium hands packets from other devices straight into the pods (host routing in BPF), past warder's hooks: what comes to pods is not judged");
	check_devices(doctor, config);
	json_object_put(config);
}
