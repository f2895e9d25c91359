import { describe, expect, test } from "vitest";
import { encodeUtf8 } from "../lib/bytes.ts";
import type { ErrorCode, Layer, Reason } from "../lib/errors.ts";
import { SeededRandom } from "../testing/index.ts";
import { CaptivePortal, type PortalOptions } from "./captive-portal.ts";
import { API_LIMIT, readApi } from "./portal-api.ts";
import { safeUrl } from "./portal-url.ts";
import type { ApiOutcome, PortalInput, PortalOutput, PortalVerdict, ProbeOutcome } from "./portal-words.ts";

const MINUTE = 60_000;
const API = "https://portal.example.test/api";

describe("a probe (S9)", () => {
  const outcomes: readonly [string, ProbeOutcome, PortalVerdict, string?][] = [
    ["204", { type: "answer", status: 204 }, "ok"],
    ["200 with a page of its own", { type: "answer", status: 200 }, "captive"],
    ["206 with a part of a page", { type: "answer", status: 206 }, "captive"],
    [
      "302 to a login page",
      { type: "answer", status: 302, location: "http://login.example.test/?from=a b" },
      "captive",
      "http://login.example.test/?from=a%20b",
    ],
    ["302 to nowhere", { type: "answer", status: 302 }, "captive"],
    ["307 to a script", { type: "answer", status: 307, location: "javascript:alert(1)" }, "captive"],
    ["a redirect that the policy refuses", failed("http", "http-redirect"), "captive"],
    [
      "a redirect that the policy refuses, with its place",
      {
        type: "failed",
        reason: { layer: "http", code: "http-redirect", message: "refused", location: "http://login.test/" },
      },
      "captive",
      "http://login.test/",
    ],
    ["511", { type: "answer", status: 511 }, "captive"],
    ["a certificate of somebody else's authority", failed("tls", "tls-untrusted"), "captive"],
    ["a certificate for somebody else's name", failed("tls", "tls-host-mismatch"), "captive"],
    ["a refusal", failed("tcp", "connection-refused"), "no-internet"],
    ["no such name", failed("dns", "not-found"), "no-internet"],
    ["no name server", failed("dns", "no-servers"), "no-internet"],
    ["nothing within the stream's own time", failed("http", "timeout"), "no-internet"],
    ["no route", failed("tcp", "network-unreachable"), "no-internet"],
    ["a certificate that is not valid yet", failed("tls", "tls-not-yet-valid"), "unknown"],
    ["a handshake that takes too long", failed("tls", "timeout"), "no-internet"],
    ["a handshake that fails", failed("tls", "tls-failed"), "unknown"],
    ["something that is not HTTP", failed("http", "http-protocol"), "unknown"],
    ["500", { type: "answer", status: 500 }, "unknown"],
    ["403", { type: "answer", status: 403 }, "unknown"],
    ["a fault of ours", failed("stream", "unsupported"), "unknown"],
  ];

  test.each(outcomes)("answered with %s", (_, outcome, verdict, portal) => {
    const world = new World();
    world.feed({ type: "start" });

    world.probed(outcome);

    expect(world.portal.verdict).toBe(verdict);
    expect(world.portal.portal).toBe(portal);
  });

  test.each([
    ["10.1.2.3", true],
    ["127.0.0.1", true],
    ["0.0.0.0", true],
    ["100.64.0.1", true],
    ["100.127.9.9", true],
    ["100.128.0.1", false],
    ["169.254.1.1", true],
    ["172.15.0.1", false],
    ["172.31.0.1", true],
    ["192.168.0.1", true],
    ["192.169.0.1", false],
    ["fe80::1", true],
    ["fdab::1", true],
    ["::1", true],
    ["::", true],
    ["2001:db8::1", false],
    ["::ffff", false],
  ])("that is refused at %s is the portal's doing: %s", (address, isPortal) => {
    const world = new World();
    world.feed({ type: "start" });

    world.resolved("probe.example.com", address);
    world.probed(failed("tcp", "connection-refused"));

    expect(world.portal.verdict).toBe(isPortal ? "captive" : "no-internet");
  });

  test("that meets silence at private addresses is the portal's doing, by its stream and by the clock", () => {
    const world = new World();
    world.feed({ type: "start" });
    world.resolved("probe.example.com", "192.168.1.1");
    world.resolved("probe.example.com", "fd00::1");
    world.probed(failed("tcp", "connection-timeout"));
    expect(world.portal.verdict).toBe("captive");

    world.next();
    world.resolved("probe.example.com", "10.0.0.1");
    world.next();

    expect(world.verdicts).toEqual(["captive"]);
    world.next();
    world.resolved("probe.example.com", "192.0.2.1");
    world.resolved("probe.example.com", "10.0.0.1");
    world.next();
    expect(world.portal.verdict).toBe("no-internet");
  });

  test.each([
    ["connectivitycheck.example.com", true],
    ["Example.COM.", true],
    ["check.test", false],
    ["check.LOCAL.", false],
    ["probe.home.arpa", false],
    ["router", false],
    ["", false],
  ])("whose name is %j may not lead to a private address: %s", (host, isPortal) => {
    const world = new World();
    world.feed({ type: "start" });

    world.resolved(host, "192.168.0.1");
    world.probed(failed("tcp", "connection-refused"));

    expect(world.portal.verdict).toBe(isPortal ? "captive" : "no-internet");
  });

  test("takes no address for its own that an earlier look was led to, nor more than sixteen", () => {
    const world = new World();
    world.feed({ type: "start" });
    const addresses = Array.from({ length: 20 }, (_, index) =>
      index < 16 ? `10.0.0.${index}` : "192.0.2.1",
    );
    world.resolved("probe.example.com", ...addresses);
    world.probed(failed("tcp", "connection-refused"));
    expect(world.portal.verdict).toBe("captive");

    world.next();
    world.feed({ type: "resolved", check: 1, host: "probe.example.com", addresses: ["10.0.0.1"] });
    world.probed(failed("tcp", "connection-refused"));

    expect(world.portal.verdict).toBe("no-internet");
  });

  test("may expect another status than 204", () => {
    const world = new World({ expected: 200 });
    world.feed({ type: "start" });

    world.probed({ type: "answer", status: 200 });

    expect(world.portal.verdict).toBe("ok");
  });

  test("without an answer within 5 s means that there is no internet", () => {
    const world = new World();
    world.feed({ type: "start" });

    world.next();

    expect(world.now).toBe(5000);
    expect(world.outputs.slice(-2)).toEqual([
      { type: "abandon", check: 1 },
      {
        type: "verdict",
        verdict: "no-internet",
        previous: "unknown",
        portal: undefined,
        why: "no answer within 5 s",
      },
    ]);
    expect(world.probed({ type: "answer", status: 204 }, 1)).toEqual([]);
  });
});

