/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.c - from what a guest said to safe or not, and one line for each why.
 *
 * Safe is a kernel on which the programs of a rung that is not lower than
 * asked for load, give the golden verdicts, can be attached, and answer every
 * question as the tables say; or the ruleset does, where nft is not lower. What
 * is not known is not safe.
 *
 * Where programs are in force, the ruleset is what is left if they fail some
 * day: that it cannot be had, or is stricter, is told and makes nothing unsafe;
 * that it lets pass what policy does not, does.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/names.h"
#include "../base/opt.h"
#include "../datapath/ladder.h"
#include "asking.h"
#include "preflight.h"
#include "trial.h"

/* By function the verifier does not tell which calls which. */
uint32_t wd_preflight_stack(const char *stack, bool *ret_all)
{
	static const char chain[] = "max ";
	uint32_t most = 0;
	char *end;

	*ret_all = !strncmp(stack, chain, sizeof(chain) - 1);
	if (*ret_all)
		stack += sizeof(chain) - 1;

	while (*stack >= '0' && *stack <= '9') {
		uint32_t bytes = (uint32_t)strtoul(stack, &end, 10);

		if (bytes > most)
			most = bytes;
		stack = *end == '+' ? end + 1 : end;
	}
	return most;
}

static const char *verdict_of(uint8_t answer)
{
	if (answer == WD_ANSWER_FAILED)
		return "cannot be asked";
	return answer & WD_ANSWER_PASSES ? "passes" : "drops";
}

static const char *reason_of(uint8_t answer)
{
	return answer == WD_ANSWER_FAILED ?
		       "-" :
		       wd_reason_name(answer & ~WD_ANSWER_PASSES);
}

char *wd_preflight_diff_text(const struct wd_preflight *preflight,
			     const struct wd_preflight_result *result,
			     const struct wd_preflight_diff *diff)
{
	const struct wd_question *q =
		&preflight->questions.list[diff->question];
	char *packet = wd_question_text(q), *text = NULL;

	wd_format(&text, "%s: %s %s %s: here %s (%s), there %s (%s)",
		  result->object[diff->object].name,
		  preflight->state->ep[q->ep].name, wd_dir_name(q->dir),
		  packet ? packet : "", verdict_of(diff->here),
		  reason_of(diff->here), verdict_of(diff->there),
		  reason_of(diff->there));
	free(packet);
	return text;
}

static void unsafe(struct wd_preflight_result *result)
{
	if (result->answer == WD_PREFLIGHT_SAFE)
		result->answer = WD_PREFLIGHT_UNSAFE;
}

static void not_known(struct wd_preflight_result *r)
{
	if (r->answer == WD_PREFLIGHT_SAFE)
		r->answer = WD_PREFLIGHT_UNKNOWN;
}

/* ---- questions ---- */

const struct wd_preflight_object *
wd_preflight_ruleset(const struct wd_preflight_result *result)
{
	for (size_t i = 0; i < result->object_cnt; i++)
		if (wd_rung_from(result->object[i].rung) == WD_RUNG_NFT)
			return &result->object[i];
	return NULL;
}

/* Of the ruleset too; what it was not asked is no difference. */
static void take_diffs(const struct wd_preflight *p,
		       struct wd_preflight_result *r, size_t nr,
		       const uint8_t *right)
{
	struct wd_preflight_object *obj = &r->object[nr];

	for (size_t i = 0; i < obj->answered; i++) {
		bool is_rules = right == p->by_rules;

		if (is_rules && right[i] == WD_ANSWER_NONE) {
			obj->none++;
			continue;
		}
		if (is_rules && obj->answer[i] >= WD_ANSWER_NONE) {
			obj->unasked++;
			continue;
		}
		obj->asked++;
		if (obj->answer[i] == right[i])
			continue;
		if (r->diff_cnt < WD_PREFLIGHT_SHOWN)
			r->diff[r->diff_cnt] =
				(struct wd_preflight_diff){ i, nr, right[i],
							    obj->answer[i] };
		r->diff_cnt++;
		obj->different++;
		obj->wider += (obj->answer[i] & WD_ANSWER_PASSES) &&
			      !(right[i] & WD_ANSWER_PASSES);
	}
}

static void compare(const struct wd_preflight *p, struct wd_preflight_result *r,
		    size_t nr)
{
	struct wd_preflight_object *obj = &r->object[nr];

	take_diffs(p, r, nr, p->right);
	if (obj->different) {
		unsafe(r);
		wd_preflight_why(r,
				 "%s: %zu of %zu questions are answered "
				 "otherwise than here",
				 obj->name, obj->different, p->questions.cnt);
	}
	if (obj->answered < p->questions.cnt) {
		unsafe(r);
		wd_preflight_why(r,
				 "%s: only %zu of %zu questions were answered",
				 obj->name, obj->answered, p->questions.cnt);
	}
}

