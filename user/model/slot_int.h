/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * slot_int.h - what the steps from policies to a slot hand on; draft.c, class.c
 * and slot.c only.
 */
#ifndef WARDER_SLOT_INT_H
#define WARDER_SLOT_INT_H

#include "model_int.h"

/*
 * A draft of more atoms does not fit, nor one with which compiling a protocol
 * takes more steps, cuts of its ports times atoms: peers times ports of one rule
 * may be millions, and whoever writes it must not hold up the agent.
 */
#define DRAFT_ATOMS 65536
#define DRAFT_STEPS (1ULL << 26)

/* What an endpoint's policy comes to, while it is worked out. */
struct draft {
	/* in: policies on trial count */
	bool tries;
	/* in: policies of the namespace do not count, nor what only holds without them */
	bool lifts;
	/* in: of the host, nothing but the first tier is let, see fill_shut() */
	bool shut;
	bool vast; /* more atoms than DRAFT_ATOMS: some are left out */
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

/* class.c: @l4 WD_L4__MAX: what no rule with ports speaks of */
void cover_find(struct wd_model *m, struct cover *cov, const struct draft *d,
		enum wd_dir dir, enum wd_l4 l4, uint32_t port);

/* The class for one piece, with one reference. *ret_class NULL: no rule covers it. 0 or -ENOSPC */
int class_get(struct wd_model *m, const struct cover *cov,
	      struct mclass **ret_class);
void class_put(struct wd_model *m, struct mclass *c);

#endif /* WARDER_SLOT_INT_H */
