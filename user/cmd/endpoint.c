/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * endpoint.c - `warder endpoint list|get`: the pod interfaces of this node.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/table.h"
#include "cmd.h"

static void cell_free(struct wd_table *table, char *text)
{
	wd_table_cell(table, "%s", text ?: "");
	free(text);
}

/* What must not be passed over is written large. */
static const char *state_of(struct json_object *ep)
{
	const char *state = wd_json_get_str(ep, "state");

	return strcmp(state, "unenforced") ? state : "UNENFORCED";
}

static void print_list(struct json_object *doc)
{
	static const char *const head[] = {
		"ENDPOINT", "INTERFACE", "ADDRESSES", "IDENTITY", ">SLOT",
		"MODE",	    "STATE",	 "ISOLATED",  NULL,
	};
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "endpoints"); i++) {
		struct json_object *ep = wd_json_at(doc, "endpoints", i);

		wd_table_cell(table, "%s/%s", wd_json_get_str(ep, "namespace"),
			      wd_json_get_str(ep, "name"));
		wd_table_cell(table, "%s", wd_json_get_str(ep, "interface"));
		cell_free(table, wd_show_join(ep, "addresses", ","));
		cell_free(table, wd_show_identity(ep, "identity"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(ep, "slot"));
		wd_table_cell(table, "%s", wd_json_get_str(ep, "mode"));
		wd_table_cell(table, "%s", state_of(ep));
		cell_free(table, wd_show_join(ep, "isolated", ","));
	}
	wd_table_print(table, stdout, "");
	if (!wd_json_len(doc, "endpoints"))
		puts("none: no pod of this node has an interface that warder was told of or found");
}

static int cmd_endpoint_list(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("endpoint.list"),
			     WD_CMD_TIMEOUT_MS, print_list);
}

const struct wd_cmd wd_cmd_endpoint_list = {
	.object = "endpoint",
	.verb = "list",
	.summary = "every guarded pod interface of this node",
	.text = "STATE: enforced; waiting (no source has told of the pod: all "
		"is dropped);\ntoo_large (its policy does not fit: all is "
		"dropped);\nunattached (programs could not be attached: "
		"nothing is judged); UNENFORCED (this\ninterface is "
		"guarded, but the pod has another device that cannot be).",
	.fn = cmd_endpoint_list,
};

/* ---- get ---- */

static void print_counters(struct json_object *counters)
{
	static const char *const head[] = { "DIRECTION", "VERDICT", ">PACKETS",
					    ">BYTES", NULL };
	static const char *const verdicts[] = { "allow", "drop", "audit" };
	struct wd_table *table = wd_table_new(head);

	if (json_object_is_type(counters, json_type_object)) {
		json_object_object_foreach(counters, dir, by_verdict)
			for (size_t i = 0; i < 3; i++) {
				struct json_object *stat =
					wd_json_get(by_verdict, verdicts[i]);

				wd_table_cell(table, "%s", dir);
				wd_table_cell(table, "%s", verdicts[i]);
				wd_table_cell(table, "%lld",
					      (long long)wd_json_get_int(
						      stat, "packets"));
				wd_table_cell(table, "%lld",
					      (long long)wd_json_get_int(
						      stat, "bytes"));
			}
	}
	putchar('\n');
	wd_table_print(table, stdout, "");
}

static bool has_answers(struct json_object *answers)
{
	return wd_json_get_int(answers, "sent") ||
	       wd_json_get_int(answers, "held") ||
	       wd_json_get_int(answers, "failed");
}

static void print_answers(struct json_object *answers)
{
	wd_show_line("when denied",
		     "the sender is told: %lld sent, %lld held back by the "
		     "rate, %lld failed",
		     (long long)wd_json_get_int(answers, "sent"),
		     (long long)wd_json_get_int(answers, "held"),
		     (long long)wd_json_get_int(answers, "failed"));
}

static void print_endpoint(struct json_object *ep)
{
	wd_show_line("endpoint", "%s/%s (instance %lld)",
		     wd_json_get_str(ep, "namespace"),
		     wd_json_get_str(ep, "name"),
		     (long long)wd_json_get_int(ep, "id"));
	wd_show_line("interface", "%s, index %lld, %s",
		     wd_json_get_str(ep, "interface"),
		     (long long)wd_json_get_int(ep, "ifindex"),
		     wd_json_get_bool(ep, "attached") ?
			     "programs attached" :
			     "PROGRAMS ARE NOT ATTACHED");
	wd_show_line("pod side", "%s, %s in %s",
		     wd_json_get_str(ep, "pod_interface"),
		     wd_json_get_str(ep, "pod_mac"),
		     *wd_json_get_str(ep, "netns") ?
			     wd_json_get_str(ep, "netns") :
			     "an unnamed namespace");
	wd_show_line_free("addresses", wd_show_join(ep, "addresses", ", "));
	wd_show_line_free("identity", wd_show_identity(ep, "identity"));
	wd_show_line_free("labels", wd_show_labels(ep, "labels"));
	wd_show_line("state", "%s, mode %s%s%s, slot %lld, generation %lld",
		     state_of(ep), wd_json_get_str(ep, "mode"),
		     wd_json_get_bool(ep, "lifted") ?
			     " (but for cluster-wide policies)" :
			     "",
		     wd_json_get_bool(ep, "slo_audit") ?
			     " as handshakes are slow (warder slo)" :
			     "",
		     (long long)wd_json_get_int(ep, "slot"),
		     (long long)wd_json_get_int(ep, "generation"));
	/* a policy may ask for them, too: what was counted tells */
	if (!strcmp(wd_json_get_str(ep, "deny_response"), "reject") ||
	    has_answers(wd_json_get(ep, "answers")))
		print_answers(wd_json_get(ep, "answers"));
	if (wd_json_get_int(ep, "trial"))
		wd_show_line("on trial",
			     "slot %lld: judged and told of, not enforced",
			     (long long)wd_json_get_int(ep, "trial"));
	if (*wd_json_get_str(ep, "error"))
		wd_show_line("error", "%s", wd_json_get_str(ep, "error"));
	wd_show_line_free("isolated", wd_show_join(ep, "isolated", ", "));
	wd_show_line_free("policies", wd_show_policies(ep, "policies"));
	print_counters(wd_json_get(ep, "counters"));
}

/* Is there traffic of the pod that nothing judges? */
static bool is_open(struct json_object *ep)
{
	const char *state = wd_json_get_str(ep, "state");

	return !strcmp(state, "unattached") || !strcmp(state, "unenforced");
}

static int cmd_endpoint_get(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("endpoint.get");
	struct json_object *result = NULL;
	int code;

	wd_json_str(req, "name", args->argv[0]);
	code = wd_cmd_ask(args, req, WD_CMD_TIMEOUT_MS, &result);
	if (code)
		return code;
	if (args->json)
		wd_cmd_json(result);
	else
		print_endpoint(result);
	code = is_open(result) ? WD_EXIT_NO : WD_EXIT_OK;
	json_object_put(result);
	return code;
}

const struct wd_cmd wd_cmd_endpoint_get = {
	.object = "endpoint",
	.verb = "get",
	.args = "NS/POD",
	.min = 1,
	.max = 1,
	.summary = "one of them: addresses, identity, policies, counters",
	.text = "Fails (1) also when the pod is unattached or UNENFORCED: not "
		"all of its traffic\nis judged.",
	.fn = cmd_endpoint_get,
};
