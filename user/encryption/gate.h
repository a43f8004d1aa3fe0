/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gate.h - which devices pods' packets may leave by, before anything that comes
 * later is judged: what datapath/gate.c is to say.
 *
 * While something must be encrypted and programs judge the wires: those that are
 * guarded. A device is let through when its programs are attached, and no more
 * when it is gone. On rung nft the ruleset judges every device, and there is none.
 */
#ifndef WARDER_ENCRYPTION_GATE_H
#define WARDER_ENCRYPTION_GATE_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct wd_agent;
struct wd_gatekeeper;

/** wd_gatekeeper_new() - nothing is kept closed yet; out of memory ends the program */
struct wd_gatekeeper *wd_gatekeeper_new(struct wd_agent *agent);
void wd_gatekeeper_free(struct wd_gatekeeper *keeper);

/** wd_gatekeeper_changed() - nodes, prefixes or pods are others: the next tend says them anew */
void wd_gatekeeper_changed(struct wd_gatekeeper *keeper);

/**
 * wd_gatekeeper_tend() - have the ruleset say which devices are guarded now
 * Cheap where nothing changed. What failed is tried again by a check.
 * @wanted: something must be encrypted
 */
void wd_gatekeeper_tend(struct wd_gatekeeper *keeper, bool wanted);

/** wd_gatekeeper_check() - look whether somebody has edited it, and tend */
void wd_gatekeeper_check(struct wd_gatekeeper *keeper, bool wanted);

/** wd_gatekeeper_open() - may pods' packets leave by a device before it is judged, though something must be encrypted */
bool wd_gatekeeper_open(const struct wd_agent *agent);

/** wd_gatekeeper_put() - into the wires of a status: new_devices_open, new_devices_error, new_devices_dropped */
void wd_gatekeeper_put(const struct wd_agent *agent, struct json_object *wires);

#endif /* WARDER_ENCRYPTION_GATE_H */
