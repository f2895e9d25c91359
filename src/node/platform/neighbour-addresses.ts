import type { InterfaceAddress } from "../../context/index.ts";
import { AF_INET, ipBytes, ipFamily } from "./ip-bytes.ts";
import { encodeLinkPromotion, readLinkPromotion } from "./link-message.ts";
import type { NetlinkMessage } from "./netlink-bytes.ts";

/** How the kernel is asked and told about one link. */
export interface LinkTalk {
  readonly ask: () => NetlinkMessage | undefined;
  readonly change: (body: Uint8Array) => void;
}

/**
 * Whether others would go with this address: IPv4 addresses of the same prefix that came after it are its secondaries, and
 * the kernel takes them away together with the first one, unless the link promotes them.
 */
export function hasSecondaries(address: InterfaceAddress, all: readonly InterfaceAddress[]): boolean {
  if (ipFamily(address.address) !== AF_INET) return false;
  const { link, prefixLength } = address;
  const others = all.filter((each) => each.link === link && each.prefixLength === prefixLength);
  return others.some((each) => each.address !== address.address && isSamePrefix(each, address));
}

/** Has the link promote secondary addresses while `work` runs, and leaves it as it was. */
export function promoting({ ask, change }: LinkTalk, link: number, work: () => void): void {
  const answer = ask();
  if (answer === undefined || readLinkPromotion(answer.body) !== 0) {
    work();
    return;
  }
  change(encodeLinkPromotion(link, 1));
  try {
    work();
  } finally {
    change(encodeLinkPromotion(link, 0));
  }
}

function isSamePrefix(one: InterfaceAddress, other: InterfaceAddress): boolean {
  if (ipFamily(one.address) !== AF_INET) return false;
  const [a, b] = [one, other].map(({ address }) => new DataView(ipBytes(address).buffer).getUint32(0));
  const host = 2 ** (32 - other.prefixLength);
  return Math.floor(Number(a) / host) === Math.floor(Number(b) / host);
}
