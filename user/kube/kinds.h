/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kinds.h - which collections of the API are read, and as what.
 */
#ifndef WARDER_KUBE_KINDS_H
#define WARDER_KUBE_KINDS_H

#include <stdbool.h>

#include "../model/object.h"

/* What becomes of its objects. */
enum wd_kube_role {
	WD_KUBE_OBJECTS, /* each is one of the store */
	WD_KUBE_IDENTITIES, /* CiliumIdentity, see remote.h */
	WD_KUBE_SLICES, /* CiliumEndpointSlice */
	WD_KUBE_ENDPOINTS, /* CiliumEndpoint */
};

struct wd_kube_kind {
	enum wd_kind kind; /* WD_KIND__MAX: none of the store's */
	const char *api; /* apiVersion of its objects */
	const char *name; /* kind of its objects */
	const char *path; /* of the collection */
	bool optional; /* a custom resource: a server may not have it */
	enum wd_kube_role role;
	const char *
		other; /* the same by another version, where path is not served; NULL none */
	bool pods; /* it tells of pods, and is asked of other clusters, too */
};

/* In the order in which they are asked for; ends with a NULL path. */
extern const struct wd_kube_kind wd_kube_kinds[];

#define WD_KUBE_KINDS 16

#endif /* WARDER_KUBE_KINDS_H */
