/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.h - what happens to the agent, as against what happens to packets.
 *
 * One call writes the line of the log, keeps the event for who asks later
 * (`warder status --events`), counts it (metrics), and tells whoever watches
 * (`warder monitor`). Of a thing that lasts, its begin and its end are told.
 */
#ifndef WARDER_JOURNAL_H
#define WARDER_JOURNAL_H

#include <stdint.h>

#include "../base/log.h"

struct json_object;
struct wd_agent;
struct wd_journal;

#define WD_JOURNAL_KEPT 100

/* X(NAME, name, what is told). Names are part of `--json` and metrics. */
#define WD_HAPPENINGS(X) \
	X(RUNG, "rung", \
	  "another rung is in force, or one below full when the agent begins") \
	X(PART, "part", \
	  "programs of wires, of services or of the host that cannot be had") \
	X(WIREGUARD, "wireguard", "a finding of WireGuard") \
	X(ENCRYPTION, "encryption", \
	  "what must be encrypted, and whether all wires are guarded") \
	X(DRIFT, "drift", "what others changed behind the agent's back") \
	X(OBJECT, "object", "an object that is not enforced as written") \
	X(HOST, "host", \
	  "policies about this node: tried, confirmed or taken back") \
	X(SOURCE, "source", \
	  "a directory or file of manifests that cannot be read") \
	X(CNI, "cni", \
	  "the chain of CNI plugins: mended, or what is wrong with it") \
	X(SLO, "slo", \
	  "handshakes of a namespace that are slower than its baseline")

#define WD_HAPPENING_ENUM_(symbol, name, help) WD_HAPPENS_##symbol,
enum wd_happening { WD_HAPPENINGS(WD_HAPPENING_ENUM_) WD_HAPPENS__MAX };
#undef WD_HAPPENING_ENUM_

enum wd_phase {
	WD_ONCE, /* it happened, and that is all */
	WD_BEGINS,
	WD_ENDS,
};

struct wd_happens {
	enum wd_happening what;
	enum wd_phase phase;
	enum wd_log_level level;
	/* keys of its own, beside those of all events; may be NULL */
	struct json_object *about;
};

/** wd_journal_new() - empty; out of memory ends the program */
struct wd_journal *wd_journal_new(struct wd_agent *agent);
void wd_journal_free(struct wd_journal *journal);

/** wd_journal_tell() - it happens now; takes ownership of @happens->about */
void wd_journal_tell(struct wd_journal *journal,
		     const struct wd_happens *happens, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** wd_journal_put() - the last ones, oldest first, as an array below "happened" */
void wd_journal_put(const struct wd_journal *journal, struct json_object *doc);

/** wd_journal_count() - so many of a kind since the agent began */
uint64_t wd_journal_count(const struct wd_journal *journal,
			  enum wd_happening what);

/** wd_happening_name() - as in events */
const char *wd_happening_name(enum wd_happening what);

#endif /* WARDER_JOURNAL_H */
