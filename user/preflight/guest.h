/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guest.h - what runs in the throw-away machine, and the words it uses.
 *
 * Process 1 there is this program. It loads the modules it finds, tries every
 * object, opens and attaches the data path, puts the questions of the state if
 * there is one, and writes JSON objects, one a line, on the second serial port:
 *
 *   {"up": RELEASE}
 *   {"module": NAME, "error": TEXT}      only if one does not load
 *   {"object": NAME, "rung": RUNG, "loads": BOOL, "error": TEXT, "log": TEXT,
 *    "load_us": N, "programs": [{"name", "insns", "stack"}]}
 *   {"answers": OBJECT, "from": N, "hex": "a0a0..."}   two digits a question
 *   {"attempt": RUNG, "object": NAME, "text": TEXT}   each that failed
 *   {"datapath": {"opens", "rung", "object", "attach", "attaches", "error",
 *    "late": BOOL, "late_error": TEXT, "host": BOOL, "host_error": TEXT}}
 *    late: if the state says that the node judges services behind their
 *    translation, host: that it enforces a policy about itself; and programs
 *    are in force
 *   {"golden": TEXT}   why the golden packets of rulesets could not be tried
 *   {"object": "ruleset", "rung": "nft", "untried": BOOL, ...}   as of programs,
 *    which it has none of, and answers as above
 *   {"host_rules": BOOL, "error": TEXT}   the policy about the node, if the
 *    state says that there is one, by a ruleset alone
 *   {"end": true}
 */
#ifndef WARDER_GUEST_H
#define WARDER_GUEST_H

#define WD_GUEST_COMMAND "preflight-guest"
#define WD_GUEST_STATE "/state.json"
#define WD_GUEST_MODULES "/modules" /* files, named 00-NAME in order */

/**
 * wd_guest_main() - process 1: `init preflight-guest SEED MOST`
 * Never returns there. Elsewhere: 2.
 */
int wd_guest_main(int argc, char **argv);

#endif /* WARDER_GUEST_H */
