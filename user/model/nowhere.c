/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nowhere.c - a sink for models that are only asked: entries that no program
 * looks up are not kept, the model remembers them itself.
 */
#include "model.h"

#include <stdlib.h>

#include "xalloc.h"

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

void wd_sink_tables(struct wd_sink *sink)
{
	sink->row = wd_xcalloc(WD_ROWS_MAX, sizeof(*sink->row));
	sink->slot = wd_xcalloc((size_t)2 * WD_SLOTS_MAX, sizeof(*sink->slot));
	sink->span = wd_xcalloc(WD_SPANS_MAX, sizeof(*sink->span));
	sink->class = wd_xcalloc(WD_CLASSES_MAX, sizeof(*sink->class));
}

void wd_sink_tables_free(struct wd_sink *sink)
{
	free(sink->row);
	free(sink->slot);
	free(sink->span);
	free(sink->class);
}
