// Draws docs/states/*.svg and *.md from the tables of states, so that no picture tells another story than the code:
// `npm run build && node scripts/draw-states.mjs`. A machine is a layout here, and a line in the list at the end.
import { mkdirSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

/** What most streams do most of the time. */
const STREAM = {
  title: "States of a stream",
  file: "stream",
  source: "src/stream/states.ts",
  width: 1120,
  height: 640,
  box: { width: 156, height: 46 },
  font: 15,
  /** Centres of the boxes: the usual way goes from left to right, what goes wrong is below. */
  places: {
    creating: [110, 130],
    poll: [110, 330],
    connecting: [400, 230],
    connected: [690, 230],
    "qos-ack-remote": [1000, 130],
    "qos-nack-remote": [1000, 330],
    "auth-failed": [260, 450],
    unreachable: [480, 450],
    disconnected: [790, 450],
    "all-retries-failed": [110, 560],
    timeout: [690, 560],
    destroying: [1000, 560],
  },
  /** Reached from nearly everywhere: said in words, drawn without arrows. */
  anywhere: ["timeout", "destroying"],
  usual: new Set([
    "creating connecting",
    "creating poll",
    "poll connecting",
    "connecting connected",
    "connecting unreachable",
    "connecting auth-failed",
    "connected qos-ack-remote",
    "connected qos-nack-remote",
    "connected disconnected",
    "qos-ack-remote disconnected",
    "qos-nack-remote disconnected",
    "disconnected connecting",
    "unreachable connecting",
    "unreachable all-retries-failed",
    "all-retries-failed poll",
  ]),
  kind: {
    creating: "rest",
    poll: "busy",
    connecting: "busy",
    connected: "good",
    "qos-ack-remote": "good",
    "qos-nack-remote": "bad",
    "auth-failed": "bad",
    unreachable: "bad",
    disconnected: "rest",
    "all-retries-failed": "bad",
    timeout: "rest",
    destroying: "rest",
  },
  lines: { usual: "the usual ways", legal: "also legal", added: "legal here, not in libwebsockets" },
  notes: (states) => {
    const everywhere = (to) => {
      const except = without(states, to).filter((from) => from !== "destroying");
      return except.length === 0 ? "from every state" : `from every state but ${except.join(", ")}`;
    };
    return [
      ["timeout", `${everywhere("timeout")}; back to where it was`],
      ["destroying", `${everywhere("destroying")}; the end`],
    ];
  },
};

/** The DHCP client (src/dhcp/states.ts). */
const DHCP = {
  title: "States of a DHCP client",
  file: "dhcp",
  source: "src/dhcp/states.ts",
  width: 1120,
  height: 660,
  box: { width: 156, height: 46 },
  font: 15,
  places: {
    idle: [110, 130],
    init: [310, 130],
    selecting: [520, 130],
    requesting: [730, 130],
    probing: [940, 230],
    "init-reboot": [310, 250],
    rebooting: [580, 250],
    bound: [790, 350],
    renewing: [940, 470],
    rebinding: [640, 470],
    "ipv6-only": [400, 370],
    informing: [110, 270],
    informed: [110, 370],
    releasing: [310, 470],
    "no-carrier": [330, 580],
    ended: [790, 580],
  },
  anywhere: ["no-carrier", "ended"],
  usual: new Set([
    "idle init",
    "init selecting",
    "selecting requesting",
    "requesting probing",
    "requesting bound",
    "probing bound",
    "bound renewing",
    "renewing bound",
    "renewing rebinding",
    "rebinding bound",
    "rebinding init",
    "idle init-reboot",
    "init-reboot rebooting",
    "rebooting probing",
    "rebooting bound",
    "bound releasing",
    "releasing idle",
    "idle informing",
    "informing informed",
  ]),
  kind: {
    idle: "rest",
    init: "busy",
    selecting: "busy",
    requesting: "busy",
    probing: "busy",
    "init-reboot": "busy",
    rebooting: "busy",
    bound: "good",
    renewing: "good",
    rebinding: "bad",
    "ipv6-only": "rest",
    informing: "busy",
    informed: "good",
    releasing: "rest",
    "no-carrier": "bad",
    ended: "rest",
  },
  lines: { usual: "the usual ways", legal: "also legal" },
  notes: () => [
    ["no-carrier", "from every state but the last; on to init-reboot, init or informing"],
    ["ended", "from every state; the end"],
  ],
};

/** The system: five states in a row, up to OPERATIONAL; what lies beside the way up is below. */
const SYSTEM = {
  title: "States of the system",
  file: "system",
  source: "src/system/states.ts",
  width: 1180,
  height: 560,
  box: { width: 204, height: 46 },
  font: 12,
  places: {
    CONTEXT_CREATED: [120, 130],
    PRE_PRIV_DROP: [350, 130],
    INITIALIZED: [580, 130],
    COLLECTING_STDIN: [810, 130],
    IFACE_COLDPLUG: [1040, 130],
    DHCP: [1040, 230],
    CPD_PRE_TIME: [810, 230],
    TIME_VALID: [580, 230],
    CPD_POST_TIME: [350, 230],
    POLICY_VALID: [120, 230],
    REGISTERED: [120, 330],
    AUTH1: [350, 330],
    AUTH2: [580, 330],
    ONE_TIME_UPDATES: [810, 330],
    OPERATIONAL: [1040, 330],
    POLICY_INVALID: [350, 450],
    AWAITING_MODAL_UPDATING: [810, 450],
    MODAL_UPDATING: [1040, 450],
    CONTEXT_DESTROYING: [120, 450],
  },
  anywhere: ["CONTEXT_DESTROYING"],
  usual: new Set(),
  kind: { OPERATIONAL: "good", POLICY_INVALID: "bad", CONTEXT_DESTROYING: "rest" },
  lines: {
    usual: "a step: as soon as nothing holds the next state and no notifier objects",
    legal: "a jump, always with a reason; from each state to every earlier one of the way up too, not drawn",
  },
  notes: () => [["CONTEXT_DESTROYING", "from every state; the end"]],
};

/** What waits for something of ours is marked, and jumps that are only back along the way up are left out. */
function systemEdges(states) {
  const beside = new Set(["POLICY_INVALID", "AWAITING_MODAL_UPDATING", "MODAL_UPDATING"]);
  return Object.entries(states).flatMap(([from, { step, jumps }]) => [
    ...(step === undefined ? [] : [[from, step, "usual"]]),
    ...jumps
      .filter((to) => beside.has(to) || (from === "POLICY_INVALID" && to === "CPD_POST_TIME"))
      .concat(beside.has(from) && jumps.includes("OPERATIONAL") ? ["OPERATIONAL"] : [])
      .filter((to) => to !== "CONTEXT_DESTROYING")
      .map((to) => [from, to, "legal"]),
  ]);
}

const HEADS = { usual: "#3d4450", legal: "#aeb5c0", added: "#b0702a" };
const style = (font) => `
  .panel { fill: #fbfbfc; stroke: #d0d4da; }
  text { font: ${font}px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: #23272e; text-anchor: middle; }
  .number { font-size: 11px; fill: #6a717c; }
  .note { font-size: 13px; fill: #4c535d; text-anchor: start; }
  rect.rest { fill: #eef0f3; stroke: #8a929e; }
  rect.busy { fill: #e6effa; stroke: #4a7ebb; }
  rect.good { fill: #e5f4e8; stroke: #3f9357; }
  rect.bad { fill: #fbeae6; stroke: #c0593f; }
  path { fill: none; }
  .usual { stroke: #3d4450; stroke-width: 1.9; }
  .legal { stroke: #aeb5c0; stroke-width: 1.1; }
  .added { stroke: #b0702a; stroke-width: 1.4; stroke-dasharray: 5 4; }
`;

/** The picture of a stream, as SVG text. `states` is STATES of src/stream/states.ts. */
export function drawPicture(states) {
  return draw(states, STREAM, streamEdges(states));
}

/** The picture of a DHCP client. `states` is STATES of src/dhcp/states.ts. */
export function drawDhcpPicture(states) {
  return draw(states, DHCP, streamEdges(states, DHCP));
}

/** The picture of the system. `states` is SYSTEM_STATES of src/system/states.ts. */
export function drawSystemPicture(states) {
  const kinds = Object.entries(states).map(([name, { waitsFor }]) => [
    name,
    waitsFor === undefined ? "rest" : "busy",
  ]);
  const layout = { ...SYSTEM, kind: { ...Object.fromEntries(kinds), ...SYSTEM.kind } };
  return draw(states, layout, systemEdges(states));
}

function draw(states, layout, edges) {
  const { width, height, title, font } = layout;
  const lines = edges.map(([from, to, look]) => arrow(layout, from, to, look));
  const order = ["legal", "added", "usual"];
  lines.sort((a, b) => order.indexOf(a.look) - order.indexOf(b.look));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">`,
    `<style>${style(font)}</style>`,
    `<defs>${["usual", "legal", "added"].map(head).join("")}</defs>`,
    `<rect class="panel" x="1" y="1" width="${width - 2}" height="${height - 2}" rx="12"/>`,
    ...lines.map(({ text }) => text),
    ...Object.entries(states).map(([name, { number }]) => box(layout, name, number)),
    ...legend(states, layout),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

/** The table of a stream, as Markdown. */
export function drawTable(states) {
  const rows = Object.entries(states).map(([name, { number, next, added = [], meaning }]) => {
    const following = [...next, ...added.map((each) => `**${each}**`)].join(", ") || "nothing";
    return `| ${number} | \`${name}\` | ${meaning} | ${following} |`;
  });
  return page(STREAM, [
    "Numbers and names are those of libwebsockets Secure Streams. In **bold**: legal here in addition. A stream begins",
    "with `creating`; a state of `http_resp_map` (`user-1000` and above) may be reported between any two.",
    "",
    "| number | state | meaning | may be followed by |",
    "|---|---|---|---|",
    ...rows,
  ]);
}

/** The table of the system, as Markdown. */
export function drawSystemTable(states) {
  const rows = Object.entries(states).map(([name, { number, meaning, waitsFor = "" }]) => {
    return `| ${number} | \`${name}\` | ${meaning} | ${waitsFor} |`;
  });
  return page(SYSTEM, [
    "Numbers and names are those of libwebsockets (`LWS_SYSTATE_*`). The system goes up one state at a time, from each to",
    "the next; it goes back to an earlier one, and from anywhere to the end, in one jump and with a reason.",
    "",
    "| number | state | meaning | waits for, where that part is in use |",
    "|---|---|---|---|",
    ...rows,
  ]);
}

/** The table of a DHCP client, as Markdown. */
export function drawDhcpTable(states) {
  const rows = Object.entries(states).map(([name, { next, meaning }]) => {
    return `| \`${name}\` | ${meaning} | ${next.join(", ") || "nothing"} |`;
  });
  return page(DHCP, [
    "Names are those of RFC 2131, figure 5, where it has one. A client begins with `idle`. What is configured on the",
    "interface is there in `bound`, `renewing`, `rebinding` and `releasing`, and nowhere else but after a crash, while the",
    "address is asked for again.",
    "",
    "| state | meaning | may be followed by |",
    "|---|---|---|",
    ...rows,
  ]);
}

function page({ title, file, source }, lines) {
  const made = `Made by \`scripts/draw-states.mjs\` from \`${source}\`.`;
  return `${[`# ${title}`, "", `![${title}](${file}.svg)`, "", ...lines, "", made].join("\n")}\n`;
}

function streamEdges(states, { anywhere, usual } = STREAM) {
  return Object.entries(states).flatMap(([from, { next, added = [] }]) =>
    [...next.map((to) => [from, to, "legal"]), ...added.map((to) => [from, to, "added"])]
      .filter(([, to]) => from !== to && !anywhere.includes(from) && !anywhere.includes(to))
      .map(([, to, look]) => [from, to, usual.has(`${from} ${to}`) ? "usual" : look]),
  );
}

function without(states, to) {
  return Object.entries(states)
    .filter(([from, { next, added = [] }]) => from !== to && ![...next, ...added].includes(to))
    .map(([from]) => from);
}

/** A curve from edge to edge of two boxes, bent to its left, so that both directions are seen. */
function arrow(layout, from, to, look) {
  const [x1, y1] = layout.places[from];
  const [x2, y2] = layout.places[to];
  const length = Math.hypot(x2 - x1, y2 - y1);
  const bend = look === "usual" ? 18 : 18 + length / 9;
  const mid = [(x1 + x2) / 2 + ((y2 - y1) / length) * bend, (y1 + y2) / 2 - ((x2 - x1) / length) * bend];
  const [ax, ay] = border(layout.box, [x1, y1], mid, 0);
  const [bx, by] = border(layout.box, [x2, y2], mid, 5);
  const d = `M${round(ax)} ${round(ay)} Q${round(mid[0])} ${round(mid[1])} ${round(bx)} ${round(by)}`;
  return { look, text: `<path class="${look}" d="${d}" marker-end="url(#${look})"/>` };
}

/** Where the line from the centre of a box to `target` leaves the box, `gap` outside of it. */
function border(box, [x, y], [tx, ty], gap) {
  const dx = tx - x;
  const dy = ty - y;
  const scale = Math.min(
    (box.width / 2 + gap) / Math.max(Math.abs(dx), 0.01),
    (box.height / 2 + gap) / Math.max(Math.abs(dy), 0.01),
  );
  return [x + dx * scale, y + dy * scale];
}

function box(layout, name, number) {
  const [x, y] = layout.places[name];
  const { width, height } = layout.box;
  return [
    `<rect class="${layout.kind[name]}" x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="9"/>`,
    `<text x="${x}" y="${y + 1}">${name}</text>`,
    ...(number === undefined ? [] : [`<text class="number" x="${x}" y="${y + 16}">${number}</text>`]),
  ].join("");
}

function legend(states, { places, lines, notes }) {
  const line = ([look, text], index) => {
    const y = 34 + 22 * index;
    return `<path class="${look}" d="M40 ${y} h44" marker-end="url(#${look})"/><text class="note" x="98" y="${y + 5}">${text}</text>`;
  };
  const note = ([name, text]) => {
    const [x, y] = places[name];
    return `<text class="note" style="text-anchor: middle" x="${x}" y="${y + 42}">${text}</text>`;
  };
  return [...Object.entries(lines).map(line), ...notes(states).map(note)];
}

function head(look) {
  return `<marker id="${look}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill: ${HEADS[look]}"/></marker>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { STATES } = await import("../build/stream/states.js");
  const { STATES: DHCP_STATES } = await import("../build/dhcp/states.js");
  const { SYSTEM_STATES } = await import("../build/system/states.js");
  const folder = new URL("../docs/states/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const write = (name, text) => writeFileSync(new URL(name, folder), text);
  write("stream.svg", drawPicture(STATES));
  write("stream.md", drawTable(STATES));
  write("dhcp.svg", drawDhcpPicture(DHCP_STATES));
  write("dhcp.md", drawDhcpTable(DHCP_STATES));
  write("system.svg", drawSystemPicture(SYSTEM_STATES));
  write("system.md", drawSystemTable(SYSTEM_STATES));
}
