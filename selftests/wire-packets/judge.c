/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge.c - the rules one after the other, with searches through plain lists.
 */
#include "judge.h"

#include <assert.h>
#include <string.h>

#include "dissect.h"

#define MEMORY 8192

/* Who an address is. */
struct who {
	bool is_pod, is_node; /* neither: outside */
	bool is_known, is_here;
	bool must, is_free;
	uint32_t ns, node;
};

/* A first fragment, and what became of it. */
struct first {
	uint8_t src[16], dst[16];
	int family, said, dir;
	uint32_t id;
	size_t share;
	struct sentence sentence;
};

static struct first memory[MEMORY];
static int memory_cnt;

/* All that is known of the packet at hand. */
struct work {
	const struct scene *scene;
	const struct sight *sight;
	struct ip ip;
	struct who src, dst;
	bool has_first;
	struct first first; /* that the packet is, or has inside */
	uint32_t peer; /* WireGuard's, at a WireGuard device */
	int fallback; /* reason if what is inside cannot be read; 0: none */
	bool is_hearsay; /* somebody outside had a hand in what is around */
	bool is_quote; /* this may be inside what has been judged without it */
	struct sentence said;
};

/* ---- tables ---- */

static size_t bytes_of(int family)
{
	return family == 4 ? 4 : 16;
}

static bool is_address(enum host host, int family, const uint8_t *addr)
{
	uint8_t its[16];

	host_addr(host, family, its);
	return !memcmp(its, addr, bytes_of(family));
}

/* Is @addr in the prefix? Return: its bits, or -1 */
static int fits(const struct prefix *prefix, int family, const uint8_t *addr)
{
	uint8_t base[16];
	uint32_t bits = prefix_addr(prefix, family, base);

	for (uint32_t i = 0; i < bits; i++)
		if ((base[i / 8] ^ addr[i / 8]) >> (7 - i % 8) & 1)
			return -1;
	return (int)bits;
}

static const struct prefix *longest(const struct prefix *all, int family,
				    const uint8_t *addr)
{
	const struct prefix *best = NULL;
	int most = -1;

	for (; all->text[0]; all++) {
		int bits = fits(all, family, addr);

		if (bits > most) {
			most = bits;
			best = all;
		}
	}
	return best;
}

static struct who find_who(const struct scene *scene, int family,
			   const uint8_t *addr)
{
	struct who who = { 0 };
	const struct prefix *net;

	for (enum host h = 0; h < HOST__MAX; h++) {
		const struct wd_addr_val *val = &scene->entry[h];

		if (!scene->has[h] || !is_address(h, family, addr))
			continue;
		who.node = val->node;
		who.is_here = val->flags & (WD_ADDR_LOCAL | WD_ADDR_HOST);
		if (val->flags & WD_ADDR_POD) {
			who.is_pod = who.is_known = true;
			who.ns = val->ns;
			who.must = val->flags & WD_ADDR_ENCRYPT;
			return who;
		}
		if (val->flags & (WD_ADDR_NODE | WD_ADDR_HOST)) {
			who.is_node = who.is_known = true;
			who.is_free = val->flags & WD_ADDR_EXEMPT;
			return who;
		}
	}
	memset(&who, 0, sizeof(who));
	net = longest(nets, family, addr);
	if (!net)
		return who;
	who.is_pod = true;
	who.must = net->flags & WD_NET_ENCRYPT;
	who.ns = WD_NS_UNKNOWN;
	who.node = net->node;
	return who;
}

/* The node whose key WireGuard's device has for an address, 0: none */
static uint32_t find_peer(const struct scene *scene, int family,
			  const uint8_t *addr)
{
	const struct prefix *tun;

	for (int i = scene->tun_cnt - 1; i >= 0; i--)
		if (is_address(scene->tun_host[i], family, addr))
			return scene->tun[i].ifindex == scene->ifindex ?
				       scene->tun[i].node :
				       0;
	tun = scene->has_tuns ? longest(tuns, family, addr) : NULL;
	return tun ? tun->node : 0;
}

/* ---- what both ends are to each other ---- */

static bool are_nodes(const struct work *w)
{
	return w->src.is_node && w->dst.is_node;
}

static bool is_outside(const struct who *who)
{
	return !who->is_pod && !who->is_node;
}

