export { familyOf } from "./address.ts";
export { type Candidate, orderAddresses, type SourceAddress } from "./address-order.ts";
export { Attempts, type AttemptsInput, type AttemptsOutput, MOST_ADDRESSES } from "./attempts.ts";
export type { Family, HostResolver, Resolution, ResolveEvents } from "./resolver.ts";
export { Socks5, type Socks5Options } from "./socks5.ts";