describe("a portal that disappears (S9)", () => {
  test("is noticed at the next look, and its address is forgotten", () => {
    const world = new World();
    world.feed({ type: "start" });
    world.probed({ type: "answer", status: 302, location: "http://login.example.test/" });

    world.next();
    world.probed({ type: "answer", status: 204 });

    expect(world.now).toBe(5000);
    expect(world.portal.verdict).toBe("ok");
    expect(world.portal.portal).toBeUndefined();
    expect(world.verdicts).toEqual(["captive", "ok"]);
  });

  test("and comes back is noticed on demand", () => {
    const world = new World();
    world.feed({ type: "start" });
    world.probed({ type: "answer", status: 204 });
    world.now = 3000;

    world.feed({ type: "check" });
    world.probed({ type: "answer", status: 200 });

    expect(world.verdicts).toEqual(["ok", "captive"]);
  });
});

describe("the network's own word (RFC 8908, S9)", () => {
  test("that it is captive is believed without a probe, and its portal is told", () => {
    const world = new World();
    world.feed({ type: "network", api: API });
    world.feed({ type: "start" });
    expect(world.outputs).toEqual([{ type: "ask", check: 1, url: API }]);

    world.told({ captive: true, "user-portal-url": "https://portal.example.test/login" });

    expect(world.portal.verdict).toBe("captive");
    expect(world.portal.portal).toBe("https://portal.example.test/login");
    expect(world.of("probe")).toEqual([]);
  });

  test("that it is not captive is put to the proof", () => {
    const world = new World();
    world.feed({ type: "network", api: API });
    world.feed({ type: "start" });

    world.told({ captive: false });
    expect(world.of("probe")).toHaveLength(1);

    world.probed({ type: "answer", status: 511 });
    expect(world.portal.verdict).toBe("captive");
  });

  test("how long the session lasts decides when it is asked again, within bounds", () => {
    for (const [seconds, expected] of [
      [600, 600_000],
      [1, 30_000],
      [86_400, 15 * MINUTE],
      [-5, 15 * MINUTE],
    ] as const) {
      const world = new World();
      world.feed({ type: "network", api: API });
      world.feed({ type: "start" });
      world.told({ captive: false, "seconds-remaining": seconds });
      world.probed({ type: "answer", status: 204 });

      expect(world.portal.deadline).toBe(expected);
    }
  });

  test("that does not come within 5 s, or cannot be asked for, leaves it to the probe", () => {
    const late = new World();
    late.feed({ type: "network", api: API });
    late.feed({ type: "start" });
    late.next();
    const broken = new World();
    broken.feed({ type: "network", api: API });
    broken.feed({ type: "start" });
    broken.feed({ type: "told", check: 1, outcome: failed("tls", "tls-untrusted") });

    expect(late.of("probe")).toEqual([{ type: "probe", check: 2 }]);
    expect(broken.of("probe")).toEqual([{ type: "probe", check: 2 }]);
    expect(late.told({ captive: true }, 1)).toEqual([]);
  });

  test.each([
    undefined,
    "urn:ietf:params:capport:unrestricted",
    "http://portal.example.test/api",
    "https://user:secret@portal.example.test/",
    "file:///etc/passwd",
    "",
  ])("is not asked for where option 114 is %j", (api) => {
    const world = new World();
    world.feed({ type: "network", api });

    world.feed({ type: "start" });

    expect(world.outputs).toEqual([{ type: "probe", check: 1 }]);
  });

  test.each([
    ["not JSON", "{"],
    ["nothing", ""],
    ["a list", "[]"],
    ["null", "null"],
    ["an object without captive", "{}"],
    ["captive as a text", '{"captive":"true"}'],
    ["captive from the prototype", '{"__proto__":{"captive":true}}'],
    ["16 KiB of brackets", "[".repeat(API_LIMIT)],
    ["more than 16 KiB", `{"captive":true,"x":"${"x".repeat(API_LIMIT)}"}`],
    ["ill-formed UTF-8", Uint8Array.from([0x7b, 0xff])],
  ])("that is %s says nothing", (_, body) => {
    const world = new World();
    world.feed({ type: "network", api: API });
    world.feed({ type: "start" });

    world.answer(typeof body === "string" ? encodeUtf8(body) : body);

    expect(world.of("probe")).toHaveLength(1);
    expect(world.of("verdict")).toEqual([]);
  });

  test.each([
    [404, "application/captive+json"],
    [200, "application/json"],
    [200, undefined],
    [200, "application/captive+jsonp"],
  ])("of status %i and type %s says nothing", (status, contentType) => {
    const body = encodeUtf8('{"captive":true}');

    expect(readApi({ type: "answer", status, contentType, body })).toEqual(expect.any(String));
  });

  test("may carry parameters in its type, and extras of the wrong type", () => {
    const body = encodeUtf8(
      '{"captive":true,"user-portal-url":7,"seconds-remaining":"1e9","can-extend-session":{}}',
    );

    expect(
      readApi({ type: "answer", status: 200, contentType: "Application/Captive+JSON; charset=utf-8", body }),
    ).toEqual({ captive: true, portal: undefined, secondsRemaining: undefined });
  });

  test("names no portal without TLS", () => {
    const body = encodeUtf8('{"captive":true,"user-portal-url":"http://portal.example.test/"}');

    expect(
      readApi({ type: "answer", status: 200, contentType: "application/captive+json", body }),
    ).toMatchObject({
      portal: undefined,
    });
  });
});

