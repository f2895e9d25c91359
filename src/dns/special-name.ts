import { type Address, addressFamily, formatIpv6, parseIpv6 } from "./address.ts";
import { isWithin, type Name } from "./name.ts";

/** Addresses by family. */
export interface Addresses {
  readonly four: readonly Address[];
  readonly six: readonly Address[];
}

export interface SpecialOptions {
  readonly blockTest: boolean;
  readonly askLocal: boolean;
}

const LAST_LABELS: ReadonlySet<string> = new Set(["localhost", "invalid", "onion", "alt", "test", "local"]);
const LOOPBACK: Addresses = { four: ["127.0.0.1"], six: ["::1"] };

/** The answer for a literal address in any of its usual forms; undefined for names. */
export function literalAddress(text: string): Addresses | undefined {
  switch (addressFamily(text)) {
    case 4:
      return { four: [text], six: [] };
    case 6: {
      const bytes = parseIpv6(text);
      return { four: [], six: [bytes === undefined ? text : formatIpv6(bytes)] };
    }
    default:
      return undefined;
  }
}

/** The names that must not be asked of name servers: RFC 6761, RFC 6762, RFC 7686, RFC 9476. */
export function specialName(name: Name, options: SpecialOptions): Addresses | "not-found" | undefined {
  if (!LAST_LABELS.has(name.slice(name.lastIndexOf(".") + 1))) return undefined;
  if (isWithin(name, "localhost")) return LOOPBACK;
  if (isWithin(name, "invalid") || isWithin(name, "onion") || isWithin(name, "alt")) return "not-found";
  if (isWithin(name, "test") && options.blockTest) return "not-found";
  if (isWithin(name, "local") && !options.askLocal) return "not-found";
  return undefined;
}
