/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cni_text.h - the list of plugins in the text of a CNI configuration, changed in
 * place: every byte that is not of the change stays, so that what goes in and comes
 * out again leaves the file as it was.
 */
#ifndef WARDER_CNI_TEXT_H
#define WARDER_CNI_TEXT_H

#include <stddef.h>

/**
 * wd_cni_text_edit() - one plugin out of the list "plugins", and perhaps in again
 * @text: a JSON object; anything else is refused, or gives a text of no meaning:
 * who cares compares what both texts say
 * @len: its bytes
 * @type: each item of this type goes, with what stands between it and the item before
 * @item: this one comes behind the last that stays, set apart as that one is from
 * the one before; NULL: none
 * @ret_text: to be freed, with a zero behind it
 * Return: 0; -EINVAL: no such list, or none that stays in it; -ENOMEM.
 */
int wd_cni_text_edit(const char *text, size_t len, const char *type,
		     const char *item, char **ret_text);

#endif /* WARDER_CNI_TEXT_H */
