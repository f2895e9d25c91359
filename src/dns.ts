export { DnsError, type Resolver } from "./context/index.ts";
export { type CreateResolverOptions, createResolver } from "./node/datagrams/index.ts";
