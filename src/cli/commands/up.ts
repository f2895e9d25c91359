import { SecureStreamsError, UsageError } from "../../lib/errors.ts";
import { nearest } from "../../policy/index.ts";
import { type HoldableState, WAY_UP } from "../../system/index.ts";
import type { Device, StaticInterface } from "../../system.ts";
import { type Command, type Invocation, text, texts, wholeNumber } from "../command.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { Limit } from "../limit.ts";
import { told, watchDevice } from "../tell-device.ts";

export const up: Command = {
  name: "up",
  summary: "bring a device from nothing to operational, and keep it there",
  help: `Brings a device from a bare interface to OPERATIONAL: link, address, portal, time, policy; then opens every
stream of the policy that is nailed up, and keeps all of it going until stopped.

Usage: secure-streams up --interface IFACE --policy FILE [--until STATE] [--timeout MS] [--json]

  --interface     gets its address by DHCP; may stand several times; without it the machine's network is used as it is
  --policy        a file or URL; default policy.json
  --until         leave on reaching this state:
                  ${WAY_UP.slice(4, 11).join(", ")},
                  ${WAY_UP.slice(11).join(", ")}
  --timeout       milliseconds to reach it (OPERATIONAL where --until says nothing); default: for ever
  --address       CIDR: set this address on the one interface, instead of DHCP; with --gateway and --dns
  --gateway       IP: of the default route, with --address
  --dns           IP: a name server, with --address; may stand several times
  --lease-folder  remember leases here, in IFACE.lease
  --blobs         a folder with credentials, a file for each: auth, serial, client-key ...; read again when they change
  --policy-store  keep the last good fetched policy here, for starts without network
  --ntp           a time server, where the lease names none; may stand several times; default pool.ntp.org
  --set-clock     set the system's clock (CAP_SYS_TIME); without it certificates are judged by the right time too
  --no-time       the machine's time is right: wait for nobody
  --no-probe      use an address without asking whether another host has it: some 5 s sooner
  --json          one JSON object per line

Credentials come from the environment too: SECURE_STREAMS_AUTH, SECURE_STREAMS_SERIAL, SECURE_STREAMS_MQTT_PASSWORD ...
Needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_NET_BIND_SERVICE for DHCP, not root.
Exit code 0 when stopped or done, 2 for a policy with faults, 4 when it took too long, 5 when a capability is missing.

Example:
  secure-streams up --interface eth0 --policy device.json
  secure-streams up --interface eth0 --policy device.json --until OPERATIONAL --timeout 60000 --json
`,
  options: {
    interface: { type: "string", multiple: true },
    policy: { type: "string" },
    until: { type: "string" },
    timeout: { type: "string" },
    address: { type: "string" },
    gateway: { type: "string" },
    dns: { type: "string", multiple: true },
    "lease-folder": { type: "string" },
    blobs: { type: "string" },
    "policy-store": { type: "string" },
    ntp: { type: "string", multiple: true },
    "set-clock": { type: "boolean" },
    "no-time": { type: "boolean" },
    "no-probe": { type: "boolean" },
  },
  positionals: [],
  async run(invocation) {
    const until = requireState(text(invocation, "until"));
    const timeout = wholeNumber(invocation, "timeout", 1);
    const interfaces = interfacesOf(invocation);
    const { BlobFolder, blobsFromEnvironment, createDevice } = await import("../../system.ts");
    const { reportToServiceManager } = await import("../service-report.ts");
    const { output, signal, values } = invocation;
    const servers = texts(invocation, "ntp");
    const setsClock = values["set-clock"] === true;
    const store = text(invocation, "policy-store");
    const blobs = blobsFromEnvironment(process.env);
    const from = text(invocation, "blobs");
    const folder = from === undefined ? undefined : new BlobFolder(from, blobs);
    await folder?.read();
    const device = await createDevice({
      policy: text(invocation, "policy") ?? "policy.json",
      interfaces,
      blobs,
      time: values["no-time"] === true ? false : { setsClock, ...(servers.length === 0 ? {} : { servers }) },
      ...(store === undefined ? {} : { policyStore: store }),
    });
    watchDevice(device, output, setsClock);
    const unwatch = folder?.watch((error) => output.error(error));
    const report = reportToServiceManager(device);
    const limit = new Limit(signal, timeout);
    try {
      const denied = refusal(device, limit.signal);
      await Promise.race([device.system.reached(until ?? "OPERATIONAL", { signal: limit.signal }), denied]);
      limit.end();
      if (until !== undefined) return EXIT.done;
      await Promise.race([stopped(signal), denied]);
      return EXIT.done;
    } catch (error) {
      if (signal.aborted) return EXIT.done;
      if (!limit.isLate) throw error;
      const why = device.system.heldBy.map(told).join("; ");
      const message = `Cannot reach ${until ?? "OPERATIONAL"} within ${timeout} ms: ${why === "" ? device.system.state : why}`;
      output.error(new SecureStreamsError({ layer: "system", code: "timeout", message }));
      return EXIT.timeout satisfies ExitCode;
    } finally {
      limit.end();
      unwatch?.();
      report.stopping();
      await device.stop();
      report.stopped();
    }
  },
};

function requireState(name: string | undefined): HoldableState | undefined {
  if (name === undefined) return undefined;
  const state = WAY_UP.find((each) => each === name.toUpperCase());
  if (state !== undefined && state !== "CONTEXT_CREATED") return state;
  const near = nearest(name.toUpperCase(), WAY_UP) ?? "OPERATIONAL";
  throw new UsageError(`Cannot wait for "${name}": there is no such state; did you mean "${near}"?`);
}

function interfacesOf(invocation: Invocation) {
  const names = texts(invocation, "interface");
  const address = text(invocation, "address");
  const folder = text(invocation, "lease-folder");
  if (address === undefined) {
    return names.map((name) => ({
      interface: name,
      conflictDetection: invocation.values["no-probe"] !== true,
      ...(folder === undefined ? {} : { leaseFile: `${folder}/${name}.lease` }),
    }));
  }
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) {
    throw new UsageError("Cannot set --address: name the one --interface that it is for");
  }
  const gateway = text(invocation, "gateway");
  const dns = texts(invocation, "dns");
  const byHand: StaticInterface = {
    ...{ interface: name, address },
    ...(gateway === undefined ? {} : { gateway }),
    ...(dns.length === 0 ? {} : { dns }),
  };
  return [byHand];
}

/** Rejects when an interface cannot be configured at all; resolves never. */
function refusal({ clients }: Device, signal: AbortSignal): Promise<never> {
  const refused = new Promise<never>((_, reject) => {
    for (const client of clients) {
      client.on("state", ({ state, reason }) => {
        if (state === "ended" && reason !== undefined && !signal.aborted)
          reject(new SecureStreamsError(reason));
      });
    }
  });
  refused.catch(() => {});
  return refused;
}

function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
