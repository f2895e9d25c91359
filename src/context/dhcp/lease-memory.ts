import {
  type ClientSettings,
  encodeLeaseFile,
  identifierOf,
  type Lease,
  MAX_LEASE_FILE,
  type MtuChange,
  parseLeaseFile,
  type Remembered,
  remainingSeconds,
} from "../../dhcp/index.ts";
import type { SmallFiles } from "../network-ports.ts";

/** What is known of this client's last lease. */
export interface Recalled extends Remembered {
  readonly mtu: MtuChange | undefined;
}

/** The lease file: what it holds that is not ours, or cannot be read, is as if it were not there. */
export class LeaseMemory {
  readonly #files: SmallFiles;
  readonly #path: string | undefined;
  readonly #settings: ClientSettings;
  readonly #failed: (error: unknown) => void;
  /** One after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(
    files: SmallFiles,
    path: string | undefined,
    { settings, failed }: { readonly settings: ClientSettings; readonly failed: (error: unknown) => void },
  ) {
    this.#files = files;
    this.#path = settings.anonymous ? undefined : path;
    this.#settings = settings;
    this.#failed = failed;
  }

  /** The address of this client's last lease, and what remains of it at wall time `wall`. */
  async recall(hardwareAddress: Uint8Array, wall: number): Promise<Recalled | undefined> {
    if (this.#path === undefined) return undefined;
    const bytes = await this.#files.read(this.#path, MAX_LEASE_FILE).catch(this.#failed);
    const record = bytes instanceof Uint8Array ? parseLeaseFile(bytes) : undefined;
    if (record === undefined) return undefined;
    const seconds = remainingSeconds(record, this.#self(hardwareAddress), wall);
    if (seconds === undefined) return undefined;
    return { address: record.address, remaining: seconds * 1000, mtu: record.mtu };
  }

  /** `obtained`: the wall time at which the lease began; `mtu`: what it did to that of the link. */
  keep(
    { address, server, leaseSeconds }: Lease,
    hardwareAddress: Uint8Array,
    { obtained, mtu }: { readonly obtained: number; readonly mtu: MtuChange | undefined },
  ): void {
    const record = {
      ...this.#self(hardwareAddress),
      address,
      server,
      obtained: Math.max(0, Math.floor(obtained)),
      leaseSeconds,
      mtu,
    };
    this.#then((path) => this.#files.replace(path, encodeLeaseFile(record)));
  }

  forget(): void {
    this.#then((path) => this.#files.remove(path));
  }

  /** Resolves when all has been written. */
  settled(): Promise<void> {
    return this.#work;
  }

  #self(hardwareAddress: Uint8Array) {
    return { hardwareAddress, clientId: identifierOf({ settings: this.#settings, hardwareAddress }) };
  }

  #then(work: (path: string) => Promise<void>): void {
    const path = this.#path;
    if (path !== undefined) this.#work = this.#work.then(() => work(path)).catch(this.#failed);
  }
}
