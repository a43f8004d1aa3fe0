/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * handover.c - puts one set of maps and programs in place of another.
 *
 *  1. PIN: the new set, whole and with a generation published, is pinned below
 *     next/; its wd_state last, which makes it a set
 *  2. SWITCH: each attachment gets the new program, in place
 *  3. UNPIN: the old set goes; its wd_state last
 *  4. MOVE: the pins of next/ go to their places; wd_state last
 *
 * The old set is in force until 2 begins and the new one when it is done; in
 * between each hook has one or the other, and both are whole. A crash before
 * next/ has its wd_state leaves the old set, and what is there is dropped;
 * after it, the next open goes on from 2, because each step can be repeated.
 * That goes by pins alone, so an agent of any version can do it for another.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

#define NEXT "next"
#define NEXT_MAPS "next/maps"
#define NEXT_PROGS "next/progs"

int (*wd_handover_hook)(enum wd_handover_step step);

/* One set to be let go and one to come. */
struct handover {
	struct wd_datapath *dp;
	struct wd_owner owner; /* of both */
	bool has_old; /* it is still a set */
	struct wd_progs old;
	struct wd_progs next;
};

int wd_handover_at(enum wd_handover_step step)
{
	return wd_handover_hook ? wd_handover_hook(step) : 0;
}

static const char *state_name(void)
{
	return wd_map_names[WD_MAP_wd_state];
}

uint32_t wd_state_id(const char *dir, const char *sub)
{
	char path[WD_PATH_MAX];
	uint32_t id;
	int fd;

	wd_pin_path(path, dir, sub, state_name());
	fd = bpf_obj_get(path);
	if (fd < 0)
		return 0;
	id = wd_map_id(fd);
	close(fd);
	return id;
}

uint32_t wd_handover_state(const char *dir)
{
	return wd_state_id(dir, NEXT_MAPS);
}

/* ---- 1. pin ---- */

int wd_handover_drop(const char *dir)
{
	static const char *const subs[] = { NEXT_MAPS, NEXT_PROGS };
	char path[WD_PATH_MAX];
	int err, first;

	wd_pin_path(path, dir, NEXT_MAPS, state_name());
	first = wd_unpin(path); /* no set from here on */
	for (size_t i = 0; i < sizeof(subs) / sizeof(*subs); i++) {
		err = wd_pins_clear(dir, subs[i], NULL);
		if (err && !first)
			first = err;
		wd_pin_path(path, dir, subs[i], "");
		(void)rmdir(path); /* stays if it holds what is not ours */
	}
	wd_pin_path(path, dir, NEXT, "");
	(void)rmdir(path);
	return first;
}

static int pin_progs(struct wd_datapath *dp)
{
	char path[WD_PATH_MAX];
	int way, err = 0;

	for (way = 0; !err && way < WD_DIR__MAX; way++) {
		wd_pin_path(path, dp->dir, NEXT_PROGS, wd_prog_names[way]);
		err = wd_handover_at(WD_STEP_PIN);
		if (!err)
			err = wd_pin(dp->prog_fd[way], path);
	}
	return err;
}

static int pin_next(struct wd_datapath *dp)
{
	int err;

	err = wd_bpffs_make(dp->dir, NEXT);
	if (!err)
		err = wd_bpffs_make(dp->dir, NEXT_MAPS);
	if (!err)
		err = wd_bpffs_make(dp->dir, NEXT_PROGS);
	if (!err)
		err = pin_progs(dp);
	return err ? err : wd_maps_pin(dp, NEXT_MAPS);
}

int wd_handover_begin(struct wd_datapath *dp)
{
	int err = pin_next(dp);

	if (!err)
		return 0;
	(void)wd_handover_drop(dp->dir); /* the next open tries again */
	return wd_fail(dp, err, WD_STAGE_PIN, "cannot pin the new maps in '%s'",
		       dp->dir);
}

/* ---- 2. switch ---- */

static int open_prog(struct wd_progs *progs, int way, const char *dir,
		     const char *sub)
{
	struct bpf_prog_info info;
	char path[WD_PATH_MAX];
	int fd, err;

	wd_pin_path(path, dir, sub, wd_prog_names[way]);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	err = wd_prog_info(fd, &info);
	if (err) {
		close(fd);
		return err;
	}
	progs->fd[way] = fd;
	progs->id[way] = info.id;
	return 0;
}

/* Both programs from @sub, if they are those of the wd_state with @state_id. */
static bool open_progs(struct wd_progs *progs, const char *dir, const char *sub,
		       uint32_t state_id)
{
	for (int way = 0; way < WD_DIR__MAX; way++) {
		if (progs->fd[way] < 0 && open_prog(progs, way, dir, sub))
			return false;
		if (wd_prog_uses(progs->fd[way], state_id) != 1)
			return false;
	}
	return true;
}

