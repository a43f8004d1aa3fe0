/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * services.h - whether what pods send to services is judged exactly, by the
 * backend that was chosen, or by all that may be.
 *
 * Exactly, where the kernel takes the program that judges after the translation
 * (datapath/netfilter.c, bpf/wd_late.bpf.c) and a service has backends that policy may
 * treat differently. The programs of pods leave such flows to it only while
 * WD_STATE_LATE says that it is attached: set after it is, taken back before it
 * goes.
 */
#ifndef WARDER_SERVICES_H
#define WARDER_SERVICES_H

#include <stdbool.h>

struct json_object;
struct wd_agent;

/* Of the agent; zero at the start. */
struct wd_services {
	int wait; /* checks until it is tried again */
	bool told; /* that it cannot be */
};

/**
 * wd_services_tend() - attach what judges exactly, where it is wanted, and say so to the programs; or not so any more
 * @check: look whether it is still attached, too
 */
void wd_services_tend(struct wd_agent *agent, bool check);

/** wd_services_retry() - what failed is tried with the next wd_services_tend() */
void wd_services_retry(struct wd_agent *agent);

/** wd_services_exact() - do the programs leave flows to it */
bool wd_services_exact(const struct wd_agent *agent);

/** wd_services_put() - "services" of the status: judged how, and why */
void wd_services_put(const struct wd_agent *agent, struct json_object *doc);

#endif /* WARDER_SERVICES_H */
