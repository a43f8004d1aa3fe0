/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.c - makes Ethernet frames of what was captured, whatever on.
 */
#include "capture.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "../model/xalloc.h"
#include "frame.h"
#include "replay.h"

#define SONAME "libpcap.so.0.8"

/* pcap/pcap.h, pcap/dlt.h */
#define PCAP_ERRBUF_SIZE 256
#define DLT_EN10MB 1
#define DLT_RAW 12
#define DLT_LINUX_SLL 113
#define DLT_IPV4 228
#define DLT_IPV6 229
#define DLT_LINUX_SLL2 276

#define TIME_MAX_S 253402300799LL /* the end of the year 9999 */

struct pcap;

struct pcap_pkthdr {
	struct timeval ts;
	uint32_t caplen; /* bytes that are there */
	uint32_t len; /* bytes that there were */
};

/* A kind of device: where its header says what is inside. */
struct link_type {
	int dlt;
	size_t bytes; /* of the header */
	size_t type_at; /* offset of the ethertype */
};

static const struct link_type link_types[] = {
	{ DLT_EN10MB, 0, 0 }, /* kept as it is */
	{ DLT_RAW, 0, 0 }, /* the packet's version says it */
	{ DLT_IPV4, 0, 0 },	   { DLT_IPV6, 0, 0 },
	{ DLT_LINUX_SLL, 16, 14 }, { DLT_LINUX_SLL2, 20, 0 },
};

struct wd_capture {
	void *handle;
	struct pcap *pcap;
	const struct link_type *type;
	struct pcap *(*open)(const char *path, char *error);
	int (*datalink)(struct pcap *pcap);
	const char *(*datalink_name)(int dlt);
	int (*next)(struct pcap *pcap, struct pcap_pkthdr **ret_head,
		    const uint8_t **ret_data);
	char *(*error)(struct pcap *pcap);
	void (*close)(struct pcap *pcap);
	uint8_t frame[WD_REPLAY_FRAME_MAX];
};

/* ISO C has no cast from an object's to a function's address. */
static int find(const struct wd_capture *capture, void *to, const char *name)
{
	void *at = dlsym(capture->handle, name);

	if (!at)
		return -ELIBACC;
	memcpy(to, &at, sizeof(at));
	return 0;
}

static int find_all(struct wd_capture *capture)
{
	const struct {
		void *to;
		const char *name;
	} calls[] = {
		{ &capture->open, "pcap_open_offline" },
		{ &capture->datalink, "pcap_datalink" },
		{ &capture->datalink_name, "pcap_datalink_val_to_name" },
		{ &capture->next, "pcap_next_ex" },
		{ &capture->error, "pcap_geterr" },
		{ &capture->close, "pcap_close" },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = find(capture, calls[i].to, calls[i].name);
	return err;
}

static int load_library(struct wd_capture *capture, char **ret_error)
{
	capture->handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (capture->handle && !find_all(capture))
		return 0;
	*ret_error =
		wd_xprintf("needs libpcap: %s; install it (Debian: "
			   "libpcap0.8)",
			   capture->handle ? SONAME " lacks calls" : dlerror());
	return -ELIBACC;
}

static int open_file(struct wd_capture *capture, const char *path,
		     char **ret_error)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	const char *name;
	int dlt;

	capture->pcap = capture->open(path, error);
	if (!capture->pcap) {
		*ret_error = wd_xstrdup(error);
		return -EINVAL;
	}
	dlt = capture->datalink(capture->pcap);
	for (size_t i = 0; i < sizeof(link_types) / sizeof(*link_types); i++)
		if (link_types[i].dlt == dlt)
			capture->type = &link_types[i];
	if (capture->type)
		return 0;
	name = capture->datalink_name(dlt);
	*ret_error = wd_xprintf("was captured on a device of kind %s, which is "
				"not read; capture on the pod's interface, or "
				"on 'any'",
				name ?: "unknown");
	return -EPROTONOSUPPORT;
}

int wd_capture_open(const char *path, struct wd_capture **ret_capture,
		    char **ret_error)
{
	struct wd_capture *capture = wd_xcalloc(1, sizeof(*capture));
	int err = load_library(capture, ret_error);

	if (!err)
		err = open_file(capture, path, ret_error);
	if (err)
		wd_capture_close(capture);
	else
		*ret_capture = capture;
	return err;
}

void wd_capture_close(struct wd_capture *capture)
{
	if (!capture)
		return;
	if (capture->pcap)
		capture->close(capture->pcap);
	if (capture->handle)
		(void)dlclose(capture->handle);
	free(capture);
}

/* ---- packets ---- */

/* The ethertype that a header states, or an IP packet without one is of. */
static void put_ethertype(const struct link_type *type, const uint8_t *data,
			  size_t len, uint8_t *to)
{
	static const uint8_t ip4[] = { 0x08, 0x00 }, ip6[] = { 0x86, 0xdd };

	if (type->bytes)
		memcpy(to, data + type->type_at, 2);
	else if (len)
		memcpy(to, data[0] >> 4 == 6 ? ip6 : ip4, 2);
}

/* A file may say any number; what no calendar has is as good as none. */
static int64_t time_of(const struct pcap_pkthdr *head)
{
	if (head->ts.tv_sec < 0 || head->ts.tv_sec > TIME_MAX_S)
		return 0;
	return head->ts.tv_sec * 1000000LL + head->ts.tv_usec;
}

static int make_frame(struct wd_capture *capture,
		      const struct pcap_pkthdr *head, const uint8_t *data,
		      struct wd_captured *ret)
{
	const struct link_type *type = capture->type;
	size_t eth = type->dlt == DLT_EN10MB ? 0 : WD_FRAME_ETH;
	size_t have = head->caplen, all = head->len;

	if (have > all)
		all = have;
	if (have < type->bytes ||
	    all - type->bytes + eth > sizeof(capture->frame))
		return -EMSGSIZE;
	memset(capture->frame, 0, all - type->bytes + eth);
	if (eth)
		put_ethertype(type, data, have, capture->frame + 12);
	memcpy(capture->frame + eth, data + type->bytes, have - type->bytes);
	*ret = (struct wd_captured){
		.time_us = time_of(head),
		.data = capture->frame,
		.len = all - type->bytes + eth,
		.missing = all - have,
	};
	return 1;
}

int wd_capture_next(struct wd_capture *capture, struct wd_captured *ret_packet,
		    char **ret_error)
{
	struct pcap_pkthdr *head;
	const uint8_t *data;
	int got = capture->next(capture->pcap, &head, &data);

	if (got == -2) /* PCAP_ERROR_BREAK: the end */
		return 0;
	if (got != 1) {
		*ret_error = wd_xstrdup(capture->error(capture->pcap));
		return -EINVAL;
	}
	got = make_frame(capture, head, data, ret_packet);
	if (got < 0)
		*ret_error = wd_xprintf("a packet of %u bytes, %u of them "
					"captured",
					head->len, head->caplen);
	return got;
}
