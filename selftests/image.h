/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * image.h - the objects of the ladder for a test, and which one it is to test.
 *
 * A suite that takes WD_OBJECT from its environment tests that object, by name;
 * wd_pod where it is not set.
 */
#ifndef WARDER_SELFTESTS_IMAGE_H
#define WARDER_SELFTESTS_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <warder/abi.h>

struct bpf_object;
struct bpf_program;

struct wd_image {
	const char *name; /* of the object */
	const char *rung; /* the best that it can be */
	const char *prog[WD_DIR__MAX]; /* names of its programs */
	const void *(*elf_bytes)(size_t *ret_bytes);
};

/* From the top of the ladder down, ended by one without a name. */
extern const struct wd_image wd_images[];

/** wd_image() - the one to test. Ends the program if WD_OBJECT is none. */
const struct wd_image *wd_image(void);

/** wd_image_is_lower() - is it not wd_pod? Suites then do less, unless WD_LONG is set */
bool wd_image_is_lower(void);

/** wd_image_sheds() - does it drop what rung.h lists, and count no endpoints? */
bool wd_image_sheds(const struct wd_image *image);

/** wd_image_open() - not loaded yet, maps of full size. Return: NULL with errno set */
struct bpf_object *wd_image_open(const struct wd_image *image);

/* What the programs are told before they load, alike in all objects. */
struct wd_image_consts {
	uint32_t *tick_shift;
	uint32_t *with_events;
	uint32_t *bucket_mask;
	uint64_t *hash_key; /* WD_HASH_WORDS of them */
};

/** wd_image_consts() - where they are in @obj, which is not loaded yet */
struct wd_image_consts wd_image_consts(const struct bpf_object *obj);

/** wd_image_settle() - this kernel's clock, the size that wd_flow has by now; the hash is a fixed one */
void wd_image_settle(const struct bpf_object *obj);

/** wd_image_prog() - a program of @obj, which is of @image */
struct bpf_program *wd_image_prog(const struct bpf_object *obj,
				  const struct wd_image *image,
				  enum wd_dir dir);

#endif /* WARDER_SELFTESTS_IMAGE_H */
