/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * map.c - `warder map list`: where to look with bpftool, and how full it is.
 */
#include <stdio.h>

#include "../base/json.h"
#include "../base/table.h"
#include "cmd.h"

static void print_list(struct json_object *doc)
{
	static const char *const head[] = {
		"LOOK AT IT BY", "TYPE", ">USED", ">MAX", ">MEMORY", "FOR", NULL
	};
	struct wd_table *table = wd_table_new(head);
	uint64_t total = 0;
	char buf[WD_BYTES_STRLEN];

	for (size_t i = 0; i < wd_json_len(doc, "maps"); i++) {
		struct json_object *map = wd_json_at(doc, "maps", i);
		uint64_t bytes = (uint64_t)wd_json_get_int(map, "bytes");

		wd_table_cell(table, "%s", wd_json_get_str(map, "bpftool"));
		wd_table_cell(table, "%s", wd_json_get_str(map, "type"));
		if (wd_json_get(map, "used"))
			wd_table_cell(table, "%lld",
				      (long long)wd_json_get_int(map, "used"));
		else
			wd_table_cell(table, "-");
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(map, "max"));
		wd_table_cell(table, "%s", wd_bytes_str(bytes, buf));
		wd_table_cell(table, "%s", wd_json_get_str(map, "purpose"));
		total += bytes;
	}
	wd_table_print(table, stdout, "");
	printf("%zu maps, %s\n", wd_json_len(doc, "maps"),
	       wd_bytes_str(total, buf));
}

static int cmd_map_list(const struct wd_args *args)
{
	return wd_cmd_answer(args, wd_cmd_request("map.list"),
			     WD_CMD_TIMEOUT_MS, print_list);
}

const struct wd_cmd wd_cmd_map_list = {
	.object = "map",
	.verb = "list",
	.summary = "every map: pin, use and limit, memory, what it is for",
	.text = "Each line begins with the command that prints the map with "
		"the names of its\nfields; arrays are printed whole, some are "
		"large. One entry, by its number in\nfour bytes, lowest first: "
		"`bpftool map lookup pinned PIN key 3 0 0 0`. Of the\nring "
		"buffer only the agent reads the entries.",
	.fn = cmd_map_list,
};
