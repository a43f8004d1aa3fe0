/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * test_cni.c - the CNI plugin as a container runtime sees it: environment and
 * standard input in, standard output and exit code out. Each call is a child
 * process; where an agent is needed another child plays it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/loop.h"
#include "cni/cni.h"
#include "cni/cni_conf.h"
#include "cni/cni_replay.h"
#include "query/ctl.h"

#include "../tap.h"

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PREV \
	"\"prevResult\":{\"cniVersion\":\"1.1.0\",\"interfaces\":[" \
	"{\"name\":\"eth0\",\"mac\":\"0a:00:00:00:00:01\"}," \
	"{\"name\":\"eth0\",\"sandbox\":\"/x\"},{\"name\":\"net1\",\"sandbox\":\"/x\"}]," \
	"\"ips\":[{\"interface\":1,\"address\":\"10.1.0.5/24\"}," \
	"{\"address\":\"fd00::5/64\"}," \
	"{\"interface\":0,\"address\":\"10.1.0.1/24\"},{\"interface\":2,\"address\":\"10.2.0.5/24\"}]," \
	"\"dns\":{\"nameservers\":[\"10.0.0.10\"]}}"

static char dir[64]; /* the agent's run dir */

/* ---- the agent's end ---- */

static struct wd_loop *loop;
static int busy_cnt; /* requests that are told to come again */
static int answer_code; /* 0: yes, else the code of the refusal */
static int log_fd = -1;

/* Each request is a line of the log, with the inode of what was passed. */
static void on_any(void *ctx, struct wd_ctl_conn *conn, struct json_object *req,
		   int fd)
{
	struct stat st = { 0 };

	(void)ctx;
	wd_json_int(req, "inode",
		    fd >= 0 && !fstat(fd, &st) ? (int64_t)st.st_ino : 0);
	if (fd >= 0)
		(void)close(fd);
	(void)dprintf(log_fd, "%s\n",
		      json_object_to_json_string_ext(
			      req, JSON_C_TO_STRING_PLAIN |
					   JSON_C_TO_STRING_NOSLASHESCAPE));
	if (busy_cnt-- > 0)
		wd_ctl_error(conn, 3, "agent", "too many connections");
	else if (answer_code)
		wd_ctl_error(conn, answer_code, "here", "because");
	else
		wd_ctl_reply(conn, NULL);
}

static const struct wd_ctl_cmd cmds[] = {
	{ "cni.add", on_any },	  { "cni.del", on_any },
	{ "cni.check", on_any },  { "cni.gc", on_any },
	{ "cni.status", on_any }, { NULL, NULL },
};

static void on_term(void *ctx, int signo)
{
	(void)ctx;
	(void)signo;
	wd_loop_stop(loop, 0);
}

static int serve(int ready_fd)
{
	static const int signo[] = { SIGTERM, 0 };
	struct wd_ctl *ctl = NULL;
	int err = wd_loop_new(&loop);

	if (!err)
		err = wd_loop_signals(loop, signo, on_term, NULL);
	if (!err)
		err = wd_ctl_open(loop, dir, cmds, NULL, &ctl);
	if (err || write(ready_fd, "r", 1) != 1)
		return 1;
	err = wd_loop_run(loop);
	wd_ctl_close(ctl);
	wd_loop_free(loop);
	return err != 0;
}

static pid_t agent_start(int code)
{
	int pipe_fd[2];
	char byte;
	pid_t pid;

	if (pipe2(pipe_fd, O_CLOEXEC) || ftruncate(log_fd, 0))
		return -1;
	answer_code = code;
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		(void)close(pipe_fd[0]);
		exit(serve(pipe_fd[1]));
	}
	(void)close(pipe_fd[1]);
	wd_expect_int(1, read(pipe_fd[0], &byte, 1));
	(void)close(pipe_fd[0]);
	return pid;
}

static void agent_end(pid_t pid)
{
	int status = -1;

	(void)kill(pid, SIGTERM);
	(void)waitpid(pid, &status, 0);
	wd_expect_int(0, status);
}

static const char *text_of(int fd)
{
	static char text[65536];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	text[len > 0 ? len : 0] = '\0';
	return text;
}

