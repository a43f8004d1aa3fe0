/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.c - the kernel's side: what programs need, and what makes them slow.
 */
#include <errno.h>
#include <linux/ipv6_route.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

/* Values of a sysctl that are wrong, why, and what to do. */
static const struct {
	const char *check, *path, *wrong;
	const char *text, *fix;
} sysctls[] = {
	{ "jit", "/proc/sys/net/core/bpf_jit_enable", "0",
	  "programs are interpreted, several times slower than they could be",
	  "sysctl -w net.core.bpf_jit_enable=1" },
	{ "jit", "/proc/sys/net/core/bpf_jit_enable", "2",
	  "the JIT writes each program to the kernel's log, addresses and all",
	  "sysctl -w net.core.bpf_jit_enable=1" },
	{ "jit", "/proc/sys/net/core/bpf_jit_harden", "2",
	  "constants are blinded in root's programs, too, which makes them slower",
	  "sysctl -w net.core.bpf_jit_harden=1" },
	{ "unprivileged-bpf", "/proc/sys/kernel/unprivileged_bpf_disabled", "0",
	  "every user may load programs into the kernel",
	  "sysctl -w kernel.unprivileged_bpf_disabled=2" },
	{ "forwarding", "/proc/sys/net/ipv4/ip_forward", "0",
	  "IPv4 is not forwarded: pods reach no other pod and no other node",
	  "sysctl -w net.ipv4.ip_forward=1" },
};

static void check_sysctls(struct wd_doctor *doctor)
{
	for (size_t i = 0; i < sizeof(sysctls) / sizeof(*sysctls); i++) {
		char *value = wd_doctor_read(doctor, sysctls[i].path);

		if (value && !strcmp(value, sysctls[i].wrong))
			wd_doctor_find(doctor, sysctls[i].check,
				       sysctls[i].path, sysctls[i].fix, "%s",
				       sysctls[i].text);
		free(value);
	}
}

static void check_btf(struct wd_doctor *doctor)
{
	char *path = NULL;

	wd_format(&path, "%s/sys/kernel/btf/vmlinux", doctor->root);
	if (path && access(path, R_OK))
		wd_doctor_find(
			doctor, "btf", "/sys/kernel/btf/vmlinux",
			"boot a kernel built with CONFIG_DEBUG_INFO_BTF",
			"the kernel does not describe its own types: what judges services behind their translation cannot be had");
	free(path);
}

static void check_bpffs(struct wd_doctor *doctor, const char *bpffs)
{
	char *path = NULL, *slash;
	struct statfs fs;

	wd_format(&path, "%s%s", doctor->root, bpffs);
	/* Its last part comes with the agent. */
	while (path && statfs(path, &fs) && (slash = strrchr(path, '/')))
		*slash = '\0';
	if (path && (!*path || fs.f_type != BPF_FS_MAGIC))
		wd_doctor_find(
			doctor, "bpffs", bpffs,
			"mount -t bpf bpf /sys/fs/bpf, and in /etc/fstab for the next boot",
			"is on no BPF filesystem: pins cannot be made, and enforcement would end with the agent");
	free(path);
}

static bool has_v6(struct json_object *endpoints)
{
	for (size_t i = 0; i < wd_json_len(endpoints, "endpoints"); i++) {
		struct json_object *ep = wd_json_at(endpoints, "endpoints", i);

		for (size_t k = 0; k < wd_json_len(ep, "addresses"); k++)
			if (strchr(json_object_get_string(
					   wd_json_at(ep, "addresses", k)),
				   ':'))
				return true;
	}
	return false;
}

#define FORWARDING6 "sysctl -w net.ipv6.conf.all.forwarding=1"
#define ROUTES6 "/proc/net/ipv6_route"

/*
 * The device of a default route that a router advertised, in a line of ROUTES6:
 * target, length, source, length, next hop, metric, two counts, flags, device.
 */
static const char *advertised_on(char *line)
{
	char *fields[10];

	if (wd_doctor_fields(line, fields, 10) < 10 ||
	    strcmp(fields[1], "00") != 0 ||
	    !(strtoul(fields[8], NULL, 16) & (RTF_DEFAULT | RTF_ADDRCONF)))
		return NULL;
	return fields[9];
}

/* Before @fix, unless it is so, or there already. */
static int accept_first(struct wd_doctor *doctor, const char *device,
			char **fix)
{
	char *path = NULL, *value, *command = NULL, *whole = NULL;

	if (!wd_doctor_is_plain(device))
		return -EINVAL;
	wd_format(&path, "/proc/sys/net/ipv6/conf/%s/accept_ra", device);
	value = path ? wd_doctor_read(doctor, path) : NULL;
	wd_format(&command, "sysctl -w net/ipv6/conf/%s/accept_ra=2 && ",
		  device);
	if (command && (!value || strcmp(value, "2") != 0) &&
	    !strstr(*fix, command)) {
		wd_format(&whole, "%s%s", command, *fix);
		free(*fix);
		*fix = whole;
	}
	free(path);
	free(value);
	free(command);
	return *fix ? 0 : -ENOMEM;
}

/*
 * As soon as it forwards, the kernel takes away the default routes that routers
 * advertised, and learns none any more, but on devices whose accept_ra is 2: a
 * node may be out of reach by then. Return: the command, to be freed; NULL: one
 * that is safe is not known
 */
static char *forward6_safely(struct wd_doctor *doctor)
{
	char *path = NULL, *line = NULL, *fix = strdup(FORWARDING6);
	const char *device;
	size_t size = 0;
	FILE *file;
	int err = 0;

	wd_format(&path, "%s%s", doctor->root, ROUTES6);
	file = path ? fopen(path, "re") : NULL;
	if (!file || !fix)
		err = -ENOENT;
	while (!err && getline(&line, &size, file) >= 0) {
		device = advertised_on(line);
		if (device)
			err = accept_first(doctor, device, &fix);
	}
	if (file)
		(void)fclose(file);
	free(line);
	free(path);
	if (!err)
		return fix;
	free(fix);
	return NULL;
}

/* Nobody minds where no pod has such an address. */
static void check_forwarding6(struct wd_doctor *doctor,
			      struct json_object *endpoints)
{
	static const char path[] = "/proc/sys/net/ipv6/conf/all/forwarding";
	char *value = has_v6(endpoints) ? wd_doctor_read(doctor, path) : NULL;
	char *fix = NULL;

	if (value && !strcmp(value, "0")) {
		fix = forward6_safely(doctor);
		wd_doctor_find(
			doctor, "forwarding", path,
			fix ?: "set accept_ra to 2 on devices by which routers advertise themselves, then net.ipv6.conf.all.forwarding to 1",
			"IPv6 is not forwarded: pods reach no other pod and no other node by it. When it is, routes that routers advertise go, and come back only where accept_ra is 2");
	}
	free(fix);
	free(value);
}

void wd_doctor_kernel(struct wd_doctor *doctor, const char *bpffs,
		      struct json_object *endpoints)
{
	check_btf(doctor);
	check_sysctls(doctor);
	check_forwarding6(doctor, endpoints);
	check_bpffs(doctor, bpffs);
}
