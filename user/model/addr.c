/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * addr.c - addresses and prefixes: strict reading, comparing, printing.
 *
 * Strict because two readings of one text are two networks: "010.0.0.0" is
 * refused, not taken as octal or decimal, and IPv4-mapped IPv6 is refused
 * because no such packet is on a wire.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "object.h"

static int parse_v4(const char *text, struct in_addr *ret)
{
	/* inet_pton() takes no leading zeros on glibc, but that is not written anywhere. */
	for (const char *at = text; *at; at++) {
		bool begins = at == text || at[-1] == '.';

		if (begins && at[0] == '0' && at[1] >= '0' && at[1] <= '9')
			return -EINVAL;
	}
	return inet_pton(AF_INET, text, ret) == 1 ? 0 : -EINVAL;
}

int wd_addr_parse(const char *text, struct wd_addr *ret_addr)
{
	struct wd_addr addr;

	memset(&addr, 0, sizeof(addr));
	if (strchr(text, ':')) {
		addr.family = 6;
		if (inet_pton(AF_INET6, text, &addr.v6) != 1 ||
		    IN6_IS_ADDR_V4MAPPED(&addr.v6))
			return -EINVAL;
	} else {
		addr.family = 4;
		if (parse_v4(text, &addr.v4))
			return -EINVAL;
	}
	*ret_addr = addr;
	return 0;
}

/* Four decimal numbers, with as many zeros before them as they like. */
static int parse_v4_loose(const char *text, struct in_addr *ret)
{
	uint32_t v4 = 0;

	for (int i = 0; i < 4; i++) {
		uint32_t nr = 0;

		if (i && *text != '.')
			return -EINVAL;
		text += !!i;
		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++) {
			nr = nr * 10 + (uint32_t)(*text - '0');
			if (nr > 255)
				return -EINVAL;
		}
		v4 = v4 << 8 | nr;
	}
	if (*text)
		return -EINVAL;
	ret->s_addr = htonl(v4);
	return 0;
}

/* An IPv6 address whose last four bytes are written as IPv4. */
static int parse_mixed(const char *text, const char *dotted,
		       struct in6_addr *ret)
{
	char whole[2 * INET6_ADDRSTRLEN];
	char tail[INET_ADDRSTRLEN];
	struct in_addr v4;
	int len;

	if (parse_v4_loose(dotted, &v4) ||
	    !inet_ntop(AF_INET, &v4, tail, sizeof(tail)))
		return -EINVAL;
	len = snprintf(whole, sizeof(whole), "%.*s%s", (int)(dotted - text),
		       text, tail);
	return len < (int)sizeof(whole) &&
			       inet_pton(AF_INET6, whole, ret) == 1 ?
		       0 :
		       -EINVAL;
}

int wd_addr_parse_loose(const char *text, struct wd_addr *ret_addr)
{
	const char *colon = strrchr(text, ':');
	struct wd_addr addr;
	struct in6_addr v6;

	if (!wd_addr_parse(text, ret_addr))
		return 0;
	memset(&addr, 0, sizeof(addr));
	if (!colon) {
		addr.family = 4;
		if (parse_v4_loose(text, &addr.v4))
			return -EINVAL;
	} else {
		if (strchr(colon, '.') ? parse_mixed(text, colon + 1, &v6) :
					 inet_pton(AF_INET6, text, &v6) != 1)
			return -EINVAL;
		addr.family = IN6_IS_ADDR_V4MAPPED(&v6) ? 4 : 6;
		if (addr.family == 4)
			memcpy(&addr.v4, &v6.s6_addr[12], sizeof(addr.v4));
		else
			addr.v6 = v6;
	}
	*ret_addr = addr;
	return 0;
}

static int parse_len(const char *text, uint8_t max, uint8_t *ret_len)
{
	unsigned int len = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		len = len * 10 + (unsigned int)(*text - '0');
		if (len > max)
			return -EINVAL;
	}
	*ret_len = (uint8_t)len;
	return 0;
}

static void mask(struct wd_cidr *cidr)
{
	uint8_t *byte = (uint8_t *)&cidr->addr.v6;
	uint8_t size = cidr->addr.family == 4 ? 4 : 16;

	for (uint8_t i = 0; i < size; i++) {
		if (cidr->len >= 8 * (i + 1))
			continue;
		byte[i] &= cidr->len <= 8 * i ?
				   0 :
				   (uint8_t)(0xff00U >> (cidr->len - 8 * i));
	}
}

int wd_cidr_parse(const char *text, struct wd_cidr *ret_cidr)
{
	const char *slash = strchr(text, '/');
	char head[WD_ADDR_STRLEN];
	struct wd_cidr cidr;

	memset(&cidr, 0, sizeof(cidr));
	if (!slash || (size_t)(slash - text) >= sizeof(head))
		return -EINVAL;
	memcpy(head, text, (size_t)(slash - text));
	head[slash - text] = '\0';
	if (wd_addr_parse(head, &cidr.addr) ||
	    parse_len(slash + 1, cidr.addr.family == 4 ? 32 : 128, &cidr.len))
		return -EINVAL;
	mask(&cidr);
	*ret_cidr = cidr;
	return 0;
}

static bool bits_equal(const void *a, const void *b, uint8_t bits)
{
	const uint8_t *x = a;
	const uint8_t *y = b;
	uint8_t whole = bits / 8;

	if (memcmp(x, y, whole) != 0)
		return false;
	return bits % 8 == 0 ||
	       !((x[whole] ^ y[whole]) & (uint8_t)(0xff00U >> (bits % 8)));
}

bool wd_cidr_has(const struct wd_cidr *cidr, const struct wd_addr *addr)
{
	return cidr->addr.family == addr->family &&
	       bits_equal(&cidr->addr.v6, &addr->v6, cidr->len);
}

bool wd_cidr_covers(const struct wd_cidr *outer, const struct wd_cidr *inner)
{
	return inner->len >= outer->len && wd_cidr_has(outer, &inner->addr);
}

bool wd_addr_equal(const struct wd_addr *a, const struct wd_addr *b)
{
	return a->family == b->family && memcmp(&a->v6, &b->v6,
						a->family == 4 ? 4 :
						a->family == 6 ? 16 :
								 0) == 0;
}

const char *wd_addr_str(const struct wd_addr *addr, char *buf)
{
	int family = addr->family == 6 ? AF_INET6 : AF_INET;

	if (!addr->family || !inet_ntop(family, &addr->v6, buf, WD_ADDR_STRLEN))
		(void)snprintf(buf, WD_ADDR_STRLEN, "none");
	return buf;
}

const char *wd_cidr_str(const struct wd_cidr *cidr, char *buf)
{
	size_t len;

	(void)wd_addr_str(&cidr->addr, buf);
	len = strlen(buf);
	(void)snprintf(buf + len, WD_ADDR_STRLEN - len, "/%u", cidr->len);
	return buf;
}
