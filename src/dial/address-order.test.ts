import { describe, expect, test } from "vitest";
import { type Candidate, orderAddresses, type SourceAddress } from "./address-order.ts";

/** RFC 6724, 10.2, and what its rules say beyond; the wanted order is the one written. */
const TABLE: readonly (readonly [
  string,
  readonly (readonly [string, string | SourceAddress | undefined])[],
])[] = [
  [
    "rule 1: what has no route goes last",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["2001:db8:1::1", undefined],
    ],
  ],
  [
    "rule 1: what is no address goes last",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["nonsense", "::1"],
    ],
  ],
  [
    "rule 1: a source that is no address counts as none",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["2001:db8::1", "x"],
    ],
  ],
  [
    "rule 2: matching scope, IPv6 first",
    [
      ["2001:db8:1::1", "2001:db8:1::2"],
      ["198.51.100.121", "169.254.13.78"],
    ],
  ],
  [
    "rule 2: matching scope, IPv4 first",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["2001:db8:1::1", "fe80::1"],
    ],
  ],
  [
    "rule 2: site-local and multicast have scopes of their own",
    [
      ["ff05::1", "fec0::1"],
      ["2001:db8:1::1", "fec0::1"],
    ],
  ],
  [
    "rule 3: a deprecated source loses",
    [
      ["2001:db8:1::1", "2001:db8:1::2"],
      ["2001:db8:2::1", deprecated("2001:db8:2::2")],
    ],
  ],
  [
    "rule 5: matching label",
    [
      ["2002:c633:6401::1", "2002:c633:6401::2"],
      ["2001:db8:1::1", "2002:c633:6401::2"],
    ],
  ],
  [
    "rule 6: higher precedence: IPv6 before IPv4",
    [
      ["2001:db8:1::1", "2001:db8:1::2"],
      ["10.1.2.3", "10.1.2.4"],
    ],
  ],
  [
    "rule 6: IPv4 before 6to4",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["2002:c633:6401::1", "2002:c633:6401::2"],
    ],
  ],
  [
    "rule 6: IPv4 before unique local",
    [
      ["198.51.100.121", "198.51.100.117"],
      ["fd00::1", "fd00::2"],
    ],
  ],
  [
    "rule 6: 6to4 before Teredo",
    [
      ["2002:c633:6401::1", "2002:c633:6401::2"],
      ["2001::1", "2001::2"],
    ],
  ],
  [
    "rule 6: IPv6 loopback before IPv4 loopback",
    [
      ["::1", "::1"],
      ["127.0.0.1", "127.0.0.1"],
    ],
  ],
  [
    "rule 7: native before tunnel",
    [
      ["2001:db8:1::1", "2001:db8:1::2"],
      ["2001:db8:3::1", tunnel("2001:db8:3::2")],
    ],
  ],
  [
    "rule 8: smaller scope",
    [
      ["fe80::1", "fe80::2"],
      ["2001:db8:1::1", "2001:db8:1::2"],
    ],
  ],
  [
    "rule 9: longest matching prefix",
    [
      ["2001:db8:1::1", "2001:db8:1::2"],
      ["2001:db8:3ffe::1", "2001:db8:3f44::2"],
    ],
  ],
  [
    "rule 9: IPv4 within the known network",
    [
      ["192.0.2.1", { address: "192.0.2.9", prefixLength: 24 }],
      ["198.51.100.1", { address: "192.0.2.9", prefixLength: 24 }],
    ],
  ],
];

describe("orderAddresses", () => {
  test.each(TABLE)("DNS-53 %s", (_, wanted) => {
    const candidates = wanted.map(([address, source]) => candidate(address, source));

    expect(orderAddresses(candidates)).toEqual(candidates);
    expect(orderAddresses([...candidates].reverse())).toEqual(candidates);
  });

  test("DNS-53 rule 9 looks only at the network of the source, rule 10 leaves the rest as it came", () => {
    const source = { address: "192.0.2.9", prefixLength: 0 };
    const far = candidate("198.51.100.1", source);
    const near = candidate("192.0.2.8", source);

    expect(orderAddresses([far, near])).toEqual([far, near]);
    expect(orderAddresses([near, far])).toEqual([near, far]);
  });

  test("DNS-53 rule 9 does not compare the families", () => {
    const four = candidate("192.0.2.1", { address: "192.0.2.9", prefixLength: 24 });
    const mapped = candidate("::ffff:198.51.100.1", "::ffff:198.51.100.1");

    expect(orderAddresses([mapped, four])).toEqual([mapped, four]);
    expect(orderAddresses([four, mapped])).toEqual([four, mapped]);
  });
});

function candidate(address: string, source: string | SourceAddress | undefined): Candidate {
  if (typeof source !== "string") return { address, source };
  return { address, source: { address: source, prefixLength: source.includes(":") ? 64 : 0 } };
}

function deprecated(address: string): SourceAddress {
  return { address, prefixLength: 64, isDeprecated: true };
}

function tunnel(address: string): SourceAddress {
  return { address, prefixLength: 64, isEncapsulated: true };
}
