/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostpolicy.c - which policies about this node count, and until when.
 *
 *   what is read, of this node        state         judged by
 *   nothing                           none          nothing; no program
 *   the same as was confirmed         confirmed     that
 *   anything else                     tried         that, until its time is over
 *   the same as was taken back        taken back    what was confirmed
 *
 * Lists of policies are kept as text that reads as them: what was confirmed has
 * to outlive the objects and the agent. So have the labels of the node: a source
 * that does not tell of its Node says nothing of what is asked of it.
 */
#include "hostpolicy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "../agent/adopt.h"
#include "../agent/agent.h"
#include "../agent/statefile.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/now.h"
#include "../datapath/ladder.h"
#include "../events/journal.h"
#include "../model/intern.h"
#include "../model/xalloc.h"
#include "../source/load.h"
#include "hostlist.h"
#include "hostopen.h"
#include "hostseed.h"

#define STATE_FILE "host-policy.json"
#define WAIT_CHECKS 30 /* about a minute */
#define BY_LEFT \
	"only the program and tables of an agent before judge, which no change reaches"

enum state { NONE, CONFIRMED, TRIED, TAKEN_BACK };

static const char *const state_names[] = {
	[NONE] = "none",
	[CONFIRMED] = "confirmed",
	[TRIED] = "tried",
	[TAKEN_BACK] = "taken back",
};

struct wd_hostpolicy {
	struct wd_agent *agent;
	struct wd_hostlist confirmed;
	struct wd_hostlist tried; /* now, or taken back */
	struct wd_hostlist
		kept; /* was confirmed, and is not asked for any more */
	struct wd_object *open; /* what is let in whatever policies say */
	enum state state;
	uint64_t until_ms; /* CLOCK_MONOTONIC; of TRIED */
	const struct wd_labels *labels; /* of the node, NULL: never known */
	struct wd_timer *timer;
	bool changed; /* what is read */
	bool seeded; /* for the ruleset */
	bool goes_on; /* the program of an agent before, as none else can be had */
	bool left; /* one that goes by tables of before, too */
	int wait; /* checks until attaching is tried again */
	bool told; /* that it cannot be attached */
	bool rules_stay; /* that ruleset could not be taken off */
	char *by_rules; /* the same, where a ruleset does it instead */
};

/* ---- what is read ---- */

static const struct wd_labels *node_labels(const struct wd_agent *agent)
{
	static const enum wd_kind kinds[] = { WD_KIND_NODE,
					      WD_KIND_CILIUM_NODE };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const struct wd_object *node = wd_store_get(
			agent->store, kinds[i], "", agent->config.node);

		if (node)
			return node->node.labels;
	}
	return NULL;
}

/* The numbers of its specs that select this node, as a comment; NULL none. */
static char *selecting(const struct wd_object *policy,
		       const struct wd_labels *labels)
{
	const struct wd_object self = {
		.kind = WD_KIND_POD,
		.ns = "",
		.pod = { .labels = labels, .is_node = true },
	};
	char *text = NULL;

	for (uint32_t i = 0; i < policy->policy.spec_cnt; i++) {
		char *more;

		if (!wd_spec_selects(&policy->policy.spec[i], "", &self, NULL))
			continue;
		more = wd_xprintf("%s %u", text ? text : "# specs", i);
		free(text);
		text = more;
	}
	return text;
}

static int entry_cmp(const void *a, const void *b)
{
	const struct wd_host_entry *x = a, *y = b;

	return strcmp(x->obj->name, y->obj->name);
}

static void gather(const struct wd_hostpolicy *hp, struct wd_hostlist *list)
{
	const struct wd_object *policy = NULL;

	while (hp->labels &&
	       (policy = wd_store_next(hp->agent->store, WD_KIND_CILIUM_CNP,
				       policy))) {
		char *specs = policy->policy.text ?
				      selecting(policy, hp->labels) :
				      NULL;

		if (specs &&
		    wd_hostlist_add(list, wd_xprintf("%s\n%s", specs,
						     policy->policy.text)))
			wd_err("policy '%s': cannot be kept, so it is not enforced",
			       policy->name);
		free(specs);
	}
	if (list->cnt)
		qsort(list->entry, list->cnt, sizeof(*list->entry), entry_cmp);
}

