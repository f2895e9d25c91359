import type { Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

/** A small MQTT 3.1.1 broker for the demo: clean sessions, exact topics, QoS 0 and 1. */
export class Broker {
  readonly #subscribers = new Map<string, Set<Socket>>();

  serve(socket: Socket): void {
    const packets = parser({ protocolVersion: 4 });
    packets.on("packet", (packet) => this.#take(packet, socket));
    packets.on("error", () => socket.destroy());
    socket.on("data", (chunk) => packets.parse(chunk as Buffer));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      for (const sockets of this.#subscribers.values()) sockets.delete(socket);
    });
  }

  #take(packet: Packet, socket: Socket): void {
    switch (packet.cmd) {
      case "connect":
        send(socket, { cmd: "connack", returnCode: 0, sessionPresent: false });
        return;
      case "subscribe":
        for (const { topic } of packet.subscriptions) this.#subscribersOf(topic).add(socket);
        send(socket, {
          cmd: "suback",
          messageId: packet.messageId,
          granted: packet.subscriptions.map(() => 0),
        });
        return;
      case "publish":
        for (const subscriber of this.#subscribersOf(packet.topic)) {
          send(subscriber, {
            cmd: "publish",
            topic: packet.topic,
            payload: packet.payload,
            qos: 0,
            dup: false,
            retain: false,
          });
        }
        if (packet.qos === 1) send(socket, { cmd: "puback", messageId: packet.messageId });
        return;
      case "pingreq":
        send(socket, { cmd: "pingresp" });
        return;
      case "disconnect":
        socket.end();
        return;
      default:
        return;
    }
  }

  #subscribersOf(topic: string): Set<Socket> {
    const known = this.#subscribers.get(topic);
    if (known !== undefined) return known;
    const sockets = new Set<Socket>();
    this.#subscribers.set(topic, sockets);
    return sockets;
  }
}

function send(socket: Socket, packet: Packet): void {
  if (!socket.destroyed) socket.write(generate(packet));
}
