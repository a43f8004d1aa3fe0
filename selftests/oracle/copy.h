/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * copy.h - a second object that says the same, for a store of its own.
 */
#ifndef WARDER_SELFTESTS_COPY_H
#define WARDER_SELFTESTS_COPY_H

struct wd_object;

/** wd_copy_object() - deep; released by wd_object_free() */
struct wd_object *wd_copy_object(const struct wd_object *obj);

#endif /* WARDER_SELFTESTS_COPY_H */
