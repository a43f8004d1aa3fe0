// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_open.c - loading, adopting and refusing: what is in force is only ever
 * replaced by what was tried, and what cannot be used is not touched.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "datapath/internal.h"
#include "fixture.h"
#include "tap.h"

#define MAPS WD_FX_BPFFS "/maps"
#define PROGS WD_FX_BPFFS "/progs"
#define LINKS WD_FX_BPFFS "/links"

static uint32_t pinned_map(const char *name)
{
	char path[128];
	uint32_t id;
	int fd;

	snprintf(path, sizeof(path), MAPS "/%s", name);
	fd = bpf_obj_get(path);
	id = fd < 0 ? 0 : wd_map_id(fd);
	if (fd >= 0)
		close(fd);
	return id;
}

static uint32_t pinned_prog(const char *name)
{
	struct bpf_prog_info info = { 0 };
	char path[128];
	int fd;

	snprintf(path, sizeof(path), PROGS "/%s", name);
	fd = bpf_obj_get(path);
	if (fd < 0 || wd_prog_info(fd, &info))
		info.id = 0;
	if (fd >= 0)
		close(fd);
	return info.id;
}

static void end(struct wd_datapath *dp)
{
	wd_datapath_close(dp);
	wd_fx_variant = WD_FX_AS_BUILT;
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	wd_expect_int(-1, wd_fx_count(WD_FX_BPFFS));
}

/* ---- a first time ---- */

static void a_first_agent_mounts_loads_and_pins(void)
{
	struct wd_datapath *dp = wd_fx_open();
	const struct wd_datapath_info *info;
	struct stat st;

	if (!wd_expect(dp))
		return;
	info = wd_datapath_info(dp);
	wd_expect(info->mounted);
	wd_expect(!info->adopted);
	wd_expect(!info->swapped);
	wd_expect_int(WD_MAP__MAX, wd_fx_count(MAPS));
	wd_expect_int(2, wd_fx_count(PROGS));
	wd_expect_int(0, wd_fx_count(LINKS));
	wd_expect_int(info->prog_id[WD_INGRESS], pinned_prog(WD_PROG_IN));
	wd_expect_int(info->prog_id[WD_EGRESS], pinned_prog(WD_PROG_OUT));
	wd_expect(info->verified_insns[0] > 0);
	wd_expect_int(16, (long long)strlen(info->tag[0]));
	wd_expect_int(0, stat(WD_FX_BPFFS, &st));
	wd_expect_int(0700, st.st_mode & 0777);
	end(dp);
}

static void a_new_set_has_its_schema_and_publishes_nothing(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct wd_state_val *state;

	if (!wd_expect(dp))
		return;
	state = wd_map_mem(dp, WD_MAP_wd_state);
	wd_expect_int(WD_SCHEMA, state->schema);
	wd_expect_int(0, state->gen);
	wd_datapath_publish(dp, 5);
	wd_expect_int(5, state->gen);
	end(dp);
}

static void a_bpffs_that_is_there_is_used_and_stays(void)
{
	struct wd_datapath *dp;

	wd_expect_int(0, mount("other", WD_FX_ROOT "/node", "bpf", 0, NULL));
	dp = wd_fx_open();
	if (wd_expect(dp)) {
		wd_expect(!wd_datapath_info(dp)->mounted);
		end(dp);
	}
	wd_expect_int(0, umount(WD_FX_ROOT "/node"));
}

/* ---- the next agent ---- */

static void the_next_agent_adopts_maps_and_programs(void)
{
	struct wd_datapath *dp = wd_fx_open();
	static const struct wd_addr4_key key; /* 0.0.0.0 will do */
	struct wd_addr_val val = { .identity = 77 }, got = { 0 };
	struct wd_datapath_info first;
	uint32_t state_id;

	if (!wd_expect(dp))
		return;
	first = *wd_datapath_info(dp);
	wd_expect_int(0, wd_map_set(dp, WD_MAP_wd_addr4, &key, &val));
	wd_datapath_publish(dp, 8);
	state_id = pinned_map("wd_state");
	wd_datapath_close(dp);

	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(wd_datapath_info(dp)->adopted);
	wd_expect(!wd_datapath_info(dp)->swapped);
	wd_expect(!wd_datapath_info(dp)->mounted);
	wd_expect_int(first.prog_id[0], wd_datapath_info(dp)->prog_id[0]);
	wd_expect_int(first.prog_id[1], wd_datapath_info(dp)->prog_id[1]);
	wd_expect_int(0, wd_map_get(dp, WD_MAP_wd_addr4, &key, &got));
	wd_expect_int(77, got.identity);
	wd_expect_int(
		8,
		((struct wd_state_val *)wd_map_mem(dp, WD_MAP_wd_state))->gen);
	wd_expect_int(state_id, pinned_map("wd_state"));
	end(dp);
}

