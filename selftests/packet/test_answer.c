// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_answer.c - what the sender of a denied packet is told where its endpoint
 * says so (WD_EP_REJECT): what a reset and an ICMP error look like, what nobody
 * may answer, how often, and that nothing gets out of a pod for an answer that
 * is none. Real sockets: selftests/net/test_reject.py.
 */
#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <string.h>

#include "iif.h"
#include "world.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REDIRECT 7 /* TCX_REDIRECT, TC_ACT_REDIRECT */
#define SHOT 2
#define ETHER 14
#define BIG 4096 /* bytes of a frame */

static uint8_t back[BIG];
static size_t back_len;
static uint32_t back_mark;

/* The packet's frame through its hook, without a mark. Return: the code */
static int send_frame(const void *frame, size_t len, int dir)
{
	back_mark = 0;
	back_len = sizeof(back);
	return world_send_back(frame, len, dir, &back_mark, back, &back_len);
}

static int send_packet(const struct packet *p, struct frame *ret_frame)
{
	frame_make(ret_frame, p);
	return send_frame(ret_frame->data, ret_frame->len, p->dir);
}

static void begin(uint32_t flags)
{
	static const struct wd_answer_val none;

	world_reset();
	world_publish(SLOT_SHUT, flags);
	world_write("wd_answer", &world_stat, &none);
}

static struct wd_answer_val answers(void)
{
	struct wd_answer_val val;

	world_read("wd_answer", &world_stat, &val);
	return val;
}

/* ---- sums ---- */

static uint32_t sum(const uint8_t *at, size_t len, uint32_t seed)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		seed += (uint32_t)at[i] << 8 | at[i + 1];
	if (len & 1)
		seed += (uint32_t)at[len - 1] << 8;
	return seed;
}

static uint32_t folded(uint32_t seed)
{
	seed = (seed & 0xffff) + (seed >> 16);
	return (seed & 0xffff) + (seed >> 16);
}

static size_t ip_len(int family)
{
	return family == 4 ? 20 : 40;
}

/* Are the sums of the answer right, with its pseudo header where it has one? */
static void expect_sums(int family, uint8_t proto)
{
	const uint8_t *ip = back + ETHER;
	size_t hlen = ip_len(family), len = back_len - ETHER - hlen;
	uint32_t seed = 0;

	if (family == 4)
		wd_expect_int(0xffff, folded(sum(ip, 20, 0)));
	if (proto != 1)
		seed = sum(ip + (family == 4 ? 12 : 8), family == 4 ? 8 : 32,
			   (uint32_t)len + proto);
	wd_expect_int(0xffff, folded(sum(ip + hlen, len, seed)));
}

/* Goes back to who sent @sent, in a header that says its length. */
static void expect_way_back(const uint8_t *sent, int family, uint8_t proto)
{
	size_t bytes = family == 4 ? 4 : 16, at = family == 4 ? 12 : 8;
	const uint8_t *ip = back + ETHER;

	wd_expect(!memcmp(back, sent + 6, 6) && !memcmp(back + 6, sent, 6));
	wd_expect(!memcmp(back + 12, sent + 12, 2));
	wd_expect(!memcmp(ip + at, sent + ETHER + at + bytes, bytes) &&
		  !memcmp(ip + at + bytes, sent + ETHER + at, bytes));
	wd_expect_int(proto, ip[family == 4 ? 9 : 6]);
	wd_expect_int((long long)(back_len - ETHER),
		      family == 4 ? ip[2] << 8 | ip[3] :
				    40 + (ip[4] << 8 | ip[5]));
	expect_sums(family, proto);
}

/* ---- TCP ---- */

static uint32_t word(const uint8_t *at)
{
	uint32_t n;

	memcpy(&n, at, sizeof(n));
	return ntohl(n);
}

static const struct {
	const char *name;
	uint8_t flags;
	int payload;
	uint8_t reset; /* flags */
	uint32_t seq, ack;
} segments[] = {
	{ "SYN", TCP_SYN, -1, TCP_RST | TCP_ACK, 0, TCP_ISN + 1 },
	{ "SYN with data", TCP_SYN, 10, TCP_RST | TCP_ACK, 0, TCP_ISN + 11 },
	{ "data", TCP_ACK | TCP_PSH, 33, TCP_RST, 0x12345678, 0 },
	{ "the end", TCP_ACK | TCP_FIN, 400, TCP_RST, 0x12345678, 0 },
};

