/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.h - the numbers of rules in use, see rule.c.
 */
#ifndef WARDER_MODEL_RULE_H
#define WARDER_MODEL_RULE_H

#include "model_int.h"

/* What a rule is called. A key: names as interned, and nothing between. */
struct mrule_name {
	const char *ns;
	const char *name;
	uint32_t kind; /* enum wd_kind */
	uint32_t dir; /* enum wd_dir */
	int64_t index;
};

struct mrule {
	UT_hash_handle hh; /* by id */
	UT_hash_handle named; /* by what it is called, unless that is not known */
	uint32_t id;
	uint32_t refs;
	struct mrule_name of;
	bool told; /* who counts knows of it */
	/* somewhere another item decides for it, as lists must not be long */
	bool joined;
	/* it may decide about what goes to a service of several kinds, see mixed.c */
	bool mixed;
	uint32_t mixed_end; /* when it could no more, a tick; 0: it never could */
};

uint32_t rule_get(struct wd_model *m, const struct wd_object *policy,
		  enum wd_dir dir, int index);
/* @cnt references more; @cnt less. */
void rule_ref(struct wd_model *m, uint32_t id, uint32_t cnt);
void rule_put(struct wd_model *m, uint32_t id, uint32_t cnt);
void rule_joined(struct wd_model *m, uint32_t id);
/* Is it of a policy of no namespace? */
bool rule_is_wide(const struct wd_model *m, uint32_t id);
/* Tell who counts of those that came; that ended; that it is another one now. */
void rules_begin(struct wd_model *m);
void rules_end(struct wd_model *m);
void rules_elsewhere(struct wd_model *m);
/* Of the agent before: who did not come has ended. */
void rules_release(struct wd_model *m);
void rules_fini(struct wd_model *m);
struct mrule *rule_find(const struct wd_model *m, uint32_t id);

#endif /* WARDER_MODEL_RULE_H */
