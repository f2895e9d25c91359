export {
  type Address,
  addressFamily,
  mapped,
  reverseName,
} from "./address.ts";
export type { CacheEntry } from "./cache.ts";
export { type HostsTable, parseHosts } from "./hosts.ts";
export {
  decodeMessage,
  type Edns,
  type EdnsOption,
  encodeMessage,
  type Message,
  type Question,
} from "./message.ts";
export { isHostname, parseName } from "./name.ts";
export { type CacheOptions, DEFAULT_OPTIONS, type ResolverOptions } from "./options.ts";
export type {
  AddressRecord,
  CaaRecord,
  DnsRecord,
  MxRecord,
  NaptrRecord,
  ServiceRecord,
  SoaRecord,
  SrvRecord,
  TargetRecord,
  TlsaRecord,
  TxtRecord,
  UnknownRecord,
} from "./record.ts";
export { DEFAULT_RESOLV_CONF, parseResolvConf, type ResolvConf } from "./resolv-conf.ts";
export { ResolverMachine } from "./resolver.ts";
export { formatServer, parseServer, type ServerAddress } from "./server-address.ts";
export { Statistics } from "./statistics.ts";
export { parseType, type RecordType } from "./type.ts";
export type {
  Answer,
  ChannelId,
  ConnectionId,
  DnsFailure,
  LookupId,
  LookupRequest,
  ResolverInput,
  ResolverOutput,
  TraceEvent,
} from "./words.ts";
