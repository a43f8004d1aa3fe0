/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.h - the words for what the ABI has numbers for.
 *
 * One place between numbers and text, for the agent's answers and the
 * commands. All functions return static strings.
 */
#ifndef WARDER_NAMES_H
#define WARDER_NAMES_H

#include <stdint.h>

#include <warder/verdict.h>

#include "../model/object.h"

/** wd_reason_name() - "DEFAULT"; "UNKNOWN" for a number without a reason */
const char *wd_reason_name(uint32_t reason);

/** wd_reason_help() - why, and what to look at: one clause */
const char *wd_reason_help(uint32_t reason);

/** wd_reason_find() - number of a reason's name, any case. Return: -ENOENT */
int wd_reason_find(const char *name);

/** wd_reason_next() - the reason after @prev in the list, -1 to begin. Return: -1 at the end */
int wd_reason_next(int prev);

/** wd_verdict_name() - "allow", "drop", "audit" */
const char *wd_verdict_name(uint32_t verdict);

/** wd_dir_name() - "ingress", "egress" */
const char *wd_dir_name(uint32_t dir);

/** wd_mode_name() - "enforce", "audit", "off"; "unset" */
const char *wd_mode_name(enum wd_mode mode);

/** wd_mode_find() - number of a mode's name. Return: -ENOENT */
int wd_mode_find(const char *name);

/** wd_proto_name() - "tcp", "icmpv6", ...; NULL for protocols without a name here */
const char *wd_proto_name(uint32_t proto);

/** wd_proto_find() - protocol number of a name. Return: -ENOENT */
int wd_proto_find(const char *name);

/** wd_identity_name() - name of a reserved identity (Cilium's), else NULL */
const char *wd_identity_name(uint32_t id);

/** wd_identity_find() - number of a reserved identity. Return: -ENOENT */
int wd_identity_find(const char *name);

#endif /* WARDER_NAMES_H */
