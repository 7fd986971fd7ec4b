/** What a Vault stands on is there before it, and longer than it. */
import { expect, test } from "vitest";

import { vaultKit } from "./vault.ts";

const TLS = { certFile: "/etc/vault.d/tls/fullchain.pem", keyFile: "/etc/vault.d/tls/privkey.pem" };

const unitBeside = (storage: Parameters<typeof vaultKit>[0]["server"]["storage"]) =>
  JSON.stringify(
    vaultKit({
      name: "a",
      server: {
        storage,
        listeners: [{ address: "0.0.0.0:8200", tls: TLS }],
        apiAddr: "https://a.lan:8200",
      },
    }).find(({ state }) => state === "systemd.dropin"),
  );

test("one that keeps all in Consul is ended before the agent that it asks, and another one does not know of it", () => {
  expect(unitBeside({ type: "consul" })).toContain('"After":"consul.service"');
  expect(unitBeside({ type: "file", path: "/opt/vault/data" })).not.toContain("consul");
});
