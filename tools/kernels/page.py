# SPDX-License-Identifier: GPL-2.0-only
"""The matrix as one HTML page that needs no other file.

Pure: rows (results.py) and the baseline in, text out. Wide screens get tables,
narrow ones a card for each row; light or dark as the reader's system is. Each
number has its history: a plot over the kernels, the baseline dashed beside it.
"""
import html

import results

STYLE = """
:root { color-scheme: light dark; --bg: #fff; --fg: #1b1f24; --dim: #4d5761;
  --line: #d8dee4; --card: #f6f8fa; --good: #14713d; --bad: #b42318;
  --bar: #2f6f9a; }
@media screen and (prefers-color-scheme: dark) { :root { --bg: #14181d;
  --fg: #e6e9ed; --dim: #9aa5b1; --line: #313a44; --card: #1c2229;
  --good: #4cc26c; --bad: #ff8a7a; --bar: #5b9bd5; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; background:
  var(--bg); color: var(--fg); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p, ul { max-width: 46rem; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
.soft { color: var(--dim); }
.plots { display: grid; gap: 1rem; grid-template-columns:
  repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); }
figure { margin: 0; padding: .5rem; border: 1px solid var(--line);
  border-radius: .4rem; }
figcaption { font-size: .9rem; font-weight: 600; }
svg { display: block; width: 100%; height: auto; max-width: 30rem; }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
svg .now { fill: none; stroke: var(--bar); stroke-width: 2; }
svg .dot { fill: var(--bar); } svg .lost { fill: var(--bad); }
svg .old { fill: none; stroke: var(--dim); stroke-width: 1.5;
  stroke-dasharray: 4 3; }
svg .grid { stroke: var(--line); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
th { color: var(--dim); font-weight: 600; }
.left, th.left { text-align: left; }
tr.boot td { border-top: 2px solid var(--dim); }
@media (max-width: 56rem) {
  .cards thead { display: none; }
  .cards table, .cards tbody, .cards tr, .cards td { display: block; }
  .cards tr { border: 1px solid var(--line); border-radius: .4rem;
    margin: 0 0 .6rem; padding: .3rem .6rem; background: var(--card); }
  .cards td, .cards tr.boot td { display: flex;
    justify-content: space-between; gap: 1rem; border: 0;
    padding: .1rem 0; text-align: right; white-space: normal; }
  .cards td::before { content: attr(data-name); color: var(--dim); }
  .cards td.none, .cards tr.boot td.none { display: none; }
}
"""
WIDE, HIGH, LEFT, RIGHT, TOP, FOOT = 360, 180, 46, 12, 12, 24
METRICS = (('insns', 'instructions verified'), ('stack', 'bytes of stack'),
           ('load_ms', 'load time, ms, emulated'))


def esc(text):
    return html.escape(str(text))


def plain(rows):
    return [row for row in rows if not row['variant']]


def in_order(rows, field):
    """Distinct values, in the order they come."""
    return list(dict.fromkeys(row[field] for row in rows))


# ---- plots ----

def round_up(value):
    """A top of the scale that reads well."""
    step = 1
    while step * 10 <= value:
        step *= 10
    for part in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10):
        if part * step >= value:
            return part * step
    return value


def short(number):
    return f'{number / 1000:g}k' if number >= 1000 else f'{number:g}'


def line(points, style):
    """A line through what is known; points: (x, y) or None."""
    known = [f'{x:.1f},{y:.1f}' for x, y in filter(None, points)]
    return f'<polyline class="{style}" points="{" ".join(known)}"/>' \
        if len(known) > 1 else ''


def plot(kernels, now, old, label):
    """now, old: {kernel: number or None}; red where nothing loads, no dot
    where that was not asked for."""
    numbers = [n for n in [*now.values(), *old.values()] if n]
    top = round_up(max(numbers, default=1))
    step = (WIDE - LEFT - RIGHT) / max(1, len(kernels) - 1)

    def at(kernel, number):
        if number is None:
            return None
        return (LEFT + step * kernels.index(kernel),
                HIGH - FOOT - (HIGH - FOOT - TOP) * number / top)

    parts = [f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" '
             f'aria-label="{esc(label)}">']
    for part in (0, 0.5, 1):
        y = HIGH - FOOT - (HIGH - FOOT - TOP) * part
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDE - RIGHT}" '
                     f'y1="{y:.1f}" y2="{y:.1f}"/><text x="{LEFT - 5}" '
                     f'y="{y + 4:.1f}" text-anchor="end">'
                     f'{short(top * part)}</text>')
    parts.append(line([at(k, old.get(k)) for k in kernels], 'old'))
    parts.append(line([at(k, now.get(k)) for k in kernels], 'now'))
    for kernel in kernels:
        number = now.get(kernel)
        x, y = at(kernel, number or 0)
        if kernel in now or old.get(kernel):
            parts.append(f'<circle class="{"dot" if number else "lost"}" '
                         f'cx="{x:.1f}" cy="{y:.1f}" r="3.5"><title>'
                         f'{esc(kernel)}: {number if number else "none"}'
                         '</title></circle>')
        parts.append(f'<text x="{x:.1f}" y="{HIGH - 8}" '
                     f'text-anchor="middle">{esc(kernel)}</text>')
    return ''.join(parts) + '</svg>'


