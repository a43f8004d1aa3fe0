/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * mdir.h - a directory of manifests, the source that reads it and its store,
 * for tests. Policies are told apart by the port of their only rule.
 */
#ifndef WARDER_SELFTESTS_MDIR_H
#define WARDER_SELFTESTS_MDIR_H

#include "source/manifests.h"

/* Documents; the policy is in namespace n. */
#define DOC(name, port) \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
	"metadata: {name: " name ", namespace: n}\n" \
	"spec: {podSelector: {}, ingress: [{ports: [{port: " port "}]}]}\n"
#define REFUSED(name) \
	"---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n" \
	"metadata: {name: " name ", namespace: n}\n" \
	"spec: {podSelector: x}\n"
#define UNPARSABLE "---\na: [\n"

extern char mdir[64]; /* the manifests */
extern char mdir_state[64];
extern struct wd_store *mdir_store;
extern struct wd_manifests *mdir_src;
extern unsigned int mdir_deleted; /* objects deleted from the store so far */

/** mdir_begin() - empty directories and a source that has scanned them; @keep: with copies */
void mdir_begin(bool keep);

/** mdir_end() - everything goes, also from the disk */
void mdir_end(void);

/** mdir_restart() - a new source and an empty store beside the same directories; scans */
void mdir_restart(void);

/** mdir_put() - put a file in place by rename; @name below the directory */
void mdir_put(const char *name, const char *text);

/** mdir_write() - write it in place, as an editor that does not know better */
void mdir_write(const char *name, const char *text);

/** mdir_age() - make the file ten seconds old */
void mdir_age(const char *name);

/** mdir_path() - full name; static, until the next call */
const char *mdir_path(const char *name);

/** mdir_port() - port of a policy in force; 0: none, -1: a broken rule */
int mdir_port(const char *name);

/** mdir_problems() - "effect file:line field", joined by "; "; static */
const char *mdir_problems(void);

/** mdir_copies() - how many copies are kept */
int mdir_copies(void);

/** mdir_copies_aside() - how many of them were set aside, as they are damaged */
int mdir_copies_aside(void);

#endif /* WARDER_SELFTESTS_MDIR_H */
