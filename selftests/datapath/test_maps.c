// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_maps.c - entries, counters and what is told of the maps.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/byteorder.h"
#include "datapath/internal.h"
#include "rig.h"
#include "tap.h"

static void begin(void)
{
	wd_datapath_no_tcx = false;
	rig.dp = wd_fx_open();
	wd_expect(rig.dp);
}

static void end(void)
{
	wd_datapath_close(rig.dp);
	rig.dp = NULL;
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
}

static void every_map_tells_its_type_use_and_memory(void)
{
	struct wd_addr_val addr = { .identity = 5 };
	struct wd_map_info info;

	begin();
	for (uint32_t i = 1; i <= 5000; i++) {
		struct wd_addr6_key key = { { 0 } };

		memcpy(&key.addr[3], &i, sizeof(i));
		if (wd_map_set(rig.dp, WD_MAP_wd_addr6, &key, &addr))
			wd_expect(false);
	}
	for (int i = 0; i < WD_MAP__MAX; i++) {
		wd_test_row(wd_map_names[i]);
		if (!wd_expect_int(0,
				   wd_map_info(rig.dp, (enum wd_map)i, &info)))
			continue;
		wd_expect_str(wd_map_names[i], info.name);
		wd_expect(strlen(info.help) > 10 && strlen(info.type) > 3);
		wd_expect(strncmp(info.type, "type ", 5)); /* has a name */
		/* a trie without a node takes nothing */
		wd_expect(info.bytes > 0 || !strcmp(info.type, "lpm_trie"));
		wd_expect(info.max > 0);
		if (i == WD_MAP_wd_addr6)
			wd_expect_int(5000, info.used);
		else if (!strcmp(info.type, "hash") ||
			 !strcmp(info.type, "lpm_trie"))
			wd_expect_int(0, info.used);
	}
	end();
}

/* ---- the epoch of what programs keep ---- */

static uint64_t epoch(void)
{
	const struct wd_state_val *state = wd_map_mem(rig.dp, WD_MAP_wd_state);

	return state->epoch;
}

/* Even, and one that has not been before. */
static bool is_next(uint64_t *last)
{
	uint64_t before = *last;

	*last = epoch();
	return *last > before && !(*last & 1);
}

static void each_write_of_what_programs_keep_begins_an_epoch(void)
{
	static const enum wd_map kept[] = { WD_MAP_wd_addr4, WD_MAP_wd_addr6,
					    WD_MAP_wd_tun4, WD_MAP_wd_tun6,
					    WD_MAP_wd_wire };
	static const uint32_t key[8] = { 1 };
	static const uint8_t val[256];
	uint64_t last = 0;

	begin();
	wd_expect_int(0, epoch());
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++) {
		wd_test_row(wd_map_names[kept[i]]);
		wd_expect_int(0, wd_map_set(rig.dp, kept[i], key, val));
		wd_expect(is_next(&last));
		wd_expect_int(0, wd_map_del(rig.dp, kept[i], key));
		wd_expect(is_next(&last));
		/* nobody looks whether there was anything to write */
		wd_expect_int(0, wd_map_del(rig.dp, kept[i], key));
		wd_expect(is_next(&last));
	}
	wd_test_row(NULL);
	end();
}

static void a_write_that_fails_begins_one_too(void)
{
	const struct wd_cidr4_key none = { .prefixlen = 33 };
	const struct wd_tun_val val = { 1, 1 };
	uint64_t last = 0;

	begin();
	wd_expect(wd_map_set(rig.dp, WD_MAP_wd_tun4, &none, &val) < 0);
	wd_expect(is_next(&last));
	wd_expect(wd_map_del(rig.dp, WD_MAP_wd_tun4, &none) < 0);
	wd_expect(is_next(&last));
	end();
}

/* Odd: programs keep nothing until the next one has written something. */
static void who_died_while_it_wrote_leaves_it_odd_for_the_next(void)
{
	const struct wd_wire_val val = { .kind = WD_WIRE_OUT };
	const uint32_t ifindex = 1;
	struct wd_state_val *state;
	uint64_t last = 77;

	begin();
	state = wd_map_mem(rig.dp, WD_MAP_wd_state);
	state->epoch = last;
	wd_datapath_close(rig.dp);
	rig.dp = wd_fx_open();
	if (!wd_expect(rig.dp))
		return;
	wd_expect_int(77, epoch());
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_wire, &ifindex, &val));
	wd_expect(is_next(&last));
	end();
}

