/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * yaml_text.h - a JSON document as YAML, for people who will edit it.
 */
#ifndef WARDER_YAML_TEXT_H
#define WARDER_YAML_TEXT_H

#include <stdio.h>

struct json_object;

/**
 * wd_yaml_print() - an object in block style, one key a line
 * Strings are quoted wherever another reader could take them for something
 * else; keys are, too.
 */
void wd_yaml_print(FILE *to, struct json_object *obj);

#endif /* WARDER_YAML_TEXT_H */
