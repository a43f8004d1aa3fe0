/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * manifests.h - directories of Kubernetes YAML or JSON as a source of objects.
 *
 * Reads whole files (many documents, Lists), follows the directories with
 * inotify, and brings the store to what the files say. A document that cannot
 * be parsed or has no valid subject changes nothing: the version before stays,
 * also over a restart of the agent (kept copies in the state directory).
 */
#ifndef WARDER_MANIFESTS_H
#define WARDER_MANIFESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_manifests;
struct wd_store;

/* In place of a file: objects that an API server told of. They beat manifests of the same name. */
#define WD_MANIFESTS_KUBE "kube"
/* ... of pods that a server tells of by other objects than Pods */
#define WD_MANIFESTS_REMOTE "kube:endpoints"

enum wd_problem_effect {
	WD_PROBLEM_KEPT, /* nothing changed: the version before stays in force (or nothing, if none) */
	WD_PROBLEM_ISOLATED, /* subject isolated, the broken rule allows nothing */
	WD_PROBLEM_IGNORED, /* no effect on enforcement: unknown kind, duplicate, odd annotation */
};

/* One thing wrong with the input. Strings are interned, references the list's. */
struct wd_problem {
	enum wd_problem_effect effect;
	const char *file;
	uint32_t line;
	const char *object; /* "NetworkPolicy/ns/name", or "" */
	const char *field; /* "spec.ingress[0].from[1].ipBlock.cidr", or "" */
	const char *text; /* what is wrong and what to do */
};

struct wd_problems {
	size_t cnt;
	struct wd_problem *problem;
};

void wd_problems_fini(struct wd_problems *list);

/**
 * wd_manifests_new() - prepare reading of @dirs
 * @state_dir: where last good copies are kept; NULL = keep none
 * @store: gets the objects; must outlive the source
 * Return: 0 and *ret_src, or -errno of inotify_init or mkdir.
 */
int wd_manifests_new(const char *const *dirs, size_t dir_cnt,
		     const char *state_dir, struct wd_store *store,
		     struct wd_manifests **ret_src);
void wd_manifests_free(struct wd_manifests *src);

/** wd_manifests_fd() - readable when files changed; then call wd_manifests_poll() */
int wd_manifests_fd(const struct wd_manifests *src);

/**
 * wd_manifests_poll() - take pending inotify events and read what changed
 * Return: number of objects changed in the store, or -errno (the store is as before).
 * A lost event queue (IN_Q_OVERFLOW) or a new directory leads to a full scan.
 */
int wd_manifests_poll(struct wd_manifests *src);

/**
 * wd_manifests_scan() - look at every file now (size, mtime, inode, ctime decide what is read again)
 * Return: number of objects changed, or -errno.
 */
int wd_manifests_scan(struct wd_manifests *src);

/**
 * wd_manifests_reclaim() - an object of an API server is gone; files that say it are read again by the next poll
 * @kind: enum wd_kind
 */
void wd_manifests_reclaim(struct wd_manifests *src, int kind, const char *ns,
			  const char *name);

/** wd_manifests_problems() - what is wrong with the files as last read; borrowed, sorted by file and line */
const struct wd_problems *wd_manifests_problems(const struct wd_manifests *src);

/** wd_manifests_lost() - of these, directories that cannot be read; borrowed */
const struct wd_problems *wd_manifests_lost(const struct wd_manifests *src);

/**
 * wd_manifests_waits_for() - what nobody knows: a file is broken, or its directory
 * cannot be read, and the copy of what it said before is damaged
 *
 * Until it is mended or gone, what is in the store is not all that was in force.
 * Return: a text to be freed; NULL: all is known.
 */
char *wd_manifests_waits_for(const struct wd_manifests *src);

/** wd_manifests_read_ms() - CLOCK_REALTIME of the last walk that could read all directories; 0 never */
int64_t wd_manifests_read_ms(const struct wd_manifests *src);

/* Kinds met that warder does not know, with how often. */
struct wd_unknown_kind {
	char *kind;
	uint32_t cnt;
};
const struct wd_unknown_kind *
wd_manifests_unknown(const struct wd_manifests *src, size_t *ret_cnt);

/**
 * wd_manifests_flush() - keep copies of what was read well, look for changes that nobody announced
 * To be called about once a second and at the end; takes long only after big changes.
 */
void wd_manifests_flush(struct wd_manifests *src);

/**
 * wd_manifests_check() - read one file or directory, for `warder policy check`
 * @store: gets its objects
 * @ret_problems: every problem found; wd_problems_fini() it
 * @ret_objects: objects understood that were not there before, by enum wd_kind
 * Return: 0 (also with problems), or -errno if it cannot be opened.
 */
int wd_manifests_check(const char *path, struct wd_store *store,
		       struct wd_problems *ret_problems, uint32_t *ret_objects);

#endif /* WARDER_MANIFESTS_H */
