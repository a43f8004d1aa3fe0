/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preflight.c - `warder preflight`: is this kernel upgrade safe? Words to
 * options, results to an exit code.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../base/opt.h"
#include "../base/table.h"
#include "../datapath/ladder.h"
#include "../preflight/child.h"
#include "../preflight/kernel.h"
#include "../preflight/preflight.h"
#include "../preflight/report.h"
#include "cmd.h"

#define QUESTIONS 4000
#define QUESTIONS_MOST 1000000
#define TIMEOUT_MS 300000
#define DEPTH_MOST 8 /* of folders below DIR */

/* Beside those of every command: it could not be tried. */
#define EXIT_UNKNOWN 4

static int64_t begin_ms;

static void show_progress(void *ctx, const char *kernel, const char *text)
{
	(void)ctx;
	wd_print(stderr, "preflight: %4.1f s  %s: %s\n",
		 (double)(wd_now_ms() - begin_ms) / 1000, kernel, text);
}

/* ---- the kernels below a folder ---- */

struct found {
	char **path;
	size_t cnt;
};

static int add_path(struct found *found, const char *path)
{
	char **grown = realloc(found->path, (found->cnt + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	found->path = grown;
	grown[found->cnt] = strdup(path);
	if (!grown[found->cnt])
		return -ENOMEM;
	found->cnt++;
	return 0;
}

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Packages that have nothing but modules, headers and so on are no kernels. */
static bool is_kernel(const char *path)
{
	const char *base = base_of(path);

	if (wd_kernel_is_package(path))
		return !strncmp(base, "linux-image-", 12) ||
		       !strncmp(base, "linux-binary-", 13);
	return wd_kernel_is_image(path);
}

static int walk(struct found *found, const char *path, int depth)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int err = dir ? 0 : -errno;

	while (!err && (entry = readdir(dir))) {
		struct stat st;
		char *below = NULL;

		if (entry->d_name[0] == '.')
			continue;
		wd_format(&below, "%s/%s", path, entry->d_name);
		if (!below)
			err = -ENOMEM;
		else if (stat(below, &st))
			err = 0; /* a link to nowhere is no kernel */
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MOST &&
			 strcmp(entry->d_name, "modules") != 0)
			err = walk(found, below, depth + 1);
		else if (S_ISREG(st.st_mode) && is_kernel(below))
			err = add_path(found, below);
		free(below);
	}
	if (dir)
		(void)closedir(dir); /* was only read */
	return err;
}

static int by_version(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

static void found_free(struct found *found)
{
	for (size_t i = 0; i < found->cnt; i++)
		free(found->path[i]);
	free(found->path);
}

/*
 * Of a linux-binary package the modules are in another one, linux-modules of
 * the same version, beside it. To be freed, NULL: there is none.
 */
static char *modules_beside(const char *path)
{
	static const char binary[] = "linux-binary-",
			  modules[] = "linux-modules-";
	const char *base = base_of(path);
	char *beside = NULL;

	if (strncmp(base, binary, sizeof(binary) - 1) != 0)
		return NULL;
	wd_format(&beside, "%.*s%s%s", (int)(base - path), path, modules,
		  base + sizeof(binary) - 1);
	if (beside && !access(beside, R_OK))
		return beside;
	free(beside);
	return NULL;
}

/* ---- options ---- */

static int number(const struct wd_args *args, const char *name, uint64_t least,
		  uint64_t most, uint64_t *ret)
{
	const char *text = wd_args_get(args, name);
	char *end = NULL;
	uint64_t value;
	char where[32];

	if (!text)
		return WD_EXIT_OK;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno && value >= least &&
	    value <= most) {
		*ret = value;
		return WD_EXIT_OK;
	}
	(void)snprintf(where, sizeof(where), "--%s", name);
	return wd_cmd_fail(args, WD_EXIT_USAGE, where,
			   "'%s' is not a number from %llu to %llu", text,
			   (unsigned long long)least, (unsigned long long)most);
}

