/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pins.c - the pins as a whole: whose they are, and whether they are there.
 *
 * One directory of pins serves one agent; a lock on it, which ends with the
 * process, says that somebody is at it. Whoever deletes pins takes nothing out
 * of force at once (the agent holds the maps and programs), but the next agent
 * would begin with nothing: so they are looked at and made again.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "internal.h"

int wd_pins_lock(struct wd_datapath *dp)
{
	int fd = open(dp->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err;

	if (fd < 0)
		return wd_fail(dp, -errno, WD_STAGE_BPFFS, "cannot open '%s'",
			       dp->dir);
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		dp->lock_fd = fd;
		return 0;
	}
	err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	close(fd);
	return wd_fail(dp, err, WD_STAGE_BPFFS,
		       "'%s' serves another agent that is running; one more "
		       "needs a --bpffs of its own",
		       dp->dir);
}

void wd_datapath_unlock(struct wd_datapath *dp)
{
	if (dp->lock_fd >= 0)
		close(dp->lock_fd);
	dp->lock_fd = -1;
}

/* Is the map or program with @id pinned at @path? */
static bool is_pinned(const char *path, uint32_t id, bool is_map)
{
	struct bpf_prog_info info;
	int fd = bpf_obj_get(path);
	bool same;

	if (fd < 0)
		return false;
	if (is_map)
		same = wd_map_id(fd) == id;
	else
		same = !wd_prog_info(fd, &info) && info.id == id;
	close(fd);
	return same;
}

static int repin(const char *path, int fd, uint32_t id, bool is_map,
		 int *ret_found)
{
	if (is_pinned(path, id, is_map))
		return 0;
	++*ret_found;
	return wd_pin(fd, path);
}

int wd_repin_prog(const char *path, int fd, uint32_t id, int *ret_found)
{
	return repin(path, fd, id, false, ret_found);
}

static int repin_map(struct wd_datapath *dp, size_t map, int *ret_found)
{
	char path[WD_PATH_MAX];

	if (dp->map_fd[map] < 0)
		return 0; /* an optional one: not made */
	wd_pin_path(path, dp->dir, "maps", wd_map_names[map]);
	return repin(path, dp->map_fd[map], dp->map_id[map], true, ret_found);
}

int wd_datapath_repin(struct wd_datapath *dp, int *ret_found)
{
	char path[WD_PATH_MAX];
	size_t i;
	int err;

	*ret_found = 0;
	if (dp->info.beside || dp->memory)
		return 0; /* the pins are those of the set in force */
	err = wd_bpffs_open(dp);
	for (i = 0; !err && i < WD_MAP__MAX; i++) {
		if (i != WD_MAP_wd_state)
			err = repin_map(dp, i, ret_found);
	}
	if (!err) /* last: it makes the others a set */
		err = repin_map(dp, WD_MAP_wd_state, ret_found);
	for (i = 0; !err && i < WD_DIR__MAX; i++) {
		wd_pin_path(path, dp->dir, "progs", wd_prog_names[i]);
		err = wd_repin_prog(path, dp->prog_fd[i], dp->info.prog_id[i],
				    ret_found);
	}
	return err ? err : wd_wire_repin(dp, ret_found);
}
