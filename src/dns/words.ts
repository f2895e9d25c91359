import type { Millis } from "../lib/millis.ts";
import type { Address } from "./address.ts";
import type { HostsTable } from "./hosts.ts";
import type { Name } from "./name.ts";
import type { DnsRecord } from "./record.ts";
import type { ResolvConf } from "./resolv-conf.ts";
import type { ServerAddress } from "./server-address.ts";
import type { RecordType } from "./type.ts";

/** One client's question; unique in its resolver. */
export type LookupId = number;
/** One UDP socket, connected to one server. */
export type ChannelId = number;
/** One TCP connection to one server. */
export type ConnectionId = number;

/** Why a lookup has no records. */
export type DnsFailure =
  | "not-found"
  | "no-data"
  | "server-failure"
  | "refused"
  | "timeout"
  | "cname-loop"
  | "no-servers"
  | "too-many-files"
  | "bad-name"
  | "aborted";

export interface LookupRequest {
  readonly name: string;
  /** Asked at once; one delivery when all are known. */
  readonly types: readonly RecordType[];
  /** When the answer must be there. */
  readonly deadline: Millis;
  /** Ask these and not the configured ones; such answers are kept apart in the cache. */
  readonly servers?: readonly ServerAddress[] | undefined;
  /** Append the search list; true for host names, false for records. */
  readonly search?: boolean | undefined;
  /** Neither read nor trust the cache; the answer is stored. */
  readonly fresh?: boolean | undefined;
  /** Tell each type's records as they come with `part`. */
  readonly parts?: boolean | undefined;
}

export interface Answer {
  /** The name as asked, completed by the search list. */
  readonly name: Name;
  readonly canonicalName: Name;
  /** Of all types asked for, in that order, `ttl` as left. */
  readonly records: readonly DnsRecord[];
  /** Seconds; least of all records. */
  readonly ttl: number;
  /** Where it came from: a server's label, or what stood in for one. */
  readonly source: string;
  readonly transport: "udp" | "tcp" | "none";
  readonly cached: boolean;
  /** Out of date, given because no server answered in time (RFC 8767). */
  readonly stale: boolean;
}

export type ResolverInput =
  | { readonly type: "lookup"; readonly lookup: LookupId; readonly request: LookupRequest }
  | { readonly type: "abort"; readonly lookup: LookupId }
  /** A name was used that `peek` gave: what is used to the end of its time is asked for again. */
  | { readonly type: "used"; readonly name: Name; readonly types: readonly ("A" | "AAAA")[] }
  | { readonly type: "datagram"; readonly channel: ChannelId; readonly bytes: Uint8Array }
  /** The socket could not be had (EMFILE, ENFILE) or failed, or the host answered that nobody listens there. */
  | { readonly type: "channel-failed"; readonly channel: ChannelId; readonly code: string }
  | { readonly type: "connected"; readonly connection: ConnectionId }
  | { readonly type: "stream"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly type: "disconnected"; readonly connection: ConnectionId; readonly code: string }
  | { readonly type: "configure"; readonly conf: ResolvConf }
  /** There is another way out than before: what waits is asked anew. */
  | { readonly type: "network-changed" }
  | { readonly type: "hosts"; readonly hosts: HostsTable }
  /** The end: whoever waits has failed as `aborted`, every socket is closed. */
  | { readonly type: "close" };

export type ResolverOutput =
  | { readonly type: "open"; readonly channel: ChannelId; readonly server: ServerAddress }
  | { readonly type: "send"; readonly channel: ChannelId; readonly bytes: Uint8Array }
  | { readonly type: "close"; readonly channel: ChannelId }
  | { readonly type: "connect"; readonly connection: ConnectionId; readonly server: ServerAddress }
  /** Bytes for a connection; may come before it is connected. */
  | { readonly type: "write"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  | { readonly type: "disconnect"; readonly connection: ConnectionId }
  | { readonly type: "answer"; readonly lookup: LookupId; readonly answer: Answer }
  | {
      readonly type: "failed";
      readonly lookup: LookupId;
      readonly code: DnsFailure;
      readonly name: string;
    }
  | {
      readonly type: "part";
      readonly lookup: LookupId;
      readonly of: RecordType;
      readonly addresses: readonly Address[];
      readonly failure: DnsFailure | undefined;
    }
  | { readonly type: "trace"; readonly event: TraceEvent };

/** One step of a query, for `--trace` and for diagnostics. */
export type TraceEvent =
  | {
      readonly step: "sent";
      readonly name: Name;
      readonly of: RecordType;
      readonly server: string;
      readonly transport: "udp" | "tcp";
      readonly size: number;
    }
  | {
      readonly step: "received";
      readonly name: Name;
      readonly of: RecordType;
      readonly server: string;
      readonly transport: "udp" | "tcp";
      readonly size: number;
      readonly outcome: string;
      readonly ms: Millis;
    }
  /** Nobody listens there, or the connection broke; `code` is the system's, such as ECONNREFUSED. */
  | {
      readonly step: "unreachable";
      readonly name: Name;
      readonly of: RecordType;
      readonly server: string;
      readonly transport: "udp" | "tcp";
      readonly code: string;
    }
  /** Bytes that were not taken as an answer, and why. */
  | { readonly step: "dropped"; readonly server: string; readonly reason: DropReason; readonly size: number }
  | {
      readonly step: "silent";
      readonly name: Name;
      readonly of: RecordType;
      readonly server: string;
      readonly ms: Millis;
    }
  /** The end of a lookup, with the time it took. */
  | {
      readonly step: "answered";
      readonly name: Name;
      readonly types: readonly RecordType[];
      /** A server's label, or `cache`, `hosts`, `special`, `literal`. */
      readonly source: string;
      readonly stale: boolean;
      readonly ms: Millis;
    }
  | {
      readonly step: "failed";
      readonly name: string;
      readonly types: readonly RecordType[];
      readonly code: DnsFailure;
      readonly ms: Millis;
    };

/** Why bytes that came were not taken as an answer. */
export type DropReason = "short" | "id" | "not-a-response" | "question" | "casing" | "malformed" | "cookie";