static int read_words(const struct wd_args *args, struct wd_preflight *p)
{
	const char *accel = wd_args_get(args, "accel");
	const char *min = wd_args_get(args, "min-rung");

	p->accel = accel ?: "auto";
	if (strcmp(p->accel, "auto") != 0 && strcmp(p->accel, "tcg") != 0 &&
	    strcmp(p->accel, "kvm") != 0)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--accel",
				   "'%s' is none of auto, tcg, kvm", accel);
	if (min && wd_rung_from(min) >= WD_RUNG_HOLD)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--min-rung",
				   "'%s' is none of full, compat, minimal, nft",
				   min);
	if (!wd_args_get(args, "kernel") == !wd_args_get(args, "all"))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "",
				   "either --kernel or --all is needed");
	if (wd_args_get(args, "all") && wd_args_get(args, "modules"))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--modules",
				   "goes with --kernel only");
	return WD_EXIT_OK;
}

static int read_numbers(const struct wd_args *args, struct wd_preflight *p)
{
	const char *timeout = wd_args_get(args, "timeout");
	uint64_t most = QUESTIONS, seed = 1;
	uint32_t ms = TIMEOUT_MS;
	int code = number(args, "questions", 1, QUESTIONS_MOST, &most);

	if (!code)
		code = number(args, "seed", 0, INT64_MAX, &seed);
	if (!code && timeout && (wd_duration_parse(timeout, &ms) || !ms))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "--timeout",
				   "'%s' is not a time, as in 30, 5s or 500ms",
				   timeout);
	p->timeout_ms = (int)ms;
	p->most = (size_t)most;
	p->seed = seed;
	return code;
}

static int read_state(const struct wd_args *args, struct wd_preflight *p,
		      struct wd_state **ret_state)
{
	const char *path = wd_args_get(args, "state");
	const char *min = wd_args_get(args, "min-rung");
	enum wd_rung now;
	char *why = NULL;

	if (path && wd_state_read(path, ret_state, &why)) {
		int code = wd_cmd_fail(args, WD_EXIT_NO, path, "%s",
				       why ?: "cannot be read");

		free(why);
		return code;
	}
	p->state = *ret_state;
	p->min_rung = min;
	p->min_from = "as --min-rung says";
	now = *ret_state ? wd_rung_from((*ret_state)->rung) : WD_RUNG__MAX;
	if (!min && now == WD_RUNG_HOLD) {
		p->min_rung = wd_rung_name(WD_RUNG_NFT);
		p->min_from = "the lowest that enforces: the node has hold now";
	} else if (!min && now != WD_RUNG__MAX) {
		p->min_rung = (*ret_state)->rung;
		p->min_from = "which the node has now";
	} else if (!min) {
		p->min_rung = "compat";
		p->min_from = "since nothing tells what the node has now";
	}
	if (wd_preflight_prepare(p))
		return wd_cmd_fail(args, WD_EXIT_NO, "", "out of memory");
	return WD_EXIT_OK;
}

/* ---- results ---- */

static int write_html(const struct wd_args *args, const struct wd_preflight *p,
		      const struct wd_preflight_result *result, size_t cnt)
{
	const char *path = wd_args_get(args, "html");
	FILE *file = path ? fopen(path, "we") : NULL;
	int err = path && !file ? -errno : 0;

	if (file) {
		wd_report_html(p, result, cnt, file);
		if (ferror(file))
			err = -EIO;
		if (fclose(file) && !err)
			err = -errno;
	}
	return err ? wd_cmd_fail(args, WD_EXIT_NO, path,
				 "cannot be written: %s", wd_errno(err)) :
		     WD_EXIT_OK;
}

static int exit_code(enum wd_preflight_answer answer)
{
	switch (answer) {
	case WD_PREFLIGHT_SAFE:
		return WD_EXIT_OK;
	case WD_PREFLIGHT_UNSAFE:
		return WD_EXIT_NO;
	case WD_PREFLIGHT_UNKNOWN:
		return EXIT_UNKNOWN;
	}
	return EXIT_UNKNOWN;
}

static int tell(const struct wd_args *args, const struct wd_preflight *p,
		const struct wd_preflight_result *result, size_t cnt)
{
	struct json_object *doc;
	int code;

	if (args->json) {
		doc = wd_report_json(p, result, cnt);
		wd_cmd_json(doc);
		json_object_put(doc);
	} else {
		wd_report_text(p, result, cnt);
	}
	code = write_html(args, p, result, cnt);
	return code ? code : exit_code(wd_report_worst(result, cnt));
}

