import { createServer, type Server, type Socket } from "node:net";
import { generate, type IConnackPacket, type Packet, parser } from "mqtt-packet";

export interface Accepted {
  readonly topic: string;
  readonly text: string;
  readonly qos: number;
  readonly dup: boolean;
  readonly id: number;
}

export interface StubOptions {
  readonly version?: 4 | 5;
  /** What CONNACK says. */
  readonly connack?: Partial<IConnackPacket>;
  /** Waits so many ms before it acknowledges a message. */
  readonly wait?: () => number;
  /** Takes a packet over; true when it is done with it. */
  readonly on?: (packet: Packet, socket: Socket) => boolean;
}

/**
 * A broker in this process that keeps a log of what it was sent, can be killed at any moment and started again on its
 * port. Its session lives with `keepSession`.
 */
export class StubBroker {
  readonly log: Accepted[] = [];
  readonly connects: Packet[] = [];
  readonly received: Packet[] = [];
  keepSession = false;
  port = 0;
  readonly #options: StubOptions;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  #server: Server | undefined;
  #heard: (() => void)[] = [];
  /** Identifiers of QoS 2 that are not released. */
  readonly #held = new Set<number>();

  constructor(options: StubOptions = {}) {
    this.#options = options;
  }

  get sockets(): readonly Socket[] {
    return [...this.#sockets];
  }

  async start(): Promise<void> {
    const server = createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, "127.0.0.1", resolve));
    const address = server.address();
    if (typeof address === "object" && address !== null) this.port = address.port;
  }

  /** Everything not yet acknowledged never will be. */
  async kill(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    if (!this.keepSession) this.#held.clear();
    await new Promise((resolve) => this.#server?.close(resolve));
  }

  /** Resolves once `isTrue` after a packet has come. */
  async until(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await new Promise<void>((resolve) => this.#heard.push(resolve));
  }

  write(packet: Packet): void {
    for (const socket of this.#sockets) socket.write(generate(packet, this.#generating));
  }

  get #generating(): object {
    return { protocolVersion: this.#options.version ?? 4 };
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    const reader = parser(this.#generating);
    reader.on("packet", (packet) => {
      this.received.push(packet);
      if (!(this.#options.on?.(packet, socket) ?? false)) this.#answer(packet, socket);
      const heard = this.#heard;
      this.#heard = [];
      for (const run of heard) run();
    });
    socket.on("data", (chunk) => reader.parse(chunk));
  }

  #answer(packet: Packet, socket: Socket): void {
    const reply = (answer: Packet) => {
      if (!socket.destroyed) socket.write(generate(answer, this.#generating));
    };
    switch (packet.cmd) {
      case "connect":
        this.connects.push(packet);
        reply({
          cmd: "connack",
          returnCode: 0,
          reasonCode: 0,
          sessionPresent: this.keepSession && this.connects.length > 1,
          ...this.#options.connack,
        });
        return;
      case "subscribe":
        reply({
          cmd: "suback",
          messageId: packet.messageId ?? 0,
          granted: packet.subscriptions.map(({ qos }) => qos),
        });
        return;
      case "unsubscribe":
        reply({ cmd: "unsuback", messageId: packet.messageId ?? 0, granted: [0] });
        return;
      case "pingreq":
        reply({ cmd: "pingresp" });
        return;
      case "publish": {
        const { messageId: id = 0, topic, qos, dup } = packet;
        if (qos < 2 || !this.#held.has(id)) {
          this.log.push({ topic, text: packet.payload.toString(), qos, dup, id });
        }
        if (qos === 2) this.#held.add(id);
        if (qos > 0)
          this.#later(() => reply({ cmd: qos === 1 ? "puback" : "pubrec", messageId: id, reasonCode: 0 }));
        return;
      }
      case "pubrel":
        this.#held.delete(packet.messageId ?? 0);
        this.#later(() => reply({ cmd: "pubcomp", messageId: packet.messageId ?? 0, reasonCode: 0 }));
        return;
      default:
    }
  }

  #later(run: () => void): void {
    const wait = this.#options.wait?.() ?? 0;
    if (wait === 0) {
      run();
      return;
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      run();
    }, wait);
    this.#timers.add(timer);
  }
}