/* ---- the disk ---- */

static struct json_object *label_texts(const struct wd_labels *labels)
{
	struct json_object *doc = json_object_new_object();

	for (uint32_t i = 0; i < labels->cnt; i++)
		wd_json_str(doc, labels->label[i].key, labels->label[i].value);
	return doc;
}

static int save(const struct wd_hostpolicy *hp)
{
	struct json_object *doc = json_object_new_object();
	int err;

	wd_json_int(doc, "version", 1);
	json_object_object_add(doc, "confirmed",
			       wd_hostlist_texts(&hp->confirmed));
	json_object_object_add(doc, "tried", wd_hostlist_texts(&hp->tried));
	json_object_object_add(doc, "kept", wd_hostlist_texts(&hp->kept));
	if (hp->labels)
		json_object_object_add(doc, "labels", label_texts(hp->labels));
	err = wd_statefile_write(hp->agent->config.state_dir, STATE_FILE, doc);
	json_object_put(doc);
	return err;
}

static void save_or_warn(const struct wd_hostpolicy *hp)
{
	if (save(hp))
		wd_warn("host policy: writing %s failed, ignoring", STATE_FILE);
}

/* Of an agent that did not write them there are none. */
static const struct wd_labels *read_labels(struct json_object *doc)
{
	struct json_object *all = wd_json_get(doc, "labels");
	const struct wd_labels *labels;
	struct wd_label *label;
	uint32_t cnt = 0;

	if (!json_object_is_type(all, json_type_object))
		return NULL;
	label = wd_xcalloc((size_t)json_object_object_length(all) + 1,
			   sizeof(*label));
	json_object_object_foreach(all, key, value) {
		label[cnt].key = key;
		label[cnt++].value = json_object_get_string(value) ?: "";
	}
	labels = wd_labels_get(label, cnt);
	free(label);
	return labels;
}

static void load(struct wd_hostpolicy *hp)
{
	struct json_object *doc;
	int err = wd_statefile_read(hp->agent->config.state_dir, STATE_FILE,
				    &doc);

	if (!err) {
		err = wd_hostlist_read(doc, "confirmed", &hp->confirmed);
		if (!err)
			err = wd_hostlist_read(doc, "tried", &hp->tried);
		if (!err)
			err = wd_hostlist_read(doc, "kept", &hp->kept);
		hp->labels = read_labels(doc);
		json_object_put(doc);
	}
	if (err && err != -ENOENT)
		wd_warn("host policy: reading %s: %s; what was confirmed has to be confirmed again",
			STATE_FILE, wd_errno(err));
}

/* ---- what counts ---- */

static void give(struct wd_hostpolicy *hp, enum wd_host_which which,
		 const struct wd_hostlist *list)
{
	const struct wd_object **policy =
		wd_xcalloc(list->cnt + 1, sizeof(*policy));
	struct wd_host_policy given = {
		.labels = hp->labels,
		.policy = policy,
		.cnt = list->cnt + 1,
		.until_ns = hp->until_ms * 1000000,
	};

	policy[0] = hp->open; /* of the first tier */
	for (size_t i = 0; i < list->cnt; i++)
		policy[i + 1] = list->entry[i].obj;
	wd_model_host_set(hp->agent->model, which, &given);
	free(policy);
}

/* Is anything judged? */
static bool is_wanted(const struct wd_hostpolicy *hp)
{
	return hp->labels && (hp->state == TRIED || hp->confirmed.cnt);
}

static bool by_ruleset(const struct wd_hostpolicy *hp)
{
	return is_wanted(hp) && wd_datapath_has_ruleset(hp->agent->dp);
}

/* By the tables in force; which program does it is another question. */
static bool is_judged(const struct wd_hostpolicy *hp)
{
	const struct wd_datapath *dp = hp->agent->dp;

	return wd_nf_on(dp, WD_NF_HOST) || hp->goes_on || wd_hostrules_on(dp) ||
	       (by_ruleset(hp) && !wd_datapath_is_filling(dp) &&
		(!hp->agent->commit_error || wd_ladder(dp)->frozen));
}

