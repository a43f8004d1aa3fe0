/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beside.c - see beside.h. What is looked at, and what not, is for doctor/cilium.c.
 */
#include "beside.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../doctor/doctor.h"
#include "../events/journal.h"
#include "../model/xalloc.h"
#include "agent.h"

struct seen {
	struct json_object *findings; /* NULL: nothing is wrong */
	char *unknown; /* what could not be found out, NULL nothing */
};

static struct seen look(void)
{
	struct wd_doctor doctor;
	struct seen seen = { 0 };

	wd_doctor_init(&doctor, "");
	wd_doctor_cilium(&doctor);
	if (json_object_array_length(doctor.findings))
		seen.findings = json_object_get(doctor.findings);
	if (json_object_array_length(doctor.skipped))
		seen.unknown = wd_xstrdup(wd_json_get_str(
			json_object_array_get_idx(doctor.skipped, 0), "text"));
	wd_doctor_fini(&doctor);
	return seen;
}

static size_t length(struct json_object *findings)
{
	return findings ? json_object_array_length(findings) : 0;
}

static const char *text_at(struct json_object *findings, size_t i,
			   const char *key)
{
	return wd_json_get_str(json_object_array_get_idx(findings, i), key);
}

char *wd_beside_refuses(const struct wd_agent *agent)
{
	if (!agent->beside || agent->config.beside_cilium)
		return NULL;
	return wd_xprintf(
		"%s; %s; --beside-cilium=allow lets pods start all the same",
		text_at(agent->beside, 0, "text"),
		text_at(agent->beside, 0, "fix"));
}

static bool has_text(struct json_object *findings, const char *text)
{
	for (size_t i = 0; i < length(findings); i++)
		if (!strcmp(text, text_at(findings, i, "text")))
			return true;
	return false;
}

/* Those of @of that @less has not. */
static void tell(struct wd_agent *agent, struct json_object *of,
		 struct json_object *less, enum wd_phase phase)
{
	for (size_t i = 0; i < length(of); i++) {
		const char *text = text_at(of, i, "text");
		struct wd_happens happens = {
			.what = WD_HAPPENS_CNI,
			.phase = phase,
			.level = phase == WD_BEGINS ? WD_LOG_WARN : WD_LOG_INFO,
		};

		if (!has_text(less, text))
			wd_journal_tell(
				agent->journal, &happens, "cilium: %s%s%s",
				text,
				phase == WD_BEGINS ? "; " : "; no longer so",
				phase == WD_BEGINS ? text_at(of, i, "fix") :
						     "");
	}
}

/* The first time of each, and not each time. */
static void note_unknown(struct wd_agent *agent, char *unknown)
{
	if (unknown && !agent->beside_unknown)
		wd_warn("cilium: %s: whether packets come to pods past warder's hooks is not known",
			unknown);
	free(agent->beside_unknown);
	agent->beside_unknown = unknown;
}

void wd_beside_look(struct wd_agent *agent)
{
	struct json_object *was = agent->beside;
	struct seen seen = look();

	note_unknown(agent, seen.unknown);
	if (seen.unknown && !seen.findings)
		return;
	agent->beside = seen.findings;
	tell(agent, was, agent->beside, WD_ENDS);
	tell(agent, agent->beside, was, WD_BEGINS);
	json_object_put(was);
}

void wd_beside_put(const struct wd_agent *agent, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "beside");

	for (size_t i = 0; i < length(agent->beside); i++) {
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "object", text_at(agent->beside, i, "object"));
		wd_json_str(obj, "text", text_at(agent->beside, i, "text"));
		wd_json_str(obj, "fix", text_at(agent->beside, i, "fix"));
	}
	wd_json_str(doc, "beside_unknown", agent->beside_unknown);
}

size_t wd_beside_cnt(const struct wd_agent *agent)
{
	return length(agent->beside);
}

void wd_beside_free(struct wd_agent *agent)
{
	json_object_put(agent->beside);
	agent->beside = NULL;
	free(agent->beside_unknown);
	agent->beside_unknown = NULL;
}
