/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cmd.h - the commands: what each is called, takes and does.
 *
 * One file per sub-command, each with a struct wd_cmd; cmd.c finds the one
 * that was asked for, reads its options and prints help from the same struct.
 * A command asks the agent and prints; it decides nothing about packets.
 */
#ifndef WARDER_CMD_H
#define WARDER_CMD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/opt.h"

struct json_object;
struct wd_cmd;
struct wd_config;
struct wd_doctor;

/* Exit codes of every command. */
enum wd_exit {
	WD_EXIT_OK = 0, /* yes, done */
	WD_EXIT_NO = 1, /* failed, or the answer is no */
	WD_EXIT_USAGE = 2,
	WD_EXIT_NO_AGENT = 3, /* the agent is not running or not ready */
};

struct wd_args {
	const struct wd_cmd *cmd;
	const char *run_dir;
	bool json;
	int argc; /* positional arguments */
	char **argv;
	size_t set_cnt; /* the command's own options, in order */
	struct {
		const char *name;
		const char *value; /* NULL if none was given */
	} set[WD_OPTS_MAX];
};

struct wd_cmd {
	const char *object; /* first word: "policy", "why" */
	const char *verb; /* second word, or NULL */
	const char *args; /* positional arguments, for people: "ID|ADDR" */
	int min; /* positional arguments */
	int max; /* -1: any number */
	const char *summary; /* one line */
	const char *text; /* paragraphs, or NULL */
	const struct wd_opt *opts; /* of its own, or NULL */
	int (*fn)(const struct wd_args *args);
	/* Instead of fn: reads its options itself. */
	int (*main)(int argc, char **argv);
};

/* Every command in the order of the help; ends with NULL. */
extern const struct wd_cmd *const wd_cmds[];

extern const struct wd_cmd wd_cmd_agent;
extern const struct wd_cmd wd_cmd_status;
extern const struct wd_cmd wd_cmd_sync;
extern const struct wd_cmd wd_cmd_stop;
extern const struct wd_cmd wd_cmd_endpoint_list;
extern const struct wd_cmd wd_cmd_endpoint_get;
extern const struct wd_cmd wd_cmd_identity_list;
extern const struct wd_cmd wd_cmd_identity_get;
extern const struct wd_cmd wd_cmd_service_list;
extern const struct wd_cmd wd_cmd_service_get;
extern const struct wd_cmd wd_cmd_policy_list;
extern const struct wd_cmd wd_cmd_policy_get;
extern const struct wd_cmd wd_cmd_policy_confirm;
extern const struct wd_cmd wd_cmd_policy_unused;
extern const struct wd_cmd wd_cmd_policy_check;
extern const struct wd_cmd wd_cmd_policy_diff;
extern const struct wd_cmd wd_cmd_why;
extern const struct wd_cmd wd_cmd_monitor;
extern const struct wd_cmd wd_cmd_replay;
extern const struct wd_cmd wd_cmd_top;
extern const struct wd_cmd wd_cmd_report;
extern const struct wd_cmd wd_cmd_metrics;
extern const struct wd_cmd wd_cmd_flow_list;
extern const struct wd_cmd wd_cmd_map_list;
extern const struct wd_cmd wd_cmd_ladder_show;
extern const struct wd_cmd wd_cmd_ladder_climb;
extern const struct wd_cmd wd_cmd_ladder_pin;
extern const struct wd_cmd wd_cmd_encryption_status;
extern const struct wd_cmd wd_cmd_encryption_report;
extern const struct wd_cmd wd_cmd_slo_status;
extern const struct wd_cmd wd_cmd_slo_baseline;
extern const struct wd_cmd wd_cmd_slo_set;
extern const struct wd_cmd wd_cmd_slo_clear;
extern const struct wd_cmd wd_cmd_slo_runtime;
extern const struct wd_cmd wd_cmd_cni_install;
extern const struct wd_cmd wd_cmd_cni_check;
extern const struct wd_cmd wd_cmd_cni_uninstall;
extern const struct wd_cmd wd_cmd_doctor;
extern const struct wd_cmd wd_cmd_bugreport;
extern const struct wd_cmd wd_cmd_state_export;
extern const struct wd_cmd wd_cmd_preflight;
extern const struct wd_cmd wd_cmd_wireguard_status;
extern const struct wd_cmd wd_cmd_wireguard_apply;
extern const struct wd_cmd wd_cmd_completion;
extern const struct wd_cmd wd_cmd_version;
extern const struct wd_cmd wd_cmd_help;

/* Options that every command but the agent takes. */
extern const struct wd_opt wd_cmd_common_opts[];

/** wd_cmd_main() - `warder ...`. Return: the exit code */
int wd_cmd_main(int argc, char **argv);

/** wd_help_print() - the help of the commands named by @word (one or two), all of them if @cnt is 0 */
int wd_help_print(int cnt, char **word);

/* ---- for the commands ---- */

/** wd_args_get() - value of the last @name; NULL if not given or without value */
const char *wd_args_get(const struct wd_args *args, const char *name);
bool wd_args_has(const struct wd_args *args, const char *name);

/**
 * wd_cmd_fail() - say what failed, as text or JSON, on stderr
 * @where: what it is about, or ""
 * Return: @code.
 */
