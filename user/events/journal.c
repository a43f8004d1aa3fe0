/* SPDX-License-Identifier: GPL-2.0-only */
#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/now.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "events.h"

struct wd_journal {
	struct wd_agent *agent;
	/* a ring: number n is at n modulo its size; all NULL in the beginning */
	struct json_object *kept[WD_JOURNAL_KEPT];
	uint64_t cnt;
	uint64_t of[WD_HAPPENS__MAX];
};

static const char *const names[] = {
#define NAME_(symbol, name, help) name,
	WD_HAPPENINGS(NAME_)
#undef NAME_
};

const char *wd_happening_name(enum wd_happening what)
{
	return names[what];
}

struct wd_journal *wd_journal_new(struct wd_agent *agent)
{
	struct wd_journal *journal = wd_xcalloc(1, sizeof(*journal));

	journal->agent = agent;
	return journal;
}

void wd_journal_free(struct wd_journal *journal)
{
	for (int i = 0; journal && i < WD_JOURNAL_KEPT; i++)
		json_object_put(journal->kept[i]);
	free(journal);
}

static const char *level_name(enum wd_log_level level)
{
	switch (level) {
	case WD_LOG_ERR:
		return "error";
	case WD_LOG_WARN:
		return "warning";
	case WD_LOG_INFO:
	case WD_LOG_DEBUG:
		break;
	}
	return "info";
}

static const char *phase_name(enum wd_phase phase)
{
	switch (phase) {
	case WD_BEGINS:
		return "begins";
	case WD_ENDS:
		return "ends";
	case WD_ONCE:
		break;
	}
	return NULL;
}

static struct json_object *event_of(const struct wd_happens *happens,
				    const char *text)
{
	struct json_object *doc = json_object_new_object();

	wd_query_time(doc, "time", wd_wall_ms());
	wd_json_str(doc, "agent", wd_happening_name(happens->what));
	wd_json_str(doc, "phase", phase_name(happens->phase));
	wd_json_str(doc, "level", level_name(happens->level));
	wd_json_str(doc, "text", text);
	if (!happens->about)
		return doc;
	json_object_object_foreach(happens->about, key, value)
		wd_json_add(doc, key, json_object_get(value));
	json_object_put(happens->about);
	return doc;
}

void wd_journal_tell(struct wd_journal *journal,
		     const struct wd_happens *happens, const char *fmt, ...)
{
	struct json_object **place =
		&journal->kept[journal->cnt % WD_JOURNAL_KEPT];
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	wd_log(happens->level, "%s", text ? text : "out of memory");
	json_object_put(*place);
	*place = event_of(happens, text ? text : "out of memory");
	journal->cnt++;
	journal->of[happens->what]++;
	free(text);
	/* none while the agent starts or ends */
	if (journal->agent->events)
		wd_events_agent(journal->agent->events, *place,
				happens->what == WD_HAPPENS_RUNG);
}

void wd_journal_put(const struct wd_journal *journal, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "happened");

	for (uint64_t i = 0; i < WD_JOURNAL_KEPT; i++) {
		struct json_object *event =
			journal->kept[(journal->cnt + i) % WD_JOURNAL_KEPT];

		if (event)
			json_object_array_add(array, json_object_get(event));
	}
}

uint64_t wd_journal_count(const struct wd_journal *journal,
			  enum wd_happening what)
{
	return journal->of[what];
}
