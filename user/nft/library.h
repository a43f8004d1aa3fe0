/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.h - libnftables, which turns words into a transaction.
 *
 * Loaded when it is needed and not before: on most nodes programs load, and
 * nothing of it is wanted in the agent's memory. The interface of
 * libnftables.so.1 is stable since 0.9; Debian has it as libnftables1.
 */
#ifndef WARDER_NFT_LIBRARY_H
#define WARDER_NFT_LIBRARY_H

#include <stdbool.h>

struct wd_nft_library;

/**
 * wd_nft_library_open() - load it
 * @ret_error: on failure what to do, to be freed
 * Return: 0, -ELIBACC not there, -EOPNOTSUPP another interface, -ENOMEM.
 */
int wd_nft_library_open(struct wd_nft_library **ret_lib, char **ret_error);

/** wd_nft_library_close() - takes NULL */
void wd_nft_library_close(struct wd_nft_library *lib);

/**
 * wd_nft_run() - run commands as one transaction: all or none of them
 * @ret_error: on failure its first complaint, to be freed
 * Return: 0 or -errno of the kernel; -EINVAL if it did not get there.
 * Context: CAP_NET_ADMIN; acts on the caller's network namespace.
 */
int wd_nft_run(struct wd_nft_library *lib, const char *commands,
	       char **ret_error);

/**
 * wd_nft_list() - what a command prints, without what is counted
 * @elements: with elements of named sets
 * @ret_text: to be freed
 */
int wd_nft_list(struct wd_nft_library *lib, const char *command, bool elements,
		char **ret_text);

/** wd_nft_list_handles() - the same without elements of named sets, and with handles */
int wd_nft_list_handles(struct wd_nft_library *lib, const char *command,
			char **ret_text);

#endif /* WARDER_NFT_LIBRARY_H */
