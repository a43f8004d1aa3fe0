/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slot.c - the policy of an endpoint, flattened, and shared by all that are equal.
 *
 * Policies that select the pod -> atoms (direction, ports, term, action, rule),
 * in order of precedence (draft.c) -> per protocol the port space cut where any
 * atom begins or ends -> per piece one class: the rules that cover it, in order
 * (class.c). Equal atoms are the same slot. Nothing here is reachable by a
 * program until an endpoint of a published generation points at it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slot_int.h"

/* ---- spans ---- */

static int spans_store(struct wd_model *m, struct mslot *s, enum wd_dir dir,
		       enum wd_l4 l4, const struct wd_span_val *span,
		       size_t cnt)
{
	int64_t first;

	if (cnt == 1 && span[0].class == 0)
		return 0;
	if (cnt > WD_SPANS_PER_SLOT)
		return -E2BIG;
	if (!share_take(m, s->payer, TABLE_SPANS, (uint32_t)cnt))
		return -ENOSPC;
	first = array_get(m, WD_MAP_wd_span, (uint32_t)cnt);
	if (first < 0) {
		share_give(m, s->payer, TABLE_SPANS, (uint32_t)cnt);
		return (int)first;
	}
	memcpy(&m->sink.span[first], span, cnt * sizeof(*span));
	s->span[dir][l4] = wd_xcalloc(cnt, sizeof(*span));
	memcpy(s->span[dir][l4], span, cnt * sizeof(*span));
	s->val[dir].first[l4] = (uint32_t)first;
	s->val[dir].cnt[l4] = (uint32_t)cnt;
	return 0;
}

/* The class of a piece; its reference is the slot's. *ret_id 0: no rule covers it. */
static int piece_class(struct wd_model *m, struct mslot *s,
		       const struct cover *cov, uint32_t *ret_id)
{
	struct mclass *c;
	int err = class_get(m, cov, &c);

	if (err)
		return err;
	if (c)
		vec_push(&s->classes, c);
	*ret_id = c ? c->id : 0;
	return 0;
}

static int pieces_store(struct wd_model *m, struct mslot *s, struct sweep *w,
			enum wd_dir dir, enum wd_l4 l4)
{
	struct wd_span_val *span = wd_xcalloc(w->pieces, sizeof(*span));
	struct cover cov = { 0 };
	size_t cnt = 0;
	uint32_t port;
	int err = 0;

	while (!err && sweep_next(w, &port)) {
		uint32_t id;

		cover_find(m, &cov, w);
		m->atoms += 1 + cov.cnt;
		err = piece_class(m, s, &cov, &id);
		if (err || (cnt && span[cnt - 1].class == id))
			continue;
		span[cnt].lo = port;
		span[cnt++].class = id;
	}
	if (!err)
		err = spans_store(m, s, dir, l4, span, cnt);
	free(cov.atom);
	free(span);
	return err;
}

static int slot_ports(struct wd_model *m, struct mslot *s,
		      const struct draft *d, enum wd_dir dir, enum wd_l4 l4)
{
	struct sweep w;
	int err = 0;

	sweep_begin(&w, d, dir, l4);
	if (w.steps > DRAFT_STEPS)
		err = -E2BIG;
	else if (!share_take(m, s->payer, TABLE_STEPS, (uint32_t)w.steps))
		err = -ENOSPC;
	else
		s->steps += (uint32_t)w.steps;
	if (!err)
		err = pieces_store(m, s, &w, dir, l4);
	sweep_fini(&w);
	return err;
}

/* One span for each protocol of which no rule speaks: the class is the same. */
static int slot_rest(struct wd_model *m, struct mslot *s, const struct draft *d,
		     enum wd_dir dir, const bool *named)
{
	struct wd_span_val span = { .lo = 0 };
	struct cover cov = { 0 };
	struct sweep w;
	uint32_t port;
	int err;

	sweep_begin(&w, d, dir, WD_L4__MAX);
	(void)sweep_next(&w, &port); /* there is one */
	cover_find(m, &cov, &w);
	err = piece_class(m, s, &cov, &span.class);
	sweep_fini(&w);
	free(cov.atom);
	for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
		if (!named[l4])
			err = spans_store(m, s, dir, (enum wd_l4)l4, &span, 1);
	return err;
}

