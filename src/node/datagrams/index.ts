export { type CreateResolverOptions, createResolver } from "./create-resolver.ts";
export { installGlobalLookup } from "./global-lookup.ts";
export { createHostResolver } from "./host-resolver.ts";
export { createLookup, type LookupCallback, type LookupFunction } from "./lookup.ts";
