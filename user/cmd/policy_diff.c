/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy_diff.c - `warder policy diff`: sends files to the agent, which finds
 * out what they would change, and prints it. Changes nothing.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/since.h"
#include "../base/table.h"
#include "../events/denied.h"
#include "../model/xalloc.h"
#include "../source/kept.h"
#include "../source/watch.h"
#include "../whatif/rehearsal.h"
#include "cmd.h"

/* As preflight: no answer, or one to something else than was written. */
#define EXIT_UNKNOWN 4

struct file {
	char *name;
	char *text;
	size_t len;
};

struct diffing {
	const struct wd_args *args;
	struct file *file;
	size_t cnt, cap;
};

/* ---- files ---- */

static int fail_file(const struct diffing *diffing, const char *name, int err)
{
	return wd_cmd_fail(diffing->args, (enum wd_exit)EXIT_UNKNOWN, name,
			   "cannot be read: %s", strerror(-err));
}

/* Takes the text. */
static int add_file(struct diffing *diffing, const char *name, char *text,
		    size_t len)
{
	if (len > WD_REHEARSAL_TEXT_MAX ||
	    strlen(name) > WD_REHEARSAL_NAME_MAX) {
		free(text);
		return fail_file(diffing, name, -EFBIG);
	}
	diffing->file = wd_grow(diffing->file, diffing->cnt, &diffing->cap,
				sizeof(*diffing->file));
	diffing->file[diffing->cnt++] =
		(struct file){ wd_xstrdup(name), text, len };
	return WD_EXIT_OK;
}

static int add_stdin(struct diffing *diffing)
{
	char *text = NULL;
	size_t len = 0, cap = 0;

	while (len <= WD_REHEARSAL_TEXT_MAX) {
		ssize_t cnt;

		if (len == cap) {
			cap = cap ? cap * 2 : 65536;
			text = wd_xrealloc(text, cap, 1);
		}
		cnt = read(STDIN_FILENO, text + len, cap - len);
		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0) {
			free(text);
			return fail_file(diffing, "stdin", -errno);
		}
		if (!cnt)
			break;
		len += (size_t)cnt;
	}
	return add_file(diffing, "stdin", text, len);
}

static int add_path(struct diffing *diffing, const char *path, int depth);

static int wanted(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int add_entry(struct diffing *diffing, const char *path,
		     const char *name, int depth)
{
	char *full = wd_xprintf("%s/%s", path, name);
	struct stat st;
	int code = WD_EXIT_OK;

	if ((!lstat(full, &st) && S_ISDIR(st.st_mode)) ||
	    wd_watch_is_manifest(name))
		code = add_path(diffing, full, depth + 1);
	free(full);
	return code;
}

/* As the agent reads a directory of manifests. */
static int add_dir(struct diffing *diffing, const char *path, int depth)
{
	struct dirent **entry;
	int cnt = depth > WD_WATCH_DEPTH ?
			  -1 :
			  scandir(path, &entry, wanted, alphasort);
	int code = WD_EXIT_OK;

	if (cnt < 0)
		return fail_file(diffing, path,
				 depth > WD_WATCH_DEPTH ? -ELOOP : -errno);
	for (int i = 0; i < cnt; i++) {
		if (!code)
			code = add_entry(diffing, path, entry[i]->d_name,
					 depth);
		free(entry[i]);
	}
	free(entry);
	return code;
}

static int add_path(struct diffing *diffing, const char *path, int depth)
{
	struct stat st;
	char *text;
	size_t len;
	int err = stat(path, &st) ? -errno : 0;

	if (!err && S_ISDIR(st.st_mode))
		return add_dir(diffing, path, depth);
	if (!err)
		err = wd_kept_text(path, &text, &len, NULL);
	if (err)
		return fail_file(diffing, path, err);
	return add_file(diffing, path, text, len);
}

static int read_files(struct diffing *diffing)
{
	int code = WD_EXIT_OK;

	for (int i = 0; i < diffing->args->argc && !code; i++) {
		const char *path = diffing->args->argv[i];

		code = strcmp(path, "-") ? add_path(diffing, path, 0) :
					   add_stdin(diffing);
	}
	return code;
}

static void free_files(struct diffing *diffing)
{
	for (size_t i = 0; i < diffing->cnt; i++) {
		free(diffing->file[i].name);
		free(diffing->file[i].text);
	}
	free(diffing->file);
}

/* ---- the question ---- */

static int send_all(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t cnt = send(fd, at, len, MSG_NOSIGNAL);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			return -errno;
		at += cnt;
		len -= (size_t)cnt;
	}
	return 0;
}