static void another_version_takes_the_maps_and_pins_its_own_programs(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct wd_datapath_info first;
	uint32_t state_id;

	if (!wd_expect(dp))
		return;
	first = *wd_datapath_info(dp);
	state_id = pinned_map("wd_state");
	wd_datapath_close(dp);

	wd_fx_variant = WD_FX_OTHER_TAG;
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(wd_datapath_info(dp)->adopted);
	wd_expect(strcmp(first.tag[0], wd_datapath_info(dp)->tag[0]));
	wd_expect(first.prog_id[0] != pinned_prog(WD_PROG_IN));
	wd_expect_int(wd_datapath_info(dp)->prog_id[0],
		      pinned_prog(WD_PROG_IN));
	wd_expect_int(wd_datapath_info(dp)->prog_id[1],
		      pinned_prog(WD_PROG_OUT));
	wd_expect_int(state_id, pinned_map("wd_state"));
	end(dp);
}

static void a_program_with_other_maps_is_not_adopted(void)
{
	struct wd_datapath *dp = wd_fx_open();
	uint32_t before;

	if (!wd_expect(dp))
		return;
	before = pinned_prog(WD_PROG_IN);
	wd_datapath_close(dp);
	/* a crash between the maps and the programs of a new set */
	wd_expect_int(0, wd_maps_unpin(WD_FX_BPFFS));
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(!wd_datapath_info(dp)->adopted);
	wd_expect(before != pinned_prog(WD_PROG_IN));
	end(dp);
}

static void a_set_without_its_state_is_no_set(void)
{
	struct wd_datapath *dp = wd_fx_open();
	uint32_t row_id;

	if (!wd_expect(dp))
		return;
	row_id = pinned_map("wd_row");
	wd_datapath_close(dp);
	wd_expect_int(0, unlink(MAPS "/wd_state"));
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(!wd_datapath_info(dp)->adopted);
	wd_expect(pinned_map("wd_row") != row_id);
	wd_expect_int(WD_MAP__MAX, wd_fx_count(MAPS));
	end(dp);
}

static void leftovers_of_a_crash_are_swept(void)
{
	struct wd_datapath *dp = wd_fx_open();
	int fd;

	if (!wd_expect(dp))
		return;
	fd = wd_map_fd(dp, WD_MAP_wd_state);
	wd_expect_int(0, bpf_obj_pin(fd, MAPS "/wd_row~"));
	wd_expect_int(0, bpf_obj_pin(fd, PROGS "/wd_pod_in~"));
	wd_datapath_close(dp);
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(wd_datapath_info(dp)->adopted);
	wd_expect_int(WD_MAP__MAX, wd_fx_count(MAPS));
	wd_expect_int(2, wd_fx_count(PROGS));
	wd_expect_int(0, wd_fx_count(LINKS));
	end(dp);
}

static void a_second_agent_is_refused_while_one_runs(void)
{
	struct wd_datapath *dp = wd_fx_open();

	if (!wd_expect(dp))
		return;
	wd_fx_refused(-EADDRINUSE, "another agent");
	wd_datapath_close(dp);
	dp = wd_fx_open();
	wd_expect(dp);
	end(dp);
}

static void removed_pins_are_found_and_made_again(void)
{
	struct wd_datapath *dp = wd_fx_open();
	int found = 0;

	if (!wd_expect(dp))
		return;
	wd_expect_int(0, wd_datapath_repin(dp, &found));
	wd_expect_int(0, found);
	wd_expect_int(0, unlink(MAPS "/wd_row"));
	wd_expect_int(0, unlink(MAPS "/wd_state"));
	wd_expect_int(0, unlink(PROGS "/wd_pod_out"));
	wd_expect_int(0, bpf_obj_pin(wd_map_fd(dp, WD_MAP_wd_row),
				     PROGS "/wd_pod_out")); /* another thing */
	wd_expect_int(0, wd_datapath_repin(dp, &found));
	wd_expect_int(3, found);
	wd_datapath_close(dp);
	dp = wd_fx_open();
	if (!wd_expect(dp))
		return;
	wd_expect(wd_datapath_info(dp)->adopted);
	end(dp);
}

