/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * top_rules.h - the rules that decide about most packets, from one look to the next.
 */
#ifndef WARDER_CMD_TOP_RULES_H
#define WARDER_CMD_TOP_RULES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;
struct wd_args;
struct wd_top_count;

/* What was seen until now; {} at first. The agent keeps nothing of it. */
struct wd_top_rules {
	struct wd_top_count *count; /* by id */
	size_t cnt;
	int64_t tick; /* of the agent's clock, of the last look; 0: unknown */
	struct json_object *named; /* the agent's rules of the most hit */
	uint32_t *named_id; /* whose they are */
	struct json_object *answer; /* the last one */
};

/**
 * wd_top_rules_look() - ask the agent what was hit since the last look
 * Return: an exit code; it has said what failed.
 */
int wd_top_rules_look(const struct wd_args *args, struct wd_top_rules *rules);

/**
 * wd_top_rules_put() - "rules", the most hit first, and "rules_not_counted"
 * @seconds: between the last two looks, 0 there was one only
 */
void wd_top_rules_put(const struct wd_top_rules *rules, double seconds,
		      struct json_object *doc);

/** wd_top_rules_print() - of the document, in 80 columns */
void wd_top_rules_print(FILE *to, struct json_object *doc);

void wd_top_rules_fini(struct wd_top_rules *rules);

#endif /* WARDER_CMD_TOP_RULES_H */
