/** The one class of undici that is needed, without the 80 ms of its index. */
declare module "undici/lib/dispatcher/client.js" {
  import { Client } from "undici";

  export = Client;
}

/** Keys under which undici keeps its parser on the socket. */
declare module "undici/lib/core/symbols.js" {
  const symbols: { readonly kParser: unique symbol };

  export = symbols;
}
