/** Notifications reach real programs: aiosmtpd with STARTTLS and a password, and a Matrix homeserver, Synapse. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { SequencedEvent } from "@boma/protocol";
import { matrix, type Notification, type Sender, smtp } from "@boma/states/core";
import { afterAll, beforeAll, expect, test } from "vitest";

import { createCa, issueServerCertificate } from "../../packages/master/src/bus/tls.ts";
import { noticeOf } from "../../packages/master/src/notify/notice.ts";
import { send } from "../../packages/master/src/notify/senders/index.ts";
import type { Opened } from "../../packages/master/src/notify/senders/send.ts";
import { TestProcess } from "../support/process.ts";

const PYTHON = fileURLToPath(new URL("../../node_modules/.cache/receivers/bin", import.meta.url));
const SERVER = fileURLToPath(new URL("mail-server.py", import.meta.url));
const [USER, PASSWORD] = ["boma", "a pass:word"];
const event = {
  uid: "u1",
  sequence: 7,
  kind: "drift.failed",
  at: Date.UTC(2026, 10, 21),
  id: "web-01",
  data: { error: "ñ and ☃\r\n.\r\nBcc: everybody@example.org" },
} as unknown as SequencedEvent;

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), "boma-programs-"))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function deliver(id: string, to: Sender, secrets: object): Promise<void> {
  const spec = { name: "ops", title: "{id}: ☃", text: "{data.error}" } as Notification;
  const notice = noticeOf(spec, { id, event });
  const opened = { ...to, ...secrets } as Opened<Sender>;
  return send({ to: opened, notice, timeoutMs: 20_000, signal: new AbortController().signal });
}

test("a mail server that demands STARTTLS and a password takes the mail as it was meant", async () => {
  const ca = await createCa();
  const pair = await issueServerCertificate(ca, { dns: ["localhost"], ips: ["127.0.0.1"] });
  writeFileSync(join(dir, "cert.pem"), pair.certificate);
  writeFileSync(join(dir, "key.pem"), pair.privateKey);
  const args = [SERVER, join(dir, "cert.pem"), join(dir, "key.pem"), USER, PASSWORD];
  await using server = new TestProcess(join(PYTHON, "python"), args);
  const { port } = JSON.parse(await server.line(/"port"/)) as { port: number };
  const options = { host: "localhost", port, from: "boma@example.org", to: ["ops@example.org"] };
  const account = { user: USER, password: { $secret: "file:/s/mail" } };
  const to = smtp({ ...options, ...account, ca: ca.certificate });
  await deliver("id-1", to, { password: PASSWORD });
  const mail = JSON.parse(await server.line(/"from"/)) as { content: string };
  expect(mail).toMatchObject({ from: "boma@example.org", to: ["ops@example.org"], tls: true, user: USER });
  expect(mail.content).toContain("Message-ID: <id-1@example.org>");
  expect(mail.content).not.toMatch(/^Bcc:/m);
  await expect(deliver("id-2", to, { password: "wrong" })).rejects.toMatchObject({
    isFinal: false,
    message: expect.stringContaining("EAUTH, the server answered 535"),
  });
  await expect(deliver("id-3", smtp({ ...options, ...account }), { password: PASSWORD })).rejects.toThrow(
    /the mail was not taken: E(TLS|SOCKET)/,
  );
  expect(server.lines.filter((line) => line.includes('"from"'))).toHaveLength(1);
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A homeserver that talks to nobody else. */
async function startSynapse(port: number): Promise<TestProcess> {
  const config = join(dir, "homeserver.yaml");
  const synapse = ["-m", "synapse.app.homeserver", "--config-path", config];
  execFileSync(
    join(PYTHON, "python"),
    [
      ...synapse,
      "--server-name",
      "boma.test",
      "--generate-config",
      "--report-stats=no",
      "--data-directory",
      dir,
    ],
    { cwd: dir, stdio: "ignore" },
  );
  const text = readFileSync(config, "utf8")
    .replace("port: 8008", `port: ${port}`)
    .replace(/bind_addresses:\n(\s+)- ::1\n/, "bind_addresses:\n")
    .replace(/trusted_key_servers:\n.*\n/, "trusted_key_servers: []\n");
  writeFileSync(config, text);
  const server = new TestProcess(join(PYTHON, "python"), synapse, { cwd: dir });
  const up = () =>
    fetch(`http://127.0.0.1:${port}/health`)
      .then(({ ok }) => ok)
      .catch(() => false);
  await expect.poll(up, { timeout: 60_000, interval: 500 }).toBe(true);
  const register = ["-u", USER, "-p", PASSWORD, "--no-admin", "-c", config, `http://127.0.0.1:${port}`];
  execFileSync(join(PYTHON, "register_new_matrix_user"), register, { stdio: "ignore" });
  return server;
}

test("a Matrix homeserver shows a notification once, however often it is sent", async () => {
  const port = await freePort();
  await using _server = await startSynapse(port);
  const homeserver = `http://127.0.0.1:${port}`;
  const ask = async <T>(method: string, path: string, body?: object, token?: string): Promise<T> => {
    const response = await fetch(`${homeserver}/_matrix/client/v3/${path}`, {
      method,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body && { body: JSON.stringify(body) }),
    });
    return (await response.json()) as T;
  };
  const identifier = { type: "m.id.user", user: USER };
  const login = { type: "m.login.password", identifier, password: PASSWORD };
  const { access_token: token } = await ask<{ access_token: string }>("POST", "login", login);
  const { room_id: room } = await ask<{ room_id: string }>("POST", "createRoom", {}, token);
  const to = matrix({ homeserver, room, token: { $secret: "file:/s/matrix" } });
  await deliver("one", to, { token });
  await deliver("one", to, { token });
  await deliver("two", to, { token });
  interface Messages {
    readonly chunk: { readonly type: string; readonly content: { readonly body: string } }[];
  }
  const path = `rooms/${encodeURIComponent(room)}/messages?dir=b&limit=50`;
  const { chunk } = await ask<Messages>("GET", path, undefined, token);
  const bodies = chunk.filter(({ type }) => type === "m.room.message").map(({ content }) => content.body);
  expect(bodies).toHaveLength(2);
  expect(bodies[0]).toMatch(/^web-01: ☃\nñ and ☃/);
  await expect(deliver("three", to, { token: "wrong" })).rejects.toMatchObject({
    isFinal: false,
    message: "the receiver answered 401 M_UNKNOWN_TOKEN",
  });
});
