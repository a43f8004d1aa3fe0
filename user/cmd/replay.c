/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * replay.c - `warder replay`: sends captured packets to a child of the agent,
 * which says what the programs would make of each. Nothing is sent anywhere.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/names.h"
#include "../base/table.h"
#include "../model/xalloc.h"
#include "../whatif/capture.h"
#include "../whatif/forked.h"
#include "../whatif/replay.h"
#include "cmd.h"

#define LINE_MAX_BYTES 65536

struct replaying {
	const struct wd_args *args;
	struct wd_capture *capture;
	FILE *in; /* answers */
	int fd;
	uint32_t dir; /* enum wd_dir, WD_DIR__MAX: by addresses */
	bool drops_only;
	uint32_t passed, dropped, audited, failed, cut;
};

/* ---- answers ---- */

static int read_line(struct replaying *replaying, struct json_object **ret_doc)
{
	static char line[LINE_MAX_BYTES];

	if (!fgets(line, sizeof(line), replaying->in))
		return wd_cmd_fail(replaying->args, WD_EXIT_NO, "",
				   "the agent's child ended without an answer");
	*ret_doc = json_tokener_parse(line);
	return *ret_doc ? WD_EXIT_OK :
			  wd_cmd_fail(replaying->args, WD_EXIT_NO, "",
				      "the agent's child answered no JSON");
}

static void count(struct replaying *replaying, struct json_object *doc)
{
	const char *verdict = wd_json_get_str(doc, "verdict");

	if (*wd_json_get_str(doc, "error"))
		replaying->failed++;
	else if (!strcmp(verdict, "drop"))
		replaying->dropped++;
	else if (!strcmp(verdict, "audit"))
		replaying->audited++;
	else
		replaying->passed++;
}

static void tell(const struct replaying *replaying, struct json_object *doc)
{
	const char *error = wd_json_get_str(doc, "error");

	if (replaying->drops_only && !*error &&
	    strcmp(wd_json_get_str(doc, "verdict"), "allow") == 0)
		return;
	if (replaying->args->json) {
		wd_cmd_json_line(doc);
		return;
	}
	wd_print(stdout, "%6lld  ", (long long)wd_json_get_int(doc, "packet"));
	if (*error)
		wd_print(stdout, "not judged: %s\n", error);
	else
		wd_show_event(doc);
}

/* ---- questions ---- */

static int send_packet(const struct replaying *replaying, uint32_t number,
		       const struct wd_captured *packet)
{
	const char *device = wd_args_get(replaying->args, "from-device");
	struct wd_replay_head head = { .time_us = packet->time_us,
				       .number = number,
				       .bytes = (uint32_t)packet->len,
				       .dir = replaying->dir };
	int err;

	snprintf(head.device, sizeof(head.device), "%s", device ?: "");
	err = wd_forked_write(replaying->fd, (const char *)&head, sizeof(head));
	return err ? err :
		     wd_forked_write(replaying->fd, (const char *)packet->data,
				     packet->len);
}

static int ask(struct replaying *replaying, uint32_t number,
	       const struct wd_captured *packet)
{
	struct json_object *doc = NULL;
	int err = send_packet(replaying, number, packet), code;

	if (err)
		return wd_cmd_fail(replaying->args, WD_EXIT_NO, "",
				   "the agent's child went away: %s",
				   wd_errno(err));
	code = read_line(replaying, &doc);
	if (code)
		return code;
	replaying->cut += packet->missing != 0;
	count(replaying, doc);
	tell(replaying, doc);
	json_object_put(doc);
	return WD_EXIT_OK;
}

static int ask_all(struct replaying *replaying)
{
	const char *path = replaying->args->argv[0];
	struct wd_captured packet;
	char *error = NULL;
	int code = WD_EXIT_OK, got = 1;

	for (uint32_t number = 1; !code && got > 0; number++) {
		got = wd_capture_next(replaying->capture, &packet, &error);
		if (got > 0)
			code = ask(replaying, number, &packet);
		else if (got < 0)
			code = wd_cmd_fail(replaying->args, WD_EXIT_NO, path,
					   "packet %u: %s", number, error);
	}
	free(error);
	return code;
}

/* ---- the whole ---- */

static int greet(struct replaying *replaying)
{
	struct json_object *doc = NULL;
	int code = read_line(replaying, &doc);
	const char *error = wd_json_get_str(doc, "error");

	if (code)
		return code;
	if (*error)
		code = wd_cmd_fail(replaying->args, WD_EXIT_NO, "", "%s",
				   error);
	else if (replaying->args->json)
		wd_cmd_json_line(doc);
	else
		wd_print(stdout,
			 "as node %s would judge at %s/%s (%s), rung %s, "
			 "generation %lld, %s\n\n",
			 wd_json_get_str(doc, "node"),
			 wd_json_get_str(wd_json_get(doc, "endpoint"),
					 "namespace"),
			 wd_json_get_str(wd_json_get(doc, "endpoint"), "name"),
			 wd_json_get_str(wd_json_get(doc, "endpoint"),
					 "interface"),
			 wd_json_get_str(doc, "rung"),
			 (long long)wd_json_get_int(doc, "generation"),
			 wd_args_has(replaying->args, "fresh") ?
				 "without the flows there are now" :
				 "beside the flows there are now");
	json_object_put(doc);
	return code;
}