/* Request number @n that the agent got since it started; NULL if none. */
static struct json_object *logged(int n)
{
	const char *line = text_of(log_fd);

	for (; line && n > 0; n--) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return line && *line ? json_tokener_parse(line) : NULL;
}

/* ---- the runtime's end ---- */

struct call {
	const char *verb; /* NULL: not set */
	const char *container;
	const char *ifname;
	const char *netns;
	const char *args;
};

/* What an ADD has. */
static const struct call add_call = {
	.verb = "ADD",
	.container = "c1",
	.ifname = "eth0",
	.netns = "/proc/self/ns/net",
	.args = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-0;"
		"K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=12-ab",
};

static void put(const char *name, const char *value)
{
	if (value)
		(void)setenv(name, value, 1);
	else
		(void)unsetenv(name);
}

static struct json_object *last; /* standard output of the last call, or NULL */

/* Return: the exit code; *last is the document. */
static int plugin_raw(const struct call *call, const char *text, size_t len)
{
	int in = memfd_create("stdin", MFD_CLOEXEC);
	int out = memfd_create("stdout", MFD_CLOEXEC);
	char name[] = "warder-cni", *argv[] = { name, NULL };
	int status = -1;
	pid_t pid;

	wd_expect_int((long long)len, write(in, text, len));
	(void)lseek(in, 0, SEEK_SET);
	(void)fflush(NULL); /* or the child says our words again */
	pid = fork();
	if (pid == 0) {
		put("CNI_COMMAND", call->verb);
		put("CNI_CONTAINERID", call->container);
		put("CNI_IFNAME", call->ifname);
		put("CNI_NETNS", call->netns);
		put("CNI_ARGS", call->args);
		(void)dup2(in, STDIN_FILENO);
		(void)dup2(out, STDOUT_FILENO);
		json_object_put(last);
		exit(wd_cni_main(1, argv));
	}
	(void)waitpid(pid, &status, 0);
	json_object_put(last);
	last = *text_of(out) ? json_tokener_parse(text_of(out)) : NULL;
	(void)close(in);
	(void)close(out);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* @body: the configuration without braces, cniVersion, name and runDir */
static int plugin(const struct call *call, const char *version,
		  const char *body)
{
	static char text[8192];
	int len = snprintf(text, sizeof(text),
			   "{\"cniVersion\":\"%s\",\"name\":\"net\","
			   "\"type\":\"warder-cni\",\"runDir\":\"%s\"%s%s}\n",
			   version, dir, *body ? "," : "", body);

	return plugin_raw(call, text, (size_t)len);
}

static void expect_error(int code, const char *part)
{
	const char *msg = wd_json_get_str(last, "msg");

	wd_expect_int(code, wd_json_get_int(last, "code"));
	if (!strstr(msg, part))
		wd_expect_str(part, msg);
}

static int queued_cnt(void)
{
	char path[128];
	struct dirent *entry;
	int cnt = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "%s/deletions", dir);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		cnt += entry->d_name[0] != '.';
	if (d)
		(void)closedir(d);
	return cnt;
}

/* ---- VERSION ---- */