/* ---- what is refused ---- */

/* The set as it was: the same maps, the same programs. */
struct set {
	uint32_t state, row, in, out;
};

static struct set the_set(void)
{
	return (struct set){ pinned_map("wd_state"), pinned_map("wd_row"),
			     pinned_prog(WD_PROG_IN),
			     pinned_prog(WD_PROG_OUT) };
}

static void expect_untouched(struct set before)
{
	struct set now = the_set();

	wd_expect(!memcmp(&before, &now, sizeof(now)));
}

static void a_program_that_gives_wrong_verdicts_is_refused(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct set before;

	if (!wd_expect(dp))
		return;
	before = the_set();
	wd_datapath_close(dp);
	wd_fx_variant = WD_FX_PASS_ALL;
	wd_fx_refused(-EBADMSG, "golden packet");
	expect_untouched(before);
	end(NULL);
}

static void a_program_that_does_not_verify_is_refused_with_its_log(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct set before;

	if (!wd_expect(dp))
		return;
	before = the_set();
	wd_datapath_close(dp);
	wd_fx_variant = WD_FX_INVALID;
	wd_fx_refused(-EACCES, "the verifier refused the program");
	wd_fx_refused(-EACCES, "invalid read from stack");
	expect_untouched(before);
	end(NULL);
}

static void a_first_agent_with_a_bad_program_leaves_no_set(void)
{
	wd_fx_variant = WD_FX_PASS_ALL;
	wd_fx_refused(-EBADMSG, "golden packet");
	wd_expect_int(0, wd_fx_count(MAPS));
	wd_expect_int(0, wd_fx_count(PROGS));
	end(NULL);
}

/* Pin something else at the name of a map. */
static void replace_pin(const char *path, int fd)
{
	wd_expect(fd >= 0);
	wd_expect_int(0, unlink(path));
	wd_expect_int(0, bpf_obj_pin(fd, path));
	close(fd);
}

/* It opens beside what is pinned, touches nothing of it, and says why. */
static void expect_beside(const char *why)
{
	struct set before = the_set();
	struct wd_datapath *dp = wd_fx_open();

	if (!wd_expect(dp))
		return;
	wd_expect(wd_datapath_info(dp)->beside);
	wd_expect(!wd_datapath_info(dp)->adopted);
	wd_expect_str(why, wd_datapath_info(dp)->misfit);
	wd_expect_int(
		0,
		((struct wd_state_val *)wd_map_mem(dp, WD_MAP_wd_state))->gen);
	wd_datapath_close(dp);
	expect_untouched(before);
}

static void maps_of_another_schema_are_not_touched(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct wd_state_val *state;

	if (!wd_expect(dp))
		return;
	state = wd_map_mem(dp, WD_MAP_wd_state);
	state->schema = WD_SCHEMA + 1;
	wd_datapath_publish(dp, 3);
	wd_datapath_close(dp);
	expect_beside("wd_state has another schema");
	end(NULL);
}

static void maps_of_another_shape_are_not_touched(void)
{
	struct wd_datapath *dp = wd_fx_open();

	if (!wd_expect(dp))
		return;
	wd_datapath_close(dp);
	replace_pin(MAPS "/wd_row", bpf_map_create(BPF_MAP_TYPE_ARRAY, "wd_row",
						   4, 512, 16, NULL));
	expect_beside("wd_row has another shape");
	replace_pin(MAPS "/wd_row", wd_fx_foreign(0));
	expect_beside("wd_row has another shape");
	wd_expect_int(0, unlink(MAPS "/wd_row"));
	expect_beside("wd_row is missing");
	replace_pin(MAPS "/wd_state",
		    bpf_map_create(BPF_MAP_TYPE_ARRAY, "wd_state", 4, 8, 1,
				   NULL));
	expect_beside("wd_state has another schema");
	end(NULL);
}

/* ---- where nothing can be made ---- */

static void a_read_only_directory_is_named(void)
{
	wd_expect_int(0, mount("ro", WD_FX_ROOT "/node", "tmpfs", MS_RDONLY,
			       NULL));
	wd_fx_refused(-EROFS, WD_FX_BPFFS);
	wd_fx_refused(-EROFS, "the file system is read-only");
	wd_expect_int(0, umount(WD_FX_ROOT "/node"));
}

