// Linux's error numbers, as a relay says them, with their names and words: those that connections meet. This machine
// may be another system than the vantage, so node's own table is of no use.
const NAMES: ReadonlyMap<number, readonly [name: string, words: string]> = new Map([
  [1, ['EPERM', 'a firewall of the host itself does not let it out']],
  [9, ['EBADF', 'the connection is gone']],
  [13, ['EACCES', 'not permitted on the host']],
  [19, ['ENODEV', 'the host has no such interface']],
  [22, ['EINVAL', 'the host does not accept that']],
  [24, ['EMFILE', 'the relay has no descriptors left']],
  [32, ['EPIPE', 'the connection was ended']],
  [71, ['EPROTO', 'protocol error']],
  [90, ['EMSGSIZE', 'the packet is too big for the way']],
  [92, ['ENOPROTOOPT', 'protocol not available']],
  [93, ['EPROTONOSUPPORT', 'the host does not speak that protocol']],
  [97, ['EAFNOSUPPORT', 'the host does not speak that kind of address']],
  [98, ['EADDRINUSE', 'the source port is in use on the host']],
  [99, ['EADDRNOTAVAIL', 'the host does not have that source address']],
  [100, ['ENETDOWN', 'the interface is down']],
  [101, ['ENETUNREACH', 'network unreachable']],
  [103, ['ECONNABORTED', 'connection aborted']],
  [104, ['ECONNRESET', 'connection reset']],
  [105, ['ENOBUFS', 'the host has no buffers left']],
  [110, ['ETIMEDOUT', 'no answer']],
  [111, ['ECONNREFUSED', 'connection refused']],
  [112, ['EHOSTDOWN', 'host is down']],
  [113, ['EHOSTUNREACH', 'no route to host']],
]);

/** `ECONNREFUSED`, or `errno 77`. */
export function errnoName(errno: number): string {
  return NAMES.get(errno)?.[0] ?? `errno ${errno}`;
}

/** In words. */
export function errnoWords(errno: number): string {
  return NAMES.get(errno)?.[1] ?? `error number ${errno}`;
}
