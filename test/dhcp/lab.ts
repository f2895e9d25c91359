import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DhcpEvents, DhcpLeaseEvent, DhcpStateEvent } from "../../src/context/index.ts";
import { createDhcpClient, type DhcpClient, type DhcpClientOptions } from "../../src/dhcp.ts";
import { Namespace, Recorder } from "../namespace.ts";
import { type DhcpServer, type Pool, startServer } from "./servers.ts";
import { type Tap, tap } from "./tap.ts";

/** A cable from this thread's network to a server in a network of its own. */
export interface Cable {
  /** Our end. */
  readonly link: string;
  readonly network: string;
  readonly namespace: string;
  /** Its end in `namespace`. */
  readonly far: string;
  readonly server: DhcpServer;
  readonly tap: Tap;
}

/** A client with everything that it told. */
export interface Watched {
  readonly client: DhcpClient;
  readonly states: Recorder<DhcpStateEvent & { readonly at: number }>;
  readonly leases: Recorder<DhcpLeaseEvent & { readonly at: number }>;
  readonly warnings: DhcpEvents["warning"][];
}

/** A network of this process, with as many cables, servers and clients as wanted; `close` ends them all. */
export class Lab {
  readonly namespace = new Namespace();
  readonly folder = mkdtempSync(join(tmpdir(), "dhcp-lab-"));
  #cables = 0;
  readonly #open: { close(): unknown }[] = [];

  /** Each cable has a network of its own: 10.77.0.0/24, 10.77.1.0/24 and so on. */
  async cable(server: DhcpServer["name"], pool: Pool): Promise<Cable> {
    const number = this.#cables++;
    const network = `10.77.${number}`;
    const link = `eth${number}`;
    const far = `sw${number}`;
    const namespace = this.namespace.neighbour(link, far, `${network}.1/24`);
    this.namespace.ip(`link set ${link} addrgenmode none`);
    this.namespace.ip(`-6 address flush dev ${link}`);
    const heard = tap(this.namespace.index(link));
    this.#open.push(heard);
    const started = await startServer(server, pool, { namespace, link: far, network });
    this.#open.push({ close: () => started.kill() });
    return { link, network, namespace, far, server: started, tap: heard };
  }

  /** The other end of the cable has this address alone. */
  renumber({ namespace, far }: Cable, address: string): void {
    this.namespace.ip(`-n ${namespace} address flush dev ${far}`);
    this.namespace.ip(`-n ${namespace} address add ${address}/24 dev ${far}`);
  }

  /** Ends with the lab. Without conflict detection unless said otherwise. */
  client(options: DhcpClientOptions): Watched {
    const client = createDhcpClient({ conflictDetection: false, ...options });
    this.#open.push({ close: () => client.stop() });
    const states: Watched["states"] = new Recorder();
    const leases: Watched["leases"] = new Recorder();
    const warnings: DhcpEvents["warning"][] = [];
    client.on("state", (event) => states.record({ ...event, at: performance.now() }));
    client.on("lease", (event) => leases.record({ ...event, at: performance.now() }));
    client.on("warning", (event) => warnings.push(event));
    return { client, states, leases, warnings };
  }

  /** A path of a file that does not exist. */
  file(name: string): string {
    return join(this.folder, name);
  }

  /** IPv4 addresses of a link, as `ip -j address` tells them. */
  addresses(link: string): readonly KernelAddress[] {
    const [found] = this.namespace.json<{ addr_info: readonly KernelAddress[] }>(
      `-4 address show dev ${link}`,
    );
    return found?.addr_info ?? [];
  }

  /** Routes over a link that are not the kernel's own, one a line, as `ip route` shows them. */
  routes(link: string): readonly string[] {
    return this.namespace
      .ip(`route show dev ${link}`)
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "" && !line.includes("proto kernel"));
  }

  async close(): Promise<void> {
    try {
      for (const each of this.#open.reverse()) await each.close();
    } finally {
      this.namespace.leave();
      rmSync(this.folder, { recursive: true, force: true });
    }
  }
}

interface KernelAddress {
  readonly local: string;
  readonly prefixlen: number;
  readonly broadcast?: string;
  readonly valid_life_time: number;
  readonly metric?: number;
}
