/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni.c - the CNI plugin: hands the runtime's words and the pod's namespace to
 * the agent, and the agent's answer back.
 *
 * Runs once per call, as root, perhaps in another mount namespace than the
 * agent's: the namespace goes over as a descriptor. ADD without an agent that
 * confirms enforcement fails. DEL succeeds whatever is missing, or a pod could
 * never end.
 */
#include "cni.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../query/ctl.h"
#include "cni_conf.h"
#include "cni_replay.h"

/* Runtimes give up after two to four minutes; cni-wait is inside of ADD's. */
#define ADD_TIMEOUT_MS 60000
#define DEL_TIMEOUT_MS 5000
#define CHECK_TIMEOUT_MS 10000
#define GC_TIMEOUT_MS 30000
#define STATUS_TIMEOUT_MS 5000
/* A node that starts has more pods at once than the agent has connections. */
#define BUSY_TRIES 200
#define BUSY_WAIT_MS 50

/* ---- the agent ---- */

static struct json_object *request(const struct wd_cni_conf *conf,
				   const char *cmd)
{
	struct json_object *req = json_object_new_object();

	wd_json_str(req, "cmd", cmd);
	wd_json_str(req, "network", wd_json_get_str(conf->doc, "name"));
	wd_json_str(req, "container", conf->container);
	wd_json_str(req, "ifname", conf->ifname);
	return req;
}

/* The agent said no: 2 is a wrong chain or request, 3 not yet, else @refused. */
static int refuse(struct json_object *answer, enum wd_cni_code refused,
		  struct wd_cni_error *error)
{
	int64_t code = wd_json_get_int(answer, "code");
	const char *where = wd_json_get_str(answer, "where");

	if (code == 2)
		refused = WD_CNI_E_CONFIG;
	else if (code == 3)
		refused = WD_CNI_E_AGAIN;
	return wd_cni_fail(error, refused, "%s%s%s", where, *where ? ": " : "",
			   wd_json_get_str(answer, "error"));
}

static int lost(const struct wd_cni_conf *conf, int err,
		struct wd_cni_error *error)
{
	const char *dir = conf->run_dir;

	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return wd_cni_fail(error, WD_CNI_E_AGAIN,
				   "no warder agent is running in '%s'", dir);
	case -ETIMEDOUT:
		return wd_cni_fail(
			error, WD_CNI_E_AGAIN,
			"the warder agent in '%s' did not answer in time", dir);
	case -EPROTO:
		return wd_cni_fail(
			error, WD_CNI_E_AGAIN,
			"the warder agent in '%s' ended before it answered",
			dir);
	}
	return wd_cni_fail(error, WD_CNI_E_IO,
			   "asking the warder agent in '%s': %s", dir,
			   wd_errno(err));
}

/* Every connection is taken: not a word about the request itself. */
static bool is_busy(const struct wd_cni_conf *conf, struct json_object *answer)
{
	return conf->verb != WD_CNI_STATUS &&
	       wd_json_get_int(answer, "code") == 3 &&
	       !strcmp(wd_json_get_str(answer, "where"), "agent");
}

static int call(const struct wd_cni_conf *conf, struct json_object *req, int fd,
		int timeout_ms, struct json_object **ret_answer)
{
	for (int tries = BUSY_TRIES;; tries--) {
		int err = wd_ctl_call(conf->run_dir, req, fd, timeout_ms,
				      ret_answer);

		if (err || !tries || !is_busy(conf, *ret_answer))
			return err;
		json_object_put(*ret_answer);
		(void)poll(NULL, 0, BUSY_WAIT_MS);
	}
}

/* Takes ownership of @req. Return: 0, or -EINVAL with *error filled. */
static int ask(const struct wd_cni_conf *conf, struct json_object *req, int fd,
	       int timeout_ms, enum wd_cni_code refused,
	       struct wd_cni_error *error)
{
	struct json_object *answer = NULL;
	int err = call(conf, req, fd, timeout_ms, &answer);

	json_object_put(req);
	if (err)
		return lost(conf, err, error);
	if (!wd_json_get_bool(answer, "ok"))
		err = refuse(answer, refused, error);
	json_object_put(answer);
	return err;
}

