/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * byteorder.h - the border between the types of glibc, where an address or a
 * port in network byte order is a plain integer, and those of the ABI, which
 * say __be16 and __be32. sparse then finds each value that crosses it unswapped.
 */
#ifndef WARDER_BYTEORDER_H
#define WARDER_BYTEORDER_H

#include <arpa/inet.h>
#include <linux/types.h>
#include <netinet/in.h>
#include <stdint.h>

#ifdef __CHECKER__
#define WD_FORCE __attribute__((force))
#else
#define WD_FORCE
#endif

/* @host: in host byte order. Return: the same value for a field of the ABI. */
static inline __be16 wd_be16(uint16_t host)
{
	return (WD_FORCE __be16)htons(host);
}

static inline __be32 wd_be32(uint32_t host)
{
	return (WD_FORCE __be32)htonl(host);
}

/* @net: a field of the ABI or of netlink. Return: it in host byte order. */
static inline uint16_t wd_host16(__be16 net)
{
	return ntohs((WD_FORCE uint16_t)net);
}

static inline uint32_t wd_host32(__be32 net)
{
	return ntohl((WD_FORCE uint32_t)net);
}

/* Both in network byte order; only the type changes. */
static inline __be32 wd_be32_of(struct in_addr addr)
{
	return (WD_FORCE __be32)addr.s_addr;
}

static inline struct in_addr wd_in_addr(__be32 net)
{
	return (struct in_addr){ (WD_FORCE in_addr_t)net };
}

#endif /* WARDER_BYTEORDER_H */
