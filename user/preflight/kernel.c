/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.c - puts a kernel together from where its parts are.
 */
#include "kernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/opt.h"
#include "child.h"
#include "modules.h"
#include "package.h"

#define IMAGE_MOST (256U << 20) /* bytes */
#define DEPTH_MOST 12 /* of folders with modules */

/* What one reading is after. */
struct reading {
	struct wd_kernel_files *kernel;
	struct wd_wanted wanted;
	const char *temp;
	char **ret_error;
	bool image; /* the kernel itself, too */
	bool no_modules; /* they are elsewhere */
	size_t found; /* modules in this pass */
};

/* ---- the image ---- */

/* Source: Documentation/arch/x86/boot.rst of Linux, "The Real-Mode Kernel Header". */
#define BZ_MAGIC_AT 0x202
#define BZ_VERSION_AT 0x20e
#define BZ_LEAST 0x250

static bool is_image(const uint8_t *data, size_t len)
{
	return len >= BZ_LEAST && !memcmp(data + BZ_MAGIC_AT, "HdrS", 4) &&
	       data[0x1fe] == 0x55 && data[0x1ff] == 0xaa;
}

static void read_release(struct wd_kernel_files *kernel)
{
	const struct wd_bytes *b = &kernel->image;
	size_t at = b->data[BZ_VERSION_AT] | b->data[BZ_VERSION_AT + 1] << 8;
	size_t len = 0;

	at += 0x200;
	while (at + len < b->len && len + 1 < sizeof(kernel->release) &&
	       b->data[at + len] > ' ' && b->data[at + len] < 0x7f)
		len++;
	(void)snprintf(kernel->release, sizeof(kernel->release), "%.*s",
		       (int)len, (const char *)b->data + at);
}

static int check_image(struct wd_kernel_files *kernel, char **ret_error)
{
	if (!is_image(kernel->image.data, kernel->image.len)) {
		wd_format(ret_error,
			  "is neither a kernel for x86 (vmlinuz, bzImage) nor "
			  "a package of one");
		return -EINVAL;
	}
	read_release(kernel);
	return 0;
}

static size_t head_of(const char *path, uint8_t *head, size_t most)
{
	FILE *file = fopen(path, "re");
	size_t len = file ? fread(head, 1, most, file) : 0;

	if (file)
		(void)fclose(file); /* was only read */
	return len;
}

bool wd_kernel_is_package(const char *path)
{
	uint8_t head[32];

	return head_of(path, head, sizeof(head)) == sizeof(head) &&
	       !memcmp(head, "!<arch>\ndebian-binary", 21);
}

bool wd_kernel_is_image(const char *path)
{
	uint8_t head[BZ_LEAST];

	return is_image(head, head_of(path, head, sizeof(head)));
}

/* ---- from packages ---- */

static bool is_image_name(const char *name)
{
	return strstr(name, "/boot/vmlinuz") ||
	       (strstr(name, "/modules/") && strstr(name, "/vmlinuz"));
}

static bool wants(void *ctx, const char *name)
{
	const struct reading *r = ctx;

	if (r->image && !r->kernel->image.len && is_image_name(name))
		return true;
	return !r->no_modules && wd_wanted_find(&r->wanted, name) >= 0;
}

static int take(void *ctx, const char *name, struct wd_bytes *bytes)
{
	struct reading *r = ctx;
	int nr = wd_wanted_find(&r->wanted, name);

	if (nr >= 0) {
		r->found++;
		return wd_module_add(r->kernel, &r->wanted, (size_t)nr, bytes,
				     r->temp, r->ret_error);
	}
	r->kernel->image = *bytes;
	memset(bytes, 0, sizeof(*bytes));
	return 0;
}

/* Is a module still looked for? */
static bool is_done(const struct reading *r)
{
	for (size_t i = 0; i < r->wanted.cnt; i++)
		if (!r->wanted.seen[i])
			return false;
	return true;
}

/* As often as a pass finds modules that need others. */
static int read_package(struct reading *r, const char *path)
{
	size_t before;
	int err;

	do {
		before = r->wanted.cnt;
		r->found = 0;
		err = wd_package_read(path, wants, take, r, r->ret_error);
		r->image = false;
	} while (!err && r->found && r->wanted.cnt > before && !is_done(r));
	return err;
}

/* ---- from folders ---- */

