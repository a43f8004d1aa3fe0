/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preflight.c - prepares a machine for one kernel, runs it, cleans up.
 */
#include "preflight.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/opt.h"
#include "../nft/library.h"
#include "asking.h"
#include "child.h"
#include "cpio.h"
#include "guest.h"
#include "kernel.h"
#include "self.h"
#include "trial.h"

int wd_preflight_prepare(struct wd_preflight *p)
{
	int err;

	if (!p->state)
		return 0;
	err = wd_questions_make(p->state, p->seed, p->most, &p->questions);
	if (err)
		return err;
	p->right = malloc(p->questions.cnt + 1);
	if (!p->right)
		return -ENOMEM;
	p->by_rules = malloc(p->questions.cnt + 1);
	if (!p->by_rules)
		return -ENOMEM;
	for (size_t i = 0; i < p->questions.cnt; i++) {
		const struct wd_question *q = &p->questions.list[i];

		p->right[i] = wd_asking_right(p->state, q);
		p->by_rules[i] = wd_trial_can(p->state, q) ?
					 wd_trial_right(p->state, q) :
					 WD_ANSWER_NONE;
	}
	return 0;
}

void wd_preflight_fini(struct wd_preflight *p)
{
	wd_questions_free(&p->questions);
	free(p->right);
	free(p->by_rules);
	p->right = p->by_rules = NULL;
}

/* The answer itself does not depend on the lines: without memory one is lost. */
static void add_line(char ***list, size_t *cnt, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void add_line(char ***list, size_t *cnt, const char *fmt, va_list ap)
{
	char **grown = realloc(*list, (*cnt + 1) * sizeof(*grown));
	char *text = NULL;

	if (!grown)
		return;
	*list = grown;
	if (vasprintf(&text, fmt, ap) >= 0)
		grown[(*cnt)++] = text;
}

void wd_preflight_why(struct wd_preflight_result *result, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&result->why, &result->why_cnt, fmt, ap);
	va_end(ap);
}

void wd_preflight_attempt(struct wd_preflight_result *result, const char *fmt,
			  ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_line(&result->attempt, &result->attempt_cnt, fmt, ap);
	va_end(ap);
}

static void free_object(struct wd_preflight_object *obj)
{
	free(obj->error);
	free(obj->log);
	free(obj->answer);
}

void wd_preflight_result_free(struct wd_preflight_result *result)
{
	for (size_t i = 0; i < result->why_cnt; i++)
		free(result->why[i]);
	for (size_t i = 0; i < result->object_cnt; i++)
		free_object(&result->object[i]);
	for (size_t i = 0; i < result->attempt_cnt; i++)
		free(result->attempt[i]);
	free(result->why);
	free(result->attempt);
	free(result->kernel);
	free(result->modules);
	free(result->datapath_error);
	free(result->late_error);
	free(result->wires_error);
	free(result->host_error);
	free(result->host_rules_error);
	free(result->golden_error);
	free(result->vm.why);
	free(result->vm.console);
	memset(result, 0, sizeof(*result));
}

/* ---- the folder ---- */

/* Flat: only files of ours are in it. */
static void remove_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char *below = NULL;

		if (entry->d_name[0] == '.')
			continue;
		wd_format(&below, "%s/%s", path, entry->d_name);
		if (below)
			(void)unlink(below); /* as below */
		free(below);
	}
	if (dir)
		(void)closedir(dir); /* was only read */
	(void)rmdir(path); /* what is left is in a folder for such */
}

static char *make_folder(int *ret_err)
{
	const char *temp = getenv("TMPDIR");
	char *path = NULL;

	wd_format(&path, "%s/warder-preflight.XXXXXX",
		  temp && *temp ? temp : "/tmp");
	*ret_err = 0;
	if (path && mkdtemp(path)) /* 0700 */
		return path;
	*ret_err = path ? -errno : -ENOMEM;
	free(path);
	return NULL;
}

/* ---- the initramfs ---- */

static int add_state(struct wd_cpio *cpio, const struct wd_state *state)
{
	struct json_object *doc = state ? wd_state_json(state) : NULL;
	const char *text;

	if (!state)
		return 0;
	text = doc ? json_object_to_json_string_ext(doc,
						    JSON_C_TO_STRING_PLAIN) :
		     NULL;
	if (text)
		wd_cpio_file(cpio, WD_GUEST_STATE, 0644, text, strlen(text));
	json_object_put(doc);
	return text ? 0 : -ENOMEM;
}

static int add_modules(struct wd_cpio *cpio,
		       const struct wd_kernel_files *kernel)
{
	for (size_t i = 0; i < kernel->module_cnt; i++) {
		const struct wd_module *module = &kernel->module[i];
		char *path = NULL;

		wd_format(&path, WD_GUEST_MODULES "/%02zu-%s", i, module->name);
		if (!path)
			return -ENOMEM;
		wd_cpio_file(cpio, path, 0644, module->bytes.data,
			     module->bytes.len);
		free(path);
	}
	return 0;
}

/*
 * Ourselves. The library of the rung below programs is in use meanwhile, so that
 * it goes along; where it is not installed, that rung is not to be had there.
 */
