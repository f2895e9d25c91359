import type { ErrorCode, Reason } from "../lib/errors.ts";
import type { ConnectReply, Version } from "./packet.ts";

/** Reason codes that the client sends (MQTT 5, 2.4). */
export const REASON_CODE = {
  success: 0x00,
  malformed: 0x81,
  protocolError: 0x82,
  idNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
} as const;

/** The least code that says no (MQTT 5, 2.4). */
export const FIRST_FAILURE = 0x80;

const TEXT: Readonly<Record<number, string>> = {
  4: "disconnect with will message",
  128: "unspecified error",
  129: "malformed packet",
  130: "protocol error",
  131: "implementation specific error",
  132: "unsupported protocol version",
  133: "client identifier not valid",
  134: "bad user name or password",
  135: "not authorized",
  136: "server unavailable",
  137: "server busy",
  138: "banned",
  139: "server shutting down",
  140: "bad authentication method",
  141: "keep alive timeout",
  142: "session taken over",
  143: "topic filter invalid",
  144: "topic name invalid",
  145: "packet identifier in use",
  146: "packet identifier not found",
  147: "receive maximum exceeded",
  148: "topic alias invalid",
  149: "packet too large",
  150: "message rate too high",
  151: "quota exceeded",
  152: "administrative action",
  153: "payload format invalid",
  154: "retain not supported",
  155: "quality of service not supported",
  156: "use another server",
  157: "server moved",
  158: "shared subscriptions not supported",
  159: "connection rate exceeded",
  160: "maximum connect time",
  161: "subscription identifiers not supported",
  162: "wildcard subscriptions not supported",
};

/** Return codes of a CONNACK before MQTT 5 (MQTT 3.1.1, table 3.1). */
const OLD_TEXT: Readonly<Record<number, string>> = {
  1: "unacceptable protocol version",
  2: "identifier rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorized",
};

/** Codes that speak of the credentials: return codes 4 and 5 of 3.1.1, 0x86, 0x87 and 0x8c of 5. */
const CREDENTIALS: ReadonlySet<number> = new Set([4, 5, 0x86, 0x87, 0x8c]);

/** Codes of a DISCONNECT that speak of a packet of ours (MQTT 5, 3.14.2.1); the others, of the connection or the server. */
const PACKET_CODES: ReadonlySet<number> = new Set([
  0x80, 0x81, 0x82, 0x83, 0x87, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x99, 0x9a, 0x9b,
]);

/** Whether a server that disconnects with this code may mean a message. */
export function speaksOfPacket(code: number): boolean {
  return PACKET_CODES.has(code);
}

export function mqttReason(code: ErrorCode, message: string): Reason {
  return { layer: "mqtt", code, message };
}

/** `0x87 (not authorized), "go away"`, with what the server adds in its own words, cut to 200 characters. */
export function describe(code: number, said?: { readonly reason?: string | undefined }): string {
  const name = TEXT[code] ?? "unknown";
  return `0x${code.toString(16).padStart(2, "0")} (${name})${quoted(said?.reason)}`;
}

/** Why a CONNACK refuses: `mqtt-auth-failed` or `mqtt-refused`. */
export function connectRefusal(reply: ConnectReply, version: Version): Reason {
  const old = version === 4 || reply.code < FIRST_FAILURE;
  const what = old ? `${reply.code} (${OLD_TEXT[reply.code] ?? "unknown"})` : describe(reply.code, reply);
  const elsewhere = reply.serverReference === undefined ? "" : `; it names ${quote(reply.serverReference)}`;
  const code = CREDENTIALS.has(reply.code) ? "mqtt-auth-failed" : "mqtt-refused";
  return mqttReason(code, `The broker refused the connection: ${what}${elsewhere}`);
}

/** Why the server's own DISCONNECT ends the connection. */
export function disconnectReason(packet: {
  readonly code: number;
  readonly reason?: string | undefined;
  readonly serverReference?: string | undefined;
}): Reason {
  const elsewhere = packet.serverReference === undefined ? "" : `; it names ${quote(packet.serverReference)}`;
  const what =
    packet.code === 0 ? `normal disconnection${quoted(packet.reason)}` : describe(packet.code, packet);
  return mqttReason("mqtt-disconnected", `The broker disconnected: ${what}${elsewhere}`);
}

function quoted(text: string | undefined): string {
  return text === undefined ? "" : `, ${quote(text)}`;
}

/** A peer's text, cut and without control characters. */
function quote(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
