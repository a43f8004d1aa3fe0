// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_image.c - what goes into the machine: the archive that the kernel
 * unpacks, this program and its libraries, modules in their order.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preflight/cpio.h"
#include "preflight/kernel.h"
#include "preflight/modules.h"
#include "preflight/self.h"
#include "tap.h"

/* ---- reading an archive as the kernel does ---- */

struct entry {
	const char *name;
	const uint8_t *data;
	uint32_t mode, len, major, minor;
};

static uint32_t field(const uint8_t *head, int nr)
{
	char text[9] = "";

	memcpy(text, head + 6 + nr * 8, 8);
	return (uint32_t)strtoul(text, NULL, 16);
}

/* Entry number @nr; false behind the last. */
static bool entry_at(const struct wd_bytes *b, int nr, struct entry *ret)
{
	size_t at = 0;

	for (int i = 0; at + 110 <= b->len; i++) {
		const uint8_t *head = b->data + at;
		size_t name = field(head, 11), body;

		if (memcmp(head, "070701", 6) != 0)
			return false;
		body = (at + 110 + name + 3) / 4 * 4;
		*ret = (struct entry){
			.name = (const char *)head + 110,
			.data = b->data + body,
			.mode = field(head, 1),
			.len = field(head, 6),
			.major = field(head, 9),
			.minor = field(head, 10),
		};
		if (!strcmp(ret->name, "TRAILER!!!"))
			return false;
		if (i == nr)
			return true;
		at = (body + ret->len + 3) / 4 * 4;
	}
	return false;
}

static bool entry_named(const struct wd_bytes *b, const char *name,
			struct entry *ret)
{
	for (int i = 0; entry_at(b, i, ret); i++)
		if (!strcmp(ret->name, name))
			return true;
	return false;
}

static void archive_holds_what_was_put_in(void)
{
	struct wd_cpio cpio = { 0 };
	struct entry e = { .name = "" };

	wd_cpio_file(&cpio, "/a/b/file", 0755, "hello", 5);
	wd_cpio_file(&cpio, "a/b/other", 0644, "", 0);
	wd_cpio_device(&cpio, "dev/ttyS1", 4, 65);
	wd_cpio_folder(&cpio, "a"); /* again */
	wd_cpio_file(&cpio, "a/b/file", 0644, "twice", 5);
	wd_expect_int(0, wd_cpio_end(&cpio));

	wd_expect(entry_at(&cpio.bytes, 0, &e));
	wd_expect_str("a", e.name); /* folders come before what is in them */
	wd_expect_int(S_IFDIR | 0755, e.mode);
	wd_expect(entry_at(&cpio.bytes, 1, &e));
	wd_expect_str("a/b", e.name);
	wd_expect(entry_named(&cpio.bytes, "a/b/file", &e));
	wd_expect_int(S_IFREG | 0755, e.mode);
	wd_expect_int(5, e.len);
	wd_expect(!memcmp("hello", e.data, 5));
	wd_expect(entry_named(&cpio.bytes, "a/b/other", &e));
	wd_expect(entry_named(&cpio.bytes, "dev/ttyS1", &e));
	wd_expect_int(S_IFCHR | 0600, e.mode);
	wd_expect_int(4, e.major);
	wd_expect_int(65, e.minor);
	wd_expect(entry_at(&cpio.bytes, 5, &e));
	wd_expect(!entry_at(&cpio.bytes, 6, &e));
	wd_expect_int(0, (long long)cpio.bytes.len % 4);
	wd_cpio_free(&cpio);
}

static void program_and_its_libraries_are_in_it(void)
{
	struct wd_cpio cpio = { 0 };
	struct stat st;
	struct entry e = { .name = "" };
	Dl_info info;

	wd_expect_int(0, wd_self_add(&cpio, "init"));
	wd_expect_int(0, wd_cpio_end(&cpio));
	wd_expect_int(0, stat("/proc/self/exe", &st));
	if (wd_expect(entry_named(&cpio.bytes, "init", &e)))
		wd_expect_int(st.st_size, e.len);
	/* libc is where this process has it from */
	if (wd_expect(dladdr(dlsym(RTLD_DEFAULT, "getpid"), &info)))
		wd_expect(entry_named(&cpio.bytes, info.dli_fname + 1, &e));
	wd_cpio_free(&cpio);
}

/* ---- modules ---- */

