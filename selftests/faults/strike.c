/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * strike.c - decides which call is struck, and counts those that were made.
 *
 * It must not call what it strikes: system calls are made by number, and no
 * memory is taken.
 */
#include "strike.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MODULE_SHIFT 48

struct module {
	uintptr_t from, to, base;
};

static struct wd_strike *strike; /* NULL: nothing is struck */
static struct module modules[WD_STRIKE_MODULES];
static int module_cnt;

static int add_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct module *m = &modules[module_cnt];
	const char *name = strrchr(info->dlpi_name, '/');

	(void)size;
	(void)ctx;
	if (module_cnt == WD_STRIKE_MODULES)
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		m->base = info->dlpi_addr;
		m->from = info->dlpi_addr + p->p_vaddr;
		m->to = m->from + p->p_memsz;
	}
	name = name ? name + 1 : info->dlpi_name;
	(void)strncpy(strike->module[module_cnt], *name ? name : "program",
		      WD_STRIKE_NAME - 1);
	module_cnt++;
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("WD_STRIKE");
	long fd, at;

	if (!path)
		return;
	fd = wd_strike_raw()(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		abort();
	at = wd_strike_raw()(SYS_mmap, NULL, sizeof(*strike),
			     PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)wd_strike_raw()(SYS_close, fd);
	if (at == -1)
		abort();
	memcpy(&strike, &at, sizeof(strike));
	/* What the program runs itself is not the first process. */
	if (!strike->pid || wd_strike_raw()(SYS_kill, strike->pid, 0))
		strike->pid = (uint32_t)wd_strike_raw()(SYS_getpid);
	(void)dl_iterate_phdr(add_module, NULL);
}

/* Modules that are loaded later are told as none. */
static uint64_t place_of(const void *behind)
{
	uintptr_t at = (uintptr_t)behind;

	for (int i = 0; i < module_cnt; i++)
		if (at >= modules[i].from && at < modules[i].to)
			return (uint64_t)(i + 1) << MODULE_SHIFT |
			       (at - modules[i].base);
	return (uint64_t)(WD_STRIKE_MODULES + 1) << MODULE_SHIFT;
}

static struct wd_strike_site *site_of(enum wd_strike_what what, uint64_t at)
{
	uint64_t hash = (at ^ (uint64_t)what << 32) * 0x9e3779b97f4a7c15;

	for (uint32_t i = 0; i < WD_STRIKE_SITES; i++) {
		struct wd_strike_site *s =
			&strike->place[((hash >> 40) + i) &
				       (WD_STRIKE_SITES - 1)];
		uint64_t none = 0;

		if (__atomic_compare_exchange_n(&s->at, &none, at, false,
						__ATOMIC_RELAXED,
						__ATOMIC_RELAXED))
			s->what = what;
		else if (none != at || s->what != what)
			continue;
		return s;
	}
	__atomic_add_fetch(&strike->lost_cnt, 1, __ATOMIC_RELAXED);
	return NULL;
}

static bool is_due(const struct wd_strike_site *site, enum wd_strike_what what)
{
	uint64_t n, first = strike->first, every = strike->every;

	if (strike->site && strike->site != site->at)
		return false;
	if (!(strike->whats & 1U << what))
		return false;
	n = __atomic_add_fetch(&strike->seen_cnt, 1, __ATOMIC_RELAXED);
	if (!first || n < first)
		return false;
	return n == first || (every && (n - first) % every == 0);
}

static bool is_child(void)
{
	return (uint32_t)wd_strike_raw()(SYS_getpid) != strike->pid;
}

void wd_strike_kill(void)
{
	for (;;)
		(void)wd_strike_raw()(SYS_kill, strike->pid, SIGKILL);
}

/* Counts a call; true: it is due, and this process is concerned. */
static bool counts(enum wd_strike_what what, const void *behind,
		   struct wd_strike_site **ret_site)
{
	uint32_t action = __atomic_load_n(&strike->action, __ATOMIC_ACQUIRE);
	struct wd_strike_site *site = site_of(what, place_of(behind));

	if (!site)
		return false;
	__atomic_add_fetch(&site->call_cnt, 1, __ATOMIC_RELAXED);
	if (action > WD_STRIKE_FAIL && is_child())
		return false;
	*ret_site = site;
	return is_due(site, what) && action != WD_STRIKE_NOTHING;
}

static bool strike_at(struct wd_strike_site *site)
{
	__atomic_add_fetch(&site->struck_cnt, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&strike->struck_cnt, 1, __ATOMIC_RELAXED);
	strike->struck_site = site->at;
	switch (strike->action) {
	case WD_STRIKE_FAIL:
		errno = strike->err;
		return true;
	case WD_STRIKE_STOP:
		(void)wd_strike_raw()(SYS_kill, strike->pid, SIGSTOP);
		return false;
	default:
		wd_strike_kill();
		return false;
	}
}

bool wd_struck(enum wd_strike_what what, const void *behind)
{
	struct wd_strike_site *site;
	int before = errno;

	if (strike && counts(what, behind, &site))
		return strike_at(site);
	errno = before;
	return false;
}

bool wd_half_struck(const void *behind)
{
	struct wd_strike_site *site;

	if (!strike || strike->action != WD_STRIKE_HALF)
		return false;
	if (!counts(WD_STRIKE_WRITE, behind, &site))
		return false;
	return true;
}

wd_raw_fn wd_strike_raw(void)
{
	static wd_raw_fn raw;

	if (!raw)
		*(void **)&raw = wd_strike_next("syscall");
	return raw;
}

void *wd_strike_next(const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (!next)
		abort();
	return next;
}
