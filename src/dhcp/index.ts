export { BROADCAST, broadcastOf, type Ipv4, isWithin, networkOf, parseIpv4, UNSPECIFIED } from "./address.ts";
export { type Arp, decodeArp, encodeArp } from "./arp.ts";
export type { LeaseRoute } from "./classless-routes.ts";
export { DhcpMachine } from "./client.ts";
export type { ClientIdChoice } from "./client-id.ts";
export {
  type Captured,
  CLIENT_PORT,
  type Datagram,
  decodeDatagram,
  encodeDatagram,
  SERVER_PORT,
} from "./frame.ts";
export type { Configuration, Lease } from "./lease.ts";
export {
  encodeLeaseFile,
  type LeaseRecord,
  MAX_LEASE_FILE,
  parseLeaseFile,
  remainingSeconds,
} from "./lease-file.ts";
export { decodeMessage, encodeMessage, type Fields, MESSAGE_TYPE, type Message } from "./message.ts";
export type { RawOptions } from "./option-area.ts";
export { OPTION } from "./option-code.ts";
export { identifierOf } from "./request.ts";
export { type ClientSettings, checkSettings, DEFAULT_SETTINGS } from "./settings.ts";
export { STATES, type StateName, type StateRow } from "./states.ts";
export type {
  ChannelId,
  ClientInput,
  ClientOutput,
  LeaseChange,
  LinkState,
  Remembered,
} from "./words.ts";
