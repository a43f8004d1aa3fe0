/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_keep.h - keeps warder-cni in the plugin chain, whoever writes it anew.
 */
#ifndef WARDER_CNI_KEEP_H
#define WARDER_CNI_KEEP_H

struct wd_agent;
struct wd_cni_keep;

/**
 * wd_cni_keep_open() - from now on, in the directory of --cni-conf
 * Without that option there is nothing to keep, and *ret_keep is NULL. What is
 * wrong with the chain is told, and tried again; it never ends the agent.
 * Return: 0; -errno of timers.
 */
int wd_cni_keep_open(struct wd_agent *agent, struct wd_cni_keep **ret_keep);
void wd_cni_keep_free(struct wd_cni_keep *keep);

#endif /* WARDER_CNI_KEEP_H */