/* Where nobody knows what is inside, nobody is outside to one that must. */
static bool is_suspected(const struct work *w)
{
	uint32_t blind = w->ip.family == 4 ? WD_STATE_NO_NET4 :
					     WD_STATE_NO_NET6;

	return (w->scene->flags & blind) && (w->src.must || w->dst.must);
}

static bool has_outsider(const struct work *w)
{
	return (is_outside(&w->src) || is_outside(&w->dst)) && !is_suspected(w);
}

static bool must_be_encrypted(const struct work *w)
{
	if (has_outsider(w))
		return false;
	if (are_nodes(w))
		return w->scene->flags & WD_STATE_ENCRYPT_NODES;
	return w->src.must || w->dst.must;
}

static bool has_free_node(const struct work *w)
{
	return w->src.is_free || w->dst.is_free;
}

static const struct who *other_side(const struct work *w)
{
	return w->sight->dir == WD_EGRESS ? &w->dst : &w->src;
}

/* ---- sentences ---- */

static void say(struct work *w, int reason)
{
	w->said.reason = reason;
	w->said.is_counted = false;
}

static void say_counted(struct work *w, int reason, int kind, int family)
{
	w->said.reason = reason;
	w->said.is_counted = true;
	w->said.cover = (struct wd_cover_key){
		.ns = { w->src.ns, w->dst.ns },
		.node = other_side(w)->node,
		.kind = (uint8_t)kind,
		.dir = (uint8_t)w->sight->dir,
		.family = (uint8_t)family,
	};
	if (!w->is_hearsay)
		return;
	w->said.cover.ns[0] = w->said.cover.ns[1] = WD_NS_NONE;
	w->said.cover.node = 0;
}

/* It cannot be read, for @reason: what is around may say what it is. */
static void say_unread(struct work *w, int reason)
{
	if (w->fallback)
		w->said.reason = w->fallback;
	else
		say(w, reason);
}

static bool has_tcp_port(const struct ip *ip, int port)
{
	return ip->proto == 6 && !ip->is_later && !ip->trouble &&
	       (ip->sport == port || ip->dport == port);
}

static void say_clear(struct work *w)
{
	int kind = WD_COVER_CLEAR;

	if (has_tcp_port(&w->ip, 4143))
		kind = WD_COVER_LINKERD;
	if (has_tcp_port(&w->ip, 15008))
		kind = WD_COVER_HBONE;
	if (are_nodes(w))
		kind = WD_COVER_NODES;
	if (!must_be_encrypted(w))
		say_counted(w, WD_R_IN_CLEAR, kind, w->ip.family);
	else if (has_free_node(w))
		say_counted(w, WD_R_EXEMPT, WD_COVER_EXEMPT, w->ip.family);
	else
		say_counted(w,
			    w->sight->dir == WD_EGRESS ? WD_R_PLAINTEXT_OUT :
							 WD_R_PLAINTEXT_IN,
			    WD_COVER_DROPPED, w->ip.family);
}

/* ---- fragments ---- */

static bool is_same(const struct first *f, const struct ip *ip, int dir)
{
	return f->family == ip->family && f->said == ip->said &&
	       f->dir == dir && f->id == ip->id &&
	       !memcmp(f->src, ip->src, 16) && !memcmp(f->dst, ip->dst, 16);
}

static struct first *recall(const struct ip *ip, int dir)
{
	for (int i = 0; i < memory_cnt; i++)
		if (is_same(&memory[i], ip, dir))
			return &memory[i];
	return NULL;
}

static void keep_first(struct work *w)
{
	if (w->has_first)
		return;
	w->has_first = true;
	w->first.family = w->ip.family;
	w->first.said = w->ip.said;
	w->first.dir = w->sight->dir;
	w->first.id = w->ip.id;
	w->first.share = w->ip.share;
	memcpy(w->first.src, w->ip.src, 16);
	memcpy(w->first.dst, w->ip.dst, 16);
}

static void remember(const struct work *w)
{
	struct ip ip = { .family = w->first.family,
			 .said = w->first.said,
			 .id = w->first.id };
	struct first *at;

	memcpy(ip.src, w->first.src, 16);
	memcpy(ip.dst, w->first.dst, 16);
	at = recall(&ip, w->first.dir);
	if (!at) {
		assert(memory_cnt < MEMORY);
		at = &memory[memory_cnt++];
	}
	*at = w->first;
	at->sentence = w->said;
}

