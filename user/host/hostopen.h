/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hostopen.h - what of this host stays open whatever policies say (--host-open).
 */
#ifndef WARDER_HOSTOPEN_H
#define WARDER_HOSTOPEN_H

/* ssh, the API server, the kubelet, etcd and its peers */
#define WD_HOST_OPEN_DEFAULT "22/tcp,6443/tcp,10250/tcp,2379-2380/tcp"

/* The name that its rules go by. */
#define WD_HOST_OPEN_NAME "warder-host-open"

/** wd_host_open_check() - PORT[-PORT][/PROTO] with commas between, or "none". Return: 0 or -EINVAL */
int wd_host_open_check(const char *list);

/**
 * wd_host_open_text() - a policy about nodes, as YAML, that lets these in from
 * everywhere, and out to the API server
 * @list: that wd_host_open_check() takes
 * Return: to be freed.
 */
char *wd_host_open_text(const char *list);

#endif /* WARDER_HOSTOPEN_H */
