/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rungs.c - see rungs.h. The trying itself is datapath/ladder.c's; here is who
 * asks for it, what is written down, and what the rest of the agent must do
 * when another rung is in force.
 */
#include "rungs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/now.h"
#include "../datapath/ladder.h"
#include "../encryption/encryption.h"
#include "../events/events.h"
#include "../events/journal.h"
#include "../host/hostpolicy.h"
#include "../model/xalloc.h"
#include "agent.h"
#include "endpoints.h"
#include "hits.h"
#include "ladder_file.h"
#include "services.h"
#include "statefile.h"

#define RETRY_MS \
	10000 /* after the first transient failure, then twice as long */
#define RETRIES 5
#define FORGOTTEN_MS \
	600000 /* who falls so long after the last try has them all again */

struct wd_rungs {
	struct wd_agent *agent;
	struct wd_ladder_file file;
	struct wd_timer *retry;
	bool waits; /* for the retry */
	int retries; /* made so far since somebody asked */
	int64_t retry_ms; /* when the last one was decided, as wd_now_ms() */
	enum wd_rung told; /* by wd_rungs_look() */
	uint64_t part_told_ms[WD_PART__MAX]; /* the failure that was told last */
	bool looked; /* it has, once */
	uint64_t failures[WD_CAUSE__MAX]; /* of rungs, not of optional parts */
};

/* ---- what is asked of the ladder ---- */

static bool refused(void *ctx, const char *object, uint64_t hash,
		    enum wd_cause *ret_cause, const char **ret_text)
{
	const struct wd_rungs *rungs = ctx;
	const struct wd_refusal *r =
		wd_ladder_file_find(&rungs->file, object, hash);

	if (!r)
		return false;
	*ret_cause = r->cause;
	*ret_text = r->text;
	return true;
}

static enum wd_rung top_of(const struct wd_rungs *rungs)
{
	enum wd_rung max = rungs->agent->config.max_rung;

	return rungs->file.pinned && rungs->file.pin > max ? rungs->file.pin :
							     max;
}

static struct wd_ladder_opts opts_of(struct wd_rungs *rungs, bool anew)
{
	return (struct wd_ladder_opts){
		.top = top_of(rungs),
		.bottom = WD_RUNG_HOLD,
		.hold_open = rungs->agent->config.hold_open,
		/* to ask, an object is hashed: not where nothing is known */
		.refused = anew || !rungs->file.refusals ? NULL : refused,
		.ctx = rungs,
	};
}

/* ---- what is told and written down ---- */

static void write_log(struct wd_rungs *rungs, const struct wd_attempt *a)
{
	struct iovec part = { a->log, strlen(a->log) };
	char *name = NULL;
	int err;

	wd_format(&name, "load-%s.log", a->object);
	err = wd_statefile_put(rungs->agent->config.state_dir, name, &part, 1);
	if (err)
		wd_warn("ladder: writing %s: %s, ignoring", name,
			wd_errno(err));
	free(name);
}

static void tell_attempts(struct wd_rungs *rungs, const struct wd_ladder *l)
{
	for (int i = 0; i < l->attempts; i++) {
		const struct wd_attempt *a = &l->attempt[i];

		if (a->optional) {
			wd_info("ladder: %s", a->text);
			continue;
		}
		rungs->failures[a->cause]++;
		wd_warn("ladder: rung %s: %s%s (cause: %s)",
			wd_rung_name(a->rung), a->text ? a->text : "failed",
			a->skipped ? "; known from before, not tried" : "",
			wd_cause_name(a->cause));
		if (a->log)
			write_log(rungs, a);
	}
}

