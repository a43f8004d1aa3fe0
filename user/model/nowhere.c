/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nowhere.c - a sink for models that are only asked: entries that no program
 * looks up are not kept, the model remembers them itself.
 */
#include "model.h"

static int set(void *ctx, enum wd_map map, const void *key, const void *val)
{
	(void)ctx;
	(void)map;
	(void)key;
	(void)val;
	return 0;
}

static int del(void *ctx, enum wd_map map, const void *key)
{
	(void)ctx;
	(void)map;
	(void)key;
	return 0;
}

static void publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	(void)gen;
}

void wd_sink_nowhere(struct wd_sink *ret_sink)
{
	*ret_sink = (struct wd_sink){
		.set = set,
		.del = del,
		.publish = publish,
	};
}
