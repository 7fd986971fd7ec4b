/** What a change of an agent's configuration takes. */
import { expect, test } from "vitest";

import { checkParams } from "../../check-params.ts";
import { leavesOf, type Settings } from "../daemon/settings.ts";
import { type Agent, secretsOf, settingsOf } from "./agent-settings.ts";
import agent from "./agent.ts";
import { type ChangeClass, changeClass } from "./change-class.ts";
import { type LiveSettings, liveOf, liveSecretsOf } from "./live-settings.ts";
import settings from "./settings.ts";

const KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";

test.each<[Settings, Settings, boolean, ChangeClass]>([
  [{ log_level: "info" }, { log_level: "info" }, false, "none"],
  [{ log_level: "info" }, { log_level: "debug" }, false, "reload"],
  [{}, { node_meta: { env: "dev" } }, false, "reload"],
  [{ acl: { tokens: { agent: "a" } } }, { acl: { tokens: { agent: "b" } } }, false, "reload"],
  [{ acl: { tokens: { initial_management: "a" } } }, {}, false, "restart"],
  [{ acl: { enabled: false } }, { acl: { enabled: true } }, false, "restart"],
  [{ acl: { default_policy: "allow" } }, { acl: { default_policy: "deny" } }, false, "restart"],
  [
    { tls: { defaults: { verify_incoming: false } } },
    { tls: { defaults: { verify_incoming: true } } },
    false,
    "reload",
  ],
  [{ ports: { http: 8500 } }, { ports: { http: 8501 } }, false, "restart"],
  [{ retry_join: ["a"] }, { retry_join: ["a", "b"] }, false, "restart"],
  [{ connect: { enabled: false } }, { connect: { enabled: true } }, false, "restart"],
  [{ encrypt: "a" }, { encrypt: "b" }, false, "restart"],
  [{ encrypt: "a" }, { encrypt: "b" }, true, "none"],
  [{ encrypt: "a", log_level: "info" }, { encrypt: "b", log_level: "warn" }, true, "reload"],
  [{ log_level: "info", ports: {} }, { log_level: "warn", ports: { dns: -1 } }, false, "restart"],
  [{}, { of_a_later_version: true }, false, "restart"],
])("from %j to %j (a keyring: %j) takes %s", (before, after, hasKeyring, expected) => {
  expect(changeClass(before, after, { hasKeyring })).toBe(expected);
});

test("no setting is in the file that no restart follows, if it takes one", () => {
  const want = checkParams(settings.spec, {
    node: "a",
    gossipKey: KEY,
    nodeMeta: { env: "dev" },
    tls: { caFile: "/a", certFile: "/b", keyFile: "/c" },
    tokens: {
      agent: UUID,
      default: UUID,
      agentRecovery: UUID,
      dns: UUID,
      replication: UUID,
      configFileRegistration: UUID,
    },
    recursors: ["10.0.0.1"],
    dns: { nodeTtl: "5s", serviceTtl: "5s" },
  }) as unknown as LiveSettings;
  const live = { ...liveOf(want), ...liveSecretsOf(want) };
  expect(leavesOf(live).size).toBeGreaterThan(15);
  expect(changeClass({}, live, { hasKeyring: true })).toBe("reload");
});

test("no setting is in the file that a restart follows, if a reload would do", () => {
  const want = checkParams(agent.spec, {
    node: "a",
    mode: "server",
    bootstrapExpect: 3,
    retryJoin: ["b"],
    bind: "10.0.0.1",
    autoEncrypt: true,
    acl: {},
    initialManagement: UUID,
  }) as unknown as Agent;
  for (const [path, value] of [...leavesOf(settingsOf(want)), ...leavesOf(secretsOf(want))])
    expect(changeClass({}, nested(path, value), { hasKeyring: false }), path).toBe("restart");
});

const nested = (path: string, value: unknown): Settings =>
  path.split(".").reduceRight<unknown>((below, name) => ({ [name]: below }), value) as Settings;
