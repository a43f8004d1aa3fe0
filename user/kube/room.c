/* SPDX-License-Identifier: GPL-2.0-only */
#include "room.h"

#include <string.h>

#include "../model/intern.h"
#include "../model/object.h"
#include "../source/read.h"
#include "../source/remote.h"

#define TWICE 2 /* as it came, and as it counts */
#define HEADS 192 /* of the heap, of tables, and what points to it */

static uint64_t labels_bytes(const struct wd_labels *labels)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; labels && i < labels->cnt; i++)
		bytes += sizeof(labels->label[i]) +
			 strlen(labels->label[i].key) +
			 strlen(labels->label[i].value);
	return bytes;
}

static uint64_t pod_bytes(uint32_t addr_cnt, uint32_t port_cnt)
{
	return TWICE * (sizeof(struct wd_object) + HEADS +
			addr_cnt * sizeof(struct wd_addr) +
			port_cnt * sizeof(struct wd_port_name));
}

uint64_t wd_kube_room_object(const struct wd_object *obj)
{
	uint64_t bytes;

	if (!obj)
		return 0;
	bytes = pod_bytes(0, 0) + strlen(obj->ns) + strlen(obj->name) +
		strlen(obj->uid);
	if (obj->kind == WD_KIND_POD)
		bytes += pod_bytes(obj->pod.addr_cnt, obj->pod.port_cnt) -
			 pod_bytes(0, 0) + labels_bytes(obj->pod.labels);
	if (obj->kind == WD_KIND_NAMESPACE)
		bytes += labels_bytes(obj->nsp.labels);
	if (obj->kind == WD_KIND_NODE || obj->kind == WD_KIND_CILIUM_NODE)
		bytes += labels_bytes(obj->node.labels) +
			 obj->node.addr_cnt * sizeof(struct wd_addr) +
			 obj->node.cidr_cnt * sizeof(struct wd_cidr);
	return bytes;
}

uint64_t wd_kube_room_pod(const struct wd_remote_pod *pod)
{
	return HEADS + pod_bytes(pod->addr_cnt, pod->port_cnt) +
	       strlen(pod->name);
}

uint64_t wd_kube_room_identity(const struct wd_remote_identity *identity)
{
	return HEADS + labels_bytes(identity->labels);
}

bool wd_kube_room_take(struct wd_kube_room *room, struct wd_read *r,
		       uint64_t was, uint64_t is)
{
	if (!room || room->take(room->ctx, (int64_t)is - (int64_t)was))
		return true;
	room->full = true;
	r->effect = WD_PROBLEM_KEPT;
	wd_read_problem(r, NULL, 0,
			"has no room beside what this cluster told before");
	return false;
}