static void version_lists_what_it_speaks(void)
{
	static const struct call call = { .verb = "VERSION" };
	static const char *const must[] = { "0.4.0", "1.0.0", "1.1.0" };
	static const struct {
		const char *text;
		const char *version;
	} rows[] = {
		{ "{\"cniVersion\":\"0.4.0\"}", "0.4.0" },
		{ "{\"cniVersion\":\"1.0.0\"}", "1.0.0" },
		{ "{\"cniVersion\":\"9.9.9\"}", "1.1.0" },
		{ "{}", "1.1.0" },
		{ "", "1.1.0" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *list;

		wd_test_row(rows[i].text);
		wd_expect_int(0, plugin_raw(&call, rows[i].text,
					    strlen(rows[i].text)));
		wd_expect_str(rows[i].version,
			      wd_json_get_str(last, "cniVersion"));
		list = json_object_to_json_string(
			wd_json_get(last, "supportedVersions"));
		for (size_t k = 0; k < ROWS(must); k++)
			wd_expect(strstr(list, must[k]));
	}
}

/* ---- what is refused ---- */

static void wrong_environment_is_refused_by_name(void)
{
	static const struct {
		const char *row;
		struct call call;
		const char *part;
	} rows[] = {
		{ "no command",
		  { NULL, "c1", "eth0", "/x", "" },
		  "CNI_COMMAND" },
		{ "other command",
		  { "UPDATE", "c1", "eth0", "/x", "" },
		  "CNI_COMMAND: no command 'UPDATE'" },
		{ "small letters",
		  { "add", "c1", "eth0", "/x", "" },
		  "CNI_COMMAND" },
		{ "no container",
		  { "ADD", NULL, "eth0", "/x", "" },
		  "CNI_CONTAINERID" },
		{ "container with a slash",
		  { "DEL", "a/../b", "eth0", "", "" },
		  "CNI_CONTAINERID" },
		{ "container that starts with a dot",
		  { "DEL", ".a", "eth0", "", "" },
		  "CNI_CONTAINERID" },
		{ "no interface",
		  { "ADD", "c1", NULL, "/x", "" },
		  "CNI_IFNAME" },
		{ "long interface",
		  { "ADD", "c1", "0123456789abcdef", "/x", "" },
		  "CNI_IFNAME" },
		{ "interface with a colon",
		  { "DEL", "c1", "eth0:1", "", "" },
		  "CNI_IFNAME" },
		{ "interface with a blank",
		  { "DEL", "c1", "eth 0", "", "" },
		  "CNI_IFNAME" },
		{ "interface ..", { "DEL", "c1", "..", "", "" }, "CNI_IFNAME" },
		{ "no namespace",
		  { "ADD", "c1", "eth0", NULL, "" },
		  "CNI_NETNS" },
		{ "relative namespace",
		  { "CHECK", "c1", "eth0", "ns/net", "" },
		  "CNI_NETNS" },
		{ "no arguments",
		  { "ADD", "c1", "eth0", "/x", NULL },
		  "K8S_POD_NAMESPACE" },
		{ "no pod",
		  { "ADD", "c1", "eth0", "/x", "K8S_POD_NAMESPACE=a" },
		  "K8S_POD_NAME" },
		{ "empty pod",
		  { "ADD", "c1", "eth0", "/x",
		    "K8S_POD_NAMESPACE=a;K8S_POD_NAME=" },
		  "K8S_POD_NAME" },
		{ "pod twice",
		  { "ADD", "c1", "eth0", "/x",
		    "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_NAME=c" },
		  "K8S_POD_NAME twice" },
		{ "pod that is none",
		  { "ADD", "c1", "eth0", "/x",
		    "K8S_POD_NAMESPACE=a;K8S_POD_NAME=b/c" },
		  "'b/c' is no K8S_POD_NAME" },
		{ "no pair",
		  { "ADD", "c1", "eth0", "/x", "K8S_POD_NAMESPACE" },
		  "KEY=VALUE" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		wd_test_row(rows[i].row);
		wd_expect_int(1, plugin(&rows[i].call, "1.1.0", PREV));
		expect_error(4, rows[i].part);
	}
}

static void what_is_no_namespace_is_refused(void)
{
	static const char *const paths[] = { "/nonexistent/netns", "/dev/null",
					     "/proc/self/ns/mnt", "/" };
	struct call call = add_call;

	for (size_t i = 0; i < ROWS(paths); i++) {
		wd_test_row(paths[i]);
		call.netns = paths[i];
		wd_expect_int(1, plugin(&call, "1.1.0", PREV));
		expect_error(4, "CNI_NETNS");
	}
}

static void what_is_no_json_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"\n",
		"{",
		"{\"cniVersion\":",
		"[]",
		"null",
		"\"a\"",
		"{}{}",
		"{} x",
		"{\"a\":1,}",
		"{\"name\":\"\xff\"}",
		"\x01",
	};

	for (size_t i = 0; i < ROWS(texts); i++) {
		wd_test_row(texts[i]);
		wd_expect_int(1, plugin_raw(&add_call, texts[i],
					    strlen(texts[i])));
		expect_error(6, "configuration");
	}
	wd_test_row("a zero byte");
	wd_expect_int(1, plugin_raw(&add_call, "{}\0{}", 5));
	expect_error(6, "configuration");
}

