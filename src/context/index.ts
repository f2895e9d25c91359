export { Context, createContextOver } from "./context.ts";
export type { ContextOptions, OpenOptions } from "./context-options.ts";
export type {
  DhcpClient,
  DhcpClientOptions,
  DhcpEvents,
  DhcpLeaseEvent,
  DhcpPorts,
  DhcpStateEvent,
} from "./dhcp/index.ts";
export type { Acknowledgement, Body, Message, Payload, StateEvent } from "./events.ts";
export { DESTROY_ME, DISCONNECT_ME, type Handlers, type Piece, type Verdict } from "./handlers.ts";
export type { Inspection, StreamInfo } from "./inspect.ts";
export type { PolicySource } from "./load-policy.ts";
export type { BusPeer, BusPeerOptions, MessageBus } from "./message-bus.ts";
export type {
  DatagramEvents,
  DatagramOptions,
  DatagramSocket,
  InterfaceAddress,
  Link as NetworkLink,
  LinkIndex,
  Network,
  NetworkEvent,
  NetworkSnapshot,
  Packet,
  PacketEvents,
  PacketOptions,
  PacketSocket,
  Route,
  SmallFiles,
  Suspend,
} from "./network-ports.ts";
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
  TimeSource,
  Transport,
} from "./ports.ts";
export { Reply } from "./reply.ts";
export { DnsError, dnsReason } from "./resolver/dns-error.ts";
export { LazyResolver } from "./resolver/lazy-resolver.ts";
export type {
  AddressOptions,
  LookupEvents,
  NameResolver,
  ResolveOptions,
} from "./resolver/name-resolver.ts";
export type {
  ChannelEvents,
  ChannelPort,
  ConnectionEvents,
  ConnectionPort,
  ResolverPorts,
  SystemEvents,
} from "./resolver/resolver-ports.ts";
export { Stream } from "./stream.ts";
export type { MessageOptions, RequestOptions } from "./stream-options.ts";
export type { System, SystemNotifier, SystemOptions, SystemPorts } from "./system.ts";
export type {
  HeldEvent,
  NetworkChangedEvent,
  PolicyEvent,
  PortalEvent,
  SystemEventMap,
  SystemStateEvent,
  TimeEvent,
} from "./system-events.ts";
export type { Gate, PartHost, SystemPart } from "./system-part.ts";
export type { TimePorts } from "./time-part.ts";
