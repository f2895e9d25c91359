import { type Output, printable } from "../output.ts";
import type { Lane } from "./lane.ts";

/** The lanes as a table that redraws itself on a terminal. */
export class Table {
  readonly #output: Output;
  readonly #lanes: readonly Lane[];
  #drawn = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(lanes: readonly Lane[], output: Output) {
    this.#lanes = lanes;
    this.#output = output;
  }

  start(): void {
    if (!this.#output.isLive) return;
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 100);
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#draw();
  }

  #draw(): void {
    const { paint } = this.#output;
    const up = this.#drawn ? `\x1b[${this.#lanes.length + 1}A` : "";
    const width = Math.max(40, process.stderr.columns ?? 80);
    const lines = this.#lanes.map((lane) => {
      const works = lane.reason === "";
      const state = (works ? paint.good : paint.bad)(lane.state.padEnd(16));
      const counts = `${String(lane.exchanged).padStart(9)}  ${String(lane.recoveries).padStart(10)}`;
      const reason = printable(lane.reason).slice(0, Math.max(0, width - 52));
      return `  ${lane.name.padEnd(6)}${state}${counts}   ${paint.dim(reason)}`;
    });
    const head = paint.bold(
      `  ${"".padEnd(6)}${"state".padEnd(16)}${"exchanged".padStart(9)}  ${"recoveries".padStart(10)}   why`,
    );
    process.stderr.write(`${up}${[head, ...lines].map((line) => `\x1b[2K${line}`).join("\n")}\n`);
    this.#drawn = true;
  }
}
