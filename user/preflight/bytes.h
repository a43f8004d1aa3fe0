/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bytes.h - bytes in memory that grow, and whole files.
 */
#ifndef WARDER_BYTES_H
#define WARDER_BYTES_H

#include <stddef.h>
#include <stdint.h>

struct wd_bytes {
	uint8_t *data; /* NULL: empty */
	size_t len;
	size_t cap;
};

/** wd_bytes_add() - 0 or -ENOMEM with nothing added; @data NULL: zeroes */
int wd_bytes_add(struct wd_bytes *bytes, const void *data, size_t len);

/** wd_bytes_free() - empty again */
void wd_bytes_free(struct wd_bytes *bytes);

/** wd_bytes_load() - add a whole file; -EFBIG if it is larger than @most; -errno */
int wd_bytes_load(struct wd_bytes *bytes, const char *path, size_t most);

/** wd_bytes_store() - a new file, mode 0600; 0 or -errno, then it may be there in part */
int wd_bytes_store(const struct wd_bytes *bytes, const char *path);

#endif /* WARDER_BYTES_H */
