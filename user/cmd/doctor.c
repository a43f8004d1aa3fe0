/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doctor.c - `warder doctor`: what is wrong with this node, and what would mend
 * it. With an agent and without one; gathers, and lets user/doctor judge.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/config.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/table.h"
#include "../cni/cni_chain.h"
#include "../doctor/doctor.h"
#include "../net/rtnl.h"
#include "../nft/library.h"
#include "cmd.h"

#include <warder/maps.h>

/* The result of a request, or NULL with the reason said or skipped. */
static struct json_object *ask(const struct wd_args *args, const char *name,
			       int *ret_err)
{
	struct json_object *answer = NULL, *result = NULL;

	*ret_err = wd_cmd_try(args, wd_cmd_request(name), WD_CMD_TIMEOUT_MS,
			      &answer);
	if (!*ret_err && wd_json_get_bool(answer, "ok"))
		result = json_object_get(wd_json_get(answer, "result"));
	json_object_put(answer);
	return result;
}

static void check_agent(const struct wd_args *args, struct wd_doctor *doctor,
			struct json_object **ret_status,
			struct json_object **ret_endpoints)
{
	int err = 0;

	*ret_status = ask(args, "status", &err);
	*ret_endpoints = *ret_status ? ask(args, "endpoint.list", &err) : NULL;
	if (*ret_status && *ret_endpoints)
		wd_doctor_agent(doctor, *ret_status, *ret_endpoints);
	else if (err == -ENOENT || err == -ECONNREFUSED)
		wd_doctor_find(
			doctor, "agent", args->run_dir,
			"start `warder agent`, or name its --run-dir",
			"no agent is running here: what is in force stays, and no change gets into it");
	else if (err == -EACCES || err == -EPERM)
		wd_doctor_skip(doctor, "agent", "only root may ask the agent");
	else
		wd_doctor_find(doctor, "agent", args->run_dir,
			       "look at the agent's log, and start it anew",
			       "the agent does not answer: %s", wd_errno(err));
}

static void check_links(struct wd_doctor *doctor, struct json_object *endpoints)
{
	struct wd_link *link = NULL;
	struct wd_rtnl nl;
	int cnt = wd_rtnl_open(&nl, -1, NETLINK_ROUTE);

	if (!cnt) {
		cnt = wd_link_list(&nl, &link);
		wd_rtnl_close(&nl);
	}
	if (cnt >= 0)
		wd_doctor_links(doctor, link, (size_t)cnt, endpoints);
	else
		wd_doctor_skip(doctor, "mtu", "devices cannot be listed: %s",
			       wd_errno(cnt));
	free(link);
}

static void check_ruleset(struct wd_doctor *doctor,
			  struct json_object *endpoints)
{
	struct wd_nft_library *lib = NULL;
	char *text = NULL, *why = NULL;
	int err;

	/* the library would say so itself, and to stderr */
	if (geteuid()) {
		wd_doctor_skip(doctor, "rules", "only root may list them");
		return;
	}
	err = wd_nft_library_open(&lib, &why);
	if (!err)
		err = wd_nft_list_handles(lib, "list ruleset", &text);
	if (err) {
		wd_doctor_skip(doctor, "rules", "%s", why ?: wd_errno(err));
	} else {
		wd_doctor_flowtables(doctor, text, endpoints);
		wd_doctor_rules(doctor, text, endpoints);
	}
	wd_nft_library_close(lib);
	free(text);
	free(why);
}

static void print_findings(const struct wd_doctor *doctor)
{
	size_t cnt = json_object_array_length(doctor->findings);

	for (size_t i = 0; i < cnt; i++) {
		struct json_object *f =
			json_object_array_get_idx(doctor->findings, i);
		const char *object = wd_json_get_str(f, "object");

		wd_print(stdout, "%s: %s%s%s\n", wd_json_get_str(f, "check"),
			 object, *object ? ": " : "",
			 wd_json_get_str(f, "text"));
		wd_print(stdout, "  fix: %s\n", wd_json_get_str(f, "fix"));
	}
	for (size_t i = 0; i < json_object_array_length(doctor->skipped); i++) {
		struct json_object *s =
			json_object_array_get_idx(doctor->skipped, i);

		wd_print(stdout, "not looked at: %s: %s\n",
			 wd_json_get_str(s, "check"),
			 wd_json_get_str(s, "text"));
	}
	printf("%zu finding%s\n", cnt, cnt == 1 ? "" : "s");
}

static void print_json(const struct wd_doctor *doctor)
{
	struct json_object *doc = json_object_new_object();

	wd_json_add(doc, "findings", json_object_get(doctor->findings));
	wd_json_add(doc, "skipped", json_object_get(doctor->skipped));
	wd_cmd_json(doc);
	json_object_put(doc);
}

void wd_show_findings(const struct wd_args *args,
		      const struct wd_doctor *doctor)
{
	if (args->json)
		print_json(doctor);
	else
		print_findings(doctor);
}

static int cmd_doctor(const struct wd_args *args)
{
	const char *conf = wd_args_get(args, "cni-conf");
	const char *bin = wd_args_get(args, "cni-bin");
	struct json_object *status, *endpoints;
	struct wd_doctor doctor;
	const char *bpffs;
	bool found;

	wd_doctor_init(&doctor, "");
	check_agent(args, &doctor, &status, &endpoints);
	bpffs = wd_json_get_str(status, "bpffs");
	wd_doctor_kernel(&doctor, *bpffs ? bpffs : WD_BPFFS_DEFAULT, endpoints);
	wd_doctor_cni(&doctor, conf ?: WD_CNI_CONF_DIR, bin ?: WD_CNI_BIN_DIRS,
		      args->run_dir);
	wd_doctor_cilium(&doctor);
	check_links(&doctor, endpoints);
	check_ruleset(&doctor, endpoints);
	wd_show_findings(args, &doctor);
	found = json_object_array_length(doctor.findings) > 0;
	wd_doctor_fini(&doctor);
	json_object_put(status);
	json_object_put(endpoints);
	return found ? WD_EXIT_NO : WD_EXIT_OK;
}

static const struct wd_opt opts[] = {
	{ .name = "cni-conf",
	  .arg = "DIR",
	  .help = "where the runtime reads CNI configurations\n(default " WD_CNI_CONF_DIR
		  ")" },
	{ .name = "cni-bin",
	  .arg = "DIRS",
	  .help = "where it looks for plugins, ':' between (default\n" WD_CNI_BIN_DIRS
		  ")" },
	{},
};

const struct wd_cmd wd_cmd_doctor = {
	.object = "doctor",
	.summary = "what is wrong with this node, and what would mend it",
	.text = "Looks at the kernel (BTF, JIT, bpffs, sysctls), at the chain of CNI plugins, at\n"
		"how Cilium routes where it is, at MTU and source filters beside WireGuard, at flowtables and rules of nftables that concern pods, and at\n"
		"what the agent says of itself: rung, objects, pods, programs of others before its\n"
		"own, full maps, encryption, modes. Changes nothing. Exits with 1 if anything is found,\n"
		"each with a fix. What could not be looked at is said.",
	.opts = opts,
	.fn = cmd_doctor,
};