/* ---- the pod's namespace ---- */

/* Return: descriptor, or -EINVAL with *error filled. */
static int open_netns(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	/* A path to a FIFO must not hang the plugin. */
	int fd = open(conf->netns, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return wd_cni_fail(error, WD_CNI_E_ENV,
				   "CNI_NETNS: opening '%s': %s", conf->netns,
				   wd_errno(errno));
	if (ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET)
		return fd;
	(void)close(fd);
	return wd_cni_fail(error, WD_CNI_E_ENV,
			   "CNI_NETNS: '%s' is not a network namespace",
			   conf->netns);
}

/* ---- ADD ---- */

/* A DEL of the same attachment that still waits would end the new one later. */
static int settle_del(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	int err =
		wd_cni_queue_has(conf->run_dir, conf->container, conf->ifname);

	if (err > 0) {
		err = ask(conf, request(conf, "cni.del"), -1, DEL_TIMEOUT_MS,
			  WD_CNI_E_REFUSED, error);
		if (err)
			return err;
		err = wd_cni_queue_remove(conf->run_dir, conf->container,
					  conf->ifname);
	}
	if (!err)
		return 0;
	return wd_cni_fail(error, WD_CNI_E_IO, "deletions waiting in '%s': %s",
			   conf->run_dir, wd_errno(err));
}

static int print(struct json_object *doc, struct wd_cni_error *error)
{
	if (puts(json_object_to_json_string_ext(
		    doc, JSON_C_TO_STRING_PLAIN |
				 JSON_C_TO_STRING_NOSLASHESCAPE)) < 0 ||
	    fflush(stdout))
		return wd_cni_fail(error, WD_CNI_E_IO,
				   "writing standard output: %s",
				   wd_errno(errno));
	return 0;
}

static int print_prev(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	struct json_object *prev = wd_json_get(conf->doc, "prevResult");

	wd_json_str(prev, "cniVersion", conf->version);
	return print(prev, error);
}

static int do_add(const struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	struct json_object *req = request(conf, "cni.add");
	int fd = -1;
	int err;

	wd_json_str(req, "namespace", conf->ns);
	wd_json_str(req, "pod", conf->pod);
	wd_json_str(req, "uid", conf->uid);
	wd_json_str(req, "netns", conf->netns);
	err = wd_cni_conf_ips(conf, wd_json_array(req, "ips"), error);
	if (!err) {
		fd = open_netns(conf, error);
		err = fd < 0 ? fd : settle_del(conf, error);
	}
	if (!err)
		err = ask(conf, json_object_get(req), fd, ADD_TIMEOUT_MS,
			  WD_CNI_E_REFUSED, error);
	json_object_put(req);
	if (fd >= 0)
		(void)close(fd);
	return err ? err : print_prev(conf, error);
}

/* ---- DEL ---- */

static int try_del(const struct wd_cni_conf *conf, int timeout_ms)
{
	struct wd_cni_error error;
	int err = ask(conf, request(conf, "cni.del"), -1, timeout_ms,
		      WD_CNI_E_REFUSED, &error);

	if (err)
		return err;
	err = wd_cni_queue_remove(conf->run_dir, conf->container, conf->ifname);
	if (err)
		wd_warn("cni: deletion of '%s' stays queued: %s, ignoring",
			conf->container, wd_errno(err));
	return 0;
}

/*
 * Without an agent: write, then ask again. An agent that opened its socket
 * after the first try either sees the file or answers the second.
 * A failure here is told on stderr only. It leaves a record of an interface
 * that the next plugin of the chain removes, and the agent forgets it then.
 */
static int do_del(const struct wd_cni_conf *conf)
{
	int err;

	if (!try_del(conf, DEL_TIMEOUT_MS))
		return 0;
	err = wd_cni_queue_add(conf->run_dir, conf->container, conf->ifname);
	if (err)
		wd_warn("cni: no agent, and queueing the deletion of '%s' in '%s': %s, ignoring",
			conf->container, conf->run_dir, wd_errno(err));
	(void)try_del(conf, DEL_TIMEOUT_MS);
	return 0;
}

/* ---- CHECK, GC, STATUS, VERSION ---- */

static int do_check(const struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	int fd = open_netns(conf, error);
	int err;

	if (fd < 0)
		return fd;
	err = ask(conf, request(conf, "cni.check"), fd, CHECK_TIMEOUT_MS,
		  WD_CNI_E_CHECK, error);
	(void)close(fd);
	return err;
}

/* A list that is missing or damaged must not read as "nothing is valid". */
static int copy_valid(const struct wd_cni_conf *conf, struct json_object *valid,
		      struct wd_cni_error *error)
{
	static const char key[] = "cni.dev/valid-attachments";
	struct json_object *list = wd_json_get(conf->doc, key);

	if (!json_object_is_type(list, json_type_array))
		return wd_cni_fail(error, WD_CNI_E_CONFIG,
				   "%s: a list is needed", key);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		const char *container = wd_json_get_str(entry, "containerID");
		const char *ifname = wd_json_get_str(entry, "ifname");
		struct json_object *to;

		if (!*container || !*ifname)
			return wd_cni_fail(
				error, WD_CNI_E_CONFIG,
				"%s[%zu]: containerID and ifname are needed",
				key, i);
		to = wd_json_push(valid);
		wd_json_str(to, "container", container);
		wd_json_str(to, "ifname", ifname);
	}
	return 0;
}

