/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * icmp.c - tables of words; the numbers are IANA's.
 */
#include "icmp.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct type {
	const char *name;
	uint8_t type;
};

/* Where a number has several names the first is printed. */
static const struct type types4[] = {
	{ "EchoReply", 0 },
	{ "DestinationUnreachable", 3 },
	{ "Redirect", 5 },
	{ "EchoRequest", 8 },
	{ "Echo", 8 },
	{ "RouterAdvertisement", 9 },
	{ "RouterSelection", 10 },
	{ "TimeExceeded", 11 },
	{ "ParameterProblem", 12 },
	{ "Timestamp", 13 },
	{ "TimestampReply", 14 },
	{ "Photuris", 40 },
	{ "ExtendedEchoRequest", 42 },
	{ "ExtendedEchoReply", 43 },
	{},
};

static const struct type types6[] = {
	{ "DestinationUnreachable", 1 },
	{ "PacketTooBig", 2 },
	{ "TimeExceeded", 3 },
	{ "ParameterProblem", 4 },
	{ "EchoRequest", 128 },
	{ "EchoReply", 129 },
	{ "MulticastListenerQuery", 130 },
	{ "MulticastListenerReport", 131 },
	{ "MulticastListenerDone", 132 },
	{ "RouterSolicitation", 133 },
	{ "RouterAdvertisement", 134 },
	{ "NeighborSolicitation", 135 },
	{ "NeighborAdvertisement", 136 },
	{ "RedirectMessage", 137 },
	{ "RouterRenumbering", 138 },
	{ "ICMPNodeInformationQuery", 139 },
	{ "ICMPNodeInformationResponse", 140 },
	{ "InverseNeighborDiscoverySolicitation", 141 },
	{ "InverseNeighborDiscoveryAdvertisement", 142 },
	{ "HomeAgentAddressDiscoveryRequest", 144 },
	{ "HomeAgentAddressDiscoveryReply", 145 },
	{ "MobilePrefixSolicitation", 146 },
	{ "MobilePrefixAdvertisement", 147 },
	{ "DuplicateAddressRequestCodeSuffix", 157 },
	{ "DuplicateAddressConfirmationCodeSuffix", 158 },
	{ "ExtendedEchoRequest", 160 },
	{ "ExtendedEchoReply", 161 },
	{},
};

const char *wd_icmp_name(uint8_t family, uint8_t type)
{
	const struct type *t = family == 4 ? types4 : types6;

	for (; t->name; t++)
		if (t->type == type)
			return t->name;
	return NULL;
}

int wd_icmp_find(uint8_t family, const char *name)
{
	const struct type *t = family == 4 ? types4 : types6;

	for (; t->name; t++)
		if (!strcmp(t->name, name))
			return t->type;
	return -ENOENT;
}

/* As the programs have it, bpf/parse.h and identity.h. */
bool wd_icmp_opens(uint8_t family, uint8_t type)
{
	if (family == 6)
		return type >= 128 && type != 129 && (type < 133 || type > 137);
	return type != 0 && (type < 3 || type > 5) && type != 11 && type != 12;
}

bool wd_icmp6_is_routers(uint8_t type)
{
	return type == 130 || type == 138 || type == 151;
}
