/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * meta.c - metadata of an object and the syntax of names and labels.
 * Rules: k8s.io/apimachinery pkg/util/validation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../model/xalloc.h"
#include "read.h"

#define NAME_MAX_LEN 253 /* DNS-1123 subdomain */
/* DNS-1123 label; name part of a key, and value, of a label */
#define LABEL_MAX_LEN 63

/* ASCII only, whatever the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c);
}

static bool is_alnum(char c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_dns_label(const char *s, size_t len)
{
	if (!len || len > LABEL_MAX_LEN || !is_lower(s[0]) ||
	    !is_lower(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_lower(s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

/* Labels between dots; a part may be as long as the whole, as in the API. */
static bool is_dns_subdomain(const char *s, size_t len)
{
	if (!len || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		bool edge = i == 0 || i + 1 == len || s[i - 1] == '.' ||
			    s[i + 1] == '.';

		if (s[i] == '.' ? edge : s[i] == '-' ? edge : !is_lower(s[i]))
			return false;
	}
	return true;
}

/* [A-Za-z0-9] at both ends, also - _ . between, 1 to 63 characters. */
static bool is_label_name(const char *s, size_t len)
{
	if (!len || len > LABEL_MAX_LEN || !is_alnum(s[0]) ||
	    !is_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	}
	return true;
}

int wd_read_label_key(struct wd_read *r, const struct wd_at *at, uint32_t line,
		      const char *key)
{
	const char *slash = strchr(key, '/');
	const char *name = slash ? slash + 1 : key;

	if (is_label_name(name, strlen(name)) &&
	    (!slash || is_dns_subdomain(key, (size_t)(slash - key))))
		return 0;
	wd_read_problem(r, at, line, "'%.80s' is no label key ([prefix/]name)",
			key);
	return -EINVAL;
}

int wd_read_label_value(struct wd_read *r, const struct wd_at *at,
			uint32_t line, const char *value)
{
	if (!*value || is_label_name(value, strlen(value)))
		return 0;
	wd_read_problem(
		r, at, line,
		"'%.80s' is no label value (at most 63 letters, digits, "
		"'-', '_', '.')",
		value);
	return -EINVAL;
}

/* Text of an entry; null is the empty text, as in the API. */
static const char *entry_text(struct wd_read *r, const struct wd_at *at,
			      const struct wd_tree *e)
{
	const char *text = e->type == WD_TREE_SCALAR && wd_tree_is_null(e) ?
				   "" :
				   wd_tree_str(e);

	if (!text)
		wd_read_problem(r, at, e->line,
				e->type == WD_TREE_SCALAR ?
					"must be text; put '%.60s' in quotes" :
					"must be text%.0s",
				e->type == WD_TREE_SCALAR ? e->text : "");
	return text;
}

/* YAML takes an unquoted on, 1 or 1.0 for another key than it looks like. */
static bool key_is_other(struct wd_read *r, const struct wd_at *at,
			 const struct wd_tree *e)
{
	if (!e->key_plain || wd_text_scalar(e->key) == WD_SCALAR_TEXT)
		return false;
	wd_read_problem(r, at, e->line, "must be text; put '%.60s' in quotes",
			e->key);
	return true;
}

int wd_read_labels(struct wd_read *r, const struct wd_at *at,
		   const struct wd_tree *map, struct wd_label **ret_label,
		   uint32_t *ret_cnt)
{
	return wd_read_labels_keys(r, at, map, wd_read_label_key, ret_label,
				   ret_cnt);
}

int wd_read_labels_keys(struct wd_read *r, const struct wd_at *at,
			const struct wd_tree *map,
			int (*check)(struct wd_read *r, const struct wd_at *at,
				     uint32_t line, const char *key),
			struct wd_label **ret_label, uint32_t *ret_cnt)
{
	/* One more, for a caller that adds one. */
	struct wd_label *label =
		wd_xcalloc(map ? map->cnt + 1 : 1, sizeof(*label));
	uint32_t cnt = 0;
	int err = 0;

	wd_for_each_entry(e, map) {
		const struct wd_at *here = WD_AT(at, e->key);
		const char *value = entry_text(r, here, e);

		if (key_is_other(r, here, e)) {
			err = -EINVAL;
			continue;
		}
		if (!value || check(r, here, e->line, e->key) ||
		    wd_read_label_value(r, here, e->line, value)) {
			err = -EINVAL;
			continue;
		}
		label[cnt++] =
			(struct wd_label){ .key = e->key, .value = value };
	}
	if (err) {
		free(label);
		return err;
	}
	*ret_label = label;
	*ret_cnt = cnt;
	return 0;
}

/* ---- metadata ---- */

/* RFC 3339 in UTC, as the API server writes it; 0 for anything else. */
static int64_t parse_time(const char *text)
{
	struct tm tm = { 0 };
	const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) :
				 NULL;

	return end && (*end == 'Z' || *end == '.') ? (int64_t)timegm(&tm) : 0;
}

int wd_read_object_name(struct wd_read *r, const struct wd_at *at,
			uint32_t line, const char *name)
{
	if (is_dns_subdomain(name, strlen(name)))
		return 0;
	wd_read_problem(r, at, line, "'%.80s' is no name (RFC 1123 subdomain)",
			name);
	return -EINVAL;
}

