/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostseed.c - sockets of this host as flows, so that policy is asked about
 * each in the direction it was opened in, and the answers to what the host
 * asked are known as such.
 */
#include "hostseed.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <warder/abi.h>

#include "../agent/agent.h"
#include "../base/byteorder.h"
#include "../base/log.h"
#include "../net/diag.h"

static void words_of(const struct wd_addr *addr, __be32 word[4])
{
	memset(word, 0, 4 * sizeof(*word));
	if (addr->family == 4)
		word[0] = wd_be32_of(addr->v4);
	else
		memcpy(word, &addr->v6, sizeof(addr->v6));
}

/* The bytes of it, in whatever order: the programs fold them in the same. */
static uint8_t laddr_of(const __be32 own[4])
{
	uint32_t word[4];

	memcpy(word, own, sizeof(word));
	word[0] ^= word[1] ^ word[2] ^ word[3];
	return WD_HOST_LADDR(word[0]);
}

static int seed_one(struct wd_agent *agent, const struct wd_conn *conn)
{
	__be32 own[4], peer[4];
	struct wd_seed_in seed = {
		.key = { .ep = WD_HOST_KEY,
			 .lport = wd_be16(conn->lport),
			 .pport = wd_be16(conn->pport),
			 .proto = conn->proto,
			 .family = conn->peer.family },
		.life = conn->proto == IPPROTO_TCP ? WD_LIFE_TCP : WD_LIFE_UDP,
		.stat = WD_HOST_STAT,
		.dir = conn->inbound ? WD_INGRESS : WD_EGRESS,
	};

	words_of(&conn->local, own);
	words_of(&conn->peer, peer);
	seed.key.laddr = laddr_of(own);
	if (conn->peer.family == 4)
		seed.key.peer[3] = peer[0];
	else
		memcpy(seed.key.peer, peer, sizeof(peer));
	return wd_flow_seed(agent->dp, &seed, own);
}

/* Return: how many there are, or -errno. */
static int read_conns(struct wd_conn **ret_conn)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int cnt;

	if (fd < 0)
		return -errno;
	cnt = wd_diag_conns(fd, ret_conn);
	(void)close(fd);
	return cnt;
}

void wd_host_seed(struct wd_agent *agent)
{
	struct wd_conn *conns = NULL;
	int cnt = read_conns(&conns);
	int failed = 0;

	if (cnt < 0)
		wd_warn("host policy: reading connections: %s, those that are there may be cut",
			wd_errno(cnt));
	for (int i = 0; conns && i < cnt; i++)
		failed += seed_one(agent, &conns[i]) != 0;
	if (failed)
		wd_warn("host policy: %d of %d connections could not be kept",
			failed, cnt);
	free(conns);
}