static void find_named(const struct draft *d, enum wd_dir dir, bool *ret_named)
{
	for (size_t i = 0; i < d->cnt; i++)
		if (d->atom[i].dir == dir && !d->atom[i].any_port)
			ret_named[d->atom[i].l4] = true;
}

static int slot_dir(struct wd_model *m, struct mslot *s, const struct draft *d,
		    enum wd_dir dir)
{
	bool named[WD_L4__MAX] = { false };
	int err;

	find_named(d, dir, named);
	err = slot_rest(m, s, d, dir, named);
	for (int l4 = 0; l4 < WD_L4__MAX && !err; l4++)
		if (named[l4])
			err = slot_ports(m, s, d, dir, (enum wd_l4)l4);
	return err;
}

/* A draft of more is weighed before it is compiled. */
#define DRAFT_LARGE 1024

/*
 * What a large draft takes at the most, before anything is worked out that may
 * come to nothing: each pod whose policies do not fit would take as long.
 */
static int slot_weigh(struct wd_model *m, const struct mslot *s,
		      const struct draft *d)
{
	uint64_t steps = 0, pieces = 0;

	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		bool named[WD_L4__MAX] = { false };

		find_named(d, (enum wd_dir)dir, named);
		for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
			struct sweep w;

			if (!named[l4])
				continue;
			sweep_begin(&w, d, (enum wd_dir)dir, (enum wd_l4)l4);
			steps += w.steps;
			pieces += w.pieces;
			if (w.steps > DRAFT_STEPS)
				steps = UINT64_MAX / 2;
			sweep_fini(&w);
		}
	}
	if (steps > UINT32_MAX)
		return -E2BIG;
	if (!share_take(m, s->payer, TABLE_STEPS, (uint32_t)steps))
		return -ENOSPC;
	share_give(m, s->payer, TABLE_STEPS, (uint32_t)steps);
	if (!share_take(m, s->payer, TABLE_SPANS, (uint32_t)pieces))
		return -ENOSPC;
	share_give(m, s->payer, TABLE_SPANS, (uint32_t)pieces);
	return 0;
}

static bool draft_denies(const struct draft *d, enum wd_dir dir)
{
	for (size_t i = 0; i < d->cnt; i++) {
		if (d->atom[i].dir == dir && d->atom[i].action == WD_RULE_DENY)
			return true;
	}
	return false;
}

static int slot_build(struct wd_model *m, struct mslot *s,
		      const struct draft *d)
{
	int err = d->cnt > DRAFT_LARGE ? slot_weigh(m, s, d) : 0;

	if (err)
		return err;
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		s->val[dir].flags = WD_SLOT_READY;
		if (d->isolated[dir])
			s->val[dir].flags |= WD_SLOT_ISOLATED;
		if (d->tell[dir] == WD_TELL_DENIED)
			s->val[dir].flags |= WD_SLOT_REJECT;
		else if (d->tell[dir] == WD_TELL_NOTHING)
			s->val[dir].flags |= WD_SLOT_SILENT;
		if (draft_denies(d, (enum wd_dir)dir))
			s->val[dir].flags |= WD_SLOT_DENIES;
		err = slot_dir(m, s, d, (enum wd_dir)dir);
		if (err)
			return err;
	}
	memcpy(&m->sink.slot[(size_t)s->id * WD_DIR__MAX], s->val,
	       sizeof(s->val));
	return 0;
}

/* ---- slots ---- */

static uint32_t spans_of(const struct mslot *s)
{
	uint32_t cnt = 0;

	for (int dir = 0; dir < WD_DIR__MAX; dir++)
		for (int l4 = 0; l4 < WD_L4__MAX; l4++)
			cnt += s->val[dir].cnt[l4];
	return cnt;
}

void slot_want(struct wd_model *m, struct mslot *s)
{
	if (!s || s->wants++)
		return;
	share_use(m, s->payer, TABLE_SPANS, spans_of(s));
	share_use(m, s->payer, TABLE_STEPS, s->steps);
	for (uint32_t i = 0; i < s->classes.cnt; i++)
		class_want(m, s->classes.item[i]);
}

