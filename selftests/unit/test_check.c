/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_check.c - manifests checked without an agent, and what `warder policy
 * check` says of them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <json-c/json.h>

#include "agent/config.h"
#include "base/json.h"
#include "cmd/check.h"
#include "cmd/cmd.h"
#include "model/object.h"
#include "model/store.h"

#include "../tap.h"
#include "mdir.h"
#include "reading.h"

#define NAMESPACE "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"

static uint32_t objects[WD_KIND__MAX];
static char buf[READING_TEXT];

/* Problems of a file or directory, as reading_problems(). */
static const char *check(const char *path, int expected)
{
	struct wd_store *store = wd_store_new(NULL, NULL);
	struct wd_problems problems;

	wd_expect_int(expected,
		      wd_manifests_check(path, store, &problems, objects));
	(void)reading_problems(&problems, buf);
	wd_problems_fini(&problems);
	wd_store_free(store);
	return buf;
}

static void a_file_is_checked(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", NAMESPACE DOC("x", "1") DOC("y", "0") REFUSED(
				   "z") "---\napiVersion: v1\nkind: Secret\n");
	wd_expect_str("ignored 0 kind; isolated 13 "
		      "spec.ingress[0].ports[0].port; kept 18 spec.podSelector",
		      check(mdir_path("a.yaml"), 0));
	wd_expect_int(2, objects[WD_KIND_NETPOL]);
	wd_expect_int(1, objects[WD_KIND_NAMESPACE]);
	wd_expect_int(0, objects[WD_KIND_POD]);
	mdir_put("b.yaml", NAMESPACE);
	wd_expect_str("", check(mdir_path("b.yaml"), 0));
	wd_expect_int(0, objects[WD_KIND_NETPOL]);
	mdir_end();
}

/* Each is looked for among those before it: an object has room for 20,000. */
static void a_pod_of_too_many_named_ports_is_refused(void)
{
	static char text[128 << 10];

	mdir_begin(false);
	for (int cnt = 1024; cnt <= 1025; cnt++) {
		FILE *to = fmemopen(text, sizeof(text), "w");

		if (!wd_expect(to != NULL))
			break;
		(void)fprintf(to, "apiVersion: v1\nkind: Pod\n"
				  "metadata: {name: p, namespace: n}\n"
				  "spec:\n  containers:\n  - ports:\n");
		for (int i = 0; i < cnt; i++)
			(void)fprintf(to,
				      "    - {name: p%d, containerPort: %d}\n",
				      i, i + 1);
		wd_expect_int(0, fclose(to));
		mdir_put("a.yaml", text);
		wd_expect_str(
			cnt == 1024 ?
				"" :
				"kept 1031 spec.containers[0].ports[1024]",
			check(mdir_path("a.yaml"), 0));
		wd_expect_int(cnt == 1024, objects[WD_KIND_POD]);
	}
	mdir_end();
}

/* Also one that the agent would not look at: it was named. */
static void a_file_of_any_name_is_checked(void)
{
	mdir_begin(false);
	mdir_put("a.txt", DOC("x", "1"));
	wd_expect_str("", check(mdir_path("a.txt"), 0));
	wd_expect_int(1, objects[WD_KIND_NETPOL]);
	mdir_put("empty.yaml", "");
	wd_expect_str("", check(mdir_path("empty.yaml"), 0));
	mdir_end();
}

static void a_directory_is_checked_as_the_agent_reads_it(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1"));
	mdir_put("b.yaml", DOC("x", "2") DOC("y", "2"));
	mdir_put("c.json", "{");
	mdir_put("d.txt", UNPARSABLE);
	wd_expect_str("ignored 2 metadata.name; kept 1", check(mdir, 0));
	wd_expect_int(2, objects[WD_KIND_NETPOL]);
	mdir_end();
}

static void what_is_not_there_is_an_error(void)
{
	mdir_begin(false);
	wd_expect_str("", check(mdir_path("none"), -ENOENT));
	mdir_end();
}

/* ---- the command ---- */

static char said[READING_TEXT]; /* on stdout, paths without the directory */

static void catch_stdout(FILE *from)
{
	size_t len;
	char *at;

	if (fseek(from, 0, SEEK_SET))
		abort();
	len = fread(said, 1, sizeof(said) - 1, from);
	said[len] = '\0';
	while ((at = strstr(said, mdir)))
		memmove(at, at + strlen(mdir) + 1, strlen(at + strlen(mdir)));
}

