/* SPDX-License-Identifier: GPL-2.0-only */
#include "metrics/text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct wd_metrics {
	FILE *to;
	char *text;
	size_t len;
	const char *name; /* of the family */
	const char *part; /* behind it */
};

struct wd_metrics *wd_metrics_new(void)
{
	struct wd_metrics *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->to = open_memstream(&m->text, &m->len);
	if (m->to)
		return m;
	free(m);
	return NULL;
}

/* What would end a line or a quoted value. Of a help quotes stay as they are. */
static void put_escaped(FILE *to, const char *text, bool quoted)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs("\\n", to);
		else if (*text == '\\' || (quoted && *text == '"'))
			fprintf(to, "\\%c", *text);
		else
			fputc(*text, to);
	}
}

static const char *type_name(enum wd_metric_type type)
{
	switch (type) {
	case WD_COUNTER:
		return "counter";
	case WD_HISTOGRAM:
		return "histogram";
	case WD_GAUGE:
		break;
	}
	return "gauge";
}

void wd_metrics_family(struct wd_metrics *m, const char *name,
		       enum wd_metric_type type, const char *help)
{
	m->name = name;
	m->part = "";
	fprintf(m->to, "# HELP %s ", name);
	put_escaped(m->to, help, false);
	fprintf(m->to, "\n# TYPE %s %s\n", name, type_name(type));
}

void wd_metrics_part(struct wd_metrics *m, const char *suffix)
{
	m->part = suffix;
}

static void put_head(struct wd_metrics *m, const struct wd_label *label)
{
	const char *before = "{";

	fputs(m->name, m->to);
	fputs(m->part, m->to);
	for (; label && label->name; label++) {
		fprintf(m->to, "%s%s=\"", before, label->name);
		put_escaped(m->to, label->value, true);
		fputc('"', m->to);
		before = ",";
	}
	fputs(*before == ',' ? "} " : " ", m->to);
}

void wd_metrics_int(struct wd_metrics *m, const struct wd_label *labels,
		    int64_t value)
{
	put_head(m, labels);
	fprintf(m->to, "%" PRId64 "\n", value);
}

void wd_metrics_real(struct wd_metrics *m, const struct wd_label *labels,
		     double value)
{
	put_head(m, labels);
	fprintf(m->to, "%.13g\n", value);
}

char *wd_metrics_end(struct wd_metrics *m, size_t *ret_len)
{
	char *text;
	int err = ferror(m->to);

	if (fclose(m->to))
		err = 1;
	text = m->text;
	*ret_len = m->len;
	free(m);
	if (!err)
		return text;
	free(text);
	return NULL;
}
