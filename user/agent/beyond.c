/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beyond.c - see beyond.h.
 */
#include "beyond.h"

#include <stdlib.h>

#include "../model/model.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/manifests.h"
#include "../source/problems.h"

/* What was counted, and the option that says how many there may be. */
static const struct {
	const char *what;
	const char *option;
} quotas[WD_QUOTA__MAX] = {
	[WD_QUOTA_RULES] = { "peers in rules", "quota-rules" },
	[WD_QUOTA_CIDRS] = { "CIDRs in rules", "quota-cidrs" },
	[WD_QUOTA_LABELS] = { "distinct sets of labels", "quota-labels" },
	[WD_QUOTA_SERVICES] = { "addresses and ports of services",
				"quota-services" },
	[WD_QUOTA_BACKENDS] = { "addresses of EndpointSlices",
				"quota-backends" },
	[WD_QUOTA_NUMBERS] = { "numbers of one port name",
			       "quota-port-numbers" },
};

static char *object_of(const struct wd_over *over)
{
	if (!over->obj)
		return wd_xprintf("Namespace/%s", over->ns);
	return wd_xprintf("%s/%s/%s", wd_kind_name(over->obj->kind),
			  over->obj->ns, over->obj->name);
}

static bool isolates(const struct wd_object *policy)
{
	return wd_policy_isolates(&policy->policy, WD_INGRESS) ||
	       wd_policy_isolates(&policy->policy, WD_EGRESS);
}

/* What comes of an object that is beyond. */
static const char *outcome_of(const struct wd_object *obj)
{
	if (obj->kind == WD_KIND_SERVICE)
		return "where it leads is not looked up, as if it were to too "
		       "many kinds of backends";
	if (obj->kind == WD_KIND_SLICE)
		return "nobody knows of all backends of its service";
	if (!isolates(obj))
		return "it allows nothing, and if it denies, it denies "
		       "everything; it isolates nobody (enableDefaultDeny)";
	return "it isolates and allows nothing";
}

static char *text_of(const struct wd_over *over)
{
	if (over->obj && over->pairs)
		return wd_xprintf("namespace '%s' may have %u pairs of a "
				  "backend and an address and port that leads "
				  "to it (%s, times 32), which this one goes "
				  "beyond: %s",
				  over->ns, over->limit,
				  quotas[over->quota].option,
				  outcome_of(over->obj));
	if (over->obj)
		return wd_xprintf("namespace '%s' has room for %u %s (%s), "
				  "which this one goes beyond: %s",
				  over->ns, over->limit,
				  quotas[over->quota].what,
				  quotas[over->quota].option,
				  outcome_of(over->obj));
	if (over->covered)
		return wd_xprintf(
			"%u addresses of Services beyond %s have no entry of "
			"their own, of which a namespace may have %u: others "
			"in the same /24 or /8 (IPv6: /112, /32) are closed, "
			"too",
			over->covered, quotas[over->quota].option, over->limit);
	return wd_xprintf(
		"pods go beyond the %u %s that a namespace may have (%s): no "
		"rule that allows means those that came last",
		over->limit, quotas[over->quota].what,
		quotas[over->quota].option);
}

const char *wd_beyond_option(enum wd_quota quota)
{
	return quotas[quota].option;
}

void wd_beyond_tell(const struct wd_store *store, const struct wd_over *over,
		    struct wd_problems *list)
{
	const struct wd_object *where =
		over->obj ?:
			    wd_store_get(store, WD_KIND_NAMESPACE, "", over->ns);
	char *object = object_of(over), *text = text_of(over);
	const struct wd_problem problem = {
		.effect = WD_PROBLEM_ISOLATED,
		.file = where ? where->file : "",
		.line = where ? where->line : 0,
		.field = "",
		.object = object,
		.text = text,
	};

	wd_problems_add(list, &problem);
	free(object);
	free(text);
}
