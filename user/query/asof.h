/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * asof.h - a world made of manifests alone, to be asked what an agent would say
 * that had read them. Needs no root, no agent, and no kernel.
 *
 * Both ends of the question are guarded in it, on whichever node they are: it is
 * about the policies, and not about one node.
 */
#ifndef WARDER_ASOF_H
#define WARDER_ASOF_H

#include <stddef.h>
#include <stdint.h>

struct wd_asof;
struct wd_config;
struct wd_world;

struct wd_asof_opts {
	const char *const *dir; /* with manifests */
	size_t dir_cnt;
	const struct wd_config
		*config; /* defaults of the cluster, borrowed for good */
	const char *
		node; /* whose sockets `host` means; NULL: the other end's node */
	const char *from, *to; /* the question, as of `warder why` */
};

/**
 * wd_asof_open() - read and compile
 * @ret_error: on failure why, to be freed
 * Return: 0; -EINVAL from or to is no such thing; -ENOSPC it does not fit; -errno
 *         of reading.
 */
int wd_asof_open(const struct wd_asof_opts *opts, struct wd_asof **ret_asof,
		 char **ret_error);
void wd_asof_close(struct wd_asof *asof);

/** wd_asof_world() - for wd_inquire(), borrowed */
const struct wd_world *wd_asof_world(const struct wd_asof *asof);

/** wd_asof_unasked() - backends whose own hook is not asked: a world has room for WD_ENDPOINTS_MAX */
uint32_t wd_asof_unasked(const struct wd_asof *asof);

/** wd_asof_problems() - objects that are not enforced as they are written */
uint32_t wd_asof_problems(const struct wd_asof *asof);

#endif /* WARDER_ASOF_H */
