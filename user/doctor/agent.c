/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * agent.c - what the agent says of itself that somebody should look after. Each
 * text is the agent's own; what is added is what to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

#define FULL_PERCENT 80
#define PROBLEMS_SHOWN 20

static void check_rung(struct wd_doctor *doctor, struct json_object *status)
{
	const char *rung = wd_json_get_str(status, "rung");
	const char *fix = wd_json_get_str(status, "rung_fix");

	if (wd_json_get_bool(status, "everything_allowed"))
		wd_doctor_find(
			doctor, "rung", rung,
			*fix ? fix : "warder ladder show says why",
			"pods that nothing can judge talk to everybody (--hold allow)");
	if (strcmp(rung, "full") != 0)
		wd_doctor_find(doctor, "rung", rung,
			       *fix ? fix : "warder ladder show says why",
			       "not the full rung: %s",
			       wd_json_get_str(status, "rung_reason"));
}

static void check_force(struct wd_doctor *doctor, struct json_object *status)
{
	const char *error =
		wd_json_get_str(wd_json_get(status, "commits"), "error");

	if (!wd_json_get_bool(status, "ready"))
		wd_doctor_find(doctor, "agent", "",
			       "warder status, and the agent's log",
			       "the agent has published nothing yet");
	if (*error)
		wd_doctor_find(doctor, "agent", "",
			       "make room or correct what it names",
			       "changes do not get into force: %s", error);
	error = wd_json_get_str(wd_json_get(status, "drift"), "error");
	if (*error)
		wd_doctor_find(
			doctor, "agent", "",
			"find out who changes warder's maps: bpftool map list",
			"what is in the kernel cannot be compared: %s", error);
}

static void find_problem(struct wd_doctor *doctor, struct json_object *problem)
{
	char *where = NULL;

	wd_format(&where, "%s:%lld", wd_json_get_str(problem, "file"),
		  (long long)wd_json_get_int(problem, "line"));
	wd_doctor_find(
		doctor, "objects", where ?: "",
		strstr(wd_json_get_str(problem, "text"), "(quota-") ?
			"less in that namespace, or more room for all: the "
			"quota that it names, in the agent's configuration" :
			"correct it; `warder policy check` reads it the same",
		"%s%s%s (%s)", wd_json_get_str(problem, "field"),
		*wd_json_get_str(problem, "field") ? ": " : "",
		wd_json_get_str(problem, "text"),
		wd_json_get_str(problem, "effect"));
	free(where);
}

static void check_objects(struct wd_doctor *doctor, struct json_object *status)
{
	size_t cnt = 0;

	for (size_t i = 0; i < wd_json_len(status, "problems"); i++) {
		struct json_object *p = wd_json_at(status, "problems", i);

		if (!strcmp(wd_json_get_str(p, "effect"), "ignored"))
			continue;
		if (cnt++ < PROBLEMS_SHOWN)
			find_problem(doctor, p);
	}
	if (cnt > PROBLEMS_SHOWN)
		wd_doctor_find(doctor, "objects", "", "warder status",
			       "%zu more are not enforced as written",
			       cnt - PROBLEMS_SHOWN);
}

static void check_state(struct wd_doctor *doctor, struct json_object *status)
{
	for (size_t i = 0; i < wd_json_len(status, "unread_state"); i++) {
		struct json_object *one = wd_json_at(status, "unread_state", i);
		const char *kept = wd_json_get_str(one, "kept_as");

		wd_doctor_find(
			doctor, "state", wd_json_get_str(one, "file"),
			"look at the disk; what the file said is learnt anew: "
			"compare `warder status`, then remove what was kept",
			"could not be used when the agent began: %s%s%s",
			wd_json_get_str(one, "error"),
			*kept ? "; kept as " : "", kept);
	}
}

static char *pod_name(struct json_object *obj)
{
	char *text = NULL;

	wd_format(&text, "%s/%s", wd_json_get_str(obj, "namespace"),
		  wd_json_get_str(obj, "name"));
	return text;
}

static const char *pod_fix(struct json_object *problem)
{
	return strcmp(wd_json_get_str(problem, "state"), "too_large") != 0 ?
		       "warder endpoint get, and what it names" :
		       "fewer or wider prefixes, ports and selectors in the "
		       "policies that select it; README, Limits";
}

static void check_pods(struct wd_doctor *doctor, struct json_object *status)
{
	for (size_t i = 0; i < wd_json_len(status, "endpoint_problems"); i++) {
		struct json_object *p =
			wd_json_at(status, "endpoint_problems", i);
		char *pod = pod_name(p);

		wd_doctor_find(doctor, "pods", pod ?: "", pod_fix(p), "%s: %s",
			       wd_json_get_str(p, "state"),
			       wd_json_get_str(p, "error"));
		free(pod);
	}
}

/* Programs of others on the hooks of pods. */
static void check_blind(struct wd_doctor *doctor, struct json_object *status)
{
	for (size_t i = 0; i < wd_json_len(status, "blind_spots"); i++) {
		struct json_object *spot = wd_json_at(status, "blind_spots", i);
		bool xdp = !strcmp(wd_json_get_str(spot, "kind"), "xdp");
		char *pod = pod_name(spot), *fix = NULL;

		wd_format(
			&fix,
			xdp ? "ip link set %s xdp off, or keep it knowingly" :
			      "bpftool net show dev %s, and attach the other program behind warder's",
			wd_json_get_str(spot, "interface"));
		wd_doctor_find(doctor, "foreign-program", pod ?: "", fix ?: "",
			       "%s (%s)", wd_json_get_str(spot, "text"),
			       wd_json_get_str(spot, "kind"));
		free(pod);
		free(fix);
	}
}

