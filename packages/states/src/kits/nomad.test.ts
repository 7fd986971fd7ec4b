/** Whoever asks an agent over TLS has to know whom to trust. */
import { expect, test } from "vitest";

import { nomadKit } from "./nomad.ts";

test("where the API speaks TLS, all that asks it does so, and trusts whom the settings trust", () => {
  const kit = nomadKit({
    node: "a",
    agent: { mode: "client", servers: ["10.0.0.11"] },
    settings: {
      ca: "-----BEGIN CERTIFICATE-----",
      tls: { caFile: "/etc/ca.pem", certFile: "/etc/cert.pem", keyFile: "/etc/key.pem", http: true },
    },
  });
  for (const name of ["nomad.settings", "nomad.eligible", "nomad.ready"])
    expect(kit.find(({ state }) => state === name)).toMatchObject({
      params: { api: "https://127.0.0.1:4646", ca: "-----BEGIN CERTIFICATE-----" },
    });
});
