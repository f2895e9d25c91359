import { decode as secondOpinion } from "dns-packet";
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
  /** Hexadecimal of the first messages of which dns-packet reads other addresses. */
  readonly disputed: readonly string[];
  /** Messages that dns-packet read too. */
  readonly compared: number;
  /** Milliseconds of CPU time for the slowest message; a message that seems slow is measured again, alone. */
  readonly slowest: number;
}

export function runMutations(count: number, integer: (below: number) => number): MutationRun {
  const throws: string[] = [];
  const unstable: string[] = [];
  const disputed: string[] = [];
  let compared = 0;
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
    if (run % 10 !== 0) continue;
    if (!isStable(message) && unstable.length < 5) unstable.push(toHex(bytes));
    const other = addressesByDnsPacket(bytes);
    if (other === undefined) continue;
    compared += 1;
    if (other !== addressesOf(message) && disputed.length < 5) disputed.push(toHex(bytes));
  }
  return { accepted, throws, unstable, disputed, compared, slowest };
}

/** The IPv4 addresses in the answers, as dns-packet reads them; undefined where it does not. */
function addressesByDnsPacket(bytes: Uint8Array): string | undefined {
  try {
    const { answers = [] } = secondOpinion(Buffer.from(bytes));
    // Of what stands behind the hundredth record the decoder tells nothing.
    if (answers.length > 50) return undefined;
    return answers
      .flatMap((each) => (each.type === "A" && each.class === "IN" && each.flush !== true ? [each.data] : []))
      .join();
  } catch {
    return undefined;
  }
}

function addressesOf({ answers }: Exclude<ReturnType<typeof decodeMessage>, Malformed>): string {
  return answers.flatMap((each) => (each.type === "A" ? [each.address] : [])).join();
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
