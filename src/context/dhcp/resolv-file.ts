import type { Configuration } from "../../dhcp/index.ts";
import { encodeUtf8 } from "../../lib/bytes.ts";
import type { SmallFiles } from "../network-ports.ts";

const MAX_BYTES = 65_536;
const READABLE_BY_ALL = 0o644;

/** A resolv.conf that says what the lease says, for programs that read the system's. */
export class ResolvFile {
  readonly #files: SmallFiles;
  readonly #path: string | undefined;
  #before: { readonly bytes: Uint8Array | undefined } | undefined;
  /** One after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(files: SmallFiles, path: string | undefined) {
    this.#files = files;
    this.#path = path;
  }

  write(configuration: Configuration, failed: (error: unknown) => void): void {
    this.#then(async (path) => {
      this.#before ??= { bytes: await this.#files.read(path, MAX_BYTES) };
      await this.#files.replace(path, encodeUtf8(resolvConf(configuration)), READABLE_BY_ALL);
    }, failed);
  }

  /** Puts back what stood there before the first lease. */
  restore(failed: (error: unknown) => void): void {
    this.#then(async (path) => {
      const before = this.#before;
      this.#before = undefined;
      if (before === undefined) return;
      if (before.bytes === undefined) await this.#files.remove(path);
      else await this.#files.replace(path, before.bytes, READABLE_BY_ALL);
    }, failed);
  }

  /** Resolves when all has been written. */
  settled(): Promise<void> {
    return this.#work;
  }

  #then(work: (path: string) => Promise<void>, failed: (error: unknown) => void): void {
    const path = this.#path;
    if (path !== undefined) this.#work = this.#work.then(() => work(path)).catch(failed);
  }
}

/** Addresses and names were checked when the lease was read: none of them can add a line. */
function resolvConf({ dnsServers, searchDomains }: Configuration): string {
  const search = searchDomains.length === 0 ? [] : [`search ${searchDomains.join(" ")}`];
  return ["# From the DHCP lease", ...search, ...dnsServers.map((each) => `nameserver ${each}`), ""].join(
    "\n",
  );
}
