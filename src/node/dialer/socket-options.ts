/** What the dialer sets on a socket, and what Node 20 has no call for. */
export const SOCKET_OPTIONS = {
  /** On every TCP socket. */
  TCP_NODELAY: "always",
  /** Where the request has `keepAliveProbe`. */
  SO_KEEPALIVE: "on request",
  /** Policy `attr_*`: priority, low latency, high throughput, high reliability, low cost. */
  IP_TOS: "never: Node cannot set it",
  SO_PRIORITY: "never: Node cannot set it",
} as const;