static void input_without_end_is_refused_at_its_limit(void)
{
	size_t len = WD_CNI_STDIN_MAX + 1;
	char *text = malloc(len);

	memset(text, ' ', len);
	text[0] = '{';
	text[len - 1] = '}';
	wd_expect_int(1, plugin_raw(&add_call, text, len));
	expect_error(6, "longer than 1048576 bytes");
	/* Its permitted twin: as long as may be, and read to its last byte. */
	text[len - 2] = '}';
	wd_expect_int(1, plugin_raw(&add_call, text, len - 1));
	expect_error(1, "cniVersion");
	memset(text, '[', len - 1);
	wd_expect_int(1, plugin_raw(&add_call, text, len - 1));
	expect_error(6, "nesting too deep");
	free(text);
}

static void wrong_configuration_is_refused_by_key(void)
{
	static const struct {
		const char *body;
		int code;
		const char *part;
	} rows[] = {
		{ "", 7, "prevResult: missing" },
		{ "\"prevResult\":null", 7, "prevResult: missing" },
		{ "\"prevResult\":[]", 7, "prevResult: must be a JSON object" },
		{ "\"rundir\":\"/a\"," PREV, 2, "rundir: no such key" },
		{ "\"mode\":\"off\"," PREV, 2, "\"off\"" },
		{ "\"ipMasq\":true," PREV, 2, "ipMasq" },
		{ "\"runDir\":5," PREV, 7, "runDir: must be a JSON string" },
		{ "\"runDir\":\"a\"," PREV, 7, "runDir" },
		{ "\"runDir\":\"/a\\u0000b\"," PREV, 7, "runDir" },
		{ "\"runDir\":\"/0123456789012345678901234567890123456789"
		  "0123456789012345678901234567890123456789012345678901234567\"," PREV,
		  7, "runDir" },
		{ "\"name\":\"../x\"," PREV, 7, "name" },
		{ "\"name\":\"\"," PREV, 7, "name" },
		{ "\"disableCheck\":\"no\"," PREV, 7, "disableCheck" },
		{ "\"prevResult\":{\"cniVersion\":\"2.0.0\"}", 7,
		  "prevResult.cniVersion" },
		{ "\"prevResult\":{\"ips\":{}}", 7, "prevResult.ips" },
		{ "\"prevResult\":{\"ips\":[5]}", 7, "prevResult.ips[0]" },
		{ "\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/8\"},"
		  "{\"address\":\"010.0.0.1/8\"}]}",
		  7, "prevResult.ips[1].address" },
		{ "\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/8\","
		  "\"interface\":0}]}",
		  7, "prevResult.ips[0].interface" },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		wd_test_row(rows[i].body);
		wd_expect_int(1, plugin(&add_call, "1.1.0", rows[i].body));
		expect_error(rows[i].code, rows[i].part);
		wd_expect_str("1.1.0", wd_json_get_str(last, "cniVersion"));
	}
}

static void commands_need_the_version_that_has_them(void)
{
	static const struct {
		const char *verb;
		const char *version;
		int code; /* none of them meets an agent */
	} rows[] = {
		{ "ADD", "0.2.0", 1 },	   { "ADD", "", 1 },
		{ "ADD", "1.2.0", 1 },	   { "ADD", "0.3.1", 11 },
		{ "ADD", "0.4.0", 11 },	   { "ADD", "1.0.0", 11 },
		{ "ADD", "1.1.0", 11 },	   { "CHECK", "0.3.1", 1 },
		{ "CHECK", "0.4.0", 11 },  { "STATUS", "1.0.0", 1 },
		{ "STATUS", "1.1.0", 50 }, { "GC", "1.0.0", 1 },
		{ "GC", "1.1.0", 11 },	   { "DEL", "0.2.0", 1 },
	};
	struct call call = add_call;

	for (size_t i = 0; i < ROWS(rows); i++) {
		char row[32];

		(void)snprintf(row, sizeof(row), "%s %s", rows[i].verb,
			       rows[i].version);
		wd_test_row(row);
		call.verb = rows[i].verb;
		wd_expect_int(1, plugin(&call, rows[i].version,
					"\"cni.dev/valid-attachments\":[],"
					"\"prevResult\":{}"));
		expect_error(rows[i].code, "");
	}
}