static void apply(struct wd_hostpolicy *hp)
{
	struct wd_model *model = hp->agent->model;

	if (hp->state != TRIED || !is_wanted(hp))
		wd_model_host_del(model, WD_HOST_TRIED);
	if (!is_wanted(hp)) {
		wd_model_host_del(model, WD_HOST_IN_FORCE);
		return;
	}
	give(hp, WD_HOST_IN_FORCE, &hp->confirmed);
	if (hp->state == TRIED)
		give(hp, WD_HOST_TRIED, &hp->tried);
}

static void tell(struct wd_hostpolicy *hp, enum wd_log_level level,
		 const char *text)
{
	struct wd_happens happens = {
		.what = WD_HAPPENS_HOST,
		.level = level,
		.about = json_object_new_object(),
	};

	wd_json_str(happens.about, "state", state_names[hp->state]);
	wd_journal_tell(hp->agent->journal, &happens, "host policy: %s", text);
}

static void begin_trial(struct wd_hostpolicy *hp)
{
	uint32_t seconds = hp->agent->config.host_confirm_ms / 1000;
	char *text;
	int err = save(hp);

	if (err) { /* deny: an agent that ends now would not know */
		hp->state = TAKEN_BACK;
		wd_err("host policy: writing %s: %s, so it is not tried",
		       STATE_FILE, wd_errno(err));
		return;
	}
	hp->state = TRIED;
	hp->until_ms =
		(uint64_t)wd_now_ms() + hp->agent->config.host_confirm_ms;
	wd_timer_set(hp->timer, hp->agent->config.host_confirm_ms);
	text = wd_xprintf(
		"%zu policies about this node are tried; taken back in %u s without `warder policy confirm`",
		hp->tried.cnt, seconds);
	tell(hp, WD_LOG_WARN, text);
	free(text);
}

static void end_trial(struct wd_hostpolicy *hp)
{
	wd_timer_stop(hp->timer);
	hp->until_ms = 0;
}

/*
 * Nothing is asked of the node any more: nobody is locked out by that. What was
 * confirmed needs no other try if it comes back, as when its object is replaced.
 */
static void let_go(struct wd_hostpolicy *hp)
{
	wd_model_host_del(hp->agent->model, WD_HOST_IN_FORCE);
	if (hp->confirmed.cnt)
		wd_hostlist_move(&hp->kept, &hp->confirmed);
	hp->state = NONE;
	save_or_warn(hp);
	tell(hp, WD_LOG_INFO, "nothing is asked of this node any more");
}

/* What was confirmed before it went is asked for again. */
static void come_back(struct wd_hostpolicy *hp)
{
	wd_model_host_del(hp->agent->model, WD_HOST_IN_FORCE);
	wd_hostlist_move(&hp->confirmed, &hp->kept);
	hp->state = CONFIRMED;
	save_or_warn(hp);
	tell(hp, WD_LOG_INFO, "what was confirmed before is asked for again");
}

/* The model must not have a list that changes. */
static void decide(struct wd_hostpolicy *hp, struct wd_hostlist *now)
{
	enum state was = hp->state;

	if (now->cnt && wd_hostlist_same(now, &hp->tried)) {
		if (was != TRIED)
			hp->state = TAKEN_BACK;
		return;
	}
	if (was == TRIED) { /* whoever changed it got here */
		end_trial(hp);
		wd_model_host_del(hp->agent->model, WD_HOST_TRIED);
		wd_hostlist_clear(&hp->tried);
	}
	if (wd_hostlist_same(now, &hp->confirmed)) {
		hp->state = now->cnt ? CONFIRMED : NONE;
		if (was == TRIED) /* it was taken away, not taken back */
			save_or_warn(hp);
	} else if (now->cnt && !hp->confirmed.cnt &&
		   wd_hostlist_same(now, &hp->kept)) {
		come_back(hp);
	} else if (now->cnt) {
		wd_hostlist_move(&hp->tried, now);
		begin_trial(hp);
	} else {
		let_go(hp);
	}
}

