/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.c - see library.h.
 */
#include "nft/library.h"

#include <dlfcn.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "model/xalloc.h"
#include "net/rtnl.h"

#define SONAME "libnftables.so.1"

/* nftables/libnftables.h */
struct nft_ctx;
#define CTX_DEFAULT 0
#define OUTPUT_STATELESS (1U << 2)
#define OUTPUT_HANDLE (1U << 3)
#define OUTPUT_TERSE (1U << 11) /* does not even read elements */

struct wd_nft_library {
	void *handle;
	struct nft_ctx *ctx;
	struct nft_ctx *(*ctx_new)(uint32_t flags);
	void (*ctx_free)(struct nft_ctx *ctx);
	int (*buffer_output)(struct nft_ctx *ctx);
	const char *(*output)(struct nft_ctx *ctx);
	int (*buffer_error)(struct nft_ctx *ctx);
	const char *(*error)(struct nft_ctx *ctx);
	void (*output_set_flags)(struct nft_ctx *ctx, unsigned int flags);
	int (*run)(struct nft_ctx *ctx, const char *buf);
};

/* ISO C has no cast from an object's to a function's address. */
static int find(struct wd_nft_library *lib, void *to, const char *name)
{
	void *at = dlsym(lib->handle, name);

	if (!at)
		return -EOPNOTSUPP;
	memcpy(to, &at, sizeof(at));
	return 0;
}

static int find_all(struct wd_nft_library *lib)
{
	const struct {
		void *to;
		const char *name;
	} calls[] = {
		{ &lib->ctx_new, "nft_ctx_new" },
		{ &lib->ctx_free, "nft_ctx_free" },
		{ &lib->buffer_output, "nft_ctx_buffer_output" },
		{ &lib->output, "nft_ctx_get_output_buffer" },
		{ &lib->buffer_error, "nft_ctx_buffer_error" },
		{ &lib->error, "nft_ctx_get_error_buffer" },
		{ &lib->output_set_flags, "nft_ctx_output_set_flags" },
		{ &lib->run, "nft_run_cmd_from_buffer" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = find(lib, calls[i].to, calls[i].name);
	return err;
}

static int try_netfilter(void)
{
	struct mnl_socket *nl =
		mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int err = 0;

	if (!nl)
		return -errno;
	if (mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		err = -errno;
	(void)mnl_socket_close(nl);
	return err;
}

/* It asks for the names of interfaces; lo is in every namespace. */
static int try_route(void)
{
	union wd_rtnl_req req = { 0 };
	struct ifinfomsg *info;
	struct wd_rtnl nl;
	int err = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (err)
		return err;
	mnl_nlmsg_put_header(&req);
	req.head.nlmsg_type = RTM_GETLINK;
	info = mnl_nlmsg_put_extra_header(&req.head, sizeof(*info));
	info->ifi_index = 1;
	err = wd_rtnl_run(&nl, &req.head, NULL, NULL);
	wd_rtnl_close(&nl);
	return err;
}

/* The library ends the process where it gets no socket, so that is tried before. */
static int try_socket(void)
{
	int err = try_netfilter();

	return err ? err : try_route();
}

/* A context of its own for each use: it keeps what it read of the kernel. */
static int begin(struct wd_nft_library *lib)
{
	int err = try_socket();

	if (err)
		return err;
	lib->ctx = lib->ctx_new(CTX_DEFAULT);
	if (!lib->ctx)
		return -ENOMEM;
	if (lib->buffer_output(lib->ctx) || lib->buffer_error(lib->ctx)) {
		lib->ctx_free(lib->ctx);
		lib->ctx = NULL;
		return -ENOMEM;
	}
	return 0;
}

static void end(struct wd_nft_library *lib)
{
	lib->ctx_free(lib->ctx);
	lib->ctx = NULL;
}

int wd_nft_library_open(struct wd_nft_library **ret_lib, char **ret_error)
{
	struct wd_nft_library *lib = wd_xcalloc(1, sizeof(*lib));
	int err;

	lib->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!lib->handle) {
		*ret_error = wd_xprintf(
			"no nftables library: %s; install it (Debian: libnftables1)",
			dlerror());
		free(lib);
		return -ELIBACC;
	}
	err = find_all(lib);
	if (err) {
		*ret_error = wd_xprintf(
			SONAME " lacks calls of version 0.9 and later");
		wd_nft_library_close(lib);
		return err;
	}
	*ret_lib = lib;
	return 0;
}

void wd_nft_library_close(struct wd_nft_library *lib)
{
	if (!lib)
		return;
	(void)dlclose(lib->handle);
	free(lib);
}

/* The library says what went wrong in words only: the kernel's error is last. */
static int error_of(const char *text)
{
	static const int known[] = { ENOENT,   EEXIST,	     EPERM,
				     EACCES,   EOPNOTSUPP,   ENODEV,
				     EBUSY,    ENOMEM,	     ENOBUFS,
				     ENOSPC,   EAGAIN,	     EINTR,
				     EMSGSIZE, EPROTO,	     E2BIG,
				     ENFILE,   EMFILE,	     EMLINK,
				     ERANGE,   EAFNOSUPPORT, EPROTONOSUPPORT };

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(text, strerror(known[i])))
			return -known[i];
	return -EINVAL;
}

/* The first line: what and where; the rest are the words it was about. */
static char *first_line(const char *text)
{
	char *line = wd_xstrdup(text);

	line[strcspn(line, "\n")] = '\0';
	return line;
}

int wd_nft_run(struct wd_nft_library *lib, const char *commands,
	       char **ret_error)
{
	int err = begin(lib);

	if (err) {
		*ret_error = wd_xprintf("cannot talk to the kernel: %s",
					strerror(-err));
		return err;
	}
	if (lib->run(lib->ctx, commands)) {
		const char *said = lib->error(lib->ctx);

		err = error_of(said ? said : "");
		*ret_error = first_line(said ? said : "no reason given");
	}
	end(lib);
	return err;
}

static int list(struct wd_nft_library *lib, const char *command,
		unsigned int flags, char **ret_text)
{
	int err = begin(lib);

	if (err)
		return err;
	lib->output_set_flags(lib->ctx, OUTPUT_STATELESS | flags);
	if (lib->run(lib->ctx, command))
		err = error_of(lib->error(lib->ctx));
	else
		*ret_text = wd_xstrdup(lib->output(lib->ctx));
	end(lib);
	return err;
}

int wd_nft_list(struct wd_nft_library *lib, const char *command, bool elements,
		char **ret_text)
{
	return list(lib, command, elements ? 0 : OUTPUT_TERSE, ret_text);
}

int wd_nft_list_handles(struct wd_nft_library *lib, const char *command,
			char **ret_text)
{
	return list(lib, command, OUTPUT_TERSE | OUTPUT_HANDLE, ret_text);
}
