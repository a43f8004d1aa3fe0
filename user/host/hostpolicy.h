/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostpolicy.h - policies about this node itself, so that nobody locks himself out.
 *
 * What such policies come to is tried first: enforced, and taken back after a
 * time unless somebody confirms it, who can only do so if he still gets here.
 * What was confirmed is remembered on disk as it was written. It comes back when
 * a try is not confirmed, and where an agent begins after one that ended within
 * a try. The programs know when a try ends, so it does so without an agent, too.
 */
#ifndef WARDER_HOSTPOLICY_H
#define WARDER_HOSTPOLICY_H

#include <stdbool.h>

struct json_object;
struct wd_agent;
struct wd_hostpolicy;
struct wd_object;

/** wd_hostpolicy_new() - reads what was confirmed; before the sources are read */
struct wd_hostpolicy *wd_hostpolicy_new(struct wd_agent *agent);
void wd_hostpolicy_free(struct wd_hostpolicy *hp);

/** wd_hostpolicy_object() - an object changed */
void wd_hostpolicy_object(struct wd_hostpolicy *hp, const struct wd_object *was,
			  const struct wd_object *now);

/** wd_hostpolicy_look() - tell the model what counts, if that changed; before each commit */
void wd_hostpolicy_look(struct wd_hostpolicy *hp);

/**
 * wd_hostpolicy_tend() - attach the program that judges, where it is wanted, or take it off
 * After a commit. @check: look whether it is still attached, too
 */
void wd_hostpolicy_tend(struct wd_hostpolicy *hp, bool check);

/** wd_hostpolicy_retry() - what could not be attached is tried at once, not after its pause */
void wd_hostpolicy_retry(struct wd_hostpolicy *hp);

/**
 * wd_hostpolicy_confirm() - what is tried stays
 * @again: what was taken back is tried once more, instead
 * Return: 0; or -errno with *ret_why to be freed: -ENOENT there is nothing to
 * confirm, -EOPNOTSUPP it is not enforced here, -EAGAIN not yet, or what writing it to disk said.
 */
int wd_hostpolicy_confirm(struct wd_hostpolicy *hp, bool again, char **ret_why);

/** wd_hostpolicy_put() - "host" of the status */
void wd_hostpolicy_put(const struct wd_hostpolicy *hp, struct json_object *doc);

/** wd_hostpolicy_wanted() - is anything asked of this node, so that something has to judge it */
bool wd_hostpolicy_wanted(const struct wd_hostpolicy *hp);

/**
 * wd_hostpolicy_amiss() - why what is asked of this node is not enforced
 * Return: of @hp; NULL it is, or nothing is asked.
 */
const char *wd_hostpolicy_amiss(const struct wd_hostpolicy *hp);

/** wd_hostpolicy_word() - how a policy with specs for nodes stands here, in a word or two */
const char *wd_hostpolicy_word(const struct wd_hostpolicy *hp,
			       const struct wd_object *policy);

#endif /* WARDER_HOSTPOLICY_H */