/* Labels last known count while the Node is not there: it may be replaced. */
static void look_at_labels(struct wd_hostpolicy *hp)
{
	const struct wd_labels *labels = node_labels(hp->agent);

	if (!labels || labels == hp->labels) /* interned */
		return;
	wd_labels_put(hp->labels);
	hp->labels = wd_labels_ref(labels);
	if (hp->confirmed.cnt || hp->tried.cnt || hp->kept.cnt)
		save_or_warn(hp);
}

void wd_hostpolicy_look(struct wd_hostpolicy *hp)
{
	struct wd_hostlist now = { 0 };

	if (!hp->changed)
		return;
	hp->changed = false;
	look_at_labels(hp);
	if (hp->labels) { /* else nobody knows what is asked of it */
		gather(hp, &now);
		decide(hp, &now);
	}
	apply(hp);
	wd_hostlist_clear(&now);
	if (by_ruleset(hp) && !hp->seeded)
		wd_host_seed(hp->agent);
	hp->seeded = by_ruleset(hp);
}

static void take_back(struct wd_hostpolicy *hp, const char *why)
{
	char *text = wd_xprintf("taken back: %s", why);

	end_trial(hp);
	hp->state = TAKEN_BACK;
	tell(hp, WD_LOG_WARN, text);
	free(text);
	apply(hp);
	wd_agent_commit_soon(hp->agent);
}

static void on_timer(void *ctx)
{
	struct wd_hostpolicy *hp = ctx;

	if (hp->state == TRIED)
		take_back(hp, "nobody confirmed it in time");
}

/* Why what counts is not what is judged by, as it does not fit; NULL it is. */
static const char *why_unfit(const struct wd_hostpolicy *hp)
{
	struct wd_ep_info info;

	if (wd_model_host(hp->agent->model,
			  hp->state == TRIED ? WD_HOST_TRIED : WD_HOST_IN_FORCE,
			  &info) ||
	    (info.state != WD_EP_TOO_LARGE && !info.kept))
		return NULL;
	return info.error;
}

/* What is not as it should be, though all of it is enforced; "" nothing. */
static const char *what_else(const struct wd_hostpolicy *hp)
{
	if (hp->goes_on)
		return "by the program of an agent before, as this one's cannot be had";
	if (wd_hostrules_on(hp->agent->dp))
		return hp->by_rules;
	if (!node_labels(hp->agent))
		return "no source tells of this node's Node, so the labels that it last had count";
	return "";
}

static const char *why_not(const struct wd_hostpolicy *hp)
{
	const struct wd_datapath *dp = hp->agent->dp;
	const char *unfit = why_unfit(hp);

	if (is_judged(hp))
		return unfit ? unfit : what_else(hp);
	if (!hp->labels)
		return "no source tells of this node's Node, so no policy selects it";
	if (!is_wanted(hp))
		return "no policy about this node is to be enforced";
	if (hp->left)
		return BY_LEFT;
	if (by_ruleset(hp))
		return hp->agent->commit_error ?:
			       "the ruleset does not say it yet";
	if (!wd_datapath_has_programs(dp))
		return "no programs are in force";
	return wd_nf_error(dp, WD_NF_HOST);
}

/* Was it tried as it is? Return: 0, or -errno with *ret_why set. */
static int not_tried(const struct wd_hostpolicy *hp, char **ret_why)
{
	const struct wd_agent *agent = hp->agent;
	struct wd_ep_info info;

	if (wd_ladder(agent->dp)->frozen) {
		*ret_why = wd_xstrdup(
			"nothing is written on this rung, so it was not tried; see `warder status`");
		return -EOPNOTSUPP;
	}
	if (agent->commit_error) {
		*ret_why = wd_xprintf("it is not in force: %s",
				      agent->commit_error);
		return -EOPNOTSUPP;
	}
	if (hp->changed || wd_model_dirty(agent->model) ||
	    wd_model_host(agent->model, WD_HOST_TRIED, &info)) {
		*ret_why = wd_xstrdup(
			"what was read last is not in force yet; look again, then confirm");
		return -EAGAIN;
	}
	if (info.mode == WD_MODE_ENFORCE)
		return 0;
	*ret_why = wd_xprintf(
		"the agent's mode is %s, which drops nothing, so it was not tried",
		wd_mode_name(info.mode));
	return -EOPNOTSUPP;
}

