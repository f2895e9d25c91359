import { describe, expect, test } from "vitest";
import { diffPolicies } from "./diff.ts";
import { effectiveSettings, originText } from "./effective.ts";
import { applyOverlay, applyOverlayValue, type PolicyDocument, parsePolicy, requirePolicy } from "./parse.ts";
import { formatProblem } from "./problem.ts";

const DER = "MAA=";
const BASE = `{
  "via-socks5": "127.0.0.1:1080",
  "retry": { "default": { "backoff": [1000, 2000], "conceal": 2 } },
  "certs": { "root": "${DER}", "other": "MAEA" },
  "trust_stores": { "store": ["root"] },
  "auth": { "sigv4": { "type": "sigv4" } },
  "streams": {
    "portal": { "endpoint": "portal.example", "http_url": "/x", "http_expect": 204, "tls": true, "retry": "default",
      "tls_trust_store": "store", "metadata": { "a": "A:", "b": "b" }, "http_resp_map": { "404": 1404 } },
    "plain": { "endpoint": "plain.example", "wrong": 1, "use_auth": "sigv4" },
    "served": { "server": true, "server_cert": "root", "server_key": "other" }
  }
}`;

describe("an overlay", () => {
  test("edits what it names and leaves the rest as it is", () => {
    const base = document();
    const edited = overlay(
      base,
      '{"s":[{"portal":{"port":1,"http_url":"y","metadata":[{"b":"B2:"},{"c":""}]}}]}',
    );

    expect(edited.policy.streamtypes.get("portal")).toMatchObject({
      endpoint: "portal.example",
      port: 1,
      tls: true,
      http: { url: "y", expect: 204 },
      metadata: [
        { name: "a", header: "a" },
        { name: "b", header: "b2" },
        { name: "c", header: undefined },
      ],
    });
    expect(edited.policy.streamtypes.get("plain")).toEqual(base.policy.streamtypes.get("plain"));
    expect(diffPolicies(base.policy, edited.policy)).toEqual({
      added: [],
      removed: [],
      changed: ["portal"],
      unchanged: ["plain", "served"],
    });
  });

  test("clears with false, and returns to the default with null", () => {
    const edited = overlay(
      document(),
      '{"via-socks5":null,"s":{"portal":{"tls":false,"http_expect":null,"metadata":{"a":null},"port":null}}}',
    );

    expect(edited.policy.streamtypes.get("portal")).toMatchObject({
      tls: false,
      port: 80,
      viaSocks5: undefined,
      http: { expect: undefined },
      metadata: [{ name: "b", header: "b" }],
    });
  });

  test("names retries and trust stores of the base, adds streamtypes and its own retries", () => {
    const base = document();
    const edited = overlay(
      base,
      `{"retry":{"slow":{"backoff":[9000]},"default":{"conceal":7}},"certs":{"new":"${DER}"},
        "trust_stores":{"store":["root","new"]},
        "s":{"second":{"endpoint":"x","retry":"slow","tls_trust_store":"store","port":null}}}`,
    );

    expect(edited.policy.streamtypes.get("second")?.retry.table).toEqual([9000]);
    expect(edited.policy.streamtypes.get("portal")?.retry).toMatchObject({ table: [1000, 2000], conceal: 7 });
    expect(edited.policy.trustStores.get("store")?.stack).toHaveLength(2);
    expect(diffPolicies(base.policy, edited.policy)).toMatchObject({
      added: ["second"],
      changed: ["portal"],
    });
    expect(diffPolicies(edited.policy, base.policy)).toMatchObject({ removed: ["second"] });
  });

  test("that is wrong in one place changes nothing", () => {
    const base = document();
    const before = JSON.stringify([...base.policy.streamtypes]);

    for (const text of [
      '{"s":{"portal":{"port":"1","tls":false}}}',
      '{"s":{"portal":{"tls":false,"retry":"gone"}}}',
      '{"s":{"portal":{"tls":false}}',
      '{"s":{"portal":{"metadata":"x"}}}',
      "[]",
    ]) {
      const parsed = applyOverlay(base, text);
      expect(parsed.policy).toBeUndefined();
      expect(parsed.problems.some((problem) => problem.severity === "error")).toBe(true);
    }
    expect(JSON.stringify([...base.policy.streamtypes])).toBe(before);
  });

  test("reports its own problems alone, and warns of a name that is nearly another", () => {
    const parsed = applyOverlayValue(document(), { s: { portl: { endpoint: "x" } } }, { source: "o.json" });

    expect(parsed.problems.map(formatProblem)).toEqual([
      'o.json#/s/portl: warning: The overlay adds the streamtype "portl" (did you mean "portal"?)',
    ]);
    expect(parsed.document?.problems).toHaveLength(7);
  });

  test("is refused for its warnings if strict, and not for those of the base", () => {
    const base = document();

    expect(
      applyOverlayValue(base, { s: { portl: { endpoint: "x" } } }, { strict: true }).policy,
    ).toBeUndefined();
    expect(applyOverlayValue(base, { s: { portal: { port: 1 } } }, { strict: true }).policy).toBeDefined();
  });

  test("may lie over another overlay", () => {
    const once = overlay(document(), '{"s":{"plain":{"port":1}}}');
    const twice = overlay(once, '{"s":{"plain":{"tls":true}}}');

    expect(twice.policy.streamtypes.get("plain")).toMatchObject({ port: 1, tls: true });
  });
});

