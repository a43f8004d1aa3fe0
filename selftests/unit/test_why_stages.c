/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_why_stages.c - what `warder why` makes of answers of agents that are older
 * than itself. The answers are as such agents gave them, but for what nobody
 * looks at here.
 */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "cmd/why_stages.h"

#include "../tap.h"

#define ASKED \
	"\"warnings\":[],\"proto\":\"tcp\",\"proto_number\":6,\"port\":5432," \
	"\"from\":{\"address\":\"10.0.0.5\"},\"to\":{\"address\":\"10.0.0.6\"}," \
	"\"generation\":7,\"bpffs\":\"/nowhere/warder\""
#define STAGE(more) "{\"stage\":\"conntrack\",\"outcome\":\"new\"" more "}"
#define HOOK(where, stages) \
	"\"hooks\":[{\"direction\":\"egress\",\"where\":\"elsewhere\"}," \
	"{\"direction\":\"ingress\",\"where\":\"" where "\"" stages "}]"
#define STAGES(stage) \
	",\"stages\":[{\"stage\":\"source\",\"outcome\":\"checked\"}," stage "]"

static void answers_of_older_agents_are_told_from_no_flows(void)
{
	static const struct {
		const char *name, *answer;
		bool is_older;
	} rows[] = {
		{ "as it is now",
		  "{" ASKED
		  "," HOOK("here", STAGES(STAGE(",\"endpoint\":3,"
						"\"port\":5432"))) "}",
		  false },
		{ "ICMP type 0, code 0",
		  "{" ASKED "," HOOK("here", STAGES(STAGE(",\"endpoint\":3,"
							  "\"port\":0"))) "}",
		  false },
		{ "before services had stages of their backends",
		  "{" ASKED
		  "," HOOK("here", STAGES(STAGE(",\"endpoint\":3"))) "}",
		  true },
		{ "before there were stages",
		  "{" ASKED "," HOOK("here", "") "}", true },
		{ "judged on another node",
		  "{" ASKED "," HOOK("elsewhere", "") "}", false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json_object *doc = json_tokener_parse(rows[i].answer);
		const char *told;

		wd_test_row(rows[i].name);
		if (!wd_expect(doc != NULL))
			continue;
		wd_stages_flows(doc);
		told = json_object_get_string(wd_json_at(doc, "warnings", 0));
		wd_expect_int(rows[i].is_older,
			      told && strstr(told, "older than this program"));
		json_object_put(doc);
	}
	wd_test_row(NULL);
}

int main(void)
{
	WD_TEST(answers_of_older_agents_are_told_from_no_flows);
	return wd_tests_end();
}
