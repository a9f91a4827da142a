"""Tables and a plot of what bench/run measured."""
import json
import os
import statistics

DISKS = (('fast', 'as it is'), ('slow', '+2 ms a flush'))
ENGINES = (('sqlite', 'SQLite'), ('postgres', 'PostgreSQL'))
CONNECTIONS = (1, 16, 64, 512)


class Result:
    def __init__(self, raw):
        self.raw, self.rounds = raw, raw['rounds']

    def has(self, name):
        return name in self.rounds

    def median(self, name, value='per_second'):
        return statistics.median(one[value] for one in self.rounds[name])

    def ratio(self, name, other):
        """The median of the rounds' ratios: both of a round saw the same machine."""
        return statistics.median(one['per_second'] / two['per_second'] for one, two in
                                 zip(self.rounds[name], self.rounds[other]))

    def single(self, name):
        return self.rounds['single.' + name][0]

    def singles(self, *names):
        """Those of them that were measured."""
        return [(name, self.single(name)) for name in names if self.has('single.' + name)]


def number(value):
    return '{:,.0f}'.format(value)


def table(*rows):
    head, *body = rows
    return '\n'.join(['| %s |' % ' | '.join(head), '|%s' % ('---|' * len(head))]
                     + ['| %s |' % ' | '.join(row) for row in body]) + '\n'


def durable(result):
    """One table for each engine."""
    for engine, title in ENGINES:
        rows = [('create to captured, ' + title,
                 *('%s, %s' % (disk, what) for _, disk in DISKS
                   for what in ('payments/s', 'p50, p99 ms', 'of the ceiling')))]
        for connections in CONNECTIONS:
            rows.append(('%d connection%s' % (connections, 's' * (connections > 1)),
                         *durable_cells(result, engine, 'closed.%d' % connections)))
        rows.append(('open loop at half of 64\'s', *durable_cells(result, engine, 'open.half')))
        rows.append(('a commit of those rows at that rate',
                     *durable_cells(result, engine, 'commit')))
        rows.append(('ceiling: same rows, same commits',
                     *other_cells(result, engine, 'ceiling')))
        if engine == 'sqlite':
            rows.append(('the same, the disk waited for beside: 64 connections are of it',
                         *beside_cells(result)))
        if engine == 'postgres':
            for name, what in (('pgbench', 'pgbench, places counted'),
                               ('pgbench-seq', 'pgbench, places by a sequence')):
                rows.append((what, *other_cells(result, engine, name)))
        yield table(*rows)


def durable_cells(result, engine, name):
    for disk, _ in DISKS:
        key = '%s.%s.%s' % (disk, engine, name)
        if not result.has(key):
            yield from ('', '', '')
            continue
        yield number(result.median(key))
        yield '%.1f, %.1f' % (result.median(key, 'p50_ms'), result.median(key, 'p99_ms'))
        ceiling = '%s.%s.ceiling' % (disk, engine)
        yield ('' if name in ('open.half', 'commit') or not result.has(ceiling)
               else '%.2f' % result.ratio(key, ceiling))


def other_cells(result, engine, name):
    for disk, _ in DISKS:
        key = '%s.%s.%s' % (disk, engine, name)
        yield number(result.median(key)) if result.has(key) else ''
        yield ''
        yield ''


def beside_cells(result):
    """The ceiling that does as the server does; what the server with 64 connections is of it."""
    for disk, _ in DISKS:
        server, beside = (disk + '.sqlite.' + name for name in ('closed.64', 'ceiling-later'))
        both = result.has(beside) and result.has(server)
        yield number(result.median(beside)) if result.has(beside) else ''
        yield ''
        yield '%.2f' % result.ratio(server, beside) if both else ''


def reads(result):
    found = result.rounds['reads.books'][0]
    rows = [('one processor, %s payments' % number(found['payments']), 'requests/s',
             'p50, p99 ms', 'of a static answer')]
    for name, what in (('nginx', 'nginx, `return 200`'), ('static', 'static answer, `/healthz`'),
                       ('get', 'payment by id'), ('list', 'newest 100'),
                       ('search', 'by reference')):
        key = 'reads.' + name
        if not result.has(key):
            continue
        rows.append((what, number(result.median(key)), '%.2f, %.2f' % (
            result.median(key, 'p50_ms'), result.median(key, 'p99_ms')),
                     '%.2f' % result.ratio(key, 'reads.static')
                     if result.has('reads.static') else ''))
    return table(*rows)


