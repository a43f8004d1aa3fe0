/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tables.h - the policies of site.h, compiled for the programs: rows by set of
 * predicates, spans of ports, classes of rules.
 */
#ifndef WARDER_SELFTESTS_TABLES_H
#define WARDER_SELFTESTS_TABLES_H

/** tables_fill() - write rows, slots, spans and classes. @map_fd: a map's descriptor by name */
void tables_fill(int (*map_fd)(const char *name));

#endif /* WARDER_SELFTESTS_TABLES_H */
