// Goal: beyond loopback nothing is said before TLS with the pinned authority; a server of the user's own is as good
// as ours; operators do what their rights say, and nothing once they are removed.
// Method: real servers on 0.0.0.0 and from the printed configuration; operators' credential files as a user has them.
import { chmodSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { connect as tcp } from "node:net";
import { join } from "node:path";

import { newNkey, parseToken, printJoinToken } from "@boma/protocol";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";

import type { NodeView } from "../../packages/master/src/api/verbs/nodes.ts";
import { findNatsServer } from "../../packages/master/src/bus/program.ts";
import { createCa } from "../../packages/master/src/bus/tls.ts";
import { readOperatorFile } from "../../packages/master/src/operator-file.ts";
import { Fleet } from "../support/fleet.ts";
import { asUser } from "../support/hostile.ts";
import { TestProcess } from "../support/process.ts";

describe("a bus beyond loopback", () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await Fleet.start({ listen: "0.0.0.0:0", serve: ["--name", "127.0.0.1"] });
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());

  test("speaks TLS: an agent enrols by the authority that its token pins, and runs jobs", async () => {
    expect(fleet.servers[0]).toMatch(/^tls:/);
    await fleet.agent("tls-01", { env: "dev" });
    expect((await fleet.run("run", "tls-01", "test.ping")).code).toBe(0);
    await fleet.master.stop();
    await fleet.serve();
    await fleet.agents.get("tls-01")!.line(/"msg":"disconnected"/);
    await expect
      .poll(async () => (await fleet.run("run", "tls-01", "test.ping")).code, { timeout: 30_000 })
      .toBe(0);
  });

  test("is not believed by an agent that pins another authority, and learns nothing of it", async () => {
    const { kit, token } = parseToken((await fleet.token()).joinToken);
    const { certificate } = await createCa();
    const der = new Uint8Array(Buffer.from(certificate.replace(/-----[^-]+-----|\s/g, ""), "base64"));
    const agent = await fleet.agent("tls-02", {
      token: printJoinToken({ ...kit!, ca: der }, token),
      waitFor: /cannot be asked/,
    });
    expect(agent.lines.join("\n")).toMatch(/certificate|self.signed|issuer/i);
    expect((await fleet.json<NodeView[]>("nodes")).value.map(({ id }) => id)).not.toContain("tls-02");
    expect(await fleet.ok("enroll", "list")).not.toContain("tls-02");
  });

  test("gets no credential from an agent whose server offers no TLS, nor from one that strips it", async () => {
    const said: Buffer[] = [];
    const sockets = new Set<Socket>();
    const info = {
      server_id: "X",
      version: "2.10.0",
      proto: 1,
      max_payload: 1_048_576,
      headers: true,
      nonce: "abcdefghij",
    };
    const server = createServer((socket) => {
      sockets.add(socket.on("data", (data: Buffer) => said.push(data)).on("error", () => undefined));
      socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    });
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { kit, token } = parseToken((await fleet.token()).joinToken);
    const plain = printJoinToken({ ...kit!, servers: [`nats://127.0.0.1:${port}`] }, token);
    await fleet.agent("tls-03", { token: plain, waitFor: /cannot be asked/ });
    expect(Buffer.concat(said).toString("latin1")).not.toMatch(/CONNECT|jwt|sig/);
  });

  test("does nothing for a client without TLS or without a credential", async () => {
    const { port } = new URL(fleet.servers[0]!.replace("tls:", "http:"));
    const said = await new Promise<string>((resolve) => {
      let text = "";
      const socket = tcp(Number(port), "127.0.0.1", () => {
        socket.write(
          'CONNECT {"verbose":true,"protocol":1}\r\nSUB > 1\r\nPUB boma.enrol.x 2\r\nhi\r\nPING\r\n',
        );
      });
      socket.on("data", (data) => (text += data.toString("latin1")));
      socket.on("error", () => undefined).on("close", () => resolve(text));
    });
    expect(said).toMatch(/^INFO .*"tls_required":true/);
    expect(said).not.toMatch(/\+OK|PONG|\nMSG/);
  });
});

