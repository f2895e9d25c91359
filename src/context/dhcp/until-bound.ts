import type { Lease } from "../../dhcp/index.ts";
import type { Abortable } from "../ports.ts";
import type { DhcpEvents } from "./events.ts";

/** What is waited for. */
interface Awaited {
  on<Name extends "lease" | "state">(name: Name, listener: (event: DhcpEvents[Name]) => void): () => void;
  start(): Promise<void>;
}

/** The next lease of a client. Rejects with `error()` when it ends before. */
export function untilBound(
  client: Awaited,
  error: () => Error,
  signal: Abortable | undefined,
): Promise<Lease> {
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      for (const stop of stops) stop();
      signal?.removeEventListener("abort", abort);
    };
    const abort = (): void => {
      finish();
      reject(signal?.reason);
    };
    const stops = [
      client.on("lease", ({ change, lease }) => {
        if (change === "lost") return;
        finish();
        resolve(lease);
      }),
      client.on("state", ({ state }) => {
        if (state !== "ended") return;
        finish();
        reject(error());
      }),
    ];
    signal?.addEventListener("abort", abort, { once: true });
    client.start().catch((cause: unknown) => {
      finish();
      reject(cause);
    });
  });
}
