/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * doctor.h - what is wrong with a node, each with what would mend it.
 *
 * A check looks and changes nothing. What it cannot look at is said, never
 * taken for good.
 */
#ifndef WARDER_DOCTOR_H
#define WARDER_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct wd_link;

struct wd_doctor {
	const char *root; /* before /proc, /sys and /etc; "" of this machine */
	struct json_object *findings; /* array: check, object, text, fix */
	struct json_object *skipped; /* array: check, text */
};

/** wd_doctor_init() - nothing found yet; to be given to wd_doctor_fini() */
void wd_doctor_init(struct wd_doctor *doctor, const char *root);
void wd_doctor_fini(struct wd_doctor *doctor);

/**
 * wd_doctor_find() - something is wrong
 * @check: which of the checks says so
 * @object: what it is about: a file, device, pod; or ""
 * @fix: what to do
 */
void wd_doctor_find(struct wd_doctor *doctor, const char *check,
		    const char *object, const char *fix, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/** wd_doctor_skip() - something could not be looked at */
void wd_doctor_skip(struct wd_doctor *doctor, const char *check,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** wd_doctor_read() - first line of a file below the root; NULL: none. To be freed */
char *wd_doctor_read(const struct wd_doctor *doctor, const char *path);

/** wd_doctor_is_plain() - does a name, as a word of a command, need no quotes: letters, digits, "-_.@", no '-' first; not empty */
bool wd_doctor_is_plain(const char *name);

/**
 * wd_doctor_kernel() - BTF, JIT, bpffs, sysctls
 * @bpffs: where pins are, or are to be
 * @endpoints: the agent's answer; NULL: none is known
 */
void wd_doctor_kernel(struct wd_doctor *doctor, const char *bpffs,
		      struct json_object *endpoints);

/**
 * wd_doctor_cni() - is the plugin in the chain that the runtime takes, at its end
 * @conf_dir: of the configurations; @bin_dirs: of plugins, ':' between
 * @run_dir: of the agent
 */
void wd_doctor_cni(struct wd_doctor *doctor, const char *conf_dir,
		   const char *bin_dirs, const char *run_dir);

/** wd_doctor_cilium() - does Cilium beside warder carry packets past its hooks */
void wd_doctor_cilium(struct wd_doctor *doctor);

/** wd_doctor_agent() - what the agent says of itself: @status is its answer, @endpoints that of endpoint list */
void wd_doctor_agent(struct wd_doctor *doctor, struct json_object *status,
		     struct json_object *endpoints);

/** wd_doctor_fields() - words of @line between blanks, which is cut. Return: how many, @max at most */
size_t wd_doctor_fields(char *line, char **ret_field, size_t max);

/** wd_doctor_is_wireguard() - is it such a device, and up */
bool wd_doctor_is_wireguard(const struct wd_link *link);

/** wd_doctor_is_pods() - is it the host's end of a pod's pair; NULL @endpoints: no */
bool wd_doctor_is_pods(struct json_object *endpoints, const char *device);

/**
 * wd_doctor_sizes() - do packets of pods fit through WireGuard and past the wire
 *
 * One finding about all WireGuard devices and uplinks, and one about pods. When
 * both are mended as they say there is none.
 */
void wd_doctor_sizes(struct wd_doctor *doctor, const struct wd_link *link,
		     size_t cnt, struct json_object *endpoints);

/**
 * wd_doctor_links() - sizes of packets, and filters by source beside WireGuard
 * @link: every device of the node
 * @endpoints: as above; may be NULL
 */
void wd_doctor_links(struct wd_doctor *doctor, const struct wd_link *link,
		     size_t cnt, struct json_object *endpoints);

/**
 * wd_doctor_flowtables() - do flowtables carry packets past the hooks of pods
 * @ruleset: as `nft list flowtables` prints
 */
void wd_doctor_flowtables(struct wd_doctor *doctor, const char *ruleset,
			  struct json_object *endpoints);

/**
 * wd_doctor_rules() - do rules of others drop what pods are sent or send
 *
 * Rules that name a pod, but do not surely drop all of it, are skipped by name.
 *
 * @ruleset: as `nft -a list ruleset` prints
 */
void wd_doctor_rules(struct wd_doctor *doctor, const char *ruleset,
		     struct json_object *endpoints);

#endif /* WARDER_DOCTOR_H */
