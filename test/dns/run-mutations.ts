import { decodeMessage, encodeMessage } from "../../src/dns/index.ts";
import { Malformed } from "../../src/lib/malformed.ts";
import { mutate } from "./mutate.ts";
import { SEEDS } from "./seeds.ts";

export interface MutationRun {
  /** Messages that were taken as well-formed. */
  readonly accepted: number;
  /** Hexadecimal of the first messages that made the decoder throw. */
  readonly throws: readonly string[];
  /** Hexadecimal of the first messages that decode to something else once encoded again. */
  readonly unstable: readonly string[];
  /** Milliseconds of CPU time for the slowest message; a message that seems slow is measured again, alone. */
  readonly slowest: number;
}

export function runMutations(count: number, integer: (below: number) => number): MutationRun {
  const throws: string[] = [];
  const unstable: string[] = [];
  let accepted = 0;
  let slowest = 0;
  for (let run = 0; run < count; run++) {
    const bytes = mutate(SEEDS, integer);
    const start = performance.now();
    const message = attempt(bytes, throws);
    let took = performance.now() - start;
    // The process may have lost its processor, or collected garbage.
    for (let again = 0; took > 5 && again < 5; again++) took = Math.min(took, timed(bytes));
    slowest = Math.max(slowest, took);
    if (message === undefined || message instanceof Malformed) continue;
    accepted += 1;
    if (run % 10 === 0 && !isStable(message) && unstable.length < 5) unstable.push(toHex(bytes));
  }
  return { accepted, throws, unstable, slowest };
}

function attempt(bytes: Uint8Array, throws: string[]): ReturnType<typeof decodeMessage> | undefined {
  try {
    return decodeMessage(bytes);
  } catch {
    if (throws.length < 5) throws.push(toHex(bytes));
    return undefined;
  }
}

/** decode(encode(x)) = x */
function isStable(message: Exclude<ReturnType<typeof decodeMessage>, Malformed>): boolean {
  const again = decodeMessage(encodeMessage(message));
  return JSON.stringify(again) === JSON.stringify({ ...message, trailing: 0 });
}

function timed(bytes: Uint8Array): number {
  const start = performance.now();
  decodeMessage(bytes);
  return performance.now() - start;
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
