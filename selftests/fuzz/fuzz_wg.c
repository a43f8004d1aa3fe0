/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fuzz_wg.c - any bytes as what WireGuard's netlink family answers: attributes
 * of one message, or of two of one dump. The first byte says where the second
 * begins, in steps of 16 bytes; 0: there is none.
 */
#include <errno.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "wireguard/message.h"

#include "fuzz.h"

#define STEP 16

/* A message of its own memory, so that ASan sees what is read behind it. */
static int take(struct wd_wg_device *dev, const uint8_t *data, size_t size)
{
	const struct genlmsghdr genl = { .cmd = WG_CMD_GET_DEVICE };
	size_t len = NLMSG_LENGTH(sizeof(genl)) + size / 4 * 4;
	struct nlmsghdr *msg = calloc(1, len);
	int err;

	fuzz_expect(msg);
	msg->nlmsg_len = (uint32_t)len;
	memcpy(mnl_nlmsg_get_payload(msg), &genl, sizeof(genl));
	memcpy((char *)mnl_nlmsg_get_payload(msg) + sizeof(genl), data,
	       size / 4 * 4);
	err = wd_wg_take(dev, msg);
	fuzz_expect(err == 0 || err == -EPROTO);
	free(msg);
	return err;
}

/* What was taken is what a kernel can mean. */
static void expect_sense(const struct wd_wg_device *dev)
{
	for (uint32_t i = 0; i < dev->peer_cnt; i++) {
		for (uint32_t k = 0; k < dev->peer[i].prefix_cnt; k++) {
			const struct wd_cidr *prefix = &dev->peer[i].prefix[k];
			char text[WD_ADDR_STRLEN];
			struct wd_cidr back;

			if (prefix->addr.family == 6 &&
			    IN6_IS_ADDR_V4MAPPED(&prefix->addr.v6))
				continue; /* is not read as text */
			fuzz_expect(!wd_cidr_parse(wd_cidr_str(prefix, text),
						   &back));
			fuzz_expect(!wd_wg_prefix_compare(prefix, &back));
		}
	}
	fuzz_expect(memchr(dev->name, '\0', sizeof(dev->name)));
	fuzz_expect(dev->has_key == !wd_wgkey_is_none(&dev->key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_wg_device dev = { 0 };
	size_t first;

	if (!size)
		return 0;
	first = data[0] && (size_t)data[0] * STEP < size - 1 ?
			(size_t)data[0] * STEP :
			size - 1;
	if (!take(&dev, data + 1, first) &&
	    (first == size - 1 ||
	     !take(&dev, data + 1 + first, size - 1 - first))) {
		const struct wd_wg_state state = { .device_cnt = 1,
						   .device = &dev };
		int err = wd_wg_device_sort(&dev);

		fuzz_expect(err == 0 || err == -EINTR);
		expect_sense(&dev);
		fuzz_expect(!wd_wg_diff(&state, &state));
	}
	wd_wg_device_fini(&dev);
	return 0;
}
