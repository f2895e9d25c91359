/** `192.0.2.1:443`, `[2001:db8::1]:443`, `example.com:443`. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A Unix socket's path for people: `@name` for the abstract namespace. */
export function socketName(path: string): string {
  return path.startsWith("\0") ? `@${path.slice(1)}` : path;
}
