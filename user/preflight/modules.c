/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * modules.c - a module says itself what it needs: "depends=a,b" in its section
 * .modinfo. So nobody has to have run depmod.
 */
#include "modules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/opt.h"
#include "child.h"

#define MODULE_MOST (64U << 20) /* bytes */

/*
 * What attaching needs: clsact, and filters that are programs; and what the
 * rung below needs, the ruleset. Those that others need stand here, too: for
 * each that only a module tells of a package is read once more.
 */
static const char *const needed[] = { "sch_ingress",
				      "cls_bpf",
				      "veth",
				      "nf_tables",
				      "nf_conntrack",
				      "nft_ct",
				      "nft_limit",
				      "nft_counter",
				      "nft_objref",
				      "nft_meta_bridge",
				      "nf_conntrack_bridge",
				      "nfnetlink",
				      "libcrc32c",
				      "nf_defrag_ipv4",
				      "nf_defrag_ipv6",
				      "bridge",
				      "stp",
				      "llc" };

static int want(struct wd_wanted *wanted, const char *name, size_t len)
{
	char **names;
	bool *seen;

	for (size_t i = 0; i < wanted->cnt; i++)
		if (strlen(wanted->name[i]) == len &&
		    !strncmp(wanted->name[i], name, len))
			return 0;
	names = realloc(wanted->name, (wanted->cnt + 1) * sizeof(*names));
	if (!names)
		return -ENOMEM;
	wanted->name = names;
	seen = realloc(wanted->seen, (wanted->cnt + 1) * sizeof(*seen));
	if (!seen)
		return -ENOMEM;
	wanted->seen = seen;
	names[wanted->cnt] = strndup(name, len);
	if (!names[wanted->cnt])
		return -ENOMEM;
	seen[wanted->cnt++] = false;
	return 0;
}

int wd_wanted_init(struct wd_wanted *wanted)
{
	int err = 0;

	memset(wanted, 0, sizeof(*wanted));
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed) && !err; i++)
		err = want(wanted, needed[i], strlen(needed[i]));
	return err;
}

void wd_wanted_free(struct wd_wanted *wanted)
{
	for (size_t i = 0; i < wanted->cnt; i++)
		free(wanted->name[i]);
	free(wanted->name);
	free(wanted->seen);
	memset(wanted, 0, sizeof(*wanted));
}

