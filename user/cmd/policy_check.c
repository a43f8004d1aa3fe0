/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy_check.c - `warder policy check`: needs no root and no agent. Reads as
 * the agent does, says what is wrong, enforces nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../agent/beyond.h"
#include "../agent/config.h"
#include "../agent/quotas.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../model/clusters.h"
#include "../model/object.h"
#include "../source/manifests.h"
#include "check.h"
#include "cmd.h"

static const char *const effects[] = {
	[WD_PROBLEM_KEPT] = "kept",
	[WD_PROBLEM_ISOLATED] = "isolated",
	[WD_PROBLEM_IGNORED] = "ignored",
};

struct checking {
	const struct wd_args *args;
	const uint32_t *quota; /* of each namespace, by enum wd_quota */
	struct wd_quotas *quotas;
	struct json_object *problems; /* array, NULL when printing text */
	struct json_object *namespaces; /* the same */
	uint32_t objects[WD_KIND__MAX];
	size_t errors;
	size_t warnings;
};

static void report(struct checking *checking, const struct wd_problem *problem)
{
	struct json_object *obj;

	if (problem->effect == WD_PROBLEM_IGNORED)
		checking->warnings++;
	else
		checking->errors++;
	if (!checking->problems) {
		char line[16] = "";

		if (problem->line)
			snprintf(line, sizeof(line), ":%u", problem->line);
		wd_print(stdout, "%s%s: %s%s%s\n",
			 *problem->file ? problem->file : problem->object, line,
			 problem->field, *problem->field ? ": " : "",
			 problem->text);
		return;
	}
	obj = wd_json_push(checking->problems);
	wd_json_str(obj, "effect", effects[problem->effect]);
	wd_json_str(obj, "file", problem->file);
	wd_json_int(obj, "line", problem->line);
	wd_json_str(obj, "object", problem->object);
	wd_json_str(obj, "field", problem->field);
	wd_json_str(obj, "text", problem->text);
}

static void report_all(struct checking *checking, struct wd_problems *problems)
{
	for (size_t i = 0; i < problems->cnt; i++)
		report(checking, &problems->problem[i]);
	wd_problems_fini(problems);
}

static int check_file(struct checking *checking, const char *path)
{
	uint32_t objects[WD_KIND__MAX] = {};
	struct wd_problems problems = {};
	int err = wd_manifests_check(path, wd_quotas_store(checking->quotas),
				     &problems, objects);

	if (err) {
		checking->errors++;
		return wd_cmd_fail(checking->args, WD_EXIT_NO, path,
				   "cannot be read: %s", strerror(-err));
	}
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		checking->objects[kind] += objects[kind];
	report_all(checking, &problems);
	return WD_EXIT_OK;
}

/* ---- quotas ---- */

/* What a namespace takes, of those quotas that it takes anything of. */
static void print_namespace(void *ctx, const char *ns,
			    const uint64_t used[WD_QUOTA__MAX])
{
	const struct checking *checking = ctx;
	const char *before = ":";

	wd_print(stdout, "namespace %s", ns);
	for (int i = 0; i < WD_QUOTA__MAX; i++) {
		if (!used[i])
			continue;
		printf("%s %s %llu", before, wd_beyond_option((enum wd_quota)i),
		       (unsigned long long)used[i]);
		if (checking->quota[i])
			printf(" of %u", checking->quota[i]);
		before = ",";
	}
	putchar('\n');
}

static void put_namespace(void *ctx, const char *ns,
			  const uint64_t used[WD_QUOTA__MAX])
{
	const struct checking *checking = ctx;
	struct json_object *obj = wd_json_push(checking->namespaces);

	wd_json_str(obj, "namespace", ns);
	for (int i = 0; i < WD_QUOTA__MAX; i++) {
		struct json_object *one =
			wd_json_object(obj, wd_beyond_option((enum wd_quota)i));

		wd_json_int(one, "used", (int64_t)used[i]);
		wd_json_int(one, "limit", checking->quota[i]);
	}
}

/* All of them together, as one agent would have them. */
static void check_quotas(struct checking *checking)
{
	struct wd_problems problems = {};
	int err = wd_quotas_judge(checking->quotas, &problems);

	if (err) {
		checking->errors++;
		(void)wd_cmd_fail(checking->args, WD_EXIT_NO, "quotas",
				  "cannot be judged: %s", strerror(-err));
	}
	report_all(checking, &problems);
	wd_quotas_each(checking->quotas,
		       checking->namespaces ? put_namespace : print_namespace,
		       checking);
}

/* ---- the result ---- */

static void print_json(const struct checking *checking, struct json_object *doc,
		       bool failed)
{
	struct json_object *objects = wd_json_object(doc, "objects");

	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		wd_json_int(objects, wd_kind_name((enum wd_kind)kind),
			    checking->objects[kind]);
	wd_json_int(doc, "errors", (int64_t)checking->errors);
	wd_json_int(doc, "warnings", (int64_t)checking->warnings);
	wd_json_bool(doc, "ok", !failed);
	wd_cmd_json(doc);
}

static void print_text(const struct checking *checking)
{
	for (int kind = 0; kind < WD_KIND__MAX; kind++)
		if (checking->objects[kind])
			printf("%u %s, ", checking->objects[kind],
			       wd_kind_name((enum wd_kind)kind));
	printf("%zu error%s, %zu warning%s\n", checking->errors,
	       checking->errors == 1 ? "" : "s", checking->warnings,
	       checking->warnings == 1 ? "" : "s");
}

int wd_check_files(const struct wd_args *args, const struct wd_config *config)
{
	struct json_object *doc = json_object_new_object();
	struct checking checking = {
		.args = args,
		.quota = config->quota,
		.quotas = wd_quotas_new(config->quota),
		.problems = args->json ? wd_json_array(doc, "problems") : NULL,
		.namespaces = args->json ? wd_json_array(doc, "quotas") : NULL,
	};
	bool failed;

	for (int i = 0; i < args->argc; i++)
		(void)check_file(&checking, args->argv[i]); /* is counted */
	check_quotas(&checking);
	failed = checking.errors;
	if (args->json)
		print_json(&checking, doc, failed);
	else
		print_text(&checking);
	json_object_put(doc);
	wd_quotas_free(checking.quotas);
	return failed ? WD_EXIT_NO : WD_EXIT_OK;
}

/* Which clusters the agent is told of is not known here. */
static int check_any(const struct wd_args *args)
{
	struct wd_config config;
	int code = wd_cmd_config(args, &config);

	wd_clusters_add(WD_CLUSTERS_ANY);
	if (!code)
		code = wd_check_files(args, &config);
	wd_config_fini(&config);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "config",
	  .arg = "FILE",
	  .help = "the agent's, for the quotas of namespaces" },
	{},
};

const struct wd_cmd wd_cmd_policy_check = {
	.object = "policy",
	.verb = "check",
	.args = "FILE...",
	.min = 1,
	.max = -1,
	.summary = "find what is wrong with manifests; needs no root, no agent",
	.text = "FILE is a file or a directory of Kubernetes YAML or JSON. "
		"Prints one line for each\nproblem: file:line: field: text. "
		"Fails if an object would not be enforced as\nwritten; unknown "
		"kinds and the like are warnings. All FILEs together are one\n"
		"cluster: what each namespace takes of its quotas is told, and "
		"what there is no\nroom for is a problem. Who comes first has "
		"room, and no cluster is asked what it has.",
	.opts = opts,
	.fn = check_any,
};
