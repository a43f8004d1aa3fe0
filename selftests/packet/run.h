/* SPDX-License-Identifier: GPL-2.0-only */
/* run.h - what world.c tells run.c; the rest of run.c is in world.h. */
#ifndef WARDER_SELFTESTS_RUN_H
#define WARDER_SELFTESTS_RUN_H

struct bpf_object;

/** run_open() - the programs to run from now on, loaded */
void run_open(const struct bpf_object *obj);

#endif /* WARDER_SELFTESTS_RUN_H */
