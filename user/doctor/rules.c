/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rules.c - rules of others in nftables (and of iptables, where that is made of
 * it) that drop what policy allows. Found, with a command that takes it away, is
 * only what surely does so: a rule that matches a pod's device or address, nothing
 * else, and drops, where nothing before it in a chain of hook forward accepts or
 * leads on; and such a chain whose policy is drop and in which nothing does. Other
 * rules that name a pod may guard the node, or the pod against a forger: of them is
 * said only that they were not judged.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/opt.h"
#include "doctor.h"

#define FOUND_MAX 20
#define UNSURE_MAX 5
#define WORD_MAX_LEN 128
#define NAME_LEN WORD_MAX_LEN

/* What ends a word: to look for a name, or to read a rule to the letter. */
#define LOOSE " \t,;\""
#define STRICT " \t,"

struct reading {
	struct wd_doctor *doctor;
	struct json_object *endpoints;
	unsigned int found, unsure;
	char family[16], table[NAME_LEN], chain[NAME_LEN]; /* "" in none */
	bool dormant; /* the table is: its chains see no packet */
	bool forward; /* the chain is a base chain of hook forward */
	bool closes; /* and its policy is drop */
	bool leads; /* some rule of it accepts or goes elsewhere, or may */
};

/* The next word; false: none, and @word is empty. */
static bool next_word(const char **at, char *word, const char *ends)
{
	size_t len = 0;

	while (**at && strchr(ends, **at))
		++*at;
	while (**at && !strchr(ends, **at)) {
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

	while (next_word(&line, word, LOOSE))
		if (!strcmp(word, want))
			return true;
	return false;
}

/* Do packets of this family of tables have addresses as the pod's are? */
static bool has_family(struct json_object *endpoint, const char *family)
{
	bool v6 = !strcmp(family, "ip6");

	if (!strcmp(family, "inet"))
		return true;
	if (!v6 && strcmp(family, "ip") != 0)
		return false; /* bridge, netdev, arp */
	for (size_t i = 0; i < wd_json_len(endpoint, "addresses"); i++)
		if (v6 == !!strchr(json_object_get_string(wd_json_at(
					   endpoint, "addresses", i)),
				   ':'))
			return true;
	return false;
}

static bool any_has_family(const struct reading *r)
{
	for (size_t i = 0; i < wd_json_len(r->endpoints, "endpoints"); i++)
		if (has_family(wd_json_at(r->endpoints, "endpoints", i),
			       r->family))
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

/* Is the rest of a match just this, or a set that it is in? */
static bool is_match(const char **at, const char *want)
{
	char word[WORD_MAX_LEN];
	bool has = false;

	(void)next_word(at, word, STRICT);
	if (strcmp(word, "{") != 0)
		return !strcmp(word, want);
	while (next_word(at, word, STRICT) && strcmp(word, "}") != 0)
		has |= !strcmp(word, want);
	return has && *word;
}

/* Is the rest of a rule just a verdict that lets nothing pass? */
static bool is_verdict(const char **at)
{
	char word[WORD_MAX_LEN];

	(void)next_word(at, word, STRICT);
	if (!strcmp(word, "counter"))
		(void)next_word(at, word, STRICT);
	if (!strcmp(word, "packets")) /* N bytes N */
		for (unsigned int i = 0; i < 4; i++)
			(void)next_word(at, word, STRICT);
	return (!strcmp(word, "drop") || !strcmp(word, "reject")) &&
	       !next_word(at, word, STRICT);
}

static bool is_all_of(const char *rest, const char *want)
{
	return is_match(&rest, want) && is_verdict(&rest);
}

/* Does the rule drop all packets from or to the pod that come to it? */
static bool drops_all_of(const struct reading *r, struct json_object *endpoint,
			 const char *rule)
{
	char word[WORD_MAX_LEN], device[NAME_LEN];

	(void)next_word(&rule, word, STRICT);
	if (!strcmp(word, "iifname") || !strcmp(word, "oifname")) {
		(void)snprintf(device, sizeof(device), "\"%s\"",
			       wd_json_get_str(endpoint, "interface"));
		return has_family(endpoint, r->family) &&
		       is_all_of(rule, device);
	}
	if (strcmp(word, "ip") != 0 && strcmp(word, "ip6") != 0)
		return false;
	(void)next_word(&rule, word, STRICT);
	if (strcmp(word, "saddr") != 0 && strcmp(word, "daddr") != 0)
		return false;
	for (size_t i = 0; i < wd_json_len(endpoint, "addresses"); i++)
		if (is_all_of(rule, json_object_get_string(wd_json_at(
					    endpoint, "addresses", i))))
			return true;
	return false;
}

/* Can a shell and nft be given these names as they are? */
static bool has_plain_names(const struct reading *r)
{
	return wd_doctor_is_plain(r->table) && wd_doctor_is_plain(r->chain);
}

static void find_rule(struct reading *r, const char *pod, const char *rule,
		      const char *handle)
{
	char *fix = NULL;

	wd_format(&fix, "nft delete rule %s %s %s handle %s", r->family,
		  r->table, r->chain, handle);
	wd_doctor_find(
		r->doctor, "rules", pod, fix ?: "",
		"'%s' in chain %s of table %s %s drops packets of the pod: no reason, no counter of warder tells",
		rule, r->chain, r->family, r->table);
	free(fix);
	r->found++;
}

static void judge_rule(struct reading *r, struct json_object *endpoint,
		       const char *rule, const char *handle)
{
	bool sure = r->forward && !r->leads && has_plain_names(r) && *handle &&
		    wd_doctor_is_plain(handle) && any_has_family(r) &&
		    drops_all_of(r, endpoint, rule);
	char *pod = NULL;

	wd_format(&pod, "%s/%s", wd_json_get_str(endpoint, "namespace"),
		  wd_json_get_str(endpoint, "name"));
	if (sure && r->found < FOUND_MAX)
		find_rule(r, pod ?: "", rule, handle);
	else if (!sure && r->unsure++ < UNSURE_MAX)
		wd_doctor_skip(
			r->doctor, "rules",
			"whether '%s' in chain %s of table %s %s drops what policy allows pod %s: look at it",
			rule, r->chain, r->family, r->table, pod ?: "");
	free(pod);
}

/* "#" stands for what this nft cannot print: it may accept. */
static bool may_lead(const char *rule)
{
	static const char *const words[] = { "accept", "jump", "goto", "vmap",
					     "queue",  "xt",   "#" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (has_word(rule, words[i]))
			return true;
	return false;
}

static void take_rule(struct reading *r, char *rule)
{
	static const char mark[] = " # handle ";
	char *handle = NULL;
	struct json_object *endpoint;

	/* The last: a comment may have one, too. */
	for (char *at = rule; (at = strstr(at, mark)); at++)
		handle = at;
	if (handle) {
		*handle = '\0';
		handle += strlen(mark);
	}
	r->leads |= may_lead(rule);
	if (!has_word(rule, "drop") && !has_word(rule, "reject"))
		return;
	for (size_t i = 0; i < wd_json_len(r->endpoints, "endpoints"); i++) {
		endpoint = wd_json_at(r->endpoints, "endpoints", i);
		if (is_of_pod(endpoint, rule)) {
			judge_rule(r, endpoint, rule, handle ?: "");
			return;
		}
	}
}

/* ---- the listing, line by line ---- */

static void end_chain(struct reading *r)
{
	char *fix = NULL;

	if (r->closes && !r->leads && any_has_family(r) && has_plain_names(r) &&
	    r->found < FOUND_MAX) {
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
	r->forward = false;
	r->closes = false;
	r->leads = false;
}

static void take_table(struct reading *r, const char *rest)
{
	char word[WORD_MAX_LEN];

	r->dormant = false;
	if (!next_word(&rest, word, LOOSE))
		return;
	(void)snprintf(r->family, sizeof(r->family), "%.15s", word);
	(void)next_word(&rest, word, LOOSE);
	(void)snprintf(r->table, sizeof(r->table), "%s", word);
}

static void take_hook(struct reading *r, const char *rest)
{
	static const char forward[] = "filter hook forward ";

	while (*rest == ' ')
		rest++;
	r->forward = !strncmp(rest, forward, strlen(forward));
	r->closes = r->forward && strstr(rest, "policy drop");
}

static void take_line(struct reading *r, char *line)
{
	char word[WORD_MAX_LEN];
	const char *rest = line;

	if (!next_word(&rest, word, LOOSE))
		return;
	if (!strcmp(word, "table")) {
		take_table(r, rest);
	} else if (r->dormant ||
		   !strncmp(r->table, "warder", strlen("warder"))) {
		return; /* nobody's, or our own */
	} else if (!strcmp(word, "chain") && next_word(&rest, word, LOOSE)) {
		begin_chain(r, word);
	} else if (!*r->chain) {
		/* else of a set or a flowtable */
		r->dormant = !strcmp(word, "flags") &&
			     has_word(rest, "dormant");
	} else if (!strcmp(word, "}")) {
		end_chain(r);
	} else if (!strcmp(word, "type")) {
		take_hook(r, rest);
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
