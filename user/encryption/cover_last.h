/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_last.h - how the counters stood when the last span was written:
 * encryption.last in the state directory.
 *
 * An agent that comes after goes on from there, so that nothing is counted
 * twice and nothing is left out while nobody ran. Numbers are those of the
 * agent that wrote it; it says which names they had.
 */
#ifndef WARDER_COVER_LAST_H
#define WARDER_COVER_LAST_H

#include <stddef.h>
#include <stdint.h>

#include <warder/abi.h>

#include "../model/hash.h"

#define WD_COVER_LAST "encryption.last"

/* An entry of wd_cover as it was last read. */
struct wd_cover_counter {
	struct wd_cover_key key;
	struct wd_stat_val val;
	UT_hash_handle hh;
};

/* Names by number, from @first on. */
struct wd_cover_names {
	uint32_t first;
	size_t cnt;
	size_t room;
	char **name;
};

struct wd_cover_last {
	uint64_t epoch; /* of the map that was read; 0 none was */
	uint64_t seq; /* of the span that was written with it */
	int64_t end_s; /* CLOCK_REALTIME */
	uint32_t flags; /* WD_STATE_* then */
	struct wd_cover_names ns;
	struct wd_cover_names node;
	struct wd_cover_counter *counters;
};

void wd_cover_last_init(struct wd_cover_last *last);
void wd_cover_last_fini(struct wd_cover_last *last);

/** wd_cover_last_counter() - of a key; made with nothing counted if there is none */
struct wd_cover_counter *wd_cover_last_counter(struct wd_cover_last *last,
					       const struct wd_cover_key *key);

/** wd_cover_last_forget() - no counters and no names any more: another map */
void wd_cover_last_forget(struct wd_cover_last *last);

/** wd_cover_names_add() - the next name, copied */
void wd_cover_names_add(struct wd_cover_names *names, const char *name);
/** wd_cover_names_get() - of a number, borrowed; NULL not known */
const char *wd_cover_names_get(const struct wd_cover_names *names,
			       uint32_t number);
void wd_cover_names_clear(struct wd_cover_names *names);

/**
 * wd_cover_last_read() - what an agent before has written
 * @last: initialised, nothing in it
 * Return: 0; -ENOENT; -EBADMSG it is damaged; -errno. @last is empty then.
 */
int wd_cover_last_read(const char *dir, struct wd_cover_last *last);

/** wd_cover_last_write() - in place of it, whole or not at all; 0 or -errno */
int wd_cover_last_write(const char *dir, const struct wd_cover_last *last);

#endif /* WARDER_COVER_LAST_H */
