import { addressBytes, familyOf } from "../lib/address.ts";
import { concat, encodeUtf8 } from "../lib/bytes.ts";
import type { Reason } from "../lib/errors.ts";

/** Where a SOCKS5 proxy shall connect to, and as whom. */
export interface Socks5Options {
  /** Name or address. A name goes to the proxy as it is: the proxy resolves it. */
  readonly host: string;
  readonly port: number;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The proxy as people know it, for reasons: `proxy.example:1080`. */
  readonly proxy: string;
}

export type Socks5Output =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  /** The connection stands; `rest` are bytes of the peer that came along. */
  | { readonly type: "connected"; readonly rest: Uint8Array }
  | { readonly type: "failed"; readonly reason: Reason };

type State = "greeting" | "authenticating" | "requesting" | "over";

const VERSION = 0x05;
const AUTH_VERSION = 0x01;
const NO_AUTH = 0x00;
const USERNAME_PASSWORD = 0x02;
const NOTHING_ACCEPTABLE = 0xff;
const CONNECT = 0x01;
const IPV4 = 0x01;
const NAME = 0x03;
const IPV6 = 0x04;
const MOST_NAME_BYTES = 255;

/** Reply codes (RFC 1928, 6). */
const REPLIES: readonly string[] = [
  "succeeded",
  "it has a general failure",
  "its rules do not allow this connection",
  "the network is unreachable from there",
  "the host is unreachable from there (or it cannot resolve the name)",
  "the peer refuses the connection",
  "the connection took too long",
  "it does not support CONNECT",
  "it does not support this kind of address",
];

/**
 * The caller's side of SOCKS5 (RFC 1928) with no authentication or username and password (RFC 1929). Never keeps more
 * than one reply: what comes before it was asked for is a fault.
 */
export class Socks5 {
  readonly #options: Socks5Options;
  /** Empty offers no authentication but none. */
  readonly #username: string;
  #state: State = "greeting";
  #held: Uint8Array = new Uint8Array(0);

  constructor(options: Socks5Options) {
    this.#options = options;
    this.#username = options.username ?? "";
  }

