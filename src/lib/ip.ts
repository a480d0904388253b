// IP addresses as numbers: are they in a network, and what are they called in the reverse zones. Pure.

/** IPv4 or IPv6. */
export type IpFamily = 4 | 6;

/** Of something that is known to be an address. */
export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 6 : 4;
}

/** Is it the host's own? */
export function isLoopback(address: string): boolean {
  return address.startsWith('127.') || address === '::1';
}

/** An address as its bytes; undefined: it is none. */
export function ipBytes(text: string): readonly number[] | undefined {
  return text.includes(':') ? bytes6(text) : bytes4(text);
}

function bytes4(text: string): readonly number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255))
    return undefined;
  return parts.map(Number);
}

function bytes6(text: string): readonly number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2 || !/^[0-9a-f:.]+$/i.test(text)) return undefined;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const expanded = groups.map((half) =>
    half.flatMap((group, at) => {
      if (!group.includes('.')) return [group];
      const four = at === half.length - 1 ? bytes4(group) : undefined;
      if (four === undefined) return ['x'];
      const [a = 0, b = 0, c = 0, d = 0] = four;
      return [(a * 256 + b).toString(16), (c * 256 + d).toString(16)];
    }),
  );
  const [before = [], after] = expanded;
  const missing = 8 - before.length - (after?.length ?? 0);
  if (after === undefined ? missing !== 0 : missing < 1) return undefined;
  const all = [...before, ...Array.from({ length: missing }, () => '0'), ...(after ?? [])];
  if (all.some((group) => !/^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return all.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 255];
  });
}

/** Is the address in the network of this prefix? False where either is none, or they are of two families. */
export function isInNetwork(address: string, network: string, prefix: number): boolean {
  const [one, other] = [ipBytes(address), ipBytes(network)];
  if (one === undefined || other === undefined || one.length !== other.length) return false;
  if (prefix < 0 || prefix > one.length * 8) return false;
  for (let bit = 0; bit < prefix; bit += 8) {
    const mask = bit + 8 <= prefix ? 255 : (255 << (bit + 8 - prefix)) & 255;
    if (((one[bit / 8] ?? 0) & mask) !== ((other[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}

/** `10.2.0.192.in-addr.arpa`; with another zone, as block lists are asked. */
export function reverseName(address: string, zone?: string): string | undefined {
  const bytes = ipBytes(address);
  if (bytes === undefined) return undefined;
  const labels =
    bytes.length === 4
      ? [...bytes].reverse().map(String)
      : bytes
          .flatMap((byte) => [byte >> 4, byte & 15])
          .reverse()
          .map((nibble) => nibble.toString(16));
  return `${labels.join('.')}.${zone ?? (bytes.length === 4 ? 'in-addr.arpa' : 'ip6.arpa')}`;
}
