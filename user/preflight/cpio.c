/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cpio.c - headers of 110 hexadecimal digits, names and bytes, padded to four.
 */
#include "cpio.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HEAD 110 /* bytes */

struct entry {
	const char *name;
	uint32_t mode;
	const void *data;
	size_t len;
	uint32_t major;
	uint32_t minor;
};

static bool has(const struct wd_cpio *cpio, const char *name)
{
	for (uint32_t i = 0; i < cpio->cnt; i++)
		if (!strcmp(cpio->name[i], name))
			return true;
	return false;
}

static int remember(struct wd_cpio *cpio, const char *name)
{
	char **grown = realloc(cpio->name, (cpio->cnt + 1) * sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	cpio->name = grown;
	grown[cpio->cnt] = strdup(name);
	if (!grown[cpio->cnt])
		return -ENOMEM;
	cpio->cnt++;
	return 0;
}

static int pad(struct wd_bytes *bytes)
{
	return wd_bytes_add(bytes, NULL, (4 - bytes->len % 4) % 4);
}

static int write_entry(struct wd_cpio *cpio, const struct entry *e)
{
	size_t name_len = strlen(e->name) + 1;
	char head[HEAD + 1];
	int err;

	if (e->len > UINT32_MAX)
		return -EFBIG;
	(void)snprintf(head, sizeof(head),
		       "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X"
		       "%08X",
		       cpio->cnt, e->mode, 0U, 0U, 1U, 0U, (uint32_t)e->len, 0U,
		       0U, e->major, e->minor, (uint32_t)name_len, 0U);
	err = wd_bytes_add(&cpio->bytes, head, HEAD);
	if (!err)
		err = wd_bytes_add(&cpio->bytes, e->name, name_len);
	if (!err)
		err = pad(&cpio->bytes);
	if (!err && e->len)
		err = wd_bytes_add(&cpio->bytes, e->data, e->len);
	return err ? err : pad(&cpio->bytes);
}

static void add(struct wd_cpio *cpio, const struct entry *e);

static void add_above(struct wd_cpio *cpio, const char *name)
{
	char *above = strdup(name);
	char *slash = above ? strrchr(above, '/') : NULL;

	if (!above)
		cpio->err = -ENOMEM;
	if (slash) {
		*slash = '\0';
		wd_cpio_folder(cpio, above);
	}
	free(above);
}

static void add(struct wd_cpio *cpio, const struct entry *e)
{
	struct entry relative = *e;

	while (*relative.name == '/')
		relative.name++;
	if (cpio->err || !*relative.name || has(cpio, relative.name))
		return;
	add_above(cpio, relative.name);
	if (!cpio->err)
		cpio->err = remember(cpio, relative.name);
	if (!cpio->err)
		cpio->err = write_entry(cpio, &relative);
}

void wd_cpio_file(struct wd_cpio *cpio, const char *path, uint32_t mode,
		  const void *data, size_t len)
{
	add(cpio, &(struct entry){ path, S_IFREG | mode, data, len, 0, 0 });
}

void wd_cpio_folder(struct wd_cpio *cpio, const char *path)
{
	add(cpio, &(struct entry){ path, S_IFDIR | 0755, NULL, 0, 0, 0 });
}

void wd_cpio_device(struct wd_cpio *cpio, const char *path, uint32_t major,
		    uint32_t minor)
{
	add(cpio,
	    &(struct entry){ path, S_IFCHR | 0600, NULL, 0, major, minor });
}

int wd_cpio_end(struct wd_cpio *cpio)
{
	add(cpio, &(struct entry){ "TRAILER!!!", 0, NULL, 0, 0, 0 });
	return cpio->err;
}

void wd_cpio_free(struct wd_cpio *cpio)
{
	for (uint32_t i = 0; i < cpio->cnt; i++)
		free(cpio->name[i]);
	free(cpio->name);
	wd_bytes_free(&cpio->bytes);
	memset(cpio, 0, sizeof(*cpio));
}