int wd_cmd_fail(const struct wd_args *args, enum wd_exit code,
		const char *where, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * wd_cmd_config() - the agent's defaults, or what the file of --config says
 * @ret_config: to be given to wd_config_fini() in any case
 * Return: WD_EXIT_OK, or WD_EXIT_USAGE after having said why.
 */
int wd_cmd_config(const struct wd_args *args, struct wd_config *ret_config);

/** wd_cmd_request() - {"cmd": name}, to be filled and given to wd_cmd_ask() */
struct json_object *wd_cmd_request(const char *name);

/**
 * wd_cmd_ask() - put a request to the agent
 * @req: is consumed
 * @ret_result: to be put
 * Return: WD_EXIT_OK, or another exit code after having said why.
 */
int wd_cmd_ask(const struct wd_args *args, struct json_object *req,
	       int timeout_ms, struct json_object **ret_result);

/**
 * wd_cmd_answer() - the whole of a command that asks and shows
 * @req: is consumed
 * @print: shows the result to people; not called with --json
 * Return: the exit code of the command.
 */
int wd_cmd_answer(const struct wd_args *args, struct json_object *req,
		  int timeout_ms, void (*print)(struct json_object *result));

/** wd_cmd_ask_fd() - the same with a descriptor, which stays the caller's */
int wd_cmd_ask_fd(const struct wd_args *args, struct json_object *req, int fd,
		  int timeout_ms, struct json_object **ret_result);

/** wd_cmd_try() - the same without a word. Return: 0 with the whole answer, or -errno of wd_ctl_call() */
int wd_cmd_try(const struct wd_args *args, struct json_object *req,
	       int timeout_ms, struct json_object **ret_answer);

/**
 * wd_cmd_take() - what an answer holds, or say why it holds nothing
 * @answer: is released
 * @ret_result: to be released
 * Return: WD_EXIT_OK, or the exit code that the agent gives.
 */
int wd_cmd_take(const struct wd_args *args, struct json_object *answer,
		struct json_object **ret_result);

/** wd_cmd_lost() - say that the agent could not be asked. Return: the exit code for @err */
int wd_cmd_lost(const struct wd_args *args, int err);

/**
 * wd_cmd_wait_end() - until the child of the agent that has the other end is gone
 * So that who asks again at once does not find it still under way.
 */
void wd_cmd_wait_end(int fd);

/** wd_cmd_receive() - one document, from a child of the agent. Return: 0, -EPROTO it is none, or -errno */
int wd_cmd_receive(int fd, struct json_object **ret_doc);

/**
 * wd_cmd_ask_child() - what a child of the agent answers that is asked nothing more
 * @req: is consumed
 * Return: WD_EXIT_OK, or another exit code after having said why.
 */
int wd_cmd_ask_child(const struct wd_args *args, struct json_object *req,
		     struct json_object **ret_doc);

/**
 * wd_cmd_page() - a document as a page of HTML
 * To the file that --html names, or to stdout where it names none.
 * @put: writes the page; that it could is looked at here
 * Return: WD_EXIT_OK, or WD_EXIT_NO after having said why.
 */
int wd_cmd_page(const struct wd_args *args, struct json_object *doc,
		void (*put)(struct json_object *doc, FILE *to));

/** wd_cmd_json() - one document on stdout */
void wd_cmd_json(struct json_object *doc);

/** wd_cmd_json_line() - one of several on stdout, on a line of its own */
void wd_cmd_json_line(struct json_object *doc);

#define WD_CMD_TIMEOUT_MS 30000

/* ---- pieces of answers, shared by several commands; texts are to be freed ---- */

/** wd_show_problem() - "file:line: field: text (object, effect)" */
void wd_show_problem(FILE *to, struct json_object *problem);

/** wd_show_event() - a verdict on one line: time, direction, verdict, reason, ends, rule */
void wd_show_event(struct json_object *event);

/** wd_show_happened() - an event of the agent: time, level, kind, what happened */
void wd_show_happened(struct json_object *event);

/** wd_show_join() - strings of an array below @key, separated */
char *wd_show_join(struct json_object *obj, const char *key, const char *sep);

/** wd_show_labels() - "k=v,k=v" of the object below @key */
char *wd_show_labels(struct json_object *obj, const char *key);

/** wd_show_identity() - "2 (world)" */
char *wd_show_identity(struct json_object *obj, const char *key);

/* "Kind/ns/name", or "Kind/name" where there is no namespace; @obj is used four times. */
#define WD_SHOW_OBJECT_FMT "%s/%s%s%s"
#define WD_SHOW_OBJECT(obj) \
	wd_json_get_str((obj), "kind"), wd_json_get_str((obj), "namespace"), \
		*wd_json_get_str((obj), "namespace") ? "/" : "", \
		wd_json_get_str((obj), "name")

/** wd_show_policies() - "Kind/ns/name, ..." of an array of objects below @key */
char *wd_show_policies(struct json_object *obj, const char *key);

/** wd_show_findings() - what the doctor found, as text or JSON */
void wd_show_findings(const struct wd_args *args,
		      const struct wd_doctor *doctor);

/** wd_show_line() - one line "label  text"; wd_show_line_free() frees @text */
void wd_show_line(const char *label, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void wd_show_line_free(const char *label, char *text);

#endif /* WARDER_CMD_H */
