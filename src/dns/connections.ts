import { type Millis, NEVER, seconds } from "../lib/millis.ts";
import type { Attempt } from "./attempt.ts";
import type { Timed } from "./deadlines.ts";
import { FrameReader, frame } from "./framing.ts";
import type { Server } from "./server.ts";
import type { ConnectionId } from "./words.ts";
import type { Work } from "./work.ts";

/** RFC 7766, 6.2.3: a client may keep a connection for the next query, but not for long. */
const IDLE: Millis = seconds(5);
/** Messages nobody asked for, after which the peer is no name server. */
const MAX_UNASKED = 100;

/** The TCP connection to one server, shared by all queries to it (RFC 7766, 6.2.1). */
export class Connection implements Timed {
  deadline: Millis = NEVER;
  place = -1;
  readonly id: ConnectionId;
  readonly server: Server;
  readonly attempts = new Map<number, Attempt>();
  readonly #connections: Connections;
  readonly #frames = new FrameReader();
  #unasked = 0;

  constructor(id: ConnectionId, server: Server, connections: Connections) {
    this.id = id;
    this.server = server;
    this.#connections = connections;
  }

  /** Nobody has used it for a while. */
  expire(now: Millis): void {
    this.#connections.drop(this, now);
  }

  received(bytes: Uint8Array, now: Millis): void {
    for (const message of this.#frames.push(bytes)) {
      const id = message.length < 2 ? -1 : ((message[0] as number) << 8) | (message[1] as number);
      const attempt = this.attempts.get(id);
      if (attempt !== undefined) attempt.sender.received(attempt, message, now);
      else if (++this.#unasked >= MAX_UNASKED) {
        this.#connections.drop(this, now);
        return;
      }
    }
  }
}

/** One connection to each server that is asked over TCP. */
export class Connections {
  readonly #work: Work;
  readonly #byId = new Map<ConnectionId, Connection>();
  readonly #byServer = new Map<Server, Connection>();
  #nextId: ConnectionId = 1;

  constructor(work: Work) {
    this.#work = work;
  }

  get(id: ConnectionId): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Gives the attempt a connection and an id that is in use on no other query of that connection. */
  assign(attempt: Attempt): Connection {
    const connection = this.#byServer.get(attempt.server) ?? this.#open(attempt.server);
    const { random, deadlines } = this.#work;
    let id = random.uint16();
    while (connection.attempts.has(id)) id = random.uint16();
    connection.attempts.set(id, attempt);
    deadlines.set(connection, NEVER);
    attempt.connection = connection;
    attempt.id = id;
    return connection;
  }

  send(connection: Connection, message: Uint8Array): void {
    this.#work.emit({ type: "write", connection: connection.id, bytes: frame(message) });
  }

  /** The attempt expects nothing more of its connection. */
  release(attempt: Attempt, now: Millis): void {
    const { connection } = attempt;
    if (connection === undefined) return;
    attempt.connection = undefined;
    connection.attempts.delete(attempt.id);
    if (connection.attempts.size === 0) this.#work.deadlines.set(connection, now + IDLE);
  }

  /** Closes a connection that is idle, silent or confused. Whoever waits on it is told. */
  drop(connection: Connection, now: Millis): void {
    this.#work.emit({ type: "disconnect", connection: connection.id });
    this.disconnected(connection, now);
  }

  /** The connection is gone. */
  disconnected(connection: Connection, now: Millis): void {
    this.#byId.delete(connection.id);
    this.#byServer.delete(connection.server);
    this.#work.deadlines.set(connection, NEVER);
    const attempts = [...connection.attempts.values()];
    connection.attempts.clear();
    for (const attempt of attempts) {
      attempt.connection = undefined;
      attempt.sender.unreachable(attempt, now);
    }
  }

  /** Closes all; nobody is told. */
  close(now: Millis): void {
    for (const connection of [...this.#byId.values()]) {
      connection.attempts.clear();
      this.drop(connection, now);
    }
  }

  #open(server: Server): Connection {
    const connection = new Connection(this.#nextId++, server, this);
    this.#byId.set(connection.id, connection);
    this.#byServer.set(server, connection);
    this.#work.emit({ type: "connect", connection: connection.id, server: server.address });
    return connection;
  }
}
