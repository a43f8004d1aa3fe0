/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encryption.h - what must be encrypted on this node, and the tables that say so.
 *
 * Requirement: the configuration, and each namespace's annotation. Keeps
 * wd_net4/6 (what is inside the cluster: pod CIDRs of nodes, and configured
 * prefixes), wd_tun4/6 (what WireGuard's peers may speak for) and the switches
 * WD_STATE_ENCRYPT*, and has wires.h guard the devices. Which pod or node an
 * address is, with its requirement, is the model's matter.
 */
#ifndef WARDER_ENCRYPTION_H
#define WARDER_ENCRYPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "../model/object.h"

struct wd_agent;
struct wd_encryption;
struct wd_link;
struct wd_ports;
struct wd_tunnels;
struct wd_wires;

/** wd_encryption_new() - for agent->encryption; out of memory ends the program */
struct wd_encryption *wd_encryption_new(struct wd_agent *agent);
void wd_encryption_free(struct wd_encryption *enc);

/** wd_encryption_adopt() - take over what an agent before has written; 0 or -errno */
int wd_encryption_adopt(struct wd_encryption *enc);

/** wd_encryption_object() - the store changed, as wd_store_fn says */
void wd_encryption_object(struct wd_encryption *enc,
			  const struct wd_object *was,
			  const struct wd_object *now);

/**
 * wd_encryption_write() - write the tables, if anything changed
 * Before the commit that knows new addresses. Return: 0 or -errno, tried again.
 */
int wd_encryption_write(struct wd_encryption *enc);

/** wd_encryption_apply() - guard the devices and set the switches; after a commit */
void wd_encryption_apply(struct wd_encryption *enc);

/** wd_encryption_changed() - a device came or went: set the switches anew */
void wd_encryption_changed(struct wd_agent *agent);

/** wd_encryption_link() - the same, of a device that may be WireGuard's or have a port */
void wd_encryption_link(struct wd_agent *agent);

/** wd_encryption_device() - rtnetlink tells of a device of this node */
void wd_encryption_device(struct wd_encryption *enc, const struct wd_link *link,
			  bool gone);

/** wd_encryption_relist() - what it told of was lost */
void wd_encryption_relist(struct wd_encryption *enc);

/** wd_encryption_reload() - the maps or the engine are others */
void wd_encryption_reload(struct wd_encryption *enc);

/** wd_encryption_check() - devices, tables: repair what is not as it should be; entries that were not */
int wd_encryption_check(struct wd_encryption *enc);

/** wd_encryption_flags() - what of WD_STATE_ENCRYPTION should be set */
uint32_t wd_encryption_flags(const struct wd_encryption *enc);

/** wd_encryption_pods() - is there any pod whose packets must be */
bool wd_encryption_pods(const struct wd_encryption *enc);

/** wd_encryption_required() - is there anything that must be encrypted */
bool wd_encryption_required(const struct wd_encryption *enc);

/**
 * wd_encryption_inside() - is an address that nobody knows taken for one of the cluster
 * In a prefix of it; or, where none of the family is known, any.
 */
bool wd_encryption_inside(const struct wd_encryption *enc,
			  const struct wd_addr *addr);

struct wd_tunnels *wd_encryption_tunnels(const struct wd_encryption *enc);
struct wd_wires *wd_encryption_wires(const struct wd_encryption *enc);
struct wd_ports *wd_encryption_ports(const struct wd_encryption *enc);

#endif /* WARDER_ENCRYPTION_H */
