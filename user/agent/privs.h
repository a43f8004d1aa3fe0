/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * privs.h - what of root's power the running agent keeps.
 */
#ifndef WARDER_PRIVS_H
#define WARDER_PRIVS_H

/**
 * wd_privs_check() - has the process what the agent cannot do without
 * Asked before anything is touched: who cannot enter a pod's namespace takes
 * the pod for gone, and would take away what guards it.
 * Logs what is missing.
 * Return: 0; -EPERM without one of them; -errno when it cannot be told.
 */
int wd_privs_check(void);

/**
 * wd_privs_drop() - give up all capabilities but the few listed in privs.c, for good
 * No exec() and no set-uid program brings them back (no_new_privs, bounding
 * set). What the process never had is not asked for.
 * Context: single thread, after programs and maps are loaded.
 * Return: 0; -errno when something that should be gone is still there.
 */
int wd_privs_drop(void);

#endif /* WARDER_PRIVS_H */
