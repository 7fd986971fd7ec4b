/** An agent is told to read anew what it can read, and what it could not read it is never told of. */
import { expect, test } from "vitest";

import type { Exit } from "../../host/commands.ts";
import { writeHost } from "../../host/host.ts";
import type { LogLine } from "../../host/services.ts";
import type { AnySpec } from "../../state-spec.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import { tryState } from "../../testing/try-state.ts";
import { EXAMPLE_CERTIFICATE, EXAMPLE_KEY } from "../cert/example-pair.ts";
import { makeKey, selfSigned } from "../cert/issue.ts";
import settings from "./settings.ts";

const API = "http://127.0.0.1:4646/v1";
const LIVE = "/etc/nomad.d/boma-settings.json";
const TLS = {
  caFile: "/etc/nomad.d/ca.pem",
  certFile: "/etc/nomad.d/cert.pem",
  keyFile: "/etc/nomad.d/key.pem",
};

const OWN = { [TLS.certFile]: EXAMPLE_CERTIFICATE, [TLS.keyFile]: EXAMPLE_KEY };
const STRANGE = selfSigned(makeKey("ec"), ["web.example"], {
  from: new Date(Date.now() - 60_000),
  to: new Date(Date.now() + 3_600_000),
});

interface Answers {
  /** What it writes when it is told to reload. */
  readonly says?: string;
  readonly becomes?: string;
  readonly refuses?: boolean;
  readonly files?: Given["files"];
}

function agentThat({ says = "==> Reloading configuration...", becomes, refuses, files }: Answers) {
  const http = {
    [`GET ${API}/status/leader`]: { body: '"10.0.0.11:4647"' },
    [`GET ${API}/agent/self`]: { body: { config: { LogLevel: "INFO" }, stats: {} } },
  };
  const host = memoryHost({
    commands: { nomad: {} },
    services: { nomad: { active: true } },
    http,
    files: { "/etc/nomad.d/boma.json": "{}\n", [LIVE]: '{"log_level":"info"}\n', ...files },
  });
  const reloads: string[] = [];
  const lines: LogLine[] = [];
  const { services, commands, http: api } = host.ports;
  services.write.reload = async (unit) => {
    reloads.push(await host.ports.files.read.readText(LIVE));
    lines.push({ atMs: Date.now(), unit, priority: 6, text: says });
    const get = api.read.get.bind(api.read);
    const known = {
      status: 200,
      headers: {},
      body: JSON.stringify({ config: { LogLevel: becomes }, stats: {} }),
    };
    if (becomes !== undefined)
      api.write.get = async (request) => (request.url.endsWith("/agent/self") ? known : get(request));
  };
  services.write.logs = async () => lines;
  const refusal: Exit = { exitCode: 1, signal: null, stdout: "", stderr: "unexpected keys", cut: false };
  if (refuses) commands.write.run = async () => refusal;
  return { host, reloads };
}

test("another log level is taken up while it runs, and not a second time", async () => {
  const { host, reloads } = agentThat({ becomes: "DEBUG" });
  const { left } = await tryState(settings, "a", { logLevel: "debug" }, host);
  expect(reloads).toEqual([expect.stringContaining('"log_level": "debug"')]);
  expect(left).toEqual({});
});

test("what Nomad would not start with is neither in place nor told", async () => {
  const { host, reloads } = agentThat({ refuses: true });
  await expect(tryState(settings, "a", { logLevel: "debug" }, host)).rejects.toMatchObject({
    code: "nomad/config",
  });
  expect(reloads).toEqual([]);
  expect(await host.ports.files.read.readText(LIVE)).toBe('{"log_level":"info"}\n');
});

test("other certificates at the same place are not told to an agent whose other files it could not read", async () => {
  const { host, reloads } = agentThat({ refuses: true });
  const spec: AnySpec = settings.spec;
  const want: unknown = settings.spec.params.parse({ node: "a" });
  const taken = spec.refresh!(want, writeHost(host.ports));
  await expect(taken).rejects.toMatchObject({ code: "nomad/config" });
  expect(reloads).toEqual([]);
});

test.each([
  [{}, /there is no \/etc\/nomad\.d\/cert\.pem/],
  [{ [TLS.certFile]: "x", [TLS.keyFile]: "x", [TLS.caFile]: "x" }, /there is no certificate/],
  [{ ...OWN, [TLS.caFile]: "x" }, /ca\.pem has a certificate that cannot be read, or none/],
  [{ ...OWN, [TLS.caFile]: STRANGE }, /nothing in \/etc\/nomad\.d\/ca\.pem has signed/],
])(
  "certificates that it could not read, or nobody would take, are never told to it",
  async (files, message) => {
    const { host, reloads } = agentThat({ files });
    await expect(tryState(settings, "a", { tls: TLS }, host)).rejects.toMatchObject({
      code: "state/blocked",
      message: expect.stringMatching(message),
    });
    expect(reloads).toEqual([]);
  },
);

test("while authorities are exchanged its own may be the old one, beside the new one", async () => {
  const files = { ...OWN, [TLS.caFile]: `${STRANGE}${EXAMPLE_CERTIFICATE}` };
  const { host, reloads } = agentThat({ files });
  await tryState(settings, "a", { tls: TLS }, host);
  expect(reloads).toHaveLength(1);
});

test("an agent that says that it could not is believed, and told again in the next run", async () => {
  const { host } = agentThat({
    says: "[ERROR] agent: failed to reload the config: error=x",
    becomes: "DEBUG",
  });
  await expect(tryState(settings, "a", { logLevel: "debug" }, host)).rejects.toMatchObject({
    code: "nomad/config",
    message: expect.stringContaining("failed to reload"),
  });
  const again = agentThat({
    becomes: "DEBUG",
    files: { [LIVE]: await host.ports.files.read.readText(LIVE) },
  });
  const { changes } = await tryState(settings, "a", { logLevel: "debug" }, again.host);
  expect(changes).toHaveProperty("node");
  expect(again.reloads).toHaveLength(1);
});