/* ---- with an agent ---- */

static void add_hands_over_the_pod_and_prints_prev_result(void)
{
	static const char body[] =
		"\"runtimeConfig\":{\"x\":1},\"capabilities\":{\"bandwidth\":true},"
		"\"args\":{},\"ipam\":{},\"dns\":{},\"disableCheck\":false,"
		"\"cni.dev/anything\":1," PREV;
	pid_t pid = agent_start(0);
	struct json_object *req;
	struct stat st;

	wd_expect_int(0, plugin(&add_call, "1.1.0", body));
	wd_expect_str(
		"{\"cniVersion\":\"1.1.0\",\"interfaces\":["
		"{\"name\":\"eth0\",\"mac\":\"0a:00:00:00:00:01\"},"
		"{\"name\":\"eth0\",\"sandbox\":\"/x\"},{\"name\":\"net1\",\"sandbox\":\"/x\"}],\"ips\":["
		"{\"interface\":1,\"address\":\"10.1.0.5/24\"},"
		"{\"address\":\"fd00::5/64\"},"
		"{\"interface\":0,\"address\":\"10.1.0.1/24\"},{\"interface\":2,\"address\":\"10.2.0.5/24\"}],"
		"\"dns\":{\"nameservers\":[\"10.0.0.10\"]}}",
		json_object_to_json_string_ext(
			last, JSON_C_TO_STRING_PLAIN |
				      JSON_C_TO_STRING_NOSLASHESCAPE));
	req = logged(0);
	wd_expect_str("cni.add", wd_json_get_str(req, "cmd"));
	wd_expect_str("c1", wd_json_get_str(req, "container"));
	wd_expect_str("eth0", wd_json_get_str(req, "ifname"));
	wd_expect_str("shop", wd_json_get_str(req, "namespace"));
	wd_expect_str("web-0", wd_json_get_str(req, "pod"));
	wd_expect_str("net", wd_json_get_str(req, "network"));
	wd_expect_str("12-ab", wd_json_get_str(req, "uid"));
	wd_expect_str("/proc/self/ns/net", wd_json_get_str(req, "netns"));
	wd_expect_str("[\"10.1.0.5/24\",\"fd00::5/64\"]",
		      json_object_to_json_string_ext(
			      wd_json_get(req, "ips"),
			      JSON_C_TO_STRING_PLAIN |
				      JSON_C_TO_STRING_NOSLASHESCAPE));
	wd_expect_int(0, stat("/proc/self/ns/net", &st));
	wd_expect_int((long long)st.st_ino, wd_json_get_int(req, "inode"));
	json_object_put(req);
	agent_end(pid);
}

static void add_prints_the_requested_version(void)
{
	static const struct {
		const char *version;
		const char *prev;
		int code;
	} rows[] = {
		{ "0.4.0", "{}", 0 },
		{ "1.0.0", "{\"cniVersion\":\"1.0.0\"}", 0 },
		{ "1.1.0", "{\"cniVersion\":\"1.0.0\"}", 0 },
		{ "1.0.0", "{\"cniVersion\":\"0.4.0\"}", 0 },
		{ "0.4.0", "{\"cniVersion\":\"1.0.0\"}", 7 },
	};
	pid_t pid = agent_start(0);

	for (size_t i = 0; i < ROWS(rows); i++) {
		char body[128];

		wd_test_row(rows[i].prev);
		(void)snprintf(body, sizeof(body), "\"prevResult\":%s",
			       rows[i].prev);
		wd_expect_int(rows[i].code != 0,
			      plugin(&add_call, rows[i].version, body));
		wd_expect_str(rows[i].version,
			      wd_json_get_str(last, "cniVersion"));
		wd_expect_int(rows[i].code, wd_json_get_int(last, "code"));
	}
	agent_end(pid);
}

