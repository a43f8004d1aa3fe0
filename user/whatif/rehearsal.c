/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rehearsal.c - the child: its hands off the kernel, the files applied, and
 * who is isolated before and after. Flows are rehearsal_flows.c.
 */
#include "rehearsal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../agent/objections.h"
#include "../agent/rungs.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../model/xalloc.h"
#include "../query/query.h"
#include "../source/load.h"
#include "../source/problems.h"
#include "forked.h"
#include "rehearsal_flows.h"

/* ---- hands off ---- */

/* What was copied is of the generation that the model is of, or nobody can tell. */
static bool is_in_step(const struct wd_agent *agent)
{
	const struct wd_state_val *state =
		wd_map_window(agent->dp, WD_MAP_wd_state);
	struct wd_model_stats stats;

	wd_model_stats(agent->model, &stats);
	return state->gen == stats.gen;
}

/* Arrays are written where they are, in copies by now; entries the model remembers itself. */
static int let_go(struct wd_agent *agent)
{
	struct wd_sink sink;
	int err = wd_datapath_let_go(agent->dp);

	if (err)
		return err;
	wd_sink_nowhere(&sink);
	sink.row = wd_map_window(agent->dp, WD_MAP_wd_row);
	sink.slot = wd_map_window(agent->dp, WD_MAP_wd_slot);
	sink.span = wd_map_window(agent->dp, WD_MAP_wd_span);
	sink.class = wd_map_window(agent->dp, WD_MAP_wd_class);
	wd_model_rebind(agent->model, &sink);
	return 0;
}

/* ---- the files ---- */

struct applying {
	struct wd_agent *agent;
	struct json_object *objects; /* array */
	struct wd_problems problems;
};

static char *object_text(const struct wd_object *obj)
{
	return wd_xprintf("%s/%s%s%s", wd_kind_name(obj->kind), obj->ns,
			  *obj->ns ? "/" : "", obj->name);
}

static struct json_object *find_told(const struct applying *applying,
				     const char *text)
{
	for (size_t i = 0; i < json_object_array_length(applying->objects);
	     i++) {
		struct json_object *obj =
			json_object_array_get_idx(applying->objects, i);

		if (!strcmp(wd_json_get_str(obj, "object"), text))
			return obj;
	}
	return NULL;
}

static void tell_object(struct applying *applying, const char *text,
			const char *how, const char *file, uint32_t line)
{
	struct json_object *told = wd_json_push(applying->objects);

	wd_json_str(told, "object", text);
	wd_json_str(told, "how", how);
	wd_json_str(told, "file", file);
	wd_json_int(told, "line", line);
}

static void add_double(struct applying *applying, const char *text,
		       const struct wd_object *obj, struct json_object *first)
{
	char *why = wd_xprintf("stands in %s too, which counts here; remove "
			       "one of them",
			       wd_json_get_str(first, "file"));
	struct wd_problem problem = {
		.effect = WD_PROBLEM_IGNORED,
		.file = obj->file,
		.line = obj->line,
		.object = text,
		.field = "metadata.name",
		.text = why,
	};

	wd_problems_add(&applying->problems, &problem);
	free(why);
}

static void put_object(struct applying *applying, struct wd_object *obj)
{
	struct wd_store *store = applying->agent->store;
	char *text = object_text(obj);
	struct json_object *first = find_told(applying, text);
	bool is_new = !wd_store_get(store, obj->kind, obj->ns, obj->name);
	uint32_t line = obj->line;
	char *file = wd_xstrdup(obj->file);

	if (first) {
		add_double(applying, text, obj, first);
		wd_object_free(obj);
	} else {
		bool is_change = wd_store_put(store, obj);

		tell_object(applying, text,
			    !is_change ? "unchanged" :
			    is_new     ? "added" :
					 "replaced",
			    file, line);
	}
	free(file);
	free(text);
}

static void apply_text(struct applying *applying, const char *name, char *text,
		       size_t len)
{
	struct wd_load load;

	wd_load_text(&load, name, text, len);
	wd_problems_append(&applying->problems, &load.problems);
	wd_problems_unknown(&applying->problems, name, load.unknown,
			    load.unknown_cnt);
	for (size_t i = 0; i < load.obj_cnt; i++) {
		struct wd_object *obj = load.obj[i];

		load.obj[i] = NULL;
		put_object(applying, obj);
	}
	wd_load_fini(&load);
}