/* ---- the ruleset ---- */

/*
 * Programs are asked in an object of their own, before the data path is opened:
 * one that could not be had then, and is in force now, was never asked.
 */
static void judge_asked(const struct wd_preflight *p,
			struct wd_preflight_result *r)
{
	if (!p->state || !r->in_force)
		return;
	for (size_t i = 0; i < r->object_cnt; i++)
		if (r->object[i].loads &&
		    r->object[i].answered == p->questions.cnt &&
		    !strcmp(r->object[i].name, r->in_force))
			return;
	not_known(r);
	wd_preflight_why(r,
			 "%s is what would be in force there, and it was not "
			 "asked all questions about the state",
			 r->in_force);
}

/* What a ruleset that decides cannot be asked, nothing else was asked there. */
static void judge_covered(const struct wd_preflight *p,
			  struct wd_preflight_result *r,
			  const struct wd_preflight_object *obj)
{
	if (r->in_force)
		return;
	if (p->state->ep_cnt > WD_TRIAL_DEVICES) {
		not_known(r);
		wd_preflight_why(r,
				 "%s: asked about the first %d of %zu pods "
				 "only, and it decides about all",
				 obj->name, WD_TRIAL_DEVICES, p->state->ep_cnt);
	}
	if (p->questions.cnt && !obj->asked) {
		not_known(r);
		wd_preflight_why(r,
				 "%s: no question was asked and answered, and "
				 "it decides",
				 obj->name);
	}
}

/* All that can be said of a ruleset that is there. */
static void judge_verdicts(const struct wd_preflight *p,
			   struct wd_preflight_result *r, size_t nr)
{
	struct wd_preflight_object *obj = &r->object[nr];

	take_diffs(p, r, nr, p->by_rules);
	if (obj->different) {
		if (obj->wider || !r->in_force)
			unsafe(r);
		wd_preflight_why(r,
				 "%s: %zu of %zu questions are answered "
				 "otherwise than here, %zu of them pass there "
				 "and not here",
				 obj->name, obj->different, obj->asked,
				 obj->wider);
	}
	judge_covered(p, r, obj);
	if (obj->answered == p->questions.cnt && !obj->unasked)
		return;
	if (!r->in_force)
		not_known(r);
	wd_preflight_why(r, "%s: %zu questions could not be asked", obj->name,
			 obj->unasked + p->questions.cnt - obj->answered);
}

static void judge_ruleset(const struct wd_preflight *p,
			  struct wd_preflight_result *r)
{
	const struct wd_preflight_object *obj = wd_preflight_ruleset(r);
	bool is_it = wd_rung_from(r->rung) == WD_RUNG_NFT && r->opens;

	if (r->golden_error)
		wd_preflight_why(r, "%s", r->golden_error);
	if (!obj || obj->untried) {
		if (is_it && p->state)
			not_known(r);
		if (is_it || obj)
			wd_preflight_why(
				r, "the ruleset of rung nft was not tried: %s",
				obj && obj->error ? obj->error :
						    "nothing was said of it");
	} else if (!obj->loads) {
		if (is_it)
			unsafe(r);
		wd_preflight_why(
			r,
			"rung nft cannot be had there: %s; should programs "
			"fail there some day, nothing passes to or from pods "
			"until they are mended (rung hold)",
			obj->error ?: "no cause told");
	} else if (p->state) {
		judge_verdicts(p, r, (size_t)(obj - r->object));
	}
}

/* ---- the rung ---- */

static void judge_hold(struct wd_preflight_result *r, enum wd_rung rung)
{
	if (!r->opens)
		return;
	if (rung == WD_RUNG_HOLD) {
		unsafe(r);
		wd_preflight_why(r, "on rung hold nothing enforces, and "
				    "nothing passes to or from pods");
	}
}

/* What keeps a node from programs need not be its kernel. */
static void note_node(const struct wd_preflight *p,
		      struct wd_preflight_result *r)
{
	enum wd_rung now = p->state ? wd_rung_from(p->state->rung) :
				      WD_RUNG__MAX;

	if ((now != WD_RUNG_NFT && now != WD_RUNG_HOLD) || !r->opens ||
	    wd_rung_from(r->rung) >= now)
		return;
	wd_preflight_why(r,
			 "the node is on rung %s now, and this kernel allows "
			 "%s: if something else keeps the node from it, it "
			 "will do so again, see `warder ladder show` there",
			 p->state->rung, r->rung);
}

/* What did not work on the way to the rung; alone it makes nothing unsafe. */
static void tell_attempts(struct wd_preflight_result *r)
{
	for (size_t i = 0; i < r->object_cnt; i++)
		if (!r->object[i].loads &&
		    wd_rung_from(r->object[i].rung) != WD_RUNG_NFT)
			wd_preflight_why(r, "%s does not load: %s",
					 r->object[i].name,
					 r->object[i].error ?: "no cause told");
	for (size_t i = 0; i < r->attempt_cnt; i++)
		wd_preflight_why(r, "%s", r->attempt[i]);
}