def series(rows, obj, field):
    return {row['kernel']: row.get(field) or None for row in plain(rows)
            if row['object'] == obj}


def plots(rows, old):
    kernels = in_order(plain(rows), 'kernel')
    parts = []
    for field, what in METRICS:
        figures = []
        for obj in in_order(rows, 'object'):
            now = series(rows, obj, field)
            if not any(now.values()):
                continue
            label = f'{obj}: {what}'
            figures.append(
                f'<figure><figcaption>{esc(label)}</figcaption>'
                + plot(kernels, now, series(old, obj, field), label)
                + '</figure>')
        if figures:
            parts.append(f'<h2>{esc(what[0].upper() + what[1:])}</h2>'
                         f'<div class="plots">{"".join(figures)}</div>')
    return ''.join(parts)


# ---- tables ----

def change(row, before):
    """How the instructions differ from the baseline's, for a cell."""
    if not before or not before['insns'] or not row['insns']:
        return '-'
    by = 100 * (row['insns'] / before['insns'] - 1)
    text = f'{by:+.1f} %' if round(by, 1) else '0 %'
    return f'<span class="bad">{text}</span>' if by > 10 else text


def matrix(rows, old):
    by_key = {(r['kernel'], r['variant'], r['object']): r for r in old}
    names = [name for name, _ in results.COLUMNS]
    names.insert(names.index('insns') + 1, 'change')
    heads = ''.join(f'<th{css(name)}>{name}</th>' for name in names)
    lines, boot = [], None
    for row in rows:
        cell = {k: esc(v) for k, v in results.cells(row).items()}
        before = by_key.get((row['kernel'], row['variant'], row['object']))
        cell['change'] = change(row, before)
        if not row['loads'] or row['verdicts']['fail']:
            cell['loads'] = f'<span class="bad">{cell["loads"]}</span>'
        here = (row['kernel'], row['variant'])
        lines.append(
            f'<tr{" class=boot" if here != boot else ""}>' + ''.join(
                f'<td{css(name, cell[name])} data-name="{name}">{cell[name]}'
                '</td>' for name in names) + '</tr>')
        boot = here
    return f'<div class="wide cards"><table><thead><tr>{heads}</tr></thead>' \
        f'<tbody>{"".join(lines)}</tbody></table></div>'


def css(name, text=''):
    """The classes of a cell; a card does without cells that say nothing."""
    found = ['left'] * (name in results.LEFT) + ['none'] * (text == '-')
    return f' class="{" ".join(found)}"' if found else ''


def boots(rows):
    """What was booted, and what of it failed."""
    lines = []
    for key in dict.fromkeys((r['kernel'], r['variant']) for r in rows):
        row = next(r for r in rows if (r['kernel'], r['variant']) == key)
        good = row['suite'] == 'pass'
        done = row['tests']
        name = row['kernel'] + (f' {row["variant"]}' if row['variant'] else '')
        lines.append(
            f'<li><b>{esc(name)}</b> {esc(row["release"] or "no release")}'
            + (f', {esc(row["what"])}' if row['what'] else '')
            + f': <span class="{"good" if good else "bad"}">'
            f'{done["ok"]} passed, {done["fail"]} failed</span>'
            + (f', {done["skip"]} skipped' if done['skip'] else '')
            + ''.join(f'<br><span class="bad">{esc(t)}</span>'
                      for t in row['failed']) + '</li>')
    return f'<ul>{"".join(lines)}</ul>'


def span_of(kernels):
    if len(kernels) == 1:
        return f'1 kernel, {esc(kernels[0])}'
    return (f'{len(kernels)} kernels, from {esc(kernels[0])} to '
            f'{esc(kernels[-1])}')


def of(rows, old, complaints):
    """The page."""
    bad = [r for r in rows if r['suite'] != 'pass']
    kernels = in_order(rows, 'kernel')
    verdict = '<p class="good">Nothing is worse than the baseline.</p>' \
        if not complaints else '<p class="bad">Worse than the baseline:</p>' \
        '<ul>' + ''.join(f'<li class="bad">{esc(c)}</li>'
                         for c in complaints) + '</ul>'
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f'<title>warder: kernels</title><style>{STYLE}</style></head><body>'
        '<h1>warder on other kernels</h1>'
        f'<p>{span_of(kernels)}, booted in QEMU. '
        + ('All tests passed.' if not bad else
           '<span class="bad">Not all tests passed.</span>')
        + f'</p>{verdict}'
        '<p class="soft">The plots show kernels booted plainly; dashed is the '
        'baseline. The verifier gives up at 1,000,000 instructions; more than '
        '10 % above the baseline fail.</p>'
        + plots(rows, old) + '<h2>Matrix</h2>' + matrix(rows, old)
        + '<h2>Boots</h2>' + boots(rows) + '</body></html>\n')
