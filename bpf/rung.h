/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rung.h - what each object sheds, and why.
 *
 * One source (pod.h and what it includes), built three times. wd_compat.bpf.c
 * and wd_minimal.bpf.c say which one they are before they include it; all that
 * differs is chosen here, or is a header instead of another (shed.h).
 *
 *   object      programs          for a kernel that                flags
 *   wd_pod      wd_pod_in/out     takes everything                 -mcpu=v3
 *   wd_compat   wd_compat_in/out  refuses that, whatever it says   -mcpu=v2
 *   wd_minimal  wd_minimal_in/out looks at few instructions only   -mcpu=v2
 *
 * All three define all maps (maps.h) in the same shape, and the same constants,
 * so that any of them goes on with the tables and flows of any other. None
 * needs the kernel's BTF, nor any CO-RE relocation; helpers, maps and loops are
 * those of Linux 5.10. What differs:
 *
 *   wd_compat   no 32-bit instructions and jumps (-mcpu=v2), so that what the
 *               verifier makes of the code is not what it makes of wd_pod's
 *               sections "tc", which set no attach type to be checked
 *               no copies for speed: a new flow calls what others call, too
 *               no times of handshakes (handshake.h)
 *               Verdicts, other counters and events are those of wd_pod.
 *   wd_minimal  as wd_compat, and each step is a function that the verifier
 *               looks at once, by itself: less than a fifth of wd_pod's
 *               instructions to look at, and more to run
 *               no events: wd_events and wd_evstat need not be there
 *               no counters by endpoint and rule; those by reason are exact
 *               nobody is answered: what is denied is dropped in silence
 *               stricter, with reason SHED, than wd_pod:
 *
 *   packet                         wd_pod           wd_minimal
 *   fragment, first                as its ports     SHED, and makes no flow
 *   fragment, later                as its first     SHED
 *    - of an endpoint in mode off  passes           passes
 *   IPv4 with options              walks them       SHED
 *   IPv6 hop-by-hop, destination   walks them       SHED
 *     options, AH, fragment header
 *
 * Everything else, reasons included, is equal; what passes wd_minimal passes
 * wd_pod in the same state. SHED holds in mode audit too: what would pass there
 * is not known.
 */
#ifndef WARDER_BPF_RUNG_H
#define WARDER_BPF_RUNG_H

#ifndef WD_IS_COMPAT
#define WD_IS_COMPAT 0
#endif
#ifndef WD_IS_MINIMAL
#define WD_IS_MINIMAL 0
#endif
/* The objects of the wires, which have a ladder of their own, see wire.h. */
#ifndef WD_IS_WIRE
#define WD_IS_WIRE 0
#endif

/* Programs of netfilter: wd_late and wd_host. They can send nothing. */
#ifndef WD_IS_NF
#define WD_IS_NF 0
#endif
/* The object of the host's own traffic, see wd_host.bpf.c. */
#ifndef WD_IS_HOST
#define WD_IS_HOST 0
#endif

/* Is code copied into the ways that are in a hurry? */
#define WD_COPIES (!WD_IS_COMPAT && !WD_IS_MINIMAL)

/* Is the sender told of what is denied, where that is asked for? See answer.h. */
#define WD_ANSWERS (!WD_IS_MINIMAL && !WD_IS_WIRE && !WD_IS_NF)

/* Before a loop: straight code, where that is worth its instructions. */
#if WD_COPIES
#define WD_STRAIGHT _Pragma("clang loop unroll(full)")
#else
#define WD_STRAIGHT _Pragma("clang loop unroll(disable)")
#endif

/*
 * A step of the decision: a function of the packet that returns a reason or
 * WD_GO_ON. Part of its caller; in wd_minimal a global function, of which the
 * verifier forgets everything but the result, in place of following each way
 * through one step into all of the next.
 */
#if WD_IS_MINIMAL
#define WD_STEP(name) \
	static __always_inline int name##_inline(WD_CTX * skb, \
						 struct wd_pkt * pkt); \
	__noinline int name##_step(WD_CTX *skb) \
	{ \
		struct wd_pkt *pkt = this_packet(); \
\
		WD_OPAQUE(skb); \
		return pkt ? name##_inline(skb, pkt) : WD_R_MAP_ERR; \
	} \
	static __always_inline int name(WD_CTX *skb, struct wd_pkt *pkt) \
	{ \
		(void)pkt; \
		return name##_step(skb); \
	} \
	static __always_inline int name##_inline(WD_CTX * skb, \
						 struct wd_pkt * pkt)
/* The same with a number, for the body of a loop. */
#define WD_STEP_OF(name, nr) \
	static __always_inline int name##_inline( \
		WD_CTX * skb, struct wd_pkt * pkt, __u32 nr); \
	__noinline int name##_step(WD_CTX *skb, __u32 nr) \
	{ \
		struct wd_pkt *pkt = this_packet(); \
\
		WD_OPAQUE(skb); \
		return pkt ? name##_inline(skb, pkt, nr) : WD_R_MAP_ERR; \
	} \
	static __always_inline int name(WD_CTX *skb, struct wd_pkt *pkt, \
					__u32 nr) \
	{ \
		(void)pkt; \
		return name##_step(skb, nr); \
	} \
	static __always_inline int name##_inline( \
		WD_CTX * skb, struct wd_pkt * pkt, __u32 nr)
#else
#define WD_STEP(name) \
	static __always_inline int name(WD_CTX *skb, struct wd_pkt *pkt)
#define WD_STEP_OF(name, nr) \
	static __always_inline int name(WD_CTX *skb, struct wd_pkt *pkt, \
					__u32 nr)
#endif

#endif /* WARDER_BPF_RUNG_H */
