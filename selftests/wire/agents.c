// SPDX-License-Identifier: GPL-2.0-only
/* agents.c - processes, and their status as JSON. */
#include "agents.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath/fixture.h"
#include "drops.h"
#include "objects.h"

#define READY_MS 300000 /* emulated, on a busy machine */
#define POLL_US 100000
#define READY "agent: ready in" /* the last word of a start in its log */
#define LINES_SHOWN 40
#define ARGS_MAX 32
#define PATH_BYTES 64

struct agents_opts agents_opts = { .encryption = "required" };
void (*agents_idle)(void);
static long log_begins[SITE_NODES]; /* of the agent that was started last */

/* Of a file of the node's own. */
static void path_of(const struct site_node *node, const char *file,
		    char ret[PATH_BYTES])
{
	snprintf(ret, PATH_BYTES, WD_FX_ROOT "/%.7s/%.32s", node->name, file);
}

/* ---- life ---- */

static void add_option(const char **argv, int *argc, const char *name,
		       const char *value)
{
	if (!value)
		return;
	argv[(*argc)++] = name;
	argv[(*argc)++] = value;
}

static bool spawn(struct site_node *node, const char *const *argv)
{
	posix_spawn_file_actions_t to;
	char log[PATH_BYTES];
	bool ok;

	path_of(node, "log", log);
	if (posix_spawn_file_actions_init(&to))
		return false;
	ok = !posix_spawn_file_actions_addopen(
		     &to, 1, log, O_WRONLY | O_CREAT | O_APPEND, 0600) &&
	     !posix_spawn_file_actions_adddup2(&to, 1, 2) &&
	     !posix_spawnp(&node->agent, "ip", &to, NULL,
			   (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&to);
	return ok;
}

bool agent_start(int n)
{
	struct site_node *node = &site_node[n];
	char run[PATH_BYTES], state[PATH_BYTES], bpffs[PATH_BYTES];
	char log[PATH_BYTES];
	const char *argv[ARGS_MAX] = {
		"ip", "netns", "exec", node->name, agents_opts.warder, "agent"
	};
	bool prefixes = agents_opts.prefixes;
	int argc = 6;

	path_of(node, "log", log);
	log_begins[n] = wd_fx_size(log);
	path_of(node, "run", run);
	path_of(node, "state", state);
	path_of(node, "bpf/warder", bpffs);
	add_option(argv, &argc, "--node", node->name);
	add_option(argv, &argc, "--manifests", objects_dir(n));
	add_option(argv, &argc, "--run-dir", run);
	add_option(argv, &argc, "--state-dir", state);
	add_option(argv, &argc, "--bpffs", bpffs);
	add_option(argv, &argc, "--encryption", agents_opts.encryption);
	add_option(argv, &argc, "--encryption-nodes", agents_opts.nodes);
	add_option(argv, &argc, "--max-rung", agents_opts.max_rung);
	add_option(argv, &argc, "--encryption-prefix",
		   prefixes ? SITE_PREFIX4 : NULL);
	add_option(argv, &argc, "--encryption-prefix",
		   prefixes ? SITE_PREFIX6 : NULL);
	return spawn(node, argv);
}

static struct json_object *status_of(int n)
{
	char path[PATH_BYTES];

	path_of(&site_node[n], "status", path);
	if (!wd_fx_run("%s status --json --run-dir " WD_FX_ROOT "/%s/run >%s",
		       agents_opts.warder, site_node[n].name, path))
		return NULL;
	return json_object_from_file(path);
}

/* Its log says when to ask: a command that asks is half of a slow machine. */
bool agent_ready(int n)
{
	long until = site_now_ms() + READY_MS;
	struct json_object *doc = NULL;
	char log[PATH_BYTES];

	path_of(&site_node[n], "log", log);
	while (!doc && site_now_ms() < until) {
		if (waitpid(site_node[n].agent, NULL, WNOHANG)) {
			site_node[n].agent = 0;
			break;
		}
		if (wd_fx_says(log, log_begins[n], READY))
			doc = status_of(n);
		if (agents_idle)
			agents_idle();
		if (!doc)
			usleep(POLL_US);
	}
	json_object_put(doc);
	if (!doc)
		agents_show();
	return doc;
}

void agent_stop(int n, int sig)
{
	if (!site_node[n].agent)
		return;
	kill(site_node[n].agent, sig);
	waitpid(site_node[n].agent, NULL, 0);
	site_node[n].agent = 0;
}

bool agent_detach(int n)
{
	const char *name = site_node[n].name;
	bool ok = wd_fx_run("%s stop --detach --run-dir " WD_FX_ROOT
			    "/%s/run --bpffs " WD_FX_ROOT "/%s/bpf/warder",
			    agents_opts.warder, name, name);

	if (ok && site_node[n].agent)
		waitpid(site_node[n].agent, NULL, 0);
	if (ok)
		site_node[n].agent = 0;
	return ok;
}

/* ---- what they say ---- */

/* The end of one of the node's files, as comments. */
static void show_end(const struct site_node *node, const char *file)
{
	static char line[LINES_SHOWN][512];
	char path[PATH_BYTES];
	FILE *f;
	int n = 0;

	path_of(node, file, path);
	f = fopen(path, "re");
	while (f && fgets(line[n % LINES_SHOWN], sizeof(line[0]), f))
		n++;
	for (int i = n > LINES_SHOWN ? n - LINES_SHOWN : 0; i < n; i++)
		printf("# %s: %s", node->name, line[i % LINES_SHOWN]);
	if (f)
		(void)fclose(f);
}

static bool sync_agent(int n)
{
	const char *name = site_node[n].name;

	if (!site_node[n].agent ||
	    wd_fx_run("%s sync --run-dir " WD_FX_ROOT "/%s/run >" WD_FX_ROOT
		      "/%s/text 2>&1",
		      agents_opts.warder, name, name))
		return true;
	show_end(&site_node[n], "text");
	show_end(&site_node[n], "log");
	return false;
}

bool agents_sync(void)
{
	bool ok = true;

	for (int n = 0; n < SITE_NODES; n++)
		ok = sync_agent(n) && ok;
	return ok;
}

bool agent_pin(int n, const char *rung)
{
	const char *name = site_node[n].name;

	if (wd_fx_run("%s ladder pin %s --run-dir " WD_FX_ROOT
		      "/%s/run >" WD_FX_ROOT "/%s/text 2>&1",
		      agents_opts.warder, rung, name, name))
		return true;
	show_end(&site_node[n], "text");
	show_end(&site_node[n], "log");
	return false;
}

static int64_t drops_in(struct json_object *doc, const char *reason)
{
	struct json_object *list, *one, *name, *packets;
	int64_t sum = 0;

	if (!json_object_object_get_ex(doc, "counters", &list))
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		if (json_object_object_get_ex(one, "reason", &name) &&
		    !strcmp(json_object_get_string(name), reason) &&
		    json_object_object_get_ex(one, "packets", &packets))
			sum += json_object_get_int64(packets);
	}
	return sum;
}

