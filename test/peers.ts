import { existsSync } from "node:fs";

/** Programs that tests talk to, each a Debian package of the same name unless said otherwise. */
export type Peer =
  | "mosquitto"
  | "nginx"
  | "nghttpd"
  | "dnsmasq"
  | "unbound"
  | "openssl"
  | "curl"
  | "kea-dhcp4"
  | "dhcpd"
  | "chronyd"
  | "chronyc"
  | "strace"
  | "systemd"
  | "nft";

const FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/usr/lib/systemd"];

/** The path of a program; undefined where it is not installed. */
export function findPeer(name: Peer): string | undefined {
  return FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}

/** The path of a program. Throws where it is missing. */
export function requirePeer(name: Peer): string {
  const path = findPeer(name);
  if (path === undefined) throw new Error(`The program "${name}" is not installed`);
  return path;
}

/**
 * Why the tests that need this peer are skipped; undefined where they run. With CI=true nothing is skipped: the tests run
 * and fail by name. Use: `describe.skipIf(peerMissing("mosquitto"))(...)`.
 */
export function peerMissing(name: Peer): string | undefined {
  if (process.env.CI === "true" || findPeer(name) !== undefined) return undefined;
  const why = `skipped: the program "${name}" is not installed`;
  process.stderr.write(`${why}\n`);
  return why;
}

/** Why the tests that need all of these are skipped; undefined where they run. */
export function peersMissing(...names: readonly Peer[]): string | undefined {
  return names.map(peerMissing).find((why) => why !== undefined);
}
