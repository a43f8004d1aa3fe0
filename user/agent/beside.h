/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beside.h - another agent of the node that carries packets past warder's hooks.
 *
 * What comes to pods there is not judged, whatever else is. The agent does what it
 * can all the same: one that ended would take the rest away, too. But it says that
 * it is not in force, and new pods are refused unless --beside-cilium=allow takes
 * that on.
 */
#ifndef WARDER_BESIDE_H
#define WARDER_BESIDE_H

#include <stddef.h>

struct json_object;
struct wd_agent;

/**
 * wd_beside_look() - at the start, and from time to time: what is other is told
 * Where it cannot be found out any more, what was found stays.
 */
void wd_beside_look(struct wd_agent *agent);

/**
 * wd_beside_refuses() - may pods not be started here, as they would be passed by
 * Return: one line on why and what would help, to be freed; NULL: they may.
 */
char *wd_beside_refuses(const struct wd_agent *agent);

/**
 * wd_beside_put() - array "beside": object, text, fix; "beside_unknown": what
 * could not be found out, null nothing
 */
void wd_beside_put(const struct wd_agent *agent, struct json_object *doc);

/** wd_beside_cnt() - how many findings there are */
size_t wd_beside_cnt(const struct wd_agent *agent);

void wd_beside_free(struct wd_agent *agent);

#endif /* WARDER_BESIDE_H */
