/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_identity.c - identities: the label sets behind the numbers, who has
 * them, and which predicates of policies hold for them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../agent/agent.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../model/intern.h"
#include "query.h"

#define RESERVED_CNT 11
#define ID_WORLD 2

/* ---- list ---- */

struct listing {
	struct json_object *array;
	uint32_t addrs[RESERVED_CNT];
};

static void list_identity(void *ctx, uint32_t id, const char *ns,
			  const struct wd_labels *labels, uint32_t pods)
{
	struct listing *listing = ctx;
	struct json_object *obj = wd_json_push(listing->array);

	wd_json_int(obj, "id", id);
	wd_json_str(obj, "name", wd_identity_name(id));
	wd_json_str(obj, "namespace", ns);
	wd_query_labels(obj, "labels", labels);
	wd_json_int(obj, "pods", pods);
	wd_json_str(obj, "kind", "labels");
}

static void count_reserved(void *ctx, const struct wd_addr_info *info)
{
	struct listing *listing = ctx;

	if (info->identity < RESERVED_CNT)
		listing->addrs[info->identity]++;
}

static void list_reserved(struct listing *listing)
{
	for (uint32_t id = 0; id < RESERVED_CNT; id++) {
		struct json_object *obj;

		if (!listing->addrs[id] && id != ID_WORLD)
			continue;
		obj = wd_json_push(listing->array);
		wd_json_int(obj, "id", id);
		wd_json_str(obj, "name", wd_identity_name(id));
		wd_json_str(obj, "namespace", NULL);
		wd_json_object(obj, "labels");
		wd_json_int(obj, "addresses", listing->addrs[id]);
		wd_json_str(obj, "kind", "reserved");
	}
}

void wd_query_identity_list(void *ctx, struct wd_ctl_conn *conn,
			    struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	struct json_object *doc = json_object_new_object();
	struct listing listing = { .array = wd_json_array(doc, "identities") };

	(void)req;
	wd_query_no_fd(fd);
	wd_model_addrs(agent->model, count_reserved, &listing);
	list_reserved(&listing);
	wd_model_identities(agent->model, list_identity, &listing);
	wd_ctl_reply(conn, doc);
}

/* ---- get ---- */

/* One identity's addresses by row: of equal labels, yet CIDRs may tell them apart. */
struct getting {
	const struct wd_agent *agent;
	uint32_t id;
	struct json_object *rows; /* array */
};

static void put_pred(void *ctx, uint32_t pred, const char *text)
{
	struct json_object *obj = wd_json_push(ctx);

	wd_json_int(obj, "id", pred);
	wd_json_str(obj, "text", text);
}

static struct json_object *row_get(struct getting *getting, uint32_t row)
{
	size_t cnt = json_object_array_length(getting->rows);
	struct json_object *obj;

	for (size_t i = 0; i < cnt; i++) {
		obj = json_object_array_get_idx(getting->rows, i);
		if (wd_json_get_int(obj, "row") == row)
			return obj;
	}
	obj = wd_json_push(getting->rows);
	wd_json_int(obj, "row", row);
	wd_model_row_preds(getting->agent->model, row, put_pred,
			   wd_json_array(obj, "predicates"));
	wd_json_array(obj, "addresses");
	return obj;
}

static void put_address(struct getting *getting,
			const struct wd_addr_info *info)
{
	struct json_object *obj = wd_json_push(
		wd_json_get(row_get(getting, info->row), "addresses"));

	wd_query_addr(obj, "address", &info->addr);
	wd_json_str(obj, "kind", info->kind);
	wd_json_str(obj, "namespace", info->ns);
	wd_json_str(obj, "name", info->name);
	wd_json_bool(obj, "local", info->flags & WD_ADDR_LOCAL);
}

static void match_address(void *ctx, const struct wd_addr_info *info)
{
	struct getting *getting = ctx;

	if (info->identity == getting->id)
		put_address(getting, info);
}

struct finding {
	uint32_t id;
	struct json_object *doc;
	bool found;
};

static void match_identity(void *ctx, uint32_t id, const char *ns,
			   const struct wd_labels *labels, uint32_t pods)
{
	struct finding *finding = ctx;

	if (id != finding->id)
		return;
	finding->found = true;
	wd_json_str(finding->doc, "namespace", ns);
	wd_query_labels(finding->doc, "labels", labels);
	wd_json_int(finding->doc, "pods", pods);
}

static struct json_object *identity_doc(const struct wd_agent *agent,
					uint32_t id, bool *ret_found)
{
	struct finding finding = { .id = id, .doc = json_object_new_object() };

	wd_json_int(finding.doc, "id", id);
	wd_json_str(finding.doc, "name", wd_identity_name(id));
	wd_json_str(finding.doc, "namespace", NULL);
	wd_json_object(finding.doc, "labels");
	wd_model_identities(agent->model, match_identity, &finding);
	*ret_found = finding.found || wd_identity_name(id);
	return finding.doc;
}

static void reply_id(const struct wd_agent *agent, struct wd_ctl_conn *conn,
		     const char *name, uint32_t id)
{
	bool found;
	struct json_object *doc = identity_doc(agent, id, &found);
	struct getting getting = { agent, id, wd_json_array(doc, "rows") };

	wd_model_addrs(agent->model, match_address, &getting);
	if (found || json_object_array_length(getting.rows)) {
		wd_ctl_reply(conn, doc);
		return;
	}
	json_object_put(doc);
	wd_ctl_error(conn, 1, name, "no such identity is in use");
}

static void reply_addr(const struct wd_agent *agent, struct wd_ctl_conn *conn,
		       const struct wd_addr *addr)
{
	struct wd_addr_info info;
	struct getting getting = { .agent = agent };
	struct json_object *doc;
	bool found;

	wd_model_addr(agent->model, addr, &info);
	doc = identity_doc(agent, info.identity, &found);
	getting.id = info.identity;
	getting.rows = wd_json_array(doc, "rows");
	put_address(&getting, &info);
	wd_ctl_reply(conn, doc);
}

void wd_query_identity_get(void *ctx, struct wd_ctl_conn *conn,
			   struct json_object *req, int fd)
{
	const struct wd_agent *agent = ctx;
	const char *name = wd_json_get_str(req, "name");
	int reserved = wd_identity_find(name);
	struct wd_addr addr;
	unsigned long id;
	char *end;

	wd_query_no_fd(fd);
	if (!wd_addr_parse(name, &addr)) {
		reply_addr(agent, conn, &addr);
		return;
	}
	if (reserved >= 0) {
		reply_id(agent, conn, name, (uint32_t)reserved);
		return;
	}
	errno = 0;
	id = strtoul(name, &end, 10);
	if (!*name || strspn(name, "0123456789") != strlen(name) || errno ||
	    id > UINT32_MAX) {
		wd_ctl_error(conn, 2, name,
			     "is not an identity's number or an address");
		return;
	}
	reply_id(agent, conn, name, (uint32_t)id);
}
