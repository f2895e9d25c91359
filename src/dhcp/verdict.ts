import { Malformed } from "../lib/malformed.ts";
import type { Ipv4 } from "./address.ts";
import { type Configuration, type Lease, type LeasePolicy, readConfiguration, readLease } from "./lease.ts";
import type { Offers } from "./offers.ts";
import type { Reply } from "./reply.ts";
import type { ClientSettings } from "./settings.ts";
import type { AskingState } from "./state.ts";

/** What an answer means in the state in which it came. */
export type Verdict =
  | { readonly type: "drop"; readonly why: string }
  | { readonly type: "offer"; readonly lease: Lease; readonly isRapid: boolean; readonly offers: Offers }
  /** `isHeld`: it has faults that what was offered before had not. */
  | { readonly type: "lease"; readonly lease: Lease; readonly isHeld: boolean }
  | { readonly type: "refused" }
  | { readonly type: "ipv6-only"; readonly seconds: number }
  | { readonly type: "informed"; readonly configuration: Configuration };

export interface Surroundings {
  readonly settings: ClientSettings;
  readonly linkMtu: number;
}

/** What the ACK or NAK of a REQUEST must agree with. */
interface Wanted {
  readonly address: Ipv4;
  /** Undefined where any server may answer. */
  readonly server: Ipv4 | undefined;
  readonly isClean: boolean;
}

/** The least that a network may ask for (RFC 8925, 3.4: MIN_V6ONLY_WAIT). */
const LEAST_IPV6_ONLY = 300;

/** Judges an answer. Throws Malformed where its lease is one that no host should use. */
export function judge(state: AskingState, reply: Reply, surroundings: Surroundings): Verdict {
  switch (state.name) {
    case "selecting":
      return judgeOffer(reply, state.offers, surroundings);
    case "requesting": {
      const { address, server, doubts } = state.offer;
      return judgeDecision(reply, { address, server, isClean: doubts.length === 0 }, surroundings);
    }
    case "rebooting": {
      const seconds = ipv6OnlySeconds(reply, surroundings);
      if (reply.type === "ack" && seconds !== undefined) return { type: "ipv6-only", seconds };
      return judgeDecision(reply, { address: state.address, server: undefined, isClean: true }, surroundings);
    }
    case "renewing":
    case "rebinding": {
      const { address, server, doubts } = state.tenure.lease;
      const wanted = { address, server: state.name === "renewing" ? server : undefined };
      return judgeDecision(reply, { ...wanted, isClean: doubts.length === 0 }, surroundings);
    }
    default:
      if (reply.type !== "ack") return drop(`A ${reply.type.toUpperCase()} to an INFORM`);
      return { type: "informed", configuration: readConfiguration(reply) };
  }
}

/** What `read` returns, or why it cannot. */
export function tried<Value>(read: () => Value): Value | Malformed {
  try {
    return read();
  } catch (error) {
    return error instanceof Malformed ? error : new Malformed(String(error));
  }
}

function judgeOffer(reply: Reply, offers: Offers, surroundings: Surroundings): Verdict {
  const { settings } = surroundings;
  const isRapid = reply.type === "ack";
  if (reply.type === "nak") return drop("A NAK without a REQUEST");
  if (isRapid && !(settings.rapidCommit && reply.options.isRapid)) return drop("An ACK without a REQUEST");
  const seconds = ipv6OnlySeconds(reply, surroundings);
  if (seconds !== undefined) return { type: "ipv6-only", seconds };
  return { type: "offer", lease: readLease(reply, policyOf(surroundings)), isRapid, offers };
}

function judgeDecision(reply: Reply, wanted: Wanted, surroundings: Surroundings): Verdict {
  if (reply.type === "offer") return drop("An OFFER after the choice");
  if (wanted.server !== undefined && reply.server !== wanted.server) {
    return drop(`The ${reply.type.toUpperCase()} is of another server, "${reply.server}"`);
  }
  if (reply.type === "nak") return { type: "refused" };
  if (reply.address !== wanted.address) return drop(`The ACK is for another address, "${reply.address}"`);
  const lease = readLease(reply, policyOf(surroundings));
  return { type: "lease", lease, isHeld: wanted.isClean && lease.doubts.length > 0 };
}

/** Undefined where we did not ask: who was not asked has no say. */
function ipv6OnlySeconds({ options }: Reply, { settings }: Surroundings): number | undefined {
  if (!settings.requestIpv6Only || options.ipv6OnlySeconds === undefined) return undefined;
  return Math.max(options.ipv6OnlySeconds, LEAST_IPV6_ONLY);
}

function policyOf({ settings, linkMtu }: Surroundings): LeasePolicy {
  const { allowWideRoutes, requestIpv6Only } = settings;
  return { linkMtu, allowWideRoutes, requestIpv6Only };
}

function drop(why: string): Verdict {
  return { type: "drop", why };
}
