/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * identities.h - the numbers of identities on disk, kept over restarts.
 */
#ifndef WARDER_IDENTITIES_H
#define WARDER_IDENTITIES_H

struct wd_agent;

/**
 * wd_identities_load() - give the model the numbers of before
 *
 * A file that is missing, broken or does not fit is told of and not used:
 * numbering begins anew.
 */
void wd_identities_load(struct wd_agent *agent);

/**
 * wd_identities_keep() - write new numbers, if there are any
 *
 * Called before a commit: numbers are on disk before anything in the kernel
 * says them. A write that failed is told of once and tried again at each call.
 */
void wd_identities_keep(struct wd_agent *agent);

#endif /* WARDER_IDENTITIES_H */
