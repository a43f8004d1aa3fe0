/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * last_line.c - see last_line.h. Damage is found line by line, and that the list
 * is cut off by its end; not that events are missing at the end of the file.
 */
#include "last_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../base/sum.h"
#include "../model/xalloc.h"
#include "../source/read.h"
#include "../source/tree.h"

#define MAGIC "warder-kube 2 "
#define MAGIC_BEFORE "warder-kube 1 " /* no line has a sum */
#define PATH_DEPTH 8

/* ---- texts ---- */

/* Fields that nobody reads and that are most of an object. "*": any element. */
static const char *const unread[][PATH_DEPTH] = {
	{ "metadata", "managedFields" },
	{ "metadata", "ownerReferences" },
	{ "metadata", "annotations",
	  "kubectl.kubernetes.io/last-applied-configuration" },
	/* of pods and nodes; policies have no such fields */
	{ "spec", "volumes" },
	{ "spec", "tolerations" },
	{ "spec", "affinity" },
	{ "spec", "containers", "*", "env" },
	{ "spec", "containers", "*", "envFrom" },
	{ "spec", "containers", "*", "args" },
	{ "spec", "containers", "*", "command" },
	{ "spec", "containers", "*", "volumeMounts" },
	{ "spec", "containers", "*", "resources" },
	{ "spec", "containers", "*", "livenessProbe" },
	{ "spec", "containers", "*", "readinessProbe" },
	{ "spec", "containers", "*", "startupProbe" },
	{ "spec", "containers", "*", "lifecycle" },
	{ "spec", "containers", "*", "securityContext" },
	{ "status", "conditions" },
	{ "status", "containerStatuses" },
	{ "status", "initContainerStatuses" },
	{ "status", "images" },
};

struct printer {
	FILE *to;
	const char *path[PATH_DEPTH];
	uint32_t depth;
};

static bool is_unread(const struct printer *p)
{
	if (p->depth > PATH_DEPTH)
		return false;
	for (size_t i = 0; i < sizeof(unread) / sizeof(*unread); i++) {
		uint32_t n = 0;

		while (n < p->depth && unread[i][n] &&
		       strcmp(unread[i][n], p->path[n]) == 0)
			n++;
		if (n == p->depth && (n == PATH_DEPTH || !unread[i][n]))
			return true;
	}
	return false;
}

static void print_text(FILE *to, const char *text)
{
	(void)putc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20)
			(void)fprintf(to, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			(void)fprintf(to, "\\%c", c);
		else
			(void)putc(c, to);
	}
	(void)putc('"', to);
}

/* Depth is bounded by that of trees. */
static void print_tree(struct printer *p, const struct wd_tree *node)
{
	bool map = node->type == WD_TREE_MAP;
	bool first = true;

	if (node->type == WD_TREE_SCALAR) {
		if (node->plain)
			(void)fputs(node->text, p->to);
		else
			print_text(p->to, node->text);
		return;
	}
	(void)putc(map ? '{' : '[', p->to);
	for (const struct wd_tree *e = node->child; e; e = e->next) {
		if (p->depth < PATH_DEPTH)
			p->path[p->depth] = map ? e->key : "*";
		p->depth++;
		if (!is_unread(p)) {
			if (!first)
				(void)putc(',', p->to);
			first = false;
			if (map) {
				print_text(p->to, e->key);
				(void)putc(':', p->to);
			}
			print_tree(p, e);
		}
		p->depth--;
	}
	(void)putc(map ? '}' : ']', p->to);
}

static const char *text_of(const struct wd_tree *meta, const char *key)
{
	const struct wd_tree *node = wd_tree_get(meta, key);

	return node && node->type == WD_TREE_SCALAR ? node->text : NULL;
}

char *wd_last_name(const struct wd_tree *root)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const char *ns = text_of(meta, "namespace");
	const char *name = text_of(meta, "name");

	if (!name || strpbrk(name, "\t\n") || (ns && strpbrk(ns, "\t\n")))
		return NULL;
	return wd_xprintf("%s/%s", ns ? ns : "", name);
}

static void print_gone(FILE *to, const struct wd_tree *root)
{
	static const char *const keys[] = { "namespace", "name", "uid" };
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const char *own;
	bool first = true;

	(void)fputs("{\"metadata\":{", to);
	for (size_t i = 0; i < 3; i++) {
		const char *text = text_of(meta, keys[i]);

		if (!text)
			continue;
		(void)fprintf(to, "%s\"%s\":", first ? "" : ",", keys[i]);
		print_text(to, text);
		first = false;
	}
	own = text_of(wd_tree_get(meta, "annotations"), WD_MIRROR_ANNOTATION);
	if (own) {
		(void)fputs(",\"annotations\":{\"" WD_MIRROR_ANNOTATION "\":",
			    to);
		print_text(to, own);
		(void)putc('}', to);
	}
	(void)fputs("}}", to);
}

