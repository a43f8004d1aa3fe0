/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * choice.c - which events somebody who watches wants to see. Pure: looks at
 * events and their words, knows neither listeners nor sockets.
 */
#include "choice.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <warder/abi.h>

#include "../base/byteorder.h"
#include "../base/json.h"
#include "../base/names.h"
#include "../events/event_doc.h"
#include "../model/xalloc.h"

/* Return: the number, or -1 when it is none or above @max. */
static int64_t number(const char *text, int64_t max)
{
	int64_t value = 0;

	if (!*text || strlen(text) > 10)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (*text - '0');
	}
	return value > max ? -1 : value;
}

static int find_verdict(const char *name)
{
	for (int verdict = WD_ALLOW; verdict <= WD_AUDIT; verdict++)
		if (!strcmp(name, wd_verdict_name((uint32_t)verdict)))
			return verdict;
	return -1;
}

static int64_t find_identity(const char *text)
{
	int reserved = wd_identity_find(text);

	return reserved >= 0 ? reserved : number(text, UINT32_MAX);
}

/* "a/b": two parts, none of them empty. */
static bool is_pair(const char *text)
{
	const char *slash = strchr(text, '/');

	return slash && slash != text && slash[1] && !strchr(slash + 1, '/');
}

static bool is_policy(const char *text)
{
	const char *slash = strchr(text, '/');

	return is_pair(text) || (slash && slash != text && is_pair(slash + 1));
}

static char *copy(const char *text)
{
	return *text ? wd_xstrdup(text) : NULL; /* not given */
}

static void read_pod(struct wd_choice *choice, const char *pod)
{
	size_t len = strcspn(pod, "/");

	if (!*pod)
		return;
	choice->ns = wd_xprintf("%.*s", (int)len, pod);
	choice->name = wd_xstrdup(pod + len + 1);
}

static bool verdict_fits(const char *word)
{
	return find_verdict(word) >= 0;
}

static bool reason_fits(const char *word)
{
	return wd_reason_find(word) >= 0;
}

static bool port_fits(const char *word)
{
	return number(word, 65535) > 0;
}

static bool identity_fits(const char *word)
{
	return find_identity(word) >= 0;
}

static bool namespace_fits(const char *word)
{
	return *word && !strchr(word, '/');
}

/* What each word of a request has to be. */
static const struct {
	const char *key;
	bool (*fits)(const char *word);
	const char *what; /* if it does not */
} words[] = {
	{ "verdict", verdict_fits, "is none of allow, drop and audit" },
	{ "reason", reason_fits,
	  "is no reason; `warder help monitor` lists them" },
	{ "port", port_fits, "is no port: 1 to 65535" },
	{ "identity", identity_fits,
	  "is no identity: a number, or a name such as world or host" },
	{ "pod", is_pair, "is not NS/POD" },
	{ "namespace", namespace_fits, "is no namespace" },
	{ "policy", is_policy, "is not KIND/NS/NAME, KIND/NAME or NS/NAME" },
};

/* Return: the key that is wrong, with *ret_what; NULL none. Empty is not any. */
static const char *find_wrong(struct json_object *req, const char **ret_what)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!wd_json_get(req, words[i].key) ||
		    words[i].fits(wd_json_get_str(req, words[i].key)))
			continue;
		*ret_what = words[i].what;
		return words[i].key;
	}
	return NULL;
}

int wd_choice_read(struct json_object *req, struct wd_choice *ret_choice,
		   const char **ret_where, const char **ret_what)
{
	const char *verdict = wd_json_get_str(req, "verdict");
	const char *reason = wd_json_get_str(req, "reason");
	const char *port = wd_json_get_str(req, "port");
	const char *identity = wd_json_get_str(req, "identity");
	struct wd_choice choice = {
		.agent = wd_json_get_bool(req, "agent"),
		.drops = wd_json_get_bool(req, "drops"),
		.whole = wd_json_get_bool(req, "whole"),
		.isolated = wd_json_get_bool(req, "isolated"),
		.verdict = *verdict ? find_verdict(verdict) : -1,
		.reason = *reason ? wd_reason_find(reason) : -1,
		.port = (int)number(port, 65535),
		.identity = *identity ? find_identity(identity) : -1,
	};
	const char *wrong = find_wrong(req, ret_what);

	if (wrong) {
		*ret_where = wrong;
		return -EINVAL;
	}
	read_pod(&choice, wd_json_get_str(req, "pod"));
	choice.space = copy(wd_json_get_str(req, "namespace"));
	choice.policy = copy(wd_json_get_str(req, "policy"));
	if (choice.agent && !wd_choice_is_any(&choice)) {
		wd_choice_fini(&choice);
		*ret_where = "agent";
		*ret_what = "shows no packets: leave the other out";
		return -EINVAL;
	}
	*ret_choice = choice;
	return 0;
}

