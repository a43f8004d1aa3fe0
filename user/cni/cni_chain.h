/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_chain.h - puts warder-cni into the plugin chain of a node, and takes it out.
 *
 * The chain is another's file, which its owner may write at any moment. It is
 * replaced whole, with one rename; what its owner wrote meanwhile is never lost.
 */
#ifndef WARDER_CNI_CHAIN_H
#define WARDER_CNI_CHAIN_H

#include <stdbool.h>

struct dirent;

#define WD_CNI_PLUGIN "warder-cni"
#define WD_CNI_CONF_DIR "/etc/cni/net.d"
#define WD_CNI_BIN_DIRS "/opt/cni/bin:/usr/lib/cni:/usr/local/lib/cni"

/**
 * wd_cni_chain_files() - configurations in a directory, as runtimes order them
 * The first is the one that counts.
 * @ret_entry: to be freed, each and the list
 * Return: how many, or -errno.
 */
int wd_cni_chain_files(const char *dir, struct dirent ***ret_entry);

/**
 * wd_cni_chain_is_list() - do runtimes read a file of this name or path as a list
 * Of one with another ending they take the whole file for one plugin.
 */
bool wd_cni_chain_is_list(const char *name);

/**
 * wd_cni_chain_add() - the plugin as the last one of the chain that counts
 * @run_dir: of the agent; written down if it is not the default
 * @ret_path: the file, to be freed; set also where nothing had to be done
 * @ret_error: why not, to be freed
 * Return: 1 changed, 0 it was there already, -ENOENT no configuration is there
 * yet, -EAGAIN somebody else writes it all the time, -EINVAL it cannot be
 * chained (*ret_error), -errno (*ret_error).
 */
int wd_cni_chain_add(const char *dir, const char *run_dir, char **ret_path,
		     char **ret_error);

/**
 * wd_cni_chain_remove() - the plugin out of every chain in the directory
 * What wd_cni_chain_add() did is undone to the byte.
 * Return: how many files were changed; -errno with *ret_error to be freed, the
 * other files are done all the same.
 */
int wd_cni_chain_remove(const char *dir, char **ret_error);

/**
 * wd_cni_plugin_put() - the program in a directory of plugins, whole or not at all
 * @from: its file
 * Return: 1 written, 0 it was there already (the same bytes, or a link to
 * @from), -errno with *ret_error to be freed.
 */
int wd_cni_plugin_put(const char *from, const char *dir, char **ret_error);

/** wd_cni_plugin_remove() - what wd_cni_plugin_put() wrote; links stay. Return: 1, 0 was not there, -errno */
int wd_cni_plugin_remove(const char *dir);

#endif /* WARDER_CNI_CHAIN_H */
