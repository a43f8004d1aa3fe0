/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identity.c - numbers for sets of security labels, allocated on this node.
 *
 * A number belongs to (namespace, labels without those that differ between
 * pods of one workload). It is kept over restarts and not given to another
 * set until the whole range 256-65535 has been used once. Numbers are for
 * people and events; policy is decided by rows, never by the number.
 *
 * Where Cilium has a number for the set it is shown as it is, and what this
 * node had given it to gets another one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

#define GIVEN '#' /* begins the key of a number that is Cilium's */

/*
 * Labels that do not count towards an identity: made by controllers, one value
 * per revision or pod. Source: Cilium's default identity label filter.
 */
static const char *const noise[] = {
	"pod-template-hash",
	"pod-template-generation",
	"controller-revision-hash",
	"controller-uid",
	"job-name",
	"statefulset.kubernetes.io/pod-name",
	"apps.kubernetes.io/pod-index",
	"batch.kubernetes.io/controller-uid",
	"batch.kubernetes.io/job-completion-index",
	"batch.kubernetes.io/job-name",
};

bool wd_label_is_noise(const char *key)
{
	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++) {
		if (strcmp(key, noise[i]) == 0)
			return true;
	}
	return false;
}

/* "ns;key=value;key=value": neither names nor labels can hold ';' or '='. */
static char *key_of(const char *ns, const struct wd_labels *labels)
{
	size_t len = strlen(ns) + 1;
	char *key;
	char *at;

	for (uint32_t i = 0; i < labels->cnt; i++)
		len += strlen(labels->label[i].key) +
		       strlen(labels->label[i].value) + 2;
	key = wd_xcalloc(len, 1);
	at = stpcpy(key, ns);
	for (uint32_t i = 0; i < labels->cnt; i++) {
		if (wd_label_is_noise(labels->label[i].key))
			continue;
		*at++ = ';';
		at = stpcpy(at, labels->label[i].key);
		*at++ = '=';
		at = stpcpy(at, labels->label[i].value);
	}
	return key;
}

static struct midentity *by_id(const struct wd_model *m, uint32_t id)
{
	struct midentity *found;

	HASH_FIND(hid, m->identities_by_id, &id, sizeof(id), found);
	return found;
}

static void identity_free(struct midentity *id)
{
	wd_labels_put(id->labels);
	wd_str_put(id->ns);
	free(id->key);
	free(id);
}

static void forget(struct wd_model *m, struct midentity *id)
{
	HASH_DELETE(hh, m->identities, id);
	HASH_DELETE(hid, m->identities_by_id, id);
	identity_free(id);
}

static struct midentity *add(struct wd_model *m, uint32_t nr, char *key)
{
	struct midentity *id = wd_xcalloc(1, sizeof(*id));

	id->id = nr;
	id->key = key;
	HASH_ADD_KEYPTR(hh, m->identities, id->key, strlen(id->key), id);
	HASH_ADD(hid, m->identities_by_id, id, sizeof(id->id), id);
	return id;
}

/* The next number that is free; one that is only remembered when the range is used up. */
static uint32_t next_number(struct wd_model *m)
{
	struct midentity *old;

	for (int round = 0; round < 2; round++) {
		for (uint32_t i = WD_ID_FIRST; i <= WD_ID_LAST; i++) {
			uint32_t nr = m->identity_next;

			m->identity_next = nr >= WD_ID_LAST ? WD_ID_FIRST :
							      nr + 1;
			old = by_id(m, nr);
			if (!old)
				return nr;
			if (round == 1 && old->pods == 0) {
				forget(m, old);
				return nr;
			}
		}
	}
	return WD_ID_UNKNOWN; /* all in use: such pods share "unknown", rows still decide */
}

/* The number is somebody else's: those who have it here get another. */
static void make_way(struct wd_model *m, uint32_t number)
{
	struct midentity *id = by_id(m, number);

	if (!id)
		return;
	m->identity_dirty = true;
	HASH_DELETE(hid, m->identities_by_id, id);
	id->id = next_number(m);
	if (id->id == number)
		id->id = next_number(m);
	HASH_ADD(hid, m->identities_by_id, id, sizeof(id->id), id);
	for (struct mgroup *g = m->groups; g; g = g->hh.next) {
		if (g->identity == id)
			group_dirty(m, g);
	}
}

static struct midentity *given(struct wd_model *m, uint32_t number)
{
	struct midentity *id;
	char key[16];

	(void)snprintf(key, sizeof(key), "%c%u", GIVEN, number);
	HASH_FIND_STR(m->identities, key, id);
	if (id)
		return id;
	make_way(m, number);
	return add(m, number, wd_xstrdup(key));
}

static struct midentity *own(struct wd_model *m, const char *ns,
			     const struct wd_labels *labels)
{
	char *key = key_of(ns, labels);
	struct midentity *id;

	HASH_FIND_STR(m->identities, key, id);
	if (id) {
		free(key);
		return id;
	}
	m->identity_dirty = true;
	return add(m, next_number(m), key);
}

struct midentity *identity_get(struct wd_model *m, const char *ns,
			       const struct wd_labels *labels, uint32_t number)
{
	struct midentity *id = number ? given(m, number) : own(m, ns, labels);

	if (id->ns && number && id->labels != labels) {
		wd_labels_put(id->labels);
		id->labels = wd_labels_ref(labels);
	}
	if (!id->ns) {
		id->ns = wd_str_ref(ns);
		id->labels = wd_labels_ref(labels);
	}
	id->pods++;
	return id;
}

void identity_put(struct wd_model *m, struct midentity *id)
{
	id->pods--;
	/* it may get a number when it comes again, or has one in any case */
	if (id->pods == 0 && (id->id == WD_ID_UNKNOWN || *id->key == GIVEN))
		forget(m, id);
}

void identities_fini(struct wd_model *m)
{
	struct midentity *id = m->identities;

	HASH_CLEAR(hh, m->identities);
	HASH_CLEAR(hid, m->identities_by_id);
	while (id) {
		struct midentity *next = id->hh.next;

		identity_free(id);
		id = next;
	}
}

int wd_model_identity_load(struct wd_model *m, uint32_t id, const char *key)
{
	struct midentity *found;

	HASH_FIND_STR(m->identities, key, found);
	if (id < WD_ID_FIRST || id > WD_ID_LAST || found || by_id(m, id))
		return -EINVAL;
	(void)add(m, id, wd_xstrdup(key));
	if (id >= m->identity_next)
		m->identity_next = id == WD_ID_LAST ? WD_ID_FIRST : id + 1;
	return 0;
}

void wd_model_identity_save(const struct wd_model *m,
			    void (*fn)(void *ctx, uint32_t id, const char *key),
			    void *ctx)
{
	for (struct midentity *id = m->identities; id; id = id->hh.next) {
		if (id->id != WD_ID_UNKNOWN && *id->key != GIVEN)
			fn(ctx, id->id, id->key);
	}
}

bool wd_model_identity_dirty(struct wd_model *m)
{
	bool dirty = m->identity_dirty;

	m->identity_dirty = false;
	return dirty;
}

void wd_model_identities(const struct wd_model *m,
			 void (*fn)(void *ctx, uint32_t id, const char *ns,
				    const struct wd_labels *labels,
				    uint32_t pods),
			 void *ctx)
{
	for (struct midentity *id = m->identities; id; id = id->hh.next) {
		if (id->pods)
			fn(ctx, id->id, id->ns, id->labels, id->pods);
	}
}