void wd_choice_fini(struct wd_choice *choice)
{
	free(choice->ns);
	free(choice->name);
	free(choice->space);
	free(choice->policy);
}

bool wd_choice_is_any(const struct wd_choice *choice)
{
	return !choice->drops && choice->verdict < 0 && choice->reason < 0 &&
	       choice->port < 0 && choice->identity < 0 && !choice->ns &&
	       !choice->space && !choice->policy;
}

bool wd_choice_has_new(const struct wd_choice *choice)
{
	if (choice->agent || choice->drops)
		return false;
	if (choice->verdict >= 0 && choice->verdict != WD_ALLOW)
		return false;
	return choice->reason < WD_R_FIRST_DROP;
}

bool wd_choice_needs_whole(const struct wd_choice *choice)
{
	return choice->whole || choice->policy;
}

static bool has_port(const struct wd_event *event, int port)
{
	return wd_event_has_ports(event) && (wd_host16(event->sport) == port ||
					     wd_host16(event->dport) == port);
}

bool wd_choice_event(const struct wd_choice *choice,
		     const struct wd_event *event)
{
	if (choice->agent || (choice->drops && event->verdict == WD_ALLOW))
		return false;
	if (choice->verdict >= 0 && event->verdict != choice->verdict)
		return false;
	if (choice->reason >= 0 && event->reason != choice->reason)
		return false;
	if (choice->port >= 0 && !has_port(event, choice->port))
		return false;
	return choice->identity < 0 || event->local_id == choice->identity ||
	       event->peer_id == choice->identity;
}

static bool is_pod(struct json_object *side, const struct wd_choice *choice)
{
	return !strcmp(wd_json_get_str(side, "namespace"), choice->ns) &&
	       !strcmp(wd_json_get_str(side, "name"), choice->name);
}

/* Does @policy, an object of JSON, go by the name @title? */
static bool policy_is(struct json_object *policy, const char *title)
{
	const char *kind = wd_json_get_str(policy, "kind");
	const char *ns = wd_json_get_str(policy, "namespace");
	const char *name = wd_json_get_str(policy, "name");
	char *whole = wd_xprintf("%s/%s%s%s", kind, ns, *ns ? "/" : "", name);
	/* Its last two parts, or what follows its kind. */
	bool is = !strcmp(whole, title) ||
		  (*ns && !strcmp(whole + strlen(kind) + 1, title));

	free(whole);
	return is;
}

static bool decided_by(struct json_object *doc, const char *title)
{
	struct json_object *rule = wd_json_get(doc, "rule");

	if (rule)
		return policy_is(rule, title);
	for (size_t i = 0; i < wd_json_len(doc, "isolated_by"); i++)
		if (policy_is(wd_json_at(doc, "isolated_by", i), title))
			return true;
	return false;
}

bool wd_choice_doc(const struct wd_choice *choice, struct json_object *doc)
{
	struct json_object *side[] = { wd_json_get(doc, "endpoint"),
				       wd_json_get(doc, "from"),
				       wd_json_get(doc, "to") };
	bool pod = !choice->ns, space = !choice->space;

	for (size_t i = 0; i < sizeof(side) / sizeof(side[0]); i++) {
		pod = pod || is_pod(side[i], choice);
		space = space || !strcmp(wd_json_get_str(side[i], "namespace"),
					 choice->space);
	}
	return pod && space &&
	       (!choice->policy || decided_by(doc, choice->policy));
}
