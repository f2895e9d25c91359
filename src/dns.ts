export {
  type AddressOptions,
  DnsError,
  type LookupEvents,
  type NameResolver,
  type ResolveOptions,
} from "./context/index.ts";
export { Resolver } from "./context/resolver/index.ts";
export type { Family, HostResolver, Resolution, ResolveEvents } from "./dial/index.ts";
export {
  type Address,
  type AddressRecord,
  type Answer,
  type CaaRecord,
  type CacheEntry,
  type CacheOptions,
  type DnsFailure,
  type DnsRecord,
  type LookupRequest,
  type MxRecord,
  type NaptrRecord,
  parseType,
  type RecordType,
  type ResolverOptions,
  type ServiceRecord,
  type SoaRecord,
  type SrvRecord,
  type Statistics,
  type TargetRecord,
  type TlsaRecord,
  type TraceEvent,
  type TxtRecord,
  type UnknownRecord,
} from "./dns/index.ts";
export {
  type CreateResolverOptions,
  createHostResolver,
  createLookup,
  createResolver,
  installGlobalLookup,
  type LookupCallback,
  type LookupFunction,
} from "./node/datagrams/index.ts";
export { SystemResolver } from "./node/dialer/system-resolver.ts";