static void a_segment_gets_the_reset_of_the_rfc(void)
{
	for (size_t i = 0; i < COUNT(segments) * 4; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .flags = segments[i / 4].flags,
				    .payload = segments[i / 4].payload,
				    .ack = segments[i / 4].seq };
		const uint8_t *tcp = back + ETHER + ip_len(p.family);
		struct frame f;

		wd_test_row(segments[i / 4].name);
		begin(WD_EP_REJECT);
		if (!wd_expect_int(REDIRECT, send_packet(&p, &f)))
			continue;
		expect_way_back(f.data, p.family, 6);
		wd_expect_int((long long)(ETHER + ip_len(p.family) + 20),
			      (long long)back_len);
		wd_expect(!memcmp(tcp, f.data + f.l4 + 2, 2) &&
			  !memcmp(tcp + 2, f.data + f.l4, 2));
		wd_expect_int(segments[i / 4].reset, tcp[13]);
		wd_expect_int(segments[i / 4].seq, word(tcp + 4));
		wd_expect_int(segments[i / 4].ack, word(tcp + 8));
		wd_expect_int(1, (long long)answers().sent);
	}
}

/* ---- the rest ---- */

static void expect_quote(const uint8_t *sent, size_t len, int family)
{
	size_t most = family == 4 ? 576 - 28 : 1280 - 48;
	size_t quote = len - ETHER < most ? len - ETHER : most;
	const uint8_t *icmp = back + ETHER + ip_len(family);

	expect_way_back(sent, family, family == 4 ? 1 : 58);
	wd_expect_int(family == 4 ? 3 << 8 | 13 : 1 << 8 | 1,
		      icmp[0] << 8 | icmp[1]);
	wd_expect_int(0, word(icmp + 4));
	if (wd_expect_int((long long)(ETHER + ip_len(family) + 8 + quote),
			  (long long)back_len))
		wd_expect(!memcmp(icmp + 8, sent + ETHER, quote));
}

static void all_else_gets_an_error_that_quotes_it(void)
{
	static const int protos[] = { 17, 132, 1, 47 };

	for (size_t i = 0; i < COUNT(protos) * 4; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .proto = protos[i / 4],
				    .type = i & 1 ? 128 : 8,
				    .payload = (int)i * 7 };
		struct frame f;

		begin(WD_EP_REJECT);
		if (wd_expect_int(REDIRECT, send_packet(&p, &f)))
			expect_quote(f.data, f.len, p.family);
	}
}

/* Lengthen the frame by bytes of all kinds, which its checksum is not right for. */
static size_t lengthen(uint8_t *to, const struct frame *f, int family,
		       size_t len)
{
	size_t ip = len - ETHER - (family == 6 ? 40 : 0);

	memcpy(to, f->data, f->len);
	for (size_t i = f->len; i < len; i++)
		to[i] = (uint8_t)(i * i * 7 + i / 3);
	to[ETHER + (family == 4 ? 2 : 4)] = (uint8_t)(ip >> 8);
	to[ETHER + (family == 4 ? 3 : 5)] = (uint8_t)ip;
	return len;
}

static void as_much_is_quoted_as_may_be(void)
{
	static const size_t sizes[] = { 100,  521,  522,  523,	561,
					562,  563,  1029, 1030, 1031,
					1245, 1246, 1247, 1500, 1514 };
	static uint8_t big[BIG];

	for (size_t i = 0; i < COUNT(sizes) * 4; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .proto = 17,
				    .payload = -1 };
		struct frame f;
		size_t len;

		begin(WD_EP_REJECT);
		frame_make(&f, &p);
		len = lengthen(big, &f, p.family, sizes[i / 4]);
		if (wd_expect_int(REDIRECT, send_frame(big, len, p.dir)))
			expect_quote(big, len, p.family);
	}
}

