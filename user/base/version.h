/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * version.h - the one number that `warder version`, status and CNI report.
 */
#ifndef WARDER_VERSION_H
#define WARDER_VERSION_H

#define WARDER_VERSION "0.1.0"

#endif /* WARDER_VERSION_H */
