# SPDX-License-Identifier: GPL-2.0-only
"""Another version of the binary: its programs are not the same, they do the same.

In the copy the limit of events per tick is one more than in the original, so
that the kernel gives the programs another tag.
"""
import os
import struct

from .tap import Fail

BURST = 1000  # WD_EVENTS_BURST
ELF, EM_BPF, SHT_PROGBITS, SHF_EXECINSTR = b'\x7fELF\x02\x01', 247, 1, 4
CLASS_JMP32, CLASS_JMP = 6, 5


def _objects(data):
    at = data.find(ELF, 1)
    while at >= 0:
        if struct.unpack_from('=H', data, at + 18)[0] == EM_BPF:
            yield at
        at = data.find(ELF, at + 1)


def _sections(data, at):
    shoff, = struct.unpack_from('=Q', data, at + 40)
    size, count = struct.unpack_from('=HH', data, at + 58)
    for i in range(count):
        _, kind, flags, _, offset, length = struct.unpack_from(
            '=IIQQQQ', data, at + shoff + i * size)
        if kind == SHT_PROGBITS and flags & SHF_EXECINSTR:
            yield at + offset, length


def make(source, target):
    with open(source, 'rb') as f:
        data = bytearray(f.read())
    changed = 0
    for at in _objects(data):
        for start, length in _sections(data, at):
            for insn in range(start, start + length, 8):
                code, = struct.unpack_from('=B', data, insn)
                imm, = struct.unpack_from('=i', data, insn + 4)
                if code & 7 in (CLASS_JMP, CLASS_JMP32) and code & 0xf0 \
                        not in (0x80, 0) and imm in (BURST, BURST - 1):
                    struct.pack_into('=i', data, insn + 4, imm + 1)
                    changed += 1
    if not changed:
        raise Fail('no instruction to change was found in ' + source)
    with open(target, 'wb') as f:
        f.write(data)
    os.chmod(target, 0o755)
    return changed
