/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ladder.c - finds the rung that holds, by trying each from the top down.
 *
 * Never takes anything out of force before what comes after it is in force:
 * meanwhile an interface has both, and the stricter wins. A failure is noted
 * with its cause and changes nothing. Where all programs fail but those of an
 * agent before are in force and know our maps, they stay and are fed: that is
 * more than a ruleset could do.
 */
#include "base/now.h"
#include "ladder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"
#include "memory.h"
#include "nft/nft.h"

#define TRIES 3 /* of what may work a moment later */
#define TRIES_MS \
	300 /* but none is begun later than this, of all rungs together */
#define WAIT_US 20000 /* before the second, then twice as long */

#define NAME_(id, nr, name, is, lacks) [WD_RUNG_##id] = { name, is, lacks },
static const struct {
	const char *name, *is, *lacks;
} rungs[WD_RUNG__MAX] = { WD_RUNGS(NAME_) };
#undef NAME_

const char *wd_rung_name(enum wd_rung rung)
{
	return rungs[rung].name;
}

const char *wd_rung_text(enum wd_rung rung)
{
	return rungs[rung].is;
}

const char *wd_rung_lacks(enum wd_rung rung)
{
	return rungs[rung].lacks;
}

enum wd_rung wd_rung_from(const char *name)
{
	for (int i = 0; i < WD_RUNG__MAX; i++)
		if (!strcmp(name, rungs[i].name))
			return (enum wd_rung)i;
	return WD_RUNG__MAX;
}

/* ---- attempts ---- */

void wd_ladder_forget(struct wd_datapath *dp)
{
	struct wd_ladder *l = &dp->ladder;

	for (int i = 0; i < l->attempts; i++) {
		free(l->attempt[i].text);
		free(l->attempt[i].log);
	}
	l->attempts = 0;
}

/* The last one makes room if there is none: the first tell more. */
static struct wd_attempt *new_attempt(struct wd_datapath *dp)
{
	struct wd_ladder *l = &dp->ladder;
	struct wd_attempt *a;

	if (l->attempts == WD_ATTEMPTS_MAX) {
		a = &l->attempt[WD_ATTEMPTS_MAX - 1];
		free(a->text);
		free(a->log);
	} else {
		a = &l->attempt[l->attempts++];
	}
	*a = (struct wd_attempt){ .at_ms = (uint64_t)wd_wall_ms(),
				  .object = "" };
	return a;
}

/* What failed last, as an attempt at @rung. */
static void note(struct wd_datapath *dp, enum wd_rung rung, int err)
{
	struct wd_attempt *a = new_attempt(dp);

	if (!dp->failure.err)
		wd_fail(dp, err, WD_STAGE_PROG, "rung %s failed",
			wd_rung_name(rung));
	a->rung = rung;
	a->object = wd_object_name(rung);
	a->stage = dp->failure.stage;
	a->err = dp->failure.err;
	a->cause = wd_failure_cause(dp);
	a->text = dp->failure.text;
	a->log = dp->failure.log;
	dp->failure = (struct wd_failure){ 0 };
}

static void note_optional(struct wd_datapath *dp, enum wd_stage stage, int err,
			  const char *object, const char *what)
{
	wd_fail(dp, err, stage, "%s", what);
	note(dp, WD_RUNG_FULL, err);
	dp->ladder.attempt[dp->ladder.attempts - 1].optional = true;
	dp->ladder.attempt[dp->ladder.attempts - 1].object = object;
}

bool wd_ladder_transient(const struct wd_ladder *ladder)
{
	for (int i = 0; i < ladder->attempts; i++)
		if (wd_cause_is_transient(ladder->attempt[i].cause) &&
		    !ladder->attempt[i].optional)
			return true;
	return false;
}

const struct wd_ladder *wd_ladder(const struct wd_datapath *dp)
{
	return &dp->ladder;
}

static bool is_known_refused(struct wd_datapath *dp,
			     const struct wd_ladder_opts *opts,
			     enum wd_rung rung)
{
	const char *object = wd_object_name(rung), *text = NULL;
	enum wd_cause cause = WD_CAUSE_UNKNOWN;
	struct wd_attempt *a;

