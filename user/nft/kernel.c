/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel.c - see kernel.h.
 */
#include "nft/kernel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/byteorder.h"
#include "model/xalloc.h"

static const uint8_t families[WD_NFT_FAMILIES] = {
	[WD_NFT_INET] = NFPROTO_INET,
	[WD_NFT_BRIDGE] = NFPROTO_BRIDGE,
	[WD_NFT_NETDEV] = NFPROTO_NETDEV,
	[WD_NFT_ARP] = NFPROTO_ARP,
};

static struct nlmsghdr *message(void *buf, uint16_t type, uint16_t flags,
				uint8_t family, uint16_t res_id)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *nfg;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = (uint32_t)time(NULL);
	nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));
	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	nfg->res_id = wd_be16(res_id);
	return nlh;
}

static uint16_t nft_type(uint16_t msg)
{
	return NFNL_SUBSYS_NFTABLES << 8 | msg;
}

#define ANSWER_BYTES 32768 /* of a part of a listing */

/* Send, and hand each answer to @cb until the kernel says it was the last. */
static int talk(const void *buf, size_t len, uint32_t seq, mnl_cb_t cb,
		void *ctx)
{
	struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	char *answer;
	int ret = -1;

	if (!nl)
		return -errno;
	answer = wd_xcalloc(1, ANSWER_BYTES);
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 &&
	    mnl_socket_sendto(nl, buf, len) >= 0) {
		unsigned int port = mnl_socket_get_portid(nl);
		ssize_t got;

		do {
			got = mnl_socket_recvfrom(nl, answer, ANSWER_BYTES);
			ret = got < 0 ? -1 :
					mnl_cb_run(answer, (size_t)got, seq,
						   port, cb, ctx);
		} while (ret > 0);
	}
	ret = ret < 0 ? -errno : 0;
	free(answer);
	(void)mnl_socket_close(nl);
	return ret;
}

int wd_nft_kernel_dump(const struct wd_nft_kernel_ask *ask, mnl_cb_t cb,
		       void *ctx)
{
	char buf[256];
	struct nlmsghdr *nlh = message(buf, nft_type(ask->msg), NLM_F_DUMP,
				       families[ask->family], 0);

	/* of tables all are listed; the others have this attribute alike */
	if (ask->all)
		((struct nfgenmsg *)mnl_nlmsg_get_payload(nlh))->nfgen_family =
			NFPROTO_UNSPEC;
	if (ask->table)
		mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, ask->table);
	if (ask->set)
		mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, ask->set);
	return talk(nlh, nlh->nlmsg_len, nlh->nlmsg_seq, cb, ctx);
}

/* A listing that a transaction got into is begun again. */
static int dump(const struct wd_nft_kernel_ask *ask, mnl_cb_t cb, void *ctx)
{
	int err = -EINTR;

	for (int i = 0; err == -EINTR && i < WD_NFT_KERNEL_TRIES; i++)
		err = wd_nft_kernel_dump(ask, cb, ctx);
	return err;
}

struct attrs {
	const struct nlattr **at;
	uint16_t max;
};

static int take_attr(const struct nlattr *attr, void *ctx)
{
	struct attrs *attrs = ctx;
	uint16_t type = mnl_attr_get_type(attr);

	if (type <= attrs->max)
		attrs->at[type] = attr;
	return MNL_CB_OK;
}

int wd_nft_kernel_parse(const struct nlmsghdr *nlh, const struct nlattr **at,
			uint16_t max)
{
	struct attrs attrs = { at, max };

	return mnl_attr_parse(nlh, sizeof(struct nfgenmsg), take_attr, &attrs);
}

static bool is_named(const struct nlattr *name, const char *want)
{
	return name && !mnl_attr_validate(name, MNL_TYPE_NUL_STRING) &&
	       strcmp(mnl_attr_get_str(name), want) == 0;
}

/* ---- generation ---- */

static int got_gen(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_GEN_MAX + 1] = { 0 };

	if (wd_nft_kernel_parse(nlh, at, NFTA_GEN_MAX) < 0 || !at[NFTA_GEN_ID])
		return MNL_CB_OK;
	*(uint32_t *)ctx = ntohl(mnl_attr_get_u32(at[NFTA_GEN_ID]));
	return MNL_CB_OK;
}

int wd_nft_kernel_gen(uint32_t *ret_gen)
{
	char buf[256];
	struct nlmsghdr *nlh =
		message(buf, nft_type(NFT_MSG_GETGEN), NLM_F_ACK, AF_UNSPEC, 0);

	return talk(nlh, nlh->nlmsg_len, nlh->nlmsg_seq, got_gen, ret_gen);
}

/* ---- tables ---- */

struct tables {
	const char *name;
	bool *there; /* by family */
};

static int got_table(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_TABLE_MAX + 1] = { 0 };
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct tables *tables = ctx;

	if (wd_nft_kernel_parse(nlh, at, NFTA_TABLE_MAX) < 0 ||
	    !is_named(at[NFTA_TABLE_NAME], tables->name))
		return MNL_CB_OK;
	for (int i = 0; i < WD_NFT_FAMILIES; i++)
		if (families[i] == nfg->nfgen_family)
			tables->there[i] = true;
	return MNL_CB_OK;
}