static void judge_rung(const struct wd_preflight *p,
		       struct wd_preflight_result *r)
{
	enum wd_rung rung = wd_rung_from(r->rung);

	r->in_force = rung < WD_RUNG_PROG_CNT && *r->object_of ? r->object_of :
								 NULL;
	if (!r->opens || rung == WD_RUNG__MAX) {
		unsafe(r);
		wd_preflight_why(r, "nothing can be put in force: %s",
				 r->datapath_error ?: "no cause told");
	} else if (rung > wd_rung_from(p->min_rung)) {
		unsafe(r);
		wd_preflight_why(r, "rung %s is lower than %s, %s", r->rung,
				 p->min_rung, p->min_from);
	}
	judge_hold(r, rung);
	if (r->opens && rung < WD_RUNG_HOLD && !r->attaches) {
		unsafe(r);
		wd_preflight_why(r,
				 "it cannot be attached to an interface (%s): "
				 "%s%s%s",
				 r->attach,
				 r->datapath_error ?: "no cause told",
				 r->modules ? "; modules: " : "",
				 r->modules ?: "");
	}
}

/*
 * Where the node asks which backend was chosen and this kernel cannot, every
 * backend must be allowed, and what passes now is dropped.
 */
static void judge_late(const struct wd_preflight *p,
		       struct wd_preflight_result *r)
{
	if (!p->state || !(p->state->flags & WD_STATE_LATE) || !r->in_force ||
	    r->late)
		return;
	unsafe(r);
	wd_preflight_why(r,
			 "services with backends that policy treats "
			 "differently are dropped there: the node judges the "
			 "backend that is chosen, and what does that cannot be "
			 "had: %s",
			 r->late_error ?: "no cause told");
}

/*
 * Where programs are in force; the ruleset of rung nft says it too. Kernels
 * before 6.6 have no program for it, and a ruleset beside the programs of pods.
 */
static void judge_host(const struct wd_preflight *p,
		       struct wd_preflight_result *r)
{
	if (!p->state || !p->state->host || !r->in_force || r->host)
		return;
	if (r->host_rules) {
		wd_preflight_why(r,
				 "the policy about the node itself is enforced "
				 "there by an nftables ruleset, not by a "
				 "program: %s",
				 r->host_error ?: "no cause told");
		return;
	}
	unsafe(r);
	wd_preflight_why(r,
			 "the policy about the node itself is not enforced "
			 "there, and all passes: what judges it cannot be had: "
			 "%s; nor a ruleset: %s",
			 r->host_error ?: "no cause told",
			 r->host_rules_error ?: "nothing was said of it");
}

/* Without programs of wires nothing passes that must be encrypted. */
static void judge_wires(const struct wd_preflight *p,
			struct wd_preflight_result *r)
{
	if (!p->state || !p->state->encrypt || !r->opens)
		return;
	if (!r->in_force) {
		not_known(r);
		wd_preflight_why(r, "encryption is required, and how it is "
				    "judged without programs was not tried");
	} else if (!r->wires) {
		unsafe(r);
		wd_preflight_why(r,
				 "what must be encrypted is dropped there: the "
				 "programs of wires that judge it cannot be "
				 "had: %s",
				 r->wires_error ?: "nothing was said of them");
	}
}

/* ---- the machine ---- */

static void judge_end(struct wd_preflight_result *r)
{
	if (r->vm.end == WD_VM_DONE && r->ran)
		return;
	/* it came to an end by itself, or to none: that is not our failure */
	r->answer = r->vm.end == WD_VM_PANIC || r->vm.end == WD_VM_HANGS ||
				    r->vm.end == WD_VM_DIED ?
			    WD_PREFLIGHT_UNSAFE :
			    WD_PREFLIGHT_UNKNOWN;
	wd_preflight_why(r, "%s", r->vm.why ?: "the guest said nothing");
}

void wd_preflight_judge(const struct wd_preflight *preflight,
			struct wd_preflight_result *result)
{
	result->answer = WD_PREFLIGHT_SAFE;
	judge_end(result);
	if (!result->ran)
		return;
	judge_rung(preflight, result);
	judge_late(preflight, result);
	judge_wires(preflight, result);
	judge_host(preflight, result);
	for (size_t i = 0; preflight->state && i < result->object_cnt; i++)
		if (result->object[i].loads &&
		    wd_rung_from(result->object[i].rung) != WD_RUNG_NFT)
			compare(preflight, result, i);
	judge_asked(preflight, result);
	judge_ruleset(preflight, result);
	tell_attempts(result);
	note_node(preflight, result);
}
