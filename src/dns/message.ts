import { concat } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import { type Name, NameReader, toWire } from "./name.ts";
import { decodeRecord, encodeData } from "./rdata.ts";
import type { DnsRecord } from "./record.ts";
import { type RecordType, TYPE_OPT, typeName, typeNumber } from "./type.ts";

/** Response codes (RFC 1035, 4.1.1; RFC 6891, 9; RFC 7873, 8). */
export const RCODE = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
  badVersion: 16,
  badCookie: 23,
} as const;

/** A message as values. Records of other classes than IN are left out; names are in lower case. */
export interface Message {
  readonly id: number;
  readonly isResponse: boolean;
  readonly opcode: number;
  readonly isAuthoritative: boolean;
  readonly isTruncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** With the upper bits of the OPT record. */
  readonly rcode: number;
  readonly question: Question | undefined;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  readonly edns: Edns | undefined;
  /** Bytes behind the last record. */
  readonly trailing: number;
}

export interface Question {
  readonly name: Name;
  readonly type: RecordType;
}

/** What the OPT record says (RFC 6891, 6.1). */
export interface Edns {
  /** The largest datagram its sender takes, in bytes. */
  readonly size: number;
  readonly version: number;
  readonly options: readonly EdnsOption[];
}

export interface EdnsOption {
  readonly code: number;
  readonly value: Uint8Array;
}

/** Records that are read; what stands behind them is passed over, but for the OPT record. */
export const MAX_RECORDS = 100;
const HEADER = 12;
const CLASS_IN = 1;
const NONE: readonly never[] = [];

/** A question that has been found at the head of a message, and where it ends. */
export interface Echo {
  readonly question: Question;
  readonly end: number;
}

/** The message in `bytes`, or the fault that makes it none. Never throws. `echo` saves reading the question again. */
export function decodeMessage(bytes: Uint8Array, echo?: Echo): Message | Malformed {
  try {
    return decode(bytes, echo);
  } catch (error) {
    if (error instanceof Malformed) return error;
    throw error;
  }
}

/** The bytes of a message, names uncompressed except for pointers to the question's. Throws Malformed. */
export function encodeMessage(message: Message): Uint8Array {
  const bytes: number[] = [];
  const count = message.edns === undefined ? 0 : 1;
  const flags =
    (message.isResponse ? 0x8000 : 0) |
    ((message.opcode & 0x0f) << 11) |
    (message.isAuthoritative ? 0x0400 : 0) |
    (message.isTruncated ? 0x0200 : 0) |
    (message.recursionDesired ? 0x0100 : 0) |
    (message.recursionAvailable ? 0x0080 : 0) |
    (message.rcode & 0x0f);
  push16(bytes, message.id, flags, message.question === undefined ? 0 : 1, message.answers.length);
  push16(bytes, message.authorities.length, message.additionals.length + count);
  if (message.question !== undefined) {
    pushAll(bytes, wireName(message.question.name));
    push16(bytes, typeNumber(message.question.type), CLASS_IN);
  }
  const asked = message.question?.name;
  for (const record of message.answers) pushRecord(bytes, record, asked);
  for (const record of message.authorities) pushRecord(bytes, record, asked);
  for (const record of message.additionals) pushRecord(bytes, record, asked);
  if (message.edns !== undefined) pushOpt(bytes, message.edns, message.rcode >> 4);
  return Uint8Array.from(bytes);
}

function decode(bytes: Uint8Array, echo: Echo | undefined): Message {
  if (bytes.length < HEADER) throw new Malformed("Shorter than a header");
  const names = new NameReader(bytes);
  const flags = u16(bytes, 2);
  const questions = u16(bytes, 4);
  if (questions > 1) throw new Malformed("More than one question");
  let question = echo?.question;
  let at = echo?.end ?? HEADER;
  if (question !== undefined) names.know(question.name, HEADER);
  else if (questions === 1) {
    const name = names.read(at);
    at = names.end + 4;
    if (at > bytes.length) throw new Malformed("The question runs past the end");
    if (u16(bytes, at - 2) !== CLASS_IN) throw new Malformed("The question is not of class IN");
    question = { name, type: typeName(u16(bytes, at - 4)) };
  }
  const records = new Records(bytes, names, at);
  const answers = records.section(u16(bytes, 6));
  const authorities = records.section(u16(bytes, 8));
  const additionals = records.section(u16(bytes, 10));
  return {
    id: u16(bytes, 0),
    isResponse: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 0x0f,
    isAuthoritative: (flags & 0x0400) !== 0,
    isTruncated: (flags & 0x0200) !== 0,
    recursionDesired: (flags & 0x0100) !== 0,
    recursionAvailable: (flags & 0x0080) !== 0,
    rcode: (flags & 0x0f) | (records.upperRcode << 4),
    question,
    answers,
    authorities,
    additionals,
    edns: records.edns,
    trailing: bytes.length - records.at,
  };
}

