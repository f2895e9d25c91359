import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { requirePeer } from "../peers.ts";

export interface Mosquitto {
  readonly port: number;
  /** A place for files of the test, gone with the broker. */
  readonly folder: string;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** Starts again on the same port with the same configuration. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts mosquitto on a free port of loopback. `lines` are of mosquitto.conf, `files` are written to its folder. */
export async function startMosquitto(
  lines: readonly string[] = ["allow_anonymous true"],
  files: Readonly<Record<string, string>> = {},
): Promise<Mosquitto> {
  const program = requirePeer("mosquitto");
  const folder = mkdtempSync(join(tmpdir(), "mosquitto-"));
  chmodSync(folder, 0o755);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 });
  const port = await freePort();
  const text = [
    `listener ${port} 127.0.0.1`,
    ...lines.map((line) => line.replaceAll("%folder%", folder)),
    "",
  ];
  writeFileSync(join(folder, "mosquitto.conf"), text.join("\n"));
  let child: ChildProcess;
  const start = async (): Promise<void> => {
    child = spawn(program, ["-c", join(folder, "mosquitto.conf")], { stdio: "ignore" });
    await listening(port, child);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    await gone;
  };
  // A test that fails before it stops the broker leaves none behind.
  process.once("exit", () => child.kill("SIGKILL"));
  await start();
  return {
    port,
    folder,
    kill: () => end("SIGKILL"),
    restart: start,
    async stop() {
      await end("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Resolves once the port takes connections. */
async function listening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`);
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (isOpen) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
