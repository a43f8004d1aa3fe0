/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.h - what commands, protocols, messages and errors are called.
 */
#ifndef WARDER_SELFTESTS_NAMES_H
#define WARDER_SELFTESTS_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_NAME_MAX 40 /* bytes of a name with its end, also of a number's */

/** wd_bpf_name() - of a command of bpf(2), without BPF_; a number if unknown */
void wd_bpf_name(uint32_t cmd, char ret_name[WD_NAME_MAX]);

/** wd_netlink_name() - of a protocol, without NETLINK_; a number if unknown */
void wd_netlink_name(uint32_t protocol, char ret_name[WD_NAME_MAX]);

/** wd_message_name() - of a message's type, without RTM_, NFT_MSG_; a number if unknown */
void wd_message_name(uint32_t protocol, uint16_t type,
		     char ret_name[WD_NAME_MAX]);

/** wd_bpf_known(), wd_netlink_known() - does the pattern of fnmatch(3) fit any name? */
bool wd_bpf_known(const char *pattern);
bool wd_netlink_known(const char *pattern);

/** wd_errno_number() - of "EPERM" or "1"; 0 if it is neither */
int wd_errno_number(const char *text);

#endif /* WARDER_SELFTESTS_NAMES_H */
