/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * archive.h - `warder bugreport FILE`: what the commands of this program say
 * now, each in a file of one tar.
 */
#ifndef WARDER_ARCHIVE_H
#define WARDER_ARCHIVE_H

struct wd_args;

/**
 * wd_archive() - make @path, which only its owner may read
 * @state_dir: of the agent
 * Context: forks for each command; nothing may wait in stdout.
 * Return: WD_EXIT_OK, or WD_EXIT_NO after having said why.
 */
int wd_archive(const struct wd_args *args, const char *path,
	       const char *state_dir);

#endif /* WARDER_ARCHIVE_H */
