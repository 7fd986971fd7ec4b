/** A drain is on the disk before Nomad is told of it, and is forgotten only after the node takes jobs again. */
import { expect, test } from "vitest";

import type { Call } from "../../define-function.ts";
import { writeHost } from "../../host/host.ts";
import type { HttpChange } from "../../host/http.ts";
import { type Given, memoryHost } from "../../testing/index.ts";
import drain from "./drain.ts";
import role from "./role.ts";
import status from "./status.ts";
import undrain from "./undrain.ts";

const API = "http://127.0.0.1:4646/v1";
const UUID = "7d5dd5a5-6e0f-4f0a-9a8c-0e6c9b1f2a33";
const MARK = "/var/lib/boma/nomad/drained.json";
const api = "http://127.0.0.1:4646";

function onHost(given: Given) {
  const machine = memoryHost({
    files: { "/etc/nomad.d/boma-operator.json": JSON.stringify({ token: UUID }) },
    ...given,
  });
  const sent: { readonly change: HttpChange; readonly marked: boolean }[] = [];
  const http = machine.ports.http.write;
  const send = http.send.bind(http);
  http.send = (change) => (sent.push({ change, marked: machine.tree.has(MARK) }), send(change));
  const call = { host: writeHost(machine.ports), signal: new AbortController().signal };
  return { machine, sent, call: call as unknown as Call };
}

const self = { body: { config: {}, stats: { client: { node_id: "n" } } } };
const node = (word: string, isDrained: boolean) => ({
  body: { ID: "n", Status: "ready", Drain: isDrained, SchedulingEligibility: word },
});
const allocs = (...of: readonly [string, string][]) => ({
  body: of.map(([type, word]) => ({ ID: type, JobID: type, ClientStatus: word, Job: { Type: type } })),
});
const http = {
  [`GET ${API}/agent/self`]: self,
  [`GET ${API}/node/n`]: node("eligible", false),
  [`GET ${API}/node/n/allocations`]: allocs(["service", "running"], ["system", "running"]),
  [`PUT ${API}/node/n/drain`]: {
    makes: {
      [`GET ${API}/node/n`]: node("ineligible", false),
      [`GET ${API}/node/n/allocations`]: allocs(["service", "complete"], ["system", "running"]),
    },
  },
};
const want = { deadline: "1m", for: "1h", systemJobs: false, reason: "kernel", api };

test("a drain is on the disk before Nomad is told, and leaves what runs on every node", async () => {
  const { machine, sent, call } = onHost({ http });
  expect(await drain.run(want, call)).toEqual({ moved: 1 });
  expect(sent.map(({ marked }) => marked)).toEqual([true]);
  const { change } = sent[0]!;
  expect(change.headers).toEqual({ "x-nomad-token": UUID });
  expect(JSON.parse(change.body!)).toMatchObject({
    DrainSpec: { Deadline: 60_000_000_000, IgnoreSystemJobs: true },
    MarkEligible: false,
  });
  expect(machine.tree.get(MARK)).toMatchObject({ mode: "0600" });
  expect(await status.run({ api }, call)).toMatchObject({ drained: { reason: "kernel" } });
});

test("an end that Nomad was not told of leaves the mark, by which the next run ends it", async () => {
  const { machine, call } = onHost({
    http: {
      ...http,
      [`GET ${API}/node/n`]: node("ineligible", false),
      [`PUT ${API}/node/n/drain`]: { status: 500 },
    },
  });
  await expect(undrain.run({ api }, call)).rejects.toMatchObject({ code: "state/api" });
  expect(JSON.parse(await machine.ports.files.read.readText(MARK))).toMatchObject({ untilMs: 0 });
});

test("a node that takes jobs is left alone", async () => {
  const { sent, call } = onHost({ http });
  expect(await undrain.run({ api }, call)).toEqual({ changed: false });
  expect(sent).toEqual([]);
});

test("the only server may not restart without a pause in what is placed", async () => {
  const { call } = onHost({
    http: {
      [`GET ${API}/agent/self`]: {
        body: { config: { Server: { Enabled: true } }, stats: {}, member: { Name: "a.global" } },
      },
      [`GET ${API}/status/leader`]: { body: '"10.0.0.11:4647"' },
      [`GET ${API}/operator/autopilot/health`]: {
        status: 429,
        body: {
          Healthy: true,
          FailureTolerance: 0,
          Servers: [{ Name: "a.global", Leader: true, Healthy: true, Voter: true }],
        },
      },
    },
  });
  expect(await role.run({ api }, call)).toMatchObject({ role: "leader", safe: false });
});
