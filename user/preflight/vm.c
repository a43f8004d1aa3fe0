/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vm.c - runs QEMU and follows what the guest says.
 *
 * Emulated, unless /dev/kvm can be opened and the guest speaks soon: where it
 * hangs, as nested machines do, it is ended and emulated instead.
 */
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../base/opt.h"
#include "bytes.h"
#include "child.h"

#define MEMORY_MB "768"
/* QEMU takes `rep movsb` byte by byte: without it a kernel copies by words. */
#define CPU "max,erms=off"
/*
 * no_timer_check: where others take the processor an emulated timer may be
 * late, which a kernel that counts its ticks takes for a broken board.
 */
#define KERNEL_ARGS \
	"console=ttyS0,115200 panic=-1 oops=panic loglevel=4 rdinit=/init " \
	"mitigations=off random.trust_cpu=on no_timer_check"
#define TEXT_MOST (64U << 20) /* bytes of a port */
#define CONSOLE_LINES 12
#define KVM_ANSWERS_MS 6000
#define LOOK_MS 50

struct run {
	const struct wd_vm *vm;
	struct wd_vm_report *ret;
	char *console; /* paths */
	char *results;
	char *log;
	size_t read; /* bytes of results that were looked at */
	bool done;
	int64_t begin_ms;
};

static uint32_t spent_ms(const struct run *r)
{
	return (uint32_t)(wd_now_ms() - r->begin_ms);
}

/* ---- what it says ---- */

static void take_lines(struct run *r, char *text, size_t len)
{
	char *end;

	while (!r->done && (end = memchr(text, '\n', len))) {
		size_t line = (size_t)(end - text);

		*end = '\0';
		if (line && text[line - 1] == '\r')
			text[line - 1] = '\0';
		if (!r->ret->first_ms)
			r->ret->first_ms = spent_ms(r);
		r->done = r->vm->line(r->vm->ctx, text);
		text += line + 1;
		len -= line + 1;
		r->read += line + 1;
	}
}

static void read_results(struct run *r)
{
	struct wd_bytes bytes = { 0 };

	/* unreadable: nothing was said, and that is told at the end */
	if (!wd_bytes_load(&bytes, r->results, TEXT_MOST) &&
	    bytes.len > r->read)
		take_lines(r, (char *)bytes.data + r->read,
			   bytes.len - r->read);
	wd_bytes_free(&bytes);
}

/* The last lines of a file as text, to be freed; NULL without memory. */
static char *end_of(const char *path)
{
	struct wd_bytes bytes = { 0 };
	char *text = NULL;
	size_t at;
	int lines = 0;

	if (!wd_bytes_load(&bytes, path, TEXT_MOST)) {
		at = bytes.len;
		while (at && lines <= CONSOLE_LINES)
			lines += bytes.data[--at] == '\n';
		wd_format(&text, "%.*s", (int)(bytes.len - at),
			  (char *)bytes.data + at);
	}
	wd_bytes_free(&bytes);
	return text ? text : strdup("");
}

/* "Kernel panic - not syncing: ..." as a line of its own; to be freed. */
static char *panic_of(const char *path)
{
	static const char mark[] = "Kernel panic";
	struct wd_bytes bytes = { 0 };
	char *text = NULL;
	const char *at;

	if (!wd_bytes_load(&bytes, path, TEXT_MOST) &&
	    !wd_bytes_add(&bytes, "", 1)) {
		at = memmem(bytes.data, bytes.len, mark, sizeof(mark) - 1);
		if (at)
			wd_format(&text, "%.*s", (int)strcspn(at, "\r\n"), at);
	}
	wd_bytes_free(&bytes);
	return text;
}

/* ---- running ---- */

static int start(const struct run *r, const char *accel, struct wd_child *ret)
{
	const struct wd_vm *vm = r->vm;
	char *append = NULL, *console = NULL, *results = NULL;
	int err = -ENOMEM;

	wd_format(&append, KERNEL_ARGS " -- %s", vm->args);
	wd_format(&console, "file:%s", r->console);
	wd_format(&results, "file:%s", r->results);
	if (append && console && results) {
		const char *argv[] = {
			WD_VM_QEMU,
			"-accel",
			accel,
			"-cpu",
			CPU,
			"-smp",
			"1",
			"-m",
			MEMORY_MB,
			"-nodefaults",
			"-no-user-config",
			"-no-reboot",
			"-display",
			"none",
			"-kernel",
			vm->kernel,
			"-initrd",
			vm->initrd,
			"-append",
			append,
			"-serial",
			console,
			"-serial",
			results,
			NULL,
		};

		err = wd_child_start((char **)(uintptr_t)argv, r->log, ret);
	}
	free(append);
	free(console);
	free(results);
	return err;
}

