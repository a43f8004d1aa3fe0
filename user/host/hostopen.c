/* SPDX-License-Identifier: GPL-2.0-only */
#include "hostopen.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../model/xalloc.h"

/* The API takes so many in one rule. */
#define PORTS_MAX 40

struct range {
	uint16_t lo, hi;
	const char *proto;
};

/* A port at *text, which goes on behind it. Return: 0 none */
static uint16_t read_port(const char **text)
{
	char *end;
	unsigned long nr;

	if (!isdigit((unsigned char)**text))
		return 0;
	nr = strtoul(*text, &end, 10);
	*text = end;
	return nr <= UINT16_MAX ? (uint16_t)nr : 0;
}

static int read_proto(const char *text, size_t len, const char **ret)
{
	static const char *const names[] = { "TCP", "UDP", "SCTP" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (strlen(names[i]) == len &&
		    !strncasecmp(names[i], text, len)) {
			*ret = names[i];
			return 0;
		}
	}
	return -EINVAL;
}

/* One of the list at *text, which goes on behind its comma. */
static int read_range(const char **text, struct range *ret)
{
	const char *at = *text;
	size_t len = strcspn(at, ",");
	const char *end = at + len;

	ret->proto = "TCP";
	ret->lo = ret->hi = read_port(&at);
	if (*at == '-') {
		at++;
		ret->hi = read_port(&at);
	}
	if (!ret->lo || ret->hi < ret->lo)
		return -EINVAL;
	if (*at == '/') {
		if (read_proto(at + 1, (size_t)(end - at) - 1, &ret->proto))
			return -EINVAL;
		at = end;
	}
	if (at != end || (*end && !end[1]))
		return -EINVAL;
	*text = *end ? end + 1 : end;
	return 0;
}

int wd_host_open_check(const char *list)
{
	struct range range;
	int cnt = 0, err = 0;

	if (!strcmp(list, "none"))
		return 0;
	if (!*list)
		return -EINVAL;
	while (!err && *list) {
		err = read_range(&list, &range);
		if (++cnt > PORTS_MAX)
			err = -EINVAL;
	}
	return err;
}

static char *ports_text(const char *list)
{
	char *all = wd_xstrdup("");
	struct range range;

	while (*list && !read_range(&list, &range)) {
		char *more = wd_xprintf(
			"%s%s{port: \"%u\", endPort: %u, protocol: %s}", all,
			*all ? ", " : "", range.lo, range.hi, range.proto);

		free(all);
		all = more;
	}
	return all;
}

char *wd_host_open_text(const char *list)
{
	bool none = !strcmp(list, "none");
	char *ports = none ? wd_xstrdup("") : ports_text(list);
	char *text = wd_xprintf(
		"{apiVersion: cilium.io/v2, kind: CiliumClusterwideNetworkPolicy, "
		"metadata: {name: " WD_HOST_OPEN_NAME
		"}, spec: {nodeSelector: {}, "
		"enableDefaultDeny: {ingress: false, egress: false}, "
		"%s%s%segress: [{toEntities: [kube-apiserver]}]}}",
		none ? "" :
		       "ingress: [{fromEntities: [all], toPorts: [{ports: [",
		ports, none ? "" : "]}]}], ");

	free(ports);
	return text;
}
