/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer.c - refuses as the kernel would: errno, the verifier's log, or a
 * verdict that is not what the program said.
 */
#include "answer.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "call.h"
#include "target.h"

#define PACKET_BYTES 65536 /* of a test packet, in and out */
#define PAD_LINE "; nothing to see here\n"

/* ---- the log ---- */

/* pad bytes of whole lines, then the text; to be freed. */
static char *make_log(const struct wd_rule *rule, size_t *ret_bytes)
{
	const char *text = rule->log ? rule->log : "";
	size_t each = strlen(PAD_LINE);
	size_t pad = (rule->pad + each - 1) / each * each;
	char *log = malloc(pad + strlen(text) + 1);

	if (!log)
		return NULL;
	for (size_t at = 0; at < pad; at += each)
		memcpy(log + at, PAD_LINE, each);
	memcpy(log + pad, text, strlen(text) + 1);
	*ret_bytes = pad + strlen(text) + 1;
	return log;
}

/*
 * write_log() - as kernels before 6.4: what does not fit is cut and ENOSPC told
 * Return: the errno to tell.
 */
static int write_log(const struct wd_call *call, const struct wd_rule *rule)
{
	bool is_btf = call->cmd == BPF_BTF_LOAD;
	uint32_t level = is_btf ? call->attr.btf_log_level :
				  call->attr.log_level;
	uint32_t room = is_btf ? call->attr.btf_log_size : call->attr.log_size;
	uint64_t at = is_btf ? call->attr.btf_log_buf : call->attr.log_buf;
	size_t bytes = 0;
	char *log;
	int err = rule->err;

	if (!level || !room || !at)
		return err;
	log = make_log(rule, &bytes);
	if (!log)
		return ENOMEM;
	if (bytes > room) {
		bytes = room;
		log[room - 1] = '\0';
		err = ENOSPC;
	}
	if (wd_target_write(call->pid, at, log, bytes))
		err = EFAULT;
	free(log);
	return err;
}

/* ---- another verdict ---- */

/* A test run here, of the caller's program and packet. Return: 0 or -errno. */
static int run_here(const struct wd_call *call, int prog, char *in,
		    const char *out, union bpf_attr *ret_attr)
{
	union bpf_attr *attr = ret_attr;
	int err;

	memset(attr, 0, sizeof(*attr));
	attr->test.prog_fd = (uint32_t)prog;
	attr->test.data_size_in = call->attr.test.data_size_in;
	attr->test.data_in = (uintptr_t)in;
	attr->test.data_out = (uintptr_t)out;
	attr->test.data_size_out = PACKET_BYTES;
	attr->test.repeat = call->attr.test.repeat;
	if (attr->test.data_size_in > PACKET_BYTES)
		return -EINVAL;
	err = wd_target_read(call->pid, call->attr.test.data_in, in,
			     attr->test.data_size_in);
	if (err)
		return err;
	return syscall(SYS_bpf, BPF_PROG_TEST_RUN, attr, sizeof(*attr)) ?
		       -errno :
		       0;
}

static int write_run(const struct wd_call *call, const union bpf_attr *ran,
		     const char *out, uint32_t retval)
{
	union bpf_attr attr = call->attr;
	uint32_t room = attr.test.data_size_out;
	uint32_t bytes = call->attr_bytes < sizeof(attr) ? call->attr_bytes :
							   sizeof(attr);
	int err = 0;

	attr.test.retval = retval;
	attr.test.duration = ran->test.duration;
	attr.test.data_size_out = ran->test.data_size_out;
	if (room > ran->test.data_size_out)
		room = ran->test.data_size_out;
	if (attr.test.data_out && room)
		err = wd_target_write(call->pid, attr.test.data_out, out, room);
	return err ? err :
		     wd_target_write(call->pid, call->attr_at, &attr, bytes);
}

/*
 * falsify() - the program runs, so that all it counts is as it would be
 * Return: the errno to tell, 0 none.
 */
static int falsify(const struct wd_call *call, uint32_t retval)
{
	static char in[PACKET_BYTES], out[PACKET_BYTES];
	int prog = wd_target_fd(call->pid, (int)call->attr.test.prog_fd);
	union bpf_attr ran;
	int err;

	if (prog < 0)
		return -prog;
	err = run_here(call, prog, in, out, &ran);
	close(prog);
	if (!err)
		err = write_run(call, &ran, out, retval);
	return -err;
}

/* ---- the answer ---- */

static void wait_ms(unsigned long ms)
{
	struct timespec ts = { (time_t)(ms / 1000),
			       (long)(ms % 1000) * 1000000 };

	int err;

	do {
		err = nanosleep(&ts, &ts);
	} while (err && errno == EINTR);
}

int wd_answer(const struct wd_call *call, const struct wd_rule *rule,
	      struct seccomp_notif_resp *ret_resp)
{
	int err;

	if (rule && rule->sleep_ms)
		wait_ms(rule->sleep_ms);
	if (!rule || (!rule->err && !rule->has_retval)) {
		ret_resp->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		return 0;
	}
	if (rule->has_retval)
		err = falsify(call, rule->retval);
	else if (call->face.family == WD_FAMILY_BPF &&
		 (call->cmd == BPF_PROG_LOAD || call->cmd == BPF_BTF_LOAD))
		err = write_log(call, rule);
	else
		err = rule->err;
	ret_resp->error = -err;
	return err;
}