static void padding_is_not_quoted(void)
{
	struct packet p = { .family = 4, OUT, .proto = 17, .payload = -1 };
	uint8_t padded[60] = { 0 };
	struct frame f;

	begin(WD_EP_REJECT);
	frame_make(&f, &p);
	memset(padded, 0xee, sizeof(padded));
	memcpy(padded, f.data, f.len);
	if (wd_expect_int(REDIRECT, send_frame(padded, sizeof(padded), p.dir)))
		expect_quote(padded, f.len, 4);
}

/* ---- what policies say of it ---- */

/* What the slot in force says of what no rule matches. */
static void slot_says(uint32_t flags)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		uint32_t at = SLOT_SHUT * 2 + (uint32_t)dir;
		struct wd_slot_val slot;

		world_read("wd_slot", &at, &slot);
		slot.flags &= ~(uint32_t)(WD_SLOT_REJECT | WD_SLOT_SILENT);
		slot.flags |= flags;
		world_write("wd_slot", &at, &slot);
	}
}

/* Every rule that denies says @tell. */
static void rules_say(uint8_t tell)
{
	struct wd_class_val class;

	for (uint32_t i = 1; i < WD_CLASSES_MAX && i < 64; i++) {
		world_read("wd_class", &i, &class);
		for (uint32_t n = 0; n < WD_CLASS_RULES; n++)
			if (class.rule[n].action == WD_ACT_DENY)
				class.rule[n].tell = tell;
		world_write("wd_class", &i, &class);
	}
}

static const struct {
	const char *name;
	uint32_t slot; /* what isolation says */
	uint8_t rule; /* what rules do */
	uint32_t ep;
	int by_slot, by_rule; /* the codes */
} says[] = {
	{ "nobody", 0, WD_TELL_AS_EP, 0, SHOT, SHOT },
	{ "the endpoint", 0, WD_TELL_AS_EP, WD_EP_REJECT, REDIRECT, REDIRECT },
	{ "isolation", WD_SLOT_REJECT, WD_TELL_AS_EP, 0, REDIRECT, SHOT },
	{ "isolation wants silence", WD_SLOT_SILENT, WD_TELL_AS_EP,
	  WD_EP_REJECT, SHOT, REDIRECT },
	{ "the rule", 0, WD_TELL_DENIED, 0, SHOT, REDIRECT },
	{ "the rule wants silence", 0, WD_TELL_NOTHING, WD_EP_REJECT, REDIRECT,
	  SHOT },
	{ "both", WD_SLOT_SILENT, WD_TELL_DENIED, 0, SHOT, REDIRECT },
};

static void what_denied_it_has_the_first_word(void)
{
	for (size_t i = 0; i < COUNT(says) * 4; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS };
		struct frame f;

		wd_test_row(says[i / 4].name);
		begin(says[i / 4].ep);
		slot_says(says[i / 4].slot);
		wd_expect_int(says[i / 4].by_slot, send_packet(&p, &f));
		world_publish(SLOT_RULES, says[i / 4].ep);
		rules_say(says[i / 4].rule);
		if (p.dir == WD_EGRESS)
			p.dst = H_FOE;
		else
			p.src = H_FOE;
		p.has_src = p.dir == WD_INGRESS;
		p.has_dst = p.dir == WD_EGRESS;
		wd_expect_int(says[i / 4].by_rule, send_packet(&p, &f));
	}
	slot_says(0);
	rules_say(WD_TELL_AS_EP);
}

/* ---- whom nobody answers ---- */

static const uint8_t options[8] = { 17, 0, 1, 4, 0, 0, 0, 0 };

