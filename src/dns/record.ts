import type { Address } from "./address.ts";
import type { Name } from "./name.ts";

interface Common<Type extends string> {
  readonly type: Type;
  readonly name: Name;
  /** Seconds, as the server gave it. */
  readonly ttl: number;
}

export interface AddressRecord extends Common<"A" | "AAAA"> {
  readonly address: Address;
}

export interface TargetRecord extends Common<"NS" | "CNAME" | "PTR" | "DNAME"> {
  readonly target: Name;
}

export interface MxRecord extends Common<"MX"> {
  readonly preference: number;
  readonly exchange: Name;
}

export interface SoaRecord extends Common<"SOA"> {
  readonly primary: Name;
  readonly mailbox: Name;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minimum: number;
}

export interface SrvRecord extends Common<"SRV"> {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: Name;
}

export interface TxtRecord extends Common<"TXT"> {
  /** The strings of the record, bytes of any encoding. */
  readonly strings: readonly Uint8Array[];
}

export interface CaaRecord extends Common<"CAA"> {
  readonly critical: boolean;
  readonly tag: string;
  readonly value: Uint8Array;
}

export interface NaptrRecord extends Common<"NAPTR"> {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: Uint8Array;
  readonly replacement: Name;
}

/** RFC 9460. Priority 0 is the alias form. */
export interface ServiceRecord extends Common<"SVCB" | "HTTPS"> {
  readonly priority: number;
  readonly target: Name;
  /** In ascending order of key: 0 mandatory, 1 alpn, 3 port, 4 ipv4hint, 5 ech, 6 ipv6hint. */
  readonly parameters: readonly { readonly key: number; readonly value: Uint8Array }[];
}

export interface TlsaRecord extends Common<"TLSA"> {
  readonly usage: number;
  readonly selector: number;
  readonly matching: number;
  readonly data: Uint8Array;
}

/** A type without a form of its own (RFC 3597). */
export interface UnknownRecord extends Common<`TYPE${number}`> {
  readonly bytes: Uint8Array;
}

export type DnsRecord =
  | AddressRecord
  | TargetRecord
  | MxRecord
  | SoaRecord
  | SrvRecord
  | TxtRecord
  | CaaRecord
  | NaptrRecord
  | ServiceRecord
  | TlsaRecord
  | UnknownRecord;
