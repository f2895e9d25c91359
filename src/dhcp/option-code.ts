/** Options by name (RFC 2132 unless said otherwise). */
export const OPTION = {
  subnetMask: 1,
  router: 3,
  dnsServer: 6,
  hostname: 12,
  domainName: 15,
  mtu: 26,
  broadcast: 28,
  ntpServer: 42,
  vendorSpecific: 43,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverId: 54,
  parameterList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientId: 61,
  tftpServer: 66,
  bootFile: 67,
  /** RFC 3004. */
  userClass: 77,
  /** RFC 4039. */
  rapidCommit: 80,
  /** RFC 4702. */
  fqdn: 81,
  /** RFC 4833. */
  posixTimezone: 100,
  timezone: 101,
  /** RFC 8925. */
  ipv6OnlyPreferred: 108,
  /** RFC 8910. */
  captivePortal: 114,
  /** RFC 3397. */
  domainSearch: 119,
  /** RFC 3442. */
  classlessRoutes: 121,
  wpad: 252,
} as const;

/** The least length and what it is a multiple of (above `base`), of options that have such a rule. */
interface Shape {
  readonly least: number;
  readonly unit: number;
  readonly base?: number;
}

const ADDRESSES: Shape = { least: 4, unit: 4 };
const PAIRS: Shape = { least: 8, unit: 8 };

/** Options of exactly so many bytes. */
const EXACT: Readonly<Record<number, readonly number[]>> = {
  0: [80],
  1: [19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 53, 116],
  2: [13, 22, 26, 57],
  4: [1, 2, 16, 24, 28, 32, 35, 38, 50, 51, 54, 58, 59, 108, 118],
};

/** Options of which less is known than a length, and of which some length is required. */
const TEXTS = [12, 14, 15, 17, 18, 40, 43, 47, 56, 60, 64, 66, 67, 77, 100, 101, 114, 119, 252];

const SHAPES: ReadonlyMap<number, Shape> = new Map<number, Shape>([
  ...[3, 4, 5, 6, 7, 8, 9, 10, 11, 41, 42, 44, 45, 48, 49, 65, 69, 70, 71, 72, 73, 74, 75, 76].map(
    (code): [number, Shape] => [code, ADDRESSES],
  ),
  ...[21, 33].map((code): [number, Shape] => [code, PAIRS]),
  ...TEXTS.map((code): [number, Shape] => [code, { least: 1, unit: 1 }]),
  [25, { least: 2, unit: 2 }],
  [61, { least: 2, unit: 1 }],
  [68, { least: 0, unit: 4 }],
  [81, { least: 3, unit: 1 }],
  [82, { least: 2, unit: 1 }],
  [121, { least: 5, unit: 1 }],
  // 6rd: masks, a prefix of 16 bytes, and one address or more (RFC 5969, 7.1.1).
  [212, { least: 22, unit: 4, base: 18 }],
]);

const LENGTHS: ReadonlyMap<number, number> = new Map(
  Object.entries(EXACT).flatMap(([length, codes]) => codes.map((code) => [code, Number(length)] as const)),
);

/** Whether an option has a length that its definition allows; true for options without a rule. */
export function hasRightLength(code: number, length: number): boolean {
  const exact = LENGTHS.get(code);
  if (exact !== undefined) return length === exact;
  const shape = SHAPES.get(code);
  if (shape === undefined) return true;
  const { least, unit, base = 0 } = shape;
  return length >= least && (length - base) % unit === 0;
}