void judge_reset(void)
{
	memory_cnt = 0;
}

/* ---- what is inside ---- */

enum content {
	IS_PLAIN,
	IS_ESP,
	IS_WIREGUARD,
	IS_OPAQUE,
	IS_UNREAD,
	IS_PACKET
};

static enum content within(struct span s, size_t bytes, enum form form,
			   struct step *ret_next)
{
	if (bytes > s.n)
		bytes = s.n; /* and then there is nothing to read */
	*ret_next = (struct step){ form,
				   { s.p + bytes, s.n - bytes, s.is_cut },
				   0 };
	return IS_PACKET;
}

static enum content within_type(struct span s, size_t bytes, unsigned int type,
				struct step *ret_next)
{
	if (type == 0x6558)
		return within(s, bytes, FORM_FRAME, ret_next);
	if (type == 0x0800)
		return within(s, bytes, FORM_IP4, ret_next);
	if (type == 0x86dd)
		return within(s, bytes, FORM_IP6, ret_next);
	return IS_OPAQUE;
}

static enum content read_gre(struct span s, struct step *ret_next)
{
	size_t bytes = 4;

	if (s.n < 4)
		return IS_UNREAD;
	if (s.p[1] & 7 || s.p[0] & 0x40)
		return IS_OPAQUE;
	if (s.p[0] & 0x80)
		bytes += 4;
	if (s.p[0] & 0x20)
		bytes += 4;
	if (s.p[0] & 0x10)
		bytes += 4;
	return within_type(s, bytes, (unsigned int)s.p[2] << 8 | s.p[3],
			   ret_next);
}

static enum content read_vxlan(struct span s, struct step *ret_next)
{
	static const unsigned int types[] = { 0, 0x0800, 0x86dd, 0x6558 };

	if (s.n < 8)
		return IS_UNREAD;
	if (!(s.p[0] & 4))
		return within_type(s, 8, 0x6558, ret_next);
	return s.p[3] < 4 ? within_type(s, 8, types[s.p[3]], ret_next) :
			    IS_OPAQUE;
}

static enum content read_geneve(struct span s, struct step *ret_next)
{
	if (s.n < 8)
		return IS_UNREAD;
	if (s.p[0] & 0xc0)
		return IS_OPAQUE;
	return within_type(s, 8 + (s.p[0] & 63) * 4UL,
			   (unsigned int)s.p[2] << 8 | s.p[3], ret_next);
}

static int kind_of_port(const struct scene *scene, int port)
{
	for (int i = 0; port && i < WD_TUNNEL_PORTS; i++) {
		const uint8_t *p = (const uint8_t *)&scene->tunnel[i].port;

		if ((p[0] << 8 | p[1]) == port)
			return scene->tunnel[i].kind;
	}
	return 0;
}

static bool is_listed(const int *list, size_t cnt, int nr)
{
	for (size_t i = 0; i < cnt; i++)
		if (list[i] == nr)
			return true;
	return false;
}

static enum content read_udp(const struct work *w, struct step *ret_next)
{
	static const int opaque[] = { 1701, 2152, 4755, 6080, 6635, 6636, 8285 };
	const struct ip *ip = &w->ip;
	int own = kind_of_port(w->scene, ip->dport);
	struct span s = { ip->rest.p + 8, ip->rest.n - 8, ip->rest.is_cut };

	if (own == WD_TUNNEL_VXLAN)
		return read_vxlan(s, ret_next);
	if (own == WD_TUNNEL_GENEVE)
		return read_geneve(s, ret_next);
	if (ip->dport == 4789 || ip->dport == 4790 || ip->dport == 8472)
		return read_vxlan(s, ret_next);
	if (ip->dport == 6081)
		return read_geneve(s, ret_next);
	if (ip->dport == 4754)
		return read_gre(s, ret_next);
	own = kind_of_port(w->scene,
			   w->sight->dir == WD_EGRESS ? ip->sport : ip->dport);
	if (own == WD_TUNNEL_WIREGUARD && s.n >= 32 && s.p[0] > 0 &&
	    s.p[0] < 5 && !s.p[1] && !s.p[2] && !s.p[3])
		return IS_WIREGUARD;
	if (ip->dport == 4500)
		return ip->sport == 4500 && s.n >= 8 &&
				       memcmp(s.p, "\0\0\0", 4) ?
			       IS_ESP :
			       IS_PLAIN;
	return is_listed(opaque, sizeof(opaque) / sizeof(*opaque), ip->dport) ?
		       IS_OPAQUE :
		       IS_PLAIN;
}

