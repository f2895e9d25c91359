import type {
  ChannelId,
  ConnectionId,
  ResolverInput,
  ResolverOutput,
  ServerAddress,
} from "../../dns/index.ts";
import type { ChannelPort, ConnectionPort, ResolverPorts } from "./resolver-ports.ts";

/** What the machine wants of the network. */
export type SocketOutput = Extract<
  ResolverOutput,
  { readonly type: "open" | "send" | "close" | "connect" | "write" | "disconnect" }
>;

/** The resolver's sockets, by the numbers that its machine gave them. */
export class ResolverSockets {
  readonly #ports: Pick<ResolverPorts, "openChannel" | "connect">;
  readonly #feed: (input: ResolverInput) => void;
  readonly #channels = new Map<ChannelId, ChannelPort>();
  readonly #connections = new Map<ConnectionId, ConnectionPort>();

  constructor(ports: Pick<ResolverPorts, "openChannel" | "connect">, feed: (input: ResolverInput) => void) {
    this.#ports = ports;
    this.#feed = feed;
  }

  perform(output: SocketOutput): void {
    switch (output.type) {
      case "send":
        this.#channels.get(output.channel)?.send(output.bytes);
        return;
      case "open":
        this.#open(output.channel, output.server);
        return;
      case "close":
        this.#channels.get(output.channel)?.close();
        this.#channels.delete(output.channel);
        return;
      case "connect":
        this.#connect(output.connection, output.server);
        return;
      case "write":
        this.#connections.get(output.connection)?.write(output.bytes);
        return;
      case "disconnect":
        this.#connections.get(output.connection)?.close();
        this.#connections.delete(output.connection);
        return;
    }
  }

  #open(channel: ChannelId, server: ServerAddress): void {
    const port = this.#ports.openChannel(server, {
      message: (bytes) => this.#feed({ type: "datagram", channel, bytes }),
      failed: (code) => {
        this.#channels.delete(channel);
        this.#feed({ type: "channel-failed", channel, code });
      },
    });
    this.#channels.set(channel, port);
  }

  #connect(connection: ConnectionId, server: ServerAddress): void {
    const port = this.#ports.connect(server, {
      connected: () => this.#feed({ type: "connected", connection }),
      data: (bytes) => this.#feed({ type: "stream", connection, bytes }),
      closed: (code) => {
        this.#connections.delete(connection);
        this.#feed({ type: "disconnected", connection, code });
      },
    });
    this.#connections.set(connection, port);
  }
}