static void the_agents_refusals_become_codes(void)
{
	static const struct {
		const char *verb;
		int agent;
		int code; /* 0: exit code 0 */
	} rows[] = {
		{ "ADD", 1, 100 },  { "ADD", 2, 7 },	 { "ADD", 3, 11 },
		{ "CHECK", 0, 0 },  { "CHECK", 1, 101 }, { "CHECK", 3, 11 },
		{ "GC", 0, 0 },	    { "GC", 1, 100 },	 { "GC", 3, 11 },
		{ "STATUS", 0, 0 }, { "STATUS", 1, 50 }, { "STATUS", 3, 50 },
		{ "DEL", 0, 0 },    { "DEL", 1, 0 },
	};
	struct call call = add_call;

	for (size_t i = 0; i < ROWS(rows); i++) {
		pid_t pid = agent_start(rows[i].agent);
		char row[32];

		(void)snprintf(row, sizeof(row), "%s %d", rows[i].verb,
			       rows[i].agent);
		wd_test_row(row);
		call.verb = rows[i].verb;
		wd_expect_int(rows[i].code != 0,
			      plugin(&call, "1.1.0",
				     "\"cni.dev/valid-attachments\":[],"
				     "\"prevResult\":{}"));
		if (rows[i].code)
			expect_error(rows[i].code, "here: because");
		else
			wd_expect(!last); /* these print nothing */
		agent_end(pid);
	}
	wd_expect_int(0, wd_cni_queue_remove(dir, "c1", "eth0"));
}

static void a_busy_agent_is_asked_again(void)
{
	static const struct {
		const char *verb;
		int code;
		int asked;
	} rows[] = { { "ADD", 0, 3 }, { "DEL", 0, 3 }, { "STATUS", 50, 1 } };
	struct call call = add_call;

	for (size_t i = 0; i < ROWS(rows); i++) {
		struct json_object *req;
		pid_t pid;

		wd_test_row(rows[i].verb);
		busy_cnt = 2;
		pid = agent_start(0);
		busy_cnt = 0;
		call.verb = rows[i].verb;
		wd_expect_int(rows[i].code != 0,
			      plugin(&call, "1.1.0", "\"prevResult\":{}"));
		req = logged(rows[i].asked - 1);
		wd_expect(req);
		json_object_put(req);
		wd_expect(!logged(rows[i].asked));
		wd_expect_int(0, queued_cnt());
		agent_end(pid);
	}
}

static void gc_hands_over_the_whole_list_or_nothing(void)
{
	static const struct call call = { .verb = "GC" };
	static const char key[] = "\"cni.dev/valid-attachments\":";
	static const struct {
		const char *list;
		const char *valid; /* NULL: refused */
	} rows[] = {
		{ "[]", "[]" },
		{ "[{\"containerID\":\"a\",\"ifname\":\"eth0\"},"
		  "{\"containerID\":\"b\",\"ifname\":\"net1\",\"x\":1}]",
		  "[{\"container\":\"a\",\"ifname\":\"eth0\"},"
		  "{\"container\":\"b\",\"ifname\":\"net1\"}]" },
		{ "null", NULL },
		{ "{}", NULL },
		{ "[5]", NULL },
		{ "[{\"containerID\":\"a\"}]", NULL },
		{ "[{\"containerID\":\"\",\"ifname\":\"eth0\"}]", NULL },
	};

	for (size_t i = 0; i < ROWS(rows); i++) {
		pid_t pid = agent_start(0);
		struct json_object *req;
		char body[256];

		wd_test_row(rows[i].list);
		(void)snprintf(body, sizeof(body), "%s%s", key, rows[i].list);
		wd_expect_int(!rows[i].valid, plugin(&call, "1.1.0", body));
		req = logged(0);
		wd_expect_int(!!rows[i].valid, !!req);
		wd_expect_str(req ? "net" : "",
			      wd_json_get_str(req, "network"));
		if (rows[i].valid)
			wd_expect_str(rows[i].valid,
				      json_object_to_json_string_ext(
					      wd_json_get(req, "valid"),
					      JSON_C_TO_STRING_PLAIN));
		else
			expect_error(7, "cni.dev/valid-attachments");
		json_object_put(req);
		agent_end(pid);
	}
	wd_test_row("no list at all");
	wd_expect_int(1, plugin(&call, "1.1.0", ""));
	expect_error(7, "cni.dev/valid-attachments");
}