	if (!opts->refused ||
	    !opts->refused(opts->ctx, object, wd_ladder_hash(object), &cause,
			   &text))
		return false;
	a = new_attempt(dp);
	a->rung = rung;
	a->object = object;
	a->stage = WD_STAGE_PROG;
	a->cause = cause;
	a->skipped = true;
	a->text = strdup(text ? text : "refused before in this boot");
	return true;
}

/* ---- what is in force ---- */

static void reached(struct wd_datapath *dp, enum wd_rung rung)
{
	struct wd_ladder *l = &dp->ladder;

	if (!dp->opened || l->rung != rung || l->frozen || l->open)
		l->since_ms = (uint64_t)wd_wall_ms();
	l->rung = rung;
	if (rung != WD_RUNG_HOLD) /* there it is what it was */
		l->object = wd_object_name(rung);
	l->frozen = rung == WD_RUNG_HOLD;
	l->open = false;
	l->memory = dp->memory != NULL;
}

/* By links an object is what it is; by filters no better than compat. */
static enum wd_rung with_attach(const struct wd_datapath *dp,
				enum wd_rung object)
{
	return object == WD_RUNG_FULL && dp->info.attach == WD_ATTACH_CLSACT ?
		       WD_RUNG_COMPAT :
		       object;
}

static void reached_progs(struct wd_datapath *dp, enum wd_rung object)
{
	dp->engine = WD_ENGINE_PROGS;
	reached(dp, with_attach(dp, object));
	dp->ladder.object = wd_object_name(object);
}

void wd_ladder_no_tcx(struct wd_datapath *dp, int err)
{
	struct wd_ladder *l = &dp->ladder;
	struct wd_failure before = dp->failure;
	struct wd_attempt *a;

	dp->failure = (struct wd_failure){
		.stage = WD_STAGE_ATTACH,
		.err = err,
		.text = strdup("datapath: no tcx links: filters of clsact are "
			       "used"),
	};
	note(dp, WD_RUNG_FULL, err);
	dp->failure = before;
	a = &l->attempt[l->attempts - 1];
	a->optional = true;
	a->object = "tcx";
	if (err == -EINVAL || err == -EOPNOTSUPP)
		a->cause = WD_CAUSE_NO_TCX;
	dp->info.attach = WD_ATTACH_CLSACT;
	if (dp->opened && dp->engine == WD_ENGINE_PROGS && !l->frozen &&
	    l->rung == WD_RUNG_FULL)
		reached_progs(dp, WD_RUNG_FULL);
}

/* ---- programs ---- */

/* @until: as wd_now_ms(). What comes late in a load makes each try long. */
static int try_rung(struct wd_datapath *dp, const struct wd_ladder_opts *opts,
		    enum wd_rung rung, int64_t until)
{
	int err = 0;

	if (is_known_refused(dp, opts, rung))
		return -EACCES;
	for (int i = 0; i < TRIES; i++) {
		err = wd_load_rung(dp, rung);
		if (!err || !wd_cause_is_transient(wd_failure_cause(dp)) ||
		    wd_now_ms() >= until)
			break;
		if (i < TRIES - 1) {
			wd_failure_clear(dp);
			(void)usleep(WAIT_US << i);
		}
	}
	if (err)
		note(dp, rung, err);
	return err;
}

/* From the ruleset or from nothing to programs that are loaded. */
static int enter_progs(struct wd_datapath *dp, enum wd_rung rung)
{
	int err;

	if (dp->engine == WD_ENGINE_PROGS)
		return 0;
	err = wd_flow_forget(dp);
	if (!err)
		err = wd_engine_enter(dp, WD_ENGINE_PROGS);
	if (!err)
		err = wd_engine_leave(dp, WD_ENGINE_NONE);
	if (!err)
		return 0;
	wd_fail(dp, err, WD_STAGE_ATTACH, "cannot attach the programs");
	note(dp, rung, err);
	(void)wd_engine_leave(dp, WD_ENGINE_PROGS);
	return err;
}

/*
 * Locks in maps need BTF, and every object has some: where the first is refused
 * for that, the others would be, after a long look of the verifier.
 */
