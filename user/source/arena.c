/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * arena.c - memory that lives as long as one document of a manifest. Knows
 * nothing of what is put into it.
 */
#include "arena.h"

#include <stdint.h>
#include <sys/mman.h>

#include "../model/xalloc.h"

#define BLOCK_BYTES ((size_t)1 << 20)
#define ALIGN_BYTES ((size_t)16)

struct wd_arena_block {
	struct wd_arena_block *older;
	size_t size; /* bytes, this head included */
	size_t used;
	size_t pad;
};

static struct wd_arena_block *block_new(size_t need,
					struct wd_arena_block *older)
{
	size_t size = need + sizeof(struct wd_arena_block);
	struct wd_arena_block *block;

	size = (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
	block = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (block == MAP_FAILED)
		wd_xfail();
	block->older = older;
	block->size = size;
	block->used = sizeof(*block);
	return block;
}

void *wd_arena_get(struct wd_arena *arena, size_t size)
{
	struct wd_arena_block *block = arena->block;
	uint8_t *at;

	size = (size + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
	if (!block || block->size - block->used < size) {
		block = block_new(size, block);
		arena->block = block;
	}
	at = (uint8_t *)block + block->used;
	block->used += size;
	return at;
}

void wd_arena_reset(struct wd_arena *arena)
{
	struct wd_arena_block *block = arena->block;

	while (block && (block->older || block->size > BLOCK_BYTES)) {
		struct wd_arena_block *older = block->older;

		(void)munmap(block, block->size);
		block = older;
	}
	if (block)
		block->used = sizeof(*block);
	arena->block = block;
}

void wd_arena_fini(struct wd_arena *arena)
{
	wd_arena_reset(arena);
	if (arena->block)
		(void)munmap(arena->block, arena->block->size);
	arena->block = NULL;
}