static int apply_next(struct applying *applying, int fd)
{
	struct wd_rehearsal_head head;
	char *name, *text;
	int err = wd_forked_read(fd, &head, sizeof(head));

	if (err)
		return err;
	if (head.name_bytes > WD_REHEARSAL_NAME_MAX ||
	    head.text_bytes > WD_REHEARSAL_TEXT_MAX)
		return -EPROTO;
	name = wd_xcalloc(1, head.name_bytes + 1);
	text = wd_xcalloc(1, (size_t)head.text_bytes + 1);
	err = wd_forked_read(fd, name, head.name_bytes);
	if (!err)
		err = wd_forked_read(fd, text, head.text_bytes);
	if (!err)
		apply_text(applying, name, text, head.text_bytes);
	free(name);
	free(text);
	return err == -ENODATA ? -EPROTO : err;
}

static int apply_files(struct applying *applying, int fd)
{
	int err;

	do
		err = apply_next(applying, fd);
	while (!err);
	return err == -ENODATA ? 0 : err;
}

/* Any kind, by its own name; policies also as kubectl calls them. */
static const struct wd_object *find_object(const struct wd_store *store,
					   char **part, int cnt)
{
	for (int kind = 0; kind < WD_KIND__MAX; kind++) {
		const struct wd_object *obj;

		if (strcasecmp(part[0], wd_kind_name((enum wd_kind)kind)) != 0)
			continue;
		obj = wd_store_get(store, (enum wd_kind)kind,
				   cnt == 3 ? part[1] : "", part[cnt - 1]);
		if (obj)
			return obj;
	}
	return wd_query_policy_find(store, part, cnt);
}

static void delete_one(struct applying *applying, const char *given)
{
	struct wd_store *store = applying->agent->store;
	char *copy = wd_xstrdup(given), *part[3], *text;
	int cnt = wd_query_split(copy, part, 3);
	const struct wd_object *obj =
		cnt == 2 || cnt == 3 ? find_object(store, part, cnt) : NULL;

	if (!obj) {
		struct wd_problem problem = {
			.effect = WD_PROBLEM_KEPT,
			.file = "--delete",
			.object = given,
			.field = "",
			.text = "there is no such object, nothing to delete",
		};

		wd_problems_add(&applying->problems, &problem);
	} else {
		text = object_text(obj);
		tell_object(applying, text, "deleted", obj->file, obj->line);
		(void)wd_store_del(store, obj->kind, obj->ns, obj->name, NULL);
		free(text);
	}
	free(copy);
}

/* ---- who is isolated ---- */

/* Of one endpoint before; an endpoint comes or goes with no file. */
struct stand {
	uint32_t id;
	bool isolated[WD_DIR__MAX];
	enum wd_ep_state state;
	enum wd_mode mode;
	bool on_trial;
};

struct stands {
	struct wd_agent *agent;
	struct stand *stand;
	size_t cnt, cap;
	struct json_object *changed; /* array */
};

static struct stand stand_of(const struct wd_ep_info *info)
{
	return (struct stand){
		.id = info->ep->id,
		.isolated = { info->isolated[0], info->isolated[1] },
		.state = info->state,
		.mode = info->mode,
		.on_trial = info->trial != 0,
	};
}

static void note_stand(void *ctx, const struct wd_ep_info *info)
{
	struct stands *stands = ctx;

	stands->stand = wd_grow(stands->stand, stands->cnt, &stands->cap,
				sizeof(*stands->stand));
	stands->stand[stands->cnt++] = stand_of(info);
}

static struct json_object *change_of(struct stands *stands,
				     const struct wd_endpoint *ep,
				     const char *what, const char *direction)
{
	struct json_object *obj = wd_json_push(stands->changed);

	wd_json_str(obj, "namespace", ep->ns);
	wd_json_str(obj, "name", ep->name);
	wd_json_str(obj, "what", what);
	wd_json_str(obj, "direction", direction);
	return obj;
}

static void put_isolation(struct stands *stands, const struct wd_ep_info *info,
			  enum wd_dir dir)
{
	const struct wd_query_subject of = {
		.store = stands->agent->store,
		.model = stands->agent->model,
		.pod = wd_store_get(stands->agent->store, WD_KIND_POD,
				    info->ep->ns, info->ep->name),
		.ep = info->ep,
	};
	struct json_object *obj =
		change_of(stands, info->ep,
			  info->isolated[dir] ? "isolated" : "not isolated",
			  wd_dir_name(dir));
	struct json_object *by = wd_json_array(obj, "isolated_by");

	if (of.pod)
		wd_query_isolated_by(&of, dir, by);
}

static void compare_stand(void *ctx, const struct wd_ep_info *info)
{
	struct stands *stands = ctx;
	struct stand now = stand_of(info);
	const struct stand *was = NULL;

	for (size_t i = 0; i < stands->cnt && !was; i++)
		if (stands->stand[i].id == now.id)
			was = &stands->stand[i];
	if (!was)
		return;
	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		if (was->isolated[dir] != now.isolated[dir])
			put_isolation(stands, info, (enum wd_dir)dir);
	if (was->mode != now.mode)
		(void)change_of(stands, info->ep, wd_mode_name(now.mode), NULL);
	if (was->state == now.state)
		return;
	wd_json_str(change_of(stands, info->ep,
			      now.state == WD_EP_TOO_LARGE ? "too large" :
			      now.state == WD_EP_WAITING   ? "waiting" :
							     "enforced",
			      NULL),
		    "error", info->error);
}

