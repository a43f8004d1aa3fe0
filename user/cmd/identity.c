/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.c - `warder identity list|get`: the label sets behind the numbers.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../base/json.h"
#include "../base/table.h"
#include "cmd.h"

static void print_list(struct json_object *doc)
{
	static const char *const head[] = { "ID", "NAMESPACE", "LABELS", "USED",
					    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "identities"); i++) {
		struct json_object *id = wd_json_at(doc, "identities", i);
		bool reserved = wd_json_get(id, "addresses") != NULL;
		int64_t used =
			wd_json_get_int(id, reserved ? "addresses" : "pods");
		char *labels = wd_show_labels(id, "labels");

		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(id, "id"));
		wd_table_cell(table, "%s", wd_json_get_str(id, "namespace"));
		wd_table_cell(table, "%s",
			      reserved ? wd_json_get_str(id, "name") : labels);
		wd_table_cell(table, "%lld %s%s", (long long)used,
			      reserved ? "address" : "pod",
			      used == 1 ? "" :
			      reserved	? "es" :
					  "s");
		free(labels);
	}
	wd_table_print(table, stdout, "");
}

static int cmd_identity_list(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("identity.list"),
			     WD_CMD_TIMEOUT_MS, print_list);
}

const struct wd_cmd wd_cmd_identity_list = {
	.object = "identity",
	.verb = "list",
	.summary = "identities in use: number, namespace, labels",
	.fn = cmd_identity_list,
};

/* ---- get ---- */

static void print_row(struct json_object *row)
{
	static const char *const head[] = { "ADDRESS", "KIND", "WHO", "LOCAL",
					    NULL };
	struct wd_table *table = wd_table_new(head);

	printf("\nrow %lld: what policies can say of these addresses\n",
	       (long long)wd_json_get_int(row, "row"));
	for (size_t i = 0; i < wd_json_len(row, "predicates"); i++)
		wd_print(stdout, "  %s\n",
			 wd_json_get_str(wd_json_at(row, "predicates", i),
					 "text"));
	if (!wd_json_len(row, "predicates"))
		puts("  nothing that a policy of this node asks for");
	for (size_t i = 0; i < wd_json_len(row, "addresses"); i++) {
		struct json_object *addr = wd_json_at(row, "addresses", i);
		const char *ns = wd_json_get_str(addr, "namespace");

		wd_table_cell(table, "%s", wd_json_get_str(addr, "address"));
		wd_table_cell(table, "%s", wd_json_get_str(addr, "kind"));
		wd_table_cell(table, "%s%s%s", ns, *ns ? "/" : "",
			      wd_json_get_str(addr, "name"));
		wd_table_cell(table, "%s",
			      wd_json_get_bool(addr, "local") ? "yes" : "no");
	}
	wd_table_print(table, stdout, "  ");
}

static void print_identity(struct json_object *doc)
{
	const char *name = wd_json_get_str(doc, "name");
	const char *ns = wd_json_get_str(doc, "namespace");

	wd_show_line("identity", "%lld%s%s%s",
		     (long long)wd_json_get_int(doc, "id"), *name ? " (" : "",
		     name, *name ? ")" : "");
	wd_show_line("namespace", "%s", *ns ? ns : "-");
	wd_show_line_free("labels", wd_show_labels(doc, "labels"));
	for (size_t i = 0; i < wd_json_len(doc, "rows"); i++)
		print_row(wd_json_at(doc, "rows", i));
}

static int cmd_identity_get(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("identity.get");

	wd_json_str(req, "name", args->argv[0]);
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_identity);
}

const struct wd_cmd wd_cmd_identity_get = {
	.object = "identity",
	.verb = "get",
	.args = "ID|ADDR",
	.min = 1,
	.max = 1,
	.summary = "one of them: labels, addresses, the predicates that hold",
	.text = "ID is a number or a reserved name (host, world, remote-node); "
		"with ADDR the answer is\nabout that address alone, known or "
		"not.",
	.fn = cmd_identity_get,
};
