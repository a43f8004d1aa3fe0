/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trial.h - the ruleset that a state compiles to, in a network namespace with
 * the devices of the state's pods, and what it does with packets.
 *
 * For `warder preflight` in the kernel that it looks at. Each device is a veth
 * with the number that it has on the node; what a pod sends comes in by it, what
 * goes to a pod comes from a socket of the namespace. Behind the ruleset every
 * packet ends, before conntrack keeps anything of it, so no question depends on
 * another.
 */
#ifndef WARDER_TRIAL_H
#define WARDER_TRIAL_H

#include "questions.h"

/*
 * Pods that are there and asked about, the first ones. A kernel needs time by the
 * square of them to take the ruleset: 8 s emulated at this many, minutes at 250.
 */
#define WD_TRIAL_DEVICES 64

struct wd_trial;

/**
 * wd_trial_open() - enter a new network namespace for good; no ruleset yet
 * For a process of its own. @state outlives the trial.
 * @ret_error: on failure a sentence, to be freed
 * Return: 0; -ELIBACC no libnftables; -EOPNOTSUPP the kernel has no nftables;
 * -errno.
 * Context: root.
 */
int wd_trial_open(const struct wd_state *state, struct wd_trial **ret_trial,
		  char **ret_error);
void wd_trial_close(struct wd_trial *trial);

/**
 * wd_trial_force() - put the ruleset in force, and read it back
 * @judge_host: policy also judges what this host's own sockets send to pods, as
 * what comes from elsewhere
 * @ret_error: as above
 */
int wd_trial_force(struct wd_trial *trial, bool judge_host, char **ret_error);

/** wd_trial_force_host() - the same with what policies of the node say alone, beside programs */
int wd_trial_force_host(struct wd_trial *trial, char **ret_error);

/**
 * wd_trial_can() - is it a question to a ruleset
 * None are those to services, which it judges behind their translation; SCTP and
 * ICMP that open nothing for conntrack, and what a pod sends to itself, where it
 * is stricter (nft.h); nor those about a pod without a device.
 */
bool wd_trial_can(const struct wd_state *state, const struct wd_question *q);

/**
 * wd_trial_one() - Return: the answer, as of wd_asking_one(); WD_ANSWER_FAILED
 * too if the packet was not counted, or there is no device.
 */
uint8_t wd_trial_one(struct wd_trial *trial, const struct wd_question *q);

/**
 * wd_trial_all() - answers to all questions
 * Of those that are none for it WD_ANSWER_NONE.
 * @answer: one for each of @questions
 * Return: 0, or -errno of wd_trial_force() with @ret_error
 */
int wd_trial_all(struct wd_trial *trial, const struct wd_questions *questions,
		 uint8_t *answer, char **ret_error);

/** wd_trial_right() - the answer that is right, as the judge gives it (expect.h): policy that is only tried says nothing here */
uint8_t wd_trial_right(const struct wd_state *state,
		       const struct wd_question *q);

#endif /* WARDER_TRIAL_H */
