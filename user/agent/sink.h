/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink.h - where the model's words go: the maps of this agent's datapath.
 */
#ifndef WARDER_SINK_H
#define WARDER_SINK_H

#include "../model/model.h"

struct wd_agent;

/**
 * wd_sink_of() - the sink of an agent
 *
 * It writes to the maps that are open now; wd_agent_rebind() takes it anew
 * when they are others. @agent stays the caller's and outlives the sink.
 */
struct wd_sink wd_sink_of(struct wd_agent *agent);

#endif /* WARDER_SINK_H */