describe("a nats-server of the user's own", () => {
  test("serves a master as the printed configuration says: agents enrol, run jobs, and are revoked", async () => {
    await using fleet = await Fleet.prepare();
    const conf = join(fleet.dir, "nats.conf");
    const own = `listen: "127.0.0.1:-1"\nports_file_dir: "${fleet.dir}"\njetstream { store_dir: "${fleet.dir}/js", max_file_store: 40GB }\nmax_payload: 1048576\n`;
    writeFileSync(conf, own + (await fleet.ok("init", "--print-nats-config")));
    const program = (await findNatsServer())!.path;
    await using server = new TestProcess(program, ["-c", conf], { cwd: fleet.dir });
    await server.line(/Server is ready/);
    const port = /Listening for client connections on \S+:(\d+)/.exec(server.lines.join("\n"))![1]!;
    await fleet.serve("--nats", `nats://127.0.0.1:${port}`);
    expect(fleet.servers).toEqual([`nats://127.0.0.1:${port}`]);
    await fleet.agent("own-01", { env: "dev" });
    expect((await fleet.run("run", "env:dev", "test.ping")).code).toBe(0);
    // The master goes and comes; the bus stays.
    await fleet.master.stop();
    await fleet.serve("--nats", `nats://127.0.0.1:${port}`);
    await expect
      .poll(async () => (await fleet.run("run", "env:dev", "test.ping")).code, { timeout: 30_000 })
      .toBe(0);
    const { value } = await fleet.json<{ connected: boolean; ms: number }>("revoke", "own-01");
    expect(value.connected).toBe(true);
    await fleet.agents.get("own-01")!.line(/denied by the master/);
  });
});

describe("operators", () => {
  let fleet: Fleet;
  const file = () => join(fleet.dir, "ci.json");
  beforeAll(async () => {
    fleet = await Fleet.start();
    await fleet.agent("dev-01", { env: "dev" });
    await fleet.agent("prod-01", { env: "prod" });
    await fleet.ok("operator", "add", "ci", "--read", "--run", "test.*@env:dev", "--out", file());
  });
  afterAll(() => fleet?.[Symbol.asyncDispose]());
  const asCi = (...words: string[]) => fleet.run(...words, "--operator", file());

  test("run what their rights name, and no more; a refusal says why and is told of", async () => {
    expect((await asCi("run", "env:dev", "test.ping")).code).toBe(0);
    expect((await asCi("nodes")).stdout).toContain("prod-01");
    for (const [words, reason] of [
      [["run", "env:prod", "test.ping"], /ci may not run test\.ping on prod-01/],
      [["run", "*", "test.ping"], /ci may not run test\.ping on prod-01/],
      [["run", "env:dev", "grains.items"], /ci may not run grains\.items anywhere/],
      [["revoke", "dev-01"], /needs the right to admin/],
      [["token", "create"], /needs the right to admin/],
      [
        ["operator", "add", "more", "--admin", "--out", join(fleet.dir, "more.json")],
        /needs the right to admin/,
      ],
    ] as const) {
      const refused = await asCi(...words);
      expect(refused.stderr, words.join(" ")).toMatch(reason);
      expect(refused.code).toBe(1);
    }
    const told = await fleet.event("operator.denied", ({ data }) => /prod-01/.test(String(data["reason"])));
    expect(told).toMatchObject({ operator: "ci", data: { verb: "job.start" } });
  });

  test("are not let in with a file that others can read", async () => {
    chmodSync(file(), 0o644);
    const refused = await asCi("nodes");
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/can be read by others[^]*chmod 600/),
    });
    chmodSync(file(), 0o600);
    expect((await asCi("nodes")).code).toBe(0);
  });

  test("cannot speak with another one's key, nor for another one", async () => {
    const { user, credential } = readOperatorFile({} as never, file());
    await expect(asUser(fleet, newNkey.user(), credential)).rejects.toThrow(/authorization/i);
    const mine = JSON.parse(readFileSync(file(), "utf8")) as Record<string, unknown>;
    const local = JSON.parse(readFileSync(join(fleet.home, "operator.json"), "utf8")) as Record<
      string,
      unknown
    >;
    const mixed = join(fleet.dir, "mixed.json");
    // The administrator's subject with our signature would be the way up.
    writeFileSync(
      mixed,
      JSON.stringify({ ...mine, name: local["name"], sign: Buffer.alloc(32, 9).toString("base64") }),
      {
        mode: 0o600,
      },
    );
    expect((await fleet.run("nodes", "--operator", mixed)).code).toBe(3);
    await fleet.event("message.refused", ({ node }) => node === user.publicKey);
    rmSync(mixed);
  });

  test("are cut off when they are removed, at once and for good", async () => {
    const { user, credential } = readOperatorFile({} as never, file());
    const live = await asUser(fleet, user, credential);
    await fleet.ok("operator", "remove", "ci");
    await live.closed();
    await expect(asUser(fleet, user, credential)).rejects.toThrow(/authorization|revoked/i);
    expect((await asCi("nodes")).code).toBe(3);
    await fleet.master.stop();
    await fleet.serve();
    await expect(asUser(fleet, user, credential)).rejects.toThrow(/authorization|revoked/i);
    await fleet.event("operator.removed", ({ data }) => data["name"] === "ci");
  });
});
