// Goal: a node that is sent to another bus is not lost, whatever that address is good for.
import { type JoinKit, newNkey, newSigningKey } from "@boma/protocol";
import { expect, test } from "vitest";

import { Identity } from "./identity.ts";
import { temporaryDirectory } from "./testing/support.ts";
import { Ways } from "./ways.ts";

const HOME = ["centre:4222"];
const AWAY = ["fra:4222"];

function kit(): JoinKit {
  const { publicKey: enrolAccount, seed: enrolSeed } = newNkey.account();
  return { servers: [...HOME], root: newSigningKey().publicKey, enrolAccount, enrolSeed };
}

async function approvedIn(dir: string): Promise<{ identity: Identity; ways: Ways }> {
  const identity = await Identity.open(dir, { proposed: "web01" });
  await identity.begin({ kit: kit() });
  await identity.approve({ id: "web01", credential: "first", assigned: {} });
  return { identity, ways: new Ways(identity, identity.kit!) };
}

const now = ({ credential, kit: { servers } }: Ways) => ({ credential, servers });
const first = { credential: "first", servers: HOME };
const second = { credential: "second", servers: AWAY };

test("it takes the way that it was told, and the one before while that is closed, in turns", async () => {
  await using dir = await temporaryDirectory();
  const { identity, ways } = await approvedIn(dir.path);
  expect(now(ways)).toEqual(first);
  expect(ways.takeOther()).toBe(false);
  await identity.sendTo(second);
  expect(now(ways)).toEqual(second);
  expect(ways.takeOther()).toBe(true);
  expect(now(ways)).toEqual(first);
  expect(ways.takeOther()).toBe(false);
  expect(now(ways)).toEqual(second);
});

test("heard where it was sent, it forgets where it was before, over a restart as well", async () => {
  await using dir = await temporaryDirectory();
  const { identity } = await approvedIn(dir.path);
  await identity.sendTo(second);
  const restarted = await Identity.open(dir.path, { proposed: "web01" });
  expect(restarted.ways).toEqual([second, first]);
  await restarted.settle(0);
  expect((await Identity.open(dir.path, { proposed: "web01" })).ways).toEqual([second]);
});

test("told nothing more where it was before, it belongs there again, with the servers that it began with", async () => {
  await using dir = await temporaryDirectory();
  const { identity } = await approvedIn(dir.path);
  await identity.sendTo(second);
  await identity.settle(1);
  expect(identity.ways).toEqual([first]);
  expect(identity.approved).not.toHaveProperty("servers");
});

test("sent on before it arrived, it still knows the way that was good", async () => {
  await using dir = await temporaryDirectory();
  const { identity } = await approvedIn(dir.path);
  await identity.sendTo(second);
  await identity.sendTo({ credential: "third", servers: ["ber:4222"] });
  expect(identity.ways).toEqual([{ credential: "third", servers: ["ber:4222"] }, first]);
});

test("approved anew, it has one way, that of the approval", async () => {
  await using dir = await temporaryDirectory();
  const { identity } = await approvedIn(dir.path);
  await identity.sendTo(second);
  await identity.approve({ id: "web01", credential: "anew" });
  expect(identity.ways).toEqual([{ credential: "anew", servers: HOME }]);
});
