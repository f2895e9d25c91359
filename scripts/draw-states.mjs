// Draws docs/states/stream.svg and stream.md from the table of states, so that no picture tells another story than
// the code: `npm run build && node scripts/draw-states.mjs`.
import { mkdirSync, writeFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

const WIDTH = 1120;
const HEIGHT = 640;
const BOX = { width: 156, height: 46 };

/** Centres of the boxes: the usual way goes from left to right, what goes wrong is below. */
const PLACES = {
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
};
/** Reached from nearly everywhere: said in words, drawn without arrows. */
const ANYWHERE = ["timeout", "destroying"];
/** What most streams do most of the time. */
const USUAL = new Set([
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
]);
const KIND = {
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
};
const HEADS = { usual: "#3d4450", legal: "#aeb5c0", added: "#b0702a" };
const STYLE = `
  .panel { fill: #fbfbfc; stroke: #d0d4da; }
  text { font: 15px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: #23272e; text-anchor: middle; }
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

/** The picture, as SVG text. `states` is STATES of src/stream/states.ts. */
export function drawPicture(states) {
  const lines = edges(states).map(([from, to, look]) => arrow(from, to, look));
  const order = ["legal", "added", "usual"];
  lines.sort((a, b) => order.indexOf(a.look) - order.indexOf(b.look));
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="States of a stream">`,
    `<style>${STYLE}</style>`,
    `<defs>${["usual", "legal", "added"].map(head).join("")}</defs>`,
    `<rect class="panel" x="1" y="1" width="${WIDTH - 2}" height="${HEIGHT - 2}" rx="12"/>`,
    ...lines.map(({ text }) => text),
    ...Object.entries(states).map(([name, { number }]) => box(name, number)),
    ...legend(states),
    "</svg>",
  ];
  return `${parts.join("\n")}\n`;
}

/** The table, as Markdown. */
export function drawTable(states) {
  const rows = Object.entries(states).map(([name, { number, next, added = [], meaning }]) => {
    const following = [...next, ...added.map((each) => `**${each}**`)].join(", ") || "nothing";
    return `| ${number} | \`${name}\` | ${meaning} | ${following} |`;
  });
  return `${[
    "# States of a stream",
    "",
    "![States of a stream](stream.svg)",
    "",
    "Numbers and names are those of libwebsockets Secure Streams. In **bold**: legal here in addition. A stream begins",
    "with `creating`; a state of `http_resp_map` (`user-1000` and above) may be reported between any two.",
    "",
    "| number | state | meaning | may be followed by |",
    "|---|---|---|---|",
    ...rows,
    "",
    "Made by `scripts/draw-states.mjs` from `src/stream/states.ts`.",
  ].join("\n")}\n`;
}

function edges(states) {
  return Object.entries(states).flatMap(([from, { next, added = [] }]) =>
    [...next.map((to) => [from, to, "legal"]), ...added.map((to) => [from, to, "added"])]
      .filter(([, to]) => from !== to && !ANYWHERE.includes(from) && !ANYWHERE.includes(to))
      .map(([, to, look]) => [from, to, USUAL.has(`${from} ${to}`) ? "usual" : look]),
  );
}

/** A curve from edge to edge of two boxes, bent to its left, so that both directions are seen. */
function arrow(from, to, look) {
  const [x1, y1] = PLACES[from];
  const [x2, y2] = PLACES[to];
  const length = Math.hypot(x2 - x1, y2 - y1);
  const bend = look === "usual" ? 18 : 18 + length / 9;
  const mid = [(x1 + x2) / 2 + ((y2 - y1) / length) * bend, (y1 + y2) / 2 - ((x2 - x1) / length) * bend];
  const [ax, ay] = border([x1, y1], mid, 0);
  const [bx, by] = border([x2, y2], mid, 5);
  const d = `M${round(ax)} ${round(ay)} Q${round(mid[0])} ${round(mid[1])} ${round(bx)} ${round(by)}`;
  return { look, text: `<path class="${look}" d="${d}" marker-end="url(#${look})"/>` };
}

/** Where the line from the centre of a box to `target` leaves the box, `gap` outside of it. */
function border([x, y], [tx, ty], gap) {
  const dx = tx - x;
  const dy = ty - y;
  const scale = Math.min(
    (BOX.width / 2 + gap) / Math.max(Math.abs(dx), 0.01),
    (BOX.height / 2 + gap) / Math.max(Math.abs(dy), 0.01),
  );
  return [x + dx * scale, y + dy * scale];
}

function box(name, number) {
  const [x, y] = PLACES[name];
  const { width, height } = BOX;
  return [
    `<rect class="${KIND[name]}" x="${x - width / 2}" y="${y - height / 2}" width="${width}" height="${height}" rx="9"/>`,
    `<text x="${x}" y="${y + 1}">${name}</text>`,
    `<text class="number" x="${x}" y="${y + 16}">${number}</text>`,
  ].join("");
}

function legend(states) {
  const without = (to) =>
    Object.entries(states)
      .filter(([from, { next, added = [] }]) => from !== to && ![...next, ...added].includes(to))
      .map(([from]) => from);
  const line = (y, look, text) =>
    `<path class="${look}" d="M40 ${y} h44" marker-end="url(#${look})"/><text class="note" x="98" y="${y + 5}">${text}</text>`;
  const note = ([x, y], text) =>
    `<text class="note" style="text-anchor: middle" x="${x}" y="${y + 42}">${text}</text>`;
  const everywhere = (to) => {
    const except = without(to).filter((from) => from !== "destroying");
    return except.length === 0 ? "from every state" : `from every state but ${except.join(", ")}`;
  };
  return [
    line(34, "usual", "the usual ways"),
    line(56, "legal", "also legal"),
    line(78, "added", "legal here, not in libwebsockets"),
    note(PLACES.timeout, `${everywhere("timeout")}; back to where it was`),
    note(PLACES.destroying, `${everywhere("destroying")}; the end`),
  ];
}

function head(look) {
  return `<marker id="${look}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L8 4 L0 8 z" style="fill: ${HEADS[look]}"/></marker>`;
}

function round(value) {
  return Math.round(value * 10) / 10;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const { STATES } = await import("../dist/stream/states.js");
  const folder = new URL("../docs/states/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL("stream.svg", folder), drawPicture(STATES));
  writeFileSync(new URL("stream.md", folder), drawTable(STATES));
}
