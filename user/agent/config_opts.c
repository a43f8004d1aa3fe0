/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config_opts.c - the options of the agent as its help tells of them. What each
 * does is for config.c.
 */
#include <warder/maps.h>

#include "../host/hostopen.h"
#include "config.h"

const struct wd_opt wd_config_opts[] = {
	{ .name = "config",
	  .arg = "FILE",
	  .help = "YAML file of settings: every option below by its name without\n"
		  "dashes; options on the command line beat it" },
	{ .name = "node",
	  .arg = "NAME",
	  .help = "this node's name in the cluster (default: the host name)" },
	{ .name = "manifests",
	  .arg = "DIR",
	  .help = "directory of Kubernetes YAML or JSON, watched; repeatable\n"
		  "(in the file: a list)" },
	{ .name = "kubeconfig",
	  .arg = "FILE",
	  .help = "follow the API server of its current context; beside manifests,\n"
		  "whose objects count less" },
	{ .name = "in-cluster",
	  .help = "follow the API server of the cluster whose pod the agent is in\n"
		  "(in the file: true)" },
	{ .name = "cilium-objects",
	  .help = "ask for Pods of this node alone and know others by Cilium's\n"
		  "endpoints and identities; without it for all (in the file: true)" },
	{ .name = "report-node",
	  .help = "tell the API server on this Node how enforcement stands: an\n"
		  "annotation and a condition; needs rights of its own (in the\n"
		  "file: true)" },
	{ .name = "report-events",
	  .arg = "none|policies|drops|all",
	  .help = "tell the API server by Events of policies that are not in force\n"
		  "as written, of packets that pods here lost, or of both; needs\n"
		  "rights of its own (default none)" },
	{ .name = "report-every",
	  .arg = "TIME",
	  .help = "tell of the same thing at most once in that time, and up to as\n"
		  "much again at random (default 1m)" },
	{ .name = "cluster",
	  .arg = "NAME=FILE",
	  .help = "let Cilium's policies name pods of another cluster, which the\n"
		  "kubeconfig FILE tells of; repeatable (in the file: a list)" },
	{ .name = "cluster-name",
	  .arg = "NAME",
	  .help = "what Cilium's policies call this cluster (default: default)" },
	{ .name = "state-dir",
	  .arg = "DIR",
	  .help = "last good state (default " WD_STATE_DIR_DEFAULT ")" },
	{ .name = "run-dir",
	  .arg = "DIR",
	  .help = "control socket (default " WD_RUN_DIR_DEFAULT
		  ", or $WARDER_RUN_DIR)" },
	{ .name = "bpffs",
	  .arg = "DIR",
	  .help = "pins of maps, programs and links\n"
		  "(default " WD_BPFFS_DEFAULT ")" },
	{ .name = "max-rung",
	  .arg = "RUNG",
	  .help = "highest rung of the ladder to use: full (default),\n"
		  "compat, minimal, nft or hold" },
	{ .name = "hold",
	  .arg = "WHAT",
	  .help = "what becomes of pods where no rung works: drop (default)\n"
		  "or allow" },
	{ .name = "beside-cilium",
	  .arg = "refuse|allow",
	  .help = "where Cilium carries packets past warder's hooks: new pods are\n"
		  "refused and the node is not ready (refuse, the default), or it is\n"
		  "only told (allow)" },
	{ .name = "host-ingress",
	  .arg = "allow|policy",
	  .help = "traffic of this host's own sockets to its pods: always let in\n"
		  "(allow, the default: kubelet probes), or judged (policy)" },
	{ .name = "host-open",
	  .arg = "PORT[-PORT][/PROTO],...",
	  .help = "of this host, let in whatever policies about nodes say, or none\n"
		  "(default " WD_HOST_OPEN_DEFAULT ")" },
	{ .name = "host-confirm",
	  .arg = "TIME",
	  .help = "how long policies about this node are tried before they are\n"
		  "taken back, unless confirmed (default 90s)" },
	{ .name = "mode",
	  .arg = "enforce|audit|off",
	  .help = "for namespaces and pods that do not say warder.io/mode\n"
		  "(default enforce)" },
	{ .name = "encryption",
	  .arg = "none|required",
	  .help = "what pods exchange with other nodes, for namespaces that do\n"
		  "not say warder.io/encryption (default none)" },
	{ .name = "encryption-nodes",
	  .arg = "none|required",
	  .help = "what nodes say to each other themselves (default none)" },
	{ .name = "encryption-new-devices",
	  .arg = "closed|open",
	  .help = "whether pods' packets may leave by a device that came a\n"
		  "moment ago and that nothing judges yet (default closed)" },
	{ .name = "encryption-exempt",
	  .arg = "NODE",
	  .help = "node that may itself exchange things with pods in clear, or\n"
		  "all; counted; repeatable (in the file: a list)" },
	{ .name = "encryption-prefix",
	  .arg = "CIDR",
	  .help = "addresses inside the cluster, besides the pod CIDRs of nodes;\n"
		  "repeatable (in the file: a list)" },
	{ .name = "tunnel-port",
	  .arg = "PORT",
	  .help = "UDP port at which other nodes take tunnels: no pod may send\n"
		  "there to any node; repeatable, 4 at most (in the file: a list)" },
	{ .name = "quota-rules",
	  .arg = "NUMBER",
	  .help = "of each namespace: peers in rules of its policies, a rule\n"
		  "without any counts one, 32 labels, expressions and values of\n"
		  "a selector one more (default 2048; 0: no quota)" },
	{ .name = "quota-cidrs",
	  .arg = "NUMBER",
	  .help = "of each namespace: prefixes and exceptions in its policies,\n"
		  "also those of the CIDR groups, and addresses of the services,\n"
		  "that they refer to (default 8192; 0: no quota)" },
	{ .name = "quota-labels",
	  .arg = "NUMBER",
	  .help = "of each namespace: distinct sets of labels of its pods\n"
		  "(default 4096; 0: no quota)" },
	{ .name = "quota-services",
	  .arg = "NUMBER",
	  .help = "of each namespace: addresses and ports of its Services, a node\n"
		  "port counts two (default 16384; 0: no quota)" },
	{ .name = "quota-backends",
	  .arg = "NUMBER",
	  .help = "of each namespace: addresses in its EndpointSlices\n"
		  "(default 16384; 0: no quota)" },
	{ .name = "quota-port-numbers",
	  .arg = "NUMBER",
	  .help = "of each namespace: numbers that one port name has among its\n"
		  "pods (default 128; 0: no quota)" },
	{ .name = "cni-wait",
	  .arg = "TIME",
	  .help = "how long CNI ADD waits for a pod that no source has told of,\n"
		  "as 500ms, 2s or 2 (default 2s)" },
	{ .name = "cni-conf",
	  .arg = "DIR",
	  .help = "keep warder-cni at the end of the chain that the runtime takes\n"
		  "there, whoever writes it anew; none (the default): nowhere" },
	{ .name = "metrics",
	  .arg = "WHERE",
	  .help = "serve metrics for Prometheus there: unix:/PATH, ADDRESS:PORT, or\n"
		  "PORT of the loopback; none (the default): nowhere" },
	{ .name = "slo-p99",
	  .arg = "PERCENT",
	  .help = "of a namespace with a baseline for which `warder slo set` gave no figure:\n"
		  "slow is p99 so much above it (default 10; 0: do not look at it)" },
	{ .name = "slo-p50",
	  .arg = "PERCENT",
	  .help = "the same of p50 (default 0)" },
	{ .name = "slo-more",
	  .arg = "MICROSECONDS",
	  .help = "and by so much at least (default 100)" },
	{ .name = "slo-window",
	  .arg = "TIME",
	  .help = "in windows that last so long (default 60s)" },
	{ .name = "slo-least",
	  .arg = "NUMBER",
	  .help = "and until so many handshakes are counted (default 500)" },
	{ .name = "slo-times",
	  .arg = "NUMBER",
	  .help = "windows in a row that begin or end an alarm (default 3)" },
	{ .name = "slo-action",
	  .arg = "alarm|audit",
	  .help = "what an alarm does where `warder slo set` gave no action: tell (alarm, the\n"
		  "default), or also put the namespace in audit on this node (audit): read\n"
		  "warder-slo(8) first" },
	{ .name = "verbose",
	  .key = 'v',
	  .help = "log what is done, not only what changed (in the file: true)" },
	{ .name = "check", .help = "validate settings and manifests, and end" },
	{ .name = "json",
	  .help = "what --check finds, and errors of settings, as JSON" },
	{ .name = "help", .key = 'h', .help = "this text" },
	{},
};
