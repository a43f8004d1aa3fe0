# SPDX-License-Identifier: GPL-2.0-only
"""Nodes, pods and probes made of namespaces, for the tests beside this folder.

    kernel   what Python lacks of system calls; namespaces; commands inside them
    prober   a process in a namespace that listens, answers and probes
    cluster  nodes with an agent each, pods by CNI plugins, the wire between
    yamlout  objects as YAML or JSON text
    oracle   what policies mean, by plain loops over the objects
    tap      test functions, their results, the command line
"""
