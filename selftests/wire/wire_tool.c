// SPDX-License-Identifier: GPL-2.0-only
/*
 * wire_tool.c - sniffer, planted frames and streams for tests in Python.
 *
 *	wire_tool plants
 *	wire_tool plant DEVICE RULE... macs=SRC,DST nodes=A,B... pods=A,B...
 *	wire_tool sniff DEVICE... RULE...
 *	wire_tool send RATE marker=HEX [mark=N] [any-source] STREAM...
 *
 * `plants` names them. `plant` sends each once, with a tag as payload if there
 * is one among the rules, and the marker if there is that. `only=N` sends that
 * alone, `but=TEXT` those without it in their names. `sniff` answers each line
 * that it is given with a line of JSON: what
 * was counted since the last; a word `armed` in it makes tagged frames leaks
 * from now on. `send` sends until its input ends, and says what it sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plants.h"
#include "sniffer.h"
#include "stream.h"

#define ARGS_MAX 64

static int usage(const char *word)
{
	fprintf(stderr, "wire_tool: makes no sense: %s\n", word);
	return 2;
}

static int failed(const char *what, int err)
{
	fprintf(stderr, "wire_tool: %s: %s\n", what, strerror(err));
	return 1;
}

static void say(struct json_object *doc)
{
	puts(json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN));
	(void)fflush(stdout);
	json_object_put(doc);
}

static void add_number(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_int64((int64_t)value));
}

/* ---- plants ---- */

static int list_plants(void)
{
	struct plant plant;

	for (unsigned int n = 0; plant_get(n, &plant); n++)
		printf("%u %s %s\n", n, plant.no_header ? "payload" : "header",
		       plant.name);
	return 0;
}

struct planter {
	struct wire_rules rules;
	struct plant_ends ends;
	int only; /* number, -1 all */
	const char *but; /* not those with this in their name, NULL all */
	int fd;
	struct sockaddr_ll to;
};

static bool read_pair(uint8_t (*ends)[2][16], const char *text)
{
	char one[INET6_ADDRSTRLEN] = "";
	const char *comma = strchr(text, ',');

	if (!comma || (size_t)(comma - text) >= sizeof(one))
		return false;
	memcpy(one, text, (size_t)(comma - text));
	return plant_end(ends[0], one) && plant_end(ends[1], comma + 1);
}

static bool read_word(struct planter *p, const char *word)
{
	const char *comma;

	if (!strncmp(word, "macs=", 5)) {
		comma = strchr(word, ',');
		return comma && plant_mac(p->ends.mac[0], word + 5) &&
		       plant_mac(p->ends.mac[1], comma + 1);
	}
	if (!strncmp(word, "nodes=", 6))
		return read_pair(p->ends.node, word + 6);
	if (!strncmp(word, "pods=", 5))
		return read_pair(p->ends.pod, word + 5);
	if (!strncmp(word, "only=", 5)) {
		p->only = (int)strtol(word + 5, NULL, 10);
		return true;
	}
	if (!strncmp(word, "but=", 4)) {
		p->but = word + 4;
		return true;
	}
	return wire_rule(&p->rules, word);
}

static bool open_device(struct planter *p, const char *device)
{
	p->to = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(device),
	};
	p->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return p->to.sll_ifindex && p->fd >= 0;
}

/* The tag and its number, then the marker as often as there is room. */
static size_t payload_of(const struct planter *p, unsigned int number,
			 uint8_t *ret)
{
	uint32_t be = htonl(number);
	size_t len = 0;

	if (p->rules.has_tag) {
		memcpy(ret, p->rules.tag, WIRE_TAG_BYTES);
		memcpy(ret + WIRE_TAG_BYTES, &be, sizeof(be));
		len = WIRE_TAG_BYTES + sizeof(be);
	}
	while (p->rules.has_marker && len + WIRE_MARKER_BYTES <= 128) {
		memcpy(ret + len, p->rules.marker, WIRE_MARKER_BYTES);
		len += WIRE_MARKER_BYTES;
	}
	return len;
}

static int plant_all(struct planter *p)
{
	uint8_t payload[PLANT_PAYLOAD_MAX], frame[PLANT_BYTES];
	uint64_t sent = 0, refused = 0;
	struct json_object *doc = json_object_new_object();
	struct plant plant;
	size_t len;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		if ((p->only >= 0 && (unsigned int)p->only != n) ||
		    (p->but && strstr(plant.name, p->but)))
			continue;
		len = plant_build(&plant, &p->ends, payload,
				  payload_of(p, n, payload), frame);
		if (sendto(p->fd, frame, len, 0, (struct sockaddr *)&p->to,
			   sizeof(p->to)) == (ssize_t)len)
			sent++;
		else
			refused++;
	}
	add_number(doc, "sent", sent);
	add_number(doc, "refused", refused);
	say(doc);
	return 0;
}

static int plant_command(int argc, char **argv)
{
	static struct planter p = { .only = -1 };

	if (argc < 1)
		return usage("plant");
	for (int i = 1; i < argc; i++)
		if (!read_word(&p, argv[i]))
			return usage(argv[i]);
	if (!open_device(&p, argv[0]))
		return failed(argv[0], errno);
	return plant_all(&p);
}

/* ---- sniffer ---- */

static struct json_object *count_json(const struct sniffer_count *c)
{
	static const char *const by[] = { "headers", "scan", "marker" };
	struct json_object *doc = json_object_new_object();
	struct json_object *samples = json_object_new_array();