static void other_tables_have_no_epoch(void)
{
	const struct wd_cidr4_key net = { .prefixlen = 8 };
	const struct wd_net_val val = { 0 };

	begin();
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_net4, &net, &val));
	wd_expect_int(0, wd_map_del(rig.dp, WD_MAP_wd_net4, &net));
	wd_datapath_publish(rig.dp, 5);
	wd_expect_int(0, epoch());
	end();
}

static void keys_of_a_map_are_walked_to_the_end(void)
{
	struct wd_addr_val val = { .identity = 1 };
	struct wd_cidr4_key key, next;
	int cnt = 0, err;

	begin();
	wd_expect_int(-ENOENT,
		      wd_map_next(rig.dp, WD_MAP_wd_cidr4, NULL, &next));
	for (uint32_t bits = 1; bits <= 32; bits++) {
		key = (struct wd_cidr4_key){ .prefixlen = bits };
		wd_expect_int(0,
			      wd_map_set(rig.dp, WD_MAP_wd_cidr4, &key, &val));
	}
	err = wd_map_next(rig.dp, WD_MAP_wd_cidr4, NULL, &next);
	while (!err && cnt < 100) {
		key = next;
		cnt++;
		err = wd_map_next(rig.dp, WD_MAP_wd_cidr4, &key, &next);
	}
	wd_expect_int(-ENOENT, err);
	wd_expect_int(32, cnt);
	end();
}

/* Of the pod's own numbers; each policy sends one datagram out. */
static void counters_say_what_became_of_packets(void)
{
	struct wd_stat_val none, some;
	struct wd_epstat_val ep;

	if (rig_begin(false)) {
		wd_expect_int(0, rig_attach());
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, wd_stat_read(rig.dp, WD_R_DEFAULT, WD_EGRESS,
					      &none));
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(0, wd_stat_read(rig.dp, WD_R_DEFAULT, WD_EGRESS,
					      &some));
		wd_expect_int(1, (long long)(some.packets - none.packets));
		/* Ethernet, IP, UDP and the question's number */
		wd_expect_int(14 + 20 + 8 + 4,
			      (long long)(some.bytes - none.bytes));
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_ALLOW);
		wd_expect(wd_fx_gets_out(&rig.pod));
		wd_expect_int(0, wd_epstat_read(rig.dp, 0, &ep));
		/* the pod's kernel may have sent a report (IGMP) as well */
		wd_expect(ep.drop[WD_EGRESS].packets >= 1);
		wd_expect(ep.allow[WD_EGRESS].packets >= 1);
		wd_expect_int(0, (long long)ep.audit[WD_EGRESS].packets);
		wd_expect_int(0, wd_epstat_reset(rig.dp, 0));
		wd_expect_int(0, wd_epstat_read(rig.dp, 0, &ep));
		wd_expect(!ep.drop[WD_EGRESS].packets);
		wd_expect(ep.allow[WD_EGRESS].packets <= 1);
	}
	rig_end();
}

/* Beside those of programs: entries of every CPU, more than one batch. */
#define COVERS 3000

static struct wd_stat_val covered;
static uint32_t cover_cnt;

static int sum_cover(void *ctx, const struct wd_cover_key *key,
		     const struct wd_stat_val *val)
{
	const uint32_t *stop_at = ctx;

	wd_expect_int(key->ns[0] + 1, key->ns[1]);
	wd_expect_int((long long)key->ns[0] * rig.dp->cpus,
		      (long long)val->packets);
	covered.packets += val->packets;
	covered.bytes += val->bytes;
	return ++cover_cnt == *stop_at ? -ECANCELED : 0;
}

static int read_cover(uint32_t stop_at)
{
	covered = (struct wd_stat_val){ 0 };
	cover_cnt = 0;
	return wd_cover_read(rig.dp, sum_cover, &stop_at);
}

