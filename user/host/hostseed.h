/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostseed.h - the connections that this host has when it begins to be judged.
 */
#ifndef WARDER_HOSTSEED_H
#define WARDER_HOSTSEED_H

struct wd_agent;

/** wd_host_seed() - write those that are not known yet as flows; what fails is logged */
void wd_host_seed(struct wd_agent *agent);

#endif /* WARDER_HOSTSEED_H */