static void tell(struct wd_rungs *rungs)
{
	const struct wd_ladder *l = wd_ladder(rungs->agent->dp);

	tell_attempts(rungs, l);
	if (l->open)
		wd_err("ladder: NOTHING IS ENFORCED: no rung works, and --hold allow lets everything pass");
	else if (l->rung == WD_RUNG_HOLD)
		wd_err("ladder: rung hold: %s; see `warder ladder show`",
		       wd_rung_lacks(l->rung));
	else if (l->rung != WD_RUNG_FULL || l->kept)
		wd_warn("ladder: rung %s%s; see `warder ladder show`",
			wd_rung_name(l->rung),
			l->kept ? ", with programs of the agent before" : "");
}

static void write_down(struct wd_rungs *rungs)
{
	int err;

	wd_ladder_file_note(&rungs->file, wd_ladder(rungs->agent->dp));
	err = wd_ladder_file_write(&rungs->file,
				   rungs->agent->config.state_dir);
	if (err)
		wd_warn("ladder: writing ladder.json: %s, ignoring",
			wd_errno(err));
}

/* Of the attempts, the one that a person should act on first. */
static const struct wd_attempt *first_failure(const struct wd_ladder *l)
{
	for (int i = 0; i < l->attempts; i++)
		if (!l->attempt[i].optional)
			return &l->attempt[i];
	return l->attempts ? &l->attempt[0] : NULL;
}

static void put_reason(const struct wd_rungs *rungs, const struct wd_ladder *l,
		       struct json_object *doc)
{
	const struct wd_attempt *a = first_failure(l);
	const char *cause = NULL, *fix = NULL;
	const char *reason =
		"the programs passed the verifier and the golden packets";

	if (l->open) {
		reason = "NOTHING IS ENFORCED: no rung works, and --hold allow "
			 "lets everything pass";
	} else if (l->top == l->rung && l->rung != WD_RUNG_FULL) {
		reason = rungs->file.pinned ? "pinned by `warder ladder pin`" :
					      "--max-rung";
	} else if (l->kept && a) {
		reason = a->text;
	} else if (l->rung != WD_RUNG_FULL && a) {
		reason = a->text;
	}
	if (a && (l->rung != WD_RUNG_FULL || l->kept) && l->top != l->rung) {
		cause = wd_cause_name(a->cause);
		fix = wd_cause_fix(a->cause);
	}
	wd_json_str(doc, "rung_reason", reason ? reason : "");
	wd_json_str(doc, "rung_cause", cause);
	wd_json_str(doc, "rung_fix", fix);
}

/* ---- going ---- */

/*
 * A refusal that is nobody's fault of the moment, as of a rule of a security
 * module, may be taken back: below hold there is nothing to lose by asking. What
 * netlink refused of the trial or of filters says nothing of the programs.
 */
static bool is_shut_out(const struct wd_ladder *ladder)
{
	bool any = false;

	for (int i = 0; i < ladder->attempts; i++) {
		const struct wd_attempt *a = &ladder->attempt[i];

		any |= a->cause == WD_CAUSE_PERMISSION && !a->optional &&
		       (ladder->rung == WD_RUNG_HOLD ||
			a->stage == WD_STAGE_RUN ||
			a->stage == WD_STAGE_ATTACH);
	}
	return any && ladder->top != WD_RUNG_HOLD;
}

static void arm_retry(struct wd_rungs *rungs)
{
	const struct wd_ladder *ladder = wd_ladder(rungs->agent->dp);

	uint64_t pause_ms = (uint64_t)RETRY_MS << rungs->retries;

	if (rungs->waits || rungs->retries >= RETRIES ||
	    (!wd_ladder_transient(ladder) && !is_shut_out(ladder)))
		return;
	wd_info("ladder: trying again in %u s", (unsigned int)pause_ms / 1000);
	wd_timer_set(rungs->retry, pause_ms);
	rungs->waits = true;
	rungs->retry_ms = wd_now_ms();
	rungs->retries++;
}

/* The programs say in each event by which rung they are. */
static void note_rung(struct wd_agent *agent)
{
	struct wd_state_val *state = wd_map_mem(agent->dp, WD_MAP_wd_state);

	if (state)
		state->rung = wd_ladder(agent->dp)->rung;
}

