// SPDX-License-Identifier: GPL-2.0-only
#include "sinkhole.h"

#include <errno.h>
#include <stdlib.h>

#include "model/xalloc.h"

static bool fails(struct wd_sinkhole *m)
{
	if (!m->fail_in)
		return false;
	m->fail_in--;
	return m->fail_in == 0;
}

static int hole_set(void *ctx, enum wd_map map, const void *key,
		    const void *val)
{
	(void)map;
	(void)key;
	(void)val;
	return fails(ctx) ? -ENOMEM : 0;
}

static int hole_del(void *ctx, enum wd_map map, const void *key)
{
	(void)map;
	(void)key;
	return fails(ctx) ? -ENOMEM : 0;
}

static void hole_publish(void *ctx, uint32_t gen)
{
	(void)ctx;
	(void)gen;
}

struct wd_sink wd_sinkhole_open(struct wd_sinkhole *hole)
{
	return (struct wd_sink){
		.ctx = hole,
		.set = hole_set,
		.del = hole_del,
		.publish = hole_publish,
		.row = wd_xcalloc(WD_ROWS_MAX, sizeof(struct wd_row_val)),
		.slot = wd_xcalloc(2 * WD_SLOTS_MAX,
				   sizeof(struct wd_slot_val)),
		.span = wd_xcalloc(WD_SPANS_MAX, sizeof(struct wd_span_val)),
		.class =
			wd_xcalloc(WD_CLASSES_MAX, sizeof(struct wd_class_val)),
	};
}

void wd_sinkhole_close(struct wd_sink *sink)
{
	free(sink->row);
	free(sink->slot);
	free(sink->span);
	free(sink->class);
}
