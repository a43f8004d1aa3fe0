/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include "model/xalloc.h"

#define SONAME "libmicrohttpd.so.12"

/* ISO C has no cast from an object's to a function's address. */
static int find(const struct wd_http *http, void *to, const char *name)
{
	void *at = dlsym(http->handle, name);

	if (!at)
		return -EOPNOTSUPP;
	memcpy(to, &at, sizeof(at));
	return 0;
}

static int find_all(struct wd_http *http)
{
	const struct {
		void *to;
		const char *name;
	} calls[] = {
		{ &http->start, "MHD_start_daemon" },
		{ &http->stop, "MHD_stop_daemon" },
		{ &http->run, "MHD_run" },
		{ &http->timeout, "MHD_get_timeout" },
		{ &http->info, "MHD_get_daemon_info" },
		{ &http->response, "MHD_create_response_from_buffer" },
		{ &http->header, "MHD_add_response_header" },
		{ &http->queue, "MHD_queue_response" },
		{ &http->put, "MHD_destroy_response" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = find(http, calls[i].to, calls[i].name);
	return err;
}

int wd_http_open(struct wd_http *http, char **ret_error)
{
	int err;

	http->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!http->handle) {
		*ret_error = wd_xprintf(
			"no HTTP library: %s; install it (Debian: libmicrohttpd12)",
			dlerror());
		return -ELIBACC;
	}
	err = find_all(http);
	if (err) {
		*ret_error =
			wd_xprintf(SONAME " lacks calls of version 0.9.71");
		wd_http_close(http);
	}
	return err;
}

void wd_http_close(struct wd_http *http)
{
	if (http->handle)
		(void)dlclose(http->handle);
	*http = (struct wd_http){ 0 };
}