static const struct {
	const char *name;
	struct packet p;
	uint32_t flags;
	enum slot slot;
	int code;
} silent[] = {
	{ "where nobody asked", { IN }, 0, SLOT_SHUT, SHOT },
	{ "nor from the pod", { OUT }, WD_EP_ENCAP, SLOT_SHUT, SHOT },
	{ "reset",
	  { OUT, .flags = TCP_RST | TCP_ACK },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "reset to the pod",
	  { IN, .flags = TCP_RST },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "ICMP error",
	  { OUT, .proto = 1, .type = 3 },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "first fragment",
	  { OUT, .proto = 17, .more = true },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "later fragment",
	  { OUT, .proto = 17, .frag_off = 64 },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "extension header",
	  { OUT, .extra = options, .extra_len = sizeof(options),
	    .extra_proto = 60 },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "to a group",
	  { OUT, .proto = 17, TO(H_GROUP) },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "to everybody",
	  { OUT, .proto = 17, TO(H_ALL) },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "spoofed", { OUT, FROM(H_FOE) }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "spoofed, to the pod",
	  { IN, FROM(H_NEAR) },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "from loopback", { IN, FROM(H_LOOP) }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "from nobody", { IN, FROM(H_ZERO) }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "from a group", { IN, FROM(H_GROUP) }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "not for the pod", { IN, TO(H_FOE) }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "no policy yet", { IN }, WD_EP_REJECT, SLOT_UNREADY, SHOT },
	{ "no flags", { IN, .flags = TCP_URG }, WD_EP_REJECT, SLOT_SHUT, SHOT },
	{ "answer that nobody asked for",
	  { IN, .proto = 1, .type = 0 },
	  WD_EP_REJECT,
	  SLOT_SHUT,
	  SHOT },
	{ "audited", { IN }, WD_EP_REJECT | WD_EP_AUDIT, SLOT_SHUT, -1 },
	{ "mode off", { OUT }, WD_EP_REJECT | WD_EP_OFF, SLOT_SHUT, -1 },
	{ "allowed", { OUT }, WD_EP_REJECT, SLOT_ALL, -1 },
};

static void what_nobody_may_answer_is_dropped_in_silence(void)
{
	for (size_t i = 0; i < COUNT(silent) * 2; i++) {
		struct packet p = silent[i / 2].p;
		struct frame f;

		p.family = i & 1 ? 6 : 4;
		if (p.proto == 1 && p.family == 6)
			p.type = p.type ? 1 : 129;
		wd_test_row(silent[i / 2].name);
		begin(silent[i / 2].flags);
		world_publish(silent[i / 2].slot, silent[i / 2].flags);
		wd_expect_int(silent[i / 2].code, send_packet(&p, &f));
		wd_expect_int(0, (long long)answers().sent);
		wd_expect_int(0, (long long)answers().failed);
	}
}

/* An address of one on a frame for many: each of them would be answered. */
static void a_frame_for_many_is_dropped_in_silence(void)
{
	for (int i = 0; i < 8; i++) {
		struct packet p = { .family = i & 1 ? 6 : 4,
				    .dir = i & 2 ? WD_EGRESS : WD_INGRESS,
				    .proto = i & 4 ? 17 : 6 };
		struct frame f;

		begin(WD_EP_REJECT);
		frame_make(&f, &p);
		f.data[0] |= 1;
		wd_expect_int(SHOT, send_frame(f.data, f.len, p.dir));
		f.data[0] &= 0xfe;
		wd_expect_int(REDIRECT, send_frame(f.data, f.len, p.dir));
	}
}

/* Denied by a rule, on a frame for one: nothing else tells that it is for many. */
static void who_sends_to_a_denied_group_is_told_nothing(void)
{
	tables_map_addr(H_GROUP, ROW_FOE);
	for (int i = 0; i < 2; i++) {
		struct packet p = { .family = i ? 6 : 4,
				    .dir = WD_EGRESS,
				    .proto = 17,
				    .dst = H_GROUP,
				    .has_dst = true };
		struct frame f;

		begin(WD_EP_REJECT);
		world_publish(SLOT_OPEN_DENY, WD_EP_REJECT);
		frame_make(&f, &p);
		f.data[0] &= 0xfe;
		wd_expect_int(SHOT, send_frame(f.data, f.len, p.dir));
		wd_expect_int(0, (long long)answers().failed);
		p.dst = H_FOE;
		wd_expect_int(REDIRECT, send_packet(&p, &f));
	}
	tables_map_addr(H_GROUP, -1);
}