void slot_leave(struct wd_model *m, struct mslot *s)
{
	if (!s || --s->wants)
		return;
	share_idle(m, s->payer, TABLE_SPANS, spans_of(s));
	share_idle(m, s->payer, TABLE_STEPS, s->steps);
	for (uint32_t i = 0; i < s->classes.cnt; i++)
		class_leave(m, s->classes.item[i]);
}

static void slot_free(struct wd_model *m, struct mslot *s)
{
	struct draft d = { 0 };

	share_drop(m, s->payer, TABLE_SPANS, spans_of(s));
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		for (int l4 = 0; l4 < WD_L4__MAX; l4++) {
			uint32_t cnt = s->val[dir].cnt[l4];

			if (cnt)
				wd_alloc_put(&m->span_alloc,
					     s->val[dir].first[l4], cnt);
			free(s->span[dir][l4]);
		}
	}
	while (s->classes.cnt) /* the last first: see drop_bit() */
		class_put(m, s->classes.item[--s->classes.cnt]);
	vec_fini(&s->classes);
	share_drop(m, s->payer, TABLE_STEPS, s->steps);
	wd_alloc_put(&m->slot_alloc, s->id, 1);
	m->room = true;
	if (s->key) {
		d.cnt = (s->key_len - sizeof(struct atom)) /
			sizeof(struct atom);
		d.atom = wd_xcalloc(d.cnt, sizeof(*d.atom));
		memcpy(d.atom, (struct atom *)s->key + 1,
		       d.cnt * sizeof(*d.atom));
		draft_fini(m, &d);
		free(s->key);
	}
	free(s);
}

void slot_put(struct wd_model *m, struct mslot *s)
{
	if (!s || --s->refs > 0)
		return;
	HASH_DELETE(hh, m->slots, s);
	slot_free(m, s);
}

/*
 * A slot that is there, once more. One that nobody wanted any more may be more
 * than its namespace has room for by now: then it stays so. Return: is there room
 */
static bool slot_take(struct wd_model *m, struct mslot *s)
{
	uint32_t idle[TABLE__MAX];

	if (s->payer)
		memcpy(idle, s->payer->idle, sizeof(idle));
	slot_want(m, s);
	if (s->payer && !share_is_kept(m, s->payer, idle)) {
		slot_leave(m, s);
		return false;
	}
	s->refs++;
	return true;
}

/* The slot of a draft, wanted; takes over the draft's references. NULL with *ret_err: it does not fit. */
static struct mslot *slot_get(struct wd_model *m, struct draft *d, int *ret_err)
{
	size_t len = (d->cnt + 1) * sizeof(struct atom);
	struct atom *key =
		wd_xcalloc(1, len); /* element 0 holds what isolation says */
	struct mslot *s;
	int64_t id;

	if (d->vast) {
		*ret_err = -E2BIG;
		free(key);
		draft_fini(m, d);
		prefixes_forget(m);
		return NULL;
	}
	key[0].dir = d->isolated[WD_INGRESS];
	key[0].l4 = d->isolated[WD_EGRESS];
	key[0].lo = d->tell[WD_INGRESS];
	key[0].hi = d->tell[WD_EGRESS];
	m->atoms += d->cnt;
	if (d->cnt)
		memcpy(key + 1, d->atom, d->cnt * sizeof(*d->atom));
	HASH_FIND(hh, m->slots, key, len, s);
	if (s) {
		if (!slot_take(m, s)) {
			*ret_err = -ENOSPC;
			s = NULL;
		}
		free(key);
		draft_fini(m, d);
		return s;
	}
	id = prefixes_fit(m, d->prefixes, d->narrow) ?
		     array_get(m, WD_MAP_wd_slot, 1) :
		     -ENOSPC;
	if (id < 0) {
		*ret_err = -ENOSPC;
		free(key);
		draft_fini(m, d);
		prefixes_forget(m);
		return NULL;
	}
	s = wd_xcalloc(1, sizeof(*s));
	s->id = (uint32_t)id;
	s->wants = 1;
	/* what policies of the whole cluster alone come to is nobody's */
	s->payer = m->payer = d->narrow ? m->payer : NULL;
	*ret_err = slot_build(m, s, d);
	if (*ret_err) {
		free(key);
		slot_leave(m, s);
		slot_free(m, s);
		draft_fini(m, d);
		prefixes_forget(m);
		return NULL;
	}
	free(d->atom); /* its references live on in the key */
	s->key = key;
	s->key_len = len;
	s->refs = 1;
	HASH_ADD_KEYPTR(hh, m->slots, s->key, s->key_len, s);
	return s;
}