def others(result):
    """(what, measured)"""
    if result.has('fast.sqlite.books'):
        own = result.rounds['fast.sqlite.books'][0]
        yield 'start to first answer', '%.0f ms' % own['start_ms']
        yield 'resident memory, idle and at most under all these loads', '%.0f MiB, %.0f MiB' % (
            own['idle_mib'], own['loaded_mib'])
        yield 'disk per captured payment, with its events and operations', '%.1f KiB' % (
            own['bytes_per_payment'] / 1024)
        yield 'processor time per payment, 64 connections', '%.0f µs' % result.median(
            'fast.sqlite.closed.64', 'cpu_us')
    if result.has('reads.books'):
        own = result.rounds['reads.books'][0]
        yield 'start to first answer, %s payments' % number(own['payments']), (
            '%.0f ms' % own['start_ms'])
    yield 'start to first answer and reads, 10,000,000 payments', (
        '[Large books](#large-books), by `bench/growth`')
    for _, own in result.singles('counts'):
        for name, what in (('payment', 'one payment alone'), ('read', 'a read of one')):
            yield what, '%s instructions, %.0f allocations, %.0f statements' % (
                number(own[name]['instructions']), own[name]['allocations'],
                own[name]['statements'])
    for _, own in result.singles('notifications'):
        yield 'notifications in, 64 connections', '%s/s' % number(own['per_second'])
        yield 'notifications at half of that, p50 and p99', '%.1f ms, %.1f ms' % (
            own['half_p50_ms'], own['half_p99_ms'])
    for name, own in result.singles('unknown', 'reconciliation'):
        yield ('%s unknown operations, asked about and captured' if name == 'unknown' else
               '%s payments reconciled') % number(own['count']), '%.1f s, %s/s' % (
                   own['seconds'], number(own['per_second']))
    for _, own in result.singles('memory'):
        yield 'memory per 100,000 payments that wait for their capture', '%.1f MiB' % (
            own['mib_per_100000'])
    for _, own in result.singles('wakeups'):
        yield 'times scheduled in %d idle seconds' % own['seconds'], str(own['count'])
    for _, own in result.singles('binary'):
        yield 'the program, stripped', '%s KiB' % number(own['kib'])


def overload(result):
    own = result.single('overload')
    return table(
        ('overload: payments due at twice the peak', 'measured'),
        ('peak, 256 connections', '%s/s, p99 %.0f ms' % (number(own['peak_per_second']),
                                                         own['peak_p99_ms'])),
        ('due', '%s/s' % number(own['rate'])),
        ('captured', '%s/s, %.2f of the peak' % (number(own['per_second']), own['ratio'])),
        ('of these p50, p99', '%.0f ms, %.0f ms' % (own['p50_ms'], own['p99_ms'])),
        ('refused', '%s, of which %s with Retry-After, p99 %.0f ms' % (
            number(own['refused']), number(own['told_when']), own['refused_p99_ms'])),
        ('right after, at half of the peak', 'p50 %.1f ms, p99 %.1f ms, %d refused' % (
            own['after_p50_ms'], own['after_p99_ms'], own['after_refused'])))


def text(raw):
    """Of what was measured, and of what failed."""
    result = Result(raw)
    parts = []
    if any(name.startswith(disk + '.') for name in result.rounds for disk, _ in DISKS):
        parts += durable(result)
    if result.has('reads.books'):
        parts.append(reads(result))
    if result.has('single.overload'):
        parts.append(overload(result))
    parts.append(table(('more', 'measured'), *others(result)))
    if result.has('single.webhooks'):
        parts.append('Webhooks out, as `bench/webhooks` prints it:\n\n```\n%s```\n'
                     % result.single('webhooks')['text'])
    parts += ['Not measured: %s, which failed:\n\n```\n%s\n```\n' % (name, why.strip())
              for name, why in raw.get('failed', {}).items()]
    return '\n'.join(parts)


# The plot: payments a second by connections, one panel for each disk.

WIDTH, HEIGHT, LEFT, TOP, PANEL, TALL = 760, 330, 60, 40, 330, 220
COLOURS = {'sqlite': '#1f6f8b', 'postgres': '#b5541c'}


