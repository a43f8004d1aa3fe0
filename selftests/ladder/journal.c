/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * journal.c - writes the journal; each line with one write(2), so that a reader
 * never sees a part.
 */
#include "journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "call.h"

#define LINE_BYTES 1024

static int journal = -1;

int wd_journal_open(const char *path)
{
	journal = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return journal < 0 ? -errno : 0;
}

uint64_t wd_journal_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void put(FILE *out, const char *key, const char *text)
{
	(void)fprintf(out, ", \"%s\": \"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', out);
		(void)fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
	}
	(void)fputc('"', out);
}

static void put_types(FILE *out, const struct wd_face *face)
{
	for (int i = 0; i < face->type_cnt; i++)
		(void)fprintf(out, "%s\"%s\"", i ? ", " : ", \"types\": [",
			      face->type[i]);
	if (face->type_cnt)
		(void)fputc(']', out);
}

static void begin(FILE *out, uint64_t at)
{
	(void)fprintf(out, "{\"t\": %llu.%06llu",
		      (unsigned long long)at / 1000000,
		      (unsigned long long)at % 1000000);
}

static void put_call(FILE *out, const struct wd_call *call)
{
	static const char *const families[] = { "bpf", "socket", "netlink" };

	(void)fprintf(out, ", \"pid\": %d", call->pid);
	put(out, "family", families[call->face.family]);
	put(out, "what", call->face.what);
	put(out, "name", call->face.name);
	put_types(out, &call->face);
	if (call->face.family != WD_FAMILY_BPF)
		return;
	if (call->cmd == BPF_PROG_LOAD)
		(void)fprintf(out, ", \"insns\": %u, \"log_level\": %u",
			      call->attr.insn_cnt, call->attr.log_level);
	(void)fprintf(out, ", \"probe\": %s",
		      call->face.is_probe ? "true" : "false");
}

static void end(FILE *out, char *line)
{
	(void)fputs("}\n", out);
	(void)fclose(out);
	/* A full disk must not end the command; whoever reads will miss lines. */
	(void)!write(journal, line, strlen(line));
}

void wd_journal_call(const struct wd_call *call, int rule, int err,
		     uint64_t since)
{
	char line[LINE_BYTES] = "";
	FILE *out;

	if (journal < 0)
		return;
	out = fmemopen(line, sizeof(line), "w");
	if (!out)
		return;
	begin(out, since);
	put_call(out, call);
	if (rule >= 0)
		(void)fprintf(out, ", \"rule\": %d", rule);
	if (err)
		(void)fprintf(out, ", \"errno\": %d", err);
	(void)fprintf(out, ", \"us\": %llu",
		      (unsigned long long)(wd_journal_now() - since));
	end(out, line);
}

void wd_journal_rules(int cnt, const char *error)
{
	char line[LINE_BYTES] = "";
	FILE *out;

	if (journal < 0)
		return;
	out = fmemopen(line, sizeof(line), "w");
	if (!out)
		return;
	begin(out, wd_journal_now());
	(void)fprintf(out, ", \"rules\": %d", cnt);
	if (error)
		put(out, "error", error);
	end(out, line);
}