describe("looking again", () => {
  test.each<[string, ProbeOutcome, readonly number[]]>([
    ["captive", { type: "answer", status: 200 }, [5, 10, 20, 40, 60, 60]],
    ["unreachable", failed("tcp", "network-unreachable"), [5, 10, 20, 40, 80, 160, 300, 300]],
    ["fine", { type: "answer", status: 204 }, [900, 900]],
  ])("while %s has bounded waits", (_, outcome, waits) => {
    const world = new World();
    world.feed({ type: "start" });
    const seen: number[] = [];
    for (const _wait of waits) {
      const before = world.now;
      world.probed(outcome);
      world.next();
      seen.push((world.now - before) / 1000);
    }

    expect(seen).toEqual(waits);
  });

  test("on demand never begins within 2 s of the last, however often it is asked for", () => {
    const world = new World();
    world.feed({ type: "start" });
    for (let moment = 0; moment < 60_000; moment += 10) {
      world.now = moment;
      world.feed({ type: "check" });
      if (world.isLooking) world.probed({ type: "answer", status: 204 });
    }

    expect(world.of("probe")).toHaveLength(30);
  });

  test("while a look is under way is not asked for twice", () => {
    const world = new World();
    world.feed({ type: "start" });

    expect(world.feed({ type: "check" })).toEqual([]);
  });

  test("follows a change of the network, with an unknown verdict until it is done", () => {
    const world = new World();
    world.feed({ type: "start" });
    world.probed({ type: "answer", status: 204 });
    world.now = 10 * MINUTE;

    world.feed({ type: "network" });

    expect(world.verdicts).toEqual(["ok", "unknown"]);
    expect(world.isLooking).toBe(true);
    world.probed({ type: "answer", status: 204 });
    expect(world.portal.verdict).toBe("ok");
  });

  test("of a network that changes all the time is bounded too", () => {
    const world = new World();
    world.feed({ type: "start" });
    for (let moment = 0; moment < 60_000; moment += 10) {
      world.now = moment;
      world.feed({ type: "network", api: moment % 20 === 0 ? API : undefined });
      world.feed({ type: "timeout" });
    }

    expect(world.of("probe").length + world.of("ask").length).toBeLessThanOrEqual(31);
  });

  test("waits for the start, begins once, and ends with stop", () => {
    const world = new World();
    expect(world.feed({ type: "check" })).toEqual([]);
    expect(world.portal.deadline).toBe(Number.POSITIVE_INFINITY);
    world.feed({ type: "start" });
    expect(world.feed({ type: "start" })).toEqual([]);

    expect(world.feed({ type: "stop" })).toEqual([{ type: "abandon", check: 1 }]);

    expect(world.portal.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.feed({ type: "start" })).toEqual([]);
  });
});

