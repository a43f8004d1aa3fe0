/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * summary.h - the node on one page, and what both forms of it share.
 */
#ifndef WARDER_CMD_SUMMARY_H
#define WARDER_CMD_SUMMARY_H

#include <stdio.h>

struct json_object;

/** wd_summary_html() - the document of `warder report` as one page that needs no other file */
void wd_summary_html(struct json_object *doc, FILE *to);

/** wd_summary_end() - "shop/web", "host", or the address, of one end of a flow; to be freed */
char *wd_summary_end(struct json_object *flow, const char *key);

/** wd_summary_port() - "tcp/80", "icmp 8/0", "47"; to be freed */
char *wd_summary_port(struct json_object *flow);

/** wd_summary_why() - what is said of a flow now, in one line; to be freed */
char *wd_summary_why(struct json_object *flow);

/** wd_summary_packets() - of this verdict ("drop", "audit"), of all reasons and both directions */
long long wd_summary_packets(struct json_object *doc, const char *verdict);

#endif /* WARDER_CMD_SUMMARY_H */
