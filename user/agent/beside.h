/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beside.h - another agent of the node that carries packets past warder's hooks.
 *
 * Beside such a one nothing would be enforced while warder says it is: the agent
 * does not start there, unless --beside-cilium=allow takes that on. One that
 * comes later is told.
 */
#ifndef WARDER_BESIDE_H
#define WARDER_BESIDE_H

#include <stddef.h>

struct json_object;
struct wd_agent;

/**
 * wd_beside_start() - may the agent start on this node
 * Return: 0, or -EOPNOTSUPP with the reason logged, and what would help.
 */
int wd_beside_start(struct wd_agent *agent);

/** wd_beside_look() - from time to time: what is other is told as an event */
void wd_beside_look(struct wd_agent *agent);

/** wd_beside_put() - array "beside": object, text, fix */
void wd_beside_put(const struct wd_agent *agent, struct json_object *doc);

/** wd_beside_cnt() - how many findings there are */
size_t wd_beside_cnt(const struct wd_agent *agent);

void wd_beside_free(struct wd_agent *agent);

#endif /* WARDER_BESIDE_H */
