import type { Output } from "../output.ts";
import type { Lane } from "./lane.ts";

const INTERVAL = 100;
/** The widest line. */
const COLUMNS = 80;

/** What happens now, and the lanes as a table under it, that redraws itself on a terminal of 80 columns or more. */
export class Table {
  readonly #output: Output;
  readonly #lanes: readonly Lane[];
  readonly #started = performance.now();
  #drawn = false;
  #timer: NodeJS.Timeout | undefined;
  #now = "";

  constructor(lanes: readonly Lane[], output: Output) {
    this.#output = output;
    this.#lanes = lanes;
  }

  start(now: string): void {
    if (!this.#output.isLive || process.stderr.columns < COLUMNS) return;
    this.#now = now;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), INTERVAL);
  }

  /** What happens now. Without a terminal it is a line of its own. */
  tell(text: string): void {
    this.#now = text;
    if (this.#timer === undefined) this.#output.note(text);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
  }

  #draw(): void {
    const { paint } = this.#output;
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1).padStart(5);
    const lines = [
      `${seconds} s  ${paint.bold(this.#now)}`,
      "",
      paint.dim(row("", "state", "exchanged", "recoveries", "why not")),
      ...this.#lanes.map((lane) => this.#row(lane)),
      "",
    ];
    const up = this.#drawn ? `\x1b[${lines.length}A` : "";
    this.#output.note(`${up}${lines.map((line) => `\x1b[2K${line}`).join("\n")}`);
    this.#drawn = true;
  }

  #row(lane: Lane): string {
    const { paint } = this.#output;
    const colour = lane.reason === undefined ? paint.good : paint.bad;
    const plain = row(lane.name, lane.state, String(lane.exchanged), String(lane.recoveries), whyNot(lane));
    return plain.replace(lane.state, colour(lane.state));
  }
}

function row(name: string, state: string, exchanged: string, recoveries: string, why: string): string {
  return `  ${name.padEnd(6)}${state.padEnd(15)}${exchanged.padStart(9)}  ${recoveries.padStart(10)}   ${why}`
    .trimEnd()
    .slice(0, COLUMNS - 1);
}

function whyNot({ reason, retryAt }: Lane): string {
  if (reason === undefined) return "";
  const wait = retryAt === undefined ? 0 : Math.max(0, retryAt - performance.now());
  return `${reason.code}, retry ${(wait / 1000).toFixed(1)} s`;
}
