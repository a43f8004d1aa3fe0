/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * episode.c - keeps operations, and turns them into text and back.
 */
#include "episode.h"

#include <stdlib.h>
#include <string.h>

#define LINE_MAX_BYTES (2 * FRAME_MAX + 200)

static const char *const dev_name[DEV__MAX] = {
	[DEV_HOST] = "host",   [DEV_ALPHA] = "alpha",	[DEV_BETA] = "beta",
	[DEV_GAMMA] = "gamma", [DEV_UPLINK] = "uplink", [DEV_BRIDGE] = "bridge",
};

static const char *const reason_names[WD_R__MAX] = {
#define NAME(name, nr, drop, help) [nr] = #name,
	WD_REASONS(NAME)
#undef NAME
};

const char *reason_name(int reason)
{
	if (reason < 0 || reason >= WD_R__MAX || !reason_names[reason])
		return "?";
	return reason_names[reason];
}

/* ---- the list ---- */

void episode_free(struct episode *episode)
{
	for (size_t i = 0; i < episode->cnt; i++)
		free(episode->ops[i].data);
	free(episode->ops);
	*episode = (struct episode){ .cnt = 0 };
}

void episode_add(struct episode *episode, const struct op *op)
{
	struct op *at;

	if (episode->cnt == episode->room) {
		episode->room = episode->room ? 2 * episode->room : 64;
		episode->ops =
			reallocarray(episode->ops, episode->room, sizeof(*at));
		if (!episode->ops)
			abort();
	}
	at = &episode->ops[episode->cnt++];
	*at = *op;
	at->data = NULL;
	if (op->kind != OP_PACKET)
		return;
	at->data = malloc(op->len);
	if (!at->data)
		abort();
	memcpy(at->data, op->data, op->len);
}

struct episode episode_without(const struct episode *episode, size_t at,
			       size_t cnt)
{
	struct episode rest = { .cnt = 0 };

	for (size_t i = 0; i < episode->cnt; i++)
		if (i < at || i >= at + cnt)
			episode_add(&rest, &episode->ops[i]);
	return rest;
}

/* ---- to text ---- */

static void write_publish(const struct setting *s, FILE *file)
{
	(void)fprintf(file, "publish %u,%u,%u %u,%u,%u %u %u %u\n",
		      s->policy[0], s->policy[1], s->policy[2], s->flags[0],
		      s->flags[1], s->flags[2], s->switches, s->monitor,
		      s->rows);
}

static void write_seed(const struct seed *s, FILE *file)
{
	(void)fprintf(file, "seed %s %s %u %u %u %u %u %u ",
		      s->dir == WD_INGRESS ? "in" : "out", dev_name[s->dev],
		      s->family, s->own, s->proto, s->lport, s->pport, s->life);
	for (size_t i = 0; i < sizeof(s->peer.b); i++)
		(void)fprintf(file, "%02x", s->peer.b[i]);
	(void)fputc('\n', file);
}

static void write_packet(const struct op *op, FILE *file)
{
	(void)fprintf(file, "%s %s %s %u %s%s ",
		      op->dir == WD_INGRESS ? "in" : "out", dev_name[op->dev],
		      dev_name[op->iif], op->linear,
		      reason_name(op->want.reason),
		      op->want.verdict == WD_AUDIT ? "/audit" : "");
	for (size_t i = 0; i < op->len; i++)
		(void)fprintf(file, "%02x", op->data[i]);
	(void)fputc('\n', file);
}

void episode_write(const struct episode *episode, FILE *file)
{
	for (size_t i = 0; i < episode->cnt; i++) {
		const struct op *op = &episode->ops[i];

		if (op->kind == OP_PUBLISH)
			write_publish(&op->setting, file);
		else if (op->kind == OP_WAIT)
			(void)fprintf(file, "wait %u\n", op->ticks);
		else if (op->kind == OP_SEED)
			write_seed(&op->seed, file);
		else if (op->kind == OP_FRESH)
			(void)fputs("fresh\n", file);
		else
			write_packet(op, file);
	}
}

/* ---- from text ---- */

/* Numbers with commas between them. Return: whether there were @cnt below 256. */
static bool read_numbers(const char *word, uint8_t *ret, size_t cnt)
{
	char *end;

	for (size_t i = 0; i < cnt; i++) {
		unsigned long val;

		if (!word || !*word)
			return false;
		val = strtoul(word, &end, 10);
		if (end == word || val > 255 || (*end && *end != ','))
			return false;
		ret[i] = (uint8_t)val;
		word = *end ? end + 1 : end;
	}
	return !*word;
}

static bool read_dev(const char *word, enum dev *ret)
{
	for (int i = 0; word && i < DEV__MAX; i++) {
		if (strcmp(word, dev_name[i]) != 0)
			continue;
		*ret = (enum dev)i;
		return true;
	}
	return false;
}