static bool lacks_locks(const struct wd_ladder *ladder)
{
	const struct wd_attempt *last;

	if (!ladder->attempts)
		return false;
	last = &ladder->attempt[ladder->attempts - 1];
	return last->cause == WD_CAUSE_LOCKS && !last->optional;
}

/* @then: what has to follow the loading of a rung, noted itself if it fails. */
static int descend_progs(struct wd_datapath *dp,
			 const struct wd_ladder_opts *opts,
			 int (*then)(struct wd_datapath *dp, enum wd_rung rung))
{
	int last = opts->bottom < WD_RUNG_PROG_CNT ? (int)opts->bottom :
						     WD_RUNG_PROG_CNT - 1;
	int64_t until = wd_now_ms() + TRIES_MS;
	int err = -ENOENT;

	dp->ladder.kept = false;
	for (int rung = (int)opts->top; rung <= last; rung++) {
		err = try_rung(dp, opts, (enum wd_rung)rung, until);
		if (!err && then)
			err = then(dp, (enum wd_rung)rung);
		if (!err) {
			reached_progs(dp, (enum wd_rung)rung);
			return 0;
		}
		if (lacks_locks(&dp->ladder))
			break;
	}
	return err;
}

/* All are refused, but those in force are programs, ours or of an agent before. */
static int keep_progs(struct wd_datapath *dp)
{
	struct bpf_prog_info info;
	int err = dp->opened ? 0 : wd_load_kept(dp);

	if (!err)
		err = wd_prog_info(dp->prog_fd[WD_INGRESS], &info);
	if (err)
		return err;
	dp->ladder.kept = true;
	reached_progs(dp, wd_object_rung(info.name));
	return 0;
}

/* ---- the ruleset ---- */

/*
 * By golden packets, once it is known that the kernel takes rulesets at all.
 * What they have shown to be wrong is not tried with every interface again.
 */
static int try_ruleset(struct wd_datapath *dp)
{
	int err = dp->nft_is_wrong ? -EBADMSG : wd_golden_nft(dp);

	if (dp->nft_is_wrong)
		wd_fail(dp, err, WD_STAGE_RUN,
			"this kernel carries out the ruleset wrongly, as golden packets have shown before");
	dp->nft_is_wrong = err == -EBADMSG;
	if (err != -EOPNOTSUPP)
		return err;
	note(dp, WD_RUNG_NFT, err);
	dp->ladder.attempt[dp->ladder.attempts - 1].optional = true;
	dp->ladder.attempt[dp->ladder.attempts - 1].cause = WD_CAUSE_UNKNOWN;
	return 0;
}

static int open_nft(struct wd_datapath *dp, char **ret_why)
{
	struct wd_tables tables = wd_tables(dp);
	int err = wd_nft_open(&tables, &dp->nft, ret_why);

	return err ? err : try_ruleset(dp);
}

static int enter_nft(struct wd_datapath *dp, bool filled)
{
	char *why = NULL;
	int err = dp->nft ? 0 : open_nft(dp, &why);

	if (!err)
		err = wd_engine_enter(dp, WD_ENGINE_NFT);
	if (!err && filled)
		err = wd_nft_sync(dp->nft, &why);
	if (err) {
		wd_fail(dp, err, WD_STAGE_NFT, "%s",
			why ? why : "the ruleset cannot be made");
		wd_nft_close(dp->nft);
		dp->nft = NULL;
	}
	/* what was in force is in force; this one was not to be, or is not it */
	if (err == -EBADMSG && filled)
		(void)wd_nft_remove(NULL); /* if it stays: it only drops */
	free(why);
	return err;
}

/* It goes on judging until the next commit, see let_ruleset_go(). */
static void leave_nft(struct wd_datapath *dp)
{
	if (!dp->nft)
		return;
	wd_nft_close(dp->nft);
	dp->nft = NULL;
	dp->unsynced = false;
	dp->filling = false;
	dp->ruleset_before = wd_nft_found();
}

/* ---- opening ---- */

static int use_memory(struct wd_datapath *dp)
{
	int err = wd_memory_new(&dp->memory);

	dp->info.adopted = false;
	dp->info.beside = false;
	wd_maps_close(dp);
	return err ? wd_fail(dp, err, WD_STAGE_MAP,
			     "cannot make tables in memory") :
		     0;
}