/** One of each class that decoding makes, for who wants to keep their shapes alive (see `Work`). */
export function decoderShapes(): readonly object[] {
  const names = new NameReader(new Uint8Array(0));
  return [names, new Records(new Uint8Array(0), names, 0)];
}

/** Walks the three sections of records. */
class Records {
  at: number;
  edns: Edns | undefined;
  upperRcode = 0;
  readonly #bytes: Uint8Array;
  readonly #names: NameReader;
  #count = 0;

  constructor(bytes: Uint8Array, names: NameReader, at: number) {
    this.#bytes = bytes;
    this.#names = names;
    this.at = at;
  }

  section(count: number): readonly DnsRecord[] {
    if (count === 0) return NONE;
    const bytes = this.#bytes;
    let found: DnsRecord[] | undefined;
    for (let index = 0; index < count; index++) {
      const first = this.at;
      const isRead = ++this.#count <= MAX_RECORDS;
      const name = isRead ? this.#names.read(first) : this.#names.skip(first);
      const start = this.#names.end + 10;
      if (start > bytes.length) throw new Malformed("A record runs past the end");
      const number = u16(bytes, start - 10);
      const ofClass = u16(bytes, start - 8);
      const ttl = u16(bytes, start - 6) * 0x10000 + u16(bytes, start - 4);
      const end = start + u16(bytes, start - 2);
      if (end > bytes.length) throw new Malformed("Data run past the end");
      this.at = end;
      if (number === TYPE_OPT) this.#opt(bytes[first] === 0, ofClass, ttl, start, end);
      else if (ofClass === CLASS_IN && name !== undefined) {
        const record = decodeRecord(bytes, this.#names, { name, number, ttl }, start, end);
        if (found === undefined) found = [record];
        else found.push(record);
      }
    }
    return found ?? NONE;
  }

  #opt(isRoot: boolean, size: number, ttl: number, start: number, end: number): void {
    if (this.edns !== undefined) throw new Malformed("More than one OPT record");
    if (!isRoot) throw new Malformed("An OPT record that has a name");
    const bytes = this.#bytes;
    const options: EdnsOption[] = [];
    for (let at = start; at < end; ) {
      if (at + 4 > end) throw new Malformed("An option runs past its record");
      const last = at + 4 + u16(bytes, at + 2);
      if (last > end) throw new Malformed("An option runs past its record");
      options.push({ code: u16(bytes, at), value: concat([bytes.subarray(at + 4, last)]) });
      at = last;
    }
    this.upperRcode = Math.floor(ttl / 0x1000000);
    this.edns = { size, version: Math.floor(ttl / 0x10000) & 0xff, options };
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function wireName(name: Name): Uint8Array {
  const wire = toWire(name);
  if (wire === undefined) throw new Malformed(`Not to be encoded: "${name}"`);
  return wire;
}

function pushRecord(bytes: number[], record: DnsRecord, asked: Name | undefined): void {
  if (record.name === asked) push16(bytes, 0xc000 | HEADER);
  else pushAll(bytes, wireName(record.name));
  const data = encodeData(record);
  push16(bytes, typeNumber(record.type), CLASS_IN, record.ttl >>> 16, record.ttl, data.length);
  pushAll(bytes, data);
}

function pushOpt(bytes: number[], edns: Edns, upperRcode: number): void {
  const length = edns.options.reduce((sum, { value }) => sum + 4 + value.length, 0);
  bytes.push(0);
  push16(bytes, TYPE_OPT, edns.size, (upperRcode << 8) | edns.version, 0, length);
  for (const { code, value } of edns.options) {
    push16(bytes, code, value.length);
    pushAll(bytes, value);
  }
}

function push16(bytes: number[], ...values: readonly number[]): void {
  for (const value of values) bytes.push((value >> 8) & 0xff, value & 0xff);
}

function pushAll(bytes: number[], more: Uint8Array): void {
  for (const byte of more) bytes.push(byte);
}
