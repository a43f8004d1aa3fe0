/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * capture.h - files of captured packets, pcap and pcapng, read by libpcap.
 *
 * Loaded when such a file is to be read and not before: nothing else of warder
 * needs it. What is used is of the interface of libpcap.so.0.8, stable since
 * 1.5; Debian has it as libpcap0.8, which tcpdump brings along.
 */
#ifndef WARDER_CAPTURE_H
#define WARDER_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

struct wd_capture;

struct wd_captured {
	int64_t time_us; /* since 1970; 0 where the file says none of a calendar */
	/*
	 * An Ethernet frame; where none was captured both its addresses are 0. As
	 * long as on the wire: what was cut off reads as 0. Valid until the next.
	 */
	const uint8_t *data;
	size_t len;
	size_t missing; /* bytes of it that were cut off */
};

/**
 * wd_capture_open() - @path, or "-" for standard input
 * @ret_error: on failure why and what to do, to be freed
 * Return: 0; -ELIBACC no libpcap; -EPROTONOSUPPORT captured on a kind of device
 *         that is not read; -EINVAL no such file, or none of captured packets.
 */
int wd_capture_open(const char *path, struct wd_capture **ret_capture,
		    char **ret_error);
void wd_capture_close(struct wd_capture *capture);

/**
 * wd_capture_next() - the next packet
 * @ret_error: on failure why, to be freed
 * Return: 1, 0 the file ends, -EINVAL it is damaged, -EMSGSIZE a packet is
 *         larger than any program captures.
 */
int wd_capture_next(struct wd_capture *capture, struct wd_captured *ret_packet,
		    char **ret_error);

#endif /* WARDER_CAPTURE_H */
