import type { Configuration, Lease, LeaseChange, StateName } from "../../dhcp/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { Listeners } from "../listeners.ts";

export interface DhcpStateEvent {
  readonly state: StateName;
  readonly previous: StateName;
  readonly reason: Reason | undefined;
}

export type DhcpLeaseEvent =
  | { readonly change: LeaseChange; readonly lease: Lease; readonly reason: undefined }
  /** The address is gone from the interface; `lease` is what it was. */
  | { readonly change: "lost"; readonly lease: Lease | undefined; readonly reason: Reason | undefined };

export interface DhcpEvents {
  readonly state: DhcpStateEvent;
  readonly lease: DhcpLeaseEvent;
  /** What a server told beside an address that was set by hand. */
  readonly configuration: Configuration;
  /** Something came that is no answer, and why: from the network, so it may be anything. */
  readonly dropped: { readonly why: string };
  /** A file could not be written; the lease is kept all the same. */
  readonly warning: { readonly error: unknown };
}

/** Who listens to one client. */
export class DhcpListeners {
  readonly #byName: { readonly [Name in keyof DhcpEvents]: Listeners<DhcpEvents[Name]> } = {
    state: new Listeners(),
    lease: new Listeners(),
    configuration: new Listeners(),
    dropped: new Listeners(),
    warning: new Listeners(),
  };

  add<Name extends keyof DhcpEvents>(name: Name, listener: (event: DhcpEvents[Name]) => void): () => void {
    return (this.#byName[name] as Listeners<DhcpEvents[Name]>).add(listener);
  }

  tell<Name extends keyof DhcpEvents>(
    name: Name,
    event: DhcpEvents[Name],
    raise: (error: unknown) => void,
  ): void {
    (this.#byName[name] as Listeners<DhcpEvents[Name]>).emit(event, raise);
  }
}