char *wd_last_line(const char *name, const struct wd_tree *root, bool gone,
		   size_t *ret_len)
{
	char *text = NULL;
	struct printer p = { .to = open_memstream(&text, ret_len) };
	bool failed;

	if (!p.to)
		return NULL;
	(void)fprintf(p.to, "%c%s\t", gone ? '-' : '+', name);
	if (gone)
		print_gone(p.to, root);
	else
		print_tree(&p, root);
	failed = ferror(p.to) != 0;
	if (!fclose(p.to) && !failed)
		return text;
	free(text);
	return NULL;
}

/* ---- writing ---- */

void wd_last_put_line(FILE *to, const char *line, size_t len)
{
	(void)fprintf(to, "%016" PRIx64 " ", wd_sum(line, len));
	(void)fwrite(line, 1, len, to);
	(void)putc('\n', to);
}

void wd_last_put_head(FILE *to, const char *of)
{
	(void)fputs(MAGIC, to);
	wd_last_put_line(to, of, strlen(of));
}

void wd_last_put_end(FILE *to, uint64_t lines)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "=%" PRIu64, lines);

	wd_last_put_line(to, text, (size_t)len);
}

/* ---- reading ---- */

/* The line at *@line, of *@len bytes, without its sum. Return: 0, -EBADMSG. */
static int unseal(char **line, size_t *len)
{
	char sum[WD_SUM_DIGITS + 2];

	if (*len < sizeof(sum) - 1)
		return -EBADMSG;
	*len -= sizeof(sum) - 1;
	(void)snprintf(sum, sizeof(sum), "%016" PRIx64 " ",
		       wd_sum(*line + sizeof(sum) - 1, *len));
	if (memcmp(*line, sum, sizeof(sum) - 1) != 0)
		return -EBADMSG;
	*line += sizeof(sum) - 1;
	return 0;
}

/* As it stands there, without its end; NULL at the end, or where it is torn. */
static char *raw_line(struct wd_last_lines *lines, size_t *ret_len)
{
	ssize_t len;

	if (lines->end && ftello(lines->file) >= lines->end)
		return NULL;
	len = getline(&lines->buf, &lines->cap, lines->file);
	if (len > 0 && lines->buf[len - 1] == '\n') {
		lines->buf[len - 1] = '\0';
		*ret_len = (size_t)len - 1;
		return lines->buf;
	}
	if (ferror(lines->file))
		lines->err = -EIO;
	else if (!feof(lines->file)) /* memory did not do for it */
		lines->err = -ENOMEM;
	return NULL;
}

char *wd_last_next(struct wd_last_lines *lines, size_t *ret_len)
{
	char *line = lines->err ? NULL : raw_line(lines, ret_len);
	char *end;

	if (!line || !lines->sealed) {
		lines->cnt += line != NULL;
		return line;
	}
	lines->err = unseal(&line, ret_len);
	if (lines->err)
		return NULL;
	if (*line != '=') {
		lines->cnt++;
		return line;
	}
	if (lines->listed || strtoull(line + 1, &end, 10) != lines->cnt ||
	    *end) {
		lines->err = -EBADMSG;
		return NULL;
	}
	lines->listed = true;
	return wd_last_next(lines, ret_len);
}

/* The first line must be ours. Return: 0, -ENOENT, -EBADMSG. */
static int check_head(struct wd_last_lines *lines, const char *of)
{
	size_t len;
	char *line = raw_line(lines, &len);

	if (!line || len < strlen(MAGIC))
		return lines->err ?: -EBADMSG;
	lines->sealed = strncmp(line, MAGIC, strlen(MAGIC)) == 0;
	if (!lines->sealed &&
	    strncmp(line, MAGIC_BEFORE, strlen(MAGIC_BEFORE)) != 0)
		return -EBADMSG;
	line += strlen(MAGIC);
	len -= strlen(MAGIC);
	if (lines->sealed && unseal(&line, &len))
		return -EBADMSG;
	return strcmp(line, of) == 0 ? 0 : -ENOENT;
}

int wd_last_open(struct wd_last_lines *ret_lines, const char *path,
		 const char *of, off_t end)
{
	*ret_lines =
		(struct wd_last_lines){ .end = end, .file = fopen(path, "re") };
	if (ret_lines->file)
		ret_lines->err = check_head(ret_lines, of);
	else
		ret_lines->err = errno ? -errno : -EIO;
	return ret_lines->err;
}

int wd_last_close_whole(struct wd_last_lines *lines)
{
	/* what the list lacks, nobody knows */
	if (!lines->err && lines->sealed && !lines->listed)
		lines->err = -EBADMSG;
	return wd_last_close(lines);
}

int wd_last_close(struct wd_last_lines *lines)
{
	if (lines->file)
		(void)fclose(lines->file);
	free(lines->buf);
	return lines->err;
}
