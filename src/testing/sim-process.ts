import type { Clock, Network } from "../context/index.ts";

/** What a simulated process has of the machine, until it is killed: then its sockets are closed and it does nothing more. */
export class SimProcess {
  readonly clock: Clock;
  readonly network: Network;
  readonly #closers = new Set<() => void>();
  #isAlive = true;

  constructor(clock: Clock, network: Network) {
    this.clock = {
      now: () => clock.now(),
      wall: () => clock.wall(),
      wake: (at, run, holds) => clock.wake(at, () => this.run(run), holds),
    };
    this.network = {
      snapshot: () => network.snapshot(),
      bringUp: (link) => network.bringUp(link),
      setMtu: (link, mtu) => network.setMtu(link, mtu),
      putAddress: (address) => network.putAddress(address),
      dropAddress: (address) => network.dropAddress(address),
      putRoute: (route) => network.putRoute(route),
      dropRoute: (route) => network.dropRoute(route),
      watch: (listener) => this.closedAtEnd(network.watch(listener)),
      openPackets: (options, events) => {
        const socket = network.openPackets(options, events);
        return { ...socket, close: this.closedAtEnd(() => socket.close()) };
      },
      openDatagrams: (options, events) => {
        const socket = network.openDatagrams(options, events);
        return { ...socket, close: this.closedAtEnd(() => socket.close()) };
      },
    };
  }

  run(work: () => void): void {
    if (this.#isAlive) work();
  }

  /** As by SIGKILL. */
  kill(): void {
    this.#isAlive = false;
    for (const close of [...this.#closers]) close();
  }

  /** What it returns does the same sooner. */
  closedAtEnd(close: () => void): () => void {
    const closer = (): void => {
      this.#closers.delete(closer);
      close();
    };
    this.#closers.add(closer);
    return closer;
  }
}
