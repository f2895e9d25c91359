import { networkInterfaces } from "node:os";

/** How long what the interfaces say is taken for granted. */
const KEPT = 2000;
const LINK_LOCAL = /^(?:fe[89ab]|169\.254\.)/i;

/** Which address families this host has, by the addresses of its interfaces. */
export class HostFamilies {
  #until = 0;
  #configured: readonly (4 | 6)[] = [];
  #outward: readonly (4 | 6)[] = [];

  /** Families with an address that is not of loopback (`ADDRCONFIG`). */
  configured(): readonly (4 | 6)[] {
    this.#refresh();
    return this.#configured;
  }

  /** Whether IPv6 is the only family that packets can leave this host by. */
  hasOnlyIpv6(): boolean {
    this.#refresh();
    return this.#outward.length === 1 && this.#outward[0] === 6;
  }

  #refresh(): void {
    const now = performance.now();
    if (now < this.#until) return;
    this.#until = now + KEPT;
    const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    const addresses = all.filter(({ internal }) => !internal).map(({ address }) => address);
    this.#configured = familiesOf(addresses);
    this.#outward = familiesOf(addresses.filter((address) => !LINK_LOCAL.test(address)));
  }
}

function familiesOf(addresses: readonly string[]): readonly (4 | 6)[] {
  const families = addresses.map((address) => (address.includes(":") ? 6 : 4));
  return ([4, 6] as const).filter((family) => families.includes(family));
}
