// SPDX-License-Identifier: GPL-2.0-only
/* agent.c - starts the real agent, asks it, ends it. */
#include "agent.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pods.h"

#define RUN_DIR WD_FX_ROOT "/run"
#define LOG WD_FX_ROOT "/log"
#define STATUS WD_FX_ROOT "/status"
#define START_MS 300000 /* emulated, with a sixth of a processor */
#define READY "agent: ready in" /* the last word of a start in its log */
#define POLL_US 20000
#define LOG_LINES 12

static const char *warder; /* path of the program */
static pid_t agent;

long agent_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void agent_show_log(void)
{
	static char line[LOG_LINES][512];
	FILE *f = fopen(LOG, "re");
	int n = 0;

	while (f && fgets(line[n % LOG_LINES], sizeof(line[0]), f))
		n++;
	for (int i = n > LOG_LINES ? n - LOG_LINES : 0; i < n; i++)
		printf("# agent: %s", line[i % LOG_LINES]);
	if (f)
		(void)fclose(f);
}

static bool spawn_agent(const char *max_rung)
{
	const char *argv[] = { warder,	      "agent",
			       "--node",      "node",
			       "--manifests", PODS_MANIFESTS,
			       "--run-dir",   RUN_DIR,
			       "--state-dir", WD_FX_ROOT "/state",
			       "--bpffs",     WD_FX_BPFFS,
			       "--max-rung",  max_rung,
			       NULL };
	posix_spawn_file_actions_t to;
	bool ok;

	if (posix_spawn_file_actions_init(&to))
		return false;
	ok = !posix_spawn_file_actions_addopen(
		     &to, 1, LOG, O_WRONLY | O_CREAT | O_APPEND, 0600) &&
	     !posix_spawn_file_actions_adddup2(&to, 1, 2) &&
	     !posix_spawn(&agent, warder, &to, NULL,
			  (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&to);
	return ok;
}

struct json_object *agent_status(void)
{
	if (!wd_fx_run("%s status --json --run-dir " RUN_DIR " >" STATUS,
		       warder))
		return NULL;
	return json_object_from_file(STATUS);
}

/* The rung, "" while it is not ready. */
static void ask(char ret_rung[AGENT_RUNG_STRLEN])
{
	struct json_object *doc = agent_status(), *name;

	ret_rung[0] = '\0';
	if (doc && json_object_object_get_ex(doc, "rung", &name))
		(void)snprintf(ret_rung, AGENT_RUNG_STRLEN, "%s",
			       json_object_get_string(name));
	json_object_put(doc);
}

/*
 * Its log says when to ask: where all is emulated, a command that asks is half
 * of what the machine can do, and the agent is to have it.
 */
bool agent_start(const char *path, const char *max_rung,
		 char ret_rung[AGENT_RUNG_STRLEN])
{
	long until = agent_now_ms() + START_MS, from = wd_fx_size(LOG);

	ret_rung[0] = '\0';
	warder = path;
	if (!spawn_agent(max_rung))
		return false;
	while (!*ret_rung && agent_now_ms() < until) {
		if (waitpid(agent, NULL, WNOHANG) == agent)
			break;
		usleep(POLL_US);
		if (wd_fx_says(LOG, from, READY))
			ask(ret_rung);
	}
	if (!*ret_rung)
		agent_show_log();
	return *ret_rung;
}

void agent_end(int sig)
{
	kill(agent, sig);
	waitpid(agent, NULL, 0);
}

bool agent_detach(void)
{
	bool good = wd_fx_run("%s stop --detach --run-dir " RUN_DIR
			      " --bpffs " WD_FX_BPFFS,
			      warder);

	if (!good) {
		agent_show_log();
		kill(agent, SIGKILL);
	}
	return waitpid(agent, NULL, 0) == agent && good;
}
