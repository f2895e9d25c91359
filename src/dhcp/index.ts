export { type Ipv4, isWithin, parseIpv4, UNSPECIFIED } from "./address.ts";
export { type Arp, decodeArp, encodeArp } from "./arp.ts";
export type { LeaseRoute } from "./classless-routes.ts";
export { DhcpMachine } from "./client.ts";
export type { ClientIdChoice } from "./client-id.ts";
export { CLIENT_PORT, decodeDatagram, encodeDatagram, SERVER_PORT } from "./frame.ts";
export type { Configuration, Lease } from "./lease.ts";
export {
  encodeLeaseFile,
  MAX_LEASE_FILE,
  type MtuChange,
  parseLeaseFile,
  remainingSeconds,
} from "./lease-file.ts";
export { decodeMessage, encodeMessage, type Fields, MESSAGE_TYPE, type Message } from "./message.ts";
export { OPTION } from "./option-code.ts";
export { identifierOf } from "./request.ts";
export { type ClientSettings, checkSettings, DEFAULT_SETTINGS } from "./settings.ts";
export type { StateName } from "./states.ts";
export type { ChannelId, ClientInput, ClientOutput, LeaseChange, Remembered } from "./words.ts";
