/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vm.h - a throw-away machine: no network, no disk, no rights. It has a kernel,
 * an initramfs and two serial ports, one for the kernel's messages and one for
 * what its first process has to tell.
 */
#ifndef WARDER_VM_H
#define WARDER_VM_H

#include <stdbool.h>
#include <stdint.h>

enum wd_vm_end {
	WD_VM_DONE, /* the guest said its last word */
	WD_VM_SILENT, /* nothing ever came, not even from the kernel */
	WD_VM_PANIC,
	WD_VM_HANGS, /* no end in time */
	WD_VM_DIED, /* ended without its last word */
	WD_VM_NO_QEMU,
	WD_VM_FAILED, /* could not be started: see why */
	WD_VM_STOPPED, /* a signal asked this process to end */
};

struct wd_vm {
	const char *dir; /* folder for its files, ours alone */
	const char *kernel; /* path of the image */
	const char *initrd;
	const char *args; /* of the first process */
	const char *accel; /* "tcg", "kvm", or "auto": kvm if that answers soon */
	int timeout_ms;
	/* A line of the second port, when it is complete. Return: true: the last word */
	bool (*line)(void *ctx, const char *line);
	void *ctx;
};

struct wd_vm_report {
	enum wd_vm_end end;
	uint32_t first_ms; /* until the first line, 0 none came */
	uint32_t all_ms;
	bool kvm;
	char *why; /* one sentence, NULL if it is done; to be freed */
	char *console; /* end of the kernel's messages; to be freed */
};

#define WD_VM_QEMU "qemu-system-x86_64"

/** wd_vm_run() - until it ends or has to. Return: the end, also in @ret */
enum wd_vm_end wd_vm_run(const struct wd_vm *vm, struct wd_vm_report *ret);

#endif /* WARDER_VM_H */
