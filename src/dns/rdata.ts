import { concat } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./address.ts";
import { type Name, type NameReader, toWire } from "./name.ts";
import type { DnsRecord, ServiceRecord } from "./record.ts";
import { typeName } from "./type.ts";

/**
 * The record of `number` whose data are `bytes[start..end)`. Every form must fill its data exactly (RFC 9267, 5).
 * Throws Malformed.
 */
export function decodeRecord(
  bytes: Uint8Array,
  names: NameReader,
  at: { readonly name: Name; readonly number: number; readonly ttl: number },
  start: number,
  end: number,
): DnsRecord {
  const { name, number, ttl } = at;
  switch (number) {
    case 1:
      exactly(end - start, 4);
      return { type: "A", name, ttl, address: formatIpv4(bytes, start) };
    case 28:
      exactly(end - start, 16);
      return { type: "AAAA", name, ttl, address: formatIpv6(bytes, start) };
    case 2:
    case 5:
    case 12:
    case 39: {
      const target = lastName(names, start, end);
      return { type: typeName(number) as "NS", name, ttl, target };
    }
    default:
      return decodeRare(new Data(bytes, names, start, end), at);
  }
}

/** The data of a record as they stand on the wire, names uncompressed. Throws Malformed for what no wire can carry. */
export function encodeData(record: DnsRecord): Uint8Array {
  switch (record.type) {
    case "A":
      return required(parseIpv4(record.address), record.address);
    case "AAAA":
      return required(parseIpv6(record.address), record.address);
    case "NS":
    case "CNAME":
    case "PTR":
    case "DNAME":
      return wire(record.target);
    case "MX":
      return join(u16(record.preference), wire(record.exchange));
    case "SOA": {
      const { serial, refresh, retry, expire, minimum } = record;
      const numbers = [serial, refresh, retry, expire, minimum].map(u32);
      return join(wire(record.primary), wire(record.mailbox), ...numbers);
    }
    case "SRV":
      return join(u16(record.priority), u16(record.weight), u16(record.port), wire(record.target));
    case "TXT":
      return join(...record.strings.map(string));
    case "CAA":
      return join([record.critical ? 0x80 : 0], string(ascii(record.tag)), record.value);
    case "NAPTR":
      return join(
        u16(record.order),
        u16(record.preference),
        string(ascii(record.flags)),
        string(ascii(record.service)),
        string(record.regexp),
        wire(record.replacement),
      );
    case "SVCB":
    case "HTTPS": {
      const parameters = record.parameters.map(({ key, value }) => join(u16(key), u16(value.length), value));
      return join(u16(record.priority), wire(record.target), ...parameters);
    }
    case "TLSA":
      return join([record.usage, record.selector, record.matching], record.data);
    default:
      return record.bytes;
  }
}

function decodeRare(
  data: Data,
  { name, number, ttl }: { readonly name: Name; readonly number: number; readonly ttl: number },
): DnsRecord {
  switch (number) {
    case 6:
      return {
        type: "SOA",
        name,
        ttl,
        primary: data.name(),
        mailbox: data.name(),
        serial: data.u32(),
        refresh: data.u32(),
        retry: data.u32(),
        expire: data.u32(),
        minimum: data.done(data.u32()),
      };
    case 15:
      return { type: "MX", name, ttl, preference: data.u16(), exchange: data.done(data.name()) };
    case 16: {
      const strings: Uint8Array[] = [];
      do strings.push(data.string());
      while (data.left > 0);
      return { type: "TXT", name, ttl, strings };
    }
    case 33:
      return {
        type: "SRV",
        name,
        ttl,
        priority: data.u16(),
        weight: data.u16(),
        port: data.u16(),
        target: data.done(data.name()),
      };
    case 35:
      return {
        type: "NAPTR",
        name,
        ttl,
        order: data.u16(),
        preference: data.u16(),
        flags: text(data.string()),
        service: text(data.string()),
        regexp: data.string(),
        replacement: data.done(data.name()),
      };
    case 52:
      return {
        type: "TLSA",
        name,
        ttl,
        usage: data.u8(),
        selector: data.u8(),
        matching: data.u8(),
        data: data.rest(),
      };
    case 64:
    case 65:
      return {
        type: number === 64 ? "SVCB" : "HTTPS",
        name,
        ttl,
        priority: data.u16(),
        target: data.name(),
        parameters: decodeParameters(data),
      };
    case 257: {
      const critical = (data.u8() & 0x80) !== 0;
      return { type: "CAA", name, ttl, critical, tag: text(data.string()), value: data.rest() };
    }
    default:
      return { type: `TYPE${number}`, name, ttl, bytes: data.rest() };
  }
}

/** Keys must rise, so that none stands twice (RFC 9460, 2.2). */
function decodeParameters(data: Data): ServiceRecord["parameters"] {
  const parameters: { key: number; value: Uint8Array }[] = [];
  let last = -1;
  while (data.left > 0) {
    const key = data.u16();
    if (key <= last) throw new Malformed("A service parameter is out of order");
    last = key;
    parameters.push({ key, value: data.bytes(data.u16()) });
  }
  return parameters;
}

/** Walks the data of one record and never leaves it. */
class Data {
  readonly #bytes: Uint8Array;
  readonly #names: NameReader;
  readonly #end: number;
  #at: number;

  constructor(bytes: Uint8Array, names: NameReader, start: number, end: number) {
    this.#bytes = bytes;
    this.#names = names;
    this.#at = start;
    this.#end = end;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    this.#take(1);
    return this.#bytes[this.#at - 1] as number;
  }

  u16(): number {
    return this.u8() * 0x100 + this.u8();
  }

  u32(): number {
    return this.u16() * 0x10000 + this.u16();
  }

  bytes(length: number): Uint8Array {
    this.#take(length);
    // A copy, and not a Buffer: a Buffer's slice would hold on to the whole datagram.
    return concat([this.#bytes.subarray(this.#at - length, this.#at)]);
  }

  #take(length: number): void {
    if (length > this.left) throw new Malformed("A record runs past its data");
    this.#at += length;
  }

  string(): Uint8Array {
    return this.bytes(this.u8());
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }

  name(): Name {
    const name = this.#names.read(this.#at);
    if (this.#names.end > this.#end) throw new Malformed("A name runs past its record");
    this.#at = this.#names.end;
    return name;
  }

  done<Value>(value: Value): Value {
    exactly(this.left, 0);
    return value;
  }
}

function lastName(names: NameReader, start: number, end: number): Name {
  const name = names.read(start);
  exactly(names.end, end);
  return name;
}

function exactly(length: number, wanted: number): void {
  if (length !== wanted) throw new Malformed("A record does not fill its data");
}

function required(bytes: Uint8Array | undefined, text: string): Uint8Array {
  if (bytes === undefined) throw new Malformed(`Not to be encoded: "${text}"`);
  return bytes;
}

function wire(name: Name): Uint8Array {
  return required(toWire(name), name);
}

function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function u16(value: number): readonly number[] {
  return [(value >> 8) & 0xff, value & 0xff];
}

function u32(value: number): readonly number[] {
  return [...u16(value >>> 16), ...u16(value & 0xffff)];
}

function string(bytes: Uint8Array): Uint8Array {
  if (bytes.length > 0xff) throw new Malformed("Not to be encoded: a string of more than 255 bytes");
  return join([bytes.length], bytes);
}

/** One character a byte. */
function ascii(value: string): Uint8Array {
  return Uint8Array.from(value, (character) => character.charCodeAt(0) & 0xff);
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
