/* SPDX-License-Identifier: GPL-2.0-only */
#include "kinds.h"

#include <stddef.h>

#define CILIUM "/apis/cilium.io/v2/"
#define ADMIN "/apis/policy.networking.k8s.io/"
#define ADMIN_API "policy.networking.k8s.io/"

const struct wd_kube_kind wd_kube_kinds[WD_KUBE_KINDS + 1] = {
	{ WD_KIND_NAMESPACE, "v1", "Namespace", "/api/v1/namespaces", false,
	  WD_KUBE_OBJECTS, NULL, true },
	{ WD_KIND_NETPOL, "networking.k8s.io/v1", "NetworkPolicy",
	  "/apis/networking.k8s.io/v1/networkpolicies", false, WD_KUBE_OBJECTS,
	  NULL, false },
	{ WD_KIND_POD, "v1", "Pod", "/api/v1/pods", false, WD_KUBE_OBJECTS,
	  NULL, true },
	{ WD_KIND_NODE, "v1", "Node", "/api/v1/nodes", false, WD_KUBE_OBJECTS,
	  NULL, true },
	{ WD_KIND_SERVICE, "v1", "Service", "/api/v1/services", false,
	  WD_KUBE_OBJECTS, NULL, false },
	{ WD_KIND_SLICE, "discovery.k8s.io/v1", "EndpointSlice",
	  "/apis/discovery.k8s.io/v1/endpointslices", false, WD_KUBE_OBJECTS,
	  NULL, false },
	{ WD_KIND_CLUSTER_NP, ADMIN_API "v1alpha2", "ClusterNetworkPolicy",
	  ADMIN "v1alpha2/clusternetworkpolicies", true, WD_KUBE_OBJECTS,
	  ADMIN "v1beta1/clusternetworkpolicies", false },
	{ WD_KIND_ADMIN_NP, ADMIN_API "v1alpha1", "AdminNetworkPolicy",
	  ADMIN "v1alpha1/adminnetworkpolicies", true, WD_KUBE_OBJECTS, NULL,
	  false },
	{ WD_KIND_BASELINE_NP, ADMIN_API "v1alpha1",
	  "BaselineAdminNetworkPolicy",
	  ADMIN "v1alpha1/baselineadminnetworkpolicies", true, WD_KUBE_OBJECTS,
	  NULL, false },
	{ WD_KIND_CILIUM_NP, "cilium.io/v2", "CiliumNetworkPolicy",
	  CILIUM "ciliumnetworkpolicies", true, WD_KUBE_OBJECTS, NULL, false },
	{ WD_KIND_CILIUM_CNP, "cilium.io/v2", "CiliumClusterwideNetworkPolicy",
	  CILIUM "ciliumclusterwidenetworkpolicies", true, WD_KUBE_OBJECTS,
	  NULL, false },
	{ WD_KIND_CIDR_GROUP, "cilium.io/v2", "CiliumCIDRGroup",
	  CILIUM "ciliumcidrgroups", true, WD_KUBE_OBJECTS, NULL, false },
	{ WD_KIND_CILIUM_NODE, "cilium.io/v2", "CiliumNode",
	  CILIUM "ciliumnodes", true, WD_KUBE_OBJECTS, NULL, true },
	{ WD_KIND__MAX, "cilium.io/v2", "CiliumIdentity",
	  CILIUM "ciliumidentities", true, WD_KUBE_IDENTITIES, NULL, true },
	{ WD_KIND__MAX, "cilium.io/v2alpha1", "CiliumEndpointSlice",
	  "/apis/cilium.io/v2alpha1/ciliumendpointslices", true, WD_KUBE_SLICES,
	  NULL, true },
	{ WD_KIND__MAX, "cilium.io/v2", "CiliumEndpoint",
	  CILIUM "ciliumendpoints", true, WD_KUBE_ENDPOINTS, NULL, true },
	{ .path = NULL },
};