/* What is in force where the pod itself claims nothing. */
static enum wd_mode space_mode(const struct wd_model *m,
			       const struct mendpoint *e)
{
	enum wd_mode mode = e->space->mode;

	return mode != WD_MODE_UNSET ? mode : m->mode;
}

/* What anybody has said goes before it, and it never makes a mode stricter. */
static bool is_relaxed(const struct wd_model *m, const struct mspace *s,
		       const struct wd_object *pod)
{
	return s->relaxed && s->mode == WD_MODE_UNSET && !s->mode_bad &&
	       m->mode == WD_MODE_ENFORCE && pod->pod.mode == WD_MODE_UNSET &&
	       !pod->pod.mode_bad;
}

bool wd_model_relaxed(const struct wd_model *m, const struct wd_object *pod)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, pod->ns, strlen(pod->ns), s);
	return s && is_relaxed(m, s, pod);
}

void wd_model_relax(struct wd_model *m, const char *ns, const char *uid)
{
	struct mspace *s = space_get(m, ns);
	const char *was = s->relaxed;

	s->relaxed = wd_str_get(uid);
	wd_str_put(was);
	if ((s->relaxed != NULL) == (was != NULL))
		return;
	for (size_t i = 0; i < s->endpoints.cnt; i++) {
		struct mendpoint *e = s->endpoints.item[i];

		e->dirty = true;
		m->commit_needed = true;
	}
}

bool wd_model_relaxes(const struct wd_model *m, const char *ns)
{
	const struct mspace *s;

	HASH_FIND(hh, m->spaces, ns, strlen(ns), s);
	return s && s->relaxed;
}

uint32_t wd_model_relaxed_cnt(const struct wd_model *m, const char *ns)
{
	const struct mspace *s;
	uint32_t cnt = 0;

	HASH_FIND(hh, m->spaces, ns, strlen(ns), s);
	for (size_t i = 0; s && i < s->endpoints.cnt; i++) {
		const struct wd_object *pod =
			endpoint_pod(s->endpoints.item[i]);

		cnt += pod && is_relaxed(m, s, pod);
	}
	return cnt;
}

/* Where it is relaxed its pods are as if they said so: not the namespace itself. */
enum wd_mode endpoint_mode(const struct wd_model *m, const struct mendpoint *e)
{
	const struct wd_object *obj = endpoint_pod(e);

	if (obj && obj->pod.mode != WD_MODE_UNSET)
		return obj->pod.mode;
	return obj && is_relaxed(m, e->space, obj) ? WD_MODE_AUDIT :
						     space_mode(m, e);
}

/* What its pod says of a mode is for slots that it has not got, where it is behind. */
enum wd_mode endpoint_enforced(const struct wd_model *m,
			       const struct mendpoint *e)
{
	enum wd_mode mode = e->lifted ? space_mode(m, e) : endpoint_mode(m, e);
	uint16_t flags = e->have.flags[m->gen & 1];
	enum wd_mode had = flags & WD_EP_OFF   ? WD_MODE_OFF :
			   flags & WD_EP_AUDIT ? WD_MODE_AUDIT :
						 WD_MODE_ENFORCE;

	/* modes are in order, the stricter first */
	return e->behind && e->in_kernel && had < mode ? had : mode;
}

/* @s: NULL, a namespace that nobody has told of */
bool space_encrypts(const struct wd_model *m, const struct mspace *s)
{
	return s && s->encryption != WD_ENCRYPTION_UNSET ?
		       s->encryption == WD_ENCRYPTION_REQUIRED :
		       m->encrypt;
}

bool endpoint_encrypts(const struct wd_model *m, const struct mendpoint *e)
{
	return space_encrypts(m, e->space);
}

bool endpoint_encap(const struct mendpoint *e)
{
	/* tunnels between nodes are its business */
	return e->is_host || e->space->encap;
}

bool endpoint_rejects(const struct mendpoint *e)
{
	return e->space->rejects;
}