static void hold(struct wd_datapath *dp, bool open)
{
	dp->engine = WD_ENGINE_NONE;
	dp->ladder.object = "";
	dp->ladder.kept = false;
	reached(dp, WD_RUNG_HOLD);
	dp->ladder.open = open;
	dp->ladder.frozen = !open;
}

/*
 * No programs of ours: tables in memory, and a ruleset that says nothing yet.
 * What an agent before has attached stays until it says all.
 */
static int open_low(struct wd_datapath *dp, const struct wd_ladder_opts *opts)
{
	int err = use_memory(dp);

	if (err)
		return err;
	/* Of a ruleset from before it is not known what it guards: made anew. */
	if (opts->top <= WD_RUNG_NFT || wd_nft_found()) {
		err = enter_nft(dp, false);
		if (!err) {
			dp->engine = WD_ENGINE_NFT;
			reached(dp, WD_RUNG_NFT);
			dp->unsynced = true;
			dp->filling = true;
			dp->ruleset_before = wd_nft_found();
			dp->info.flows_elsewhere = dp->left_cnt > 0;
			return 0;
		}
		note(dp, WD_RUNG_NFT, err);
	}
	hold(dp, opts->hold_open);
	err = wd_engine_enter(dp, WD_ENGINE_NONE);
	return err ? wd_fail(dp, err, WD_STAGE_ATTACH,
			     "cannot close the interfaces of the pods") :
		     0;
}

static void probe_links(struct wd_datapath *dp)
{
	int err = wd_datapath_no_tcx ? -EOPNOTSUPP : wd_tcx_probe();

	dp->info.attach = WD_ATTACH_TCX;
	if (err)
		wd_ladder_no_tcx(dp, err);
}

static void probe_parts(struct wd_datapath *dp)
{
	int err = wd_events_probe();

	dp->with_events = !err;
	if (err)
		note_optional(dp, WD_STAGE_MAP, err, "wd_events",
			      "no ring buffer for events: `warder monitor` "
			      "will be silent");
	else if (dp->info.adopted)
		(void)wd_maps_mend(dp); /* else it goes on without */
	probe_links(dp);
}

/* Pinned to hold, with a ruleset of an agent before: it stays, as it is. */
static int hold_ruleset(struct wd_datapath *dp)
{
	int err = use_memory(dp);

	if (!err)
		err = enter_nft(dp, false);
	if (err)
		return err;
	dp->engine = WD_ENGINE_NFT;
	dp->filling = true;
	dp->ruleset_before = true;
	reached(dp, WD_RUNG_HOLD);
	dp->ladder.object = wd_object_name(WD_RUNG_NFT);
	return 0;
}

/*
 * Programs of ours, attached nowhere yet perhaps. A ruleset of an agent before
 * goes on judging until they guard all that it does, see let_ruleset_go(); what
 * connections did meanwhile the programs do not know.
 */
static int begin_progs(struct wd_datapath *dp)
{
	int err = 0;

	dp->ruleset_before = wd_nft_found();
	dp->info.flows_elsewhere = dp->ruleset_before;
	if (dp->ruleset_before)
		err = wd_flow_forget(dp);
	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot forget the flows of before");
	err = wd_engine_inherit(dp);
	return err ? wd_fail(dp, err, WD_STAGE_ATTACH,
			     "cannot look at the interfaces; what was in force stays") :
		     0;
}

