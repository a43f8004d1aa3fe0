// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_monitor_sum.c - which events of `warder monitor --aggregate` are one line.
 */
#include <stdbool.h>

#include "base/json.h"
#include "cmd/monitor_sum.h"
#include "tap.h"

static void put_side(struct json_object *event, const char *key, int port)
{
	struct json_object *side = wd_json_object(event, key);

	wd_json_str(side, "namespace", "shop");
	wd_json_str(side, "name", key);
	wd_json_int(side, "port", port);
}

static bool add(struct wd_sums *sums, int from, int to)
{
	struct json_object *event = json_object_new_object();
	bool first;

	wd_json_str(event, "direction", "ingress");
	wd_json_str(event, "verdict", "drop");
	wd_json_str(event, "reason", "DEFAULT");
	wd_json_str(event, "time", "now");
	wd_json_str(event, "proto", "tcp");
	put_side(event, "from", from);
	put_side(event, "to", to);
	first = wd_sums_add(sums, event);
	json_object_put(event);
	return first;
}

static void a_scan_from_one_low_port_is_a_line_for_each_port(void)
{
	struct wd_sums *sums = wd_sums_new(60000);

	for (int port = 2; port < 100; port++)
		wd_expect_int(true, add(sums, 1, port));
	wd_sums_free(sums);
}

static void clients_at_any_port_are_one_line(void)
{
	struct wd_sums *sums = wd_sums_new(60000);
	struct json_object *last;

	wd_expect_int(true, add(sums, 40000, 80));
	wd_expect_int(false, add(sums, 40001, 80));
	wd_expect_int(false, add(sums, 7, 80));
	last = wd_sums_due(sums, true);
	wd_expect_int(2, (long long)wd_json_get_int(last, "more"));
	json_object_put(last);
	wd_sums_free(sums);
}

int main(void)
{
	WD_TEST(a_scan_from_one_low_port_is_a_line_for_each_port);
	WD_TEST(clients_at_any_port_are_one_line);
	return wd_tests_end();
}
