// SPDX-License-Identifier: GPL-2.0-only
/*
 * slo_runtime.c - `warder slo runtime`: what the programs of pods cost a packet.
 * Asks the agent which they are, and the kernel itself for the rest.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../datapath/runtime.h"
#include "cmd.h"

#define PROGS_MAX 8
#define SLICE_MS 100
#define FOR_MS 2000

struct watched {
	const char *name, *direction; /* of the agent's answer */
	uint32_t id;
	struct wd_runtime first, last;
	double worst_ns; /* mean of the slice that had the highest, 0 no packets */
};

struct watch {
	struct watched prog[PROGS_MAX];
	size_t cnt;
};

static void pick(struct watch *watch, struct json_object *status)
{
	for (size_t i = 0; i < wd_json_len(status, "programs"); i++) {
		struct json_object *prog = wd_json_at(status, "programs", i);

		if (watch->cnt == PROGS_MAX)
			return;
		watch->prog[watch->cnt++] = (struct watched){
			.name = wd_json_get_str(prog, "name"),
			.direction = wd_json_get_str(prog, "direction"),
			.id = (uint32_t)wd_json_get_int(prog, "id"),
		};
	}
}

static double mean_of(const struct wd_runtime *from,
		      const struct wd_runtime *to)
{
	uint64_t cnt = to->cnt - from->cnt;

	return cnt ? (double)(to->ns - from->ns) / (double)cnt : 0;
}

static int begin(struct watch *watch)
{
	for (size_t i = 0; i < watch->cnt; i++) {
		struct watched *prog = &watch->prog[i];
		int err = wd_runtime_read(prog->id, &prog->first);

		if (err)
			return err;
		prog->last = prog->first;
	}
	return 0;
}

/* One slice is over. */
static int look(struct watch *watch)
{
	for (size_t i = 0; i < watch->cnt; i++) {
		struct watched *prog = &watch->prog[i];
		struct wd_runtime now;
		int err = wd_runtime_read(prog->id, &now);
		double mean;

		if (err)
			return err;
		mean = mean_of(&prog->last, &now);
		if (mean > prog->worst_ns)
			prog->worst_ns = mean;
		prog->last = now;
	}
	return 0;
}

static int count(struct watch *watch, uint32_t ms)
{
	struct timespec slice = { .tv_nsec = SLICE_MS * 1000000L };
	int fd;
	int err = wd_runtime_begin(&fd);

	if (err)
		return err;
	err = begin(watch);
	for (uint32_t at = 0; !err && at < ms; at += SLICE_MS) {
		(void)nanosleep(&slice, NULL); /* cut short: a short slice */
		err = look(watch);
	}
	close(fd);
	return err;
}

static void put_all(const struct watch *watch, struct json_object *doc)
{
	struct json_object *array = wd_json_array(doc, "programs");

	for (size_t i = 0; i < watch->cnt; i++) {
		const struct watched *prog = &watch->prog[i];
		struct json_object *obj = wd_json_push(array);

		wd_json_str(obj, "name", prog->name);
		wd_json_str(obj, "direction", prog->direction);
		wd_json_int(obj, "id", prog->id);
		wd_json_int(obj, "runs",
			    (int64_t)(prog->last.cnt - prog->first.cnt));
		wd_json_int(obj, "mean_ns",
			    (int64_t)(mean_of(&prog->first, &prog->last) + .5));
		wd_json_int(obj, "worst_mean_ns",
			    (int64_t)(prog->worst_ns + .5));
	}
}

static void print_all(struct json_object *doc)
{
	static const char *const head[] = { "PROGRAM", "DIRECTION", ">PACKETS",
					    ">MEAN",   ">WORST",    NULL };
	struct wd_table *table = wd_table_new(head);

	for (size_t i = 0; i < wd_json_len(doc, "programs"); i++) {
		struct json_object *prog = wd_json_at(doc, "programs", i);

		wd_table_cell(table, "%s", wd_json_get_str(prog, "name"));
		wd_table_cell(table, "%s", wd_json_get_str(prog, "direction"));
		wd_table_cell(table, "%lld",
			      (long long)wd_json_get_int(prog, "runs"));
		wd_table_cell(table, "%lld ns",
			      (long long)wd_json_get_int(prog, "mean_ns"));
		wd_table_cell(table, "%lld ns",
			      (long long)wd_json_get_int(prog,
							 "worst_mean_ns"));
	}
	wd_table_print(table, stdout, "");
}

/* @status: the agent's, which the names in @watch are of */
static int run(const struct wd_args *args, struct json_object *status,
	       uint32_t ms)
{
	struct watch watch = {};
	struct json_object *doc;
	int err;

	pick(&watch, status);
	if (!watch.cnt)
		return wd_cmd_fail(args, WD_EXIT_NO, "slo runtime",
				   "no programs are in force on rung %s",
				   wd_json_get_str(status, "rung"));
	err = count(&watch, ms);
	if (err)
		return wd_cmd_fail(
			args, WD_EXIT_NO, "slo runtime",
			"the kernel does not tell how long programs run: %s%s",
			wd_errno(err),
			err == -EINVAL ? "; it can from 5.8 on" :
			err == -EPERM  ? "; it tells root" :
			err == -ENOENT ? "; they were replaced meanwhile" :
					 "");
	doc = json_object_new_object();
	wd_json_int(doc, "for_ms", ms);
	put_all(&watch, doc);
	if (args->json)
		wd_cmd_json(doc);
	else
		print_all(doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

static int cmd_slo_runtime(const struct wd_args *args)
{
	const char *text = wd_args_get(args, "for");
	struct json_object *status = NULL;
	uint32_t ms = FOR_MS;
	int code;

	if (text && (wd_duration_parse(text, &ms) || ms < SLICE_MS))
		return wd_cmd_fail(args, WD_EXIT_USAGE, "--for",
				   "'%s' is no time from 100ms to a day", text);
	code = wd_cmd_ask(args, wd_cmd_request("status"), WD_CMD_TIMEOUT_MS,
			  &status);
	if (code)
		return code;
	code = run(args, status, ms);
	json_object_put(status);
	return code;
}

static const struct wd_opt runtime_opts[] = {
	{ .name = "for",
	  .arg = "TIME",
	  .help = "count for so long (default 2s)" },
	{},
};

const struct wd_cmd wd_cmd_slo_runtime = {
	.object = "slo",
	.verb = "runtime",
	.summary = "what the programs of pods cost each packet now",
	.text = "Counted by the kernel itself, for a moment: while it counts, each "
		"program of this\nmachine costs it two looks at the clock more. Packets, "
		"nanoseconds of a packet in\nthe mean, and the highest mean of a tenth of "
		"a second. The kernel keeps sums and\nno histogram. Needs root and Linux "
		"5.8; nothing is added to the programs.",
	.opts = runtime_opts,
	.fn = cmd_slo_runtime,
};
