import dns from "node:dns";
import { syncBuiltinESMExports } from "node:module";
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from "undici";
import type { Resolver } from "../../context/index.ts";
import { createLookup } from "./lookup.ts";

/** What `net` and undici used before the first installation. */
interface Before {
  readonly lookup: typeof dns.lookup;
  readonly promised: typeof dns.promises.lookup;
  readonly dispatcher: ReturnType<typeof getGlobalDispatcher>;
}

/**
 * Has every `dns.lookup` of the process ask `resolver`: `net`, `tls`, `http` and `https` through their default, undici
 * and `fetch` through the global dispatcher. Returns the way to take it away again, whoever came later untouched.
 */
export function installGlobalLookup(resolver: Resolver): () => void {
  const before: Before = {
    lookup: dns.lookup,
    promised: dns.promises.lookup,
    dispatcher: getGlobalDispatcher(),
  };
  const lookup = Object.assign(createLookup(resolver), { __promisify__: dns.lookup.__promisify__ });
  const promised = (hostname: string, options: object | number = {}): Promise<unknown> =>
    new Promise((resolve, reject) => {
      createLookup(resolver)(hostname, options, (error, address, family) => {
        if (error !== null) reject(error);
        else resolve(Array.isArray(address) ? address : { address, family });
      });
    });
  const agent = new Agent({ connect: { lookup: lookup as never } });
  dns.lookup = lookup as never;
  dns.promises.lookup = promised as never;
  syncBuiltinESMExports();
  setGlobalDispatcher(agent);
  let isInstalled = true;
  return () => {
    if (!isInstalled) return;
    isInstalled = false;
    if (dns.lookup === (lookup as unknown)) dns.lookup = before.lookup;
    if (dns.promises.lookup === (promised as unknown)) dns.promises.lookup = before.promised;
    syncBuiltinESMExports();
    if (getGlobalDispatcher() === agent) setGlobalDispatcher(before.dispatcher);
    void agent.close();
  };
}