/* Until it ends, has said all, or must not go on. Return: as wd_child_wait() */
static int follow(struct run *r, struct wd_child *qemu, bool may_hang,
		  int *ret_status)
{
	int err;

	do {
		err = wd_child_wait(qemu, LOOK_MS, ret_status);
		read_results(r);
		if (r->done || err != -ETIMEDOUT)
			return err == -ETIMEDOUT ? 0 : err;
		if (may_hang && !r->ret->first_ms &&
		    spent_ms(r) > KVM_ANSWERS_MS)
			return -ETIMEDOUT;
	} while (spent_ms(r) < (uint32_t)r->vm->timeout_ms);
	return -ETIMEDOUT;
}

static void tell_end(struct run *r, int err, int status)
{
	struct wd_vm_report *ret = r->ret;
	char *panic = NULL;

	ret->console = end_of(r->console);
	if (r->done) {
		ret->end = WD_VM_DONE;
	} else if (err == -EINTR) {
		ret->end = WD_VM_STOPPED;
		wd_format(&ret->why, "was interrupted");
	} else if ((panic = panic_of(r->console))) {
		ret->end = WD_VM_PANIC;
		wd_format(&ret->why, "the kernel panicked: %s", panic);
	} else if (!ret->first_ms && (!ret->console || !*ret->console) &&
		   status) {
		ret->end = WD_VM_FAILED;
		wd_format(&ret->why, "QEMU could not run it (exit status %d)",
			  WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	} else if (!ret->first_ms && (!ret->console || !*ret->console)) {
		ret->end = WD_VM_SILENT;
		wd_format(
			&ret->why,
			"nothing came from the kernel in %.0f s: it hangs, or "
			"has no driver for a serial port (8250 built in)",
			spent_ms(r) / 1000.0);
	} else if (err == -ETIMEDOUT) {
		ret->end = WD_VM_HANGS;
		wd_format(&ret->why, "no end after %.0f s: it hangs%s",
			  spent_ms(r) / 1000.0,
			  ret->first_ms ? " while warder runs there" :
					  " before it runs warder");
	} else {
		ret->end = WD_VM_DIED;
		wd_format(&ret->why,
			  "the machine ended early (QEMU's exit status %d)",
			  WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	}
	free(panic);
}

/* QEMU's own words, when it did not get as far as a machine. */
static void add_words(struct run *r)
{
	char *said = end_of(r->log), *why = r->ret->why;

	if (said && *said && r->ret->end != WD_VM_DONE && why) {
		said[strcspn(said, "\n")] = '\0';
		r->ret->why = NULL;
		wd_format(&r->ret->why, "%s: %s", why, said);
		free(why);
	}
	free(said);
}

static void run_with(struct run *r, const char *accel, bool may_hang)
{
	struct wd_child qemu = { 0, -1 };
	int status = 0, err;

	r->read = 0;
	r->begin_ms = wd_now_ms();
	r->ret->first_ms = 0;
	(void)unlink(r->console); /* of a run before, or not there */
	(void)unlink(r->results);
	(void)unlink(r->log);
	err = start(r, accel, &qemu);
	if (err) {
		r->ret->end = err == -ENOENT ? WD_VM_NO_QEMU : WD_VM_FAILED;
		wd_format(&r->ret->why,
			  err == -ENOENT ?
				  "the virtual machine is " WD_VM_QEMU
				  ", which "
				  "is not installed: install package "
				  "qemu-system-x86" :
				  "the virtual machine cannot be started: %s",
			  wd_errno(err));
		return;
	}
	err = follow(r, &qemu, may_hang, &status);
	wd_child_kill(&qemu);
	r->ret->all_ms = spent_ms(r);
	tell_end(r, err, status);
	add_words(r);
}

static bool kvm_opens(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return false;
	(void)close(fd);
	return true;
}

static void forget(struct wd_vm_report *ret)
{
	free(ret->why);
	free(ret->console);
	memset(ret, 0, sizeof(*ret));
}

/* It hung with KVM once: not tried again by this process. */
static bool kvm_hangs;

static void run_any(struct run *r)
{
	bool is_auto = !strcmp(r->vm->accel, "auto");

	if (!strcmp(r->vm->accel, "kvm") ||
	    (is_auto && !kvm_hangs && kvm_opens())) {
		r->ret->kvm = true;
		run_with(r, "kvm", is_auto);
		if (!is_auto || r->ret->first_ms ||
		    r->ret->end == WD_VM_NO_QEMU ||
		    r->ret->end == WD_VM_STOPPED)
			return;
		kvm_hangs = true;
		forget(r->ret);
	}
	run_with(r, "tcg", false);
}

enum wd_vm_end wd_vm_run(const struct wd_vm *vm, struct wd_vm_report *ret)
{
	struct run r = { .vm = vm, .ret = ret };

	memset(ret, 0, sizeof(*ret));
	ret->end = WD_VM_FAILED;
	wd_format(&r.console, "%s/console", vm->dir);
	wd_format(&r.results, "%s/results", vm->dir);
	wd_format(&r.log, "%s/qemu.log", vm->dir);
	if (r.console && r.results && r.log)
		run_any(&r);
	free(r.console);
	free(r.results);
	free(r.log);
	return ret->end;
}