static enum content read_content(const struct work *w, struct step *ret_next)
{
	static const int opaque[] = { 51, 55, 94, 97, 98, 108, 115, 137, 143 };
	const struct ip *ip = &w->ip;

	if (ip->trouble)
		return IS_UNREAD;
	switch (ip->proto) {
	case 4:
		return within(ip->rest, 0, FORM_IP4, ret_next);
	case 41:
		return within(ip->rest, 0, FORM_IP6, ret_next);
	case 47:
		return read_gre(ip->rest, ret_next);
	case 50:
		return IS_ESP;
	case 17:
		return read_udp(w, ret_next);
	default:
		return is_listed(opaque, sizeof(opaque) / sizeof(*opaque),
				 ip->proto) ?
			       IS_OPAQUE :
			       IS_PLAIN;
	}
}

/* Is what a later fragment holds not to be told by its protocol? */
static bool needs_first(const struct ip *ip)
{
	static const int protos[] = { 17, 4,  41, 47,  0,   43,
				      44, 51, 60, 135, 139, 140 };

	return is_listed(protos, sizeof(protos) / sizeof(*protos), ip->said);
}

/* ---- on a wire ---- */

/* As its first, if that is known. */
static void say_later(struct work *w)
{
	const struct first *first = recall(&w->ip, w->sight->dir);

	if (!first)
		say(w, are_nodes(w) ? WD_R_FRAG_ORPHAN : WD_R_OUTSIDE);
	else if (first->sentence.reason >= WD_R_FIRST_DROP)
		say(w, WD_R_FRAG_ORPHAN);
	else if (w->ip.at < first->share)
		say(w, WD_R_FRAG_OVERLAP);
	else
		w->said = first->sentence;
}

static bool is_discovery(const struct ip *ip)
{
	return ip->family == 6 && ip->proto == 58 && ip->hops == 255 &&
	       !ip->is_first && !ip->is_later && ip->rest.n >= 8 &&
	       ip->rest.p[0] >= 133 && ip->rest.p[0] <= 137;
}

static void say_nodes(struct work *w, enum content content)
{
	int trouble = w->ip.trouble ? w->ip.trouble : WD_R_L4_BAD;

	if (content == IS_ESP)
		say_counted(w, WD_R_ENCRYPTED, WD_COVER_ESP, 0);
	else if (content == IS_WIREGUARD)
		say(w, WD_R_ENCRYPTED);
	else if (content == IS_OPAQUE)
		say_counted(w, WD_R_TUN_OPAQUE, WD_COVER_DROPPED, 0);
	else if (content == IS_UNREAD)
		say(w, trouble);
	else if (w->ip.is_routed)
		say(w, WD_R_EXTHDR);
	else if (is_discovery(&w->ip) && must_be_encrypted(w))
		say(w, WD_R_OUTSIDE);
	else
		say_clear(w);
}

/* RFC 792 and RFC 4443: does it hold a packet that something was wrong with? */
static bool is_complaint(const struct ip *ip)
{
	static const int types[] = { 3, 4, 5, 11, 12 };

	if (ip->trouble || ip->is_later || ip->rest.n < 8 ||
	    ip->proto != (ip->family == 4 ? 1 : 58))
		return false;
	return ip->family == 4 ? is_listed(types, 5, ip->rest.p[0]) :
				 ip->rest.p[0] < 128;
}

/* Return: true: look at @ret_next */
static bool judge_complaint(struct work *w, struct step *ret_next)
{
	struct span s = w->ip.rest;

	if (are_nodes(w))
		say_nodes(w, IS_PLAIN);
	else
		say(w, WD_R_OUTSIDE);
	if (w->said.reason >= WD_R_FIRST_DROP)
		return false;
	s.is_cut = w->is_quote = true;
	w->fallback = w->said.reason;
	(void)within(s, 8, w->ip.family == 4 ? FORM_IP4 : FORM_IP6, ret_next);
	return true;
}