static struct wd_config config;

/* `warder policy check NAME [SECOND]`; the exit code. */
static int run_checks(const char *name, const char *second, bool json)
{
	char *path[] = { strdup(mdir_path(name)),
			 second ? strdup(mdir_path(second)) : NULL };
	const struct wd_args args = { .cmd = &wd_cmd_policy_check,
				      .json = json,
				      .argc = second ? 2 : 1,
				      .argv = path };
	FILE *file = tmpfile();
	int saved = dup(STDOUT_FILENO);
	int code;

	if (!path[0] || !file || saved < 0)
		abort();
	(void)fflush(stdout);
	wd_expect(dup2(fileno(file), STDOUT_FILENO) >= 0);
	code = wd_check_files(&args, &config);
	(void)fflush(stdout);
	wd_expect(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	catch_stdout(file);
	(void)fclose(file);
	free(path[0]);
	free(path[1]);
	return code;
}

static int run_check(const char *name, bool json)
{
	return run_checks(name, NULL, json);
}

static void the_command_prints_file_line_and_field(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") DOC("y", "0"));
	wd_expect_int(WD_EXIT_NO, run_check("a.yaml", false));
	wd_expect_str("a.yaml:10: spec.ingress[0].ports[0].port: must be a "
		      "number from 1 to 65535\n"
		      "namespace n: quota-rules 2 of 2048\n"
		      "2 NetworkPolicy, 1 error, 0 warnings\n",
		      said);
	mdir_put("a.yaml", DOC("x", "1") DOC("x", "2"));
	wd_expect_int(WD_EXIT_OK, run_check("a.yaml", false));
	wd_expect(strstr(said, "0 errors, 1 warning\n"));
	mdir_put("a.yaml", DOC("x", "1"));
	wd_expect_int(WD_EXIT_OK, run_check("a.yaml", false));
	wd_expect_str("namespace n: quota-rules 1 of 2048\n"
		      "1 NetworkPolicy, 0 errors, 0 warnings\n",
		      said);
	wd_expect_int(WD_EXIT_NO, run_check("none.yaml", false));
	mdir_end();
}

static void the_command_prints_one_json_document(void)
{
	struct json_object *problems = NULL;
	struct json_object *doc;

	mdir_begin(false);
	mdir_put("a.yaml", DOC("x", "1") REFUSED("y"));
	wd_expect_int(WD_EXIT_NO, run_check("a.yaml", true));
	doc = json_tokener_parse(said);
	wd_expect(doc && json_object_object_get_ex(doc, "problems", &problems));
	if (problems) {
		struct json_object *first =
			json_object_array_get_idx(problems, 0);

		wd_expect_int(1, (long long)json_object_array_length(problems));
		wd_expect_str("kept", wd_json_get_str(first, "effect"));
		wd_expect_str("a.yaml", wd_json_get_str(first, "file"));
		wd_expect_int(10, wd_json_get_int(first, "line"));
		wd_expect_str("NetworkPolicy/n/y",
			      wd_json_get_str(first, "object"));
		wd_expect_str("spec.podSelector",
			      wd_json_get_str(first, "field"));
		wd_expect_int(1, wd_json_get_int(doc, "errors"));
		wd_expect_int(0, wd_json_get_int(doc, "warnings"));
	}
	json_object_put(doc);
	mdir_end();
}

/* ---- quotas ---- */

#define BLOCKS(name, cidrs) \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
	"metadata: {name: " name ", namespace: n}\nspec:\n  podSelector: {}\n" \
	"  ingress: [{from: [" cidrs "]}]\n"
#define BLOCK "{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}"

static void what_each_namespace_takes_is_told(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", BLOCKS("x", BLOCK));
	config.quota[WD_QUOTA_RULES] = 0;
	config.quota[WD_QUOTA_CIDRS] = 4;
	wd_expect_int(WD_EXIT_OK, run_check("a.yaml", false));
	wd_expect_str("namespace n: quota-rules 1, quota-cidrs 2 of 4\n"
		      "1 NetworkPolicy, 0 errors, 0 warnings\n",
		      said);
	mdir_put("b.yaml", BLOCKS("y", BLOCK));
	wd_expect_int(WD_EXIT_OK, run_checks("a.yaml", "b.yaml", false));
	wd_expect_str("namespace n: quota-rules 2, quota-cidrs 4 of 4\n"
		      "2 NetworkPolicy, 0 errors, 0 warnings\n",
		      said);
	mdir_end();
}

#define BEYOND \
	"namespace 'n' has room for 3 CIDRs in rules (quota-cidrs), which " \
	"this one goes beyond: it isolates and allows nothing\n"

/* Two files, or a directory: the second has no room. */
static void what_there_is_no_room_for_is_a_problem(void)
{
	mdir_begin(false);
	mdir_put("a.yaml", BLOCKS("x", BLOCK));
	mdir_put("b.yaml", BLOCKS("y", BLOCK));
	config.quota[WD_QUOTA_CIDRS] = 3;
	wd_expect_int(WD_EXIT_NO, run_checks("a.yaml", "b.yaml", false));
	wd_expect_str("b.yaml:2: " BEYOND
		      "namespace n: quota-rules 2, quota-cidrs 4 of 3\n"
		      "2 NetworkPolicy, 1 error, 0 warnings\n",
		      said);
	wd_expect_int(WD_EXIT_NO, run_check(".", false));
	wd_expect(strstr(said, "b.yaml:2: " BEYOND));
	wd_expect_int(WD_EXIT_OK, run_check("b.yaml", false));
	mdir_end();
}

static void quotas_are_told_in_json(void)
{
	struct json_object *doc, *first, *cidrs;

	mdir_begin(false);
	mdir_put("a.yaml", BLOCKS("x", BLOCK) BLOCKS("y", BLOCK));
	config.quota[WD_QUOTA_CIDRS] = 3;
	wd_expect_int(WD_EXIT_NO, run_check("a.yaml", true));
	doc = json_tokener_parse(said);
	first = wd_json_at(doc, "quotas", 0);
	cidrs = wd_json_get(first, "quota-cidrs");
	wd_expect_int(1, (long long)wd_json_len(doc, "quotas"));
	wd_expect_str("n", wd_json_get_str(first, "namespace"));
	wd_expect_int(4, wd_json_get_int(cidrs, "used"));
	wd_expect_int(3, wd_json_get_int(cidrs, "limit"));
	first = wd_json_at(doc, "problems", 0);
	wd_expect_str("isolated", wd_json_get_str(first, "effect"));
	wd_expect_str("NetworkPolicy/n/y", wd_json_get_str(first, "object"));
	wd_expect_int(1, wd_json_get_int(doc, "errors"));
	json_object_put(doc);
	mdir_end();
}

/* Pods have no line of their own: it is their namespace that is told of. */
static void labels_are_counted_too(void)
{
	static const char pods[] =
		"---\napiVersion: v1\nkind: Pod\n"
		"metadata: {name: a, namespace: n, labels: {app: a}}\n"
		"status: {podIPs: [{ip: 10.0.0.1}]}\n"
		"---\napiVersion: v1\nkind: Pod\n"
		"metadata: {name: b, namespace: n, labels: {app: b}}\n"
		"status: {podIPs: [{ip: 10.0.0.2}]}\n";

	mdir_begin(false);
	mdir_put("a.yaml", pods);
	config.quota[WD_QUOTA_LABELS] = 1;
	wd_expect_int(WD_EXIT_NO, run_check("a.yaml", false));
	wd_expect_str("Namespace/n: pods go beyond the 1 distinct sets of "
		      "labels that a namespace may have (quota-labels): no "
		      "rule that allows means those that came last\n"
		      "namespace n: quota-labels 2 of 1\n"
		      "2 Pod, 1 error, 0 warnings\n",
		      said);
	mdir_end();
}

int main(void)
{
	wd_config_init(&config);
	WD_TEST(a_file_is_checked);
	WD_TEST(a_pod_of_too_many_named_ports_is_refused);
	WD_TEST(a_file_of_any_name_is_checked);
	WD_TEST(a_directory_is_checked_as_the_agent_reads_it);
	WD_TEST(what_is_not_there_is_an_error);
	WD_TEST(the_command_prints_file_line_and_field);
	WD_TEST(the_command_prints_one_json_document);
	WD_TEST(what_each_namespace_takes_is_told);
	WD_TEST(what_there_is_no_room_for_is_a_problem);
	WD_TEST(quotas_are_told_in_json);
	WD_TEST(labels_are_counted_too);
	wd_config_fini(&config);
	return wd_tests_end();
}
