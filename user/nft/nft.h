/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nft.h - the rung nft: the tables enforced by an nftables ruleset, where no
 * program can be loaded or bpf(2) is refused altogether.
 *
 * Table "warder" in the families inet, bridge, netdev and arp, of the caller's
 * network namespace. Each change is one transaction. `nft list table inet
 * warder` is meant to be read: ep<ifindex>_out and _in are a pod's chains,
 * s<slot>_<e|i> a slot for flows that the pod (e) or the peer (i) opened,
 * c<class>_<e|i> its classes, p<predicate>_<4|6> who a predicate holds for;
 * comments name the rules by their stable id.
 *
 * What it is stricter in than the programs, that is, what it drops and they
 * may let pass:
 *
 *   IPv6 extension headers, both ways, but for fragments (EXTHDR), so MLD too
 *   IPv4 options of a pod's packets; of others' between ports of a bridge (IPOPT)
 *   ICMP and ICMPv6 other than errors, echo and what conntrack knows as a
 *     question (timestamp, address mask, information), which nothing answers
 *     then (CT_INVALID)
 *   TCP in the middle of a connection that conntrack did not see begin, except
 *     from and to this host's own sockets (CT_INVALID); what is out of the
 *     window, by conntrack's account
 *   SCTP that does not begin with INIT, and chunks out of its states; wrong
 *     checksums (CT_INVALID)
 *   what others exempt from conntrack, and what a pod sends to itself by the
 *     wire (CT_INVALID)
 *   a flow that comes in by a device with the name of this host's address (SPOOF_IP)
 *   neighbour advertisements of a link-local address that is not known yet
 *   ARP of a pod whose hardware address is not known
 *   more than 512 packets of ARP and neighbour discovery at once, or in a second
 *   between ports of a bridge: everything but ARP and
 *     neighbour discovery where the kernel has no nf_conntrack_bridge, or the
 *     pod is not known to be on that bridge (MAP_ERR); to groups also what this
 *     host sends, unless policy allows it
 *   an address that two pods on one bridge claim, and pods on a bridge that
 *     filters VLANs
 *
 * What it does not keep:
 *
 *   shares of the flow table: conntrack's is everybody's (no CT_FULL)
 *   whether an ICMP error quotes a TCP segment that is in flight: the pod's
 *     own stack looks
 *   events, counters of endpoints
 *   flows of the programs: of before, TCP connections go on that were told to
 *     conntrack (seed.h), or that it had seen already (as with kube-proxy)
 *   whose an address was: answers to one that has become this host's since the
 *     flow began pass as this host's (HOST)
 *   what goes past the hooks: an nftables flowtable of others' on a pod's device
 */
#ifndef WARDER_NFT_H
#define WARDER_NFT_H

#include <stdbool.h>
#include <stdint.h>

#include "nft/tables.h"

struct wd_nft;

/* What it took, since open. */
struct wd_nft_info {
	uint64_t transactions;
	uint64_t chains; /* written anew */
	uint64_t rules;
	uint64_t added; /* elements of sets */
	uint64_t deleted;
	uint32_t last_us; /* the last transaction, with what led to it */
	bool bridge; /* the kernel has the bridge family */
	bool bridge_ct; /* and tracks connections there */
};

/**
 * wd_nft_open() - ready to enforce; in the kernel nothing changes yet, but for a
 * table that comes and goes to see what it takes
 * @tables: copied; what it points to outlives the nft
 * @ret_error: on failure a sentence, to be freed
 * Return: 0; -ELIBACC no library; -EPERM; -EOPNOTSUPP the kernel has no
 * nftables; -ENOMEM; -errno.
 */
int wd_nft_open(const struct wd_tables *tables, struct wd_nft **ret_nft,
		char **ret_error);

/**
 * wd_nft_open_host() - the same for what policies of the node say alone
 * Beside the programs of pods, where that of the host's own sockets cannot be had.
 * In a table of its own, "warder_host"; no device is ever attached.
 */
