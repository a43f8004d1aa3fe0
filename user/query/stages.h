/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stages.h - the steps by which one hook comes to what it says, in the order of
 * the programs. Tells; decides nothing.
 */
#ifndef WARDER_STAGES_H
#define WARDER_STAGES_H

#include "inquiry_int.h"

/**
 * stages_put() - objects (stage, outcome, text) into @array
 * "rules" has the list of the class besides: id, action, holds, wins, rule.
 * Nothing is put for a hook that does not judge here.
 */
void stages_put(const struct question *q, enum wd_dir dir,
		struct json_object *array);

#endif /* WARDER_STAGES_H */
