/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * check.h - is WireGuard what the cluster needs it to be; each way in which it is
 * not has a name.
 */
#ifndef WARDER_WG_CHECK_H
#define WARDER_WG_CHECK_H

#include "cluster.h"

/*
 * X(SYMBOL, name, stops, what it means). stops: nothing that must be encrypted
 * can leave this node or come to it. Names are part of `--json` and metrics.
 */
#define WD_WG_FINDINGS(X) \
	X(UNREADABLE, "unreadable", 1, \
	  "the kernel does not tell what WireGuard does") \
	X(NO_DEVICE, "no-device", 1, "there is no WireGuard device") \
	X(DEVICE_DOWN, "device-down", 1, "the device is not up") \
	X(NO_KEY, "no-key", 1, "the device has no private key") \
	X(KEY_MISMATCH, "key-mismatch", 1, \
	  "the device's key is not what this node's object says") \
	X(NO_PEERS, "no-peers", 1, \
	  "the device has no peers, and there are other nodes") \
	X(SECOND_DEVICE, "second-device", 0, \
	  "another WireGuard device beside the one that connects the nodes") \
	X(KEY_SHARED, "key-shared", 0, "several nodes have one public key") \
	X(NODE_WITHOUT_KEY, "node-without-key", 0, \
	  "the node's object has no public key") \
	X(NODE_WITHOUT_PEER, "node-without-peer", 0, \
	  "no peer has the node's key") \
	X(PEER_WITHOUT_NODE, "peer-without-node", 0, \
	  "no node has the peer's key") \
	X(ADDRESS_WITHOUT_PEER, "address-without-peer", 0, \
	  "pods of the node have addresses that no peer may send") \
	X(ADDRESS_WRONG_PEER, "address-wrong-peer", 0, \
	  "addresses of the node's pods belong to a peer of another node") \
	X(STALE_HANDSHAKE, "stale-handshake", 0, \
	  "the peer is sent packets and does not answer")

#define WD_WG_FINDING_ENUM_(symbol, name, stops, help) WD_WG_##symbol,
enum wd_wg_kind { WD_WG_FINDINGS(WD_WG_FINDING_ENUM_) WD_WG_KIND__MAX };
#undef WD_WG_FINDING_ENUM_

/* One of a kind for each object: a node, a device, a key, or "wireguard". */
struct wd_wg_finding {
	enum wd_wg_kind kind;
	char *object;
	char *text; /* for a person: what, how many, the first of them */
};

struct wd_wg_findings {
	uint32_t cnt;
	struct wd_wg_finding *finding; /* by kind, then by name of the object */
};

/**
 * wd_wg_check() - compare WireGuard with the cluster
 * @state: a reading, with traces where there was one before; NULL: it could not
 *         be read
 * @ret: ended by wd_wg_findings_fini()
 * Where nothing must be encrypted and no node has a key, WireGuard is none of the
 * cluster's business and nothing is found.
 */
void wd_wg_check(const struct wd_wg_state *state,
		 const struct wd_wg_cluster *cluster,
		 struct wd_wg_findings *ret);
void wd_wg_findings_fini(struct wd_wg_findings *findings);

/** wd_wg_findings_equal() - same kinds and objects; texts have numbers that run */
bool wd_wg_findings_equal(const struct wd_wg_findings *a,
			  const struct wd_wg_findings *b);

const char *wd_wg_kind_name(enum wd_wg_kind kind);
const char *wd_wg_kind_help(enum wd_wg_kind kind);
bool wd_wg_kind_stops(enum wd_wg_kind kind);

/* Seconds after which WireGuard throws a session away (REJECT_AFTER_TIME of its paper). */
#define WD_WG_SESSION_S 180

#endif /* WARDER_WG_CHECK_H */