int64_t agents_drops(const char *reason)
{
	int64_t sum = 0, one;

	for (int n = 0; n < SITE_NODES; n++) {
		struct json_object *doc = status_of(n);

		one = doc ? drops_in(doc, reason) : -1;
		json_object_put(doc);
		if (one < 0)
			return -1;
		sum += one;
	}
	return sum;
}

static bool says(struct json_object *doc, const char *key, const char *value)
{
	struct json_object *text;

	return json_object_object_get_ex(doc, key, &text) &&
	       !strcmp(json_object_get_string(text), value);
}

static bool finds_in(struct json_object *doc, const char *finding,
		     const char *object)
{
	struct json_object *wg, *list, *one;

	if (!json_object_object_get_ex(doc, "wireguard", &wg) ||
	    !json_object_object_get_ex(wg, "findings", &list))
		return false;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		one = json_object_array_get_idx(list, i);
		if (says(one, "finding", finding) &&
		    says(one, "object", object))
			return true;
	}
	return false;
}

bool agent_finds(int n, const char *finding, const char *object)
{
	struct json_object *doc = status_of(n);
	bool finds = doc && finds_in(doc, finding, object);

	json_object_put(doc);
	return finds;
}

void agents_show(void)
{
	for (int n = 0; n < SITE_NODES; n++) {
		const char *name = site_node[n].name;

		show_end(&site_node[n], "log");
		if (wd_fx_run("%s status --run-dir " WD_FX_ROOT
			      "/%s/run >" WD_FX_ROOT "/%s/text",
			      agents_opts.warder, name, name))
			show_end(&site_node[n], "text");
	}
	drops_show();
}
