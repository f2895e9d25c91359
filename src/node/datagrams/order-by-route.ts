import { type Candidate, orderAddresses } from "../../dial/index.ts";
import { findSources } from "../dialer/source-address.ts";

/** Sources change when an interface does; so long they are taken for granted. */
const KEPT = 2000;
const MOST = 1000;

/** Orders addresses as RFC 6724 does, by what the kernel would send from. */
export class RouteOrder {
  readonly #sources = new Map<string, { readonly candidate: Candidate; readonly until: number }>();

  order(addresses: readonly string[]): Promise<readonly string[]> {
    const now = performance.now();
    const missing = addresses.filter((address) => (this.#sources.get(address)?.until ?? 0) <= now);
    if (missing.length === 0) return Promise.resolve(this.#ordered(addresses));
    return new Promise((resolve) => {
      findSources(missing, (candidates) => {
        if (this.#sources.size > MOST) this.#sources.clear();
        for (const candidate of candidates) {
          this.#sources.set(candidate.address, { candidate, until: now + KEPT });
        }
        resolve(this.#ordered(addresses));
      });
    });
  }

  #ordered(addresses: readonly string[]): readonly string[] {
    const candidates = addresses.map(
      (address) => this.#sources.get(address)?.candidate ?? { address, source: undefined },
    );
    return orderAddresses(candidates).map(({ address }) => address);
  }
}