/* What its namespace has too little of. */
static const char *lacking(enum mtable table)
{
	switch (table) {
	case TABLE_SPANS:
	case TABLE_CLASSES:
	case TABLE_BITS:
		break;
	case TABLE_STEPS:
		return "its namespace's policies take as many steps to compile as one's may: atoms of all pieces of their ports";
	case TABLE_PARTS:
		return "its namespace's predicates have as many parts as one's may: peers of rules that were joined, or stand behind a Pass";
	case TABLE__MAX:
		break;
	}
	return "its namespace has half of this node's spans, classes or predicates";
}

static char *too_large(const char *what, const struct outcome *o,
		       const char *until)
{
	char *text = NULL;

	if (asprintf(
		    &text,
		    "%s does not fit (%s)%s: split port lists or peers of the policies that select it",
		    what,
		    o->err == -E2BIG ?
			    "too many ports, or peers times ports" :
		    o->err == -EDQUOT ?
			    lacking(o->table) :
			    "no free slot, span, class, predicate or prefix",
		    until) < 0)
		return NULL;
	return text;
}

/*
 * Who may write a pod may lift from it what its namespace's policies say, by
 * its mode, but not what the cluster's do. Does it, and is there any of those?
 */
static bool is_lifted(const struct wd_model *m, const struct mendpoint *e)
{
	const struct wd_object *pod = endpoint_pod(e);

	/* modes are in order, the stricter first */
	if (endpoint_mode(m, e) <= space_mode(m, e))
		return false;
	for (size_t i = 0; i < m->wide.cnt; i++) {
		const struct wd_object *policy = m->wide.item[i];

		if (!wd_policy_counts(policy, true, true))
			continue;
		for (uint32_t k = 0; k < policy->policy.spec_cnt; k++) {
			if (wd_spec_selects(&policy->policy.spec[k], "", pod,
					    e->space->labels))
				return true;
		}
	}
	return false;
}

static struct outcome work_out(struct wd_model *m, struct mendpoint *e,
			       bool tries, bool lifts)
{
	struct draft d = { .tries = tries,
			   .lifts = lifts,
			   .prefixes = { m->prefix_cnt[0], m->prefix_cnt[1] } };
	struct outcome o = { 0 };

	draft_fill(m, &d, e);
	o.left_out = d.left_out;
	o.named_egress = d.named_egress;
	o.grouped = d.grouped;
	o.served = d.served;
	o.sliced = d.sliced;
	share_begin(m, e->is_host ? NULL : e->space);
	o.slot = slot_get(m, &d, &o.err);
	o.table = m->crowded;
	o.needs = m->needs;
	o.failed = m->failed;
	share_begin(m, NULL);
	if (!o.slot && o.err == -ENOSPC && o.table != TABLE__MAX &&
	    !share_fits(e->space, o.table, o.needs))
		o.err = -EDQUOT;
	return o;
}

/* The slot of the policies that count; NULL: it does not fit. */
static struct outcome compile(struct wd_model *m, struct mendpoint *e,
			      bool tries, bool lifts)
{
	const struct outcome *known = memo_find(m, e, tries, lifts);
	struct outcome o;

	if (known) {
		o = *known;
		m->failed = o.failed;
		if (o.slot)
			o.slot->refs++;
		slot_want(m, o.slot);
	} else {
		o = work_out(m, e, tries, lifts);
		memo_add(m, e, tries, lifts, &o);
	}
	e->named_egress |= o.named_egress;
	e->grouped |= o.grouped;
	e->served |= o.served;
	e->sliced |= o.sliced;
	return o;
}

/* What is on trial: judged, told of, and let pass. Nothing, if it makes no difference. */
static struct outcome compile_trial(struct wd_model *m, struct mendpoint *e)
{
	bool lifts = e->lifted && endpoint_mode(m, e) == WD_MODE_OFF;
	struct outcome o = compile(m, e, true, lifts);

	if (o.slot && o.slot == e->slot) {
		slot_leave(m, o.slot);
		slot_put(m, o.slot);
		o.slot = NULL;
	}
	return o;
}

/*
 * The host whose policy does not fit goes on with what it had. After a start it
 * had nothing: then all is shut but what is always open. A try is none instead.
 * Takes over @old, or leaves it.
 */
static void keep_host(struct wd_model *m, struct mendpoint *e,
		      const struct outcome *o, bool was_shut,
		      struct mslot **old)
{
	struct draft d = { .shut = true };
	int ignored;