describe("a URL from somebody we do not trust", () => {
  test.each([
    ["http://login.example.test", "http://login.example.test"],
    ["HTTPS://Login.Example.Test:8443/a?b=c#d", "https://login.example.test:8443/a?b=c#d"],
    ["http://10.0.0.1/%20ok", "http://10.0.0.1/%20ok"],
    ["http://[2001:db8::1]:80/", "http://[2001:db8::1]:80/"],
    ['http://a/"><script>', "http://a/%22%3E%3Cscript%3E"],
    ["http://a/\u001b[2J'\n", "http://a/%1B[2J%27%0A"],
    ["http://a/\u00fc\ud800\u{1f600}", "http://a/%C3%BC%EF%BF%BD%F0%9F%98%80"],
    ["javascript:alert(1)", undefined],
    ["//login.example.test/", undefined],
    ["/login", undefined],
    ["http://", undefined],
    ["http://user@evil.test/", undefined],
    ["http://bank.test\u0000.evil.test/", undefined],
    ["http://-bad/", undefined],
    [`http://a/${"x".repeat(2048)}`, undefined],
    [`http://a/${"\u00fc".repeat(1000)}`, undefined],
  ])("%j is shown as %j", (text, shown) => {
    expect(safeUrl(text)).toBe(shown);
  });
});

test("what is unknown is told with each other why, and looked at again after 5, then 10 s", () => {
  const world = new World();
  world.feed({ type: "start" });
  for (const status of [500, 500, 403]) {
    world.probed({ type: "answer", status });
    world.next();
  }

  expect(world.of("verdict").map(({ verdict, why }) => [verdict, why])).toEqual([
    ["unknown", "the probe was answered with 500"],
    ["unknown", "the probe was answered with 403"],
  ]);
  expect(world.now).toBe(35_000);
});

describe("a network that goes", () => {
  test("is not looked at until it is back; what was known of it counts no more", () => {
    const world = new World();
    world.feed({ type: "network", api: API });
    world.feed({ type: "start" });
    world.told({ captive: true });
    world.now = 10_000;
    world.feed({ type: "check" });

    expect(world.feed({ type: "pause" })).toEqual([
      { type: "abandon", check: 2 },
      {
        type: "verdict",
        verdict: "unknown",
        previous: "captive",
        portal: undefined,
        why: "the network changed",
      },
    ]);
    expect(world.portal.deadline).toBe(Number.POSITIVE_INFINITY);
    expect(world.feed({ type: "check" })).toEqual([]);
    world.now = 12_000;
    expect(world.feed({ type: "start" })).toEqual([{ type: "ask", check: 3, url: API }]);
  });

  test("and is back at once is looked at when two seconds have passed since the last look", () => {
    const world = new World();
    world.feed({ type: "start" });
    world.now = 500;
    world.feed({ type: "pause" });
    world.now = 600;

    expect(world.feed({ type: "start" })).toEqual([]);
    expect(world.portal.deadline).toBe(2000);
    world.next();
    expect(world.of("probe")).toHaveLength(2);
  });
});

test("an input that does not exist is misuse", () => {
  expect(() => new World().feed({ type: "nonsense" } as never)).toThrow("Cannot handle: unexpected value");
});

