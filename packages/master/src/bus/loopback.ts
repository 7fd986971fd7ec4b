/** A server on this machine itself is spoken to in plain; every other one with TLS. */
import { hostOf, serverUrl } from "@boma/protocol";

const LOOPBACK = /^(localhost|127(\.\d+){3}|::1)$/;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

export const isPlainLoopback = (server: string): boolean =>
  serverUrl(server).protocol === "nats:" && isLoopback(hostOf(server));