/* @before: NULL where there was none. */
static struct wd_happens event_of(const struct wd_rungs *rungs,
				  const char *before)
{
	const struct wd_ladder *l = wd_ladder(rungs->agent->dp);
	struct wd_happens happens = {
		.what = WD_HAPPENS_RUNG,
		.level = WD_LOG_INFO,
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "rung", wd_rung_name(l->rung));
	wd_json_str(happens.about, "rung_before", before);
	wd_json_bool(happens.about, "everything_allowed", l->open);
	put_reason(rungs, l, happens.about);
	if (l->open)
		happens.level = WD_LOG_ERR;
	else if (*wd_json_get_str(happens.about, "rung_cause"))
		happens.level = WD_LOG_WARN; /* nobody wanted it */
	return happens;
}

static void tell_begin(const struct wd_rungs *rungs)
{
	const struct wd_ladder *l = wd_ladder(rungs->agent->dp);
	struct wd_happens happens;

	if (l->rung == WD_RUNG_FULL && !l->kept && !l->open)
		return;
	happens = event_of(rungs, NULL);
	wd_journal_tell(rungs->agent->journal, &happens,
			"ladder: begins on rung %s%s: %s",
			wd_rung_name(l->rung),
			l->kept ? ", with programs of the agent before" : "",
			wd_json_get_str(happens.about, "rung_reason"));
}

/*
 * Programs and the ruleset know connections each from a table of its own: those
 * of before are told to the one that is in force now.
 */
static void tell_change(const struct wd_rungs *rungs, enum wd_rung before)
{
	struct wd_agent *agent = rungs->agent;
	struct wd_happens happens = event_of(rungs, wd_rung_name(before));
	enum wd_rung now = wd_ladder(agent->dp)->rung;

	wd_journal_tell(agent->journal, &happens,
			"ladder: from rung %s to rung %s: %s",
			wd_rung_name(before), wd_rung_name(now),
			wd_json_get_str(happens.about, "rung_reason"));
	if ((before == WD_RUNG_NFT) != (now == WD_RUNG_NFT))
		wd_endpoints_seed(agent->endpoints);
}

static void tell_part(struct wd_rungs *rungs, const struct wd_attempt *a)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_PART,
		.level = WD_LOG_WARN,
		.about = json_object_new_object(),
	};

	rungs->failures[a->cause]++;
	wd_json_str(happens.about, "object", a->object);
	wd_json_str(happens.about, "cause", wd_cause_name(a->cause));
	wd_json_str(happens.about, "fix", wd_cause_fix(a->cause));
	wd_journal_tell(rungs->agent->journal, &happens,
			"ladder: %s cannot be had: %s%s (cause: %s)", a->object,
			a->text ? a->text : "failed",
			a->skipped ? "; known from before, not tried" : "",
			wd_cause_name(a->cause));
	if (a->log)
		write_log(rungs, a);
}

/* A failure that goes on is told once. */
static void look_at_parts(struct wd_rungs *rungs)
{
	const struct wd_ladder *l = wd_ladder(rungs->agent->dp);
	bool any = false;

	for (int i = 0; i < WD_PART__MAX; i++) {
		const struct wd_attempt *a = &l->part[i];
		uint64_t now = a->err ? a->at_ms : 0;

		if (now == rungs->part_told_ms[i])
			continue;
		if (now && !rungs->part_told_ms[i])
			tell_part(rungs, a);
		rungs->part_told_ms[i] = now;
		any = true;
	}
	if (any)
		write_down(rungs);
}

/* Return: is another rung in force than was told of */
static bool look(struct wd_rungs *rungs)
{
	struct wd_agent *agent = rungs->agent;
	enum wd_rung before = rungs->told;
	bool moved;

	rungs->told = wd_ladder(agent->dp)->rung;
	moved = rungs->looked && rungs->told != before;
	if (!rungs->looked)
		tell_begin(rungs);
	else if (moved)
		tell_change(rungs, before);
	rungs->looked = true;
	wd_hits_look(agent);
	look_at_parts(rungs);
	return moved;
}

