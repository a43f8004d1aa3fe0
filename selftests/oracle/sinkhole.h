/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sinkhole.h - a sink of the model that keeps arrays in memory and forgets
 * entries, for models that are only asked.
 */
#ifndef WARDER_SELFTESTS_SINKHOLE_H
#define WARDER_SELFTESTS_SINKHOLE_H

#include "model/model.h"

struct wd_sinkhole {
	uint32_t fail_in; /* calls until one fails, 0 never */
};

/** wd_sinkhole_open() - arrays of its own; @hole outlives it */
struct wd_sink wd_sinkhole_open(struct wd_sinkhole *hole);

void wd_sinkhole_close(struct wd_sink *sink);

#endif /* WARDER_SELFTESTS_SINKHOLE_H */
