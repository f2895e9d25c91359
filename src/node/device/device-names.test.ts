import { expect, test } from "vitest";
import type { HostResolver, ResolveEvents } from "../../dial/index.ts";
import type { Reason } from "../../lib/errors.ts";
import { DeviceNames } from "./device-names.ts";

const FAILED: Reason = { layer: "dns", code: "dns-timeout", message: "no answer" };

test("tells where a name leads beside whoever asked for it", () => {
  const world = new World();
  const asked = world.ask("a.test");

  world.asked[0]?.events.addresses(4, ["10.0.0.1"]);
  world.asked[0]?.events.done(4, undefined);
  world.asked[0]?.events.done(6, FAILED);

  expect(world.heard).toEqual([["a.test", ["10.0.0.1"]]]);
  expect(asked.told).toEqual([
    ["addresses", 4, ["10.0.0.1"]],
    ["done", 4, undefined],
    ["done", 6, FAILED],
  ]);
});

test("asks anew for whoever has heard nothing yet, and for nobody else", () => {
  const world = new World();
  const waiting = world.ask("waiting.test");
  const answered = world.ask("answered.test");
  world.ask("gone.test").cancel();
  world.asked[1]?.events.done(6, FAILED);

  world.names.askAnew();

  expect(world.asked.map(({ host, isCancelled }) => [host, isCancelled])).toEqual([
    ["waiting.test", true],
    ["answered.test", false],
    ["gone.test", true],
    ["waiting.test", false],
  ]);
  world.asked[3]?.events.addresses(6, ["2001:db8::1"]);
  world.names.askAnew();
  expect(world.asked).toHaveLength(4);
  expect(waiting.told).toEqual([["addresses", 6, ["2001:db8::1"]]]);
  expect(answered.told).toEqual([["done", 6, FAILED]]);
});

test("gives up what was asked anew when its asker no longer wants it", () => {
  const world = new World();
  const asked = world.ask("a.test");
  world.names.askAnew();

  asked.cancel();
  world.names.askAnew();

  expect(world.asked.map(({ isCancelled }) => isCancelled)).toEqual([true, true]);
});

class World {
  readonly asked: { readonly host: string; readonly events: ResolveEvents; isCancelled: boolean }[] = [];
  readonly heard: unknown[] = [];
  readonly names: DeviceNames;

  constructor() {
    const resolver: HostResolver = {
      resolve: (host, events) => {
        const question = { host, events, isCancelled: false };
        this.asked.push(question);
        return {
          cancel: () => {
            question.isCancelled = true;
          },
        };
      },
    };
    this.names = new DeviceNames(resolver, (host, addresses) => this.heard.push([host, addresses]));
  }

  ask(host: string): { readonly told: unknown[]; readonly cancel: () => void } {
    const told: unknown[] = [];
    const { cancel } = this.names.resolve(host, {
      addresses: (family, addresses) => told.push(["addresses", family, addresses]),
      done: (family, reason) => told.push(["done", family, reason]),
    });
    return { told, cancel };
  }
}
