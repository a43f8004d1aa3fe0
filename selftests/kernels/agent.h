/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.h - the real agent in a guest, beside the pods of pods.h.
 *
 * One at a time; its state and log are below WD_FX_ROOT and end with the test.
 */
#ifndef WARDER_SELFTESTS_KERNELS_AGENT_H
#define WARDER_SELFTESTS_KERNELS_AGENT_H

#include <stdbool.h>

#define AGENT_RUNG_STRLEN 16

struct json_object;

/**
 * agent_start() - start @warder as the agent and wait until it is ready
 * @ret_rung: that it reached, "" if it does not get ready, and its log is shown
 * Return: it is ready.
 */
bool agent_start(const char *warder, const char *max_rung,
		 char ret_rung[AGENT_RUNG_STRLEN]);

/** agent_end() - by that signal, and wait until it has ended */
void agent_end(int sig);

/** agent_detach() - have it end and leave nothing behind. Return: it did */
bool agent_detach(void);

/** agent_status() - what it says of itself, for the caller to put; NULL: nothing */
struct json_object *agent_status(void);

/** agent_show_log() - the last lines, as diagnosis */
void agent_show_log(void);

/** agent_now_ms() - since some moment */
long agent_now_ms(void);

#endif /* WARDER_SELFTESTS_KERNELS_AGENT_H */
