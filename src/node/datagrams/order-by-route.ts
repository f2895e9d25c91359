import { type Candidate, orderAddresses } from "../../dial/index.ts";
import { findSources } from "../dialer/source-address.ts";

/** Sources change when an interface does; so long they are taken for granted. */
const KEPT = 2000;
const MOST = 1000;

const sources = new Map<string, { readonly candidate: Candidate; readonly until: number }>();

/** Addresses in the order of RFC 6724, by what the kernel would send from. */
export function orderByRoute(addresses: readonly string[]): Promise<readonly string[]> {
  const now = performance.now();
  const known = addresses.map((address) => sources.get(address));
  const missing = addresses.filter((_, index) => (known[index]?.until ?? 0) <= now);
  if (missing.length === 0) return Promise.resolve(ordered(addresses));
  return new Promise((resolve) => {
    findSources(missing, (candidates) => {
      if (sources.size > MOST) sources.clear();
      for (const candidate of candidates) sources.set(candidate.address, { candidate, until: now + KEPT });
      resolve(ordered(addresses));
    });
  });
}

function ordered(addresses: readonly string[]): readonly string[] {
  const candidates = addresses.map(
    (address) => sources.get(address)?.candidate ?? { address, source: undefined },
  );
  return orderAddresses(candidates).map(({ address }) => address);
}
