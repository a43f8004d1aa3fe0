/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.c - what to tell a person when the kernel said no.
 *
 * Names the likely cause by errno and by what was being done; the text of
 * libbpf and of the verifier is quoted but decides nothing beyond which object
 * it was about, because its words change with every release.
 */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "internal.h"

/* As much of the verifier's log as is kept: its end names the reason. */
#define LOG_TAIL 8192

static struct {
	char *text;
	size_t len;
	libbpf_print_fn_t before;
} capture;

/* What the cause says, or where a stage knows it better, that. */
static const char *likely_cause(int err, enum wd_stage stage,
				enum wd_cause cause)
{
	if (stage == WD_STAGE_ATTACH && err == -ENODEV)
		return "the interface is gone";
	if (stage == WD_STAGE_ATTACH && cause == WD_CAUSE_MODULE)
		return "the kernel has neither tcx nor clsact with the bpf "
		       "classifier (modules sch_ingress, cls_bpf)";
	if (err == -ENOMEM)
		return NULL; /* its name says all */
	if (stage == WD_STAGE_RUN && err == -EOPNOTSUPP)
		return NULL; /* it was not tried, so that it is wrong is not said */
	if (err == -EROFS)
		return "the file system is read-only";
	return cause == WD_CAUSE_UNKNOWN ? NULL : wd_cause_text(cause);
}

enum wd_cause wd_failure_cause(const struct wd_datapath *dp)
{
	struct wd_cause_facts facts = wd_cause_look();

	facts.log = dp->failure.log;
	return wd_cause_of(dp->failure.stage, dp->failure.err, &facts);
}

static void keep(struct wd_datapath *dp, int err, enum wd_stage stage,
		 char *what, char *log)
{
	struct wd_failure *f = &dp->failure;
	const char *cause;

	f->err = err;
	f->stage = stage;
	f->log = log;
	cause = likely_cause(err, stage, wd_failure_cause(dp));
	if (asprintf(&f->text, "datapath: %s: %s%s%s",
		     what ? what : "out of memory", wd_errno(err),
		     cause ? ", " : "", cause ? cause : "") < 0)
		f->text = NULL;
	free(what);
}

int wd_fail(struct wd_datapath *dp, int err, enum wd_stage stage,
	    const char *fmt, ...)
{
	char *what = NULL;
	va_list args;

	if (dp->failure.err)
		return err;
	va_start(args, fmt);
	if (vasprintf(&what, fmt, args) < 0)
		what = NULL;
	va_end(args);
	keep(dp, err, stage, what, NULL);
	return err;
}

void wd_failure_clear(struct wd_datapath *dp)
{
	free(dp->failure.text);
	free(dp->failure.log);
	dp->failure = (struct wd_failure){ 0 };
}

char *wd_failure_why(struct wd_datapath *dp)
{
	const char *log = dp->failure.log;
	size_t len = log ? strlen(log) : 0;
	bool cut = len > LOG_TAIL;
	char *why = NULL;

	if (dp->failure.text &&
	    asprintf(&why, "%s%s%s%s", dp->failure.text, len ? "\n" : "",
		     cut ? "[...]\n" : "",
		     len ? log + (cut ? len - LOG_TAIL : 0) : "") < 0)
		why = NULL;
	wd_failure_clear(dp);
	return why;
}

__attribute__((format(printf, 2, 0))) static int
collect(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char *piece, *more;
	int len;

	if (level != LIBBPF_WARN)
		return 0;
	len = vasprintf(&piece, fmt, args);
	if (len < 0)
		return 0;
	more = realloc(capture.text, capture.len + len + 1);
	if (more) {
		memcpy(more + capture.len, piece, len + 1);
		capture.text = more;
		capture.len += len;
	}
	free(piece);
	return len;
}

void wd_capture_begin(void)
{
	capture.text = NULL;
	capture.len = 0;
	capture.before = libbpf_set_print(collect);
}

char *wd_capture_end(void)
{
	char *text = capture.text;

	libbpf_set_print(capture.before);
	capture.text = NULL;
	return text;
}

/* The name between the quotes behind @kind ("prog '", "map '"), or NULL. */
static char *named_object(const char *said, const char *kind)
{
	const char *at = said ? strstr(said, kind) : NULL;

	if (!at)
		return NULL;
	at += strlen(kind);
	return strndup(at, strcspn(at, "'"));
}

int wd_fail_load(struct wd_datapath *dp, int err, char *said)
{
	char *prog = named_object(said, "prog '");
	char *map = prog ? NULL : named_object(said, "map '");
	char *what = NULL;
	int len;

	if (dp->failure.err) {
		free(said);
	} else {
		if (prog)
			len = asprintf(&what, "program %s does not load", prog);
		else if (map)
			len = asprintf(&what, "map %s cannot be made", map);
		else
			len = asprintf(&what, "the programs do not load");
		keep(dp, err, map ? WD_STAGE_MAP : WD_STAGE_PROG,
		     len < 0 ? NULL : what, said);
	}
	free(prog);
	free(map);
	return err;
}
