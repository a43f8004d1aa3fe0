/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.c - rules of others in nftables (and of iptables, where that is made of
 * it) that drop what policy allows. Found is only what surely does so: a rule that
 * names a pod's device or address and drops, and a chain that packets are forwarded
 * through, whose policy is drop and in which nothing accepts or leads on.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

#define FOUND_MAX 20
#define WORD_MAX_LEN 128
#define NAME_LEN WORD_MAX_LEN

struct reading {
	struct wd_doctor *doctor;
	struct json_object *endpoints;
	unsigned int found;
	char family[16], table[NAME_LEN], chain[NAME_LEN]; /* "" in none */
	bool closes; /* the chain is a base chain of hook forward, policy drop */
	bool leads; /* some rule of it accepts or goes elsewhere */
};

/* The next word, without quotes and commas; false: none. */
static bool next_word(const char **at, char *word)
{
	size_t len = 0;

	while (**at && strchr(" \t,;\"", **at))
		++*at;
	while (**at && !strchr(" \t,;\"", **at)) {
		if (len + 1 < WORD_MAX_LEN)
			word[len++] = **at;
		++*at;
	}
	word[len] = '\0';
	return len != 0;
}

static bool has_word(const char *line, const char *want)
{
	char word[WORD_MAX_LEN];

	while (next_word(&line, word) && strcmp(word, "#") != 0)
		if (!strcmp(word, want))
			return true;
	return false;
}

/* ---- what a rule says ---- */

static bool is_of_pod(struct json_object *endpoint, const char *line)
{
	struct json_object *addrs = wd_json_get(endpoint, "addresses");
	const char *device = wd_json_get_str(endpoint, "interface");

	if (*device && has_word(line, device))
		return true;
	for (size_t i = 0; addrs && i < json_object_array_length(addrs); i++)
		if (has_word(line,
			     json_object_get_string(
				     json_object_array_get_idx(addrs, i))))
			return true;
	return false;
}

static void find_rule(struct reading *r, struct json_object *endpoint,
		      const char *line)
{
	const char *handle = strstr(line, " # handle ");
	char *pod = NULL, *fix = NULL;
	int len = handle ? (int)(handle - line) : (int)strlen(line);

	wd_format(&pod, "%s/%s", wd_json_get_str(endpoint, "namespace"),
		  wd_json_get_str(endpoint, "name"));
	wd_format(&fix, "nft delete rule %s %s %s handle %s", r->family,
		  r->table, r->chain,
		  handle ? handle + strlen(" # handle ") : "");
	wd_doctor_find(
		r->doctor, "rules", pod ?: "", fix ?: "",
		"'%.*s' in chain %s of table %s %s drops packets of the pod: no reason, no counter of warder tells",
		len, line, r->chain, r->family, r->table);
	free(pod);
	free(fix);
	r->found++;
}

static void take_rule(struct reading *r, const char *line)
{
	struct json_object *endpoint;

	r->leads |= has_word(line, "accept") || has_word(line, "jump") ||
		    has_word(line, "goto") || has_word(line, "vmap") ||
		    has_word(line, "queue");
	if (!has_word(line, "drop") && !has_word(line, "reject"))
		return;
	for (size_t i = 0;
	     i < wd_json_len(r->endpoints, "endpoints") && r->found < FOUND_MAX;
	     i++) {
		endpoint = wd_json_at(r->endpoints, "endpoints", i);
		if (is_of_pod(endpoint, line)) {
			find_rule(r, endpoint, line);
			return;
		}
	}
}

/* ---- the listing, line by line ---- */

static void end_chain(struct reading *r)
{
	char *fix = NULL;

	if (r->closes && !r->leads && r->found < FOUND_MAX) {
		wd_format(&fix, "nft chain %s %s %s '{ policy accept; }'",
			  r->family, r->table, r->chain);
		wd_doctor_find(
			r->doctor, "rules", r->chain, fix ?: "",
			"chain %s of table %s %s drops all that is forwarded, and no rule of it accepts any: pods reach no other pod and no other node, whatever policy says",
			r->chain, r->family, r->table);
		free(fix);
		r->found++;
	}
	r->chain[0] = '\0';
}

static void begin_chain(struct reading *r, const char *name)
{
	(void)snprintf(r->chain, sizeof(r->chain), "%s", name);
	r->closes = false;
	r->leads = false;
}

static void take_table(struct reading *r, const char *rest)
{
	char word[WORD_MAX_LEN];

	if (!next_word(&rest, word))
		return;
	(void)snprintf(r->family, sizeof(r->family), "%.15s", word);
	(void)next_word(&rest, word);
	(void)snprintf(r->table, sizeof(r->table), "%s", word);
}

static void take_line(struct reading *r, const char *line)
{
	char word[WORD_MAX_LEN];
	const char *rest = line;

	if (!next_word(&rest, word))
		return;
	if (!strcmp(word, "table")) {
		take_table(r, rest);
	} else if (!strncmp(r->table, "warder", strlen("warder"))) {
		return; /* our own */
	} else if (!strcmp(word, "chain") && next_word(&rest, word)) {
		begin_chain(r, word);
	} else if (!*r->chain) {
		return; /* of a set or a flowtable */
	} else if (!strcmp(word, "}")) {
		end_chain(r);
	} else if (!strcmp(word, "type")) {
		r->closes = has_word(rest, "forward") &&
			    strstr(rest, "policy drop");
	} else {
		while (isspace((unsigned char)*line))
			line++;
		take_rule(r, line);
	}
}

void wd_doctor_rules(struct wd_doctor *doctor, const char *ruleset,
		     struct json_object *endpoints)
{
	struct reading r = { .doctor = doctor, .endpoints = endpoints };
	char *copy = strdup(ruleset), *rest = copy, *line;

	while ((line = strsep(&rest, "\n")))
		take_line(&r, line);
	free(copy);
}
