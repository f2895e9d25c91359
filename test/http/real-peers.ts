import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, createAuthority } from "../../src/testing/certificates/index.ts";

/** A program that runs in a folder of its own, with a certificate for 127.0.0.1. */
export class RealPeer {
  readonly folder = mkdtempSync(join(tmpdir(), "secure-streams-http-"));
  readonly authority: Authority = createAuthority();
  #child: ChildProcess | undefined;

  constructor() {
    // Servers that begin as root read their files as somebody else.
    chmodSync(this.folder, 0o755);
    const { chainPem, keyPem } = this.authority.issue({ names: ["127.0.0.1"] });
    this.write("cert.pem", chainPem);
    this.write("key.pem", keyPem);
  }

  write(name: string, text: string | Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** Resolves when `port` takes connections. */
  async start(program: string, args: readonly string[], port: number): Promise<void> {
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += chunk;
    });
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`${program} ended: ${said}`);
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A port of the loopback that was free a moment ago, for programs that cannot choose one. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => setTimeout(() => resolve(false), 20));
  });
}
