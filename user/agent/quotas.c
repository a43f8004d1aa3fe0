/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * quotas.c - two models of the same objects, without a pod to guard: one has the
 * quotas and says what they have no room for, the other has none and says what
 * all would take.
 */
#include "quotas.h"

#include <stdlib.h>
#include <string.h>

#include "../model/model.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "beyond.h"

enum {
	LIMITED,
	FREE,
	MODELS,
};

struct wd_quotas {
	struct wd_store *store;
	struct wd_model *model[MODELS];
	struct wd_sink sink[MODELS];
};

struct telling {
	const struct wd_store *store;
	struct wd_problems *list;
};

static void changed(void *ctx, const struct wd_object *was,
		    const struct wd_object *now)
{
	const struct wd_quotas *quotas = ctx;

	for (int i = 0; i < MODELS; i++)
		wd_model_changed(quotas->model[i], was, now);
}

struct wd_quotas *wd_quotas_new(const uint32_t quota[WD_QUOTA__MAX])
{
	struct wd_quotas *quotas = wd_xcalloc(1, sizeof(*quotas));
	struct wd_model_config config = { .node = "" };

	quotas->store = wd_store_new(changed, quotas);
	for (int i = 0; i < MODELS; i++) {
		struct wd_sink *sink = &quotas->sink[i];

		wd_sink_nowhere(sink);
		wd_sink_tables(sink);
		memset(config.quota, 0, sizeof(config.quota));
		if (i == LIMITED)
			memcpy(config.quota, quota, sizeof(config.quota));
		quotas->model[i] = wd_model_new(quotas->store, sink, &config);
	}
	return quotas;
}

void wd_quotas_free(struct wd_quotas *quotas)
{
	if (!quotas)
		return;
	for (int i = 0; i < MODELS; i++) {
		wd_model_free(quotas->model[i]);
		wd_sink_tables_free(&quotas->sink[i]);
	}
	wd_store_free(quotas->store);
	free(quotas);
}

struct wd_store *wd_quotas_store(struct wd_quotas *quotas)
{
	return quotas->store;
}

static void tell(void *ctx, const struct wd_over *over)
{
	const struct telling *telling = ctx;

	wd_beyond_tell(telling->store, over, telling->list);
}

int wd_quotas_judge(struct wd_quotas *quotas, struct wd_problems *ret_list)
{
	struct telling telling = { quotas->store, ret_list };

	for (int i = 0; i < MODELS; i++) {
		int err = wd_model_commit(quotas->model[i], NULL);

		if (err)
			return err;
	}
	wd_model_over(quotas->model[LIMITED], tell, &telling);
	return 0;
}

void wd_quotas_each(const struct wd_quotas *quotas,
		    void (*fn)(void *ctx, const char *ns,
			       const uint64_t used[WD_QUOTA__MAX]),
		    void *ctx)
{
	wd_model_quotas(quotas->model[FREE], fn, ctx);
}
