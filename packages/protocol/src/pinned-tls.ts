/**
 * TLS to a bus whose certificate is signed by the authority that was pinned. To the library a server that is named by
 * its address is called `localhost`, so it is looked up here that the certificate has the address.
 */

/** Of `HOST:PORT` as well, which is as good as `nats://HOST:PORT`. */
export const serverUrl = (server: string): URL =>
  new URL(server.includes("://") ? server : `nats://${server}`);

/** An address without its brackets. */
export const hostOf = (server: string): string => serverUrl(server).hostname.replace(/^\[(.*)\]$/, "$1");

const ADDRESS = /^[\d.]+$|:/;

/** `check` is that of `node:tls`: what is wrong with a certificate for this host. */
export function pinnedTls<C>(
  ca: string,
  servers: readonly string[],
  check: (host: string, certificate: C) => Error | undefined,
) {
  const addresses = servers.map(hostOf).filter((host) => ADDRESS.test(host));
  return {
    ca,
    checkServerIdentity(host: string, certificate: C): Error | undefined {
      const names = host === "localhost" ? [...addresses, host] : [host];
      const wrong = names.map((name) => check(name, certificate));
      return wrong.includes(undefined) ? undefined : wrong[0];
    },
  };
}