int wd_nft_open_host(const struct wd_tables *tables, struct wd_nft **ret_nft,
		     char **ret_error);

/** wd_nft_close() - let go; what is in the kernel stays in force. Takes NULL */
void wd_nft_close(struct wd_nft *nft);

/**
 * wd_nft_attach() - the device's traffic meets the ruleset from now on
 * Closed (NO_ENDPOINT) until the next wd_nft_sync(), then as the tables say.
 * The first one also puts all that the tables say in place of what an agent
 * before left.
 * Return: 0, also if it was attached; -ENODEV; -EOPNOTSUPP: a port of a bridge,
 * where the kernel has no family bridge; -errno. Unless 0 it is not guarded.
 */
int wd_nft_attach(struct wd_nft *nft, uint32_t ifindex, char **ret_error);

/**
 * wd_nft_expect() - the same with the next wd_nft_sync(), and with all its policy
 * For a device that something else guards until then. Return: 0 or -ENODEV.
 */
int wd_nft_expect(struct wd_nft *nft, uint32_t ifindex);

/** wd_nft_detach() - it is no pod's any more; 0, also if it was not attached; -errno */
int wd_nft_detach(struct wd_nft *nft, uint32_t ifindex, char **ret_error);

/**
 * wd_nft_check() - is the ruleset in the kernel the one that was put there
 * Return: 0; -ENOLINK: the device is not attached, or the ruleset was edited:
 * the next attach or sync writes all of it anew; -ENODEV the device is gone;
 * -EOPNOTSUPP it has become a port of a bridge, as at attach; -errno.
 */
int wd_nft_check(struct wd_nft *nft, uint32_t ifindex);

/** wd_nft_intact() - the same without a device: 0; -ENOLINK; -errno */
int wd_nft_intact(struct wd_nft *nft);

/** wd_nft_changed() - an entry of a table was written or deleted; arrays are looked at anyway */
void wd_nft_changed(struct wd_nft *nft, enum wd_map map, const void *key);

/** wd_nft_dirty() - is there a change of entries that no sync has seen */
bool wd_nft_dirty(const struct wd_nft *nft);

/**
 * wd_nft_sync() - make the kernel say what the tables say, in one transaction
 * Reads the generation in force and its half of rows and slots. What is put
 * there for the first time, or anew, is read back and compared.
 * @ret_error: on failure a sentence, to be freed; NULL passes
 * Return: 0; -EBADMSG: what is in the kernel now is not what it was given,
 * three times over; -errno: what was in force stays in force.
 */
int wd_nft_sync(struct wd_nft *nft, char **ret_error);

/**
 * wd_nft_remove() - end it: delete our tables. Needs neither open nor library
 * @ret_error: as above
 */
int wd_nft_remove(char **ret_error);
int wd_nft_remove_host(char **ret_error);

/** wd_nft_found() - is a ruleset of ours in the kernel */
bool wd_nft_found(void);
bool wd_nft_found_host(void);

/** wd_nft_devices() - call @fn for each device of the ruleset in the kernel, whoever made it; 0 or -errno */
int wd_nft_devices(void (*fn)(void *ctx, uint32_t ifindex), void *ctx);

/** wd_nft_guards() - is this device one of them; false if that is not known */
bool wd_nft_guards(uint32_t ifindex);

/**
 * wd_nft_stats() / wd_nft_audit_stats() - packets and bytes by reason, as wd_stat_read()
 * With what the ruleset that open found had counted; read anew at most five
 * times a second.
 */
int wd_nft_stats(struct wd_nft *nft, enum wd_reason reason, enum wd_dir dir,
		 uint64_t *ret_packets, uint64_t *ret_bytes);
int wd_nft_audit_stats(struct wd_nft *nft, enum wd_reason reason,
		       enum wd_dir dir, uint64_t *ret_packets,
		       uint64_t *ret_bytes);

void wd_nft_info(const struct wd_nft *nft, struct wd_nft_info *ret_info);

#endif /* WARDER_NFT_H */
