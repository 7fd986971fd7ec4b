import { checkServerIdentity, type PeerCertificate } from "node:tls";

import { expect, test } from "vitest";

import { hostOf, pinnedTls } from "./pinned-tls.ts";

/** As the library asks: a server that is named by its address it calls localhost. */
const fits = (names: string, servers: readonly string[], host = "localhost") => {
  const certificate = { subjectaltname: names, subject: { CN: "x" } } as unknown as PeerCertificate;
  return pinnedTls("", servers, checkServerIdentity).checkServerIdentity(host, certificate) === undefined;
};

test("a server that is named by its address has that address in its certificate", () => {
  expect(fits("IP Address:10.0.0.1", ["tls://10.0.0.1:4222"])).toBe(true);
  expect(fits("IP Address:10.0.0.1", ["tls://10.0.0.2:4222"])).toBe(false);
  expect(fits("IP Address:10.0.0.1", ["tls://10.0.0.2:4222", "tls://10.0.0.1:4222"])).toBe(true);
  expect(fits("IP Address:FD00:0:0:0:0:0:0:1", ["tls://[fd00::1]:4222"])).toBe(true);
});

test("a server that is named by a name has that name, and no address stands for it", () => {
  const servers = ["tls://nats.example:4222", "tls://10.0.0.1:4222"];
  expect(fits("DNS:nats.example", servers, "nats.example")).toBe(true);
  expect(fits("IP Address:10.0.0.1", servers, "nats.example")).toBe(false);
  expect(fits("DNS:localhost", ["tls://localhost:4222"])).toBe(true);
});

test("a host is told from its port and its brackets", () => {
  expect(["tls://a.example:1", "10.0.0.1:2", "tls://[::1]:3"].map(hostOf)).toEqual([
    "a.example",
    "10.0.0.1",
    "::1",
  ]);
});