static void what_was_encrypted_is_summed_over_all_cpus(void)
{
	struct wd_cover_key key = { .kind = WD_COVER_CLEAR, .family = 6 };
	struct wd_stat_val *val;
	uint64_t packets = 0;
	uint32_t number;

	begin();
	number = wd_map_number(rig.dp, WD_MAP_wd_cover);
	wd_expect(number > 0);
	wd_expect_int(0, read_cover(0));
	wd_expect_int(0, cover_cnt);
	val = calloc((size_t)rig.dp->cpus, sizeof(*val));
	for (uint32_t i = 1; val && i <= COVERS; i++) {
		key.ns[0] = i;
		key.ns[1] = i + 1;
		for (int cpu = 0; cpu < rig.dp->cpus; cpu++)
			val[cpu] = (struct wd_stat_val){ .packets = i,
							 .bytes = 1 };
		packets += (uint64_t)i * (uint64_t)rig.dp->cpus;
		if (wd_map_set(rig.dp, WD_MAP_wd_cover, &key, val))
			wd_expect(false);
	}
	free(val);
	wd_expect_int(0, read_cover(0));
	wd_expect_int(COVERS, cover_cnt);
	wd_expect_int((long long)packets, (long long)covered.packets);
	wd_expect_int((long long)COVERS * rig.dp->cpus,
		      (long long)covered.bytes);
	wd_expect_int(-ECANCELED, read_cover(5));
	wd_expect_int(5, cover_cnt);
	/* an agent that comes after sees the same map, and a new one is another */
	wd_datapath_close(rig.dp);
	rig.dp = wd_fx_open();
	wd_expect_int(number, wd_map_number(rig.dp, WD_MAP_wd_cover));
	wd_expect_int(0, read_cover(0));
	wd_expect_int(COVERS, cover_cnt);
	end();
	begin();
	wd_expect(wd_map_number(rig.dp, WD_MAP_wd_cover) != number);
	end();
}

static void events_are_counted_for_who_listens(void)
{
	struct wd_evstat_val before, after;
	struct wd_state_val *state;

	if (rig_begin(false)) {
		wd_expect_int(0, rig_attach());
		wd_fx_policy(rig.dp, &rig.pod, WD_FX_DENY);
		wd_expect_int(0, wd_evstat_read(rig.dp, &before));
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(0, wd_evstat_read(rig.dp, &after));
		wd_expect_int(0, (long long)(after.sent - before.sent));
		state = wd_map_mem(rig.dp, WD_MAP_wd_state);
		state->monitor = WD_MONITOR_DROP;
		wd_expect(wd_fx_no_way_out(&rig.pod));
		wd_expect_int(0, wd_evstat_read(rig.dp, &after));
		wd_expect(after.sent > before.sent);
		wd_expect_int(0, (long long)(after.lost - before.lost));
	}
	rig_end();
}

/* ---- the copies of wd_endpoint ---- */

#define IFINDEX 7
#define MEETS (IFINDEX + WD_DEVICES) /* has the same cell */

static struct wd_device_val cell(void)
{
	uint32_t at = IFINDEX;
	struct wd_device_val val;

	wd_expect_int(0, wd_map_get(rig.dp, WD_MAP_wd_device, &at, &val));
	return val;
}

static void put_endpoint(uint32_t ifindex, uint32_t id)
{
	struct wd_endpoint_val ep = { .id = id };

	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_endpoint, &ifindex, &ep));
}

static void drop_endpoint(uint32_t ifindex)
{
	wd_expect_int(0, wd_map_del(rig.dp, WD_MAP_wd_endpoint, &ifindex));
}

static uint32_t endpoint_id(uint32_t ifindex)
{
	struct wd_endpoint_val ep;

	return wd_map_get(rig.dp, WD_MAP_wd_endpoint, &ifindex, &ep) ? 0 :
								       ep.id;
}

static void an_endpoint_has_a_copy_as_long_as_it_is_there(void)
{
	begin();
	put_endpoint(IFINDEX, 1);
	wd_expect_int(IFINDEX, cell().ifindex);
	wd_expect_int(1, cell().ep.id);
	put_endpoint(IFINDEX, 2);
	wd_expect_int(2, cell().ep.id);
	drop_endpoint(IFINDEX);
	wd_expect_int(0, cell().ifindex);
	end();
}

static void of_devices_that_meet_the_first_has_the_copy(void)
{
	begin();
	put_endpoint(IFINDEX, 1);
	put_endpoint(MEETS, 2);
	wd_expect_int(IFINDEX, cell().ifindex);
	wd_expect_int(1, endpoint_id(IFINDEX));
	wd_expect_int(2, endpoint_id(MEETS));
	drop_endpoint(MEETS);
	wd_expect_int(IFINDEX, cell().ifindex);
	drop_endpoint(IFINDEX);
	put_endpoint(MEETS, 3);
	wd_expect_int(MEETS, cell().ifindex);
	wd_expect_int(0, endpoint_id(IFINDEX));
	end();
}