/* ---- the child ---- */

static bool has_problem(const struct wd_problems *list,
			const struct wd_problem *problem)
{
	for (size_t i = 0; i < list->cnt; i++)
		if (!strcmp(list->problem[i].object, problem->object) &&
		    !strcmp(list->problem[i].text, problem->text))
			return true;
	return false;
}

/* What only compiling tells: a quota that the files would go beyond. */
static void add_objections(struct applying *applying,
			   const struct wd_problems *before)
{
	struct wd_problems after;

	wd_objections(applying->agent, &after);
	for (size_t i = 0; i < after.cnt; i++)
		if (!has_problem(before, &after.problem[i]))
			wd_problems_add(&applying->problems, &after.problem[i]);
	wd_problems_fini(&after);
}

static void put_problems(const struct wd_problems *problems,
			 struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "problems");
	int64_t errors = 0;

	for (size_t i = 0; i < problems->cnt; i++) {
		wd_query_problem(&problems->problem[i], wd_json_push(array));
		errors += problems->problem[i].effect != WD_PROBLEM_IGNORED;
	}
	wd_json_int(doc, "errors", errors);
}

static void put_error(struct json_object *doc, const char *what, int err,
		      char *why)
{
	char *text = why ? wd_xstrdup(why) :
			   wd_xprintf("%s: %s", what, wd_errno(err));

	wd_json_str(doc, "error", text);
	free(text);
	free(why);
}

/* What has not come into force yet is before the files, too. */
static int commit(struct wd_agent *agent, struct json_object *doc)
{
	char *why = NULL;
	int err = wd_model_dirty(agent->model) ?
			  wd_model_commit_whole(agent->model, &why) :
			  0;

	if (err)
		put_error(doc, "compiling", err, why);
	else
		free(why);
	return err;
}

static int rehearse(struct wd_agent *agent, int fd,
		    const struct wd_rehearsal *rehearsal,
		    struct json_object *doc)
{
	struct applying applying = {
		.agent = agent,
		.objects = wd_json_array(doc, "objects"),
	};
	struct stands stands = { .agent = agent };
	struct wd_problems before;
	struct wd_rehearsal_flows *flows =
		wd_rehearsal_flows_new(agent, rehearsal->since_s);
	int err = let_go(agent);

	if (err) {
		put_error(doc, "letting go of the maps", err, NULL);
		return err;
	}
	wd_forked_keep_only(fd);
	if (!is_in_step(agent)) {
		put_error(doc, NULL, -EAGAIN,
			  wd_xstrdup("policy changed while it was copied; ask "
				     "again"));
		return -EAGAIN;
	}
	err = commit(agent, doc);
	if (err)
		return err;
	wd_objections(agent, &before);
	wd_model_endpoints(agent->model, note_stand, &stands);
	wd_rehearsal_flows_before(flows);
	err = apply_files(&applying, fd);
	if (err) {
		put_error(doc, "reading the files", err, NULL);
		return err;
	}
	for (size_t i = 0; i < json_object_array_length(rehearsal->deleted);
	     i++)
		delete_one(&applying,
			   json_object_get_string(json_object_array_get_idx(
				   rehearsal->deleted, i)));
	err = commit(agent, doc);
	if (!err)
		add_objections(&applying, &before);
	wd_problems_sort(&applying.problems);
	put_problems(&applying.problems, doc);
	if (err)
		return err;
	stands.changed = wd_json_array(doc, "endpoints");
	wd_model_endpoints(agent->model, compare_stand, &stands);
	wd_rehearsal_flows_after(flows, doc);
	return 0;
}

int wd_rehearsal_run(struct wd_agent *agent, int fd, void *ctx)
{
	const struct wd_rehearsal *rehearsal = ctx;
	struct json_object *doc = json_object_new_object();
	struct wd_model_stats stats;
	int err;

	wd_model_stats(agent->model, &stats);
	wd_json_str(doc, "node", agent->config.node);
	wd_json_str(doc, "rung", wd_rungs_name(agent));
	wd_json_int(doc, "generation", stats.gen);
	wd_json_int(doc, "since_s", rehearsal->since_s);
	err = wd_forked_idle(fd, WD_FORKED_IDLE_MS);
	if (err)
		put_error(doc, "the socket", err, NULL);
	else
		(void)rehearse(agent, fd, rehearsal,
			       doc); /* the document says it */
	return wd_forked_write_doc(fd, doc, "");
}
