/* SPDX-License-Identifier: GPL-2.0-only */
#include "curl.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "../model/xalloc.h"

#define SONAME "libcurl-gnutls.so.4"

/* ISO C has no cast from an object's to a function's address. */
static int find(const struct wd_curl *curl, void *to, const char *name)
{
	void *at = dlsym(curl->handle, name);

	if (!at)
		return -EOPNOTSUPP;
	memcpy(to, &at, sizeof(at));
	return 0;
}

static int find_all(struct wd_curl *curl)
{
	const struct {
		void *to;
		const char *name;
	} calls[] = {
		{ &curl->global_init, "curl_global_init" },
		{ &curl->easy_init, "curl_easy_init" },
		{ &curl->easy_cleanup, "curl_easy_cleanup" },
		{ &curl->easy_setopt, "curl_easy_setopt" },
		{ &curl->easy_getinfo, "curl_easy_getinfo" },
		{ &curl->easy_strerror, "curl_easy_strerror" },
		{ &curl->multi_init, "curl_multi_init" },
		{ &curl->multi_cleanup, "curl_multi_cleanup" },
		{ &curl->multi_setopt, "curl_multi_setopt" },
		{ &curl->multi_add, "curl_multi_add_handle" },
		{ &curl->multi_remove, "curl_multi_remove_handle" },
		{ &curl->multi_action, "curl_multi_socket_action" },
		{ &curl->multi_info, "curl_multi_info_read" },
		{ &curl->multi_strerror, "curl_multi_strerror" },
		{ &curl->slist_append, "curl_slist_append" },
		{ &curl->slist_free, "curl_slist_free_all" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = find(curl, calls[i].to, calls[i].name);
	return err;
}

int wd_curl_open(struct wd_curl *curl, char **ret_error)
{
	int err;

	/* Not unloaded again: GnuTLS and its like leave threads' keys behind. */
	curl->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!curl->handle) {
		*ret_error = wd_xprintf(
			"no HTTP library: %s; install it (Debian: libcurl3-gnutls)",
			dlerror());
		return -ELIBACC;
	}
	err = find_all(curl);
	if (!err && curl->global_init(CURL_GLOBAL_ALL))
		err = -EOPNOTSUPP;
	if (err) {
		*ret_error = wd_xprintf(SONAME " is older than 7.85");
		wd_curl_close(curl);
	}
	return err;
}

void wd_curl_close(struct wd_curl *curl)
{
	if (curl->handle)
		(void)dlclose(curl->handle);
	*curl = (struct wd_curl){ 0 };
}
