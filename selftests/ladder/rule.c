/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rule.c - reads rules and finds the one that decides. Pure, but for memory.
 */
#include "rule.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES 8192
#define WORD_MAX_BYTES 4096

static const char *const families[] = {
	[WD_FAMILY_BPF] = "bpf",
	[WD_FAMILY_SOCKET] = "socket",
	[WD_FAMILY_NETLINK] = "netlink",
};

#define FAMILY_CNT (sizeof(families) / sizeof(*families))

/* One rule being read: why it is none, for a person. */
struct reading {
	char *error;
	size_t room;
	int line;
};

static int __attribute__((format(printf, 2, 3))) wrong(struct reading *r,
						       const char *fmt, ...)
{
	int n = snprintf(r->error, r->room, "line %d: ", r->line);
	va_list args;

	va_start(args, fmt);
	if ((size_t)n < r->room)
		vsnprintf(r->error + n, r->room - (size_t)n, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* ---- words ---- */

static char unescaped(char c)
{
	return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/*
 * next_word() - up to a space that is in no quotes; the quotes go
 * Return: false at the end of the line, or, with @at where it was, if the word
 * has no end.
 */
static bool next_word(const char **at, char word[WORD_MAX_BYTES])
{
	const char *c = *at;
	bool quoted = false;
	size_t n = 0;

	while (isspace((unsigned char)*c))
		c++;
	for (; *c && n + 1 < WORD_MAX_BYTES; c++) {
		if (*c == '"')
			quoted = !quoted;
		else if (quoted && *c == '\\' && c[1])
			word[n++] = unescaped(*++c);
		else if (!quoted && isspace((unsigned char)*c))
			break;
		else
			word[n++] = *c;
	}
	word[n] = '\0';
	if (!quoted)
		*at = c;
	return n && !quoted;
}

static int put_name(struct reading *r, char *to, const char *value)
{
	if (!*value || strlen(value) >= WD_NAME_MAX)
		return wrong(r, "'%s' is no name", value);
	memcpy(to, value, strlen(value) + 1);
	return 0;
}

static int put_number(struct reading *r, unsigned long *to, const char *value)
{
	char *end;

	errno = 0;
	*to = strtoul(value, &end, 0);
	if (errno || *end || !isdigit((unsigned char)*value))
		return wrong(r, "'%s' is no number", value);
	return 0;
}

static int put_errno(struct reading *r, int *to, const char *value)
{
	*to = wd_errno_number(value);
	return *to ? 0 : wrong(r, "'%s' is no error", value);
}

static int put_retval(struct reading *r, struct wd_rule *rule,
		      const char *value)
{
	unsigned long number;
	int err = put_number(r, &number, value);

	if (!err && number > UINT_MAX)
		err = wrong(r, "'%s' is no verdict", value);
	if (!err) {
		rule->retval = (unsigned int)number;
		rule->has_retval = true;
	}
	return err;
}

static int put_log(struct reading *r, struct wd_rule *rule, const char *value)
{
	free(rule->log);
	rule->log = strdup(value);
	return rule->log ? 0 : wrong(r, "out of memory");
}

static int put(struct reading *r, struct wd_rule *rule, const char *key,
	       const char *value)
{
	if (!strcmp(key, "name"))
		return put_name(r, rule->name, value);
	if (!strcmp(key, "type"))
		return put_name(r, rule->type, value);
	if (!strcmp(key, "errno"))
		return put_errno(r, &rule->err, value);
	if (!strcmp(key, "retval"))
		return put_retval(r, rule, value);
	if (!strcmp(key, "log"))
		return put_log(r, rule, value);
	if (!strcmp(key, "pad"))
		return put_number(r, &rule->pad, value);
	if (!strcmp(key, "after"))
		return put_number(r, &rule->after, value);
	if (!strcmp(key, "times"))
		return put_number(r, &rule->times, value);
	if (!strcmp(key, "sleep"))
		return put_number(r, &rule->sleep_ms, value);
	return wrong(r, "what is '%s'?", key);
}

/* ---- rules ---- */

static int read_head(struct reading *r, struct wd_rule *rule, char *word)
{
	char *what = strchr(word, ':');
	size_t i = 0;
	bool known;

	if (!what)
		return wrong(r, "'%s' is not FAMILY:WHAT", word);
	*what++ = '\0';
	while (i < FAMILY_CNT && strcmp(word, families[i]))
		i++;
	if (i == FAMILY_CNT)
		return wrong(r, "there is no family '%s'", word);
	rule->family = (enum wd_family)i;
	known = rule->family == WD_FAMILY_BPF ? wd_bpf_known(what) :
						wd_netlink_known(what);
	return known ? put_name(r, rule->what, what) :
		       wrong(r, "%s has no '%s'", word, what);
}

static int read_words(struct reading *r, struct wd_rule *rule, const char *at)
{
	static char word[WORD_MAX_BYTES];
	int err = 0;

	while (!err && next_word(&at, word)) {
		char *value = strchr(word, '=');

		if (value) {
			*value++ = '\0';
			err = put(r, rule, word, value);
		} else if (!strcmp(word, "probes")) {
			rule->probes = true;
		} else {
			err = wrong(r, "what is '%s'?", word);
		}
	}
	at += strspn(at, " \t");
	if (!err && *at)
		err = wrong(r, "this has no end: %s", at);
	return err;
}

static int check(struct reading *r, const struct wd_rule *rule)
{
	if (rule->err && rule->has_retval)
		return wrong(r, "errno and retval exclude each other");
	if (rule->has_retval && strcmp(rule->what, "PROG_TEST_RUN"))
		return wrong(r, "only PROG_TEST_RUN has a retval");
	if (rule->type[0] && rule->family != WD_FAMILY_NETLINK)
		return wrong(r, "only netlink has a type");
	if (rule->name[0] && rule->family != WD_FAMILY_BPF)
		return wrong(r, "only bpf has names");
	return 0;
}

static int add_line(struct wd_rules *rules, struct reading *r, const char *line)
{
	struct wd_rule rule = { .times = ULONG_MAX };
	static char word[WORD_MAX_BYTES];
	const char *at = line;
	int err;

	if (!next_word(&at, word) || word[0] == '#')
		return 0;
	if (rules->cnt == WD_RULES_MAX)
		return wrong(r, "too many rules");
	err = read_head(r, &rule, word);
	if (!err)
		err = read_words(r, &rule, at);
	if (!err)
		err = check(r, &rule);
	if (err) {
		free(rule.log);
		return err;
	}
	rule.probes |= !strcmp(rule.what, "*");
	rules->rule[rules->cnt++] = rule;
	return 0;
}

int wd_rules_add(struct wd_rules *rules, const char *text, char *ret_error,
		 size_t room)
{
	struct reading r = { .error = ret_error, .room = room };
	int err = 0;

	while (!err && *text) {
		size_t bytes = strcspn(text, "\n");
		static char line[LINE_MAX_BYTES];

		r.line++;
		if (bytes >= sizeof(line))
			return wrong(&r, "too long");
		memcpy(line, text, bytes);
		line[bytes] = '\0';
		err = add_line(rules, &r, line);
		text += bytes + (text[bytes] == '\n');
	}
	return err;
}

void wd_rules_clear(struct wd_rules *rules)
{
	for (int i = 0; i < rules->cnt; i++)
		free(rules->rule[i].log);
	memset(rules, 0, sizeof(*rules));
}

static bool has_type(const struct wd_face *face, const char *pattern)
{
	for (int i = 0; i < face->type_cnt; i++) {
		if (!fnmatch(pattern, face->type[i], 0))
			return true;
	}
	return false;
}

static bool fits(const struct wd_rule *rule, const struct wd_face *face)
{
	if (rule->family != face->family || fnmatch(rule->what, face->what, 0))
		return false;
	if (face->is_probe && !rule->probes)
		return false;
	if (rule->name[0] && fnmatch(rule->name, face->name, 0))
		return false;
	return !rule->type[0] || has_type(face, rule->type);
}

int wd_rules_find(struct wd_rules *rules, const struct wd_face *face)
{
	for (int i = 0; i < rules->cnt; i++) {
		struct wd_rule *rule = &rules->rule[i];

		if (!fits(rule, face))
			continue;
		rule->seen++;
		if (rule->seen > rule->after &&
		    rule->seen - rule->after <= rule->times)
			return i;
	}
	return -1;
}

bool wd_rules_has(const struct wd_rules *rules, enum wd_family family)
{
	for (int i = 0; i < rules->cnt; i++) {
		if (rules->rule[i].family == family)
			return true;
	}
	return false;
}

bool wd_rules_ask_entries(const struct wd_rules *rules)
{
	static const char *const calls[] = { "MAP_LOOKUP_ELEM",
					     "MAP_UPDATE_ELEM",
					     "MAP_DELETE_ELEM",
					     "MAP_GET_NEXT_KEY", "MAP_FREEZE" };

	for (int i = 0; i < rules->cnt; i++) {
		const struct wd_rule *rule = &rules->rule[i];

		for (size_t j = 0; j < sizeof(calls) / sizeof(*calls); j++) {
			if (rule->family == WD_FAMILY_BPF && rule->name[0] &&
			    !fnmatch(rule->what, calls[j], 0))
				return true;
		}
	}
	return false;
}
