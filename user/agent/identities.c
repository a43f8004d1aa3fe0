/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identities.c - the numbers of identities on disk, kept over restarts.
 */
#include "identities.h"

#include <errno.h>

#include <json-c/json.h>

#include "../base/log.h"
#include "agent.h"
#include "statefile.h"

#define IDENTITY_FILE "identities.json"

static void identity_add(void *ctx, uint32_t id, const char *key)
{
	json_object_object_add(ctx, key, json_object_new_int64(id));
}

static void identities_save(struct wd_agent *agent)
{
	struct json_object *o = json_object_new_object();
	struct json_object *ids = json_object_new_object();
	int err;

	wd_model_identity_save(agent->model, identity_add, ids);
	json_object_object_add(o, "version", json_object_new_int(1));
	json_object_object_add(o, "identities", ids);
	err = wd_statefile_write(agent->config.state_dir, IDENTITY_FILE, o);
	json_object_put(o);
	if (err && !agent->identities_unsaved)
		wd_warn("identities: writing %s: %s, trying again; numbers may change at the next start",
			IDENTITY_FILE, wd_errno(err));
	agent->identities_unsaved = err != 0;
}

void wd_identities_keep(struct wd_agent *agent)
{
	if (wd_model_identity_dirty(agent->model) || agent->identities_unsaved)
		identities_save(agent);
}

void wd_identities_load(struct wd_agent *agent)
{
	struct json_object *o;
	struct json_object *ids;
	int bad = 0;
	int err = wd_statefile_read(agent->config.state_dir, IDENTITY_FILE, &o);

	if (err) {
		if (err != -ENOENT)
			wd_warn("identities: reading %s: %s, numbering anew",
				IDENTITY_FILE, wd_errno(err));
		return;
	}
	ids = json_object_object_get(o, "identities");
	if (json_object_is_type(ids, json_type_object)) {
		json_object_object_foreach(ids, key, val) {
			bad += wd_model_identity_load(
				       agent->model,
				       (uint32_t)json_object_get_int64(val),
				       key) != 0;
		}
	}
	if (bad)
		wd_warn("identities: %d entries of %s do not fit, ignoring them",
			bad, IDENTITY_FILE);
	json_object_put(o);
}
