// SPDX-License-Identifier: GPL-2.0-only
/* drops.c - the pinned counters, read and subtracted. */
#include "drops.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <warder/abi.h>

#include "base/names.h"
#include "datapath/fixture.h"
#include "site.h"

struct counts {
	uint64_t packets[WD_R__MAX][WD_DIR__MAX];
};

static struct counts marked[SITE_NODES];

static uint64_t sum_of(int fd, uint32_t key, struct wd_stat_val *val, int cpus)
{
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(fd, &key, val))
		return 0;
	for (int i = 0; i < cpus; i++)
		sum += val[i].packets;
	return sum;
}

/* All zero where there is no map. */
static void read_counts(int n, struct counts *ret)
{
	int cpus = libbpf_num_possible_cpus(), fd;
	struct wd_stat_val *val = NULL;
	char path[128];

	memset(ret, 0, sizeof(*ret));
	(void)snprintf(path, sizeof(path),
		       WD_FX_ROOT "/%s/bpf/warder/maps/wd_stat",
		       site_node[n].name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	if (cpus > 0)
		val = calloc((size_t)cpus, sizeof(*val));
	for (uint32_t r = WD_R_FIRST_DROP; val && r < WD_R__MAX; r++)
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++)
			ret->packets[r][dir] =
				sum_of(fd, r * 2 + dir, val, cpus);
	free(val);
	close(fd);
}

void drops_mark(void)
{
	for (int n = 0; n < SITE_NODES; n++)
		read_counts(n, &marked[n]);
}

static void show(int n, const struct counts *now)
{
	for (uint32_t r = WD_R_FIRST_DROP; r < WD_R__MAX; r++)
		for (uint32_t dir = 0; dir < WD_DIR__MAX; dir++) {
			uint64_t was = marked[n].packets[r][dir];

			if (now->packets[r][dir] > was)
				printf("# %s: since the test began %ju dropped, %s, %s\n",
				       site_node[n].name,
				       (uintmax_t)(now->packets[r][dir] - was),
				       wd_reason_name(r),
				       dir == WD_INGRESS ? "ingress" :
							   "egress");
		}
}

void drops_show(void)
{
	static struct counts now;

	for (int n = 0; n < SITE_NODES; n++) {
		read_counts(n, &now);
		show(n, &now);
	}
}
