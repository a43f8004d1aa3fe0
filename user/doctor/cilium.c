/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cilium.c - is Cilium the CNI of this node in a way that carries packets past
 * warder's hooks. What Cilium was told it writes down as macros for its own
 * programs; nothing else of it is looked at.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opt.h"
#include "doctor.h"

#define CHECK "cilium"
#define MACROS "/run/cilium/state/globals/node_config.h"
#define DEVICE "/sys/class/net/cilium_host"

static FILE *open_macros(const struct wd_doctor *doctor)
{
	char *path = NULL;
	FILE *file;

	wd_format(&path, "%s" MACROS, doctor->root);
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

void wd_doctor_cilium(struct wd_doctor *doctor)
{
	bool past = false;
	char *line = NULL;
	size_t room = 0;
	FILE *file;

	if (!is_there(doctor, DEVICE))
		return;
	file = open_macros(doctor);
	if (!file) {
		wd_doctor_skip(doctor, CHECK,
			       "Cilium's devices are here, but not " MACROS
			       ", which tells how it routes");
		return;
	}
	while (!past && getline(&line, &room, file) > 0)
		past = defines(line, "ENABLE_HOST_ROUTING");
	if (past)
		wd_doctor_find(
			doctor, CHECK, MACROS,
			"set bpf.hostLegacyRouting=true for Cilium, or leave policy to one of the two",
			"Cilium hands packets from other devices straight into the pods (host routing in BPF), past warder's hooks: what comes to pods is not judged");
	free(line);
	(void)fclose(file);
}