/* With or without a group, another protocol, a checksum for others. */
static bool is_like_vxlan(const uint8_t *p)
{
	bool has_vni = p[0] & 0x08, is_ip = p[0] & 0x70;
	bool has_rco = p[1] & 0x20;

	return has_vni && !is_ip && (has_rco || p[7] == 0);
}

/* Does UDP begin as a tunnel does? Return: true: look at @ret_next */
static bool is_like_tunnel(const struct work *w, struct step *ret_next)
{
	static const unsigned int types[] = { 0x6558, 0x0800, 0x86dd };
	const struct ip *ip = &w->ip;
	struct span s = { ip->rest.p + 8, ip->rest.n - 8, ip->rest.is_cut };

	if (ip->proto != 17 || ip->is_later || ip->trouble || ip->rest.n < 16)
		return false;
	if (w->scene->is_min && !memcmp(s.p, "\x08\0\0", 4) && !s.p[7])
		return within_type(s, 8, 0x6558, ret_next) == IS_PACKET;
	for (size_t i = 0;
	     i < 3 && !(s.p[0] & 0xc0) && !(s.p[1] & 0x3f) && !s.p[7]; i++)
		if (types[i] == ((unsigned int)s.p[2] << 8 | s.p[3]))
			return read_geneve(s, ret_next) == IS_PACKET;
	if (!w->scene->is_min && is_like_vxlan(s.p))
		return read_vxlan(s, ret_next) == IS_PACKET;
	if (w->scene->is_min || (s.p[0] >> 4 != 4 && s.p[0] >> 4 != 6))
		return false;
	return within(s, 0, s.p[0] >> 4 == 4 ? FORM_IP4 : FORM_IP6, ret_next) ==
	       IS_PACKET;
}

/* Of what is opaque, what somebody outside says; between nodes that is the end. */
static bool may_be_more(const struct work *w, enum content content)
{
	return content == IS_PLAIN ||
	       (content == IS_OPAQUE && has_outsider(w) && !w->scene->is_min);
}

/* Has been judged, but for this. Return: true: look at @ret_next */
static bool judge_quote(struct work *w, struct step *ret_next)
{
	struct span s = w->ip.rest;
	enum content content;

	if (!has_outsider(w) && !are_nodes(w)) {
		if (must_be_encrypted(w) && !has_free_node(w)) {
			say_clear(w);
			/* which proves nothing of anybody */
			memset(w->said.cover.ns, 0, sizeof(w->said.cover.ns));
			w->said.cover.node = 0;
		}
		return false;
	}
	if (is_complaint(&w->ip)) {
		s.is_cut = true;
		(void)within(s, 8, w->ip.family == 4 ? FORM_IP4 : FORM_IP6,
			     ret_next);
		return true;
	}
	if (needs_first(&w->ip) && w->ip.is_later)
		return false;
	content = read_content(w, ret_next);
	if (content != IS_PACKET &&
	    !(may_be_more(w, content) && is_like_tunnel(w, ret_next)))
		return false;
	if (w->scene->is_min)
		say_counted(w, WD_R_TUN_OPAQUE, WD_COVER_DROPPED, 0);
	return !w->scene->is_min;
}

/* Return: true: look at @ret_next */
static bool judge_in_clear(struct work *w, struct step *ret_next)
{
	enum content content;

	if (w->is_quote)
		return judge_quote(w, ret_next);
	if (!has_outsider(w) && !are_nodes(w)) {
		say_clear(w);
		return false;
	}
	if (is_complaint(&w->ip))
		return judge_complaint(w, ret_next);
	if (needs_first(&w->ip) && w->ip.is_later) {
		say_later(w);
		return false;
	}
	if (needs_first(&w->ip) && w->ip.is_first)
		keep_first(w);
	content = read_content(w, ret_next);
	if (content == IS_PACKET && w->scene->is_min) {
		say_counted(w, WD_R_TUN_OPAQUE, WD_COVER_DROPPED, 0);
		return false;
	}
	if (content == IS_PACKET) {
		w->fallback = are_nodes(w) ? 0 : WD_R_OUTSIDE;
		return true;
	}
	if (are_nodes(w))
		say_nodes(w, content);
	else
		say(w, WD_R_OUTSIDE);
	if (!may_be_more(w, content) || !is_like_tunnel(w, ret_next))
		return false;
	if (w->scene->is_min)
		say_counted(w, WD_R_TUN_OPAQUE, WD_COVER_DROPPED, 0);
	w->is_quote = true;
	w->fallback = w->said.reason;
	return w->said.reason < WD_R_FIRST_DROP;
}