/* Why it cannot be confirmed. Return: 0, or -errno with *ret_why set. */
static int objection(const struct wd_hostpolicy *hp, char **ret_why)
{
	if (hp->state == TAKEN_BACK) {
		*ret_why = wd_xstrdup(
			"it was taken back; `warder policy confirm --again` tries it once more");
		return -ENOENT;
	}
	if (hp->state != TRIED) {
		*ret_why = wd_xstrdup("no policy about this node is tried");
		return -ENOENT;
	}
	if (is_judged(hp))
		return not_tried(hp, ret_why);
	*ret_why =
		wd_xprintf("it is not enforced on this node: %s", why_not(hp));
	return -EOPNOTSUPP;
}

static int confirm(struct wd_hostpolicy *hp, char **ret_why)
{
	struct wd_hostlist before = hp->confirmed;
	int err;

	hp->confirmed = hp->tried;
	memset(&hp->tried, 0, sizeof(hp->tried));
	err = save(hp);
	if (err) {
		hp->tried = hp->confirmed;
		hp->confirmed = before;
		*ret_why = wd_xprintf("writing %s: %s; it is still tried",
				      STATE_FILE, wd_errno(err));
		return err;
	}
	end_trial(hp);
	hp->state = CONFIRMED;
	tell(hp, WD_LOG_INFO, "confirmed");
	apply(hp);
	wd_hostlist_clear(&before);
	return wd_agent_commit(hp->agent);
}

int wd_hostpolicy_confirm(struct wd_hostpolicy *hp, bool again, char **ret_why)
{
	int err;

	if (again && hp->state == TAKEN_BACK) {
		begin_trial(hp);
		apply(hp);
		return wd_agent_commit(hp->agent);
	}
	err = objection(hp, ret_why);
	return err ? err : confirm(hp, ret_why);
}

/* ---- the program ---- */

/* To be freed. */
static char *open_error(const struct wd_hostpolicy *hp, int err)
{
	const char *text = wd_nf_error(hp->agent->dp, WD_NF_HOST);
	const char *rules = wd_hostrules_error(hp->agent->dp);

	return wd_xprintf("%s%s%s", *text ? text : wd_errno(err),
			  *rules ? "; nor by " : "", rules);
}

static void leave(struct wd_hostpolicy *hp)
{
	hp->goes_on = hp->left = false;
	(void)wd_nf_leave(hp->agent->dp, WD_NF_HOST);
}

/* Does what an agent before has attached judge? */
static void look_at_pins(struct wd_hostpolicy *hp)
{
	const struct wd_datapath *dp = hp->agent->dp;
	bool is_ours = wd_nf_on(dp, WD_NF_HOST);

	hp->goes_on = !is_ours && wd_nf_goes_on(dp, WD_NF_HOST);
	hp->left = !is_ours && !hp->goes_on && wd_nf_left(dp, WD_NF_HOST);
}

/* One that stays goes on dropping what nobody forbids any more: it is told. */
static void leave_rules(struct wd_hostpolicy *hp)
{
	int err = wd_hostrules_leave(hp->agent->dp);

	if (err && !hp->rules_stay)
		wd_err("host policy: its ruleset, table warder_host, cannot be taken off: %s; trying again",
		       wd_errno(err));
	hp->rules_stay = err != 0;
}

/* Connections first, then the rules, then connections of the meantime. */
static void begin_rules(struct wd_hostpolicy *hp)
{
	struct wd_datapath *dp = hp->agent->dp;
	char *text;

	if (wd_hostrules_on(dp) || wd_hostrules_open(dp))
		return;
	wd_host_seed(hp->agent);
	if (wd_hostrules_sync(dp))
		return;
	wd_host_seed(hp->agent);
	leave(hp); /* a program that goes by tables of before */
	free(hp->by_rules);
	hp->by_rules = wd_xprintf(
		"by an nftables ruleset, as its program cannot be had: %s",
		wd_nf_error(dp, WD_NF_HOST));
	text = wd_xprintf("enforced %s", hp->by_rules);
	tell(hp, WD_LOG_WARN, text);
	free(text);
	hp->told = false;
}

