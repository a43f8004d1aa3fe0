# SPDX-License-Identifier: GPL-2.0-only
"""Measures in a guest what this machine's kernel may not have: WireGuard.

The guest is emulated, and its clock counts instructions (icount), so that it
does not matter who else is on this machine. Its numbers mean nothing alone; what
they are to each other, with warder and without it in the same run, is what
counts. Needs what tools/kernels/run needs.
"""
import json
import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
KERNEL = '6.12'
WAIT_S = 3600
# 1 ns each. A slower clock makes a slower network, on which TCP cuts what it
# hands down at once to a few segments, and hooks of pods see many more of them.
QEMU = 'qemu-system-x86_64 -icount shift=0,sleep=off'


def rows_of(path):
    """JSON objects behind a `#` in what the guest wrote."""
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            lines = f.read().replace('\r', '').splitlines()
    except OSError:
        return []
    return [json.loads(line[2:]) for line in lines if line.startswith('# {"')]


def run_wg(bench, build, kernel):
    out = f'{build}/bench-wg'
    print(f'bench: throughput through WireGuard, in a guest of {kernel}',
          file=sys.stderr)
    results = os.path.join(out, kernel, 'results')
    if os.path.exists(results):
        os.unlink(results)
    try:
        done = subprocess.run(
            [sys.executable, f'{TOP}/tools/kernels/run', '--jobs', '1',
             '--only', 'wire_bench', '--out', out, '--json', f'{out}.json',
             '--qemu', QEMU,
             kernel], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=WAIT_S, check=False,
            env=dict(os.environ, WD_BUILD=build))
    except (OSError, subprocess.TimeoutExpired) as e:
        bench.lose('wg', e)
        return
    rows = rows_of(results)
    for row in rows:
        bench.add(row['name'], row['value'], row['unit'], row.get('baseline'))
    ratio = bench.value('wg_throughput_ratio')
    if ratio is not None:
        bench.add('wg_throughput_lost', 100 * (1 - ratio), '%')
    else:
        bench.lose('wg', done.stdout[-300:])