/* It is judged as the flow is, anew: an answer to an error could go on for ever. */
static void an_error_about_a_flow_denied_since_is_dropped_in_silence(void)
{
	for (int i = 0; i < 4; i++) {
		int dir = i & 2 ? WD_EGRESS : WD_INGRESS;
		struct packet flow = { .family = i & 1 ? 6 : 4,
				       .dir = !dir,
				       .proto = 17 };
		struct packet error = { .family = flow.family,
					.dir = dir,
					.proto = 1,
					.type = i & 1 ? 1 : 3 };
		struct frame f;

		begin(WD_EP_REJECT);
		world_publish(SLOT_ALL, WD_EP_REJECT);
		wd_expect_int(-1, send_packet(&flow, &f));
		frame_quote(&f, &error, &flow, 0);
		wd_expect_int(-1, send_frame(f.data, f.len, dir));
		world_publish(SLOT_SHUT, WD_EP_REJECT);
		wd_expect_int(SHOT, send_frame(f.data, f.len, dir));
		wd_expect_int(0, (long long)answers().sent);
		wd_expect_int(0, (long long)answers().failed);
	}
}

static void each_endpoint_has_so_many_in_a_tick(void)
{
	struct packet p = { .family = 4, OUT };
	struct wd_answer_val val;
	struct frame f;

	begin(WD_EP_REJECT);
	world_begin_tick();
	for (int i = 0; i < WD_ANSWER_RATE + 5; i++)
		(void)send_packet(&p, &f);
	val = answers();
	/* a tick may have passed meanwhile, and begun another share */
	wd_expect((val.sent == WD_ANSWER_RATE && val.held == 5) ||
		  val.tick != world_ticks() || val.cnt_out < WD_ANSWER_RATE);
	wd_expect_int(WD_ANSWER_RATE + 5, (long long)(val.sent + val.held));
	val.cnt_out = WD_ANSWER_RATE;
	val.tick = world_ticks() + 1; /* whatever passes, it is another one */
	world_write("wd_answer", &world_stat, &val);
	wd_expect_int(REDIRECT, send_packet(&p, &f));
	wd_expect_int(1, answers().cnt_out);
}

/* Or who sends to a pod could see how much it sends, and the pod tell by it. */
static void neither_direction_uses_up_the_others_share(void)
{
	for (int dir = 0; dir < WD_DIR__MAX; dir++) {
		bool is_out = dir == WD_EGRESS;
		struct packet used = { .family = 4, OUT };
		struct packet other = { .family = 4, IN };
		struct wd_answer_val val;
		struct frame f;

		begin(WD_EP_REJECT);
		wd_expect_int(REDIRECT, send_packet(&used, &f));
		val = answers();
		/* of this tick and of the next, whichever it is by then */
		for (uint32_t tick = 0; tick < 2; tick++) {
			val.tick = world_ticks() + tick;
			val.cnt_out = is_out ? WD_ANSWER_RATE : 0;
			val.cnt_in = is_out ? 0 : WD_ANSWER_RATE;
			val.held = 0;
			world_write("wd_answer", &world_stat, &val);
			(void)send_packet(is_out ? &used : &other, &f);
			if (answers().held == 1)
				break;
		}
		wd_expect_int(1, (long long)answers().held);
		wd_expect_int(REDIRECT,
			      send_packet(is_out ? &other : &used, &f));
		wd_expect_int(1, (long long)answers().held);
	}
}

/* By kind and direction: resets and errors to what came, and to what was sent. */
#define KINDS 4

static void read_answered(uint64_t ret[KINDS])
{
	static struct wd_stat_val val[256]; /* of each CPU */

	for (uint32_t i = 0; i < KINDS; i++) {
		uint32_t at = WD_STAT_ANSWERED + i;

		ret[i] = 0;
		world_read("wd_stat", &at, val);
		for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
			ret[i] += val[cpu].packets;
	}
}

static void answers_are_counted_by_kind_and_direction(void)
{
	for (uint32_t i = 0; i < KINDS; i++) {
		struct packet in = { .family = 4, IN };
		struct packet out = { .family = 4, OUT };
		struct packet *p = i & 1 ? &out : &in;
		uint64_t before[KINDS], after[KINDS];
		struct frame f;

		p->proto = i & 2 ? 17 : 6;
		begin(WD_EP_REJECT);
		read_answered(before);
		wd_expect_int(REDIRECT, send_packet(p, &f));
		read_answered(after);
		for (uint32_t k = 0; k < KINDS; k++)
			wd_expect_int((long long)before[k] + (k == i),
				      (long long)after[k]);
	}
}

/* ---- out by the pod's hook ---- */