static int try_all(const struct wd_args *args, const struct wd_preflight *p,
		   const struct found *found)
{
	const char *modules = wd_args_get(args, "modules");
	struct wd_preflight_result *result =
		calloc(found->cnt + 1, sizeof(*result));
	size_t cnt = 0;
	int code;

	if (!result)
		return wd_cmd_fail(args, WD_EXIT_NO, "", "out of memory");
	for (; cnt < found->cnt && !wd_child_stopped(); cnt++) {
		char *beside = modules ? NULL :
					 modules_beside(found->path[cnt]);

		wd_preflight_kernel(p, found->path[cnt],
				    modules ? modules : beside, &result[cnt]);
		free(beside);
	}
	if (wd_child_stopped())
		code = 128 + wd_child_stopped();
	else
		code = tell(args, p, result, cnt);
	for (size_t i = 0; i < cnt; i++)
		wd_preflight_result_free(&result[i]);
	free(result);
	return code;
}

static int find_kernels(const struct wd_args *args, struct found *found)
{
	const char *all = wd_args_get(args, "all");
	int err = all ? walk(found, all, 0) :
			add_path(found, wd_args_get(args, "kernel"));

	if (err)
		return wd_cmd_fail(args, WD_EXIT_NO, all ? all : "",
				   "cannot be searched: %s", wd_errno(err));
	if (!found->cnt)
		return wd_cmd_fail(args, WD_EXIT_NO, all,
				   "no kernel is below this folder");
	qsort(found->path, found->cnt, sizeof(*found->path), by_version);
	return WD_EXIT_OK;
}

static int cmd_preflight(const struct wd_args *args)
{
	struct wd_preflight p = { .progress = args->json ? NULL :
							   show_progress };
	struct found found = { NULL, 0 };
	struct wd_state *state = NULL;
	int code = read_words(args, &p);

	begin_ms = wd_now_ms();
	if (!code)
		code = read_numbers(args, &p);
	if (!code)
		code = read_state(args, &p, &state);
	if (!code)
		code = find_kernels(args, &found);
	if (!code) {
		wd_child_signals();
		code = try_all(args, &p, &found);
	}
	found_free(&found);
	wd_preflight_fini(&p);
	wd_state_free(state);
	return code;
}

static const struct wd_opt options[] = {
	{ .name = "kernel",
	  .arg = "FILE",
	  .help = "a Debian package of a kernel, or a vmlinuz" },
	{ .name = "modules",
	  .arg = "DIR",
	  .help = "folder or package with its modules (default: of the same "
		  "package; of a\nvmlinuz `modules` beside it or "
		  "/lib/modules/RELEASE)" },
	{ .name = "all",
	  .arg = "DIR",
	  .help = "every kernel below DIR: packages linux-image-* and "
		  "linux-binary-*, and vmlinuz" },
	{ .name = "state",
	  .arg = "FILE",
	  .help = "what `warder state export` wrote; without it only the "
		  "golden packets are tried" },
	{ .name = "min-rung",
	  .arg = "RUNG",
	  .help = "the lowest rung that is safe: full, compat, minimal, nft "
		  "(default: the state's,\nelse compat)" },
	{ .name = "html", .arg = "FILE", .help = "write a page, too" },
	{ .name = "questions",
	  .arg = "N",
	  .help = "how many packets to ask about at most (default 4000)" },
	{ .name = "seed",
	  .arg = "N",
	  .help = "which ones, where there are more (default 1)" },
	{ .name = "timeout",
	  .arg = "TIME",
	  .help = "for one kernel, as 120 or 5m (default 5m)" },
	{ .name = "accel",
	  .arg = "HOW",
	  .help = "auto: KVM if it answers within seconds, else emulated; or "
		  "tcg, kvm" },
	{},
};

const struct wd_cmd wd_cmd_preflight = {
	.object = "preflight",
	.summary =
		"is this kernel upgrade safe? Boots the kernel in a throw-away "
		"machine and asks",
	.text = "Needs no root, no network and no agent: only "
		"qemu-system-x86_64, and dpkg-deb, xz or\nzstd where packages "
		"and modules are packed so. In the machine warder loads the "
		"programs\nof each rung, tries the golden packets, attaches, "
		"and answers questions about the\nnode's own policies; each "
		"answer is compared with what the tables of the state say.\n\n"
		"Exit code 0: safe, the rung is not lower than wanted and all "
		"verdicts are the same;\n1: not safe, each why on a line; "
		"2: usage; 4: not known, the kernel could not be tried.",
	.opts = options,
	.fn = cmd_preflight,
};