static int open_all(struct wd_datapath *dp, const struct wd_ladder_opts *opts)
{
	int err = wd_load_prepare(dp);
	bool prepared = !err;

	dp->ladder.top = opts->top;
	if (err == -EADDRINUSE)
		return err;
	if (prepared) {
		probe_parts(dp);
		err = opts->top < WD_RUNG_PROG_CNT ?
			      descend_progs(dp, opts, NULL) :
			      -ENOENT;
	}
	if (!err)
		return begin_progs(dp);
	if (opts->bottom < WD_RUNG_NFT)
		return err; /* the failure is told as it is */
	if (!prepared) {
		note(dp, WD_RUNG_FULL, err);
		dp->info.attach = WD_ATTACH_CLSACT; /* look for both */
	}
	if (opts->top == WD_RUNG_HOLD && wd_nft_found() && !hold_ruleset(dp))
		return 0;
	if (prepared && opts->top != WD_RUNG_NFT && !keep_progs(dp)) {
		if (opts->top == WD_RUNG_HOLD)
			reached(dp, WD_RUNG_HOLD);
		return begin_progs(dp);
	}
	wd_failure_clear(dp);
	err = wd_engine_inherit(dp);
	if (err) { /* not known who has what: begin with nobody */
		note(dp, WD_RUNG_FULL, err);
		wd_failure_clear(dp);
	}
	return open_low(dp, opts);
}

/* The failure that ended it; else the first of what was tried, which tells most. */
static char *why_not(struct wd_datapath *dp, int *err)
{
	struct wd_ladder *l = &dp->ladder;

	for (int i = 0; !dp->failure.err && i < l->attempts; i++) {
		struct wd_attempt *a = &l->attempt[i];

		if (a->optional || a->skipped)
			continue;
		dp->failure = (struct wd_failure){ a->stage, a->err, a->text,
						   a->log };
		a->text = a->log = NULL;
	}
	if (dp->failure.err)
		*err = dp->failure.err;
	return wd_failure_why(dp);
}

static struct wd_datapath *new_datapath(const char *bpffs)
{
	struct wd_datapath *dp = calloc(1, sizeof(*dp));
	size_t i;

	if (!dp)
		return NULL;
	memcpy(dp->dir, bpffs, strlen(bpffs)); /* length seen to by open */
	dp->lock_fd = -1;
	dp->handle = WD_HANDLE_POD;
	wd_nf_none(dp);
	for (i = 0; i < WD_DIR__MAX; i++)
		dp->prog_fd[i] = -1;
	for (i = 0; i < WD_MAP__MAX; i++)
		dp->map_fd[i] = -1;
	return dp;
}

int wd_datapath_open_at(const char *bpffs, const struct wd_ladder_opts *opts,
			struct wd_datapath **ret_dp, char **ret_error)
{
	struct wd_datapath *dp;
	int err;

	if (strlen(bpffs) >= WD_DIR_MAX) {
		*ret_error = strdup("datapath: the bpffs directory's name is "
				    "too long");
		return -ENAMETOOLONG;
	}
	dp = new_datapath(bpffs);
	if (!dp) {
		*ret_error = strdup("datapath: out of memory");
		return -ENOMEM;
	}
	dp->hold_open = opts->hold_open;
	wd_part_forget(dp, opts);
	err = open_all(dp, opts);
	if (!err) {
		dp->opened = true;
		*ret_dp = dp;
		return 0;
	}
	*ret_error = why_not(dp, &err);
	wd_datapath_close(dp);
	return err;
}

int wd_datapath_open(const char *bpffs, struct wd_datapath **ret_dp,
		     char **ret_error)
{
	static const struct wd_ladder_opts programs = {
		.top = WD_RUNG_FULL,
		.bottom = WD_RUNG_MINIMAL,
	};

	return wd_datapath_open_at(bpffs, &programs, ret_dp, ret_error);
}

/* ---- climbing, and going down on purpose ---- */

static int climb_to_progs(struct wd_datapath *dp,
			  const struct wd_ladder_opts *opts)
{
	int err = descend_progs(dp, opts, enter_progs);

	if (!err)
		leave_nft(dp);
	return err;
}

/* The first step of a set that nothing reaches yet. */
static int fill(struct wd_datapath *dp, struct wd_memory *memory)
{
	int err = wd_maps_copy(dp, memory);

	if (err)
		return wd_fail(dp, err, WD_STAGE_MAP,
			       "cannot copy the tables into maps");
	if (!dp->info.beside)
		return 0;
	err = wd_handover_begin(dp);
	if (!err)
		err = wd_handover_finish(dp);
	if (!err)
		dp->info.beside = false;
	return err;
}

/*
 * From tables in memory to maps. What an agent before has pinned is not in
 * force any more, so the new set is made beside it and takes its place.
 */
