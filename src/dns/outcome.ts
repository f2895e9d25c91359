import type { Millis } from "../lib/millis.ts";
import type { Finding } from "./answer.ts";
import type { Server } from "./server.ts";
import type { DnsFailure } from "./words.ts";

/** How a query ended. */
export type Outcome =
  | {
      readonly type: "found";
      readonly finding: Finding;
      readonly server: Server;
      readonly transport: "udp" | "tcp";
    }
  | { readonly type: "failed"; readonly code: DnsFailure };

export interface QueryOptions {
  readonly servers: readonly Server[];
  /** CNAME and DNAME records followed before. */
  readonly hops: number;
  readonly done: (outcome: Outcome, now: Millis) => void;
}
