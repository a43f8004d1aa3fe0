/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * questions.h - packets that tell whether programs mean the same by a state.
 *
 * For each endpoint, direction and family: the ends of each span of ports and
 * the ports beside them, a protocol without ports, and of peers one for each
 * distinct row, this host, another node, one that nobody knows. Where that is
 * more than was asked for it is drawn from, by a seed: peers that a rule of the
 * class speaks of half of the time. The same state, seed and number give the
 * same questions on every machine.
 */
#ifndef WARDER_QUESTIONS_H
#define WARDER_QUESTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "expect.h"

struct wd_questions {
	struct wd_question *list;
	size_t cnt;
	uint64_t possible; /* how many there would have been */
};

/**
 * wd_questions_make() - at most @max questions
 * @ret: to be emptied by wd_questions_free()
 * Return: 0 or -ENOMEM.
 */
int wd_questions_make(const struct wd_state *state, uint64_t seed, size_t max,
		      struct wd_questions *ret);
void wd_questions_free(struct wd_questions *questions);

#define WD_QUESTION_FRAME 96 /* bytes */

/**
 * wd_question_frame() - the packet of a question
 * @frame: WD_QUESTION_FRAME bytes
 * Return: its length.
 */
size_t wd_question_frame(const struct wd_state *state,
			 const struct wd_question *question, uint8_t *frame);

/** wd_question_text() - "egress tcp 10.0.0.1 -> 10.0.0.2:80", to be freed */
char *wd_question_text(const struct wd_question *question);

#endif /* WARDER_QUESTIONS_H */
