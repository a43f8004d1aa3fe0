/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.h - memory that lives as long as one document of a manifest.
 *
 * A big document leaves no holes in the heap of an agent that runs for months:
 * blocks are mapped, handed out front to back, and given back at once.
 */
#ifndef WARDER_ARENA_H
#define WARDER_ARENA_H

#include <stddef.h>

struct wd_arena_block;

/* Zero to begin. */
struct wd_arena {
	struct wd_arena_block *block;
};

/** wd_arena_get() - @size bytes, aligned for any object, not zeroed; out of memory ends the program */
void *wd_arena_get(struct wd_arena *arena, size_t size);

/** wd_arena_reset() - everything handed out ends; one small block stays mapped for the next document */
void wd_arena_reset(struct wd_arena *arena);

/** wd_arena_fini() - everything is given back */
void wd_arena_fini(struct wd_arena *arena);

#endif /* WARDER_ARENA_H */
