// A door of its own, because a context has to start without this code.
export { Resolver, type Settings as ResolverSettings } from "./resolver.ts";
