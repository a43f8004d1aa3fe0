/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness.c - reads the counters each minute, so that a switch of the programs
 * that was off for a while is seen, and writes every five.
 */
#include "witness.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../agent/agent.h"
#include "../base/log.h"
#include "../model/xalloc.h"
#include "cover_last.h"
#include "evidence.h"

#define FIRST_MS 1000 /* by then names and switches are this agent's */
#define TAKE_MS 60000
#define NAMES_MS 2000 /* from a new name to when it is on disk */
#define NAMES_MAX \
	4096 /* so many are given their numbers again: else old ones pile up */
#define KEEP_TAKES (WD_COVER_STEP_S * 1000 / TAKE_MS)

struct wd_witness {
	struct wd_agent *agent;
	struct wd_evidence *evidence;
	struct wd_timer *timer;
	uint64_t boot; /* of this boot's id, in the upper half */
	int takes; /* since it was written */
	uint32_t ns,
		node; /* first numbers of which the names are not on disk */
	bool hurries; /* to write down new names */
	bool told; /* that something is wrong, in the log */
};

/* ---- where counters and names come from ---- */

/* Numbers of maps begin anew with each boot: it is part of what a map is. */
static uint64_t read_boot(void)
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char id[9] = "";
	ssize_t len = fd < 0 ? 0 : read(fd, id, sizeof(id) - 1);

	if (fd >= 0)
		(void)close(fd);
	id[len < 0 ? 0 : len] = '\0';
	return (uint64_t)strtoul(id, NULL, 16) << 32;
}

static uint64_t epoch_of(const struct wd_agent *agent, uint64_t boot)
{
	uint32_t number = wd_map_number(agent->dp, WD_MAP_wd_cover);

	return number ? boot | number : 0;
}

static uint64_t epoch(void *ctx)
{
	const struct wd_witness *w = ctx;

	return epoch_of(w->agent, w->boot);
}

static int read_counters(void *ctx, wd_cover_fn fn, void *fn_ctx)
{
	const struct wd_witness *w = ctx;

	return wd_cover_read(w->agent->dp, fn, fn_ctx);
}

static const char *ns_name(void *ctx, uint32_t number)
{
	const struct wd_witness *w = ctx;

	return wd_model_ns_name(w->agent->model, number);
}

static const char *node_name(void *ctx, uint32_t number)
{
	const struct wd_witness *w = ctx;

	return wd_model_node_name(w->agent->model, number);
}

/* Switches without programs that go by them are none. */
static uint32_t flags(void *ctx)
{
	const struct wd_witness *w = ctx;
	const struct wd_state_val *state =
		wd_map_window(w->agent->dp, WD_MAP_wd_state);

	return wd_datapath_has_programs(w->agent->dp) &&
			       wd_wire_info(w->agent->dp)->loaded ?
		       __atomic_load_n(&state->flags, __ATOMIC_RELAXED) :
		       0;
}

static int64_t now_s(void *ctx)
{
	struct timespec ts;

	(void)ctx;
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

/* ---- numbers ---- */

static void number_all(struct wd_model *model, const struct wd_cover_last *last)
{
	for (size_t i = 0; i < last->ns.cnt; i++)
		(void)wd_model_ns_number(model, last->ns.name[i]);
	for (size_t i = 0; i < last->node.cnt; i++)
		(void)wd_model_node_number(model, last->node.name[i]);
}

void wd_witness_number(struct wd_agent *agent)
{
	uint64_t now = epoch_of(agent, read_boot());
	struct wd_cover_last last;

	wd_cover_last_init(&last);
	if (!wd_cover_last_read(agent->config.state_dir, &last) && now &&
	    last.epoch == now && last.ns.cnt <= NAMES_MAX &&
	    last.node.cnt <= NAMES_MAX)
		number_all(agent->model, &last);
	wd_cover_last_fini(&last);
}

/* Those that are known now are on disk. */
static void note_names(struct wd_witness *w)
{
	while (wd_model_ns_name(w->agent->model, w->ns))
		w->ns++;
	while (wd_model_node_name(w->agent->model, w->node))
		w->node++;
}

void wd_witness_look(struct wd_witness *w)
{
	if (!w || w->hurries ||
	    (!wd_model_ns_name(w->agent->model, w->ns) &&
	     !wd_model_node_name(w->agent->model, w->node)))
		return;
	w->hurries = true;
	w->takes = KEEP_TAKES;
	wd_timer_set(w->timer, NAMES_MS);
}

/* ---- when ---- */

/* Once when it begins, and once when it ends. */
static void tell(struct wd_witness *w)
{
	const char *error = wd_evidence_error(w->evidence);

	if (error && !w->told)
		wd_warn("encryption: %s, trying again; reports may have a gap",
			error);
	else if (!error && w->told)
		wd_info("encryption: the record is written again");
	w->told = error != NULL;
}

static void on_timer(void *ctx)
{
	struct wd_witness *w = ctx;
	bool keep = ++w->takes >= KEEP_TAKES;
	int err = keep ? wd_evidence_keep(w->evidence) :
			 wd_evidence_take(w->evidence);

	if (keep)
		w->takes = 0;
	if (keep && !err)
		note_names(w);
	if (keep)
		w->hurries = false;
	if (err && !keep)
		wd_debug("encryption: reading the counters: %s", wd_errno(err));
	tell(w);
	wd_timer_set(w->timer, TAKE_MS);
}

int wd_witness_open(struct wd_agent *agent)
{
	struct wd_witness *w = wd_xcalloc(1, sizeof(*w));
	const struct wd_evidence_source source = {
		.ctx = w,
		.epoch = epoch,
		.read = read_counters,
		.ns_name = ns_name,
		.node_name = node_name,
		.flags = flags,
		.now_s = now_s,
	};
	int err;

	w->agent = agent;
	w->ns = WD_NS_FIRST;
	w->node = 1;
	w->hurries = true; /* as the first writing is soon */
	w->takes = KEEP_TAKES; /* names are on disk before they are needed */
	w->boot = read_boot();
	err = wd_evidence_open(agent->config.state_dir, &source, &w->evidence);
	if (!err)
		err = wd_timer_new(agent->loop, on_timer, w, &w->timer);
	if (err) {
		wd_evidence_free(w->evidence);
		free(w);
		return err;
	}
	tell(w);
	wd_timer_set(w->timer, FIRST_MS);
	agent->witness = w;
	return 0;
}

void wd_witness_close(struct wd_witness *w)
{
	int err = w ? wd_evidence_keep(w->evidence) : 0;

	if (!w)
		return;
	if (err)
		wd_warn("encryption: the record of the last minutes is not written: %s",
			wd_errno(err));
	wd_timer_free(w->timer);
	wd_evidence_free(w->evidence);
	free(w);
}

struct wd_evidence *wd_witness_evidence(struct wd_witness *w)
{
	return w ? w->evidence : NULL;
}