	if (*old && !was_shut) {
		e->slot = *old;
		slot_want(m, e->slot);
		*old = NULL;
		e->kept = true;
		return;
	}
	if (e->ep->id != WD_HOST_KEY)
		return;
	draft_fill(m, &d, e);
	e->slot = slot_get(m, &d, &ignored);
	e->shut = e->kept = e->slot != NULL;
	if (!e->slot)
		return;
	free(e->error);
	e->error = too_large("its policy", o,
			     ", so nothing passes but what is always open");
}

/* What an endpoint has, to be put back if the sink fails. */
struct had {
	struct mslot *slot[2]; /* and its trial */
	char *error;
	bool lifted;
	bool kept;
	bool shut;
	bool room; /* as of m */
};

static struct had take_out(struct wd_model *m, struct mendpoint *e)
{
	struct had had = { .slot = { e->slot, e->trial },
			   .error = e->error,
			   .lifted = e->lifted,
			   .kept = e->kept,
			   .shut = e->shut,
			   .room = m->room };

	endpoint_leave(m, e);
	e->error = NULL;
	e->slot = e->trial = NULL;
	e->named_egress = e->grouped = e->lifted = false;
	e->served = e->sliced = 0;
	e->kept = e->shut = false;
	return had;
}

/*
 * Others must not wait for memory that one of them lacks: it goes on with what
 * is in force, or is new, and closed. In the first generation it would lose what
 * the agent before has in force, and the host without a slot is shut.
 */
static bool can_do_without(const struct wd_model *m, const struct mendpoint *e)
{
	return !m->first && (!e->is_host || e->slot);
}

/* The commit does without what the sink has no memory for, if it can. */
static void go_without(struct wd_model *m)
{
	m->behind_err = m->failed;
	m->behind++;
	m->failed = 0;
}

/* As if nothing had been tried, but that it is still to be. */
static int put_back(struct wd_model *m, struct mendpoint *e,
		    const struct had *had)
{
	free(e->error);
	slot_leave(m, e->slot);
	slot_leave(m, e->trial);
	slot_put(m, e->slot);
	slot_put(m, e->trial);
	e->slot = had->slot[0];
	e->trial = had->slot[1];
	e->error = had->error;
	if (e->in_kernel) /* one that is new has no slot that another goes with */
		e->lifted = had->lifted;
	e->kept = had->kept;
	e->shut = had->shut;
	e->dirty = e->behind = true;
	m->room = had->room;
	if (m->failed && can_do_without(m, e))
		go_without(m);
	return m->failed;
}

int endpoint_compile(struct wd_model *m, struct mendpoint *e)
{
	struct had had = take_out(m, e);
	struct outcome o = { 0 };
	bool again = false;

	m->compiled++;
	if (endpoint_pod(e)) {
		e->lifted = is_lifted(m, e);
		o = compile(m, e, false, e->lifted);
		e->slot = o.slot;
		if (o.err) {
			e->error = too_large("its policy", &o, "");
		} else if (o.left_out) {
			o = compile_trial(m, e);
			e->trial = o.slot;
			if (o.err)
				e->error =
					too_large("what is on trial", &o, "");
		}
	}
	if (e->error && !e->slot && e->is_host && !m->failed)
		keep_host(m, e, &o, had.shut, &had.slot[0]);
	if (e->error) /* what a try gives back is no reason for another */
		m->room = had.room;
	/* what is on trial keeps nothing from being in force */
	again = m->failed && e->slot && !m->first;
	if (again)
		go_without(m);
	if (m->failed || endpoint_is_late(m, e, &o, had.slot[0]))
		return put_back(m, e, &had);
	e->left = false;
	e->lacks = o.err;
	e->table = o.table;
	e->needs = o.needs;
	e->dirty = again;
	e->waits = e->behind = false;
	free(had.error);
	slot_put(m, had.slot[0]);
	slot_put(m, had.slot[1]);
	return 0;
}

bool endpoint_may_fit(const struct wd_model *m, const struct mendpoint *e)
{
	if (!e->error || e->lacks == -E2BIG)
		return false;
	return e->table == TABLE__MAX ||
	       (share_has(m, e->space, e->table, e->needs) &&
		share_left(m, e->table, e->needs));
}