static int send_files(const struct diffing *diffing, int fd)
{
	int err = 0;

	for (size_t i = 0; i < diffing->cnt && !err; i++) {
		const struct file *file = &diffing->file[i];
		struct wd_rehearsal_head head = {
			.name_bytes = (uint32_t)strlen(file->name),
			.text_bytes = (uint32_t)file->len,
		};

		err = send_all(fd, &head, sizeof(head));
		if (!err)
			err = send_all(fd, file->name, head.name_bytes);
		if (!err)
			err = send_all(fd, file->text, file->len);
	}
	if (!err && shutdown(fd, SHUT_WR))
		err = -errno;
	return err;
}

static struct json_object *request(const struct wd_args *args, int64_t since_s)
{
	struct json_object *req = wd_cmd_request("policy.diff");
	struct json_object *deleted = wd_json_array(req, "deleted");

	wd_json_int(req, "since_s", since_s);
	for (size_t i = 0; i < args->set_cnt; i++)
		if (!strcmp(args->set[i].name, "delete"))
			wd_json_push_str(deleted, args->set[i].value);
	return req;
}

/* The child answers when it has read all; the agent has only started it. */
static int ask(const struct diffing *diffing, int64_t since_s,
	       struct json_object **ret_doc)
{
	struct json_object *started = NULL;
	int pair[2], code, err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return wd_cmd_fail(diffing->args, (enum wd_exit)EXIT_UNKNOWN,
				   "", "socketpair: %s", strerror(errno));
	code = wd_cmd_ask_fd(diffing->args, request(diffing->args, since_s),
			     pair[1], WD_CMD_TIMEOUT_MS, &started);
	(void)close(pair[1]);
	json_object_put(started);
	if (code) {
		(void)close(pair[0]);
		return code == WD_EXIT_NO ? EXIT_UNKNOWN : code;
	}
	err = send_files(diffing, pair[0]);
	if (!err || err == -EPIPE)
		err = wd_cmd_receive(pair[0], ret_doc);
	wd_cmd_wait_end(pair[0]);
	(void)close(pair[0]);
	if (!err)
		return WD_EXIT_OK;
	return wd_cmd_fail(diffing->args, (enum wd_exit)EXIT_UNKNOWN, "",
			   "the agent's child ended without an answer: %s",
			   wd_errno(err));
}

/* ---- for people ---- */

static void cell_end(struct wd_table *table, struct json_object *end,
		     bool is_host)
{
	const char *name = wd_json_get_str(end, "name");
	const char *ns = wd_json_get_str(end, "namespace");
	const char *addr = wd_json_get_str(end, "address");

	if (is_host)
		wd_table_cell(table, "host (%s)", addr);
	else if (*name)
		wd_table_cell(table, "%s%s%s (%s)", ns, *ns ? "/" : "", name,
			      addr);
	else
		wd_table_cell(table, "%s", addr);
}

static void cell_port(struct wd_table *table, struct json_object *change)
{
	const char *proto = wd_json_get_str(change, "proto");
	long long number = (long long)wd_json_get_int(change, "proto_number");

	if (wd_json_get(change, "port"))
		wd_table_cell(table, "%lld/%s",
			      (long long)wd_json_get_int(change, "port"),
			      proto);
	else if (*wd_json_get_str(change, "icmp_name"))
		wd_table_cell(table, "%s/%s",
			      wd_json_get_str(change, "icmp_name"), proto);
	else if (*proto)
		wd_table_cell(table, "%s", proto);
	else
		wd_table_cell(table, "protocol %lld", number);
}

static void cell_seen(struct wd_table *table, struct json_object *change)
{
	static const char *const what[][2] = { { "flows", "flow" },
					       { "dropped_packets", "drop" },
					       { "audited_packets", "audit" } };
	char text[100] = "";
	size_t len = 0;

	for (size_t i = 0; i < 3; i++) {
		long long cnt = (long long)wd_json_get_int(change, what[i][0]);

		if (cnt)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"%s%lld %s%s", len ? ", " : "",
						cnt, what[i][1],
						cnt == 1 ? "" : "s");
	}
	wd_table_cell(table, "%s", text);
}

static void cell_ago(struct wd_table *table, long long s)
{
	if (s < 120)
		wd_table_cell(table, "%lld s ago", s);
	else
		wd_table_cell(table, "%lld min ago", s / 60);
}

