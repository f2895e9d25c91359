/** The record types that have a form of their own; every other one is `TYPE<number>` and bytes (RFC 3597). */
export type KnownType =
  | "A"
  | "NS"
  | "CNAME"
  | "SOA"
  | "PTR"
  | "MX"
  | "TXT"
  | "AAAA"
  | "SRV"
  | "NAPTR"
  | "DNAME"
  | "TLSA"
  | "SVCB"
  | "HTTPS"
  | "CAA";

/** What may be asked for, as in zone files: `AAAA`, `MX`, `TYPE65280`. */
export type RecordType = KnownType | `TYPE${number}`;

const NUMBERS: Readonly<Record<KnownType, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DNAME: 39,
  TLSA: 52,
  SVCB: 64,
  HTTPS: 65,
  CAA: 257,
};

const NAMES: readonly (KnownType | undefined)[] = Array.from({ length: 258 }, (_, number) =>
  (Object.keys(NUMBERS) as KnownType[]).find((name) => NUMBERS[name] === number),
);

/** Pseudo-type of EDNS (RFC 6891). */
export const TYPE_OPT = 41;

/** The number of `type` on the wire. */
export function typeNumber(type: RecordType): number {
  return NUMBERS[type as KnownType] ?? Number(type.slice(4));
}

/** The type that has `number` on the wire. */
export function typeName(number: number): RecordType {
  return NAMES[number] ?? `TYPE${number}`;
}

/** The type a person wrote, in any case; undefined when there is none like it. */
export function parseType(text: string): RecordType | undefined {
  const upper = text.toUpperCase();
  if (Object.hasOwn(NUMBERS, upper)) return upper as KnownType;
  const match = /^TYPE(\d{1,5})$/.exec(upper);
  if (match === null) return undefined;
  const number = Number(match[1]);
  return number >= 1 && number <= 0xffff ? typeName(number) : undefined;
}
