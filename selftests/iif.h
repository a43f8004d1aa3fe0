/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * iif.h - name the device that a test packet came in by, on every kernel.
 *
 * BPF_PROG_TEST_RUN of older kernels (5.10) takes no ingress_ifindex. There the
 * programs are changed on their way into the kernel to read the packet's mark
 * instead, which is theirs for nothing else. Nothing else is changed, and
 * nothing at all where the kernel takes the device.
 */
#ifndef WARDER_SELFTESTS_IIF_H
#define WARDER_SELFTESTS_IIF_H

#include <stdint.h>

struct __sk_buff;

/** wd_iif_prepare() - to be called before the programs are loaded. Return: 0 or -errno */
int wd_iif_prepare(void);

/** wd_iif_set() - say in the context of a test run that the packet came in by @iif */
void wd_iif_set(struct __sk_buff *ctx, uint32_t iif);

struct bpf_program;

/**
 * wd_ctx_loads() - which words of the context a loaded program reads
 * @ret_words: bit n for the four bytes at 4 * n
 * Return: 0 or -ENOMEM
 */
int wd_ctx_loads(const struct bpf_program *prog, uint64_t *ret_words);

#endif /* WARDER_SELFTESTS_IIF_H */
