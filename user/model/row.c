/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * row.c - distinct sets of predicate bits, each stored once in the kernel.
 *
 * A row never changes while something can reach it: another set of bits is
 * another row. Row 0 is the empty set and always there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

static uint32_t significant(const uint64_t *bits)
{
	uint32_t words = WD_ROW_WORDS;

	while (words > 0 && bits[words - 1] == 0)
		words--;
	return words;
}

int row_get(struct wd_model *m, const uint64_t *bits, uint32_t *ret_id)
{
	uint32_t words = significant(bits);
	struct mrow *row;
	int64_t id;

	if (words == 0) {
		*ret_id = 0;
		return 0;
	}
	HASH_FIND(hh, m->rows, bits, words * sizeof(*bits), row);
	if (!row) {
		id = array_get(m, WD_MAP_wd_row, 1);
		if (id < 0)
			return (int)id;
		row = wd_xcalloc(1, sizeof(*row) + words * sizeof(*bits));
		row->id = (uint32_t)id;
		row->words = words;
		memcpy(row->bits, bits, words * sizeof(*bits));
		memset(&m->sink.row[id], 0, sizeof(m->sink.row[id]));
		memcpy(m->sink.row[id].bits, bits, words * sizeof(*bits));
		m->row_by_id[id] = row;
		HASH_ADD_KEYPTR(hh, m->rows, row->bits, words * sizeof(*bits),
				row);
	}
	row->refs++;
	*ret_id = row->id;
	return 0;
}

void row_ref(struct wd_model *m, uint32_t id)
{
	if (id)
		m->row_by_id[id]->refs++;
}

void row_put(struct wd_model *m, uint32_t id)
{
	struct mrow *row = m->row_by_id[id];

	if (id == 0 || --row->refs > 0)
		return;
	HASH_DELETE(hh, m->rows, row);
	m->row_by_id[id] = NULL;
	wd_alloc_put(&m->row_alloc, id, 1);
	free(row);
}