int wd_nft_kernel_tables(const char *name, bool ret_table[WD_NFT_FAMILIES])
{
	struct tables tables = { name, ret_table };
	static const struct wd_nft_kernel_ask ask = { .msg = NFT_MSG_GETTABLE,
						      .all = true };
	int err;

	memset(ret_table, 0, WD_NFT_FAMILIES * sizeof(*ret_table));
	err = dump(&ask, got_table, &tables);
	/* nfnetlink is there, the module nf_tables is not and nothing loads it */
	return err == -EINVAL ? -EPROTONOSUPPORT : err;
}

int wd_nft_kernel_delete(const char *name, const bool table[WD_NFT_FAMILIES])
{
	char buf[1024];
	size_t len = 0;
	struct nlmsghdr *nlh;
	uint32_t seq;

	nlh = message(buf, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC,
		      NFNL_SUBSYS_NFTABLES);
	seq = nlh->nlmsg_seq;
	len += nlh->nlmsg_len;
	for (int i = 0; i < WD_NFT_FAMILIES; i++) {
		if (!table[i])
			continue;
		nlh = message(buf + len, nft_type(NFT_MSG_DELTABLE), 0,
			      families[i], 0);
		mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
		nlh->nlmsg_seq = seq;
		len += MNL_ALIGN(nlh->nlmsg_len);
	}
	/* one answer for the last of them: that the rest was done, too */
	nlh->nlmsg_flags |= NLM_F_ACK;
	nlh = message(buf + len, NFNL_MSG_BATCH_END, 0, AF_UNSPEC,
		      NFNL_SUBSYS_NFTABLES);
	nlh->nlmsg_seq = seq;
	len += nlh->nlmsg_len;
	return talk(buf, len, seq, NULL, NULL);
}

/* ---- chains ---- */

struct chains {
	const char *table;
	void (*fn)(void *ctx, const char *name);
	void *ctx;
};

static int got_chain(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_CHAIN_MAX + 1] = { 0 };
	const struct chains *chains = ctx;

	if (wd_nft_kernel_parse(nlh, at, NFTA_CHAIN_MAX) < 0 ||
	    !is_named(at[NFTA_CHAIN_TABLE], chains->table) ||
	    !at[NFTA_CHAIN_NAME])
		return MNL_CB_OK;
	chains->fn(chains->ctx, mnl_attr_get_str(at[NFTA_CHAIN_NAME]));
	return MNL_CB_OK;
}

int wd_nft_kernel_chains(const char *table, enum wd_nft_family family,
			 void (*fn)(void *ctx, const char *name), void *ctx)
{
	struct chains chains = { table, fn, ctx };
	const struct wd_nft_kernel_ask ask = { .msg = NFT_MSG_GETCHAIN,
					       .family = family,
					       .table = table };

	return dump(&ask, got_chain, &chains);
}

/* ---- counters ---- */

struct counters {
	const char *table;
	void (*fn)(void *ctx, const char *name, uint64_t packets,
		   uint64_t bytes);
	void *ctx;
};

static uint64_t be64_of(const struct nlattr *attr)
{
	return attr ? be64toh(mnl_attr_get_u64(attr)) : 0;
}

static int got_object(const struct nlmsghdr *nlh, void *ctx)
{
	const struct nlattr *at[NFTA_OBJ_MAX + 1] = { 0 };
	const struct nlattr *data[NFTA_COUNTER_MAX + 1] = { 0 };
	struct attrs inner = { data, NFTA_COUNTER_MAX };
	const struct counters *counters = ctx;

	if (wd_nft_kernel_parse(nlh, at, NFTA_OBJ_MAX) < 0 ||
	    !is_named(at[NFTA_OBJ_TABLE], counters->table) ||
	    !at[NFTA_OBJ_NAME] || !at[NFTA_OBJ_TYPE] || !at[NFTA_OBJ_DATA])
		return MNL_CB_OK;
	if (ntohl(mnl_attr_get_u32(at[NFTA_OBJ_TYPE])) != NFT_OBJECT_COUNTER)
		return MNL_CB_OK;
	if (mnl_attr_parse_nested(at[NFTA_OBJ_DATA], take_attr, &inner) < 0)
		return MNL_CB_OK;
	counters->fn(counters->ctx, mnl_attr_get_str(at[NFTA_OBJ_NAME]),
		     be64_of(data[NFTA_COUNTER_PACKETS]),
		     be64_of(data[NFTA_COUNTER_BYTES]));
	return MNL_CB_OK;
}

int wd_nft_kernel_counters(const char *table,
			   void (*fn)(void *ctx, const char *name,
				      uint64_t packets, uint64_t bytes),
			   void *ctx)
{
	struct counters counters = { table, fn, ctx };
	const struct wd_nft_kernel_ask ask = { .msg = NFT_MSG_GETOBJ,
					       .all = true,
					       .table = table };

	return wd_nft_kernel_dump(&ask, got_object, &counters);
}