describe("the difference of two policies", () => {
  test.each([
    ["a retry", '{"retry":{"default":{"conceal":9}}}', ["portal"]],
    ["a trust store", '{"trust_stores":{"store":["other"]}}', ["portal"]],
    ["a trust store's length", '{"trust_stores":{"store":["root","other"]}}', ["portal"]],
    ["an auth", '{"auth":{"sigv4":{"blob":1}}}', ["plain"]],
    ["a certificate's bytes", '{"certs":{"other":"MAEB"}}', ["served"]],
    ["a certificate of a store and a server", '{"certs":{"root":"MAEB"}}', ["portal", "served"]],
    ["the response map", '{"s":{"portal":{"http_resp_map":{"404":1405}}}}', ["portal"]],
    ["the proxy of all", '{"via-socks5":"127.0.0.1:1"}', ["portal", "plain", "served"]],
    ["a retry given where none was", '{"s":{"plain":{"retry":"default"}}}', ["plain"]],
    ["a server's certificate taken away", '{"s":{"served":{"server_cert":null}}}', ["served"]],
    ["a server's key taken away", '{"s":{"served":{"server_key":null}}}', ["served"]],
    ["an auth taken away", '{"s":{"plain":{"use_auth":null}}}', ["plain"]],
    ["nothing but a release", '{"release":"2"}', []],
    [
      "the name of a retry",
      '{"retry":{"same":{"backoff":[1000,2000],"conceal":2}},"s":{"portal":{"retry":"same"}}}',
      [],
    ],
  ])("is seen through %s", (_, text, changed) => {
    const base = document();

    expect(diffPolicies(base.policy, overlay(base, text).policy).changed).toEqual(changed);
  });
});

describe("effective settings", () => {
  test("say for each key what is in effect and where it comes from", () => {
    const edited = requirePolicy(
      applyOverlay(document(), '{"s":{"portal":{"port":8080,"metadata":{"b":"c"}}}}', { source: "o.json" }),
    );
    const settings = effectiveSettings(edited, "portal") ?? [];
    const said = new Map(settings.map((setting) => [setting.key, [setting.value, originText(setting)]]));

    expect(said.get("endpoint")).toEqual(["portal.example", "b.json:8:17"]);
    expect(said.get("port")).toEqual([8080, "overlay o.json:1:17"]);
    expect(said.get("protocol")).toEqual(["h1", "default"]);
    expect(said.get("http_url")).toEqual(["x", "b.json:8:47"]);
    expect(said.get("via-socks5")).toEqual(["127.0.0.1:1080", "b.json:2:3"]);
    expect(said.get("retry")).toEqual(["default", "b.json:8:98"]);
    expect(said.get("retry.backoff")).toEqual([[1000, 2000], "b.json:3:27"]);
    expect(said.get("retry.jitterpc")).toEqual([30, "default"]);
    expect(said.get("tls_trust_store")).toEqual(["store", "b.json:9:7"]);
    expect(said.get("metadata.a")).toEqual(["a", "b.json:9:49"]);
    expect(said.get("metadata.b")).toEqual(["c", "overlay o.json:1:41"]);
    expect(said.get("http_resp_map.404")).toEqual([1404, "b.json:9:91"]);
    expect(said.get("client_buflen_rxflow_off_below")).toEqual([16_384, "default"]);
    expect(said.has("mqtt_topic")).toBe(false);
    expect(said.get("client_cert")).toEqual(["no client certificate", "default"]);
  });

  test("tell an overlay and a default apart, and know the built-in retry", () => {
    const base = requirePolicy(
      parsePolicy('{"s":{"a":{"endpoint":"x","mqtt_topic":"t"}}}', { source: "b.json" }),
    );
    const settings = effectiveSettings(overlay(base, '{"s":{"a":{"tls":true}}}'), "a") ?? [];
    const origins = new Map(settings.map((setting) => [setting.key, setting.origin]));

    expect(origins.get("tls")).toBe("overlay");
    expect(origins.get("endpoint")).toBe("policy");
    expect(origins.get("mqtt_topic")).toBe("policy");
    expect(origins.get("retry.backoff")).toBe("default");
    expect(settings.find((setting) => setting.key === "retry.svalidping")?.value).toBe(30);
    expect(settings.find((setting) => setting.key === "port")?.value).toBe(443);
  });

  test("show the proxy without its password, and an empty one as none", () => {
    const shown = ["me:secret@p.example:1080", ""].map((proxy) => {
      const settings = effectiveSettings(
        overlay(document(), JSON.stringify({ s: { portal: { "via-socks5": proxy } } })),
        "portal",
      );
      return settings?.find(({ key }) => key === "via-socks5")?.value;
    });

    expect(shown).toEqual(["me:***@p.example:1080", "no proxy"]);
  });

  test("are undefined for a streamtype that is not there", () => {
    expect(effectiveSettings(document(), "none")).toBeUndefined();
  });
});

function document(): PolicyDocument {
  return requirePolicy(parsePolicy(BASE, { source: "b.json" }));
}

function overlay(base: PolicyDocument, text: string): PolicyDocument {
  return requirePolicy(applyOverlay(base, text, { source: "o.json" }));
}
