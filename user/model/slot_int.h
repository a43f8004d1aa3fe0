/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slot_int.h - what the steps from policies to a slot hand on; draft.c, class.c,
 * slot.c, memo.c and retry.c only.
 */
#ifndef WARDER_SLOT_INT_H
#define WARDER_SLOT_INT_H

#include "rule.h"
#include "share_int.h"

/*
 * A draft of more atoms does not fit, nor one with which compiling a protocol
 * takes more steps, the atoms of each piece of its ports: peers times ports of
 * one rule may be millions, and whoever writes it must not hold up the agent.
 */
#define DRAFT_ATOMS 65536
#define DRAFT_STEPS (1U << 26)

/* What an endpoint's policy comes to, while it is worked out. */
struct draft {
	/* in: policies on trial count */
	bool tries;
	/* in: policies of the namespace do not count, nor what only holds without them */
	bool lifts;
	/* in: of the host, nothing but the first tier is let, see fill_shut() */
	bool shut;
	uint32_t prefixes[2]; /* in: by family, how many there were before */
	bool vast; /* more atoms than DRAFT_ATOMS: some are left out */
	bool narrow; /* some are of a policy in a namespace */
	bool left_out; /* some policy would count, but for tries or lifts */
	bool isolated[WD_DIR__MAX];
	uint8_t tell[WD_DIR__MAX]; /* WD_TELL_*, of those that isolate */
	bool named_egress;
	bool grouped;
	uint64_t served; /* as of struct mendpoint */
	uint64_t sliced;
	struct atom *atom;
	size_t cnt;
	size_t cap;
};

/* draft.c: what the policies say of the pod, which is known; the atoms own rules and terms */
void draft_fill(struct wd_model *m, struct draft *d, struct mendpoint *e);
void draft_fini(struct wd_model *m, struct draft *d);

/* The atoms that cover one piece of the port space, without those that never decide. */
struct cover {
	bool passes; /* some pass on */
	int pass_tier; /* the last tier where that is so, -1 none */
	int maybe_tier; /* the same of what perhaps passes on */
	size_t cnt;
	size_t cap;
	const struct atom **atom;
};

/* The atoms of one direction and protocol, and the pieces of the port space they cut. */
struct sweep {
	const struct atom **atom; /* in order of precedence */
	size_t cnt;
	uint64_t *on; /* a bit for each: does it cover this piece */
	size_t words;
	uint64_t *event; /* where one begins or ends, by port; see sweep.c */
	size_t events;
	size_t next; /* event */
	bool begun;
	size_t pieces;
	uint64_t steps; /* that going through all pieces takes */
};

/* sweep.c: @l4 WD_L4__MAX: what no rule with ports speaks of */
void sweep_begin(struct sweep *w, const struct draft *d, enum wd_dir dir,
		 enum wd_l4 l4);
/* To the next piece, the first one begins with 0. Return: false: there is none */
bool sweep_next(struct sweep *w, uint32_t *ret_port);
void sweep_fini(struct sweep *w);

/* class.c: of the piece that @w is at */
void cover_find(struct wd_model *m, struct cover *cov, const struct sweep *w);

/* The class for one piece, with one reference, wanted. *ret_class NULL: no rule covers it. 0 or -ENOSPC */
int class_get(struct wd_model *m, const struct cover *cov,
	      struct mclass **ret_class);
void class_want(struct wd_model *m, struct mclass *c);
void class_leave(struct wd_model *m, struct mclass *c);
void class_put(struct wd_model *m, struct mclass *c);

/* slot.c */
/*
 * Work out the endpoint's slots for the next generation.
 * Return: 0; the error of a policy that does not fit is kept in the endpoint,
 * which then drops everything, or judges nothing on trial. Only the host does
 * not: shut, nobody could mend it, and open it is for all. If the sink says no it
 * is left dirty, with what it had, and m->behind; that is 0, too, or m->failed if
 * the commit cannot do without it.
 */
int endpoint_compile(struct wd_model *m, struct mendpoint *e);
/*
 * Once more, or less, from an endpoint. What nobody wants is not counted beside
 * what he wants instead; see share.c. NULL passes.
 */
void slot_want(struct wd_model *m, struct mslot *s);
void slot_leave(struct wd_model *m, struct mslot *s);
/* May what did not fit fit now that something was given back? */
bool endpoint_may_fit(const struct wd_model *m, const struct mendpoint *e);

/*
 * memo.c: what pods that no policy can tell apart come to is worked out once
 * for all of them, as long as nothing changes.
 */
struct outcome {
	struct mslot *slot; /* NULL: it does not fit, by @err */
	int err;
	int failed; /* by what the sink said, which is nobody's shortage; or 0 */
	enum mtable
		table; /* of which there is too little; TABLE__MAX: of another */
	uint32_t needs;
	bool left_out;
	bool named_egress;
	bool grouped;
	uint64_t served;
	uint64_t sliced;
};

/* What was noted of such a pod; NULL: nothing. Borrowed up to memo_end(). */
const struct outcome *memo_find(const struct wd_model *m,
				const struct mendpoint *e, bool tries,
				bool lifts);
void memo_add(struct wd_model *m, const struct mendpoint *e, bool tries,
	      bool lifts, const struct outcome *outcome);
/* Is it known what it comes to, but for a try? */
bool memo_knows(const struct wd_model *m, const struct mendpoint *e);
/* Is there a slot now for one that it cannot be told from? */
bool memo_has_room(const struct wd_model *m, const struct mendpoint *e);
void memo_end(struct wd_model *m);

/* late.c */
/* Before a commit compiles, and behind it. */
void late_begin(struct wd_model *m);
void late_end(struct wd_model *m);
/* Is there no room for what it came to, but there will be? Then it keeps @had. */
bool endpoint_is_late(struct wd_model *m, struct mendpoint *e,
		      const struct outcome *o, const struct mslot *had);

#endif /* WARDER_SLOT_INT_H */
