/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * text.h - numbers in the words of Prometheus: text format 0.0.4.
 *
 * Families one after the other, each with help and type, its samples below it.
 * Names, helps and labels' names are literals; values of labels may be any text.
 */
#ifndef WARDER_METRICS_TEXT_H
#define WARDER_METRICS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define WD_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct wd_metrics;

enum wd_metric_type {
	WD_COUNTER, /* only grows while the thing that is counted lives */
	WD_GAUGE,
	WD_HISTOGRAM, /* samples by wd_metrics_part() */
};

struct wd_label {
	const char *name; /* NULL ends a list */
	const char *value;
};

/* WD_LABELS({ "reason", name }, { "direction", "ingress" }) */
#define WD_LABELS(...) \
	((const struct wd_label[]){ __VA_ARGS__, { NULL, NULL } })

/** wd_metrics_new() - an empty text; NULL without memory */
struct wd_metrics *wd_metrics_new(void);

/** wd_metrics_family() - what the samples that follow are; @help is a sentence */
void wd_metrics_family(struct wd_metrics *m, const char *name,
		       enum wd_metric_type type, const char *help);

/** wd_metrics_part() - samples from here on have @suffix ("_bucket") behind the family's name */
void wd_metrics_part(struct wd_metrics *m, const char *suffix);

/** wd_metrics_int() - one sample of the family; @labels NULL: none */
void wd_metrics_int(struct wd_metrics *m, const struct wd_label *labels,
		    int64_t value);
void wd_metrics_real(struct wd_metrics *m, const struct wd_label *labels,
		     double value);

/**
 * wd_metrics_end() - the text, to be freed; ends @m
 * @ret_len: without the NUL
 * Return: NULL without memory.
 */
char *wd_metrics_end(struct wd_metrics *m, size_t *ret_len);

#endif /* WARDER_METRICS_TEXT_H */
