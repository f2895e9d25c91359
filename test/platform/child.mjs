// What the tests start as another user, or with one thread: does the tasks named on the command line on the platform of
// the built package, and writes one line of JSON for each. argv: folder of the build, link index, tasks.
import { readFile } from "node:fs";

const [, , dist, index, ...tasks] = process.argv;
const { createNetwork, createSmallFiles, createSuspend } = await import(`${dist}/node/platform/index.js`);
const network = createNetwork();
const link = Number(index);
const forever = Number.POSITIVE_INFINITY;
const address = {
  link,
  address: "192.0.2.5",
  prefixLength: 24,
  validSeconds: forever,
  preferredSeconds: forever,
  protocol: 68,
};
const route = {
  link,
  destination: "0.0.0.0",
  prefixLength: 0,
  gateway: "192.0.2.1",
  metric: 5,
  protocol: 16,
};
const arp = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, ...new Array(20).fill(0));
const packetEvents = { packet: () => {}, linkDown: () => {} };
const datagramEvents = { message: () => {}, failed: () => {} };

const TASKS = {
  snapshot: () => network.snapshot().links.length > 0,
  bringUp: () => network.bringUp(link),
  setMtu: () => network.setMtu(link, 1400),
  putAddress: () => network.putAddress(address),
  putRoute: () => network.putRoute(route),
  dropRoute: () => network.dropRoute(route),
  dropAddress: () => network.dropAddress(address),
  watch: () => network.watch(() => {})(),
  packets: () => {
    const socket = network.openPackets({ link, kind: "arp" }, packetEvents);
    const isSent = socket.send(arp);
    socket.close();
    return isSent;
  },
  datagrams: () => network.openDatagrams({ link, address: "192.0.2.5" }, datagramEvents).close(),
  suspend: () => createSuspend().watch(() => {})(),
  forbidden: () => createSmallFiles().replace("/lease", new Uint8Array(1)),
  files: () => createSmallFiles().read("/nonexistent", 1),
  /** With everything open, reading a file still finds a thread of the pool. */
  pool: async () => {
    const stop = network.watch(() => {});
    const sockets = [
      network.openPackets({ link, kind: "arp" }, packetEvents),
      network.openPackets({ link, kind: "dhcp" }, packetEvents),
      network.openDatagrams({ link, address: "192.0.2.5" }, datagramEvents),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    const text = await new Promise((resolve, reject) => {
      readFile("/proc/self/cmdline", "utf8", (error, read) => (error ? reject(error) : resolve(read)));
    });
    for (const socket of sockets) socket.close();
    stop();
    return text.includes("pool");
  },
};

for (const task of tasks) {
  try {
    console.log(JSON.stringify({ task, result: (await TASKS[task]()) ?? null }));
  } catch ({ name, code, message }) {
    console.log(JSON.stringify({ task, name, code, message }));
  }
}
