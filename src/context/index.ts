export { Context, type ContextOptions, createContextOver, type OpenOptions } from "./context.ts";
export type { Acknowledgement, Body, Message, Payload, StateEvent } from "./events.ts";
export { DESTROY_ME, DISCONNECT_ME, type Handlers, type Piece, type Verdict } from "./handlers.ts";
export type { Inspection, StreamInfo } from "./inspect.ts";
export type { PolicySource } from "./load-policy.ts";
export type {
  Abortable,
  Clock,
  ConnectionInfo,
  Diagnostics,
  DiagnosticsChannel,
  Established,
  Frame,
  Link,
  LinkEnd,
  LinkEvents,
  LinkRequest,
  Logger,
  Path,
  Ports,
  ResponseHead,
  SendOptions,
  Settled,
  StreamId,
  Text,
  Transport,
} from "./ports.ts";
export { Reply } from "./reply.ts";
export {
  type AddressOptions,
  type LookupEvents,
  type ResolveOptions,
  Resolver,
  type Settings as ResolverSettings,
} from "./resolver.ts";
export { DnsError, dnsReason } from "./resolver-error.ts";
export type {
  ChannelEvents,
  ChannelPort,
  ConnectionEvents,
  ConnectionPort,
  ResolverDiagnostics,
  ResolverPorts,
  SystemEvents,
} from "./resolver-ports.ts";
export { Stream } from "./stream.ts";
export type { MessageOptions, MetadataOf, RequestOptions } from "./stream-options.ts";