/* ---- DEL and its queue ---- */

static const struct call del_call = {
	.verb = "DEL",
	.container = "c1",
	.ifname = "eth0",
};

static void del_without_an_agent_is_queued_once(void)
{
	wd_expect_int(0, plugin(&del_call, "1.1.0", ""));
	wd_expect_int(0, plugin(&del_call, "1.1.0", "\"oldKey\":1"));

	wd_expect(!last);
	wd_expect_int(1, queued_cnt());
	wd_expect_int(1, wd_cni_queue_has(dir, "c1", "eth0"));
	wd_expect_int(0, wd_cni_queue_has(dir, "c1", "eth1"));
	wd_expect_int(0, wd_cni_queue_has(dir, "c2", "eth0"));
}

static void del_with_an_agent_leaves_nothing_queued(void)
{
	pid_t pid = agent_start(0);
	struct json_object *req;

	wd_expect_int(0, wd_cni_queue_add(dir, "c1", "eth0"));
	wd_expect_int(0, plugin(&del_call, "1.1.0", PREV));

	req = logged(0);
	wd_expect_str("cni.del", wd_json_get_str(req, "cmd"));
	wd_expect_str("c1", wd_json_get_str(req, "container"));
	wd_expect_str("eth0", wd_json_get_str(req, "ifname"));
	wd_expect_int(0, wd_cni_queue_has(dir, "c1", "eth0"));
	json_object_put(req);
	agent_end(pid);
}

static void add_settles_a_waiting_del_of_its_own_first(void)
{
	pid_t pid;
	struct json_object *first, *second;

	wd_expect_int(0, wd_cni_queue_add(dir, "c1", "eth0"));
	wd_expect_int(0, wd_cni_queue_add(dir, "c2", "eth0"));
	wd_expect_int(1, plugin(&add_call, "1.1.0", PREV));
	expect_error(11, "no warder agent");
	wd_expect_int(2, queued_cnt());

	pid = agent_start(0);
	wd_expect_int(0, plugin(&add_call, "1.1.0", PREV));
	first = logged(0);
	second = logged(1);
	wd_expect_str("cni.del", wd_json_get_str(first, "cmd"));
	wd_expect_str("c1", wd_json_get_str(first, "container"));
	wd_expect_str("cni.add", wd_json_get_str(second, "cmd"));
	wd_expect_int(0, wd_cni_queue_has(dir, "c1", "eth0"));
	wd_expect_int(1, wd_cni_queue_has(dir, "c2", "eth0"));
	json_object_put(first);
	json_object_put(second);
	agent_end(pid);
	wd_expect_int(0, wd_cni_queue_remove(dir, "c2", "eth0"));
}

static void clean(void)
{
	char path[128];

	(void)wd_cni_queue_remove(dir, "c1", "eth0");
	(void)snprintf(path, sizeof(path), "%s/deletions", dir);
	(void)rmdir(path);
	(void)rmdir(dir);
	json_object_put(last);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wdt-%d-cni", (int)getpid());
	log_fd = memfd_create("log", MFD_CLOEXEC);
	if (log_fd < 0 || fcntl(log_fd, F_SETFL, O_APPEND))
		return 1;
	WD_TEST(version_lists_what_it_speaks);
	WD_TEST(wrong_environment_is_refused_by_name);
	WD_TEST(what_is_no_namespace_is_refused);
	WD_TEST(what_is_no_json_is_refused);
	WD_TEST(input_without_end_is_refused_at_its_limit);
	WD_TEST(wrong_configuration_is_refused_by_key);
	WD_TEST(commands_need_the_version_that_has_them);
	WD_TEST(add_hands_over_the_pod_and_prints_prev_result);
	WD_TEST(add_prints_the_requested_version);
	WD_TEST(the_agents_refusals_become_codes);
	WD_TEST(a_busy_agent_is_asked_again);
	WD_TEST(gc_hands_over_the_whole_list_or_nothing);
	WD_TEST(del_without_an_agent_is_queued_once);
	WD_TEST(del_with_an_agent_leaves_nothing_queued);
	WD_TEST(add_settles_a_waiting_del_of_its_own_first);
	clean();
	return wd_tests_end();
}
