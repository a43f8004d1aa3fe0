/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * beyond.h - what the quota of a namespace has no room for, in words.
 */
#ifndef WARDER_BEYOND_H
#define WARDER_BEYOND_H

#include "../model/object.h"

struct wd_over;
struct wd_problems;
struct wd_store;

/** wd_beyond_option() - the quota's name, as the option that sets it without dashes */
const char *wd_beyond_option(enum wd_quota quota);

/**
 * wd_beyond_tell() - add one to the problems
 * @store: where the Namespace stands that pods are told under
 */
void wd_beyond_tell(const struct wd_store *store, const struct wd_over *over,
		    struct wd_problems *list);

#endif /* WARDER_BEYOND_H */
