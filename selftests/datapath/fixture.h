/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fixture.h - a node and a pod in namespaces of the test's own.
 *
 * The test process is the node: its network and mount namespaces die with it,
 * and with them every interface, bpffs, pin and attachment, however it ends.
 * A pod is one more network namespace behind a veth.
 */
#ifndef WARDER_SELFTESTS_DATAPATH_FIXTURE_H
#define WARDER_SELFTESTS_DATAPATH_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "datapath/datapath.h"

#define WD_FX_ROOT "/mnt/wdt" /* a tmpfs of the test's own */
#define WD_FX_BPFFS WD_FX_ROOT "/node/bpf"

#define WD_FX_NODE_IP "10.11.0.1"
#define WD_FX_POD_IP "10.11.0.2"

/* What wd_fx_policy() makes the pod's policy say of UDP it sends. */
enum wd_fx_policy {
	WD_FX_NONE, /* no slot: NOT_READY */
	WD_FX_ALLOW, /* not isolated */
	WD_FX_DENY, /* isolated, no rule */
};

/* What becomes of programs between the object and the kernel. */
enum wd_fx_variant {
	WD_FX_AS_BUILT,
	WD_FX_OTHER_TAG, /* one instruction in another encoding, same meaning */
	WD_FX_PASS_ALL, /* a program that lets everything pass */
	WD_FX_INVALID, /* no verifier takes it */
};

extern enum wd_fx_variant wd_fx_variant;

/* Only programs whose name begins so are varied; NULL: all. */
extern const char *wd_fx_varied;

struct wd_fx_pod {
	char name[16]; /* of the interface on the node's side */
	uint32_t ifindex; /* the same interface */
	int netns; /* the pod's network namespace */
	int node_udp; /* bound to WD_FX_NODE_IP, a port of its own */
	int pod_udp; /* bound in the pod */
};

/** wd_fx_enter() - become a node: new namespaces, tmpfs; ends the test on failure */
void wd_fx_enter(void);

/** wd_fx_run() - run a command, quietly. Return: true if it succeeded */
bool wd_fx_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * wd_fx_ip() - run lines of commands of ip in namespace @ns, in one process
 *
 * Return: true if all succeeded; those behind the first that did not are not run.
 */
bool wd_fx_ip(const char *ns, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** wd_fx_size() - of a file, 0 if there is none: where what it will say begins */
long wd_fx_size(const char *path);

/** wd_fx_says() - is @text in a line of the file behind its first @from bytes? */
bool wd_fx_says(const char *path, long from, const char *text);

/** wd_fx_veth() - a veth pair @name, @name-p; netkit where there is no veth. Return: ifindex of the first, 0 if it failed */
uint32_t wd_fx_veth(const char *name);

/** wd_fx_pod_new() - a pod with addresses and sockets; false if it failed */
bool wd_fx_pod_new(struct wd_fx_pod *pod, const char *name);
void wd_fx_pod_free(struct wd_fx_pod *pod);

/** wd_fx_pod_run() - run a command in the pod. Return: true if it succeeded */
bool wd_fx_pod_run(const struct wd_fx_pod *pod, const char *command);

/** wd_fx_pod_raw() - a packet socket on the pod's interface, -1 if it failed */
int wd_fx_pod_raw(const struct wd_fx_pod *pod);

/** wd_fx_open() - open WD_FX_BPFFS, or print why not and return NULL */
struct wd_datapath *wd_fx_open(void);

/** wd_fx_refused() - expect that opening fails with @err, and says @words */
bool wd_fx_refused(int err, const char *words);

/** wd_fx_policy() - write endpoint and slot, publish the next generation */
void wd_fx_policy(struct wd_datapath *dp, const struct wd_fx_pod *pod,
		  enum wd_fx_policy policy);

#define WD_FX_NODE_PORT 7001
#define WD_FX_POD_PORT 7002

/** wd_fx_gets_out() - does a datagram of the pod reach the node? Waits for it */
bool wd_fx_gets_out(const struct wd_fx_pod *pod);
/** wd_fx_no_way_out() - does it not? Waits a moment only */
bool wd_fx_no_way_out(const struct wd_fx_pod *pod);

/** wd_fx_gets_in(), wd_fx_no_way_in() - the same for one of the node to the pod */
bool wd_fx_gets_in(const struct wd_fx_pod *pod);
bool wd_fx_no_way_in(const struct wd_fx_pod *pod);

/**
 * wd_fx_hook() - what is on one hook of an interface: tcx, or else clsact
 * @ret_prog: ids in the order they run, room for 8
 * Return: count or -errno.
 */
int wd_fx_hook(uint32_t ifindex, enum wd_dir way, uint32_t ret_prog[8]);

/** wd_fx_foreign() - load a program of somebody else that returns @code; its descriptor */
int wd_fx_foreign(int code);

/** wd_fx_count() - entries of a directory but those with a dot, -1 if it is not there */
int wd_fx_count(const char *dir);

#endif /* WARDER_SELFTESTS_DATAPATH_FIXTURE_H */