/* ---- at a WireGuard device ---- */

static bool is_of_peer(const struct work *w)
{
	const struct who *other = other_side(w);

	if (is_outside(other))
		return true;
	if (other->is_pod && !other->is_known && !other->node)
		return w->peer != 0;
	return w->peer && other->node == w->peer;
}

static bool judge_in_tunnel(struct work *w, bool is_outermost,
			    struct step *ret_next)
{
	if (is_outermost)
		w->peer = find_peer(w->scene, w->ip.family,
				    w->sight->dir == WD_EGRESS ? w->ip.dst :
								 w->ip.src);
	if (w->sight->dir == WD_INGRESS && (w->src.is_here || !is_of_peer(w))) {
		say(w, WD_R_TUN_BAD_PEER);
		return false;
	}
	if (!is_of_peer(w) && must_be_encrypted(w) && !has_free_node(w)) {
		say_counted(w, WD_R_WG_STATE, WD_COVER_DROPPED, w->ip.family);
		return false;
	}
	say_counted(w, WD_R_ENCRYPTED, WD_COVER_WIREGUARD, w->ip.family);
	if (!is_of_peer(w) || (!are_nodes(w) && !has_outsider(w)) ||
	    w->scene->is_min || (w->ip.is_later && needs_first(&w->ip)))
		return false;
	w->fallback = WD_R_ENCRYPTED;
	return read_content(w, ret_next) == IS_PACKET;
}

/* ---- the order ---- */

/* Frames without Ethernet header: as the kernel says, else as they begin. */
static struct step begin_raw(struct span s)
{
	/* where a test run has it from; less than 0x600 is a length */
	unsigned int type = s.n < 14 ? 0 : (unsigned int)s.p[12] << 8 | s.p[13];
	enum form form = type < 0x600 ? FORM_OTHER : dissect_type(type);

	if (form == FORM_OTHER && s.n && s.p[0] >> 4 == 4)
		form = FORM_IP4;
	if (form == FORM_OTHER && s.n && s.p[0] >> 4 == 6)
		form = FORM_IP6;
	return (struct step){ form, s, 0 };
}

static void judge_layers(struct work *w, struct step step)
{
	for (int layer = 0; layer < 5; layer++) {
		int reason = WD_R_OUTSIDE;

		if (layer == 4) {
			say_unread(w, WD_R_TUN_OPAQUE);
			return;
		}
		if (!step.reason && step.form == FORM_FRAME)
			step = dissect_frame(step.rest);
		if (step.reason)
			reason = step.reason;
		else if (step.form == FORM_HIDDEN)
			reason = WD_R_TUN_OPAQUE;
		else if (step.form == FORM_IP4 || step.form == FORM_IP6)
			reason = dissect_ip(step.rest,
					    step.form == FORM_IP4 ? 4 : 6,
					    &w->ip);
		if (reason) {
			say_unread(w, reason);
			return;
		}
		w->src = find_who(w->scene, w->ip.family, w->ip.src);
		w->dst = find_who(w->scene, w->ip.family, w->ip.dst);
		if (w->ip.is_first)
			w->ip.rest.is_cut = true;
		if (w->sight->is_tun ? !judge_in_tunnel(w, !layer, &step) :
				       !judge_in_clear(w, &step))
			return;
		w->is_hearsay |= has_outsider(w);
	}
}

struct sentence judge_wire(const struct scene *scene, const struct sight *sight)
{
	struct work w = { .scene = scene, .sight = sight };
	struct span all = { sight->data, sight->len, false };

	say(&w, WD_R_OUTSIDE);
	if (!(scene->flags & WD_STATE_ENCRYPT))
		return w.said;
	if (!sight->is_tun && !scene->has_wire) {
		say(&w, WD_R_NO_ENDPOINT);
		return w.said;
	}
	if (sight->is_tun || scene->is_raw)
		judge_layers(&w, begin_raw(all));
	else
		judge_layers(&w, (struct step){ FORM_FRAME, all, 0 });
	if (w.has_first)
		remember(&w);
	return w.said;
}
