/* SPDX-License-Identifier: GPL-2.0-only */
#include "trim.h"

#include <elf.h>
#include <link.h>
#include <malloc.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Code and constants: nobody has written there, neither this program nor the
 * dynamic linker. What is needed of it again comes back, a page at a time.
 */
static bool is_unwritten(const ElfW(Phdr) * part)
{
	return part->p_type == PT_LOAD && !(part->p_flags & PF_W);
}

/* Does the linker write into its code, which no file would give back? */
static bool has_written_code(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		const ElfW(Dyn) * entry;

		if (part->p_type != PT_DYNAMIC)
			continue;
		entry = (const void *)(info->dlpi_addr + part->p_vaddr);
		for (; entry->d_tag != DT_NULL; entry++) {
			if (entry->d_tag == DT_TEXTREL ||
			    (entry->d_tag == DT_FLAGS &&
			     entry->d_un.d_val & DF_TEXTREL))
				return true;
		}
	}
	return false;
}

/* This program has no name here; what the kernel maps by itself, no path. */
static int give_back(struct dl_phdr_info *info, size_t size, void *page)
{
	const uintptr_t mask = *(const long *)page - 1;

	(void)size;
	if ((*info->dlpi_name && *info->dlpi_name != '/') ||
	    has_written_code(info))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t first = (info->dlpi_addr + part->p_vaddr + mask) &
				  ~mask;
		uintptr_t end =
			(info->dlpi_addr + part->p_vaddr + part->p_memsz) &
			~mask;

		/* a wish: what stays resident is no error */
		if (is_unwritten(part) && first < end)
			(void)madvise((void *)first, end - first,
				      MADV_DONTNEED);
	}
	return 0;
}

void wd_trim_code(void)
{
	long page = sysconf(_SC_PAGESIZE);

	if (page > 0)
		(void)dl_iterate_phdr(give_back, &page);
}

void wd_trim(void)
{
	(void)malloc_trim(0);
	wd_trim_code();
}
