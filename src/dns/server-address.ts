import { type Address, addressFamily } from "./address.ts";

/** Where a name server listens. */
export interface ServerAddress {
  /** IPv6 may carry a zone: `fe80::1%eth0`. */
  readonly address: Address;
  readonly port: number;
}

const DNS_PORT = 53;

/**
 * The server that `text` names; undefined when it names none. Forms: `192.0.2.1`, `192.0.2.1:5353`,
 * `192.0.2.1#5353`, `2001:db8::1`, `2001:db8::1#5353`, `[2001:db8::1]`, `[2001:db8::1]:5353`, `fe80::1%eth0`.
 */
export function parseServer(text: string): ServerAddress | undefined {
  const match =
    /^\[([^\]]+)\](?:[:#](\d{1,5}))?$/.exec(text) ??
    /^([^#:]+):(\d{1,5})$/.exec(text) ??
    /^([^#]+)(?:#(\d{1,5}))?$/.exec(text);
  const address = match?.[1] ?? "";
  if (addressFamily(address) === 0) return undefined;
  const port = match?.[2] === undefined ? DNS_PORT : Number(match[2]);
  return port >= 1 && port <= 0xffff ? { address, port } : undefined;
}

/** The text by which a server is known in logs and answers: `192.0.2.1`, `[2001:db8::1]:5353`. */
export function formatServer({ address, port }: ServerAddress): string {
  if (port === DNS_PORT) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
