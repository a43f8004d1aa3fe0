/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * names.c - tables of names, as in the kernel's headers.
 */
#include "names.h"

#include <ctype.h>
#include <fnmatch.h>
#include <linux/bpf.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ERRNO 4095 /* the kernel's, errors no libc knows among them */

struct name {
	const char *name;
	uint32_t nr;
};

#define BPF(x) { #x, BPF_##x }
static const struct name bpf_names[] = {
	BPF(MAP_CREATE),
	BPF(MAP_LOOKUP_ELEM),
	BPF(MAP_UPDATE_ELEM),
	BPF(MAP_DELETE_ELEM),
	BPF(MAP_GET_NEXT_KEY),
	BPF(PROG_LOAD),
	BPF(OBJ_PIN),
	BPF(OBJ_GET),
	BPF(PROG_ATTACH),
	BPF(PROG_DETACH),
	{ "PROG_TEST_RUN", BPF_PROG_TEST_RUN },
	BPF(PROG_GET_NEXT_ID),
	BPF(MAP_GET_NEXT_ID),
	BPF(PROG_GET_FD_BY_ID),
	BPF(MAP_GET_FD_BY_ID),
	BPF(OBJ_GET_INFO_BY_FD),
	BPF(PROG_QUERY),
	BPF(BTF_LOAD),
	BPF(BTF_GET_FD_BY_ID),
	BPF(MAP_LOOKUP_AND_DELETE_ELEM),
	BPF(MAP_FREEZE),
	BPF(MAP_LOOKUP_BATCH),
	BPF(MAP_UPDATE_BATCH),
	BPF(MAP_DELETE_BATCH),
	BPF(LINK_CREATE),
	BPF(LINK_UPDATE),
	BPF(LINK_GET_FD_BY_ID),
	BPF(LINK_GET_NEXT_ID),
	BPF(LINK_DETACH),
	BPF(PROG_BIND_MAP),
	{ NULL, 0 },
};

#define PROTOCOL(x) { #x, NETLINK_##x }
static const struct name netlink_names[] = {
	PROTOCOL(ROUTE),   PROTOCOL(NETFILTER), PROTOCOL(SOCK_DIAG),
	PROTOCOL(GENERIC), { NULL, 0 },
};

#define RTM(x) { #x, RTM_##x }
static const struct name route_names[] = {
	RTM(NEWLINK),	 RTM(DELLINK),	RTM(GETLINK),	 RTM(SETLINK),
	RTM(NEWADDR),	 RTM(DELADDR),	RTM(GETADDR),	 RTM(NEWQDISC),
	RTM(DELQDISC),	 RTM(GETQDISC), RTM(NEWTFILTER), RTM(DELTFILTER),
	RTM(GETTFILTER), RTM(NEWROUTE), RTM(DELROUTE),	 RTM(GETROUTE),
	{ NULL, 0 },
};

#define NFT(x) { #x, NFT_MSG_##x }
static const struct name nft_names[] = {
	NFT(NEWTABLE),	 NFT(GETTABLE),	  NFT(DELTABLE),   NFT(NEWCHAIN),
	NFT(GETCHAIN),	 NFT(DELCHAIN),	  NFT(NEWRULE),	   NFT(GETRULE),
	NFT(DELRULE),	 NFT(NEWSET),	  NFT(GETSET),	   NFT(DELSET),
	NFT(NEWSETELEM), NFT(GETSETELEM), NFT(DELSETELEM), NFT(GETGEN),
	NFT(NEWOBJ),	 NFT(GETOBJ),	  NFT(DELOBJ),	   { NULL, 0 },
};

static const struct name batch_names[] = {
	{ "BATCH_BEGIN", NFNL_MSG_BATCH_BEGIN },
	{ "BATCH_END", NFNL_MSG_BATCH_END },
	{ NULL, 0 },
};

static void name_of(const struct name *table, uint32_t nr,
		    char ret_name[WD_NAME_MAX])
{
	snprintf(ret_name, WD_NAME_MAX, "%u", nr);
	for (; table->name; table++) {
		if (table->nr == nr)
			snprintf(ret_name, WD_NAME_MAX, "%s", table->name);
	}
}

void wd_bpf_name(uint32_t cmd, char ret_name[WD_NAME_MAX])
{
	name_of(bpf_names, cmd, ret_name);
}

void wd_netlink_name(uint32_t protocol, char ret_name[WD_NAME_MAX])
{
	name_of(netlink_names, protocol, ret_name);
}

void wd_message_name(uint32_t protocol, uint16_t type,
		     char ret_name[WD_NAME_MAX])
{
	if (protocol == NETLINK_ROUTE)
		name_of(route_names, type, ret_name);
	else if (protocol == NETLINK_NETFILTER && type < NLMSG_MIN_TYPE + 2)
		name_of(batch_names, type, ret_name);
	else if (protocol == NETLINK_NETFILTER &&
		 NFNL_SUBSYS_ID(type) == NFNL_SUBSYS_NFTABLES)
		name_of(nft_names, NFNL_MSG_TYPE(type), ret_name);
	else
		snprintf(ret_name, WD_NAME_MAX, "%u", type);
}

static bool is_known(const struct name *table, const char *pattern)
{
	if (isdigit((unsigned char)*pattern))
		return true;
	for (; table->name; table++) {
		if (!fnmatch(pattern, table->name, 0))
			return true;
	}
	return false;
}

bool wd_bpf_known(const char *pattern)
{
	return is_known(bpf_names, pattern);
}

bool wd_netlink_known(const char *pattern)
{
	return is_known(netlink_names, pattern);
}

int wd_errno_number(const char *text)
{
	char *end;
	unsigned long nr = strtoul(text, &end, 10);

	if (isdigit((unsigned char)*text))
		return *end || nr > MAX_ERRNO ? 0 : (int)nr;
	for (int i = 1; i <= MAX_ERRNO; i++) {
		const char *name = strerrorname_np(i);

		if (name && !strcmp(name, text))
			return i;
	}
	return 0;
}
