/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * served.h - what the model knows of services, for people to look at.
 */
#ifndef WARDER_SERVED_H
#define WARDER_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "object.h"

struct wd_model;

/* Where a flow to a service may end. */
struct wd_end {
	struct wd_addr addr;
	uint16_t port; /* host byte order */
};

/* What is known of where an address and port lead. */
enum wd_served {
	WD_SERVED_ALIKE, /* to backends that policy cannot tell apart */
	WD_SERVED_MIXED, /* to several kinds of them */
	WD_SERVED_NOBODY, /* to none that is known */
	WD_SERVED_MANY, /* to more kinds than are told of */
	WD_SERVED_OVER, /* it, or a slice of it, is beyond the quota */
	WD_SERVED_FULL, /* the table has no room to tell */
	WD_SERVED__MAX,
};

/* A service, or the slices of one that is not there. All borrowed. */
struct wd_served_service {
	const char *ns;
	const char *name;
	const struct wd_object *obj; /* NULL: only slices are there */
	uint32_t slices; /* that count */
	uint32_t slices_over; /* beyond the quota */
};

/* An address and port of it. All borrowed. */
struct wd_served_front {
	struct wd_addr addr; /* if not any_node; else its family */
	bool any_node; /* every address of a node */
	uint16_t port; /* host byte order; 0: each */
	uint8_t proto; /* IPPROTO_*; 0 with port 0 */
	enum wd_served state;
	uint32_t kinds; /* of backends, by what policy can tell */
	const struct wd_end
		*end; /* as told of by the service, each port of each */
	size_t end_cnt;
};

/** wd_served_each() - each service that is known; none is named twice */
void wd_served_each(const struct wd_model *model,
		    void (*fn)(void *ctx,
			       const struct wd_served_service *service),
		    void *ctx);

/**
 * wd_served_fronts() - each address and port of one of them
 * @service: from wd_served_each()
 */
void wd_served_fronts(
	const struct wd_model *model, const struct wd_served_service *service,
	void (*fn)(void *ctx, const struct wd_served_front *front), void *ctx);

#endif /* WARDER_SERVED_H */
