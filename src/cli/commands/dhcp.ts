import type { DhcpClient, DhcpEvents, DhcpLeaseEvent } from "../../context/index.ts";
import type { Lease } from "../../dhcp/index.ts";
import { SecureStreamsError } from "../../lib/errors.ts";
import { type Command, text, wholeNumber } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { Limit } from "../limit.ts";
import { type Output, printable } from "../output.ts";

export const dhcp: Command = {
  name: "dhcp",
  summary: "get an interface its address by DHCP, and keep it",
  help: `Gets, applies and keeps a lease for one interface until it is stopped; then takes back what it configured.

Usage: secure-streams dhcp IFACE [--once] [--no-configure] [--release] [--lease-file FILE] [--timeout MS] [--json]

  IFACE           as "ip link" shows it
  --once          leave when the address is bound, and leave it on the interface
  --no-configure  tell the lease and touch nothing
  --release       give the address back to the server on leaving
  --lease-file    remember the lease here, to ask for the same address after a restart
  --metric N      of the routes; default 1024
  --resolv-conf   write name servers and search list here while there is a lease
  --no-probe      use the address without asking whether another host has it: some 5 s sooner
  --timeout       milliseconds to wait for the first lease; default: for ever
  --json          one JSON object per line

Needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE, not root.
Exit code 0 when stopped or done, 4 when no lease came in time, 5 when a capability is missing,
130 when stopped before it was done once.

Example:
  secure-streams dhcp eth0 --lease-file /var/lib/gateway/eth0.lease
  secure-streams dhcp eth0 --once --no-configure --timeout 10000 --json
`,
  options: {
    once: { type: "boolean" },
    "no-configure": { type: "boolean" },
    release: { type: "boolean" },
    "lease-file": { type: "string" },
    metric: { type: "string" },
    "resolv-conf": { type: "string" },
    "no-probe": { type: "boolean" },
    timeout: { type: "string" },
  },
  positionals: ["IFACE"],
  async run(invocation) {
    const { createDhcpClient } = await import("../../dhcp.ts");
    const { output, signal, positionals, values } = invocation;
    const metric = wholeNumber(invocation, "metric", 0);
    const leaseFile = text(invocation, "lease-file");
    const resolvConf = text(invocation, "resolv-conf");
    const timeout = wholeNumber(invocation, "timeout", 1);
    const client = createDhcpClient({
      interface: positionals[0] ?? "",
      configure: values["no-configure"] !== true,
      conflictDetection: values["no-probe"] !== true,
      ...(metric === undefined ? {} : { metric }),
      ...(leaseFile === undefined ? {} : { leaseFile }),
      ...(resolvConf === undefined ? {} : { resolvConf }),
    });
    client.on("state", (event) => showState(output, client, event));
    client.on("lease", (event) => showLease(output, client, event));
    client.on("warning", ({ error }) => output.error(error));
    return await keep(client, {
      ...{ output, signal, timeout },
      ...{ once: values.once === true, release: values.release === true },
    });
  },
};

interface Keeping {
  readonly output: Output;
  readonly signal: AbortSignal;
  readonly timeout: number | undefined;
  readonly once: boolean;
  readonly release: boolean;
}

/** Until it is stopped, has ended, or has done what it was to do once. */
async function keep(
  client: DhcpClient,
  { output, signal, timeout, once, release }: Keeping,
): Promise<ExitCode> {
  const limit = new Limit(signal, timeout);
  try {
    await client.bound({ signal: limit.signal });
    limit.end();
    if (once) {
      if (!release) await client.stop({ keep: true });
      return EXIT.done;
    }
    await ended(client, signal);
    return EXIT.done;
  } catch (error) {
    if (signal.aborted) return once ? EXIT.interrupted : EXIT.done;
    if (!limit.isLate) throw error;
    const message = `Cannot get a lease: no server gave one within ${timeout} ms`;
    output.error(new SecureStreamsError({ layer: "dhcp", code: "timeout", message }));
    return EXIT.timeout;
  } finally {
    limit.end();
    if (release) await client.release();
    await client.stop();
  }
}

/** Resolves when the signal fires; rejects when the client ends by itself. */
function ended(client: DhcpClient, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    client.on("state", ({ state, reason }) => {
      if (state !== "ended" || signal.aborted) return;
      if (reason === undefined) resolve();
      else reject(new SecureStreamsError(reason));
    });
  });
}

function showState(output: Output, { interface: link }: DhcpClient, event: DhcpEvents["state"]): void {
  const { state, previous, reason } = event;
  const told =
    reason === undefined ? null : { layer: reason.layer, code: reason.code, message: reason.message };
  output.event("state", { interface: link, state, previous, reason: told });
  const why = reason === undefined ? "" : `: [${reason.code}] ${printable(reason.message)}`;
  const line = `${link}  ${state}${why}`;
  const { paint } = output;
  output.note(
    state === "bound" ? paint.good(line) : reason === undefined ? paint.dim(line) : paint.bad(line),
  );
}

function showLease(output: Output, { interface: link }: DhcpClient, { change, lease }: DhcpLeaseEvent): void {
  if (lease === undefined) return;
  output.event("lease", { interface: link, change, ...leaseFields(lease) });
  if (change === "lost") return;
  for (const [name, value] of linesOf(lease)) output.line(`${name.padEnd(9)} ${printable(value)}`);
}

function leaseFields(lease: Lease) {
  const finite = (seconds: number): number | null => (Number.isFinite(seconds) ? seconds : null);
  return {
    address: lease.address,
    prefixLength: lease.prefixLength,
    routers: lease.routers,
    dns: lease.dnsServers,
    search: lease.searchDomains,
    ntp: lease.ntpServers,
    captivePortal: lease.captivePortal ?? null,
    routes: lease.routes,
    mtu: lease.mtu ?? null,
    hostname: lease.hostname ?? null,
    server: lease.server,
    /** null is for ever. */
    leaseSeconds: finite(lease.leaseSeconds),
    t1: finite(lease.renewSeconds),
    t2: finite(lease.rebindSeconds),
    doubts: lease.doubts,
  };
}

function linesOf(lease: Lease): readonly (readonly [string, string])[] {
  const { leaseSeconds: seconds, searchDomains: search, captivePortal } = lease;
  const time = Number.isFinite(seconds) ? `${seconds} s` : "for ever";
  const lines: (readonly [string, string])[] = [
    ["address", `${lease.address}/${lease.prefixLength} from ${lease.server}, ${time}`],
  ];
  for (const { destination, prefixLength, gateway } of lease.routes) {
    const where = prefixLength === 0 ? "default" : `${destination}/${prefixLength}`;
    lines.push(["route", gateway === undefined ? where : `${where} via ${gateway}`]);
  }
  if (lease.dnsServers.length > 0) lines.push(["dns", lease.dnsServers.join(" ")]);
  if (search.length > 0) lines.push(["search", search.join(" ")]);
  if (lease.ntpServers.length > 0) lines.push(["ntp", lease.ntpServers.join(" ")]);
  if (captivePortal !== undefined) lines.push(["portal", captivePortal]);
  if (lease.mtu !== undefined) lines.push(["mtu", String(lease.mtu)]);
  for (const doubt of lease.doubts) lines.push(["ignored", doubt]);
  return lines;
}
