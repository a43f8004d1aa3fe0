/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni.h - the CNI plugin `warder-cni`.
 *
 * Environment and JSON on stdin in, JSON on stdout out, as the CNI
 * specification says; the agent does the work. It fails closed: without an
 * agent that confirms enforcement no pod gets its interface.
 */
#ifndef WARDER_CNI_H
#define WARDER_CNI_H

/** wd_cni_main() - one call of the plugin; returns the exit code, 0 or 1 */
int wd_cni_main(int argc, char **argv);

#endif /* WARDER_CNI_H */
