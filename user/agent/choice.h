/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * choice.h - which events somebody who watches wants to see.
 *
 * Everything that is chosen must hold. Read from the request of `warder
 * monitor`, on both sides of the socket: the command refuses what is wrong
 * before it asks.
 */
#ifndef WARDER_CHOICE_H
#define WARDER_CHOICE_H

#include <stdbool.h>
#include <stdint.h>

struct json_object;
struct wd_event;

struct wd_choice {
	bool agent; /* no packets, only what happens to the agent */
	bool drops; /* not what newly passes */
	bool whole; /* events with all that is known, see event_doc.h */
	bool isolated; /* events with who isolates, see event_doc.h */
	int verdict; /* enum wd_verdict, -1 any */
	int reason; /* enum wd_reason, -1 any */
	int port; /* of either side, -1 any */
	int64_t identity; /* of either side, -1 any */
	char *ns, *name; /* a pod; NULL any */
	char *space; /* namespace of either side; NULL any */
	/* KIND/NS/NAME, KIND/NAME or NS/NAME; NULL any */
	char *policy;
};

/**
 * wd_choice_read() - what a request chooses
 * @req: keys agent, drops, whole, isolated (bool); verdict, reason, port, identity, pod,
 *       namespace, policy (words as on the command line)
 * @ret_where: the key that is wrong
 * @ret_what: what is wrong with it, for a person; both are literals
 * Return: 0, to be given to wd_choice_fini(); -EINVAL.
 */
int wd_choice_read(struct json_object *req, struct wd_choice *ret_choice,
		   const char **ret_where, const char **ret_what);
void wd_choice_fini(struct wd_choice *choice);

/** wd_choice_is_any() - nothing is chosen: all packets */
bool wd_choice_is_any(const struct wd_choice *choice);

/** wd_choice_has_new() - may what newly passes be among it */
bool wd_choice_has_new(const struct wd_choice *choice);

/** wd_choice_needs_whole() - wd_choice_doc() looks at what only whole events have */
bool wd_choice_needs_whole(const struct wd_choice *choice);

/** wd_choice_event() - is it chosen, as far as its numbers tell */
bool wd_choice_event(const struct wd_choice *choice,
		     const struct wd_event *event);

/** wd_choice_doc() - is it chosen, as far as its names tell */
bool wd_choice_doc(const struct wd_choice *choice, struct json_object *doc);

#endif /* WARDER_CHOICE_H */
