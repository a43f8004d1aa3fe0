/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * encryption.h - the report of encryption as a page, and what both forms of it
 * share.
 */
#ifndef WARDER_CMD_ENCRYPTION_H
#define WARDER_CMD_ENCRYPTION_H

#include <stdint.h>
#include <stdio.h>

struct json_object;

/** wd_encryption_html() - the answer to encryption.report as one page that needs no other file */
void wd_encryption_html(struct json_object *doc, FILE *to);

/** wd_encryption_ns() - namespace below @key of a pair, for a person */
const char *wd_encryption_ns(struct json_object *pair, const char *key);

/** wd_encryption_bytes() - of all kinds with @evidence, both ways; NULL: of all that passed, so not of "stopped" */
uint64_t wd_encryption_bytes(struct json_object *report, const char *evidence);

#define WD_SPAN_STRLEN 48
/** wd_encryption_span() - seconds as "1 d 3 h", the two largest units; into @buf, returned */
const char *wd_encryption_span(int64_t seconds, char buf[WD_SPAN_STRLEN]);

#endif /* WARDER_CMD_ENCRYPTION_H */
