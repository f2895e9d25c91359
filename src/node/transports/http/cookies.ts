import { createRequire } from "node:module";
import type { CookieJar as ToughJar } from "tough-cookie";
import { UsageError } from "../../../lib/errors.ts";

/** The cookies of one context. Policy: `http_cookies`. */
export class CookieJar {
  readonly #jar: ToughJar;

  /** Throws UsageError `unsupported` where the optional dependency tough-cookie is not installed. */
  constructor() {
    this.#jar = new (loadTough().CookieJar)();
  }

  /** The value of the Cookie header for a request to `url`; undefined without cookies. */
  header(url: string): string | undefined {
    const text = this.#jar.getCookieStringSync(url);
    return text === "" ? undefined : text;
  }

  /** Keeps what `headers` (names alternating with values) set; ignores what may not be set from `url`. */
  store(url: string, headers: readonly string[]): void {
    for (let index = 0; index < headers.length; index += 2) {
      if (headers[index] !== "set-cookie") continue;
      this.#jar.setCookieSync(headers[index + 1] ?? "", url, { ignoreError: true });
    }
  }
}

function loadTough(): typeof import("tough-cookie") {
  try {
    return createRequire(import.meta.url)("tough-cookie");
  } catch {
    const why =
      "`http_cookies` needs the package tough-cookie, which is not installed (npm install tough-cookie)";
    throw new UsageError(`Cannot keep cookies: ${why}`, "unsupported", "http");
  }
}
