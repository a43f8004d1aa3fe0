/* SPDX-License-Identifier: GPL-2.0-only */
#include "backoff.h"

#include <sys/random.h>

#include "reflector.h"

uint32_t wd_kube_random(uint32_t below)
{
	uint32_t value = 0;

	if (!below)
		return 0;
	/* Without randomness at hand (early boot) it is only less spread. */
	(void)!getrandom(&value, sizeof(value), GRND_NONBLOCK);
	return value % below;
}

uint32_t wd_kube_spread(uint32_t ms)
{
	return ms + wd_kube_random(ms + 1);
}

uint32_t wd_kube_backoff(struct wd_kube_backoff *b,
			 const struct wd_kube_timing *timing, int64_t now_ms)
{
	uint64_t wait;

	if (b->failures && now_ms - b->last_ms > timing->backoff_reset_ms)
		b->failures = 0;
	wait = (uint64_t)timing->backoff_ms
	       << (b->failures < 16 ? b->failures : 16);
	if (wait > timing->backoff_max_ms)
		wait = timing->backoff_max_ms;
	b->failures++;
	b->last_ms = now_ms;
	return wd_kube_spread((uint32_t)wait);
}