static int make_maps(struct wd_datapath *dp, const struct wd_ladder_opts *opts)
{
	int err = wd_load_prepare(dp);

	if (!err && dp->info.adopted) {
		wd_maps_close(dp);
		dp->info.adopted = false;
		dp->info.beside = true;
		err = wd_flow_hash_key(dp);
	}
	if (err) {
		note(dp, WD_RUNG_FULL, err);
		return err;
	}
	probe_parts(dp);
	return descend_progs(dp, opts, NULL);
}

static int climb_from_memory(struct wd_datapath *dp,
			     const struct wd_ladder_opts *opts)
{
	struct wd_memory *memory = dp->memory;
	enum wd_engine before = dp->engine;
	enum wd_rung rung = dp->ladder.rung;
	int err;

	dp->memory = NULL;
	err = make_maps(dp, opts);
	if (!err) {
		enum wd_rung now = dp->ladder.rung;

		dp->engine = before;
		err = fill(dp, memory);
		if (err)
			note(dp, now, err);
		else
			err = enter_progs(dp, now);
		if (!err) {
			dp->engine = WD_ENGINE_PROGS;
			leave_nft(dp);
			wd_memory_free(memory);
			dp->ladder.memory = false;
			return 0;
		}
	}
	wd_load_undo(dp);
	dp->memory = memory;
	dp->engine = before;
	reached(dp, rung);
	return err;
}

static int go_to_nft(struct wd_datapath *dp)
{
	int err = dp->engine == WD_ENGINE_NFT ? 0 : enter_nft(dp, true);

	if (err) {
		note(dp, WD_RUNG_NFT, err);
		return err;
	}
	/* on hold some may have programs of an agent before, some be closed */
	if (dp->engine != WD_ENGINE_NFT)
		err = wd_engine_leave(dp, WD_ENGINE_PROGS);
	if (!err && dp->engine == WD_ENGINE_NONE)
		err = wd_engine_leave(dp, WD_ENGINE_NONE);
	dp->engine = WD_ENGINE_NFT;
	dp->ruleset_before = false;
	reached(dp, WD_RUNG_NFT);
	dp->ladder.kept = false;
	if (err) /* both judge: stricter, never wider */
		note_optional(dp, WD_STAGE_ATTACH, err, "nft",
			      "what was in force before cannot be taken off");
	return 0;
}

/*
 * A ruleset of an agent before guards the pods: it stays until ours says all,
 * as when the agent begins on this rung.
 */
static int take_up_ruleset(struct wd_datapath *dp)
{
	int err = enter_nft(dp, false);

	if (err) {
		note(dp, WD_RUNG_NFT, err);
		return err;
	}
	dp->engine = WD_ENGINE_NFT;
	dp->unsynced = true;
	dp->filling = true;
	dp->ladder.kept = false;
	reached(dp, WD_RUNG_NFT);
	return 0;
}

int wd_ladder_unattached(struct wd_datapath *dp, uint32_t ifindex, int err)
{
	wd_failure_clear(dp);
	wd_fail(dp, err, WD_STAGE_ATTACH,
		"programs can be attached neither by a link nor by a filter");
	note(dp, dp->ladder.rung, err);
	if (!dp->ladder.frozen &&
	    !(dp->ruleset_before ? take_up_ruleset(dp) : go_to_nft(dp)))
		return 0;
	(void)wd_hold_close(ifindex); /* it is tried again */
	return err;
}

static int climb(struct wd_datapath *dp, const struct wd_ladder_opts *opts,
		 bool *ret_moved)
{
	int err = -ENOENT;

	if (opts->top < WD_RUNG_PROG_CNT && dp->memory) {
		err = climb_from_memory(dp, opts);
		*ret_moved = !err;
	} else if (opts->top < WD_RUNG_PROG_CNT) {
		probe_links(dp); /* where they can be had by now */
		err = climb_to_progs(dp, opts);
	}
	if (err && dp->engine == WD_ENGINE_PROGS &&
	    opts->top < WD_RUNG_PROG_CNT)
		return keep_progs(dp);
	if (err && opts->top <= WD_RUNG_NFT && opts->bottom >= WD_RUNG_NFT)
		err = go_to_nft(dp);
	return err;
}