/* Programs go by the copy, so it is what drift must be seen in. */
static void what_is_read_is_what_programs_go_by(void)
{
	uint32_t at = IFINDEX;
	struct wd_device_val bad;

	begin();
	put_endpoint(IFINDEX, 1);
	bad = cell();
	bad.ep.id = 99;
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_device, &at, &bad));
	wd_expect_int(99, endpoint_id(IFINDEX));
	put_endpoint(IFINDEX, 1);
	wd_expect_int(1, cell().ep.id);
	end();
}

/* What a crash between two writes may leave behind. */
static void the_next_agent_mends_the_copies(void)
{
	uint32_t at = IFINDEX, other = IFINDEX + 1;
	struct wd_device_val bad;

	begin();
	put_endpoint(IFINDEX, 1);
	bad = cell();
	bad.ep.id = 99; /* an older value */
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_device, &at, &bad));
	bad.ifindex = other; /* one whose entry is gone */
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_device, &other, &bad));
	put_endpoint(IFINDEX + 2, 5);
	bad.ifindex = 0; /* one that was not written yet */
	at = IFINDEX + 2;
	wd_expect_int(0, wd_map_set(rig.dp, WD_MAP_wd_device, &at, &bad));
	wd_datapath_close(rig.dp);
	rig.dp = wd_fx_open();
	wd_expect(rig.dp && wd_datapath_info(rig.dp)->adopted);
	wd_expect_int(1, cell().ep.id);
	wd_expect_int(0, wd_map_get(rig.dp, WD_MAP_wd_device, &other, &bad));
	wd_expect_int(0, bad.ifindex);
	wd_expect_int(0, wd_map_get(rig.dp, WD_MAP_wd_device, &at, &bad));
	wd_expect_int(IFINDEX + 2, bad.ifindex);
	wd_expect_int(5, bad.ep.id);
	end();
}

/* ---- flows ---- */

static void a_seeded_flow_is_in_the_table_once(void)
{
	struct wd_seed_in seed = { .key = { .ep = 3, .proto = 6, .family = 4 },
				   .life = 100,
				   .dir = WD_EGRESS,
				   .stat = 3 };
	static const __be32 own[4];
	uint32_t cnt;

	begin();
	wd_expect_int(0, wd_flow_count(rig.dp));
	wd_expect_int(0, wd_flow_seed(rig.dp, &seed, own));
	wd_expect_int(0, wd_flow_seed(rig.dp, &seed, own));
	wd_expect_int(1, wd_flow_count(rig.dp));
	for (cnt = 1; cnt < WD_FLOW_SHARE; cnt++) {
		seed.key.lport = wd_be16((uint16_t)cnt);
		if (wd_flow_seed(rig.dp, &seed, own))
			break;
	}
	wd_expect_int(WD_FLOW_SHARE, cnt);
	seed.key.pport = wd_be16(1);
	wd_expect_int(-ENOSPC, wd_flow_seed(rig.dp, &seed, own));
	wd_expect_int(WD_FLOW_SHARE, wd_flow_count(rig.dp));
	end();
}

struct heard {
	int cnt;
	struct wd_flow_times times;
};

static void hear(void *ctx, const struct wd_flow_entry *flow,
		 const struct wd_flow_times *times)
{
	struct heard *heard = ctx;

	wd_expect_int(4, flow->key.family);
	heard->cnt++;
	heard->times = *times;
}

/* Let every flow end @ticks earlier. */
static void age(uint32_t ticks)
{
	size_t bytes =
		rig.dp->shape[WD_MAP_wd_flow].max * sizeof(struct wd_bucket);
	struct wd_bucket *bucket = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
					MAP_SHARED,
					wd_map_fd(rig.dp, WD_MAP_wd_flow), 0);

	wd_expect(bucket != MAP_FAILED);
	for (size_t i = 0; i < bytes / sizeof(*bucket) * WD_FLOW_WAYS; i++)
		if (bucket[i / WD_FLOW_WAYS].expires[i % WD_FLOW_WAYS])
			bucket[i / WD_FLOW_WAYS].expires[i % WD_FLOW_WAYS] -=
				ticks;
	(void)munmap(bucket, bytes);
}

