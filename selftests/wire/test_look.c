// SPDX-License-Identifier: GPL-2.0-only
/* test_look.c - every planted frame is found, by each witness for itself. */
#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plants.h"
#include "tap.h"

#define PLANTS_MIN 60

static const char marker[] = "0123456789abcdef", tag[] = "planted:";

static const char *const rule_words[] = {
	"secret=10.1.0.0/24",
	"secret=fd00:10:1::/64",
	"secret=10.2.0.0/24",
	"secret=fd00:10:2::/64",
	"open=10.1.0.128/25",
	"open=10.2.0.128/25",
	"open=fd00:10:1:0:8000::/65",
	"open=fd00:10:2:0:8000::/65",
	"node=192.168.77.1",
	"node=192.168.77.2",
	"node=fd00:77::1",
	"node=fd00:77::2",
};

static struct wire_rules rules;

static void read_rules(void)
{
	for (size_t i = 0; i < sizeof(rule_words) / sizeof(*rule_words); i++)
		if (!wire_rule(&rules, rule_words[i]))
			abort();
	memcpy(rules.marker, marker, WIRE_MARKER_BYTES);
	memcpy(rules.tag, tag, WIRE_TAG_BYTES);
	rules.has_marker = rules.has_tag = true;
}

static struct plant_ends ends_of(const char *pod4, const char *pod6,
				 const char *peer4, const char *peer6)
{
	struct plant_ends e = { .mac = { "\2\0\0\0\0\1", "\2\0\0\0\0\2" } };

	if (!plant_end(e.node[0], "192.168.77.1") ||
	    !plant_end(e.node[1], "192.168.77.2") ||
	    !plant_end(e.node[0], "fd00:77::1") ||
	    !plant_end(e.node[1], "fd00:77::2") || !plant_end(e.pod[0], pod4) ||
	    !plant_end(e.pod[0], pod6) || !plant_end(e.pod[1], peer4) ||
	    !plant_end(e.pod[1], peer6))
		abort();
	return e;
}

static struct wire_found look_at(const struct plant *plant,
				 const struct plant_ends *ends,
				 const char *payload)
{
	uint8_t frame[PLANT_BYTES];
	struct wire_found found;
	size_t len = plant_build(plant, ends, (const uint8_t *)payload,
				 strlen(payload), frame);

	wire_look(&rules, frame, len, false, &found);
	return found;
}

static void addresses_alone_are_found_by_headers_and_by_scan(void)
{
	struct plant_ends ends =
		ends_of("10.1.0.5", "fd00:10:1::5", "10.2.0.5", "fd00:10:2::5");
	struct plant plant;
	unsigned int n;

	for (n = 0; plant_get(n, &plant); n++) {
		wd_test_row(plant.name);
		wd_expect_int(plant.no_header ? 0 :
						WIRE_BY_HEADERS | WIRE_BY_SCAN,
			      (int)look_at(&plant, &ends, "nothing").leak);
	}
	wd_expect(n >= PLANTS_MIN);
}

static void a_marker_alone_is_found(void)
{
	struct plant_ends ends = ends_of("203.0.113.1", "2001:db8::1",
					 "203.0.113.2", "2001:db8::2");
	struct plant plant;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		wd_test_row(plant.name);
		wd_expect_int(WIRE_BY_MARKER,
			      (int)look_at(&plant, &ends,
					   "0123456789abcdef0123456789abcdef")
				      .leak);
		wd_expect_int(0, (int)look_at(&plant, &ends, "nothing").leak);
	}
}

static void pods_that_may_talk_in_clear_are_no_leak(void)
{
	struct plant_ends open = ends_of("10.1.0.200", "fd00:10:1:0:8000::1",
					 "10.2.0.200", "fd00:10:2:0:8000::1");
	struct plant_ends half = ends_of("10.1.0.5", "fd00:10:1::5",
					 "10.2.0.200", "fd00:10:2:0:8000::1");
	struct plant plant;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		struct wire_found found = look_at(&plant, &open, "nothing");

		wd_test_row(plant.name);
		wd_expect_int(0, (int)found.leak);
		wd_expect_int(!plant.no_header, found.open);
		found = look_at(&plant, &half, "nothing");
		wd_expect_int(!plant.no_header, found.leak != 0);
	}
}

static void a_node_and_a_pod_leak_and_a_pod_and_the_world_do_not(void)
{
	struct plant_ends node = ends_of("192.168.77.1", "fd00:77::1",
					 "10.2.0.5", "fd00:10:2::5");
	struct plant_ends world = ends_of("10.2.0.5", "fd00:10:2::5",
					  "203.0.113.2", "2001:db8::2");
	struct plant plant;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		wd_test_row(plant.name);
		wd_expect_int(!plant.no_header,
			      look_at(&plant, &node, "nothing").leak != 0);
		wd_expect_int(0, (int)look_at(&plant, &world, "nothing").leak);
	}
}

static void a_tag_tells_the_number_of_a_plant(void)
{
	struct plant_ends ends =
		ends_of("10.1.0.5", "fd00:10:1::5", "10.2.0.5", "fd00:10:2::5");
	struct plant plant;

	if (!plant_get(0, &plant))
		abort();
	wd_expect_int(0x01020304,
		      look_at(&plant, &ends, "xplanted:\1\2\3\4y").plant);
	wd_expect_int(-1, look_at(&plant, &ends, "planted:").plant);
	wd_expect_int(-1, look_at(&plant, &ends, "plonted:\1\2\3\4").plant);
}

/* For the sanitizers: each frame ends anywhere, and begins with anything. */
static void frames_that_end_early_or_make_no_sense_are_read_safely(void)
{
	struct plant_ends ends =
		ends_of("10.1.0.5", "fd00:10:1::5", "10.2.0.5", "fd00:10:2::5");
	uint8_t frame[PLANT_BYTES], *copy;
	struct wire_found found;
	struct plant plant;

	for (unsigned int n = 0; plant_get(n, &plant); n++) {
		size_t len = plant_build(&plant, &ends, (const uint8_t *)"abc",
					 3, frame);

		for (size_t cut = 0; cut <= len; cut++) {
			copy = malloc(cut ? cut : 1);
			if (!copy)
				abort();
			memcpy(copy, frame, cut);
			wire_look(&rules, copy, cut, cut % 2, &found);
			if (cut > 14)
				copy[12 + random() % (long)(cut - 12)] ^=
					(uint8_t)random();
			wire_look(&rules, copy, cut, false, &found);
			free(copy);
		}
	}
	wd_expect(true);
}

static void words_that_are_no_rule_are_refused(void)
{
	static const char *const words[] = {
		"secret",
		"secret=",
		"secret=10.1.0.0/33",
		"secret=10.1.0.0/x",
		"secret=fd00::/129",
		"open=10.1.0",
		"marker=00",
		"tag=zz",
		"secret=0.0.0.0/0",
		"other=10.1.0.0/24",
	};
	static struct wire_rules none;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		wd_test_row(words[i]);
		wd_expect(!wire_rule(&none, words[i]));
	}
}

int main(void)
{
	read_rules();
	WD_TEST(addresses_alone_are_found_by_headers_and_by_scan);
	WD_TEST(a_marker_alone_is_found);
	WD_TEST(pods_that_may_talk_in_clear_are_no_leak);
	WD_TEST(a_node_and_a_pod_leak_and_a_pod_and_the_world_do_not);
	WD_TEST(a_tag_tells_the_number_of_a_plant);
	WD_TEST(frames_that_end_early_or_make_no_sense_are_read_safely);
	WD_TEST(words_that_are_no_rule_are_refused);
	return wd_tests_end();
}
