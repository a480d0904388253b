// The relay of relay-perl.ts once more, for a host without perl: the same frames, python 3.6 or later, nothing beyond
// its standard library.

/** The program. */
export const RELAY_PYTHON = String.raw`
import os, select, signal, socket, struct, sys, time, random
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
signal.signal(signal.SIGTERM, lambda *a: os._exit(0))
start = time.monotonic()
now = lambda: int((time.monotonic() - start) * 1e6)
out = bytearray(); inp = bytearray()
conns = {}; pings = {}; dgrams = {}; runs = {}
def emit(*words): out.extend((' '.join(str(w) for w in words) + '\n').encode())
def want(word): return None if word == '-' else word
def domain(family): return socket.AF_INET6 if int(family) == 6 else socket.AF_INET
def errqueue_on(s, family, on): s.setsockopt(*((41, 25) if family == 6 else (0, 11)), on)
def tcpinfo(s):
    try: return s.getsockopt(6, 11, 512).hex() or '-'
    except OSError: return '-'
def place(s, family, source, device, port):
    what = 'device'
    try:
        if want(device): s.setsockopt(1, 25, device.encode() + b'\0')
        what = 'bind'
        if want(source) or port > 0:
            if port > 0: s.setsockopt(1, 2, 1)
            else:
                try: s.setsockopt(0, 24, 1)
                except OSError: pass
            s.bind((want(source) or ('::' if family == 6 else '0.0.0.0'), port))
    except (OSError, OverflowError) as e: return (what, getattr(e, 'errno', None) or 22)
    return None
def errqueue(s):
    try: data, control, flags, name = s.recvmsg(512, 512, 0x2040)
    except OSError: return None
    for level, kind, body in control:
        if (level, kind) in ((0, 11), (41, 25)) and len(body) >= 16:
            errno, origin, itype, code, pad, info = struct.unpack_from('=LBBBBL', body)
            family = struct.unpack_from('=H', body, 16)[0] if len(body) >= 18 else 0
            sender = '-'
            if family == socket.AF_INET: sender = socket.inet_ntop(family, body[20:24])
            if family == socket.AF_INET6: sender = socket.inet_ntop(family, body[24:40])
            return (errno, origin, itype, code, info, sender)
    return None
def close(s, hard=False):
    try:
        if hard: s.setsockopt(1, 13, struct.pack('ii', 1, 0))
    except OSError: pass
    s.close()
def drop(id, hard=False):
    c = conns.pop(id, None)
    if c: close(c['s'], hard)
def failed(id, phase, errno, c):
    s = c.get('s')
    q = errqueue(s) if s is not None and phase == 'connect' else None
    sender, itype, code = (q[5], q[2], q[3]) if q and q[1] >= 2 else ('-', 0, 0)
    emit('f', id, phase, errno, now() - c['t0'], c.get('port', 0), tcpinfo(s) if s is not None else '-', sender, itype, code)
    drop(id, errno == 110)
def begin(id, family, addr, port, source, device, mss, sport, queue, ms, ttl='-'):
    family = int(family)
    c = dict(t0=now(), out=bytearray(), credit=65536, family=family, queue=queue == '1', open=False, eof=False, closing=False)
    try: socket.inet_pton(domain(family), addr)
    except (OSError, ValueError): return failed(id, 'local', 97, c)
    try: s = socket.socket(domain(family), socket.SOCK_STREAM)
    except OSError as e: return failed(id, 'local', e.errno, c)
    s.setblocking(False)
    try: errqueue_on(s, family, 1)
    except OSError: pass
    try:
        if want(mss): s.setsockopt(6, 2, int(mss))
        if want(ttl): s.setsockopt(*((41, 16) if family == 6 else (0, 2)), int(ttl))
        s.setsockopt(6, 1, 1)
    except OSError: pass
    bad = place(s, family, source, device, int(want(sport) or 0))
    if bad: s.close(); return failed(id, bad[0], bad[1], c)
    c['s'] = s; conns[id] = c; c['t0'] = now(); c['until'] = c['t0'] + int(ms) * 1000
    try: e = s.connect_ex((addr, int(port)))
    except (OSError, OverflowError): e = 22
    c['port'] = s.getsockname()[1]
    if e == 0: return opened(id, c)
    if e != 115: failed(id, 'connect' if e == 111 else 'now', e, c)
def opened(id, c):
    c['open'] = True
    if not c['queue']:
        try: errqueue_on(c['s'], c['family'], 0)
        except OSError: pass
    emit('o', id, now() - c['t0'], c['port'], now())
SOFT = {113, 101, 90, 71, 92, 112}
def trouble(id, c, errno):
    if c['queue'] and errno in SOFT:
        errqueue(c['s']); emit('e', id, errno, now(), 'alive', '-')
    else:
        emit('e', id, errno, now(), 'dead', tcpinfo(c['s'])); drop(id)
def take(id, c):
    try: data = c['s'].recv(min(c['credit'], 16384))
    except (BlockingIOError, InterruptedError): return
    except OSError as e: return trouble(id, c, e.errno)
    if not data:
        c['eof'] = True; emit('z', id, now()); return
    c['credit'] -= len(data)
    emit('d', id, len(data), now()); out.extend(data); out.extend(b'\n')
def give(id, c):
    if c['out']:
        try: n = c['s'].send(c['out'])
        except (BlockingIOError, InterruptedError): return
        except OSError as e: return trouble(id, c, e.errno)
        del c['out'][:n]
        if c['out']: return
        emit('w', id, now())
    if c['closing']: drop(id)
def icmp(family):
    proto = 58 if family == 6 else 1
    for name, kind in (('dgram', socket.SOCK_DGRAM), ('raw', socket.SOCK_RAW)):
        try: return name, socket.socket(domain(family), kind, proto)
        except OSError as e: errno = e.errno
    return None, errno
def checksum(data):
    if len(data) % 2: data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total > 0xffff: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
def ping(id, family, addr, source, device, count, interval, wait, size):
    family = int(family)
    kind, s = icmp(family)
    if kind is None: return emit('p', id, 'error', s, 0, 0, 0, 0, 0)
    s.setblocking(False)
    bad = place(s, family, source, device, 0)
    if not bad:
        try: s.connect((addr, 0))
        except OSError as e: bad = ('connect', e.errno)
    if bad: s.close(); return emit('p', id, 'error', bad[1], 0, 0, 0, 0, 0)
    pings[id] = dict(s=s, kind=kind, family=family, count=int(count), interval=int(interval) * 1000, wait=int(wait) * 1000, pad=max(0, int(size) - (48 if family == 6 else 28)), next=now(), seq=0, sent={}, rtts=[], key=random.randrange(65536), errno=0)
def pinged(id, p):
    r = p['rtts']
    emit('p', id, p['kind'], p['errno'], p['seq'], len(r), min(r) if r else 0, sum(r) // len(r) if r else 0, max(r) if r else 0)
    p['s'].close(); del pings[id]
def pingsend(id, p):
    seq = p['seq'] & 0xffff
    head = lambda c: struct.pack('!BBHHH', 128 if p['family'] == 6 else 8, 0, c, p['key'], seq)
    body = b'm' * p['pad']
    packet = head(checksum(head(0) + body) if p['family'] == 4 else 0) + body
    p['sent'][seq] = now()
    try: p['s'].send(packet)
    except OSError as e: p['errno'] = p['errno'] or e.errno
    p['seq'] += 1; p['next'] += p['interval']
    if p['seq'] >= p['count']: p['until'] = now() + p['wait']
def pingread(id, p):
    for _ in range(64):
        try: packet = p['s'].recv(2048)
        except (BlockingIOError, InterruptedError): break
        except OSError as e: p['errno'] = p['errno'] or e.errno; continue
        if p['kind'] == 'raw' and p['family'] == 4 and packet: packet = packet[(packet[0] & 15) * 4:]
        if len(packet) < 8: continue
        kind, code, check, key, seq = struct.unpack_from('!BBHHH', packet)
        if kind != (129 if p['family'] == 6 else 0) or (p['kind'] == 'raw' and key != p['key']): continue
        at = p['sent'].pop(seq, None)
        if at is not None: p['rtts'].append(now() - at)
    if p['seq'] >= p['count'] and len(p['rtts']) >= p['count']: pinged(id, p)
def datagram(id, family, addr, port, source, device, sport, ttl, probe, ms, data):
    family = int(family); t0 = now(); s = None
    try:
        s = socket.socket(domain(family), socket.SOCK_DGRAM)
        s.setblocking(False)
        if probe == '1':
            errqueue_on(s, family, 1)
            s.setsockopt(*((41, 23) if family == 6 else (0, 10)), 3)
        if want(ttl): s.setsockopt(*((41, 16) if family == 6 else (0, 2)), int(ttl))
        bad = place(s, family, source, device, int(want(sport) or 0))
        if bad: raise OSError(bad[1], bad[0])
        s.connect((addr, int(port)))
        t0 = now()
        s.send(data)
    except OSError as e:
        if s is not None: s.close()
        return emit('u', id, 'local', e.errno or 22, now() - t0, '-', 0, 0, 0, 0)
    dgrams[id] = dict(s=s, t0=t0, probe=probe == '1', until=t0 + int(ms) * 1000)
def answered(id, d):
    q = errqueue(d['s']) if d['probe'] else None
    took = now() - d['t0']
    if q: emit('u', id, 'icmp', q[0], took, q[5], q[2], q[3], q[4], 0)
    else:
        try: data = d['s'].recv(65535)
        except (BlockingIOError, InterruptedError): return
        except OSError as e: emit('u', id, 'error', e.errno, took, '-', 0, 0, 0, 0)
        else: emit('u', id, 'data', 0, took, '-', 0, 0, 0, len(data)); out.extend(data); out.extend(b'\n')
    d['s'].close(); del dgrams[id]
def run(id, ms, data):
    words = data.split(b'\0')
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            null = os.open('/dev/null', os.O_RDONLY)
            os.dup2(null, 0); os.dup2(w, 1); os.dup2(w, 2)
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.execvp(words[0], words)
        except OSError: pass
        os._exit(127)
    os.close(w)
    runs[id] = dict(fd=r, pid=pid, data=bytearray(), until=now() + int(ms) * 1000)
def ran(id, r):
    data = os.read(r['fd'], 16384)
    if data:
        if len(r['data']) < 262144: r['data'].extend(data)
        return
    os.close(r['fd'])
    status = os.waitpid(r['pid'], 0)[1]
    emit('r', id, 128 + (status & 127) if status & 127 else status >> 8, len(r['data'])); out.extend(r['data']); out.extend(b'\n')
    del runs[id]
def obey(line, data):
    words = line.split(' ')
    word, id, rest = words[0], words[1], words[2:]
    c = conns.get(id)
    if word == 'O': begin(id, *rest)
    elif word == 'D':
        if c and c['open']: c['out'].extend(data); give(id, c)
    elif word == 'A':
        if c: c['credit'] += int(rest[0])
    elif word == 'C':
        if c:
            c['closing'] = True
            if not c['out']: drop(id)
    elif word == 'X': drop(id, True)
    elif word == 'I': emit('i', id, rest[0], tcpinfo(c['s']) if c else '-')
    elif word == 'T':
        errno = 1
        if c:
            try: c['s'].setsockopt(*((41, 16) if c['family'] == 6 else (0, 2)), int(rest[0])); errno = 0
            except OSError as e: errno = e.errno
        emit('t', id, rest[1], errno)
    elif word == 'P': ping(id, *rest)
    elif word == 'U': datagram(id, *rest, data)
    elif word == 'R': run(id, rest[0], data)
def parse():
    while True:
        end = inp.find(b'\n')
        if end < 0: return
        line = inp[:end].decode('latin1'); length = 0
        if line[0] in 'DUR':
            line, _, count = line.rpartition(' ')
            length = int(count)
            if len(inp) < end + 1 + length: return
        data = bytes(inp[end + 1:end + 1 + length])
        del inp[:end + 1 + length]
        obey(line, data)
def have(name): return int(any(os.access(d + '/' + name, os.X_OK) for d in os.environ.get('PATH', '').split(':')))
def kind_of(family):
    kind, s = icmp(family)
    if kind is None: return 'no'
    s.close(); return kind
emit('H', 1, 'python3', 'clock=monotonic', 'queue=1', 'icmp4=' + kind_of(4), 'icmp6=' + kind_of(6), 'ping=%d' % have('ping'), 'ip=%d' % have('ip'), 'name=' + os.environ.get('MAILCTL_NAME', ''))
while True:
    r = []; w = []; nexts = []
    if len(out) < 1048576: r.append(0)
    if out: w.append(1)
    for c in conns.values():
        if not c['open']: w.append(c['s']); nexts.append(c['until']); continue
        if not c['eof'] and c['credit'] > 0 and len(out) < 1048576: r.append(c['s'])
        if c['out']: w.append(c['s'])
    for p in pings.values(): r.append(p['s']); nexts.append(p['next'] if p['seq'] < p['count'] else p['until'])
    for d in dgrams.values(): r.append(d['s']); nexts.append(d['until'])
    for d in runs.values(): r.append(d['fd']); nexts.append(d['until'])
    wait = max(0, min(nexts) - now()) / 1e6 if nexts else 60
    readable, writable, _ = select.select(r, w, [], wait)
    readable = set(readable); writable = set(writable)
    if 1 in writable:
        try: del out[:os.write(1, out[:4096])]
        except (BlockingIOError, InterruptedError): pass
        except OSError: os._exit(0)
    for id, c in list(conns.items()):
        s = c['s']
        if not c['open']:
            if s in writable:
                e = s.getsockopt(1, 4)
                if e: failed(id, 'connect', e, c)
                else: opened(id, c)
            continue
        if s in writable: give(id, c)
        if id in conns and s in readable: take(id, c)
    for id, p in list(pings.items()):
        if p['s'] in readable: pingread(id, p)
    for id, d in list(dgrams.items()):
        if d['s'] in readable: answered(id, d)
    for id, d in list(runs.items()):
        if d['fd'] in readable: ran(id, d)
    if 0 in readable:
        data = os.read(0, 65536)
        if not data:
            for d in runs.values(): os.kill(d['pid'], signal.SIGKILL)
            os._exit(0)
        inp.extend(data); parse()
    at = now()
    for id, c in list(conns.items()):
        if not c['open'] and at >= c['until']: failed(id, 'connect', 110, c)
    for id, p in list(pings.items()):
        if p['seq'] < p['count'] and at >= p['next']: pingsend(id, p)
        if p['seq'] >= p['count'] and at >= p['until']: pinged(id, p)
    for id, d in list(dgrams.items()):
        if at >= d['until']:
            d['s'].close(); del dgrams[id]; emit('u', id, 'silent', 0, at - d['t0'], '-', 0, 0, 0, 0)
    for id, d in list(runs.items()):
        if at >= d['until']: os.kill(d['pid'], signal.SIGKILL); d['until'] += 1000000
`;