int wd_datapath_climb(struct wd_datapath *dp, const struct wd_ladder_opts *opts,
		      bool *ret_moved, char **ret_error)
{
	struct wd_ladder *l = &dp->ladder;
	bool was_open = l->open;
	int err;

	*ret_moved = false;
	if (dp->info.beside)
		return -EAGAIN;
	wd_ladder_forget(dp);
	wd_part_forget(dp, opts);
	wd_failure_clear(dp);
	dp->nft_is_wrong = false; /* it is tried anew */
	l->top = opts->top;
	if (opts->top == WD_RUNG_HOLD) {
		if (dp->engine != WD_ENGINE_NONE)
			reached(dp, WD_RUNG_HOLD);
		return 0;
	}
	err = climb(dp, opts, ret_moved);
	if (err && dp->engine != WD_ENGINE_NONE) {
		/* what is in force stays, and is written again */
		if (dp->engine == WD_ENGINE_NFT)
			reached(dp, WD_RUNG_NFT);
		else
			(void)keep_progs(dp);
	} else if (err) {
		l->open = was_open;
		l->frozen = !was_open;
	}
	if (err)
		*ret_error = why_not(dp, &err);
	return err;
}

struct unguarded {
	struct wd_datapath *dp;
	bool any;
};

/* Does the ruleset of before guard an interface that programs do not? */
static void see_guarded(void *ctx, uint32_t ifindex)
{
	struct unguarded *u = ctx;
	int err = wd_progs_check(u->dp, ifindex);

	u->any |= err && err != -ENODEV;
}

static int let_ruleset_go(struct wd_datapath *dp, char **ret_error)
{
	struct unguarded u = { .dp = dp };
	int err = wd_nft_devices(see_guarded, &u);

	if (!err && u.any)
		return 0; /* asked again; meanwhile both judge the others */
	if (!err)
		err = wd_nft_remove(ret_error);
	if (!err)
		dp->ruleset_before = false;
	return err;
}

/*
 * deny: the kernel has another ruleset than it was given, on the way onto this
 * rung. What programs of before guard stays theirs, all others are closed, and
 * then the ruleset decides nothing any more.
 */
static int give_ruleset_up(struct wd_datapath *dp, int err, const char *why)
{
	int closed;

	wd_failure_clear(dp);
	wd_fail(dp, err, WD_STAGE_NFT, "%s", why ? why : "");
	note(dp, WD_RUNG_NFT, err);
	wd_nft_close(dp->nft);
	dp->nft = NULL;
	dp->unsynced = dp->filling = dp->ruleset_before = false;
	hold(dp, dp->hold_open);
	closed = wd_engine_enter(dp, WD_ENGINE_NONE);
	if (!closed)
		(void)wd_nft_remove(NULL); /* if it stays: it only drops */
	return err;
}

int wd_datapath_settle(struct wd_datapath *dp, char **ret_error)
{
	int err;

	if (dp->engine == WD_ENGINE_PROGS && dp->ruleset_before)
		return let_ruleset_go(dp, ret_error);
	if (dp->engine != WD_ENGINE_NFT || !dp->unsynced)
		return 0;
	err = wd_nft_sync(dp->nft, ret_error);
	if (err == -EBADMSG && dp->filling)
		return give_ruleset_up(dp, err, ret_error ? *ret_error : NULL);
	if (err)
		return err;
	dp->unsynced = false;
	if (!dp->filling)
		return 0;
	dp->filling = false;
	dp->ruleset_before = false;
	err = wd_engine_leave(dp, WD_ENGINE_PROGS);
	if (!err)
		err = wd_engine_leave(dp, WD_ENGINE_NONE);
	if (err)
		note_optional(dp, WD_STAGE_ATTACH, err, "nft",
			      "programs of an agent before cannot be taken "
			      "off: they go on judging, too");
	return 0;
}

bool wd_datapath_unsettled(const struct wd_datapath *dp)
{
	return dp->engine == WD_ENGINE_NFT   ? dp->unsynced :
	       dp->engine == WD_ENGINE_PROGS ? dp->ruleset_before :
					       false;
}