/* A device may have brought it down, at the start or much later. */
void wd_rungs_look(struct wd_agent *agent)
{
	struct wd_rungs *rungs = agent->rungs;

	if (look(rungs) && wd_now_ms() - rungs->retry_ms > FORGOTTEN_MS)
		rungs->retries = 0;
	arm_retry(rungs);
}

static int climb(struct wd_rungs *rungs, bool anew, char **ret_why)
{
	struct wd_ladder_opts opts = opts_of(rungs, anew);
	struct wd_agent *agent = rungs->agent;
	bool had_programs = wd_datapath_has_programs(agent->dp);
	bool wires = wd_ladder(agent->dp)->part[WD_PART_WIRE].err;
	bool moved;
	int err;

	(void)look(rungs);
	wd_services_retry(agent);
	wd_hostpolicy_retry(agent->hostpolicy);
	wd_timer_stop(rungs->retry);
	rungs->waits = false;
	err = wd_datapath_climb(agent->dp, &opts, &moved, ret_why);
	if (moved) {
		wd_agent_rebind(agent);
		wd_events_rebind(agent->events);
	}
	if (moved || wires ||
	    had_programs != wd_datapath_has_programs(agent->dp))
		wd_encryption_reload(agent->encryption);
	note_rung(agent);
	tell(rungs);
	write_down(rungs);
	/* what changed meanwhile, or while nothing was written */
	(void)wd_agent_commit(agent);
	(void)look(rungs);
	arm_retry(rungs);
	return err;
}

static void on_retry(void *ctx)
{
	struct wd_rungs *rungs = ctx;
	char *why = NULL;

	wd_info("ladder: trying again what failed");
	(void)climb(rungs, false, &why); /* told of */
	free(why);
}

int wd_rungs_open(struct wd_agent *agent)
{
	struct wd_rungs *rungs = wd_xcalloc(1, sizeof(*rungs));
	struct wd_ladder_opts opts;
	char *why = NULL;
	int err;

	agent->rungs = rungs;
	rungs->agent = agent;
	wd_ladder_file_read(&rungs->file, agent->config.state_dir);
	opts = opts_of(rungs, false);
	err = wd_timer_new(agent->loop, on_retry, rungs, &rungs->retry);
	if (!err)
		err = wd_datapath_open_at(agent->config.bpffs, &opts,
					  &agent->dp, &why);
	if (err) {
		wd_err("%s%s%s",
		       why ? why : "datapath: ", why ? "" : wd_errno(err),
		       geteuid() ? "; the agent needs root" : "");
		free(why);
		return err;
	}
	note_rung(agent);
	tell_attempts(rungs, wd_ladder(agent->dp));
	write_down(rungs);
	arm_retry(rungs);
	return 0;
}

void wd_rungs_free(struct wd_rungs *rungs)
{
	if (!rungs)
		return;
	wd_timer_free(rungs->retry);
	wd_ladder_file_fini(&rungs->file);
	free(rungs);
}

/* ---- answers ---- */

const char *wd_rungs_name(const struct wd_agent *agent)
{
	return wd_rung_name(wd_ladder(agent->dp)->rung);
}

uint64_t wd_rungs_failures(const struct wd_agent *agent, enum wd_cause cause)
{
	return agent->rungs->failures[cause];
}

static void put_attempt(struct json_object *obj, const struct wd_attempt *a)
{
	wd_json_str(obj, "rung", wd_rung_name(a->rung));
	wd_json_str(obj, "object", a->object);
	wd_json_str(obj, "step", wd_stage_name(a->stage));
	wd_json_int(obj, "errno", -a->err);
	wd_json_str(obj, "cause", wd_cause_name(a->cause));
	wd_json_str(obj, "text", a->text ? a->text : "");
	wd_json_str(obj, "fix", wd_cause_fix(a->cause));
	wd_json_bool(obj, "optional", a->optional);
	wd_json_bool(obj, "skipped", a->skipped);
	wd_query_time(obj, "time", (int64_t)a->at_ms);
}

