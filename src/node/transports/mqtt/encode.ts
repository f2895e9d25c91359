import { generate, type Packet } from "mqtt-packet";
import type { Outbound } from "../../../mqtt/index.ts";
import { publishBytes } from "./publish-bytes.ts";

/** The bytes of a packet for a server that speaks `version`. */
export function encode(packet: Outbound, version: 4 | 5): Buffer {
  if (packet.type === "publish") return publishBytes(packet, version);
  return generate(wireForm(packet, version), { protocolVersion: version });
}

function wireForm(packet: Exclude<Outbound, { type: "publish" }>, version: 4 | 5): Packet {
  switch (packet.type) {
    case "connect": {
      const { clientId, keepAlive, username, password, will, cleanStart } = packet;
      return {
        cmd: "connect",
        protocolId: "MQTT",
        protocolVersion: version,
        clientId,
        clean: cleanStart,
        keepalive: keepAlive,
        // MQTT 3.1.1 has no password without a user name (3.1.2.9).
        ...((username !== undefined || password !== undefined) && { username: username ?? "" }),
        ...(password !== undefined && { password: Buffer.from(password) }),
        ...(will !== undefined && { will: { ...will } }),
        ...(version === 5 && {
          properties: {
            sessionExpiryInterval: packet.sessionExpiry,
            receiveMaximum: packet.receiveMaximum,
            maximumPacketSize: packet.maximumPacketSize,
          },
        }),
      };
    }
    case "subscribe": {
      const { id, filter, qos } = packet;
      return { cmd: "subscribe", messageId: id, subscriptions: [{ topic: filter, qos }] };
    }
    case "unsubscribe":
      return { cmd: "unsubscribe", messageId: packet.id, unsubscriptions: [packet.filter] };
    case "pingreq":
      return { cmd: "pingreq" };
    case "disconnect":
      return { cmd: "disconnect", reasonCode: packet.code };
    default:
      return { cmd: packet.type, messageId: packet.id, reasonCode: packet.code };
  }
}
