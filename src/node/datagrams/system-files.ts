import { getServers } from "node:dns";
import type { SystemEvents } from "../../context/index.ts";
import {
  DEFAULT_RESOLV_CONF,
  parseHosts,
  parseResolvConf,
  parseServer,
  type ResolvConf,
} from "../../dns/index.ts";
import { watchText } from "./watched-file.ts";

export interface SystemFiles {
  /** Default `/etc/resolv.conf`; on Windows and macOS what `getServers()` of `node:dns` knows. */
  readonly resolvConf?: string | undefined;
  /** Default `/etc/hosts`; on Windows that of the system's folder. */
  readonly hosts?: string | undefined;
}

const HAS_RESOLV_CONF = process.platform !== "win32" && process.platform !== "darwin";
/** Where there is no file to watch, the servers are asked for anew so often. */
const REFRESH = 5000;

/** The system's settings, told at once and at each change. */
export function watchSystem(files: SystemFiles, told: SystemEvents): () => void {
  const unwatchServers = watchServers(files.resolvConf, told);
  const unwatchHosts = watchText(files.hosts ?? hostsPath(), (text) => told.hosts(parseHosts(text)));
  return () => {
    unwatchServers();
    unwatchHosts();
  };
}

function watchServers(path: string | undefined, told: SystemEvents): () => void {
  if (path !== undefined || HAS_RESOLV_CONF) {
    return watchText(path ?? "/etc/resolv.conf", (text) => told.configured(parseResolvConf(text)));
  }
  told.configured(knownToNode());
  const timer = setInterval(() => told.configured(knownToNode()), REFRESH).unref();
  return () => clearInterval(timer);
}

function knownToNode(): ResolvConf {
  const servers = getServers().flatMap((text) => parseServer(text) ?? []);
  return { ...DEFAULT_RESOLV_CONF, servers };
}

function hostsPath(): string {
  if (process.platform !== "win32") return "/etc/hosts";
  return `${process.env.SystemRoot ?? "C:\\Windows"}\\System32\\drivers\\etc\\hosts`;
}
