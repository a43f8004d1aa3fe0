/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * objects.h - the site's nodes and pods as objects, as the agent of each node has
 * heard of them. What one has not heard yet, another may have.
 */
#ifndef WARDER_SELFTESTS_WIRE_OBJECTS_H
#define WARDER_SELFTESTS_WIRE_OBJECTS_H

#include "site.h"

/** objects_dir() - where the agent of @node reads them */
const char *objects_dir(int node);

/** objects_new() - all of them, known to all. False if it failed */
bool objects_new(void);

/** objects_write() - write them anew; agents see it by themselves. False if it failed */
bool objects_write(void);

/** objects_tell() - the same, and wait until all agents have read them. False if it failed */
bool objects_tell(void);

/** objects_hide() - @node has not heard of @other and its pods, or now has: from the next telling on */
void objects_hide(int node, int other, bool hidden);

/** objects_pod() - pod SITE_POD of @node is there or not, and on which node: from the next telling on */
void objects_pod(int node, bool there, int on);

#endif /* WARDER_SELFTESTS_WIRE_OBJECTS_H */
