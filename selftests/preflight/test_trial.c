// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_trial.c - of a node's state and of random nodes: the ruleset that it
 * compiles to answers each question that is one for it as expected. Needs root,
 * for network namespaces.
 *
 *	test_trial [SEED]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/names.h"
#include "node.h"
#include "preflight/asking.h"
#include "preflight/trial.h"
#include "tap.h"

#define NODES 4
#define NODES_LONG 60
#define QUESTIONS 400

static uint64_t seed;

static bool compare(const struct wd_state *state,
		    const struct wd_questions *questions, const uint8_t *answer)
{
	size_t asked = 0, passed = 0, wrong = 0;

	for (size_t i = 0; i < questions->cnt; i++) {
		const struct wd_question *q = &questions->list[i];
		uint8_t right = wd_trial_right(state, q);
		char *text;

		if (answer[i] == WD_ANSWER_NONE)
			continue;
		asked++;
		passed += answer[i] != WD_ANSWER_FAILED &&
			  answer[i] & WD_ANSWER_PASSES;
		if (wd_expect_int(right, answer[i]))
			continue;
		wrong++;
		text = wd_question_text(q);
		printf("# %s %s iif %x: %s, not %s\n", wd_dir_name(q->dir),
		       text, q->iif, wd_reason_name(answer[i] & 0x7f),
		       wd_reason_name(right & 0x7f));
		free(text);
	}
	printf("# %zu questions, %zu asked, %zu passed\n", questions->cnt,
	       asked, passed);
	return wd_expect(asked > questions->cnt / 4) && !wrong;
}

/* In a process of its own: it enters a namespace. */
static bool try_state(struct wd_state *state, uint64_t nr)
{
	struct wd_questions questions;
	struct wd_trial *trial = NULL;
	uint8_t *answer;
	char *why = NULL;
	bool ok = false;

	if (!wd_expect_int(0,
			   wd_questions_make(state, nr, QUESTIONS, &questions)))
		return false;
	answer = calloc(questions.cnt + 1, 1);
	if (!wd_expect_int(0, wd_trial_open(state, &trial, &why)) ||
	    !wd_expect_int(0, wd_trial_all(trial, &questions, answer, &why)) ||
	    !wd_expect_int(0, wd_trial_force_host(trial, &why)))
		printf("# %s\n", why ? why : "");
	else
		ok = compare(state, &questions, answer);
	free(why);
	wd_trial_close(trial);
	wd_questions_free(&questions);
	free(answer);
	return ok;
}

static void in_child(bool (*fn)(struct wd_state *state, uint64_t nr),
		     struct wd_state *state, uint64_t nr)
{
	int status = -1;
	pid_t pid;

	(void)fflush(stdout);
	pid = fork();
	if (!pid) {
		bool ok = fn(state, nr);

		(void)fflush(stdout);
		_exit(!ok);
	}
	wd_expect(pid > 0 && waitpid(pid, &status, 0) == pid);
	wd_expect_int(0, status);
}

static void the_ruleset_of_a_state_answers_as_it_says(void)
{
	uint64_t nodes = getenv("WD_LONG") ? NODES_LONG : NODES;

	for (uint64_t i = 0; i < nodes; i++) {
		static struct node node;

		if (node_begin(&node, seed + i, 20))
			in_child(try_state, node.state, seed + i);
		node_end(&node);
	}
}

/* Tables that changed for the judge alone must be seen. */
static bool is_seen(struct wd_state *state, uint64_t nr)
{
	struct wd_questions questions;
	struct wd_trial *trial = NULL;
	size_t different = 0;
	uint8_t *answer;
	char *why = NULL;

	if (!wd_expect_int(0,
			   wd_questions_make(state, nr, QUESTIONS, &questions)))
		return false;
	answer = calloc(questions.cnt + 1, 1);
	wd_expect_int(0, wd_trial_open(state, &trial, &why));
	wd_expect_int(0, wd_trial_all(trial, &questions, answer, &why));
	for (size_t i = 0; i < state->slot_cnt; i++)
		state->slot[i].val.flags ^= WD_SLOT_ISOLATED;
	for (size_t i = 0; i < questions.cnt; i++)
		different += answer[i] < WD_ANSWER_NONE &&
			     answer[i] !=
				     wd_trial_right(state, &questions.list[i]);
	printf("# %zu of %zu differ\n", different, questions.cnt);
	wd_trial_close(trial);
	wd_questions_free(&questions);
	free(answer);
	return different > 0;
}

static void answers_about_other_tables_are_told_apart(void)
{
	static struct node node;

	if (node_begin(&node, 1, 20))
		in_child(is_seen, node.state, 1);
	node_end(&node);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)time(NULL);
	printf("# seed %llu\n", (unsigned long long)seed);
	WD_TEST(the_ruleset_of_a_state_answers_as_it_says);
	WD_TEST(answers_about_other_tables_are_told_apart);
	return wd_tests_end();
}
