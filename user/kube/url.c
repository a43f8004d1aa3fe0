/* SPDX-License-Identifier: GPL-2.0-only */
#include "url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../model/xalloc.h"

/* What is not unreserved (RFC 3986, 2.3) as %XX. */
char *wd_kube_url_encode(const char *text)
{
	char *out = wd_xcalloc(strlen(text) + 1, 3);
	char *at = out;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr("-._~", (char)c))
			*at++ = (char)c;
		else
			at += snprintf(at, 4, "%%%02X", c);
	}
	*at = '\0';
	return out;
}

char *wd_kube_url_list(const char *path, const char *select, uint32_t page,
		       const char *token)
{
	char *encoded = token ? wd_kube_url_encode(token) : NULL;
	char *url = wd_xprintf("%s?limit=%u%s%s%s", path, page, select,
			       encoded ? "&continue=" : "",
			       encoded ? encoded : "");

	free(encoded);
	return url;
}

char *wd_kube_url_watch(const char *path, const char *select, uint32_t seconds,
			const char *version)
{
	char *encoded = wd_kube_url_encode(version);
	char *url = wd_xprintf(
		"%s?watch=1&resourceVersion=%s&allowWatchBookmarks=true"
		"&timeoutSeconds=%u%s",
		path, encoded, seconds, select);

	free(encoded);
	return url;
}

/* No resourceVersion: nothing that is older than this request. */
char *wd_kube_url_initial(const char *path, const char *select,
			  uint32_t seconds)
{
	return wd_xprintf("%s?watch=1&sendInitialEvents=true"
			  "&resourceVersionMatch=NotOlderThan"
			  "&allowWatchBookmarks=true&timeoutSeconds=%u%s",
			  path, seconds, select);
}