	add_number(doc, "packets", c->packets);
	add_number(doc, "bytes", c->bytes);
	add_number(doc, "sealed", c->sealed);
	add_number(doc, "open", c->open);
	add_number(doc, "leaks", c->leaks);
	for (int i = 0; i < 3; i++)
		add_number(doc, by[i], c->by[i]);
	add_number(doc, "lost", c->lost);
	add_number(doc, "cut", c->cut);
	for (int i = 0; i < SNIFFER_SAMPLES && c->sample[i][0]; i++)
		json_object_array_add(samples,
				      json_object_new_string(c->sample[i]));
	json_object_object_add(doc, "samples", samples);
	return doc;
}

static struct json_object *plants_json(const struct sniffer_result *r)
{
	struct json_object *doc = json_object_new_object();
	char key[16];

	for (int i = 0; i < SNIFFER_PLANTS; i++) {
		if (!r->plant[i])
			continue;
		snprintf(key, sizeof(key), "%d", i);
		add_number(doc, key, r->plant[i]);
	}
	return doc;
}

static int answer(struct sniffer *s, char **devices, int count)
{
	static struct sniffer_result r;
	struct json_object *doc, *per;
	int err = sniffer_next(s, &r);

	if (err)
		return failed("sniffer", -err);
	doc = json_object_new_object();
	per = json_object_new_object();
	for (int i = 0; i < count; i++)
		json_object_object_add(per, devices[i],
				       count_json(&r.count[i]));
	json_object_object_add(doc, "devices", per);
	json_object_object_add(doc, "plants", plants_json(&r));
	say(doc);
	return 0;
}

static int sniff(struct sniffer *s, char **devices, int count)
{
	char line[64];
	ssize_t len;
	int err;

	puts("{}"); /* it listens */
	(void)fflush(stdout);
	for (;;) {
		struct timeval none = { 0 };
		fd_set in;

		err = sniffer_take(s, 1000, STDIN_FILENO);
		if (err < 0)
			return failed("sniffer", -err);
		FD_ZERO(&in);
		FD_SET(STDIN_FILENO, &in);
		if (select(STDIN_FILENO + 1, &in, NULL, NULL, &none) != 1)
			continue;
		len = read(STDIN_FILENO, line, sizeof(line) - 1);
		if (len <= 0)
			return len ? failed("input", errno) : 0;
		line[len] = '\0';
		err = answer(s, devices, count);
		if (err)
			return err;
		sniffer_spare_plants(s, !strstr(line, "armed"));
	}
}

static int sniff_command(int argc, char **argv)
{
	static struct wire_rules rules;
	struct sniffer *s = sniffer_open(&rules);
	int devices = 0, err = 0;

	if (!s)
		return failed("sniffer", errno);
	while (devices < argc && !strchr(argv[devices], '='))
		devices++;
	for (int i = devices; i < argc; i++)
		if (!wire_rule(&rules, argv[i]))
			return usage(argv[i]);
	for (int i = 0; i < devices && err >= 0; i++)
		err = sniffer_add(s, argv[i], false);
	err = err < 0 ? failed("device", -err) : sniff(s, argv, devices);
	sniffer_close(s);
	return err;
}

/* ---- streams ---- */

static void say_sent(struct stream *const *streams, char **texts, int count)
{
	struct json_object *doc = json_object_new_object();

	for (int i = 0; i < count; i++) {
		uint64_t refused, sent = stream_sent(streams[i], &refused);
		struct json_object *pair = json_object_new_array();

		json_object_array_add(pair,
				      json_object_new_int64((int64_t)sent));
		json_object_array_add(pair,
				      json_object_new_int64((int64_t)refused));
		json_object_object_add(doc, texts[i], pair);
	}
	say(doc);
}

static int send_command(int argc, char **argv)
{
	struct stream *streams[ARGS_MAX];
	char *texts[ARGS_MAX];
	struct stream_opts opts = { 0 };
	unsigned int rate = argc ? (unsigned int)strtoul(argv[0], NULL, 10) : 0;
	int count = 0;

	for (int i = 1; i < argc && count < ARGS_MAX; i++) {
		if (!strncmp(argv[i], "marker=", 7)) {
			if (!wire_hex(argv[i] + 7, opts.marker,
				      sizeof(opts.marker)))
				return usage(argv[i]);
		} else if (!strncmp(argv[i], "mark=", 5)) {
			opts.so_mark = (uint32_t)strtoul(argv[i] + 5, NULL, 0);
		} else if (!strcmp(argv[i], "any-source")) {
			opts.any_source = true;
		} else {
			streams[count] = stream_open(argv[i], &opts);
			if (!streams[count])
				return failed(argv[i], errno);
			texts[count++] = argv[i];
		}
	}
	if (!count)
		return usage("send");
	puts("{}"); /* it begins */
	(void)fflush(stdout);
	stream_run(streams, count, rate, STDIN_FILENO);
	say_sent(streams, texts, count);
	for (int i = 0; i < count; i++)
		stream_close(streams[i]);
	return 0;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (!strcmp(command, "plants"))
		return list_plants();
	if (!strcmp(command, "plant"))
		return plant_command(argc - 2, argv + 2);
	if (!strcmp(command, "sniff"))
		return sniff_command(argc - 2, argv + 2);
	if (!strcmp(command, "send"))
		return send_command(argc - 2, argv + 2);
	return usage(command);
}
