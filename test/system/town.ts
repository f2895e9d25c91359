import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Authority, createAuthority } from "../../src/testing/certificates/index.ts";
import { type DhcpServer, type Pool, type Restart, startServer } from "../dhcp/servers.ts";
import { type Peer, requirePeer } from "../peers.ts";

/** Everything in the town has this address. */
export const TOWN = "10.77.0.1";
/** Where time can be had too: a jump of ten years wants two servers that agree. */
export const SECOND = "10.77.0.2";
/** Where a portal answers for everybody, in a town that has the address. */
export const PORTAL = "10.77.0.3";
/** A name of the Internet, which leads to the town all the same. */
export const PUBLIC_NAME = "check.example.com";
export const NAMES = [
  ...["town.test", "broker.test", "portal.test", "policy.test", "check.test"],
  PUBLIC_NAME,
] as const;
export const PORTS = { http: 80, https: 443, mqtts: 8883, wss: 8443, h2: 8444, raw: 8445 } as const;
/** Where the intruder listens, who has a certificate of his own for every name of the town. */
const INTRUDER = 9443;

const POOL: Pool = {
  ...{ first: 50, last: 90, lease: 3600, ntp: `${TOWN},${SECOND}`, dns: [TOWN] },
  hosts: Object.fromEntries(NAMES.map((name) => [name, TOWN])),
};

/** What the gateway says to a probe for a captive portal. */
export type Portal = "none" | "redirect" | "page" | "511";

/**
 * The real servers that a device meets: dnsmasq (DHCP and names), chrony (time), nginx (the probe for a portal, the
 * portal, a policy over TLS, h1), mosquitto over TLS, and one of node for ws, h2 and raw over TLS. All in one named network.
 */
export class Town {
  readonly authority: Authority = createAuthority();
  readonly folder: string;
  readonly #namespace: string;
  readonly #link: string;
  readonly #programs = new Map<string, ChildProcess>();
  #dhcp: DhcpServer | undefined;

  constructor(where: { readonly namespace: string; readonly link: string }) {
    this.#namespace = where.namespace;
    this.#link = where.link;
    this.folder = mkdtempSync(join(tmpdir(), "town-"));
    chmodSync(this.folder, 0o755);
    const { chainPem, keyPem } = this.authority.issue({ names: [...NAMES] });
    this.write("cert.pem", chainPem);
    this.write("key.pem", keyPem);
    const forged = createAuthority().issue({ names: [...NAMES] });
    this.write("intruder-cert.pem", forged.chainPem);
    this.write("intruder-key.pem", forged.keyPem);
  }

  /** The certificate that a policy names, as base64 of DER. */
  get root(): string {
    return Buffer.from(this.authority.certificateDer).toString("base64");
  }