void wd_rungs_put(const struct wd_agent *agent, struct json_object *doc)
{
	const struct wd_ladder *l = wd_ladder(agent->dp);
	struct json_object *array;

	wd_json_str(doc, "rung", wd_rung_name(l->rung));
	wd_json_int(doc, "rung_number", l->rung);
	put_reason(agent->rungs, l, doc);
	wd_query_time(doc, "rung_since", (int64_t)l->since_ms);
	wd_json_str(doc, "rung_is", wd_rung_text(l->rung));
	wd_json_str(doc, "rung_lacks", wd_rung_lacks(l->rung));
	wd_json_str(doc, "object", l->object);
	wd_json_str(doc, "pin",
		    agent->rungs->file.pinned ?
			    wd_rung_name(agent->rungs->file.pin) :
			    NULL);
	wd_json_bool(doc, "kept", l->kept);
	wd_json_bool(doc, "frozen", l->frozen);
	wd_json_bool(doc, "everything_allowed", l->open);
	wd_json_str(doc, "tables", l->memory ? "memory" : "maps");
	array = wd_json_array(doc, "attempts");
	for (int i = 0; i < l->attempts; i++)
		put_attempt(wd_json_push(array), &l->attempt[i]);
	array = wd_json_array(doc, "parts");
	for (int i = 0; i < WD_PART__MAX; i++) {
		if (l->part[i].err)
			put_attempt(wd_json_push(array), &l->part[i]);
	}
}

static void answer(const struct wd_agent *agent, struct wd_ctl_conn *conn)
{
	struct json_object *doc = json_object_new_object();

	wd_rungs_put(agent, doc);
	wd_ctl_reply(conn, doc);
}

void wd_query_ladder_show(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	(void)req;
	wd_query_no_fd(fd);
	answer(ctx, conn);
}

/* Whatever is known of refusals: somebody wants to see for himself. */
static int go(struct wd_agent *agent, struct wd_ctl_conn *conn,
	      const char *what)
{
	char *why = NULL;
	int err;

	if (!agent->ready) {
		wd_ctl_error(conn, 3, what, "the agent is still starting");
		return -EAGAIN;
	}
	agent->rungs->retries = 0;
	err = climb(agent->rungs, true, &why);
	if (err)
		wd_ctl_error(conn, 1, what, "%s; rung %s stays in force",
			     why ? why : wd_errno(err), wd_rungs_name(agent));
	else
		answer(agent, conn);
	free(why);
	return err;
}

void wd_query_ladder_climb(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	(void)req;
	wd_query_no_fd(fd);
	(void)go(ctx, conn, "climb"); /* it has answered */
}

void wd_query_ladder_pin(void *ctx, struct wd_ctl_conn *conn,
			 struct json_object *req, int fd)
{
	const char *name = wd_json_get_str(req, "rung");
	enum wd_rung rung = wd_rung_from(name), was;
	struct wd_agent *agent = ctx;
	struct wd_ladder_file *file = &agent->rungs->file;
	bool was_pinned = file->pinned;

	was = file->pin;

	wd_query_no_fd(fd);
	if (rung == WD_RUNG__MAX && strcmp(name, "auto") != 0) {
		wd_ctl_error(conn, 2, name,
			     "is not one of full, compat, minimal, nft, hold, "
			     "auto");
		return;
	}
	if (rung != WD_RUNG__MAX && rung < agent->config.max_rung) {
		wd_ctl_error(conn, 1, name,
			     "is above --max-rung %s of this agent",
			     wd_rung_name(agent->config.max_rung));
		return;
	}
	file->pinned = rung != WD_RUNG__MAX;
	file->pin = rung;
	if (!go(agent, conn, name))
		return;
	/* what could not be had now is not asked for at the next start either */
	file->pinned = was_pinned;
	file->pin = was;
	write_down(agent->rungs);
}