test("keeps the promises of a machine (property)", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = new SeededRandom(seed);
    const machines = [new CaptivePortal(), new CaptivePortal()] as const;
    const [portal] = machines;
    let now = 0;
    let last = 0;
    for (let step = 0; step < 80; step++) {
      const inputs: readonly (PortalInput | { readonly type: "timeout" })[] = [
        { type: "start" },
        { type: "pause" },
        { type: "probed", check: last, outcome: { type: "answer", status: 200 + (random.uint16() % 400) } },
        { type: "probed", check: last - 1, outcome: { type: "answer", status: 204 } },
        { type: "probed", check: last, outcome: failed("dns", "dns-timeout") },
        { type: "resolved", check: last, host: "probe.example.com", addresses: ["10.0.0.1"] },
        {
          type: "told",
          check: last,
          outcome: {
            type: "answer",
            status: 200,
            contentType: "application/captive+json",
            body:
              random.fraction() < 0.5
                ? random.bytes(20)
                : encodeUtf8('{"captive":false,"seconds-remaining":40}'),
          },
        },
        { type: "network", api: random.fraction() < 0.5 ? API : undefined },
        { type: "check" },
        { type: "timeout" },
        { type: "timeout" },
      ];
      const input =
        step === 79
          ? ({ type: "stop" } as const)
          : (inputs[random.uint16() % inputs.length] ?? expect.fail());
      if (input.type === "timeout") now = Math.min(portal.deadline, now + 1e6);
      else now += Math.floor(random.exponential(500));
      if (portal.deadline > now) {
        for (const machine of machines) expect(machine.handle({ type: "timeout" }, now)).toEqual([]);
      }
      const [outputs, same] = machines.map((machine) => machine.handle(input, now));
      expect(outputs).toEqual(same);
      if (input.type === "timeout") expect(portal.deadline).toBeGreaterThan(now);
      for (const output of outputs ?? []) {
        if (output.type === "probe" || output.type === "ask") last = output.check;
      }
    }
    expect(portal.deadline).toBe(Number.POSITIVE_INFINITY);
  }
});

class World {
  readonly portal: CaptivePortal;
  readonly outputs: PortalOutput[] = [];
  now = 0;
  #begunAt = 0;

  constructor(options: PortalOptions = {}) {
    this.portal = new CaptivePortal(options);
  }

  feed(input: PortalInput | { readonly type: "timeout" }): readonly PortalOutput[] {
    const outputs = this.portal.handle(input, this.now);
    this.outputs.push(...outputs);
    if (outputs.some((output) => output.type === "probe" || output.type === "ask")) this.#begunAt = this.now;
    return outputs;
  }

  next(): void {
    this.now = this.portal.deadline;
    this.feed({ type: "timeout" });
  }

  resolved(host: string, ...addresses: readonly string[]): void {
    expect(this.feed({ type: "resolved", check: this.#last, host, addresses })).toEqual([]);
  }

  /** Ends the present look. */
  probed(outcome: ProbeOutcome, check = this.#last): readonly PortalOutput[] {
    return this.feed({ type: "probed", check, outcome });
  }

  told(value: object, check = this.#last): readonly PortalOutput[] {
    return this.answer(encodeUtf8(JSON.stringify(value)), check);
  }

  answer(body: Uint8Array, check = this.#last): readonly PortalOutput[] {
    const contentType = "application/captive+json";
    return this.feed({ type: "told", check, outcome: { type: "answer", status: 200, contentType, body } });
  }

  /** Whether a look has begun and its outcome is awaited: the deadline is then the end of its patience. */
  get isLooking(): boolean {
    return this.portal.deadline === this.#begunAt + 5000;
  }

  get verdicts(): readonly PortalVerdict[] {
    return this.of("verdict").map(({ verdict }) => verdict);
  }

  of<Type extends PortalOutput["type"]>(type: Type): Extract<PortalOutput, { type: Type }>[] {
    return this.outputs.filter(
      (output): output is Extract<PortalOutput, { type: Type }> => output.type === type,
    );
  }

  get #last(): number {
    const check = this.outputs.findLast(
      (output): output is Extract<PortalOutput, { type: "probe" | "ask" }> =>
        output.type === "probe" || output.type === "ask",
    );
    return check?.check ?? 0;
  }
}

function failed(
  layer: Layer,
  code: ErrorCode,
): Extract<ProbeOutcome, { type: "failed" }> & Extract<ApiOutcome, { type: "failed" }> {
  const reason: Reason = { layer, code, message: `It failed: ${code}` };
  return { type: "failed", reason };
}