/* File names may have '-' where modules have '_'. */
static bool is_called(const char *file, size_t len, const char *name)
{
	if (strlen(name) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (file[i] != name[i] && !(file[i] == '-' && name[i] == '_'))
			return false;
	return true;
}

int wd_wanted_find(const struct wd_wanted *wanted, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *file = slash ? slash + 1 : path;
	const char *end = strstr(file, ".ko");

	if (!end || (end[3] && end[3] != '.'))
		return -1;
	for (size_t i = 0; i < wanted->cnt; i++)
		if (!wanted->seen[i] &&
		    is_called(file, (size_t)(end - file), wanted->name[i]))
			return (int)i;
	return -1;
}

/* ---- unpacking ---- */

static const struct packer {
	const char *magic;
	size_t len;
	const char *program;
	const char *package;
} packers[] = {
	{ "\x1f\x8b", 2, "gzip", "gzip" },
	{ "\xfd"
	  "7zXZ",
	  6, "xz", "xz-utils" },
	{ "\x28\xb5\x2f\xfd", 4, "zstd", "zstd" },
};

static int run_packer(const struct packer *packer, const char *path,
		      struct wd_bytes *ret, char **ret_error)
{
	char *argv[] = { strdup(packer->program), (char[]){ "-dcq" },
			 strdup(path), NULL };
	int err = argv[0] && argv[2] ? wd_child_output(argv, MODULE_MOST, ret) :
				       -ENOMEM;

	if (err == -ENOENT)
		wd_format(ret_error,
			  "its modules are compressed, and %s is not "
			  "installed: install package %s",
			  packer->program, packer->package);
	else if (err)
		wd_format(ret_error, "%s cannot unpack a module: %s",
			  packer->program, wd_errno(err));
	free(argv[0]);
	free(argv[2]);
	return err;
}

static int unpack(struct wd_bytes *bytes, const char *temp, char **ret_error)
{
	struct wd_bytes plain = { 0 };
	char *path = NULL;
	int err = 0;

	for (size_t i = 0; i < sizeof(packers) / sizeof(*packers); i++) {
		if (bytes->len < packers[i].len ||
		    memcmp(bytes->data, packers[i].magic, packers[i].len) != 0)
			continue;
		wd_format(&path, "%s/packed", temp);
		if (!path)
			return -ENOMEM;
		err = wd_bytes_store(bytes, path);
		if (err)
			wd_format(ret_error, "%s: cannot be written: %s", path,
				  wd_errno(err));
		else
			err = run_packer(&packers[i], path, &plain, ret_error);
		(void)unlink(path); /* it may not be there */
		free(path);
		if (err) {
			wd_bytes_free(&plain);
			return err;
		}
		wd_bytes_free(bytes);
		*bytes = plain;
		return 0;
	}
	return 0;
}

/* ---- what a module needs ---- */

/* "a,b" behind depends=, NULL: it says nothing. */
static const char *depends_of(const struct wd_bytes *bytes)
{
	static const char key[] = "\0depends=";
	const char *at = memmem(bytes->data, bytes->len, key, sizeof(key) - 1);

	if (!at)
		return NULL;
	at += sizeof(key) - 1;
	/* a string that ends, or it is none */
	return memchr(at, '\0',
		      bytes->len -
			      (size_t)((const uint8_t *)at - bytes->data)) ?
		       at :
		       NULL;
}

static int want_all(struct wd_wanted *wanted, const char *list)
{
	int err = 0;

	while (list && *list && !err) {
		size_t len = strcspn(list, ",");

		if (len)
			err = want(wanted, list, len);
		list += len + (list[len] == ',');
	}
	return err;
}

int wd_module_add(struct wd_kernel_files *kernel, struct wd_wanted *wanted,
		  size_t nr, struct wd_bytes *bytes, const char *temp,
		  char **ret_error)
{
	struct wd_module *grown;
	int err = unpack(bytes, temp, ret_error);

	if (err)
		return err;
	if (bytes->len < 64 || memcmp(bytes->data,
				      "\x7f"
				      "ELF",
				      4) != 0) {
		wd_format(ret_error, "module %s is no module",
			  wanted->name[nr]);
		return -EINVAL;
	}
	grown = realloc(kernel->module,
			(kernel->module_cnt + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	kernel->module = grown;
	grown += kernel->module_cnt;
	grown->name = strdup(wanted->name[nr]);
	if (!grown->name)
		return -ENOMEM;
	grown->bytes = *bytes;
	memset(bytes, 0, sizeof(*bytes));
	kernel->module_cnt++;
	wanted->seen[nr] = true;
	return want_all(wanted, depends_of(&grown->bytes));
}

/* ---- order ---- */

static bool needs(const struct wd_module *module, const char *name)
{
	const char *list = depends_of(&module->bytes);

	while (list && *list) {
		size_t len = strcspn(list, ",");

		if (strlen(name) == len && !strncmp(list, name, len))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}

/* The first one behind module @i that it needs; @cnt: there is none. */
static size_t needed_behind(const struct wd_kernel_files *kernel, size_t i)
{
	size_t j = i + 1;

	while (j < kernel->module_cnt &&
	       !needs(&kernel->module[i], kernel->module[j].name))
		j++;
	return j;
}

/* Put what a module needs before it, as often as something moves. */
void wd_modules_order(struct wd_kernel_files *kernel)
{
	size_t cnt = kernel->module_cnt, i = 0, moves = 0;

	/* two that need each other would go on for ever */
	while (i < cnt && moves < cnt * cnt) {
		size_t j = needed_behind(kernel, i);
		struct wd_module later;

		if (j >= cnt) {
			i++;
			continue;
		}
		later = kernel->module[j];
		memmove(&kernel->module[i + 1], &kernel->module[i],
			(j - i) * sizeof(later));
		kernel->module[i] = later;
		moves++;
	}
}