/* A hook that cannot be switched: those that were go back. */
static int give_back(struct handover *h, int err)
{
	const char *dir = h->dp->dir;
	bool is_old = h->has_old &&
		      open_progs(&h->old, dir, "progs", h->owner.state_id[0]);
	bool swapped;

	wd_fail(h->dp, err, WD_STAGE_ATTACH,
		"cannot switch the programs in force to the new maps");
	if (is_old && !wd_attach_move(dir, &h->owner, &h->old, &swapped))
		(void)wd_handover_drop(dir); /* the next open tries again */
	return err;
}

/* ---- 3. and 4. the pins ---- */

static int unpin_old(const char *dir)
{
	char path[WD_PATH_MAX];
	int err;

	err = wd_handover_at(WD_STEP_UNPIN);
	if (!err)
		err = wd_pins_clear(dir, "maps", state_name());
	if (!err)
		err = wd_pins_clear(dir, "progs", NULL);
	if (!err)
		err = wd_handover_at(WD_STEP_UNPIN);
	wd_pin_path(path, dir, "maps", state_name());
	return err ? err : wd_unpin(path);
}

struct move {
	const char *dir, *from, *to;
};

static int move_pin(const struct move *m, const char *name)
{
	char from[WD_PATH_MAX], to[WD_PATH_MAX];

	wd_pin_path(from, m->dir, m->from, name);
	wd_pin_path(to, m->dir, m->to, name);
	return rename(from, to) ? -errno : 0;
}

static int move_one(void *ctx, const char *name)
{
	int err;

	if (!strcmp(name, state_name()))
		return 0; /* last */
	err = wd_handover_at(WD_STEP_MOVE);
	return err ? err : move_pin(ctx, name);
}

static int move_up(const char *dir)
{
	struct move maps = { dir, NEXT_MAPS, "maps" };
	struct move progs = { dir, NEXT_PROGS, "progs" };
	int err;

	err = wd_pins_each(dir, NEXT_MAPS, move_one, &maps);
	if (!err)
		err = wd_pins_each(dir, NEXT_PROGS, move_one, &progs);
	if (!err)
		err = wd_handover_at(WD_STEP_MOVE_STATE);
	if (!err)
		err = move_pin(&maps, state_name());
	if (!err)
		err = wd_handover_at(WD_STEP_END);
	return err ? err : wd_handover_drop(dir);
}

/* ---- all of it ---- */

static void note_schema(struct wd_datapath *dp)
{
	char path[WD_PATH_MAX];
	int fd;

	wd_pin_path(path, dp->dir, "maps", state_name());
	fd = bpf_obj_get(path);
	if (fd < 0)
		return;
	dp->info.schema_before = wd_maps_schema(fd);
	close(fd);
}

/*
 * Programs are moved after the maps, when all hooks have been switched: where
 * they are at the old set's place they are the new one's only without it.
 */
static int switch_all(struct handover *h)
{
	const char *dir = h->dp->dir;
	uint32_t id = h->owner.state_id[1];
	bool has_next = open_progs(&h->next, dir, NEXT_PROGS, id) ||
			(!h->has_old && open_progs(&h->next, dir, "progs", id));
	int err;

	if (!has_next && h->has_old) {
		(void)wd_handover_drop(dir); /* it could never be finished */
		return wd_fail(h->dp, -ENOENT, WD_STAGE_PIN,
			       "cannot open the programs in '%s/" NEXT_PROGS
			       "'",
			       dir);
	}
	if (!has_next)
		return 0; /* all hooks were switched; open loads others */
	err = wd_attach_move(dir, &h->owner, &h->next, &h->dp->info.swapped);
	return err ? give_back(h, err) : 0;
}

static int finish(struct handover *h)
{
	struct wd_datapath *dp = h->dp;
	int err = switch_all(h);

	if (err)
		return err;
	dp->info.replaced = true;
	if (h->has_old) {
		note_schema(dp);
		err = unpin_old(dp->dir);
	}
	if (!err)
		err = move_up(dp->dir);
	if (err)
		return wd_fail(dp, err, WD_STAGE_PIN,
			       "cannot put the new pins in place in '%s'",
			       dp->dir);
	return 0;
}

int wd_handover_finish(struct wd_datapath *dp)
{
	struct handover h = {
		.dp = dp,
		.owner.handle = WD_HANDLE_POD,
		.owner.state_id = { wd_state_id(dp->dir, "maps"),
				    wd_handover_state(dp->dir) },
		.old.fd = { -1, -1 },
		.next.fd = { -1, -1 },
	};
	char path[WD_PATH_MAX];
	int err;

	if (!h.owner.state_id[1]) {
		err = wd_handover_drop(dp->dir);
		return err ? wd_fail(dp, err, WD_STAGE_PIN,
				     "cannot clear '%s/" NEXT "'", dp->dir) :
			     0;
	}
	wd_pin_path(path, dp->dir, "maps", state_name());
	h.has_old = !access(path, F_OK);
	err = finish(&h);
	wd_progs_close(&h.old);
	wd_progs_close(&h.next);
	return err;
}
