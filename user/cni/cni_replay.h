/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_replay.h - DELs that found no agent, kept for the next one.
 *
 * One empty file per attachment below <run-dir>/deletions, named
 * "<container>:<ifname>": made and removed by one system call each, so that a
 * reader never meets half of one. Order means nothing: they are about
 * different attachments.
 *
 * No DEL is lost between the two sides: the plugin writes first and then tries
 * the socket once more, the agent opens the socket first and then replays.
 */
#ifndef WARDER_CNI_REPLAY_H
#define WARDER_CNI_REPLAY_H

#define WD_REPLAY_MAX 1024 /* files; an agent has no more endpoints than that */
#define WD_CONTAINER_MAX \
	200 /* bytes of a container id, so that the name fits a file name */

/**
 * wd_cni_queue_add() - remember a DEL; the directories are made if missing
 * @container, @ifname: already checked by the plugin
 * Return: 0 also if it was there; -ENOSPC when full; -EINVAL for what is no
 * file name; -EPERM when the directory is another user's; -errno.
 */
int wd_cni_queue_add(const char *run_dir, const char *container,
		     const char *ifname);

/** wd_cni_queue_has() - 1 if such a DEL waits, 0 if not, -errno */
int wd_cni_queue_has(const char *run_dir, const char *container,
		     const char *ifname);

/** wd_cni_queue_remove() - the agent was told; 0 also if there was none, else -errno */
int wd_cni_queue_remove(const char *run_dir, const char *container,
			const char *ifname);

/**
 * wd_cni_replay() - call @fn for each DEL that waits, then forget it
 * What @fn does is to last: the file is gone when it returned.
 * Return: 0 also without a queue; -errno when it cannot be read.
 */
int wd_cni_replay(const char *run_dir,
		  void (*fn)(void *ctx, const char *container,
			     const char *ifname),
		  void *ctx);

#endif /* WARDER_CNI_REPLAY_H */