static void check_maps(struct wd_doctor *doctor, struct json_object *status)
{
	struct json_object *maps = wd_json_get(status, "maps");

	if (!maps)
		return;
	json_object_object_foreach(maps, name, map) {
		int64_t used = wd_json_get_int(map, "used");
		int64_t max = wd_json_get_int(map, "max");

		if (used * 100 > max * FULL_PERCENT)
			wd_doctor_find(
				doctor, "maps", name,
				"fewer or wider prefixes, ports and selectors; README, Limits",
				"%lld of %lld places are used: what does not fit is refused",
				(long long)used, (long long)max);
	}
}

/* What to do about a finding of WireGuard, by its name. */
static const struct {
	const char *name, *fix;
} wireguard[] = {
	{ "no-device", "warder wireguard apply, or what else sets it up" },
	{ "device-down", "ip link set the device up" },
	{ "node-without-key",
	  "warder wireguard apply on that node, and annotate its Node with the key it prints" },
	{ "key-mismatch",
	  "annotate the Node with the key of its device (network.cilium.io/wg-pub-key)" },
	{ "key-shared", "make a new key on one of them, and annotate it" },
	{ "stale-handshake",
	  "look on that node whether its device is up and has this node's key, and whether its UDP port is open from here" },
	{ "second-device", "remove the device that does not connect nodes" },
};

static const char *wireguard_fix(const char *name)
{
	for (size_t i = 0; i < sizeof(wireguard) / sizeof(*wireguard); i++)
		if (!strcmp(wireguard[i].name, name))
			return wireguard[i].fix;
	return "warder wireguard apply, or what else sets up its peers";
}

static void check_encryption(struct wd_doctor *doctor,
			     struct json_object *status)
{
	struct json_object *wg = wd_json_get(status, "wireguard");
	struct json_object *wires = wd_json_get(status, "wires");

	for (size_t i = 0; i < wd_json_len(wg, "findings"); i++) {
		struct json_object *f = wd_json_at(wg, "findings", i);
		const char *name = wd_json_get_str(f, "finding");

		wd_doctor_find(doctor, "wireguard",
			       wd_json_get_str(f, "object"),
			       wireguard_fix(name), "%s: %s", name,
			       wd_json_get_str(f, "text"));
	}
	if (wd_json_get_bool(wires, "open"))
		wd_doctor_find(
			doctor, "wires", "",
			"warder status names the device and why",
			"a device cannot be guarded: nothing that must be encrypted passes");
	for (size_t i = 0; i < wd_json_len(wires, "no_prefix"); i++)
		wd_doctor_find(
			doctor, "wires",
			json_object_get_string(
				wd_json_at(wires, "no_prefix", i)),
			"podCIDRs in the Node objects, or --encryption-prefix",
			"no prefix of the cluster is known: pods that must encrypt reach nobody over it");
}

static void check_modes(struct wd_doctor *doctor, struct json_object *endpoints)
{
	for (size_t i = 0; i < wd_json_len(endpoints, "endpoints"); i++) {
		struct json_object *ep = wd_json_at(endpoints, "endpoints", i);
		const char *mode = wd_json_get_str(ep, "mode");
		char *pod;

		if (!strcmp(mode, "enforce"))
			continue;
		pod = pod_name(ep);
		wd_doctor_find(
			doctor, "mode", pod ?: "",
			wd_json_get_bool(ep, "slo_audit") ?
				"its handshakes were slow and `warder slo set --action audit` was given: `warder slo clear` of its namespace ends it" :
				"take the annotation warder.io/mode from it or its namespace, or `mode` from the agent's configuration",
			!strcmp(mode, "audit") ?
				"mode audit: what policy denies passes, and is counted" :
				"mode off: no policy is applied");
		free(pod);
	}
}

static bool has_capability(struct json_object *status, const char *name)
{
	for (size_t i = 0; i < wd_json_len(status, "capabilities"); i++)
		if (!strcmp(name, json_object_get_string(wd_json_at(
					  status, "capabilities", i))))
			return true;
	return false;
}

static void check_capabilities(struct wd_doctor *doctor,
			       struct json_object *status)
{
	bool bpf = has_capability(status, "cap_sys_admin") ||
		   has_capability(status, "cap_bpf");

	if (!has_capability(status, "cap_net_admin") || !bpf)
		wd_doctor_find(
			doctor, "capabilities", "",
			"give the agent CAP_NET_ADMIN, CAP_SYS_ADMIN and CAP_SYS_PTRACE",
			"the agent lacks what attaching programs takes");
}

/* Nothing is lost by it, but flows may be dropped that need not be. */
static void check_services(struct wd_doctor *doctor, struct json_object *status)
{
	struct json_object *services = wd_json_get(status, "services");

	if (*wd_json_get_str(services, "error"))
		wd_doctor_find(doctor, "services", "",
			       "Linux 6.6 or newer, with BTF",
			       "judged by all their backends: %s",
			       wd_json_get_str(services, "error"));
}

void wd_doctor_agent(struct wd_doctor *doctor, struct json_object *status,
		     struct json_object *endpoints)
{
	check_rung(doctor, status);
	check_force(doctor, status);
	check_capabilities(doctor, status);
	check_objects(doctor, status);
	check_state(doctor, status);
	check_pods(doctor, status);
	check_blind(doctor, status);
	check_maps(doctor, status);
	check_encryption(doctor, status);
	check_services(doctor, status);
	check_modes(doctor, endpoints);
}
