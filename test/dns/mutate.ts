/** A repeatable source of numbers, from a seed (mulberry32). */
export function seededInteger(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A message like one of the seeds with up to four faults: flipped bits, lies, pointers, cuts, splices. */
export function mutate(seeds: readonly Uint8Array[], integer: (below: number) => number): Uint8Array {
  let bytes = Uint8Array.from(pick(seeds, integer));
  for (let faults = 1 + integer(4); faults > 0; faults--) bytes = fault(bytes, seeds, integer);
  return bytes;
}

function fault(
  bytes: Uint8Array<ArrayBuffer>,
  seeds: readonly Uint8Array[],
  integer: (below: number) => number,
): Uint8Array<ArrayBuffer> {
  const at = integer(bytes.length + 1);
  switch (integer(8)) {
    case 0:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << integer(8));
      return bytes;
    case 1:
      bytes[at] = integer(256);
      return bytes;
    case 2:
      return bytes.slice(0, at);
    case 3: {
      // A compression pointer to anywhere.
      bytes[at] = 0xc0 | integer(2);
      bytes[at + 1] = integer(256);
      return bytes;
    }
    case 4: {
      // A count that lies.
      bytes[4 + integer(4) * 2] = integer(4) === 0 ? 255 : 0;
      bytes[5 + integer(4) * 2] = integer(256);
      return bytes;
    }
    case 5: {
      const other = pick(seeds, integer);
      return join(bytes.slice(0, at), other.slice(integer(other.length)));
    }
    case 6:
      return join(bytes, bytes.slice(at));
    default:
      return join(
        bytes.slice(0, at),
        Uint8Array.from({ length: integer(64) }, () => integer(256)),
      );
  }
}

function pick(seeds: readonly Uint8Array[], integer: (below: number) => number): Uint8Array {
  return seeds[integer(seeds.length)] ?? new Uint8Array(0);
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(Math.min(a.length + b.length, 65_535));
  whole.set(a.subarray(0, whole.length));
  whole.set(b.subarray(0, whole.length - a.length), a.length);
  return whole;
}
