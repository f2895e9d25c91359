import { addressFamily } from "./address.ts";
import { type Name, parseName } from "./name.ts";
import type { ServerAddress } from "./server-address.ts";

/** What resolv.conf(5) says. */
export interface ResolvConf {
  readonly servers: readonly ServerAddress[];
  /** Suffixes to try, in order; at most 6. */
  readonly search: readonly Name[];
  /** Dots from which on a name is tried as it is first; 0 to 15. */
  readonly ndots: number;
  /** Seconds for one try; 1 to 30. Undefined where the file says nothing. */
  readonly timeout: number | undefined;
  /** Sends to each server; 1 to 5. Undefined where the file says nothing. */
  readonly attempts: number | undefined;
  /** Spread queries over the servers. */
  readonly rotate: boolean;
  /** Ask over TCP from the start. */
  readonly useTcp: boolean;
}

export const DEFAULT_RESOLV_CONF: ResolvConf = {
  servers: [],
  search: [],
  ndots: 1,
  timeout: undefined,
  attempts: undefined,
  rotate: false,
  useTcp: false,
};

const MAX_SEARCH = 6;
const MAX_SERVERS = 16;

/** Reads resolv.conf(5). What it does not understand it leaves out; of `search` and `domain` the last counts. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: ServerAddress[] = [];
  let conf = DEFAULT_RESOLV_CONF;
  for (const line of text.split("\n")) {
    const [keyword = "", ...words] = line.trim().split(/[ \t\r]+/);
    switch (keyword) {
      case "nameserver": {
        const address = words[0] ?? "";
        if (addressFamily(address) !== 0 && servers.length < MAX_SERVERS) servers.push({ address, port: 53 });
        break;
      }
      case "search":
        conf = { ...conf, search: suffixes(words) };
        break;
      case "domain":
        conf = { ...conf, search: suffixes(words.slice(0, 1)) };
        break;
      case "options":
        for (const option of words) conf = { ...conf, ...readOption(option) };
        break;
      default:
        break;
    }
  }
  return { ...conf, servers };
}

function suffixes(words: readonly string[]): readonly Name[] {
  const names = words.map(parseName).filter((name) => name !== undefined);
  return names.slice(0, MAX_SEARCH);
}

function readOption(option: string): Partial<ResolvConf> {
  const [name, value = ""] = option.split(":");
  const number = /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  switch (name) {
    case "ndots":
      return number === undefined ? {} : { ndots: Math.min(number, 15) };
    case "timeout":
      return number === undefined ? {} : { timeout: Math.min(Math.max(number, 1), 30) };
    case "attempts":
      return number === undefined ? {} : { attempts: Math.min(Math.max(number, 1), 5) };
    case "rotate":
      return { rotate: true };
    case "use-vc":
      return { useTcp: true };
    default:
      return {};
  }
}
