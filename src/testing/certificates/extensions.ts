import { createHash, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { boolean, integer, namedBits, objectId, octetString, primitive, sequence, tagged } from "./der.ts";
import type { CertificateOptions, Extension, KeyUsage, NameConstraints, Purpose } from "./options.ts";

const KEY_USAGE_BITS: Readonly<Record<KeyUsage, number>> = {
  digitalSignature: 0,
  keyEncipherment: 2,
  keyAgreement: 4,
  keyCertSign: 5,
  cRLSign: 6,
};
const PURPOSE_IDS: Readonly<Record<Purpose, string>> = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
};

/** The extensions of a certificate (RFC 5280, 4.2), as the content of `[3]`. */
export function extensionList(options: CertificateOptions, own: KeyObject, issuer: KeyObject): Buffer {
  const isAuthority = options.isAuthority ?? false;
  const list: Extension[] = [
    { id: "2.5.29.14", value: octetString(keyId(own)) },
    { id: "2.5.29.35", value: sequence(primitive(0, keyId(issuer))) },
    { id: "2.5.29.19", isCritical: true, value: basicConstraints(isAuthority, options.pathLength) },
  ];
  const usage: readonly KeyUsage[] =
    options.keyUsage ?? (isAuthority ? ["keyCertSign", "cRLSign"] : ["digitalSignature", "keyEncipherment"]);
  if (usage.length > 0) {
    list.push({
      id: "2.5.29.15",
      isCritical: true,
      value: namedBits(usage.map((each) => KEY_USAGE_BITS[each])),
    });
  }
  const purposes: readonly Purpose[] = options.purposes ?? (isAuthority ? [] : ["server"]);
  if (purposes.length > 0) {
    list.push({ id: "2.5.29.37", value: sequence(...purposes.map((each) => objectId(PURPOSE_IDS[each]))) });
  }
  const names = [
    ...(options.names ?? []).map(generalName),
    ...(options.dnsNames ?? []).map((name) => primitive(2, Buffer.from(name, "latin1"))),
  ];
  if (names.length > 0) list.push({ id: "2.5.29.17", value: sequence(...names) });
  if (options.nameConstraints !== undefined) {
    list.push({ id: "2.5.29.30", isCritical: true, value: nameConstraints(options.nameConstraints) });
  }
  list.push(...(options.extensions ?? []));
  return sequence(...list.map(encodeExtension));
}

/** SHA-1 of the public key's bits, the usual identifier (RFC 5280, 4.2.1.2). */
export function keyId(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

export function encodeExtension({ id, isCritical = false, value }: Extension): Buffer {
  return sequence(objectId(id), ...(isCritical ? [boolean(true)] : []), octetString(value));
}

function basicConstraints(isAuthority: boolean, pathLength: number | undefined): Buffer {
  if (!isAuthority) return sequence();
  return sequence(boolean(true), ...(pathLength === undefined ? [] : [integer(pathLength)]));
}

function nameConstraints({ permitted = [], excluded = [] }: NameConstraints): Buffer {
  const subtrees = (names: readonly string[]): Buffer[] =>
    names.map((name) => sequence(primitive(2, Buffer.from(name, "latin1"))));
  return sequence(
    ...(permitted.length > 0 ? [tagged(0, ...subtrees(permitted))] : []),
    ...(excluded.length > 0 ? [tagged(1, ...subtrees(excluded))] : []),
  );
}

function generalName(name: string): Buffer {
  switch (isIP(name)) {
    case 4:
      return primitive(7, Buffer.from(name.split(".").map(Number)));
    case 6:
      return primitive(7, ipv6Bytes(name));
    default:
      return primitive(2, Buffer.from(name, "latin1"));
  }
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes every form, embedded IPv4 included, as hexadecimal groups.
  const [head = "", tail] = new URL(`http://[${address}]/`).hostname.slice(1, -1).split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...left, ...Array<string>(8 - left.length - right.length).fill("0"), ...right];
  return Buffer.from(groups.map((group) => group.padStart(4, "0")).join(""), "hex");
}
