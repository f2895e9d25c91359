export { type CreateResolverOptions, createResolver, createResolverPorts } from "./create-resolver.ts";
