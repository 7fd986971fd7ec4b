/**
 * Goal: a server and two clients of the real Nomad come up from one tree; what they are told to be they take up with no
 * more than it takes, and what runs outlives that.
 * Method: three Debian hosts on a bridge, a real master, and Nomad out of a signed archive. Jobs run programs of the host.
 */
import { afterAll, beforeAll, expect, test } from "vitest";

import {
  changed,
  clean,
  Cluster,
  DEV,
  errors,
  PROD,
  READER,
  SERVER,
  TLS,
  UP_MS_MAX,
} from "../support/nomad.ts";

const LIVE = "/etc/nomad.d/boma-settings.json";
const PLAIN = "/etc/nomad.d/boma.json";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await Cluster.start();
}, 10 * 60_000);
afterAll(async () => {
  await cluster?.[Symbol.asyncDispose]();
});

const up = { timeout: UP_MS_MAX };
interface Self {
  readonly config: { readonly LogLevel: string; readonly TLSConfig: { readonly CertFile: string } };
}
async function selfOf(name: string): Promise<Self["config"]> {
  const { stdout } = await cluster.manage(name, "operator", "api", "-X", "GET", "/v1/agent/self");
  return (JSON.parse(stdout) as Self).config;
}

test("a server and two clients come up from one tree, and a job runs where `meta.env` says", up, async () => {
  expect(errors(await cluster.apply("*"))).toEqual([]);
  expect((await cluster.running(DEV)).allocs).toHaveLength(1);
  expect((await cluster.running(DEV)).pids).toMatch(/^\d+$/);
  expect(await cluster.running(PROD)).toEqual({ allocs: [], pids: "" });
  expect(await cluster.hosts[DEV]!.must(["stat", "-c", "%F %a", "/srv/data"])).toContain("directory 750");
});

test("a second time nothing is changed", up, async () => {
  expect(changed(await cluster.apply("*"))).toEqual(clean);
});

test(
  "the first token was given once, and the one that Nomad made may do what its policy says",
  up,
  async () => {
    const host = cluster.hosts[SERVER]!;
    expect(await host.must(["stat", "-c", "%a %U", READER])).toBe("400 root\n");
    expect(await cluster.nomad(SERVER, READER, "job", "status")).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining("sleeper"),
    });
    const denied = await cluster.nomad(SERVER, READER, "job", "stop", "-detach", "sleeper");
    expect(denied).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("Permission denied") });
    expect(await host.run(["nomad", "job", "status"])).toMatchObject({ exitCode: 1 });
    expect(await host.run(["nomad", "acl", "bootstrap"])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/reset index: \d+/),
    });
    // The file is lost: what it held is good for nothing any more.
    const old = await host.read(READER);
    await host.must(["mv", READER, "/root/lost"]);
    expect(changed(await cluster.apply(SERVER))[SERVER]).toHaveLength(1);
    expect(await host.read(READER)).not.toBe(old);
    expect(await cluster.nomad(SERVER, "/root/lost", "job", "status")).toMatchObject({ exitCode: 1 });
  },
);

test(
  "what can be taken up without a restart is: the same agent says more, and shows another certificate",
  up,
  async () => {
    const before = await cluster.running(DEV);
    const pid = await cluster.mainPid(DEV);
    await cluster.certify(`${TLS}-new`, DEV);
    cluster.declare({ log: "debug", tls: `${TLS}-new` });
    const ids = changed(await cluster.apply(DEV))[DEV]!;
    expect(ids).toEqual([expect.stringContaining(`nomad.settings(${DEV})`)]);
    expect(await selfOf(DEV)).toMatchObject({
      LogLevel: expect.stringMatching(/^debug$/i),
      TLSConfig: { CertFile: `${TLS}-new/agent.pem` },
    });
    expect(await cluster.mainPid(DEV)).toBe(pid);
    expect(await cluster.running(DEV)).toEqual(before);
    expect(errors(await cluster.apply("*"))).toEqual([]);
    expect(changed(await cluster.apply("*"))).toEqual(clean);
  },
);

test("what the agent would end itself at is never told to it: it runs on, with what it had", up, async () => {
  const pid = await cluster.mainPid(DEV);
  const before = await cluster.hosts[DEV]!.read(LIVE);
  await cluster.hosts[DEV]!.must(["cp", "-a", TLS, `${TLS}-bad`]);
  await cluster.hosts[DEV]!.write(`${TLS}-bad/agent.pem`, "no certificate\n");
  cluster.declare({ tls: `${TLS}-bad` });
  expect(errors(await cluster.apply(DEV))).toEqual([expect.stringContaining("there is no certificate")]);
  expect(await cluster.hosts[DEV]!.read(LIVE)).toBe(before);
  cluster.declare({ tls: `${TLS}-new` });
  expect(errors(await cluster.apply(DEV))).toEqual([]);
  expect(await cluster.mainPid(DEV)).toBe(pid);
});

test(
  "a restart for another configuration leaves the job as it is: same allocation, same process",
  up,
  async () => {
    const before = await cluster.running(DEV);
    const pid = await cluster.mainPid(DEV);
    cluster.declare({ reservedPorts: "22,8080" });
    const waiting = await cluster.apply(DEV);
    expect(waiting[DEV]!.results.find(({ id }) => id.startsWith("service.running"))).toMatchObject({
      pending: expect.stringContaining("maintenance"),
    });
    expect(errors(await cluster.apply(PROD))).toEqual([]);
    expect(errors(await cluster.maintain(DEV))).toEqual([]);
    expect(errors(await cluster.maintain(PROD))).toEqual([]);
    expect(await cluster.mainPid(DEV)).not.toBe(pid);
    expect(await cluster.running(DEV)).toEqual(before);
    expect(changed(await cluster.apply("*"))).toEqual(clean);
  },
);

test("what Nomad would not start with never comes into place", up, async () => {
  const before = await cluster.hosts[DEV]!.read(PLAIN);
  cluster.declare({ reservedPorts: "8000-22" });
  expect(errors(await cluster.apply(DEV))[0]).toContain("nomad/config");
  expect(await cluster.hosts[DEV]!.read(PLAIN)).toBe(before);
  cluster.declare({ reservedPorts: "22,8080" });
  expect(changed(await cluster.apply("*"))).toEqual(clean);
});