/* After each commit, and where somebody has edited it. */
static void keep_rules(struct wd_hostpolicy *hp, bool check)
{
	struct wd_datapath *dp = hp->agent->dp;
	bool found = false;
	int err = check ? wd_hostrules_check(dp, &found) :
			  wd_hostrules_sync(dp);

	if (found)
		wd_drift_tell(hp->agent, 1, !err,
			      "host policy: its ruleset was edited");
	if (err)
		hp->wait = 0; /* another try says what is wrong */
}

/* What an agent before has left is better than nothing. */
static void not_opened(struct wd_hostpolicy *hp, int err)
{
	char *why, *text;

	look_at_pins(hp);
	if (!hp->goes_on)
		begin_rules(hp);
	if (wd_hostrules_on(hp->agent->dp))
		return;
	why = open_error(hp, err);
	text = wd_xprintf(
		"%s: %s",
		hp->goes_on ?
			"the program of before goes on, as this one's cannot be had" :
		hp->left ? "NOT enforced as it is now; " BY_LEFT :
			   "NOT enforced",
		why);
	if (!hp->told)
		tell(hp, hp->goes_on ? WD_LOG_WARN : WD_LOG_ERR, text);
	free(why);
	free(text);
	hp->told = true;
	if (!hp->goes_on && !hp->left)
		leave(hp);
}

static void check_fit(struct wd_hostpolicy *hp)
{
	struct wd_ep_info info;

	if (hp->state == TRIED &&
	    !wd_model_host(hp->agent->model, WD_HOST_TRIED, &info) &&
	    (info.state == WD_EP_TOO_LARGE || info.kept))
		take_back(hp, info.error);
}

/* What judged before stays until the ruleset says what is said of this node. */
static void tend_ruleset(struct wd_hostpolicy *hp)
{
	if (!hp->seeded)
		wd_host_seed(hp->agent);
	hp->seeded = true;
	if (wd_datapath_is_filling(hp->agent->dp)) {
		look_at_pins(hp);
		return;
	}
	hp->goes_on = hp->left = false;
	if (wd_nf_on(hp->agent->dp, WD_NF_HOST) ||
	    wd_nf_pinned(hp->agent->dp, WD_NF_HOST))
		leave(hp);
	leave_rules(hp);
	check_fit(hp);
}

static void try_open(struct wd_hostpolicy *hp)
{
	int err;

	if (hp->wait > 0) {
		if (!hp->goes_on && !*wd_hostrules_error(hp->agent->dp))
			begin_rules(hp); /* if not tried in vain just now */
		return;
	}
	wd_host_seed(hp->agent);
	err = wd_nf_open(hp->agent->dp, WD_NF_HOST);
	hp->wait = err ? WAIT_CHECKS : 0;
	if (err) {
		not_opened(hp, err);
		return;
	}
	wd_host_seed(hp->agent); /* connections of the meantime */
	leave_rules(hp);
	hp->told = hp->goes_on = hp->left = false;
}

/* What goes on may have been taken off meanwhile. */
static void check_goes_on(struct wd_hostpolicy *hp)
{
	if (!hp->goes_on && !hp->left)
		return;
	look_at_pins(hp);
	if (hp->goes_on || hp->left)
		return;
	hp->told = false;
	hp->wait = 0;
	wd_drift_tell(hp->agent, 1, false,
		      "host policy: what judges it was taken off");
}

void wd_hostpolicy_retry(struct wd_hostpolicy *hp)
{
	hp->wait = 0;
}

static void check_open(struct wd_hostpolicy *hp)
{
	int found;
	int err = wd_nf_check(hp->agent->dp, WD_NF_HOST, &found);

	if (found)
		wd_drift_tell(hp->agent, found, !err,
			      "host policy: what judges it was taken off");
}

