/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * site.h - the small cluster of the packet fuzzer, as plain lists.
 *
 * Three pods behind the hooks, some peers, prefixes, and policies as lists of
 * rules. The judge reads these lists; programs.c writes maps from them. Nothing
 * here is state, except struct setting: what a publication puts in force.
 */
#ifndef WARDER_SELFTESTS_SITE_H
#define WARDER_SELFTESTS_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <warder/abi.h>

/* Devices of the node, by our own numbers. */
enum dev {
	DEV_HOST, /* none: the packet is of a socket of this host */
	DEV_ALPHA, /* pods: the host's side of their veth pairs */
	DEV_BETA,
	DEV_GAMMA, /* is a port of DEV_BRIDGE */
	DEV_UPLINK,
	DEV_BRIDGE,
	DEV__MAX,
};

#define PODS 3
#define POD_OF(dev) ((dev) - DEV_ALPHA)
#define DEV_IS_POD(dev) ((dev) >= DEV_ALPHA && (dev) <= DEV_GAMMA)

struct addr {
	uint8_t b[16]; /* IPv4 in the first four */
};

struct pod {
	uint8_t mac[6]; /* zero: not known, not compared */
	struct addr own4[WD_EP_ADDRS]; /* zero: none */
	struct addr own6[WD_EP_ADDRS];
	struct addr link; /* link-local address, zero: not known yet */
	enum dev master;
};

extern const struct pod site_pods[PODS];

/* Predicates, as bits of a small set; site_pred_bit[] says where in a row. */
enum pred {
	PRED_FRIEND,
	PRED_FOE,
	PRED_PREFIX,
	PRED_NODE,
	PRED_LOW,
	PRED_LAST,
	PREDS
};
#define HAS(pred) (1U << (pred))
extern const uint16_t site_pred_bit[PREDS];

/* Addresses that the node knows exactly: pods, nodes, itself. */
struct peer {
	struct addr v4, v6;
	uint32_t preds;
	uint32_t flags; /* WD_ADDR_* */
	enum dev dev; /* if WD_ADDR_LOCAL */
};

#define PEERS 9
extern const struct peer site_peers[PEERS];

struct prefix {
	int family;
	uint8_t bits;
	struct addr addr;
	uint32_t preds;
};

#define PREFIXES 4
extern const struct prefix site_prefixes[PREFIXES];

/* Addresses that no table has, or that no packet should have. */
#define STRANGERS 12
extern const struct peer site_strangers[STRANGERS];

/* Traffic a rule speaks of. */
enum {
	OF_TCP = 1,
	OF_UDP = 2,
	OF_SCTP = 4,
	OF_ICMP = 8, /* port: type << 8 | code */
	OF_ICMP6 = 16,
	OF_OTHER = 32, /* port: the protocol's number */
	OF_REST = OF_ICMP | OF_ICMP6 | OF_OTHER,
	OF_PORTS = OF_TCP | OF_UDP | OF_SCTP,
	OF_ALL = OF_PORTS | OF_REST,
};

#define PRED_OF_ALL PREDS

struct rule {
	uint8_t of;
	uint8_t dirs; /* 1 << enum wd_dir */
	bool is_deny;
	uint8_t pred; /* enum pred, or PRED_OF_ALL */
	uint16_t lo, hi; /* ports, both included */
};

#define RULES_MAX 10
struct policy {
	bool is_unready;
	uint8_t isolates; /* 1 << enum wd_dir */
	uint8_t cnt;
	struct rule rules[RULES_MAX];
};

/* Policy 0 is none at all. */
#define POLICIES 11
extern const struct policy site_policies[POLICIES];

/* A tunnel of this node, at a port like any; where it is told of. */
#define SITE_TUNNEL 1501
#define SITE_TUNNEL_AT 5

/* What a publication puts in force, all at once. */
struct setting {
	uint8_t policy[PODS];
	uint8_t flags[PODS]; /* WD_EP_* */
	uint8_t switches; /* WD_STATE_* */
	uint8_t monitor; /* WD_MONITOR_* */
	uint8_t rows; /* which predicates hold of whom: see site_preds_of() */
};

#define ROW_VARIANTS 4

/** site_preds_of() - the predicates of a peer or prefix in @variant */
uint32_t site_preds_of(uint32_t preds, uint8_t variant);

bool addr_is_equal(const struct addr *a, const struct addr *b);
bool addr_is_zero(const struct addr *a);

#endif /* WARDER_SELFTESTS_SITE_H */