/* A file that begins as ELF does and says what it needs. */
static struct wd_bytes module_file(const char *depends)
{
	struct wd_bytes bytes = { 0 };

	if (wd_bytes_add(&bytes,
			 "\x7f"
			 "ELF",
			 4) ||
	    wd_bytes_add(&bytes, NULL, 60) ||
	    wd_bytes_add(&bytes, "license=GPL", 12) ||
	    wd_bytes_add(&bytes, "depends=", 8) ||
	    wd_bytes_add(&bytes, depends, strlen(depends) + 1) ||
	    wd_bytes_add(&bytes, "name=x", 7))
		abort();
	return bytes;
}

static int add(struct wd_kernel_files *kernel, struct wd_wanted *wanted,
	       const char *path, const char *depends)
{
	struct wd_bytes bytes = module_file(depends);
	char *why = NULL;
	int nr = wd_wanted_find(wanted, path), err = -ENOENT;

	if (nr >= 0)
		err = wd_module_add(kernel, wanted, (size_t)nr, &bytes, "/tmp",
				    &why);
	wd_bytes_free(&bytes);
	free(why);
	return err;
}

static void modules_come_behind_those_they_need(void)
{
	static const char *const order[] = { "deep", "stp_x", "veth",
					     "cls_bpf" };
	struct wd_kernel_files kernel = { .release = "" };
	struct wd_wanted wanted;

	wd_expect_int(0, wd_wanted_init(&wanted));
	wd_expect_int(0, add(&kernel, &wanted, "./k/veth.ko.xz", "stp_x"));
	wd_expect_int(0, add(&kernel, &wanted, "k/cls_bpf.ko", ""));
	wd_expect_int(-ENOENT, add(&kernel, &wanted, "k/vet.ko", ""));
	wd_expect_int(-ENOENT, add(&kernel, &wanted, "k/veth.c", ""));
	wd_expect_int(-ENOENT, add(&kernel, &wanted, "k/veth.ko", ""));
	wd_expect_int(0, add(&kernel, &wanted, "k/stp-x.ko.zst", "deep"));
	wd_expect_int(0, add(&kernel, &wanted, "k/deep.ko", ""));
	wd_modules_order(&kernel);

	if (wd_expect_int(4, (long long)kernel.module_cnt))
		for (int i = 0; i < 3; i++)
			wd_expect_str(order[i], kernel.module[i].name);
	wd_wanted_free(&wanted);
	wd_kernel_free(&kernel);
}

static void file_that_is_no_module_is_refused(void)
{
	struct wd_kernel_files kernel = { .release = "" };
	struct wd_bytes bytes = { 0 };
	struct wd_wanted wanted;
	char *why = NULL;
	int nr;

	wd_expect_int(0, wd_wanted_init(&wanted));
	nr = wd_wanted_find(&wanted, "veth.ko");
	wd_expect_int(0, wd_bytes_add(&bytes, NULL, 4096));
	wd_expect_int(-EINVAL, wd_module_add(&kernel, &wanted, (size_t)nr,
					     &bytes, "/tmp", &why));
	wd_expect(why && strstr(why, "veth"));
	free(why);
	wd_bytes_free(&bytes);
	wd_wanted_free(&wanted);
	wd_kernel_free(&kernel);
}

/* ---- kernels ---- */

static void file_that_is_no_kernel_is_told_apart(void)
{
	struct wd_kernel_files kernel = { .release = "" };
	char *why = NULL;

	wd_expect(!wd_kernel_is_image("/proc/self/exe"));
	wd_expect(!wd_kernel_is_package("/proc/self/exe"));
	wd_expect(!wd_kernel_is_image("/nowhere"));
	wd_expect_int(-EINVAL, wd_kernel_read("/proc/self/exe", NULL, "/tmp",
					      &kernel, &why));
	wd_expect(why && strstr(why, "neither a kernel"));
	free(why);
	why = NULL;
	wd_expect_int(-ENOENT,
		      wd_kernel_read("/nowhere", NULL, "/tmp", &kernel, &why));
	wd_expect(why && strstr(why, "-ENOENT"));
	free(why);
}

int main(void)
{
	WD_TEST(archive_holds_what_was_put_in);
	WD_TEST(program_and_its_libraries_are_in_it);
	WD_TEST(modules_come_behind_those_they_need);
	WD_TEST(file_that_is_no_module_is_refused);
	WD_TEST(file_that_is_no_kernel_is_told_apart);
	return wd_tests_end();
}