/* The answer that goes that way, in @answer; to a packet of @proto. */
static size_t answer_to(uint8_t *answer, int family, int proto)
{
	struct packet p = { .family = family, IN, .proto = proto };
	struct frame f;

	begin(WD_EP_REJECT);
	wd_expect_int(REDIRECT, send_packet(&p, &f));
	wd_expect(back_mark != 0);
	memcpy(answer, back, back_len);
	return back_len;
}

static int send_marked(const uint8_t *frame, size_t len, uint32_t mark)
{
	back_mark = mark;
	back_len = sizeof(back);
	return world_send_back(frame, len, WD_EGRESS, &back_mark, back,
			       &back_len);
}

static void an_answer_gets_out_of_the_pods_hook_once(void)
{
	static uint8_t answer[BIG];

	for (int i = 0; i < 4; i++) {
		size_t len = answer_to(answer, i & 1 ? 6 : 4, i & 2 ? 17 : 6);
		uint32_t mark = back_mark;

		/* by another mark or none it is what the pod says: nothing */
		wd_expect_int(SHOT, send_marked(answer, len, 0));
		wd_expect_int(SHOT, send_marked(answer, len, mark ^ 2));
		wd_expect_int(-1, send_marked(answer, len, mark));
		wd_expect_int(0, back_mark);
		wd_expect_int(SHOT, send_marked(answer, len, mark));
		wd_expect_int(0, answers().flight);
	}
}

static void the_mark_is_good_for_nothing_else(void)
{
	static const struct {
		const char *name;
		struct packet p;
	} others[] = {
		{ "SYN", { OUT } },
		{ "data", { OUT, .flags = TCP_ACK } },
		{ "datagram", { OUT, .proto = 17 } },
		{ "echo", { OUT, .proto = 1, .type = 8 } },
		{ "another error", { OUT, .proto = 1, .type = 11 } },
		{ "reset of another", { OUT, FROM(H_FOE), .flags = TCP_RST } },
	};
	static uint8_t answer[BIG];

	for (size_t i = 0; i < COUNT(others); i++) {
		size_t len = answer_to(answer, 4, 6);
		struct packet p = others[i].p;
		uint32_t mark = back_mark;
		struct frame f;

		p.family = 4;
		frame_make(&f, &p);
		wd_test_row(others[i].name);
		(void)send_marked(f.data, f.len, mark);
		wd_expect_int(1, answers().flight);
		wd_expect_int(-1, send_marked(answer, len, mark));
	}
}

static void another_instance_does_not_inherit_it(void)
{
	static uint8_t answer[BIG];
	size_t len = answer_to(answer, 4, 6);
	struct wd_endpoint_val ep = world_endpoint();
	uint32_t mark = back_mark;

	ep.id++;
	world_endpoint_set(&ep);
	wd_expect_int(SHOT, send_marked(answer, len, mark));
}

/* Where this kernel takes no device for a test run, the mark stands for it. */
static bool mark_is_taken(void)
{
	struct __sk_buff ctx = { 0 };

	wd_iif_set(&ctx, 5);
	return ctx.mark == 5;
}

int main(void)
{
	if (world_open(NULL))
		return 1;
	WORLD_TEST(a_segment_gets_the_reset_of_the_rfc);
	WORLD_TEST(all_else_gets_an_error_that_quotes_it);
	WORLD_TEST(as_much_is_quoted_as_may_be);
	WORLD_TEST(padding_is_not_quoted);
	WORLD_TEST(what_denied_it_has_the_first_word);
	WORLD_TEST(who_sends_to_a_denied_group_is_told_nothing);
	WD_TEST(an_error_about_a_flow_denied_since_is_dropped_in_silence);
	WD_TEST(what_nobody_may_answer_is_dropped_in_silence);
	WORLD_TEST(a_frame_for_many_is_dropped_in_silence);
	WORLD_TEST(each_endpoint_has_so_many_in_a_tick);
	WORLD_TEST(neither_direction_uses_up_the_others_share);
	WORLD_TEST(answers_are_counted_by_kind_and_direction);
	if (!mark_is_taken()) {
		WORLD_TEST(an_answer_gets_out_of_the_pods_hook_once);
		WORLD_TEST(the_mark_is_good_for_nothing_else);
		WORLD_TEST(another_instance_does_not_inherit_it);
	}
	world_close();
	return wd_tests_end();
}
