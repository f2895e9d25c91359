// Joins build/ (one file for each of src/) into dist/: an entry for each door of the package, and the parts they share. A
// file costs a third of a millisecond at every start of a program (docs/decisions/0014-doors-in-few-files.md).
import { rolldown } from "rolldown";

const ENTRIES = {
  index: "build/index.js",
  dns: "build/dns.js",
  dhcp: "build/dhcp.js",
  system: "build/system.js",
  "testing/index": "build/testing/index.js",
  "cli/main": "build/cli/main.js",
  // Beside the part that starts it as a process of its own.
  "parts/peers-main": "build/cli/demo/peers-main.js",
};

/** Small files that nearly every door loads; what is large stays apart, so that nobody loads what is not used. */
const GROUPS = [
  { name: "base", test: /build\/(lib\/|context\/(driver|listeners)\.|node\/(clock|random|raise)\.)/ },
  {
    name: "connection",
    test: /build\/(node\/(transports\/(closed|writes|validity-watch)|.*(peer-name|connect-reason|tls-reason))|stream\/(validity|retry-after)|lib\/retry-after)/,
  },
  { name: "dhcp-client", test: /build\/(dhcp|context\/dhcp|node\/platform)\// },
  { name: "command-line", test: /build\/cli\/(command|exit-codes|interrupt|limit|output|tell)\.js$/ },
];

const bundle = await rolldown({
  input: ENTRIES,
  platform: "node",
  external: (id) => !/^[./]|^build\//.test(id),
  preserveEntrySignatures: "allow-extension",
});
await bundle.write({
  dir: "dist",
  format: "esm",
  sourcemap: true,
  entryFileNames: "[name].js",
  chunkFileNames: "parts/[name].js",
  codeSplitting: { includeDependenciesRecursively: false, groups: GROUPS },
});