static bool read_reason(const char *word, struct ruling *ret)
{
	size_t len = word ? strcspn(word, "/") : 0;

	for (int i = 0; word && i < WD_R__MAX; i++) {
		if (!reason_names[i] || strlen(reason_names[i]) != len ||
		    strncmp(word, reason_names[i], len) != 0)
			continue;
		ret->reason = i;
		ret->verdict = word[len]	   ? WD_AUDIT :
			       i < WD_R_FIRST_DROP ? WD_ALLOW :
						     WD_DROP;
		return !word[len] || !strcmp(word + len, "/audit");
	}
	return false;
}

/* Return: how many bytes; 0 if it is no hex, or not least .. most bytes of it. */
static size_t read_hex(const char *word, uint8_t *ret, size_t least,
		       size_t most)
{
	size_t len = word ? strlen(word) : 0;
	char pair[3] = "";

	if (len % 2 || len / 2 < least || len / 2 > most ||
	    strspn(word, "0123456789abcdef") != len)
		return 0;
	for (size_t i = 0; i < len / 2; i++) {
		memcpy(pair, word + 2 * i, 2);
		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return len / 2;
}

static bool read_publish(char **rest, struct op *op)
{
	struct setting *s = &op->setting;

	op->kind = OP_PUBLISH;
	return read_numbers(strtok_r(NULL, " \n", rest), s->policy, PODS) &&
	       read_numbers(strtok_r(NULL, " \n", rest), s->flags, PODS) &&
	       read_numbers(strtok_r(NULL, " \n", rest), &s->switches, 1) &&
	       read_numbers(strtok_r(NULL, " \n", rest), &s->monitor, 1) &&
	       read_numbers(strtok_r(NULL, " \n", rest), &s->rows, 1);
}

static bool read_number(char **rest, uint32_t most, uint32_t *ret)
{
	const char *word = strtok_r(NULL, " \n", rest);
	char *end;

	if (!word)
		return false;
	*ret = (uint32_t)strtoul(word, &end, 10);
	return !*end && *ret <= most;
}

static bool read_dir(const char *word, enum wd_dir *ret)
{
	if (!word || (strcmp(word, "in") != 0 && strcmp(word, "out") != 0))
		return false;
	*ret = word[0] == 'i' ? WD_INGRESS : WD_EGRESS;
	return true;
}

static bool read_seed(char **rest, struct op *op)
{
	struct seed *s = &op->seed;
	uint32_t family, own, proto, lport, pport;

	op->kind = OP_SEED;
	if (!read_dir(strtok_r(NULL, " \n", rest), &s->dir) ||
	    !read_dev(strtok_r(NULL, " \n", rest), &s->dev) ||
	    !read_number(rest, 6, &family) || !read_number(rest, 1, &own) ||
	    !read_number(rest, 255, &proto) ||
	    !read_number(rest, 65535, &lport) ||
	    !read_number(rest, 65535, &pport) ||
	    !read_number(rest, 100000, &s->life))
		return false;
	s->family = (uint8_t)family;
	s->own = (uint8_t)own;
	s->proto = (uint8_t)proto;
	s->lport = (uint16_t)lport;
	s->pport = (uint16_t)pport;
	return read_hex(strtok_r(NULL, " \n", rest), s->peer.b, 16, 16);
}

static bool read_packet(char **rest, struct op *op)
{
	uint32_t linear;

	if (!read_dev(strtok_r(NULL, " \n", rest), &op->dev) ||
	    !read_dev(strtok_r(NULL, " \n", rest), &op->iif))
		return false;
	if (!read_number(rest, FRAME_MAX, &linear) ||
	    !read_reason(strtok_r(NULL, " \n", rest), &op->want))
		return false;
	op->linear = (uint16_t)linear;
	op->len = (uint16_t)read_hex(strtok_r(NULL, " \n", rest), op->data,
				     ETH_LEN, FRAME_MAX);
	return op->len;
}

static bool read_op(char *line, struct op *op)
{
	char *rest = NULL;
	const char *word = strtok_r(line, " \n", &rest);

	if (!strcmp(word, "publish"))
		return read_publish(&rest, op);
	if (!strcmp(word, "seed"))
		return read_seed(&rest, op);
	if (read_dir(word, &op->dir))
		return read_packet(&rest, op);
	op->kind = OP_FRESH;
	if (!strcmp(word, "fresh"))
		return true;
	op->kind = OP_WAIT;
	return !strcmp(word, "wait") && read_number(&rest, 100000, &op->ticks);
}

int episode_read(struct episode *episode, FILE *file)
{
	static char line[LINE_MAX_BYTES];
	static uint8_t data[FRAME_MAX];
	int nr = 0;

	while (fgets(line, sizeof(line), file)) {
		struct op op = { .kind = OP_PACKET, .data = data };

		nr++;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (!read_op(line, &op))
			return nr;
		episode_add(episode, &op);
	}
	return 0;
}
