/**
 * Goal: a living fleet moves from the master's own server to one of the operator's, as docs/guide/external-nats.md says, and
 * nothing of it is lost: nodes, jobs, events, audit, what is revoked; and nobody serves the store that was left behind.
 * Method: real nats-servers, the configuration that `init` prints, the store as files; agents that are told nothing.
 */
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, test } from "vitest";

import { Fleet } from "../support/fleet.ts";
import { answers, keyOf, LivingFleet, POLL } from "../support/living-fleet.ts";
import { nameOf, serverPrograms } from "../support/nats.ts";
import { TestProcess } from "../support/process.ts";

const [usual] = serverPrograms as [(typeof serverPrograms)[0]];

/** What an operator writes himself, as the guide has it, and what boma prints. */
async function configure(fleet: Fleet, listen: string, tls = ""): Promise<string> {
  const conf = join(fleet.dir, "nats.conf");
  const own = [
    `listen: "${listen}"`,
    `ports_file_dir: "${fleet.dir}"`,
    `jetstream { store_dir: "${fleet.dir}/outside", max_file_store: 1100GB }`,
    "max_payload: 1048576",
    tls,
  ];
  writeFileSync(conf, `${own.join("\n")}\n${await fleet.ok("init", "--print-nats-config")}`);
  return conf;
}

async function start(fleet: Fleet, program: string, conf: string): Promise<TestProcess> {
  const server = new TestProcess(program, ["-c", conf], { cwd: fleet.dir });
  await server.line(/Server is ready/);
  return server;
}

/** With the master at rest. */
const bring = (fleet: Fleet): void =>
  cpSync(join(fleet.home, "master/bus/streams"), join(fleet.dir, "outside"), { recursive: true });

describe.each(serverPrograms.map((program) => [nameOf(program), program.path] as const))(
  "from the master's own server to %s",
  (_name, program) => {
    test("a living fleet moves as it is: nobody enrols anew, and nothing that was kept is gone", async () => {
      await using fleet = await Fleet.start({ program: usual.path });
      const living = await LivingFleet.begin(fleet);
      const url = fleet.servers[0]!;
      await fleet.master.stop();

      const conf = await configure(fleet, url.replace("nats://", ""));
      bring(fleet);
      await using _server = await start(fleet, program, conf);
      await fleet.serve("--nats", url);
      await living.isWhole();
      // Its keys are as they were, and so is what was said of them.
      const refused = await fleet.restart("gone", { waitFor: /denied by the master|the token was refused/ });
      await refused.stop();
      await fleet.agent("web-03", { env: "dev" });
      expect(await answers(fleet)).toBe(0);
    });
  },
);

test("a server without the records is refused before a master begins on it, and the store that was left is not served again", async () => {
  await using fleet = await Fleet.start();
  await fleet.agent("web-01", { env: "dev" });
  const url = fleet.servers[0]!;
  await fleet.master.stop();
  const conf = await configure(fleet, url.replace("nats://", ""));
  const server = await start(fleet, usual.path, conf);
  const empty = await fleet.run("serve", "--nats", url);
  expect(empty).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/bus\/moved.*has no records/) as string,
  });
  await server.stop();
  bring(fleet);
  await using _again = await start(fleet, usual.path, conf);
  await fleet.serve("--nats", url);
  await expect.poll(() => answers(fleet), POLL).toBe(0);
  await fleet.master.stop();
  const left = await fleet.run("serve", "--listen", "127.0.0.1:0");
  expect(left).toMatchObject({ code: 2, stderr: expect.stringContaining(`lie on ${url}`) as string });
});

test("at another address, over TLS with a certificate of the master's, a node follows with its new join file and stays who it is", async () => {
  await using fleet = await Fleet.start();
  await fleet.agent("web-01", { env: "dev" });
  const key = await keyOf(fleet, "web-01");
  await fleet.master.stop();
  await fleet.ok("init", "--nats-certificate", join(fleet.dir, "tls"), "--name", "localhost");
  const tls = `tls { cert_file: "${fleet.dir}/tls/server.pem", key_file: "${fleet.dir}/tls/server.key" }`;
  const conf = await configure(fleet, "127.0.0.1:-1", tls);
  bring(fleet);
  await using server = await start(fleet, usual.path, conf);
  const port = /Listening for client connections on \S+:(\d+)/.exec(server.lines.join("\n"))![1]!;
  await fleet.serve("--nats", `tls://localhost:${port}`);
  // It still asks where the master was; with the file that every image carries it asks where it is.
  await fleet.agents.get("web-01")!.stop();
  await fleet.restart("web-01", { noToken: true });
  await expect.poll(() => answers(fleet), POLL).toBe(0);
  expect(await keyOf(fleet, "web-01")).toBe(key);
});