static void summarize(const struct replaying *replaying)
{
	if (replaying->args->json) {
		struct json_object *doc = json_object_new_object();
		struct json_object *sum = wd_json_object(doc, "summary");

		wd_json_int(sum, "allow", replaying->passed);
		wd_json_int(sum, "drop", replaying->dropped);
		wd_json_int(sum, "audit", replaying->audited);
		wd_json_int(sum, "not_judged", replaying->failed);
		wd_json_int(sum, "cut_short", replaying->cut);
		wd_cmd_json_line(doc);
		json_object_put(doc);
		return;
	}
	printf("\n%u allowed, %u dropped, %u would be dropped, %u not judged\n",
	       replaying->passed, replaying->dropped, replaying->audited,
	       replaying->failed);
	if (replaying->cut)
		printf("note: %u packets were captured in part; the rest of "
		       "them was taken as zeros\n",
		       replaying->cut);
}

static int start(struct replaying *replaying)
{
	const struct wd_args *args = replaying->args;
	struct json_object *req = wd_cmd_request("replay"), *started = NULL;
	int pair[2], code;

	wd_json_str(req, "at", wd_args_get(args, "at"));
	wd_json_bool(req, "fresh", wd_args_has(args, "fresh"));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		json_object_put(req);
		return wd_cmd_fail(args, WD_EXIT_NO, "", "socketpair: %s",
				   strerror(errno));
	}
	code = wd_cmd_ask_fd(args, req, pair[1], WD_CMD_TIMEOUT_MS, &started);
	json_object_put(started);
	(void)close(pair[1]);
	replaying->fd = pair[0];
	replaying->in = code ? NULL : fdopen(pair[0], "r");
	if (!code && !replaying->in)
		code = wd_cmd_fail(args, WD_EXIT_NO, "", "fdopen: %s",
				   strerror(errno));
	return code;
}

static int read_direction(struct replaying *replaying)
{
	const char *text = wd_args_get(replaying->args, "direction");

	replaying->dir = WD_DIR__MAX;
	for (uint32_t dir = 0; text && dir < WD_DIR__MAX; dir++)
		if (!strcmp(text, wd_dir_name(dir)))
			replaying->dir = dir;
	if (!text || replaying->dir < WD_DIR__MAX)
		return WD_EXIT_OK;
	return wd_cmd_fail(replaying->args, WD_EXIT_USAGE, "--direction",
			   "'%s' is neither ingress nor egress", text);
}

static int replay(struct replaying *replaying)
{
	const struct wd_args *args = replaying->args;
	char *error = NULL;
	int code = read_direction(replaying);

	if (!code && !wd_args_get(args, "at"))
		code = wd_cmd_fail(args, WD_EXIT_USAGE, "--at",
				   "is needed: the pod whose hooks are asked");
	if (!code &&
	    wd_capture_open(args->argv[0], &replaying->capture, &error))
		code = wd_cmd_fail(args, WD_EXIT_NO, args->argv[0], "%s",
				   error);
	free(error);
	if (!code)
		code = start(replaying);
	if (!code)
		code = greet(replaying);
	if (!code)
		code = ask_all(replaying);
	if (!code)
		summarize(replaying);
	return code;
}

static int cmd_replay(const struct wd_args *args)
{
	struct replaying replaying = {
		.args = args, .fd = -1, .drops_only = wd_args_has(args, "drops")
	};
	int code = replay(&replaying);

	if (replaying.in) {
		(void)shutdown(replaying.fd, SHUT_WR);
		wd_cmd_wait_end(replaying.fd);
		(void)fclose(replaying.in); /* and with it the socket */
	} else if (replaying.fd >= 0) {
		(void)close(replaying.fd);
	}
	wd_capture_close(replaying.capture);
	if (code)
		return code;
	return replaying.dropped || replaying.audited || replaying.failed ?
		       WD_EXIT_NO :
		       WD_EXIT_OK;
}

static const struct wd_opt opts[] = {
	{ .name = "at",
	  .arg = "NS/POD",
	  .help = "the pod of this node at whose interface they are judged" },
	{ .name = "direction",
	  .arg = "ingress|egress",
	  .help = "towards the pod, or from it; default: by each packet's addresses" },
	{ .name = "from-device",
	  .arg = "DEV",
	  .help = "towards the pod: the device it came in by; default: by its source" },
	{ .name = "fresh",
	  .help = "without the flows that there are now: all that is open is new" },
	{ .name = "drops", .help = "do not list what is allowed" },
	{},
};

const struct wd_cmd wd_cmd_replay = {
	.object = "replay",
	.args = "FILE",
	.min = 1,
	.max = 1,
	.summary = "what the kernel would say to captured packets, one by one",
	.text = "FILE is a capture of tcpdump or Wireshark, pcap or pcapng, or - for "
		"standard input,\nbest of the pod's own interface. Each packet runs "
		"through a second set of the programs\nin force, with copies of "
		"their maps (BPF_PROG_TEST_RUN): nothing is sent, counted or\n"
		"remembered in those in force. Flows live in the copies as the "
		"packets make them, by\ntoday's clock; the capture's times are only "
		"shown.\n\n"
		"Where the capture has no hardware addresses (device 'any'), the "
		"pod's are taken. TCP\nthat a device was to cut into segments is cut "
		"before; else more than 3,000 bytes cannot\nbe asked. Not on rungs "
		"nft and hold, and towards the pod not before Linux 5.12.\n\n"
		"Exit code 0: all are allowed, 1: some are not, or could not be judged.",
	.opts = opts,
	.fn = cmd_replay,
};
