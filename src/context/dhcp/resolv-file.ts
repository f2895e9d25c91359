import type { Configuration } from "../../dhcp/index.ts";
import { encodeUtf8, equalBytes } from "../../lib/bytes.ts";
import type { SmallFiles } from "../network-ports.ts";

const MAX_BYTES = 65_536;
const READABLE_BY_ALL = 0o644;
/** Tells what a client before us left when it was killed. */
const MARK = "# From the DHCP lease";

/** A resolv.conf that says what the lease says, for programs that read the system's. */
export class ResolvFile {
  readonly #files: SmallFiles;
  readonly #path: string | undefined;
  readonly #failed: (error: unknown) => void;
  #before: { readonly bytes: Uint8Array | undefined } | undefined;
  #written: Uint8Array | undefined;
  /** One after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(files: SmallFiles, path: string | undefined, failed: (error: unknown) => void) {
    this.#files = files;
    this.#path = path;
    this.#failed = failed;
  }

  write(configuration: Configuration): void {
    const bytes = encodeUtf8(resolvConf(configuration));
    this.#then(async (path) => {
      if (this.#written !== undefined && equalBytes(this.#written, bytes)) return;
      if (this.#before === undefined) {
        const found = await this.#files.read(path, MAX_BYTES);
        this.#before = { bytes: found === undefined || isLeft(found) ? undefined : found };
      }
      await this.#files.replace(path, bytes, READABLE_BY_ALL);
      this.#written = bytes;
    });
  }

  /** Puts back what stood there before the first lease, unless somebody else has written it since. */
  restore(): void {
    this.#then(async (path) => {
      const before = this.#before;
      const written = this.#written;
      this.#before = undefined;
      this.#written = undefined;
      if (before === undefined || written === undefined) return;
      const found = await this.#files.read(path, MAX_BYTES);
      if (found === undefined || !equalBytes(found, written)) return;
      if (before.bytes === undefined) await this.#files.remove(path);
      else await this.#files.replace(path, before.bytes, READABLE_BY_ALL);
    });
  }

  /** Resolves when all has been written. */
  settled(): Promise<void> {
    return this.#work;
  }

  #then(work: (path: string) => Promise<void>): void {
    const path = this.#path;
    if (path !== undefined) this.#work = this.#work.then(() => work(path)).catch(this.#failed);
  }
}

function isLeft(bytes: Uint8Array): boolean {
  const mark = encodeUtf8(`${MARK}\n`);
  return equalBytes(bytes.subarray(0, mark.length), mark);
}

/** Addresses and names were checked when the lease was read: none of them can add a line. */
function resolvConf({ dnsServers, searchDomains }: Configuration): string {
  const search = searchDomains.length === 0 ? [] : [`search ${searchDomains.join(" ")}`];
  return [MARK, ...search, ...dnsServers.map((each) => `nameserver ${each}`), ""].join("\n");
}
