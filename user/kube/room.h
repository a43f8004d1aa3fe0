/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * room.h - how much memory what a server tells of may take.
 *
 * The API server of this cluster may tell of as much as there is. That of
 * another one is somebody else's: what has no room is refused, and what was
 * there before stays. Counted is what objects need, roughly and rather too
 * much; what is shared between them is counted for each.
 */
#ifndef WARDER_KUBE_ROOM_H
#define WARDER_KUBE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

struct wd_object;
struct wd_labels;
struct wd_read;
struct wd_remote_identity;
struct wd_remote_pod;

struct wd_kube_room {
	/* So many bytes more, or fewer, which is always so. Return: false if there is no room. */
	bool (*take)(void *ctx, int64_t bytes);
	void *ctx;
	bool full; /* something was refused, since this was last cleared */
};

/* Objects of a list, with those that are refused: names of all are kept until it ends. */
#define WD_KUBE_ROOM_LIST 131072

/**
 * wd_kube_room_take() - @is bytes instead of @was
 * @room: NULL: there is always some
 * @r: is told why not, of the object that is read
 * Return: false: there is no room, and nothing changed.
 */
bool wd_kube_room_take(struct wd_kube_room *room, struct wd_read *r,
		       uint64_t was, uint64_t is);

/** wd_kube_room_object() - bytes that an object takes, NULL: none */
uint64_t wd_kube_room_object(const struct wd_object *obj);

/** wd_kube_room_pod() - the same of a pod that an endpoint or a slice tells of */
uint64_t wd_kube_room_pod(const struct wd_remote_pod *pod);

/** wd_kube_room_identity() - the same of an identity, of which only labels count */
uint64_t wd_kube_room_identity(const struct wd_remote_identity *identity);

#endif /* WARDER_KUBE_ROOM_H */