static int check_name(struct wd_read *r, const struct wd_tree *doc,
		      const char *key, const char *name, bool label)
{
	const struct wd_at *at = WD_AT(NULL, "metadata");
	const struct wd_tree *meta = wd_tree_get(doc, "metadata");
	const struct wd_tree *node = wd_tree_get(meta, key);
	uint32_t line = node ? node->line : meta ? meta->line : doc->line;

	if (!name || !*name)
		wd_read_problem(r, WD_AT(at, key), line, "is missing");
	else if (!(label ? is_dns_label(name, strlen(name)) :
			   is_dns_subdomain(name, strlen(name))))
		wd_read_problem(r, WD_AT(at, key), line,
				"'%.80s' is no name (RFC 1123 %s)", name,
				label ? "label" : "subdomain");
	else
		return 0;
	return -EINVAL;
}

static const char *const meta_fields[] = {
	"name",
	"namespace",
	"labels",
	"annotations",
	"uid",
	"creationTimestamp",
	"resourceVersion",
	"generation",
	"managedFields",
	"finalizers",
	"ownerReferences",
	"deletionTimestamp",
	"selfLink",
	"generateName",
	"deletionGracePeriodSeconds",
	NULL,
};

static int read_namespace_name(struct wd_read *r, const struct wd_tree *doc,
			       const struct wd_tree *map, bool namespaced,
			       struct wd_meta *meta)
{
	const char *ns = NULL;
	int err =
		wd_read_str(r, WD_AT(NULL, "metadata"), map, "namespace", &ns);

	meta->ns = "";
	if (err || !namespaced)
		return err;
	meta->ns = ns && *ns ? ns : "default";
	return check_name(r, doc, "namespace", meta->ns, true);
}

int wd_read_meta(struct wd_read *r, const struct wd_tree *doc, bool namespaced,
		 bool strict, struct wd_meta *ret_meta)
{
	const struct wd_at *at = WD_AT(NULL, "metadata");
	const struct wd_tree *map = NULL;
	const char *created = NULL;
	int err = wd_read_map(r, NULL, doc, "metadata", &map);

	memset(ret_meta, 0, sizeof(*ret_meta));
	ret_meta->uid = "";
	if (err)
		return err;
	if (strict)
		err = wd_read_known(r, at, map, meta_fields);
	err |= wd_read_str(r, at, map, "name", &ret_meta->name);
	if (!err)
		err = check_name(r, doc, "name", ret_meta->name, false);
	if (!err)
		err = read_namespace_name(r, doc, map, namespaced, ret_meta);
	if (err)
		return -EINVAL;
	/* What follows says nothing about which object is meant. */
	r->effect = WD_PROBLEM_IGNORED;
	if (wd_read_str(r, at, map, "uid", &ret_meta->uid) || !ret_meta->uid)
		ret_meta->uid = "";
	if (!wd_read_str(r, at, map, "creationTimestamp", &created))
		ret_meta->created = parse_time(created);
	ret_meta->deleting = wd_tree_get(map, "deletionTimestamp") != NULL;
	ret_meta->labels = wd_tree_get(map, "labels");
	ret_meta->annotations = wd_tree_get(map, "annotations");
	return 0;
}

struct wd_object *wd_read_object_new(const struct wd_read *r, int kind,
				     const struct wd_meta *meta, uint32_t line)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));

	obj->kind = (enum wd_kind)kind;
	obj->ns = wd_str_get(meta->ns);
	obj->name = wd_str_get(meta->name);
	obj->uid = wd_str_get(meta->uid);
	obj->created = meta->created;
	obj->file = wd_str_get(r->file);
	obj->line = r->line_base + line;
	return obj;
}

int wd_read_label_cnt(struct wd_read *r, const struct wd_at *at, uint32_t line,
		      size_t cnt)
{
	if (cnt <= WD_READ_LABELS_MAX)
		return 0;
	wd_read_problem(r, at, line,
			"are %zu; an object of more than %d labels is not "
			"taken, give it fewer",
			cnt, WD_READ_LABELS_MAX);
	return -EINVAL;
}

int wd_read_own_labels(struct wd_read *r, const struct wd_meta *meta,
		       const char *extra_key, const char *extra_value,
		       const struct wd_labels **ret_labels)
{
	const struct wd_at *at = WD_AT(WD_AT(NULL, "metadata"), "labels");
	struct wd_label *label;
	uint32_t cnt;

	if (meta->labels && meta->labels->type != WD_TREE_MAP) {
		wd_read_problem(r, at, meta->labels->line, "must be a mapping");
		return -EINVAL;
	}
	if (meta->labels &&
	    wd_read_label_cnt(r, at, meta->labels->line, meta->labels->cnt))
		return -EINVAL;
	if (wd_read_labels(r, at, meta->labels, &label, &cnt))
		return -EINVAL;
	for (uint32_t i = 0; extra_key && i < cnt; i++) {
		if (strcmp(label[i].key, extra_key) == 0)
			label[i--] = label[--cnt];
	}
	if (extra_key)
		label[cnt++] = (struct wd_label){ .key = extra_key,
						  .value = extra_value };
	*ret_labels = wd_labels_get(label, cnt);
	free(label);
	return 0;
}
