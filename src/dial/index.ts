export type { Family, HostResolver, Resolution, ResolveEvents } from "./resolver.ts";
