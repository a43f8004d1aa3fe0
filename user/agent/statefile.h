/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * statefile.h - files of the state directory, written whole or not at all.
 */
#ifndef WARDER_STATEFILE_H
#define WARDER_STATEFILE_H

struct iovec;
struct json_object;

/**
 * wd_dir_make() - a directory with its parents, mode 0700 for what is made
 * Return: 0 also if it was there, else -errno.
 */
int wd_dir_make(const char *path);

/**
 * wd_statefile_write() - replace <dir>/<name> (temporary file, fsync, rename, fsync of the directory)
 * @json: an object; what is written has a key "checksum" of its other keys before them
 * Return: 0, or -errno with the old file untouched.
 */
int wd_statefile_write(const char *dir, const char *name,
		       struct json_object *json);

/** wd_statefile_put() - the same for any bytes: @cnt parts one after the other */
int wd_statefile_put(const char *dir, const char *name,
		     const struct iovec *part, int cnt);

/**
 * wd_statefile_read() - parse <dir>/<name>, whose key "version" is 1 if it has one,
 * and "checksum" the right one; of agents that wrote none it is believed as it is
 * Return: 0; -ENOENT; and noted as unread, which see, with the file in its place until
 *         it is replaced: -EBADMSG if it is no JSON object, or not the one that
 *         was written; -ENOTSUP: of another version; -EFBIG above 256 MiB; -errno if it cannot be read.
 */
int wd_statefile_read(const char *dir, const char *name,
		      struct json_object **ret_json);

#endif /* WARDER_STATEFILE_H */
