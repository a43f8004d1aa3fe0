/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_cni.c - any bytes as what a container runtime writes to the plugin. The
 * first byte chooses the command, the rest is the configuration. And as the file of
 * a chain: what is put into it comes out again, and leaves no trace.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <json-c/json.h>

#include "cni/cni_conf.h"
#include "cni/cni_text.h"

#include "fuzz.h"

static void set_environment(uint8_t choice)
{
	static const char *const verbs[] = { "ADD", "DEL",    "CHECK",
					     "GC",  "STATUS", "VERSION" };

	setenv("CNI_COMMAND", verbs[choice % 6], 1);
	setenv("CNI_CONTAINERID", "c1", 1);
	setenv("CNI_NETNS", "/proc/self/ns/net", 1);
	setenv("CNI_IFNAME", "eth0", 1);
	setenv("CNI_PATH", "/", 1);
	setenv("CNI_ARGS",
	       "IgnoreUnknown=1;K8S_POD_NAMESPACE=n;K8S_POD_NAME=p;K8S_POD_UID=u",
	       1);
}

static bool is_json(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *doc;
	bool is;

	json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
	doc = json_tokener_parse_ex(tok, text, (int)len);
	is = json_tokener_get_error(tok) == json_tokener_success &&
	     json_tokener_get_parse_end(tok) == len &&
	     json_object_is_type(doc, json_type_object);
	json_object_put(doc);
	json_tokener_free(tok);
	return is;
}

static void edit(const char *text, size_t len)
{
	char *with = NULL, *without = NULL, *again = NULL;

	if (!wd_cni_text_edit(text, len, "w", "{\"type\": \"w\"}", &with) &&
	    is_json(text, len)) {
		fuzz_expect(is_json(with, strlen(with)));
		fuzz_expect(!wd_cni_text_edit(text, len, "w", NULL, &without));
		fuzz_expect(!wd_cni_text_edit(with, strlen(with), "w", NULL,
					      &again));
		fuzz_expect(!strcmp(without, again));
	}
	free(with);
	free(without);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *ips = json_object_new_array();
	struct wd_cni_conf conf = { 0 };
	struct wd_cni_error error = { 0 };
	int fd = memfd_create("stdin", MFD_CLOEXEC);

	if (size) {
		set_environment(data[0]);
		fuzz_expect(write(fd, data + 1, size - 1) ==
			    (ssize_t)(size - 1));
		edit((const char *)data + 1, size - 1);
	}
	fuzz_expect(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
	if (wd_cni_conf_read(&conf, fd, &error)) {
		fuzz_expect(error.code && error.msg[0]);
	} else if (conf.verb != WD_CNI_VERSION) {
		fuzz_expect(conf.version && conf.run_dir);
		if (wd_cni_conf_ips(&conf, ips, &error))
			fuzz_expect(error.code && error.msg[0]);
	}
	wd_cni_conf_fini(&conf);
	json_object_put(ips);
	(void)close(fd);
	return 0;
}
