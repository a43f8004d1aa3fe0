/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * witness.h - the agent's part of the evidence: when counters are read, what
 * their numbers are called, and that the end of an agent loses nothing.
 */
#ifndef WARDER_WITNESS_H
#define WARDER_WITNESS_H

struct wd_agent;
struct wd_evidence;
struct wd_witness;

/**
 * wd_witness_number() - give namespaces and nodes the numbers that they had
 * Before any object is known. Where the maps are those of the agent before, what
 * is counted and what WireGuard's table says stays right while they are written
 * anew. Without a record, or with too many names in it, numbers begin anew.
 */
void wd_witness_number(struct wd_agent *agent);

/** wd_witness_look() - write names down soon if there are new ones; NULL passes */
void wd_witness_look(struct wd_witness *witness);

/**
 * wd_witness_open() - go on from what an agent before has written
 * After the data path is open and names are known, and before the first commit
 * that may give addresses other numbers. What cannot be read or written is told
 * in the log and by wd_evidence_error(); an agent runs without it.
 * Return: 0 with agent->witness set, or -errno.
 */
int wd_witness_open(struct wd_agent *agent);

/** wd_witness_close() - write down what is not yet; NULL passes */
void wd_witness_close(struct wd_witness *witness);

/** wd_witness_evidence() - NULL: @witness is NULL */
struct wd_evidence *wd_witness_evidence(struct wd_witness *witness);

#endif /* WARDER_WITNESS_H */