static int read_module_file(struct reading *r, const char *path)
{
	int nr = wd_wanted_find(&r->wanted, path);
	struct wd_bytes bytes = { 0 };
	int err;

	if (nr < 0)
		return 0;
	err = wd_bytes_load(&bytes, path, IMAGE_MOST);
	if (err)
		wd_format(r->ret_error, "%s: cannot be read: %s", path,
			  wd_errno(err));
	else
		err = wd_module_add(r->kernel, &r->wanted, (size_t)nr, &bytes,
				    r->temp, r->ret_error);
	wd_bytes_free(&bytes);
	if (!err)
		r->found++;
	return err;
}

static int walk(struct reading *r, const char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		err = -errno;
		wd_format(r->ret_error, "%s: cannot be read: %s", path,
			  wd_errno(err));
		return err;
	}
	while (!err && (entry = readdir(dir))) {
		struct stat st;
		char *below = NULL;

		if (entry->d_name[0] == '.')
			continue;
		wd_format(&below, "%s/%s", path, entry->d_name);
		if (!below)
			err = -ENOMEM;
		/* links lead to sources, or in circles */
		else if (lstat(below, &st))
			err = 0;
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MOST)
			err = walk(r, below, depth + 1);
		else if (S_ISREG(st.st_mode))
			err = read_module_file(r, below);
		free(below);
	}
	(void)closedir(dir); /* was only read */
	return err;
}

static int read_folder(struct reading *r, const char *path)
{
	size_t before;
	int err;

	do {
		before = r->wanted.cnt;
		r->found = 0;
		err = walk(r, path, 0);
	} while (!err && r->found && r->wanted.cnt > before && !is_done(r));
	return err;
}

/* ---- all of it ---- */

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Where the modules of a kernel in a file would be; NULL: nowhere. */
static char *guess_modules(const char *path, const char *release)
{
	const char *slash = strrchr(path, '/');
	char *guess = NULL;

	wd_format(&guess, "%.*smodules", slash ? (int)(slash + 1 - path) : 0,
		  path);
	if (guess && is_folder(guess))
		return guess;
	free(guess);
	guess = NULL;
	if (*release)
		wd_format(&guess, "/lib/modules/%s", release);
	if (guess && is_folder(guess))
		return guess;
	free(guess);
	return NULL;
}

static int read_modules(struct reading *r, const char *path)
{
	if (is_folder(path))
		return read_folder(r, path);
	if (wd_kernel_is_package(path))
		return read_package(r, path);
	wd_format(r->ret_error,
		  "%s: modules are taken from a folder or a package, and this "
		  "is neither",
		  path);
	return -EINVAL;
}

static int read_image(struct reading *r, const char *path)
{
	int err = wd_bytes_load(&r->kernel->image, path, IMAGE_MOST);

	if (err)
		wd_format(r->ret_error, "cannot be read: %s", wd_errno(err));
	return err;
}

static int read_parts(struct reading *r, const char *path, const char *modules)
{
	bool is_package = wd_kernel_is_package(path);
	char *guess = NULL;
	int err;

	r->image = true;
	r->no_modules = modules;
	err = is_package ? read_package(r, path) : read_image(r, path);
	if (err)
		return err;
	if (!r->kernel->image.len) {
		wd_format(r->ret_error,
			  "is a package without a kernel (no /boot/vmlinuz-*)");
		return -EINVAL;
	}
	err = check_image(r->kernel, r->ret_error);
	if (err)
		return err;
	r->no_modules = false;
	if (!is_package && !modules)
		modules = guess = guess_modules(path, r->kernel->release);
	if (modules)
		err = read_modules(r, modules);
	free(guess);
	wd_modules_order(r->kernel);
	return err;
}

int wd_kernel_read(const char *path, const char *modules, const char *temp,
		   struct wd_kernel_files *ret, char **ret_error)
{
	struct wd_kernel_files kernel = { .release = "" };
	struct reading r = { .kernel = &kernel,
			     .temp = temp,
			     .ret_error = ret_error };
	int err = wd_wanted_init(&r.wanted);

	if (!err)
		err = read_parts(&r, path, modules);
	if (err && !*ret_error)
		wd_format(ret_error, "cannot be read: %s", wd_errno(err));
	wd_wanted_free(&r.wanted);
	if (err)
		wd_kernel_free(&kernel);
	else
		*ret = kernel;
	return err;
}

void wd_kernel_free(struct wd_kernel_files *kernel)
{
	for (size_t i = 0; i < kernel->module_cnt; i++) {
		free(kernel->module[i].name);
		wd_bytes_free(&kernel->module[i].bytes);
	}
	free(kernel->module);
	wd_bytes_free(&kernel->image);
	memset(kernel, 0, sizeof(*kernel));
}