static void cell_words(struct wd_table *table, struct json_object *words)
{
	struct json_object *rule = wd_json_get(words, "rule");
	const char *verdict = wd_json_get_str(words, "verdict");
	long long index = (long long)wd_json_get_int(rule, "index");

	if (!rule)
		wd_table_cell(table, "%s: %s", verdict,
			      wd_json_get_str(words, "reason"));
	else if (index < 0)
		wd_table_cell(table, "%s: " WD_SHOW_OBJECT_FMT " isolates, %s",
			      verdict, WD_SHOW_OBJECT(rule),
			      wd_json_get_str(words, "direction"));
	else
		wd_table_cell(table, "%s: " WD_SHOW_OBJECT_FMT " %s[%lld]",
			      verdict, WD_SHOW_OBJECT(rule),
			      wd_json_get_str(words, "direction"), index);
}

static void print_changes(struct json_object *doc)
{
	static const char *const head[] = { "WOULD BE", "FROM",	 "TO",
					    "PORT",	"SEEN",	 "LAST",
					    "BEFORE",	"AFTER", NULL };
	struct wd_table *table;

	if (!wd_json_len(doc, "changes"))
		return;
	table = wd_table_new(head);
	for (size_t i = 0; i < wd_json_len(doc, "changes"); i++) {
		struct json_object *change = wd_json_at(doc, "changes", i);
		struct json_object *from = wd_json_get(change, "from");

		wd_table_cell(table, "%s", wd_json_get_str(change, "change"));
		cell_end(table, from,
			 !strcmp(wd_json_get_str(from, "kind"), "host"));
		cell_end(table, wd_json_get(change, "to"), false);
		cell_port(table, change);
		cell_seen(table, change);
		cell_ago(table, (long long)wd_json_get_int(change, "idle_s"));
		cell_words(table, wd_json_get(change, "before"));
		cell_words(table, wd_json_get(change, "after"));
	}
	wd_table_print(table, stdout, "");
}

static void print_objects(struct json_object *doc)
{
	for (size_t i = 0; i < wd_json_len(doc, "objects"); i++) {
		struct json_object *obj = wd_json_at(doc, "objects", i);

		wd_print(stdout, "%-9s  %s (%s:%lld)\n",
			 wd_json_get_str(obj, "how"),
			 wd_json_get_str(obj, "object"),
			 wd_json_get_str(obj, "file"),
			 (long long)wd_json_get_int(obj, "line"));
	}
	for (size_t i = 0; i < wd_json_len(doc, "problems"); i++) {
		fputs("problem    ", stdout);
		wd_show_problem(stdout, wd_json_at(doc, "problems", i));
	}
}

/* What would become of an endpoint. */
static const char *effect_of(const char *what)
{
	static const char *const effects[][2] = {
		{ "isolated", "be isolated" },
		{ "not isolated", "no longer be isolated" },
		{ "too large",
		  "drop everything, since its policy does not fit" },
		{ "waiting", "drop everything, since its pod is not known" },
		{ "enforced", "be enforced" },
		{ "enforce", "be in mode enforce" },
		{ "audit", "be in mode audit" },
		{ "off", "be in mode off" },
	};

	for (size_t i = 0; i < sizeof(effects) / sizeof(effects[0]); i++)
		if (!strcmp(effects[i][0], what))
			return effects[i][1];
	return what;
}

static void print_endpoint(struct json_object *change)
{
	const char *what = effect_of(wd_json_get_str(change, "what"));
	const char *direction = wd_json_get_str(change, "direction");
	const char *error = wd_json_get_str(change, "error");
	char *by = wd_show_policies(change, "isolated_by");

	wd_print(stdout, "%s/%s would %s%s%s%s%s%s%s\n",
		 wd_json_get_str(change, "namespace"),
		 wd_json_get_str(change, "name"), what,
		 *direction ? " for " : "", direction, by && *by ? " by " : "",
		 by ?: "", *error ? ": " : "", error);
	free(by);
}