void wd_hostpolicy_tend(struct wd_hostpolicy *hp, bool check)
{
	struct wd_datapath *dp = hp->agent->dp;
	bool is_there = wd_nf_on(dp, WD_NF_HOST);

	if (wd_datapath_info(dp)->beside || wd_ladder(dp)->frozen) {
		look_at_pins(hp); /* what is attached goes on as it is */
		return;
	}
	if (check && hp->wait > 0)
		hp->wait--;
	if (by_ruleset(hp)) {
		tend_ruleset(hp);
		return;
	}
	hp->seeded = false;
	if (!is_wanted(hp) || !wd_datapath_has_programs(dp)) {
		hp->goes_on = hp->left = false;
		if (is_there || wd_nf_pinned(dp, WD_NF_HOST))
			leave(hp);
		leave_rules(hp);
		return;
	}
	check_fit(hp);
	if (check)
		check_goes_on(hp);
	if (wd_hostrules_on(dp))
		keep_rules(hp, check);
	if (check && is_there)
		check_open(hp);
	else if (!is_there)
		try_open(hp);
}

/* ---- the rest ---- */

void wd_hostpolicy_object(struct wd_hostpolicy *hp, const struct wd_object *was,
			  const struct wd_object *now)
{
	const struct wd_object *any = now ? now : was;
	bool is_it = (any->kind == WD_KIND_NODE ||
		      any->kind == WD_KIND_CILIUM_NODE) &&
		     !strcmp(any->name, hp->agent->config.node);

	if (any->kind == WD_KIND_CILIUM_CNP)
		is_it = (was && was->policy.text) || (now && now->policy.text);
	if (!is_it)
		return;
	hp->changed = true;
	wd_agent_commit_soon(hp->agent);
}

static bool is_enforced(const struct wd_hostpolicy *hp)
{
	return is_judged(hp) && !why_unfit(hp);
}

void wd_hostpolicy_put(const struct wd_hostpolicy *hp, struct json_object *doc)
{
	struct json_object *obj = wd_json_object(doc, "host");
	uint64_t now = (uint64_t)wd_now_ms();

	wd_json_str(obj, "state", state_names[hp->state]);
	wd_json_bool(obj, "enforced", is_enforced(hp));
	wd_json_str(obj, "why", why_not(hp));
	if (hp->state == TRIED)
		wd_json_int(obj, "seconds_left",
			    hp->until_ms > now ?
				    (int64_t)((hp->until_ms - now) / 1000) :
				    0);
	wd_hostlist_put_names(&hp->confirmed, obj, "confirmed");
	wd_hostlist_put_names(&hp->tried, obj, "tried");
	wd_json_str(obj, "open", hp->agent->config.host_open);
}

bool wd_hostpolicy_wanted(const struct wd_hostpolicy *hp)
{
	return is_wanted(hp);
}

const char *wd_hostpolicy_amiss(const struct wd_hostpolicy *hp)
{
	return is_wanted(hp) && !is_enforced(hp) ? why_not(hp) : NULL;
}

const char *wd_hostpolicy_word(const struct wd_hostpolicy *hp,
			       const struct wd_object *policy)
{
	if (hp->state == TRIED && wd_hostlist_has(&hp->tried, policy->name))
		return state_names[TRIED];
	if (hp->state == TAKEN_BACK &&
	    wd_hostlist_has(&hp->tried, policy->name))
		return state_names[TAKEN_BACK];
	if (wd_hostlist_has(&hp->confirmed, policy->name))
		return state_names[CONFIRMED];
	return "of other nodes";
}

struct wd_hostpolicy *wd_hostpolicy_new(struct wd_agent *agent)
{
	struct wd_hostpolicy *hp = wd_xcalloc(1, sizeof(*hp));
	char *text = wd_host_open_text(agent->config.host_open);

	hp->agent = agent;
	hp->changed = true;
	hp->open = wd_host_object_of(text);
	hp->open->policy.tier = WD_TIER_ADMIN;
	free(text);
	load(hp);
	if (wd_timer_new(agent->loop, on_timer, hp, &hp->timer))
		abort();
	return hp;
}

void wd_hostpolicy_free(struct wd_hostpolicy *hp)
{
	if (!hp)
		return;
	wd_model_host_del(hp->agent->model, WD_HOST_TRIED);
	wd_model_host_del(hp->agent->model, WD_HOST_IN_FORCE);
	wd_hostlist_clear(&hp->confirmed);
	wd_hostlist_clear(&hp->tried);
	wd_hostlist_clear(&hp->kept);
	wd_object_free(hp->open);
	wd_labels_put(hp->labels);
	free(hp->by_rules);
	free(hp);
}
