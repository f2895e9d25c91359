import { Resolver } from "node:dns";
import type { HostResolver } from "../../dial/index.ts";

/** Asks the demo's name server. */
export function demoResolver(port: number): HostResolver {
  const resolver = new Resolver({ timeout: 500, tries: 2 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return {
    resolve(host, events) {
      let cancelled = false;
      resolver.resolve4(host, (error, addresses) => {
        if (cancelled) return;
        if (error === null) events.addresses(4, addresses);
        events.done(
          4,
          error === null
            ? undefined
            : { layer: "dns", code: "dns-failed", message: `No address for ${host}` },
        );
        events.done(6, { layer: "dns", code: "no-data", message: `No IPv6 address for ${host}` });
      });
      return {
        cancel() {
          cancelled = true;
        },
      };
    },
  };
}
