/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * gen_own.c - a pod's own addresses as words of rules.
 *
 * One comparison each and no set in braces: what the kernel does for such a set
 * looks at all that the transaction has done so far, so that those of each pod
 * made the time to load grow by the square of the pods.
 */
#include <arpa/inet.h>
#include <string.h>

#include "base/byteorder.h"
#include "nft/gen_int.h"

static const uint32_t zero6[4];

static bool is_zero6(const __be32 *a)
{
	return memcmp(a, zero6, sizeof(zero6)) == 0;
}

bool wd_nft_ll6_known(const struct wd_endpoint_val *ep)
{
	return !is_zero6(ep->ll6);
}

/* IPv6 address number @i as it stands, the link-local one last. */
static const __be32 *addr6(const struct wd_endpoint_val *ep, int i)
{
	return i < WD_EP_ADDRS ? ep->ip6[i] : ep->ll6;
}

const __be32 *wd_nft_own6(const struct wd_endpoint_val *ep, int i)
{
	const __be32 *a = addr6(ep, i);

	if (is_zero6(a) || *(const uint8_t *)a == 0xff)
		return NULL;
	for (int j = 0; j < i; j++)
		if (memcmp(addr6(ep, j), a, sizeof(zero6)) == 0)
			return NULL;
	return a;
}

const __be32 *wd_nft_own4(const struct wd_endpoint_val *ep, int i)
{
	const __be32 *a = &ep->ip4[i];

	if (!*a || wd_host32(*a) >= 0xe0000000)
		return NULL;
	for (int j = 0; j < i; j++)
		if (ep->ip4[j] == *a)
			return NULL;
	return a;
}

/* The next there is from number @at on, which moves behind it; NULL: none. */
static const __be32 *next_own(const struct wd_endpoint_val *ep, int version,
			      int *at)
{
	int cnt = version == 4 ? WD_EP_ADDRS : WD_EP_ADDRS + 1;
	const __be32 *a = NULL;

	while (!a && *at < cnt) {
		a = version == 4 ? wd_nft_own4(ep, *at) : wd_nft_own6(ep, *at);
		++*at;
	}
	return a;
}

bool wd_nft_own_text(const struct wd_endpoint_val *ep, int version, int *at,
		     char text[WD_NFT_LIST])
{
	const __be32 *a = next_own(ep, version, at);

	return a && inet_ntop(version == 4 ? AF_INET : AF_INET6, a, text,
			      WD_NFT_LIST);
}

bool wd_nft_own_raw(const struct wd_endpoint_val *ep, int *at,
		    char text[WD_NFT_LIST])
{
	const __be32 *a = next_own(ep, 6, at);

	if (!a)
		return false;
	(void)snprintf(text, WD_NFT_LIST, "0x%08x%08x%08x%08x", wd_host32(a[0]),
		       wd_host32(a[1]), wd_host32(a[2]), wd_host32(a[3]));
	return true;
}

bool wd_nft_not_own(const struct wd_endpoint_val *ep, int version,
		    const char *field, char text[WD_NFT_LIST])
{
	char addr[WD_NFT_LIST];
	size_t at = 0;

	*text = '\0';
	for (int i = 0; wd_nft_own_text(ep, version, &i, addr);)
		at += (size_t)snprintf(text + at, WD_NFT_LIST - at,
				       "%s%s != %s", at ? " " : "", field,
				       addr);
	return at > 0;
}
