import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export interface PeerPorts {
  readonly h1: number;
  readonly h2: number;
  readonly ws: number;
  readonly mqtt: number;
  readonly raw: number;
}

export interface PeerProcessInput {
  readonly certificate: string;
  readonly key: string;
  /** Where to listen; undefined takes free ports. */
  readonly ports: PeerPorts | undefined;
}

/** The five servers of the demo, in one process that can be killed and started again on the same ports. */
export class Peers {
  readonly #identity: Omit<PeerProcessInput, "ports">;
  #process: ChildProcess | undefined;
  #ports: PeerPorts | undefined;

  constructor(identity: Omit<PeerProcessInput, "ports">) {
    this.#identity = identity;
  }

  /** Starts them and resolves when all listen. */
  async start(): Promise<PeerPorts> {
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const file = fileURLToPath(new URL(`./peers-main.${extension}`, import.meta.url));
    const child = fork(file, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#process = child;
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`The demo's peers ended with code ${code} before they listened`);
    });
    child.send({ ...this.#identity, ports: this.#ports });
    const [ports] = (await Promise.race([once(child, "message"), ended])) as [PeerPorts];
    ended.catch(() => {});
    this.#ports = ports;
    return ports;
  }

  /** SIGKILL: no farewell to anyone. Resolves when the process is gone. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }
}