static int do_gc(const struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	struct json_object *req = request(conf, "cni.gc");
	int err = copy_valid(conf, wd_json_array(req, "valid"), error);

	if (!err)
		return ask(conf, req, -1, GC_TIMEOUT_MS, WD_CNI_E_REFUSED,
			   error);
	json_object_put(req);
	return err;
}

static int do_status(const struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	int err = ask(conf, request(conf, "cni.status"), -1, STATUS_TIMEOUT_MS,
		      WD_CNI_E_STATUS, error);

	if (err)
		error->code = WD_CNI_E_STATUS;
	return err;
}

static int do_version(const struct wd_cni_conf *conf,
		      struct wd_cni_error *error)
{
	struct json_object *doc = json_object_new_object();
	struct json_object *list;
	int err;

	wd_json_str(doc, "cniVersion", conf->version);
	list = wd_json_array(doc, "supportedVersions");
	for (const char *const *version = wd_cni_versions; *version; version++)
		wd_json_push_str(list, *version);
	err = print(doc, error);
	json_object_put(doc);
	return err;
}

static int run(const struct wd_cni_conf *conf, struct wd_cni_error *error)
{
	switch (conf->verb) {
	case WD_CNI_ADD:
		return do_add(conf, error);
	case WD_CNI_DEL:
		return do_del(conf);
	case WD_CNI_CHECK:
		return do_check(conf, error);
	case WD_CNI_GC:
		return do_gc(conf, error);
	case WD_CNI_STATUS:
		return do_status(conf, error);
	case WD_CNI_VERSION:
		return do_version(conf, error);
	case WD_CNI__MAX:
		break;
	}
	return wd_cni_fail(error, WD_CNI_E_ENV, "CNI_COMMAND: no such command");
}

static void print_error(const struct wd_cni_conf *conf,
			const struct wd_cni_error *error)
{
	struct wd_cni_error
		ignored; /* without a standard output nobody listens */
	struct json_object *doc = json_object_new_object();

	wd_json_str(doc, "cniVersion", conf->version);
	wd_json_int(doc, "code", error->code);
	wd_json_str(doc, "msg", error->msg);
	(void)print(doc, &ignored);
	json_object_put(doc);
}

int wd_cni_main(int argc, char **argv)
{
	struct wd_cni_conf conf = { .version = WD_CNI_VERSION_NEWEST };
	struct wd_cni_error error;
	int err;

	(void)argc;
	(void)argv;
	err = wd_cni_conf_read(&conf, STDIN_FILENO, &error);
	if (!err)
		err = run(&conf, &error);
	if (err)
		print_error(&conf, &error);
	wd_cni_conf_fini(&conf);
	return err ? 1 : 0;
}