  /** What to send first; `failed` where host or credentials do not fit the protocol. */
  begin(): Socks5Output {
    const { host, password = "" } = this.#options;
    if (
      encodeUtf8(this.#username).length > MOST_NAME_BYTES ||
      encodeUtf8(password).length > MOST_NAME_BYTES
    ) {
      return this.#fail("proxy-auth-failed", "username and password may have 255 bytes each");
    }
    if (host === "" || encodeUtf8(host).length > MOST_NAME_BYTES) {
      return this.#fail("proxy-protocol", "a host's name has 1 to 255 bytes in SOCKS5");
    }
    const methods = this.#username !== "" ? [NO_AUTH, USERNAME_PASSWORD] : [NO_AUTH];
    return { type: "send", bytes: Uint8Array.of(VERSION, methods.length, ...methods) };
  }

  /** Takes bytes of the proxy, in pieces of any size. At most one output for each reply. */
  receive(bytes: Uint8Array): readonly Socks5Output[] {
    if (this.#state === "over") return [];
    this.#held = this.#held.length === 0 ? bytes : concat([this.#held, bytes]);
    const output = this.#next();
    return output === undefined ? [] : [output];
  }

  #next(): Socks5Output | undefined {
    if (this.#state === "greeting") return this.#readMethod();
    return this.#state === "authenticating" ? this.#readAuthentication() : this.#readReply();
  }

  #readMethod(): Socks5Output | undefined {
    const [version, method] = this.#held;
    if (version !== undefined && version !== VERSION) return this.#notSocks(version);
    if (method === undefined) return undefined;
    if (method === NOTHING_ACCEPTABLE) {
      return this.#fail(
        "proxy-auth-failed",
        this.#username !== ""
          ? "it accepts neither no authentication nor username and password"
          : "it requires a username and password; give them in the policy's `via-socks5`",
      );
    }
    if (method !== NO_AUTH && !(method === USERNAME_PASSWORD && this.#username !== "")) {
      return this.#fail("proxy-protocol", `it chose authentication method ${method}, which was not offered`);
    }
    if (this.#held.length > 2) return this.#tooMuch();
    return method === NO_AUTH ? this.#request() : this.#authenticate();
  }

  #authenticate(): Socks5Output {
    this.#enter("authenticating");
    const name = encodeUtf8(this.#username);
    const word = encodeUtf8(this.#options.password ?? "");
    const head = Uint8Array.of(AUTH_VERSION, name.length);
    return { type: "send", bytes: concat([head, name, Uint8Array.of(word.length), word]) };
  }

  #readAuthentication(): Socks5Output | undefined {
    const [version, status] = this.#held;
    if (version !== undefined && version !== AUTH_VERSION) return this.#notSocks(version);
    if (status === undefined) return undefined;
    if (status !== 0x00) return this.#fail("proxy-auth-failed", "it refuses the username and password");
    return this.#held.length > 2 ? this.#tooMuch() : this.#request();
  }

  #request(): Socks5Output {
    this.#enter("requesting");
    const { host, port } = this.#options;
    const head = Uint8Array.of(VERSION, CONNECT, 0x00);
    const tail = Uint8Array.of(port >> 8, port & 0xff);
    return { type: "send", bytes: concat([head, encodeHost(host), tail]) };
  }

  #readReply(): Socks5Output | undefined {
    const [version, reply, reserved, kind, first] = this.#held;
    if (version !== undefined && version !== VERSION) return this.#notSocks(version);
    if (reply !== undefined && reply !== 0x00) {
      const why = REPLIES[reply] ?? `it answers with the unknown code ${reply}`;
      return this.#fail("proxy-refused", why);
    }
    if (reserved !== undefined && reserved !== 0x00) {
      return this.#fail("proxy-protocol", `its reply has ${reserved} where 0 must be`);
    }
    if (kind === undefined || first === undefined) return undefined;
    const size = boundSize(kind, first);
    if (size === undefined)
      return this.#fail("proxy-protocol", `its reply has the unknown address kind ${kind}`);
    const length = 4 + size + 2;
    if (this.#held.length < length) return undefined;
    const rest = this.#held.slice(length);
    this.#enter("over");
    return { type: "connected", rest };
  }

  #enter(state: State): void {
    this.#state = state;
    this.#held = new Uint8Array(0);
  }

  #notSocks(version: number): Socks5Output {
    return this.#fail(
      "proxy-protocol",
      `it answers with ${version} where SOCKS5 has its version; is it a SOCKS5 proxy?`,
    );
  }

  #tooMuch(): Socks5Output {
    return this.#fail("proxy-protocol", "it sends more than was asked for");
  }

  #fail(code: "proxy-auth-failed" | "proxy-protocol" | "proxy-refused", why: string): Socks5Output {
    this.#enter("over");
    const { proxy, host, port } = this.#options;
    const target = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
    return {
      type: "failed",
      reason: {
        layer: "proxy",
        code,
        message: `Cannot connect to ${target} through the SOCKS5 proxy ${proxy}: ${why}`,
      },
    };
  }
}

function encodeHost(host: string): Uint8Array {
  const address = addressBytes(host);
  const family = familyOf(host);
  if (address === undefined || host.includes("%")) {
    const name = encodeUtf8(host);
    return concat([Uint8Array.of(NAME, name.length), name]);
  }
  return family === 4
    ? concat([Uint8Array.of(IPV4), address.subarray(12)])
    : concat([Uint8Array.of(IPV6), address]);
}

/** Bytes of the bound address; `first` is the byte after its kind. */
function boundSize(kind: number, first: number): number | undefined {
  if (kind === IPV4) return 4;
  if (kind === IPV6) return 16;
  return kind === NAME ? 1 + first : undefined;
}
