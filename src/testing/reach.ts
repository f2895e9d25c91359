import type { LinkEvents } from "../context/index.ts";
import type { Reason } from "../lib/errors.ts";
import type { Millis } from "../lib/millis.ts";
import type { Target } from "../stream/index.ts";
import type { SimClock } from "./sim-clock.ts";
import type { SimPeer } from "./sim-peer.ts";

/** How long a transport waits for a peer that says nothing. */
export const CONNECT_TIMEOUT: Millis = 20_000;

const SILENT = `The peer did not answer within ${CONNECT_TIMEOUT} ms`;

/** What a simulated link or exchange is made of. */
export interface AttemptParts<Self> {
  readonly clock: SimClock;
  /** Undefined where nobody lives at the target: such a name does not resolve. */
  readonly peer: SimPeer | undefined;
  readonly target: Target;
  readonly events: LinkEvents;
  readonly left: (self: Self) => void;
}

/** How an attempt to reach a peer ends. */
export type Reached =
  | { readonly type: "open"; readonly peer: SimPeer; readonly latency: Millis }
  | {
      readonly type: "slammed";
      readonly peer: SimPeer;
      readonly latency: Millis;
      readonly after: Millis;
    }
  | { readonly type: "failed"; readonly reason: Reason };

/** Comes to the peer after one way there and back, and tells how that went. Gives the way to call it off. */
export function reach(
  { clock, peer, target }: Pick<AttemptParts<unknown>, "clock" | "peer" | "target">,
  told: (reached: Reached) => void,
): () => void {
  if (peer === undefined) {
    const message = `There is no peer at ${target.unixPath ?? `${target.host}:${target.port}`}`;
    const reason: Reason = { layer: "dns", code: "not-found", message };
    return clock.wake(clock.now() + 1, () => told({ type: "failed", reason }));
  }
  const latency = peer.attempted();
  let cancel = clock.wake(clock.now() + 2 * latency, () => {
    const { mode } = peer;
    switch (mode.name) {
      case "up":
        told({ type: "open", peer, latency });
        return;
      case "slamming":
        told({ type: "slammed", peer, latency, after: mode.after });
        return;
      case "failing":
        told({ type: "failed", reason: mode.reason });
        return;
      default:
        cancel = clock.wake(clock.now() + CONNECT_TIMEOUT, () =>
          told({ type: "failed", reason: { layer: "tcp", code: "connection-timeout", message: SILENT } }),
        );
    }
  });
  return () => cancel();
}
