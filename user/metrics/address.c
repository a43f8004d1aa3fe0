/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Who is gone still takes its turn: few turns, so that it is over soon. */
#define BACKLOG 16

/* ---- reading ---- */

static int read_port(const char *text, in_port_t *ret_port)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end || !port || port > 65535)
		return -EINVAL;
	*ret_port = htons((uint16_t)port);
	return 0;
}

static int read_path(const char *path, struct wd_metrics_address *addr)
{
	if (*path != '/' || path[strlen(path) - 1] == '/')
		return -EINVAL;
	if (strlen(path) >= sizeof(addr->un.sun_path))
		return -ENAMETOOLONG;
	addr->un.sun_family = AF_UNIX;
	memcpy(addr->un.sun_path, path, strlen(path) + 1);
	addr->len = sizeof(addr->un);
	return 0;
}

/* @host: without brackets. A v6 one needs them: where it ends is not clear otherwise. */
static int read_host(const char *host, bool in_brackets,
		     struct wd_metrics_address *addr)
{
	if (in_brackets) {
		addr->in6.sin6_family = AF_INET6;
		addr->len = sizeof(addr->in6);
		return inet_pton(AF_INET6, host, &addr->in6.sin6_addr) == 1 ?
			       0 :
			       -EINVAL;
	}
	addr->in.sin_family = AF_INET;
	addr->len = sizeof(addr->in);
	return inet_pton(AF_INET, host, &addr->in.sin_addr) == 1 ? 0 : -EINVAL;
}

int wd_metrics_address(const char *text, struct wd_metrics_address *ret_addr)
{
	struct wd_metrics_address addr = { .len = 0 };
	const char *colon = strrchr(text, ':');
	const char *begin = *text == '[' ? text + 1 : text;
	const char *end = colon;
	char host[INET6_ADDRSTRLEN] = "127.0.0.1";
	int err;

	if (!strncmp(text, "unix:", 5)) {
		err = read_path(text + 5, &addr);
		if (!err)
			*ret_addr = addr;
		return err;
	}
	if (*text == '[' && (!colon || *--end != ']'))
		return -EINVAL;
	if (colon) {
		if ((size_t)(end - begin) >= sizeof(host))
			return -EINVAL;
		memcpy(host, begin, (size_t)(end - begin));
		host[end - begin] = '\0';
	}
	err = read_host(host, *text == '[', &addr);
	/* both families have it at the same place */
	if (!err)
		err = read_port(colon ? colon + 1 : text, &addr.in.sin_port);
	if (!err)
		*ret_addr = addr;
	return err;
}

/* ---- listening ---- */

/* Does somebody answer? Return: -EADDRINUSE then, or 0 with nothing there any more. */
static int clear_path(const struct wd_metrics_address *addr)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(addr->un.sun_path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!connect(fd, &addr->sa, addr->len) || errno != ECONNREFUSED)
		err = -EADDRINUSE;
	(void)close(fd);
	if (!err && unlink(addr->un.sun_path) && errno != ENOENT)
		err = -errno;
	return err;
}

static int bind_path(int fd, const struct wd_metrics_address *addr)
{
	int err = clear_path(addr);
	mode_t mask;

	if (err)
		return err;
	mask = umask(0177);
	if (bind(fd, &addr->sa, addr->len))
		err = -errno;
	(void)umask(mask);
	return err;
}

static int bind_port(int fd, const struct wd_metrics_address *addr)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)))
		return -errno;
	if (addr->sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -errno;
	return bind(fd, &addr->sa, addr->len) ? -errno : 0;
}

int wd_metrics_listen(const struct wd_metrics_address *addr)
{
	int fd = socket(addr->sa.sa_family,
			SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	err = addr->sa.sa_family == AF_UNIX ? bind_path(fd, addr) :
					      bind_port(fd, addr);
	if (!err && listen(fd, BACKLOG))
		err = -errno;
	if (!err)
		return fd;
	(void)close(fd);
	return err;
}
