import type { ClientSettings, Configuration, Lease } from "../../dhcp/index.ts";
import { type Millis, seconds } from "../../lib/millis.ts";
import type { Link, NetworkEvent } from "../network-ports.ts";
import { LeaseMemory, type Recalled } from "./lease-memory.ts";
import { DEFAULT_METRIC, type DhcpClientOptions } from "./options.ts";
import type { DhcpPorts } from "./ports.ts";
import { isLasting, takenAway } from "./reason.ts";
import { ResolvFile } from "./resolv-file.ts";
import { Tenancy } from "./tenancy.ts";

/** What somebody took away is put back no more often: two programs that disagree must not fill the log. */
const RESTORE_GAP = seconds(10);

export interface ConfiguratorParts {
  readonly ports: DhcpPorts;
  readonly options: DhcpClientOptions;
  readonly settings: ClientSettings;
  readonly link: Link;
  readonly warn: (error: unknown) => void;
  /** Does what may be refused for good, which ends the client. */
  readonly guard: (work: () => void) => void;
}

/** What a lease changes outside: the interface, the lease file, resolv.conf. */
export class Configurator {
  readonly #parts: ConfiguratorParts;
  readonly #tenancy: Tenancy | undefined;
  readonly #memory: LeaseMemory;
  readonly #resolvFile: ResolvFile;
  #held: { readonly lease: Lease; readonly expiresAt: Millis } | undefined;
  #restoredAt: Millis = Number.NEGATIVE_INFINITY;
  /** Calls off what is put back later. */
  #callOff: (() => void) | undefined;

  constructor(parts: ConfiguratorParts) {
    const { ports, options, settings, link, warn } = parts;
    const { configure = true, metric = DEFAULT_METRIC, inform, leaseFile, resolvConf } = options;
    this.#parts = parts;
    const isSetByHand = inform !== undefined;
    this.#tenancy =
      configure && !isSetByHand ? new Tenancy(ports.network, link.index, { metric, warn }) : undefined;
    const path = isSetByHand ? undefined : leaseFile;
    this.#memory = new LeaseMemory(ports.files, path, { settings, failed: warn });
    this.#resolvFile = new ResolvFile(ports.files, resolvConf, warn);
  }

  recall(hardwareAddress: Uint8Array): Promise<Recalled | undefined> {
    return this.#memory.recall(hardwareAddress, this.#parts.ports.clock.wall());
  }

  /** Whether leases go onto the interface. */
  get configures(): boolean {
    return this.#tenancy !== undefined;
  }

  /** Cleans up after a client that was killed, and brings the link up. True where the remembered address stayed. */
  takeOver(remembered: Recalled | undefined, link: Link): boolean {
    if (this.#tenancy === undefined) return false;
    // Changes nothing where it is up; without CAP_NET_ADMIN it is refused before the first question is asked.
    this.#parts.ports.network.bringUp(link.index);
    const keep = remembered !== undefined && remembered.remaining > 0 ? remembered.address : undefined;
    this.#tenancy.adoptMtu(remembered?.mtu, link);
    return this.#tenancy.adopt(keep, remembered?.address);
  }

  /** The MTU of the link without a lease. */
  mtuOf(link: Link): number {
    return this.#tenancy?.mtuOf(link) ?? link.mtu;
  }

  apply(lease: Lease, expiresAt: Millis, link: Link): void {
    const { clock } = this.#parts.ports;
    const remaining = expiresAt - clock.now();
    // The kernel counts whole seconds and ends them up to 250 ms early (ADDRCONF_TIMER_FUZZ).
    this.#furnish(lease, Math.max(1, Math.floor((remaining + 250) / 1000)), link);
    this.#held = { lease, expiresAt };
    const age = Number.isFinite(remaining) ? seconds(lease.leaseSeconds) - remaining : 0;
    this.#memory.keep(lease, link.hardwareAddress, {
      obtained: clock.wall() - age,
      mtu: this.#tenancy?.mtu,
    });
    this.#resolvFile.write(lease);
  }

  /** Puts back what somebody else took away, where `event` tells that: at once, or when the time for it has come. */
  mend(event: NetworkEvent, link: () => Link): void {
    if (this.#held === undefined || !this.#isLoss(event)) return;
    const { clock } = this.#parts.ports;
    const due = this.#restoredAt + RESTORE_GAP;
    if (due <= clock.now()) this.#putBack(link());
    else this.#callOff ??= clock.wake(due, () => this.#parts.guard(() => this.#putBack(link())), false);
  }

  #putBack(link: Link): void {
    const { clock } = this.#parts.ports;
    const held = this.#held;
    this.#callOff = undefined;
    if (held === undefined || this.#tenancy?.isWhole() !== false) return;
    const remaining = Math.floor((held.expiresAt - clock.now()) / 1000);
    // What the kernel took because its time was over stays away.
    if (remaining < 1) return;
    this.#restoredAt = clock.now();
    this.#parts.warn(takenAway(link.name));
    this.#furnish(held.lease, remaining, link);
  }

  inform(configuration: Configuration): void {
    this.#resolvFile.write(configuration);
  }

  forget(): void {
    this.#memory.forget();
  }

  /** Throws where the system refused to take something back. */
  withdraw(link: Link): void {
    this.leave();
    this.restoreResolvConf();
    this.#tenancy?.withdraw(link);
  }

  restoreResolvConf(): void {
    this.#resolvFile.restore();
  }

  /** Leaves everything where it is. */
  leave(): void {
    this.#held = undefined;
    this.#callOff?.();
    this.#callOff = undefined;
  }

  /** Resolves when all has been written. */
  async settled(): Promise<void> {
    await Promise.all([this.#memory.settled(), this.#resolvFile.settled()]);
  }

  #isLoss(event: NetworkEvent): boolean {
    try {
      return this.#tenancy?.isLossOf(event) === true;
    } catch (error) {
      if (isLasting(error)) throw error;
      this.#parts.warn(error);
      return false;
    }
  }

  /** What fails for a while, and concerns what is there already, is made good by the next renewal. */
  #furnish(lease: Lease, validSeconds: number, link: Link): void {
    try {
      this.#tenancy?.apply(lease, validSeconds, link);
    } catch (error) {
      if (isLasting(error) || this.#held === undefined) throw error;
      this.#parts.warn(error);
    }
  }
}
