/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_capture.c - any bytes as a capture file that `warder replay` is given.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "whatif/capture.h"
#include "whatif/replay.h"

#include "fuzz.h"

/* Loaded once: wd_capture_open() would do so anew for each input. */
static void keep_library(void)
{
	static void *kept;

	if (!kept)
		kept = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	fuzz_expect(kept);
}

/* What is sent to the agent's child is a whole frame that the child takes. */
static void expect_frame(const struct wd_captured *packet)
{
	uint8_t *copy;

	fuzz_expect(packet->len <= WD_REPLAY_FRAME_MAX);
	fuzz_expect(packet->missing <= packet->len);
	copy = malloc(packet->len + 1);
	fuzz_expect(copy);
	memcpy(copy, packet->data, packet->len);
	for (size_t i = packet->len - packet->missing; i < packet->len; i++)
		fuzz_expect(!copy[i]);
	free(copy);
}

static void read_packets(struct wd_capture *capture)
{
	struct wd_captured packet;
	char *error = NULL;
	int got;

	while ((got = wd_capture_next(capture, &packet, &error)) == 1) {
		fuzz_expect(!error);
		expect_frame(&packet);
	}
	fuzz_expect(got == 0 || got == -EINVAL || got == -EMSGSIZE);
	fuzz_expect((got != 0) == (error != NULL));
	free(error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);
	struct wd_capture *capture = NULL;
	char *error = NULL;
	char path[32];
	int err;

	keep_library();
	fuzz_expect(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = wd_capture_open(path, &capture, &error);
	fuzz_expect(!err || err == -EINVAL || err == -EPROTONOSUPPORT);
	fuzz_expect((err != 0) == (error != NULL));
	if (!err)
		read_packets(capture);
	wd_capture_close(err ? NULL : capture);
	free(error);
	(void)close(fd);
	return 0;
}
