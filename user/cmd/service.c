/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service.c - `warder service list|get`: where services lead, and what policy
 * makes of that.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../base/json.h"
#include "../base/table.h"
#include "../model/xalloc.h"
#include "cmd.h"

/* All of them, "-" if there are none. To be freed. */
static char *addresses_text(struct json_object *service)
{
	char *text = NULL;

	for (size_t i = 0; i < wd_json_len(service, "addresses"); i++) {
		char *longer = wd_xprintf("%s%s%s", text ?: "", text ? "," : "",
					  json_object_get_string(wd_json_at(
						  service, "addresses", i)));

		free(text);
		text = longer;
	}
	return text ?: wd_xstrdup("-");
}

/* As 80/tcp, 80@30080/tcp. To be freed. */
static char *ports_text(struct json_object *service)
{
	char *text = NULL;

	for (size_t i = 0; i < wd_json_len(service, "ports"); i++) {
		struct json_object *port = wd_json_at(service, "ports", i);
		long long node = wd_json_get_int(port, "node_port");
		char *at = node ? wd_xprintf("@%lld", node) : wd_xstrdup("");
		char *longer =
			wd_xprintf("%s%s%lld%s/%s", text ?: "", text ? "," : "",
				   (long long)wd_json_get_int(port, "port"), at,
				   wd_json_get_str(port, "protocol"));

		free(at);
		free(text);
		text = longer;
	}
	return text ?: wd_xstrdup("-");
}

static void print_list(struct json_object *doc)
{
	static const char *const head[] = { "NAMESPACE", "NAME",
					    "ADDRESSES", "PORTS",
					    "BACKENDS",	 "STATE",
					    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "services"); i++) {
		struct json_object *s = wd_json_at(doc, "services", i);
		char *addrs = addresses_text(s);
		char *ports = ports_text(s);
		const char *state = wd_json_get_str(s, "state");

		wd_table_cell(table, "%s", wd_json_get_str(s, "namespace"));
		wd_table_cell(table, "%s", wd_json_get_str(s, "name"));
		wd_table_cell(table, "%s", addrs);
		wd_table_cell(table, "%s", ports);
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(s, "backends"));
		wd_table_cell(table, "%s", *state ? state : "-");
		free(addrs);
		free(ports);
	}
	wd_table_print(table, stdout, "");
	if (!wd_json_len(doc, "services"))
		puts("none: no source has told of a Service");
}

static int cmd_service_list(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("service.list"),
			     WD_CMD_TIMEOUT_MS, print_list);
}

const struct wd_cmd wd_cmd_service_list = {
	.object = "service",
	.verb = "list",
	.summary = "services that sources told of, and to how many they lead",
	.text = "STATE: alike (policy cannot tell the backends apart); mixed "
		"(it can); nobody (no\nbackend is known); too many kinds, "
		"beyond quota, no room (of these nobody knows\nwhere they "
		"lead); - (nothing is translated: headless, or no address).",
	.fn = cmd_service_list,
};

/* ---- get ---- */

static void print_front(struct json_object *front)
{
	static const char *const head[] = { "BACKEND", "PORT", "KIND", "WHO",
					    NULL };
	struct wd_table *table = wd_table_new(head);
	long long port = wd_json_get_int(front, "port");
	char *at = port ? wd_xprintf("port %lld/%s", port,
				     wd_json_get_str(front, "protocol")) :
			  wd_xstrdup("each port");

	putchar('\n');
	wd_print(stdout, "%s%s, %s: %s\n",
		 wd_json_get_bool(front, "any_node") ?
			 "any address of a node, IPv" :
			 "",
		 wd_json_get_bool(front, "any_node") ?
			 (wd_json_get_int(front, "family") == 4 ? "4" : "6") :
			 wd_json_get_str(front, "address"),
		 at, wd_json_get_str(front, "state"));
	free(at);
	for (size_t i = 0; i < wd_json_len(front, "backends"); i++) {
		struct json_object *end = wd_json_at(front, "backends", i);
		const char *ns = wd_json_get_str(end, "namespace");

		wd_table_cell(table, "%s", wd_json_get_str(end, "address"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(end, "port"));
		wd_table_cell(table, "%s", wd_json_get_str(end, "kind"));
		wd_table_cell(table, "%s%s%s", ns, *ns ? "/" : "",
			      wd_json_get_str(end, "name"));
	}
	if (wd_json_len(front, "backends"))
		wd_table_print(table, stdout, "  ");
	else
		wd_table_free(table);
}

static void print_service(struct json_object *doc)
{
	const char *selector = wd_json_get_str(doc, "selector");
	long long over = wd_json_get_int(doc, "slices_beyond_quota");

	wd_show_line("service", "%s/%s%s", wd_json_get_str(doc, "namespace"),
		     wd_json_get_str(doc, "name"),
		     wd_json_get_bool(doc, "known") ?
			     "" :
			     " (only EndpointSlices of it are known)");
	wd_show_line_free("addresses", addresses_text(doc));
	wd_show_line_free("ports", ports_text(doc));
	wd_show_line("selector", "%s", *selector ? selector : "-");
	wd_show_line("slices", "%lld",
		     (long long)wd_json_get_int(doc, "slices"));
	if (over)
		wd_show_line("", "%lld more beyond the quota", over);
	wd_show_line("judged", "%s", wd_json_get_str(doc, "judged"));
	for (size_t i = 0; i < wd_json_len(doc, "fronts"); i++)
		print_front(wd_json_at(doc, "fronts", i));
}

static int cmd_service_get(const struct wd_args *args)
{
	struct json_object *req = wd_cmd_request("service.get");

	wd_json_str(req, "name", args->argv[0]);
	return wd_cmd_answer(args, req, WD_CMD_TIMEOUT_MS, print_service);
}

const struct wd_cmd wd_cmd_service_get = {
	.object = "service",
	.verb = "get",
	.args = "NS/NAME",
	.min = 1,
	.max = 1,
	.summary = "one of them: addresses, ports, the backends of each",
	.text = "judged: exact (by the backend that is chosen) or all backends "
		"(each must be\nallowed), as status says.",
	.fn = cmd_service_get,
};
