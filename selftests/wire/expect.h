/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * expect.h - what is expected of a site's traffic while something is done to it.
 *
 * Each watch is one of talk.h: void, and a failure, unless its planted leak was
 * found. A talk between the pods of both nodes runs at most once at a time.
 */
#ifndef WARDER_SELFTESTS_WIRE_EXPECT_H
#define WARDER_SELFTESTS_WIRE_EXPECT_H

#include "talk.h"

#define EXPECT_LATER_MS 500 /* what was sent may still come */
#define EXPECT_MENDED_MS 30000
#define EXPECT_SHORT_MS 400

/* How long things are held, ms. */
extern int expect_hold_ms;

/** begin_talk(), stop_talk() - of both nodes' pods with each other */
void begin_talk(enum talk_kind kind);
void stop_talk(void);

/** expect_no_leak() - for @ms: nothing in clear */
struct seen expect_no_leak(int ms);

/** expect_nothing_arrives() - the same, and not even encrypted */
void expect_nothing_arrives(int ms);

/** expect_nothing_arrives_at() - the same of one node, for as long as things are held */
void expect_nothing_arrives_at(int node);

/** expect_arrival_at() - something sealed comes to the pod of @node soon, and nothing in clear. Return: that is so */
bool expect_arrival_at(int node);

/** expect_all_arrives() - both pods get something, sealed, and nothing in clear. Return: that is so */
bool expect_all_arrives(int ms);

/** expect_hidden() - while pods talk, which goes on, @change happens: nothing shows, then or later */
void expect_hidden(void (*change)(void));

/** expect_mended() - after @mend all arrives again; then the talk ends. Return: ms that it took, -1 if it did not come */
long expect_mended(void (*mend)(void));

/** expect_none_lost() - all that each pod sends while @change happens arrives at the other */
void expect_none_lost(void (*change)(void));

/** nothing() - for expect_mended() */
void nothing(void);

#endif /* WARDER_SELFTESTS_WIRE_EXPECT_H */