static int add_program(struct wd_cpio *cpio)
{
	struct wd_nft_library *lib = NULL;
	char *why = NULL;
	int err;

	if (wd_nft_library_open(&lib, &why))
		wd_debug("%s", why);
	err = wd_self_add(cpio, "init");
	wd_nft_library_close(lib);
	free(why);
	return err;
}

static int make_initrd(const struct wd_preflight *p,
		       const struct wd_kernel_files *kernel, const char *path)
{
	static const char *const folders[] = { "proc", "sys", "tmp" };
	struct wd_cpio cpio = { 0 };
	int err;

	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		wd_cpio_folder(&cpio, folders[i]);
	wd_cpio_device(&cpio, "dev/console", 5, 1);
	wd_cpio_device(&cpio, "dev/null", 1, 3);
	wd_cpio_device(&cpio, "dev/ttyS1", 4, 65);
	err = add_program(&cpio);
	if (!err)
		err = add_state(&cpio, p->state);
	if (!err)
		err = add_modules(&cpio, kernel);
	if (!err)
		err = wd_cpio_end(&cpio);
	if (!err)
		err = wd_bytes_store(&cpio.bytes, path);
	wd_cpio_free(&cpio);
	return err;
}

/* ---- one kernel ---- */

struct trial {
	const struct wd_preflight *p;
	struct wd_preflight_result *r;
	const char *dir;
	char *image; /* paths in it */
	char *initrd;
};

static void say(const struct trial *t, const char *text)
{
	if (t->p->progress)
		t->p->progress(t->p->ctx,
			       *t->r->release ? t->r->release : t->r->kernel,
			       text);
}

static void cannot(struct wd_preflight_result *r, const char *why)
{
	r->answer = WD_PREFLIGHT_UNKNOWN;
	r->vm.end = WD_VM_FAILED;
	wd_preflight_why(r, "%s", why);
}

static int write_parts(struct trial *t, struct wd_kernel_files *kernel)
{
	char *why = NULL;
	int err = wd_bytes_store(&kernel->image, t->image);

	if (!err)
		err = make_initrd(t->p, kernel, t->initrd);
	if (!err)
		return 0;
	wd_format(
		&why, "%s: the machine's files cannot be written: %s%s", t->dir,
		wd_errno(err),
		err == -ENOSPC || err == -EDQUOT ?
			"; make room there, or name another folder by TMPDIR" :
			"");
	cannot(t->r, why ?: "out of memory");
	free(why);
	return err;
}

static int prepare(struct trial *t, const char *path, const char *modules)
{
	struct wd_kernel_files kernel = { .release = "" };
	char *why = NULL;
	int err;

	say(t, "reading the kernel and its modules");
	err = wd_kernel_read(path, modules, t->dir, &kernel, &why);
	if (err) {
		cannot(t->r, why ?: "cannot be read");
		free(why);
		return err;
	}
	(void)snprintf(t->r->release, sizeof(t->r->release), "%s",
		       kernel.release);
	t->r->modules_cnt = kernel.module_cnt;
	err = write_parts(t, &kernel);
	wd_kernel_free(&kernel);
	return err;
}

static bool take_line(void *ctx, const char *line)
{
	struct trial *t = ctx;

	return wd_preflight_line(t->p, t->r, line);
}

static void run(struct trial *t)
{
	char args[128];
	const struct wd_vm vm = {
		.dir = t->dir,
		.kernel = t->image,
		.initrd = t->initrd,
		.args = args,
		.accel = t->p->accel,
		.timeout_ms = t->p->timeout_ms,
		.line = take_line,
		.ctx = t,
	};

	(void)snprintf(args, sizeof(args), WD_GUEST_COMMAND " %llu %zu",
		       (unsigned long long)t->p->seed, t->p->most);
	say(t, "booting");
	if (wd_vm_run(&vm, &t->r->vm) == WD_VM_PANIC && !t->r->ran) {
		/* the machine's fault, perhaps: a kernel that does so does it again */
		say(t, "it panicked, once more");
		free(t->r->vm.why);
		free(t->r->vm.console);
		(void)wd_vm_run(&vm, &t->r->vm);
	}
	wd_preflight_judge(t->p, t->r);
}

void wd_preflight_kernel(const struct wd_preflight *preflight, const char *path,
			 const char *modules, struct wd_preflight_result *ret)
{
	struct trial t = { .p = preflight, .r = ret };
	char *dir, *why = NULL;
	int err;

	memset(ret, 0, sizeof(*ret));
	ret->kernel = strdup(path);
	dir = make_folder(&err);
	if (!dir || !ret->kernel) {
		wd_format(&why, "no temporary folder can be made: %s",
			  wd_errno(err));
		cannot(ret, why ?: "out of memory");
		free(why);
		free(dir);
		return;
	}
	t.dir = dir;
	wd_format(&t.image, "%s/vmlinuz", dir);
	wd_format(&t.initrd, "%s/initrd", dir);
	if (!t.image || !t.initrd)
		cannot(ret, "out of memory");
	else if (!prepare(&t, path, modules))
		run(&t);
	remove_folder(dir);
	free(t.image);
	free(t.initrd);
	free(dir);
}
