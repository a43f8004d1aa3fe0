/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report.h - what the agent tells its API server, where it was told to.
 *
 * Nothing of enforcement waits for it or reads it back. What cannot be told is
 * told later, or counted.
 */
#ifndef WARDER_REPORT_H
#define WARDER_REPORT_H

struct json_object;
struct wd_agent;
struct wd_event;
struct wd_problem;
struct wd_report;

/**
 * wd_report_new() - begin, by the client of agent->kube
 * Return: 0, with NULL if nothing is to be told; -errno of a timer.
 */
int wd_report_new(struct wd_agent *agent, struct wd_report **ret_report);

/** wd_report_free() - before the source; what was not told is not; NULL passes */
void wd_report_free(struct wd_report *report);

/** wd_report_look() - is there anything new; each second; NULL passes */
void wd_report_look(struct wd_report *report);

/** wd_report_problem() - something is wrong with an object from now on; NULL passes */
void wd_report_problem(struct wd_report *report,
		       const struct wd_problem *problem);

/** wd_report_drop() - an event of the programs; what passes is not told; NULL passes */
void wd_report_drop(struct wd_report *report, const struct wd_event *event);

/** wd_report_put() - what is told and what came of it, below "reports"; of NULL null */
void wd_report_put(const struct wd_report *report, struct json_object *doc);

#endif /* WARDER_REPORT_H */