static void a_flow_that_ended_is_told_of_to_who_asks(void)
{
	struct wd_seed_in seed = {
		.key = { .ep = 1,
			 .proto = 6,
			 .family = 4,
			 .peer = { 0, 0, 0, wd_be32(9) } },
		.life = WD_LIFE_TCP,
		.dir = WD_INGRESS,
	};
	const __be32 own[4] = { wd_be32(1) };
	struct heard heard = { 0 };

	begin();
	wd_expect_int(0, wd_flow_seed(rig.dp, &seed, own));
	wd_expect_int(0, wd_flow_read(WD_FX_BPFFS, hear, &heard));
	wd_expect_int(1, heard.cnt);
	wd_expect(heard.times.left_s > 0 && heard.times.idle_s <= 2);
	age(1000);
	wd_expect_int(0, wd_flow_read(WD_FX_BPFFS, hear, &heard));
	wd_expect_int(2, heard.cnt);
	wd_expect(heard.times.idle_s >= 700 && heard.times.idle_s <= 1510);
	age(WD_LIFE_TCP);
	wd_expect_int(0, wd_flow_read(WD_FX_BPFFS, hear, &heard));
	wd_expect_int(2, heard.cnt);
	wd_expect_int(0, wd_flow_read_dead(WD_FX_BPFFS, hear, &heard));
	wd_expect_int(3, heard.cnt);
	wd_expect_int(0, heard.times.left_s);
	end();
}

/* In a child: everything that the model writes by is written over. */
static void spoil(void)
{
	static const enum wd_map maps[] = { WD_MAP_wd_state, WD_MAP_wd_row,
					    WD_MAP_wd_slot,  WD_MAP_wd_span,
					    WD_MAP_wd_class, WD_MAP_wd_quota };
	const struct wd_row_val *row;

	if (wd_datapath_let_go(rig.dp))
		_exit(1);
	row = wd_map_window(rig.dp, WD_MAP_wd_row);
	if (row[3].bits[0] != 0x55)
		_exit(2); /* what was there is there */
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++) {
		if (wd_map_reach(rig.dp, maps[i], 0,
				 rig.dp->shape[maps[i]].max))
			_exit(3);
		memset(wd_map_window(rig.dp, maps[i]), 0xee,
		       (size_t)rig.dp->shape[maps[i]].max *
			       rig.dp->shape[maps[i]].value_size);
	}
	_exit(wd_map_fd(rig.dp, WD_MAP_wd_row) < 0 ? 0 : 4);
}

static void who_let_go_writes_nothing_that_programs_see(void)
{
	struct wd_row_val *row, seen;
	struct wd_state_val state;
	uint32_t key = 3, zero = 0;
	int status = -1;
	pid_t pid;

	begin();
	wd_expect_int(0, wd_map_reach(rig.dp, WD_MAP_wd_row, key, 1));
	row = wd_map_window(rig.dp, WD_MAP_wd_row);
	row[key].bits[0] = 0x55;
	wd_datapath_publish(rig.dp, 9);
	pid = fork();
	if (!pid)
		spoil();
	wd_expect_int(pid, waitpid(pid, &status, 0));
	wd_expect_int(0, status);
	wd_expect_int(0, bpf_map_lookup_elem(wd_map_fd(rig.dp, WD_MAP_wd_row),
					     &key, &seen));
	wd_expect_int(0x55, (long long)seen.bits[0]);
	wd_expect_int(0, bpf_map_lookup_elem(wd_map_fd(rig.dp, WD_MAP_wd_state),
					     &zero, &state));
	wd_expect_int(9, state.gen);
	row[key].bits[0] = 0x66; /* the parent's window is as before */
	wd_expect_int(0, bpf_map_lookup_elem(wd_map_fd(rig.dp, WD_MAP_wd_row),
					     &key, &seen));
	wd_expect_int(0x66, (long long)seen.bits[0]);
	end();
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(every_map_tells_its_type_use_and_memory);
	WD_TEST(each_write_of_what_programs_keep_begins_an_epoch);
	WD_TEST(a_write_that_fails_begins_one_too);
	WD_TEST(who_died_while_it_wrote_leaves_it_odd_for_the_next);
	WD_TEST(other_tables_have_no_epoch);
	WD_TEST(keys_of_a_map_are_walked_to_the_end);
	WD_TEST(counters_say_what_became_of_packets);
	WD_TEST(what_was_encrypted_is_summed_over_all_cpus);
	WD_TEST(events_are_counted_for_who_listens);
	WD_TEST(an_endpoint_has_a_copy_as_long_as_it_is_there);
	WD_TEST(of_devices_that_meet_the_first_has_the_copy);
	WD_TEST(what_is_read_is_what_programs_go_by);
	WD_TEST(the_next_agent_mends_the_copies);
	WD_TEST(a_seeded_flow_is_in_the_table_once);
	WD_TEST(a_flow_that_ended_is_told_of_to_who_asks);
	WD_TEST(who_let_go_writes_nothing_that_programs_see);
	return wd_tests_end();
}