static void a_file_in_the_way_is_named(void)
{
	int fd;

	fd = open(WD_FX_ROOT "/node/bpf", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	wd_expect(fd >= 0);
	close(fd);
	wd_fx_refused(-ENOTDIR, WD_FX_BPFFS);
	wd_expect_int(0, unlink(WD_FX_ROOT "/node/bpf"));
}

static void a_name_that_is_too_long_is_refused(void)
{
	char name[600] = "/mnt/";
	struct wd_datapath *dp = NULL;
	char *error = NULL;

	memset(name + 5, 'x', sizeof(name) - 6);
	wd_expect_int(-ENAMETOOLONG, wd_datapath_open(name, &dp, &error));
	wd_expect(error && strstr(error, "too long"));
	free(error);
	wd_expect_int(-ENAMETOOLONG, wd_datapath_remove(name));
}

static void a_full_map_says_so_and_keeps_what_it_has(void)
{
	struct wd_datapath *dp = wd_fx_open();
	struct wd_endpoint_val ep = { .id = 1 };
	uint32_t i, last = WD_ENDPOINTS_MAX + 1;
	int err = 0;

	if (!wd_expect(dp))
		return;
	for (i = 1; !err && i <= WD_ENDPOINTS_MAX; i++)
		err = wd_map_set(dp, WD_MAP_wd_endpoint, &i, &ep);
	wd_expect_int(0, err);
	wd_expect_int(-E2BIG, wd_map_set(dp, WD_MAP_wd_endpoint, &last, &ep));
	wd_expect_int(-ENOENT, wd_map_get(dp, WD_MAP_wd_endpoint, &last, &ep));
	/* each entry, and its copy in two steps; and the one refused */
	wd_expect_int(3 * WD_ENDPOINTS_MAX + 1,
		      (long long)wd_datapath_writes(dp));
	i = 1;
	wd_expect_int(0, wd_map_del(dp, WD_MAP_wd_endpoint, &i));
	wd_expect_int(0, wd_map_del(dp, WD_MAP_wd_endpoint, &i)); /* again */
	wd_expect_int(0, wd_map_set(dp, WD_MAP_wd_endpoint, &last, &ep));
	end(dp);
}

static void what_is_not_ours_survives_the_end(void)
{
	struct wd_datapath *dp = wd_fx_open();
	int fd = wd_fx_foreign(0);

	if (!wd_expect(dp))
		return;
	wd_datapath_close(dp);
	wd_expect_int(0, bpf_obj_pin(fd, PROGS "/other"));
	close(fd);
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS));
	wd_expect_int(1, wd_fx_count(WD_FX_BPFFS));
	wd_expect_int(1, wd_fx_count(PROGS));
	wd_expect_int(0, unlink(PROGS "/other"));
	end(NULL);
	wd_expect_int(0, wd_datapath_remove(WD_FX_BPFFS)); /* again */
}

int main(void)
{
	wd_fx_enter();
	WD_TEST(a_first_agent_mounts_loads_and_pins);
	WD_TEST(a_new_set_has_its_schema_and_publishes_nothing);
	WD_TEST(a_bpffs_that_is_there_is_used_and_stays);
	WD_TEST(the_next_agent_adopts_maps_and_programs);
	WD_TEST(another_version_takes_the_maps_and_pins_its_own_programs);
	WD_TEST(a_program_with_other_maps_is_not_adopted);
	WD_TEST(a_set_without_its_state_is_no_set);
	WD_TEST(leftovers_of_a_crash_are_swept);
	WD_TEST(a_second_agent_is_refused_while_one_runs);
	WD_TEST(removed_pins_are_found_and_made_again);
	WD_TEST(a_program_that_gives_wrong_verdicts_is_refused);
	WD_TEST(a_program_that_does_not_verify_is_refused_with_its_log);
	WD_TEST(a_first_agent_with_a_bad_program_leaves_no_set);
	WD_TEST(maps_of_another_schema_are_not_touched);
	WD_TEST(maps_of_another_shape_are_not_touched);
	WD_TEST(a_read_only_directory_is_named);
	WD_TEST(a_file_in_the_way_is_named);
	WD_TEST(a_name_that_is_too_long_is_refused);
	WD_TEST(a_full_map_says_so_and_keeps_what_it_has);
	WD_TEST(what_is_not_ours_survives_the_end);
	return wd_tests_end();
}
