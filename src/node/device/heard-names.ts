import type { HostResolver } from "../../dial/index.ts";

/** The same resolver, which tells beside whoever asked, and before, where each name led. */
export function hearNames(
  resolver: HostResolver,
  heard: (host: string, addresses: readonly string[]) => void,
): HostResolver {
  return {
    resolve: (host, events) =>
      resolver.resolve(host, {
        addresses(family, addresses) {
          heard(host, addresses);
          events.addresses(family, addresses);
        },
        done: (family, reason) => events.done(family, reason),
      }),
  };
}
