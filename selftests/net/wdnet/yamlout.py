# SPDX-License-Identifier: GPL-2.0-only
"""Objects as text: JSON, or YAML in the shapes people write."""
import json
import re

PLAIN = re.compile(r'^[A-Za-z_/][A-Za-z0-9_./-]*$')
WORDS = {'true', 'false', 'yes', 'no', 'on', 'off', 'null', 'y', 'n', '~'}


def scalar(value):
    if value is None:
        return 'null'
    if isinstance(value, bool):
        return 'true' if value else 'false'
    if isinstance(value, int):
        return str(value)
    if PLAIN.match(value) and value.lower() not in WORDS:
        return value
    return json.dumps(value)


def block(value, indent=0):
    """Lines of block style."""
    pad = ' ' * indent
    if isinstance(value, dict) and value:
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                yield f'{pad}{scalar(key)}:'
                # Lists are written flush with their key, as kubectl does.
                yield from block(item, indent + (0 if isinstance(item, list)
                                                 else 2))
            else:
                yield f'{pad}{scalar(key)}: {flow(item)}'
    elif isinstance(value, list) and value:
        for item in value:
            if isinstance(item, (dict, list)) and item:
                lines = list(block(item, indent + 2))
                yield f'{pad}- {lines[0][indent + 2:]}'
                yield from lines[1:]
            else:
                yield f'{pad}- {flow(item)}'
    else:
        yield pad + flow(value)


def flow(value):
    if isinstance(value, dict):
        return '{' + ', '.join(f'{scalar(k)}: {flow(v)}'
                               for k, v in value.items()) + '}'
    if isinstance(value, list):
        return '[' + ', '.join(map(flow, value)) + ']'
    return scalar(value)


STYLES = ('yaml', 'json', 'list', 'flow')


def text(objects, style='yaml'):
    """One file of @objects: documents of YAML, JSON values one after the other,
    a List, or YAML in flow style with comments."""
    if style == 'json':
        return '\n'.join(json.dumps(o, indent=1) for o in objects) + '\n'
    if style == 'list':
        return json.dumps({'apiVersion': 'v1', 'kind': 'List',
                           'items': objects})
    if style == 'flow':
        return ''.join(f'# {o["kind"]}\n---\n{flow(o)}\n' for o in objects)
    return ''.join('---\n' + '\n'.join(block(o)) + '\n' for o in objects)
