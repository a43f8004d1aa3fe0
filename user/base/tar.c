/* SPDX-License-Identifier: GPL-2.0-only */
/* tar.c - see tar.h. */
#include "tar.h"

#include <errno.h>
#include <string.h>

#define BLOCK 512U
#define LEN_MAX (UINT64_C(1) << 33) /* eleven octal digits */

/* Source: POSIX.1-1988, "ustar"; numbers are octal text. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char sum[8];
	char type;
	char link[100];
	char magic[6];
	char version[2];
	char user[32];
	char group[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

static void put_octal(char *to, size_t size, uint64_t value)
{
	to[size - 1] = '\0';
	for (size_t i = size - 1; i > 0; i--) {
		to[i - 1] = (char)('0' + (value & 7));
		value >>= 3;
	}
}

/* Of all its bytes, those of the sum itself taken for spaces. */
static void put_sum(struct header *head)
{
	const unsigned char *byte = (const unsigned char *)head;
	uint64_t sum = 0;

	memset(head->sum, ' ', sizeof(head->sum));
	for (size_t i = 0; i < sizeof(*head); i++)
		sum += byte[i];
	put_octal(head->sum, sizeof(head->sum) - 1, sum);
}

static int put_bytes(FILE *to, const void *data, size_t len)
{
	return !len || fwrite(data, len, 1, to) == 1 ? 0 : -EIO;
}

int wd_tar_put(FILE *to, const char *name, int64_t mtime, const void *data,
	       size_t len)
{
	static const char zero[BLOCK];
	struct header head = { .type = '0' };
	int err;

	if (strlen(name) > WD_TAR_NAME_MAX)
		return -ENAMETOOLONG;
	if (len >= LEN_MAX)
		return -EFBIG;
	memcpy(head.name, name, strlen(name));
	put_octal(head.mode, sizeof(head.mode), 0600);
	put_octal(head.uid, sizeof(head.uid), 0);
	put_octal(head.gid, sizeof(head.gid), 0);
	put_octal(head.size, sizeof(head.size), len);
	put_octal(head.mtime, sizeof(head.mtime), (uint64_t)mtime);
	memcpy(head.magic, "ustar", sizeof(head.magic));
	memcpy(head.version, "00", sizeof(head.version));
	memcpy(head.user, "root", sizeof("root"));
	memcpy(head.group, "root", sizeof("root"));
	put_sum(&head);
	err = put_bytes(to, &head, sizeof(head));
	if (!err)
		err = put_bytes(to, data, len);
	if (!err && len % BLOCK)
		err = put_bytes(to, zero, BLOCK - len % BLOCK);
	return err;
}

int wd_tar_end(FILE *to)
{
	static const char zero[2 * BLOCK];

	if (put_bytes(to, zero, sizeof(zero)) || fflush(to) || ferror(to))
		return -EIO;
	return 0;
}