  get dhcp(): DhcpServer {
    if (this.#dhcp === undefined) throw new Error("The town has no DHCP server");
    return this.#dhcp;
  }

  async open(pool: Partial<Pool> = {}): Promise<void> {
    this.setPortal("none");
    this.setPolicy("{}");
    await Promise.all([
      this.startDhcp(pool),
      this.startTime(),
      this.startWeb(),
      this.startBroker(),
      this.startNode(),
    ]);
  }

  async startDhcp(pool: Partial<Pool> = {}): Promise<void> {
    const where = { namespace: this.#namespace, link: this.#link };
    this.#dhcp = await startServer("dnsmasq", { ...POOL, ...pool }, where);
  }

  /** The DHCP server with another pool; its leases are kept unless `forget`. */
  async restartDhcp(pool: Partial<Pool> = {}, options: Restart = {}): Promise<void> {
    await this.dhcp.restart({ ...POOL, ...pool }, options);
  }

  async startTime(lines: readonly string[] = ["local stratum 3"]): Promise<void> {
    const text = [...lines, "allow all", "cmdport 0", "pidfile %/chrony.pid", ""];
    const conf = this.write("chrony.conf", text.join("\n").replaceAll("%", this.folder));
    await this.#start("chronyd", ["-d", "-x", "-u", "root", "-f", conf], /starting/);
  }

  async startWeb(): Promise<void> {
    await this.#start("nginx", ["-p", this.folder, "-c", this.write("nginx.conf", nginxConf(this.folder))]);
  }

  async startBroker(): Promise<void> {
    const text = [
      `listener ${PORTS.mqtts} ${TOWN}`,
      "allow_anonymous true",
      "user root",
      ...["certfile", "keyfile"].map((key) => `${key} ${this.folder}/${key.slice(0, -4)}.pem`),
      "",
    ];
    const conf = this.write("mosquitto.conf", text.join("\n"));
    await this.#start("mosquitto", ["-c", conf], /running/);
  }

  /** ws, h2 and raw over TLS, each an echo. */
  async startNode(): Promise<void> {
    const program = fileURLToPath(new URL("./echoes.mjs", import.meta.url));
    const { wss, h2, raw } = PORTS;
    await this.#start(
      process.execPath,
      [program, this.folder, TOWN, `${wss}`, `${h2}`, `${raw}`],
      /listening/,
    );
  }

  /** What the next probe of `http://check.test/generate_204` meets. */
  setPortal(portal: Portal): void {
    for (const kind of ["redirect", "page", "511"]) rmSync(join(this.folder, kind), { force: true });
    if (portal !== "none") this.write(portal, "");
  }

  /** What `https://portal.test/portal-api` says (RFC 8908). */
  setPortalApi(value: object): void {
    this.write("portal-api", JSON.stringify(value));
  }

  /** From now on every TLS connection to the town ends at the intruder, or no longer. */
  interceptTls(isOn: boolean): void {
    const ports = Object.values(PORTS).filter((port) => port !== PORTS.http);
    this.filter(
      isOn ? [`nat hook prerouting priority -100; tcp dport { ${ports} } redirect to :${INTRUDER}`] : [],
    );
  }

  /** What the intruder was asked after a handshake: by somebody who trusted him. */
  get intruded(): string {
    return existsSync(join(this.folder, "intruder.log"))
      ? readFileSync(join(this.folder, "intruder.log"), "utf8")
      : "";
  }

  /** Chains of nftables in place of those before, each `type-and-hook; rule`. */
  filter(chains: readonly string[]): void {
    const text = [
      "add table ip town",
      "delete table ip town",
      "add table ip town",
      ...chains.flatMap((chain, index) => {
        const [hook = "", rule = ""] = chain.split("; ");
        return [`add chain ip town c${index} { type ${hook}; }`, `add rule ip town c${index} ${rule}`];
      }),
    ];
    execFileSync("ip", ["netns", "exec", this.#namespace, requirePeer("nft"), "-f", "-"], {
      input: `${text.join("\n")}\n`,
    });
  }

  /** What `https://policy.test/policy.json` holds. */
  setPolicy(text: string): void {
    this.write("policy.json", text);
  }

  write(name: string, text: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** SIGKILL, and gone. */
  async kill(name: "chronyd" | "nginx" | "mosquitto" | "node"): Promise<void> {
    const child = this.#programs.get(name);
    this.#programs.delete(name);
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    // The master of nginx takes its workers along where it is asked politely.
    child.kill(name === "nginx" ? "SIGTERM" : "SIGKILL");
    await gone;
  }

  async close(): Promise<void> {
    await this.#dhcp?.kill();
    for (const name of ["chronyd", "nginx", "mosquitto", "node"] as const) await this.kill(name);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Resolves when the program has written `ready`; without it, when nginx has its socket. */
  async #start(program: string, args: readonly string[], ready = /start worker process \d+/): Promise<void> {
    const name = program === process.execPath ? "node" : program;
    const path = name === "node" ? program : requirePeer(name as Peer);
    const child = spawn("ip", ["netns", "exec", this.#namespace, path, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#programs.set(name, child);
    process.once("exit", () => child.kill("SIGKILL"));
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const listen = (text: Buffer): void => {
        said += text.toString();
        if (ready.test(said)) resolve();
      };
      child.stdout.on("data", listen);
      child.stderr.on("data", listen);
      child.once("exit", () => reject(new Error(`${name} ended: ${said}`)));
    });
  }
}

function nginxConf(folder: string): string {
  mkdirSync(join(folder, "temp"), { recursive: true });
  const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `daemon off;
user root;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${temps.map((name) => `${name}_temp_path ${folder}/temp/${name};`).join("\n  ")}
  server {
    listen ${TOWN}:${PORTS.http} default_server;
    location = /generate_204 {
      if (-f ${folder}/redirect) { return 302 http://portal.test/login; }
      if (-f ${folder}/page) { return 200 "<html>Please log in</html>"; }
      if (-f ${folder}/511) { return 511; }
      return 204;
    }
    location / { return 200 "portal"; }
  }
  server {
    listen ${PORTS.http};
    return 302 http://portal.test/login;
  }
  server {
    listen ${INTRUDER} ssl http2;
    ssl_certificate ${folder}/intruder-cert.pem;
    ssl_certificate_key ${folder}/intruder-key.pem;
    access_log ${folder}/intruder.log;
    return 200 "<html>Please log in</html>";
  }
  server {
    listen ${TOWN}:${PORTS.https} ssl http2 default_server;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    location = /policy.json { root ${folder}; etag on; default_type application/json; }
    location = /portal-api { root ${folder}; default_type application/captive+json; }
    location = /hello { return 200 "hello"; }
    location = /generate_204 { return 204; }
  }
}
`;
}
