import dns from "node:dns";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { promisify } from "node:util";
import type { Dispatcher } from "undici";
import type { NameResolver } from "../../context/index.ts";
import { createResolver } from "./create-resolver.ts";
import { createLookup, promisedLookup } from "./lookup.ts";

type Undici = typeof import("undici");

/**
 * Has every `dns.lookup` of the process ask `resolver`, or one made for the purpose: `net`, `tls`, `http` and `https`
 * through their default, undici and `fetch` through the global dispatcher. Returns the way to take it away again,
 * whoever came later untouched.
 */
export function installGlobalLookup(resolver?: NameResolver): () => void {
  const own = resolver === undefined ? createResolver() : undefined;
  const lookup = createLookup(resolver ?? (own as NameResolver));
  const ours = promisedLookup(lookup);
  const before = { lookup: dns.lookup, promised: dns.promises.lookup };
  let isInstalled = true;
  // One who came later may hold on to these: once taken away, they hand on to what was there before.
  const promised = (hostname: string, options: object | number = {}): Promise<unknown> =>
    isInstalled ? ours(hostname, options) : before.promised(hostname, options as object);
  const passing = Object.assign(
    (...args: Parameters<typeof lookup>): void => {
      if (isInstalled) lookup(...args);
      else (before.lookup as typeof lookup)(...args);
    },
    { [promisify.custom]: promised },
  );
  const removeDispatcher = installDispatcher(lookup);
  dns.lookup = passing as never;
  dns.promises.lookup = promised as never;
  syncBuiltinESMExports();
  return () => {
    if (!isInstalled) return;
    isInstalled = false;
    if (dns.lookup === (passing as unknown)) dns.lookup = before.lookup;
    if (dns.promises.lookup === (promised as unknown)) dns.promises.lookup = before.promised;
    syncBuiltinESMExports();
    removeDispatcher();
    own?.close();
  };
}

/** Undici's code is loaded here and not before: who wants names alone does without. */
function installDispatcher(lookup: ReturnType<typeof createLookup>): () => void {
  const undici = createRequire(import.meta.url)("undici") as Undici;
  const before = undici.getGlobalDispatcher();
  const agent = new undici.Agent({ connect: { lookup } });
  let current: Dispatcher = agent;
  class Passing extends undici.Dispatcher {
    override dispatch(...args: Parameters<Dispatcher["dispatch"]>): boolean {
      return current.dispatch(...args);
    }
  }
  const passing = new Passing();
  undici.setGlobalDispatcher(passing);
  return () => {
    current = before;
    if (undici.getGlobalDispatcher() === passing) undici.setGlobalDispatcher(before);
    void agent.close();
  };
}