static void print_summary(struct json_object *doc)
{
	struct json_object *sum = wd_json_get(doc, "summary");
	long long since_s = (long long)wd_json_get_int(doc, "since_s");
	char span[40] = "hour";

	if (since_s != WD_DENIED_S)
		snprintf(span, sizeof(span), "%lld s", since_s);
	printf("%lld flows of the last %s: %lld would be dropped, %lld allowed",
	       (long long)wd_json_get_int(sum, "flows"), span,
	       (long long)wd_json_get_int(sum, "dropped"),
	       (long long)wd_json_get_int(sum, "allowed"));
	if (wd_json_get_int(sum, "audit"))
		printf(", %lld audited or no longer",
		       (long long)wd_json_get_int(sum, "audit"));
	printf(", %lld unchanged",
	       (long long)wd_json_get_int(sum, "unchanged"));
	for (size_t i = 0; i < wd_json_len(doc, "not_judged"); i++) {
		struct json_object *one = wd_json_at(doc, "not_judged", i);

		wd_print(stdout, "%s %lld %sbecause %s", i ? "," : ";",
			 (long long)wd_json_get_int(one, "flows"),
			 i ? "" : "not judged ", wd_json_get_str(one, "why"));
	}
	putchar('\n');
	for (size_t i = 0; i < wd_json_len(doc, "notes"); i++)
		wd_print(stdout, "note: %s\n",
			 json_object_get_string(wd_json_at(doc, "notes", i)));
}

static void print_diff(struct json_object *doc)
{
	print_objects(doc);
	if (wd_json_len(doc, "endpoints"))
		putchar('\n');
	for (size_t i = 0; i < wd_json_len(doc, "endpoints"); i++)
		print_endpoint(wd_json_at(doc, "endpoints", i));
	putchar('\n');
	print_changes(doc);
	print_summary(doc);
}

/* ---- the command ---- */

static int exit_code(struct json_object *doc)
{
	if (wd_json_get_int(doc, "errors"))
		return EXIT_UNKNOWN;
	return wd_json_len(doc, "changes") || wd_json_len(doc, "endpoints") ?
		       WD_EXIT_NO :
		       WD_EXIT_OK;
}

static int tell(const struct wd_args *args, struct json_object *doc)
{
	const char *error = wd_json_get_str(doc, "error");

	if (args->json)
		wd_cmd_json(doc);
	else if (!*error)
		print_diff(doc);
	else
		print_objects(doc);
	if (*error)
		return wd_cmd_fail(args, (enum wd_exit)EXIT_UNKNOWN, "", "%s",
				   error);
	return exit_code(doc);
}

static int read_since(const struct wd_args *args, int64_t *ret_s)
{
	const char *text = wd_args_get(args, "since");
	int64_t now = time(NULL), then;

	*ret_s = WD_DENIED_S;
	if (!text)
		return WD_EXIT_OK;
	if (wd_since_parse(text, now, &then) || then >= now ||
	    now - then > WD_DENIED_S)
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--since",
				   "'%s' is no time within the last hour, as "
				   "90s, 15m or 1h",
				   text);
	*ret_s = now - then;
	return WD_EXIT_OK;
}

static int cmd_policy_diff(const struct wd_args *args)
{
	struct diffing diffing = { .args = args };
	struct json_object *doc = NULL;
	int64_t since_s;
	int code = read_since(args, &since_s);

	if (!code && !args->argc && !wd_args_has(args, "delete"))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "",
				   "needs FILE or --delete");
	if (!code)
		code = read_files(&diffing);
	if (!code)
		code = ask(&diffing, since_s, &doc);
	if (!code)
		code = tell(args, doc);
	json_object_put(doc);
	free_files(&diffing);
	return code;
}

static const struct wd_opt opts[] = {
	{ .name = "delete",
	  .arg = "KIND/NS/NAME",
	  .help = "as if this object were deleted; may be given several times" },
	{ .name = "since",
	  .arg = "TIME",
	  .help = "only flows seen since then: 90s, 15m; at most 1h (default)" },
	{},
};

const struct wd_cmd wd_cmd_policy_diff = {
	.object = "policy",
	.verb = "diff",
	.args = "[FILE...]",
	.max = -1,
	.summary =
		"which flows of the last hour files would change, without applying them",
	.text = "FILE is a file or a directory of Kubernetes YAML or JSON, or - for "
		"standard input; its\nobjects are added to those in force, or "
		"replace the ones of the same kind, namespace and\nname. Judges "
		"by them what this node saw: flows that passed, drops and would-be "
		"drops.\nTells which would get another verdict and by which rules, "
		"and which pods of this node would\nbe isolated or no longer be. "
		"Changes nothing.\n\n"
		"Flows that ended are known until others took their place in the flow "
		"table, drops as\nfar as the programs told of them (1,000 a second "
		"and CPU) and 2,048 kinds of them.\nOther nodes' flows are not seen.\n\n"
		"Exit code 0: nothing would change, 1: something would, 4: a file "
		"cannot be read, has\nobjects that would not be enforced as written, "
		"or there is no answer.",
	.opts = opts,
	.fn = cmd_policy_diff,
};
