import { equalBytes, toHex } from "../lib/bytes.ts";
import { Malformed } from "../lib/malformed.ts";
import type { Ipv4 } from "./address.ts";
import { type Captured, CLIENT_PORT, decodeDatagram } from "./frame.ts";
import { decodeMessage, MESSAGE_TYPE } from "./message.ts";
import { type Options, readOptions } from "./options.ts";

/** A server's answer to an exchange of ours. */
export interface Reply {
  readonly type: "offer" | "ack" | "nak";
  readonly server: Ipv4;
  /** `yiaddr`, as it came. */
  readonly address: Ipv4;
  readonly options: Options;
  /** What was wrong and does not spoil it. */
  readonly doubts: readonly string[];
}

/** What an answer must repeat. */
export interface Expected {
  readonly xid: number;
  readonly hardwareAddress: Uint8Array;
  readonly clientId: Uint8Array;
}

/** The payload of a packet for the port of clients. Throws Malformed. */
export function replyPayload(packet: Captured): Uint8Array {
  const { destinationPort, payload } = decodeDatagram(packet);
  if (destinationPort !== CLIENT_PORT) throw new Malformed(`The packet is for port ${destinationPort}`);
  return payload;
}

/** The answer in the payload of a datagram. Throws Malformed for all that is not an answer to us. */
export function readReply(payload: Uint8Array, expected: Expected): Reply {
  const message = decodeMessage(payload);
  if (message.op !== "reply") throw new Malformed("Not a reply");
  if (message.xid !== expected.xid) throw new Malformed("The transaction is another one");
  if (!equalBytes(message.chaddr, expected.hardwareAddress)) {
    throw new Malformed(`The hardware address is ${toHex(message.chaddr)}`);
  }
  const options = readOptions(message.options);
  const type = replyType(options.messageType);
  if (options.server === undefined) throw new Malformed("The server identifier is missing");
  // A server that repeats the identifier of another client answers that one (RFC 6842, 3).
  if (options.clientId !== undefined && !equalBytes(options.clientId, expected.clientId)) {
    throw new Malformed("The client identifier is another one");
  }
  const rest = message.hasRest ? ["Something follows the end of options"] : [];
  return {
    type,
    server: options.server,
    address: message.yiaddr,
    options,
    doubts: [...options.doubts, ...rest],
  };
}

function replyType(messageType: number | undefined): Reply["type"] {
  switch (messageType) {
    case MESSAGE_TYPE.offer:
      return "offer";
    case MESSAGE_TYPE.ack:
      return "ack";
    case MESSAGE_TYPE.nak:
      return "nak";
    case MESSAGE_TYPE.forceRenew:
      // RFC 3203, 2.2: one without authentication must be ignored, and we know none with.
      throw new Malformed("FORCERENEW without authentication");
    case undefined:
      throw new Malformed("The message type is missing");
    default:
      throw new Malformed(`The message type ${messageType} is not a server's`);
  }
}
