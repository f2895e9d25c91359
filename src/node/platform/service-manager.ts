import { checked, type Libc, loadLibc, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_NONBLOCK } from "./libc.ts";
import { IS_LITTLE_ENDIAN } from "./netlink-bytes.ts";

const AF_UNIX = 1;
/** Of sun_path. */
const LONGEST_PATH = 108;

/** Whoever started this process and wants to hear how it fares: systemd, by the protocol of sd_notify(3). */
export interface ServiceManager {
  /** Milliseconds within which it expects a sign of life; undefined where it expects none. */
  readonly watchdog: number | undefined;
  /** `READY=1`, `STATUS=...`, ... None may hold a line end. False where the manager did not take it: its queue is full. */
  tell(...assignments: readonly string[]): boolean;
  close(): void;
}

/**
 * The manager that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`, `WATCHDOG_PID`); undefined where it names
 * none. Throws SecureStreamsError `unsupported` where Unix datagrams cannot be sent: without koffi, which Node needs for it.
 */
export function createServiceManager(
  environment: Readonly<Record<string, string | undefined>>,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET: path = "", WATCHDOG_USEC: span, WATCHDOG_PID: pid = `${process.pid}` } = environment;
  const isAbstract = path.startsWith("@");
  const name = Buffer.from(isAbstract ? `\0${path.slice(1)}` : path);
  // What is neither absolute nor abstract is another kind of address, or none.
  if ((!isAbstract && !path.startsWith("/")) || name.length > LONGEST_PATH) return undefined;
  const libc = loadLibc();
  const opened = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const descriptor = checked(libc, opened, { verb: "open a socket to the service manager" });
  const watchdog = pid === `${process.pid}` && Number(span) > 0 ? Number(span) / 1000 : undefined;
  return new Notifier(libc, descriptor, { address: addressOf(name), watchdog });
}

class Notifier implements ServiceManager {
  readonly watchdog: number | undefined;
  readonly #libc: Libc;
  readonly #address: Uint8Array;
  #descriptor: number;

  constructor(
    libc: Libc,
    descriptor: number,
    more: { readonly address: Uint8Array; readonly watchdog: number | undefined },
  ) {
    this.#libc = libc;
    this.#descriptor = descriptor;
    this.#address = more.address;
    this.watchdog = more.watchdog;
  }

  tell(...assignments: readonly string[]): boolean {
    if (this.#descriptor < 0) return false;
    const bytes = Buffer.from(assignments.join("\n"));
    const to = this.#address;
    return this.#libc.sendto(this.#descriptor, bytes, bytes.length, 0, to, to.length) === bytes.length;
  }

  close(): void {
    if (this.#descriptor >= 0) this.#libc.close(this.#descriptor);
    this.#descriptor = -1;
  }
}

/** struct sockaddr_un; the length of an abstract name counts, so nothing follows it. */
function addressOf(name: Uint8Array): Uint8Array {
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, IS_LITTLE_ENDIAN);
  address.set(name, 2);
  return address;
}
