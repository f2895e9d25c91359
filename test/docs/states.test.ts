import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { STATES as DHCP_STATES } from "../../src/dhcp/states.ts";
import { STATES } from "../../src/stream/index.ts";
import { SYSTEM_STATES } from "../../src/system/index.ts";

interface Script {
  drawPicture(states: typeof STATES): string;
  drawTable(states: typeof STATES): string;
  drawDhcpPicture(states: typeof DHCP_STATES): string;
  drawDhcpTable(states: typeof DHCP_STATES): string;
  drawSystemPicture(states: typeof SYSTEM_STATES): string;
  drawSystemTable(states: typeof SYSTEM_STATES): string;
}

const root = new URL("../../", import.meta.url);
const script = (await import(new URL("scripts/draw-states.mjs", root).href)) as Script;

test("docs/states/stream.svg is what scripts/draw-states.mjs draws of the table of states", () => {
  expect(read("docs/states/stream.svg")).toBe(script.drawPicture(STATES));
});

test("docs/states/stream.md is what scripts/draw-states.mjs writes of the table of states", () => {
  expect(read("docs/states/stream.md")).toBe(script.drawTable(STATES));
});

test("docs/states/dhcp.svg is what scripts/draw-states.mjs draws of the table of a DHCP client", () => {
  expect(read("docs/states/dhcp.svg")).toBe(script.drawDhcpPicture(DHCP_STATES));
});

test("docs/states/dhcp.md is what scripts/draw-states.mjs writes of the table of a DHCP client", () => {
  expect(read("docs/states/dhcp.md")).toBe(script.drawDhcpTable(DHCP_STATES));
});

test("docs/states/system.svg is what scripts/draw-states.mjs draws of the table of the system's states", () => {
  expect(read("docs/states/system.svg")).toBe(script.drawSystemPicture(SYSTEM_STATES));
});

test("docs/states/system.md is what scripts/draw-states.mjs writes of the table of the system's states", () => {
  expect(read("docs/states/system.md")).toBe(script.drawSystemTable(SYSTEM_STATES));
});

test("another table of the system gives another picture", () => {
  const { DHCP, ...rest } = SYSTEM_STATES;
  const changed = { ...rest, DHCP: { ...DHCP, step: "TIME_VALID" } } as typeof SYSTEM_STATES;

  expect(script.drawSystemPicture(changed)).not.toBe(script.drawSystemPicture(SYSTEM_STATES));
});

test("another table gives another picture", () => {
  const { poll, ...rest } = STATES;
  const changed = { ...rest, poll: { ...poll, next: ["connecting"] } } as typeof STATES;

  expect(script.drawPicture(changed)).not.toBe(script.drawPicture(STATES));
});

function read(path: string): string {
  return readFileSync(new URL(path, root), "utf8");
}
