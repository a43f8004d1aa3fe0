/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stall.h - a model with namespaces whose pods may take much: "crowd" has PODS of
 * them, "shop" two. Decides nothing.
 */
#ifndef WARDER_SELFTESTS_STALL_H
#define WARDER_SELFTESTS_STALL_H

#include "model/model.h"

struct wd_store;

#define PODS 40 /* of one namespace; two more of another, or 42 */
#define MOST 84
#define THIRD 20 /* of one more */

extern struct wd_store *store;
extern struct wd_model *model;
extern struct wd_endpoint ep[MOST + THIRD + 1];
extern uint32_t ep_cnt;

/* Elements that may be taken before the kernel refuses one, for want of memory. */
extern int reach_left;
/* And it has never any for so many spans at once; 0: it has. */
extern uint32_t reach_never;
extern bool on_trial; /* policies to come */

/** stall_begin() - @apart: each pod of the crowd has another number of port "web" */
void stall_begin(bool apart);
void stall_end(void);

/** put_pod() - label "app" is @app; @web: number of its port of that name, or 0 */
void put_pod(int i, const char *ns, const char *app, uint16_t web);

/** stall_commit() - as the agent does it, until nothing is left. Return: what it took */
struct wd_model_stats stall_commit(void);

/** stall_closed() - how many pods do not fit; expects that each says @why */
uint32_t stall_closed(const char *why);

/** stall_closed_of() - pods of @ns that are closed because of @why; "": of whatever */
uint32_t stall_closed_of(const char *ns, const char *why);

/** of_app() - selects pods with label "app" @app */
struct wd_selector *of_app(const char *app);
/** app_in() - the same of @cnt values, @from and on */
struct wd_selector *app_in(int from, int cnt);

struct shape {
	int peers;
	int values; /* of each */
	int ports;
	int step; /* from one to the next */
	int wide; /* each */
	bool web; /* and the one by name */
};

void stall_fill(struct wd_policy_rule *rule, const struct shape *shape);

/** put_rules() - ingress of those who are @subject; takes over what @rule has, @cnt of them */
void put_rules(const char *ns, const char *name, struct wd_selector *subject,
	       const struct wd_policy_rule *rule, uint32_t cnt);
void put_rule(const char *ns, const char *name, struct wd_selector *subject,
	      const struct wd_policy_rule *rule);

/** put_policy() - ingress of every pod of @ns; "": of those whose app is "sys", of all */
void put_policy(const char *ns, const char *name, const struct shape *shape);

#endif /* WARDER_SELFTESTS_STALL_H */