def panel(result, disk, title, left, most):
    def y(value):
        return TOP + TALL * (1 - value / most)

    def x(at):
        return left + (PANEL - LEFT) * (at + 0.5) / len(CONNECTIONS)

    lines = ['<text x="%d" y="%d" class="title">%s</text>' % (left, TOP - 14, title)]
    for step in range(5):
        value = most * step / 4
        lines.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" class="grid"/>'
                     % (left, left + PANEL - LEFT, y(value), y(value)))
        lines.append('<text x="%d" y="%.1f" class="left">%s</text>'
                     % (left - 6, y(value) + 4, number(value)))
    for at, connections in enumerate(CONNECTIONS):
        lines.append('<text x="%.1f" y="%d" class="mid">%d</text>'
                     % (x(at), TOP + TALL + 18, connections))
    for engine, name in ENGINES:
        key = '%s.%s.' % (disk, engine)
        points = [(x(at), y(result.median(key + 'closed.%d' % connections)))
                  for at, connections in enumerate(CONNECTIONS)]
        colour = COLOURS[engine]
        lines.append('<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>'
                     % (' '.join('%.1f,%.1f' % point for point in points), colour))
        lines += ['<circle cx="%.1f" cy="%.1f" r="3.5" fill="%s"/>' % (*point, colour)
                  for point in points]
        for other, dash in (('ceiling', '6 3'), ('pgbench-seq', '2 3')):
            if result.has(key + other):
                at = y(result.median(key + other))
                lines.append('<line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"'
                             ' stroke-dasharray="%s"/>'
                             % (left, left + PANEL - LEFT, at, at, colour, dash))
    return lines


def plot(raw):
    result = Result(raw)
    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">'
             % (WIDTH, HEIGHT),
             '<title>Payments a second by connections, on SQLite and PostgreSQL</title>',
             '<style>text{font:12px sans-serif;fill:#333}.title{font-weight:bold}'
             '.left{text-anchor:end}.mid{text-anchor:middle}.grid{stroke:#ddd}</style>',
             '<rect width="%d" height="%d" fill="#fff"/>' % (WIDTH, HEIGHT)]
    for at, (disk, title) in enumerate(DISKS):
        most = max(result.median(name) for name in result.rounds
                   if name.startswith(disk) and not name.endswith('books'))
        step = 10 ** (len(str(int(most))) - 1)
        lines += panel(result, disk, 'Payments a second, the disk %s' % title,
                       LEFT + at * (PANEL + 40), (int(most / step) + 1) * step)
    left, top = LEFT, TOP + TALL + 46
    for engine, name in ENGINES:
        lines.append('<rect x="%d" y="%d" width="12" height="12" fill="%s"/>'
                     % (left, top - 10, COLOURS[engine]))
        lines.append('<text x="%d" y="%d">%s</text>' % (left + 18, top, name))
        left += 110
    lines.append('<text x="%d" y="%d">by connections; dashed: the ceiling program of that engine;'
                 ' dotted: pgbench</text></svg>' % (left, top))
    return '\n'.join(lines) + '\n'


def where(machine):
    busy = machine['load_before'] > 1
    return ('%s, %d processors, %d GiB, Linux %s; %s, revision %s.%s'
            % (machine['processor'], machine['processors'], machine['memory_gib'],
               machine['kernel'], machine['date'], machine['revision'],
               ' Others were at work beside it (load %.0f), which falsifies ratios too.'
               % machine['load_before'] if busy else ''))


def heading(raw):
    return '%s Medians of %d rounds of %d s%s.' % (
        where(raw['machine']), max(map(len, raw['rounds'].values()), default=0), raw['seconds'],
        ', by `--quick`' if raw['quick'] else '')


def put(page, name, text):
    """Into the place of a page that bears the program's name, instead of what is there."""
    begin, end = '<!-- %s: begin -->' % name, '<!-- %s: end -->' % name
    with open(page, encoding='utf-8') as file:
        old = file.read()
    before, _, rest = old.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit('bench: %s has no place for it: %s ... %s' % (page, begin, end))
    with open(page, 'w', encoding='utf-8') as file:
        file.write('%s%s\n%s\n%s%s' % (before, begin, text, end, after))


def write(raw, folder):
    parts = [heading(raw), '']
    if all(Result(raw).has('%s.%s.books' % (disk, engine))
           for disk, _ in DISKS for engine, _ in ENGINES):
        with open(os.path.join(folder, 'performance.svg'), 'w', encoding='utf-8') as file:
            file.write(plot(raw))
        parts += ['![Payments a second by connections](performance.svg)', '']
    put(os.path.join(folder, 'performance.md'), 'bench/run', '\n'.join(parts + [text(raw)]))
    with open(os.path.join(folder, 'performance.json'), 'w', encoding='utf-8') as file:
        json.dump(raw, file, indent=1)
        file.write('\n')
