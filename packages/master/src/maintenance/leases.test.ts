/** One holder of a failure domain at a time, also among masters that ask the stream in the same moment. */
import { newJobId } from "@boma/protocol";
import { expect, test } from "vitest";

import { type Store, type Stored, WriteConflict } from "../store/store.ts";
import { Leases } from "./leases.ts";

/** A stream of records as the bus keeps it; whoever reads may be made to wait until others have read as well. */
function stream() {
  const rows = new Map<string, Stored>();
  const open = new Map<string, boolean>();
  let sequence = 0;
  let meeting: { readonly size: number; readonly all: PromiseWithResolvers<void>; here: number } | undefined;
  const store = {
    key: new Uint8Array(32).fill(7),
    async last(_stream: string, subject: string) {
      const found = rows.get(subject);
      if (meeting && meeting.here < meeting.size) {
        if (++meeting.here === meeting.size) meeting.all.resolve();
        await meeting.all.promise;
      }
      return found;
    },
    async put(subject: string, data: Uint8Array, { after }: { after?: number } = {}) {
      if (after !== undefined && after !== (rows.get(subject)?.sequence ?? 0))
        throw new WriteConflict(subject);
      rows.set(subject, { subject, data, sequence: ++sequence, time: new Date() });
      return sequence;
    },
    async *replay() {
      yield* rows.values();
    },
  } as unknown as Store;
  const jobs = {
    find: async (job: string) => {
      const isOpen = open.get(job);
      return isOpen === undefined ? undefined : ({ closedAt: isOpen ? undefined : 1 } as never);
    },
  };
  return {
    open,
    meet: (size: number) => void (meeting = { size, all: Promise.withResolvers(), here: 0 }),
    master: () => new Leases(store, jobs),
  };
}

const asked = (node: string, job = newJobId()) => ({ name: "consul/dc1", job, node, operator: "alice" });

test("of masters that both find it free, one has it, and the other says who that is", async () => {
  const { master, meet, open } = stream();
  const turns = ["a", "b", "c"].map((node) => asked(node));
  meet(turns.length);
  const begun: string[] = [];
  const ends = await Promise.allSettled(
    turns.map((turn) =>
      master().during(turn, async () => {
        begun.push(turn.node);
        open.set(turn.job, true);
      }),
    ),
  );
  expect(begun).toHaveLength(1);
  const refused = ends.flatMap((end) => (end.status === "rejected" ? [end.reason as Error] : []));
  expect(refused).toHaveLength(2);
  for (const error of refused)
    expect(error).toMatchObject({
      code: "lease/held",
      message: expect.stringMatching(new RegExp(`on ${begun[0]}, of alice, since `)) as string,
    });
});

test("a job that could not be made holds nothing", async () => {
  const { master } = stream();
  const failing = master().during(asked("a"), () => Promise.reject(new Error("the bus is full")));
  await expect(failing).rejects.toThrow("the bus is full");
  expect(await master().list()).toEqual([]);
});

test("a job lets go of its own lease only, and of that of a job that has ended whoever comes next takes it", async () => {
  const { master, open } = stream();
  const [first, second] = [asked("a"), asked("b")];
  await master().during(first, async () => void open.set(first.job, true));
  await master().release(first.name, second.job);
  await expect(master().during(second, async () => undefined)).rejects.toMatchObject({ code: "lease/held" });
  // A master died between the end of the job and its release.
  open.set(first.job, false);
  await master().during(second, async () => void open.set(second.job, true));
  expect(await master().list()).toMatchObject([{ node: "b", job: second.job }]);
  await master().release(first.name, first.job);
  expect(await master().list()).toHaveLength(1);
});

test("a master that starts lets go of what ended jobs hold, and of nothing else", async () => {
  const { master, open } = stream();
  const [ended, running, unborn] = ["x", "y", "z"].map((name) => ({ ...asked("a"), name }));
  for (const turn of [ended!, running!, unborn!]) await master().during(turn, async () => undefined);
  open.set(ended!.job, false);
  open.set(running!.job, true);
  await master().sweep();
  // Of the last one the job may be about to be made by another master.
  expect((await master().list()).map(({ name }) => name)).toEqual(["y", "z"]);
});

test("the same job has it however often it asks, and domains do not stand in each other's way", async () => {
  const { master, open } = stream();
  const turn = asked("a");
  await master().during(turn, async () => void open.set(turn.job, true));
  await master().during(turn, async () => undefined);
  await master().during({ ...asked("b"), name: "nomad/global" }, async () => undefined);
  expect(await master().list()).toHaveLength(2);
});

test("of those who end the same lease at once one does, whoever comes later ends nothing, and it is free", async () => {
  const { master, meet, open } = stream();
  const turn = asked("a");
  await master().during(turn, async () => void open.set(turn.job, true));
  meet(3);
  const ends = await Promise.allSettled([1, 2, 3].map(() => master().end(turn.name, turn.job)));
  expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const end of ends)
    if (end.status === "rejected") expect(end.reason).toMatchObject({ code: "lease/gone" });
  expect(await master().held()).toEqual([]);
  const next = asked("b");
  await master().during(next, async () => void open.set(next.job, true));
  await expect(master().end(turn.name, turn.job)).rejects.toMatchObject({
    code: "lease/gone",
    message: expect.stringContaining(`by job ${next.job} on b`) as string,
  });
  expect(await master().held()).toMatchObject([{ node: "b" }]);
});

test("what a job holds that has ended is shown to nobody as held", async () => {
  const { master, open } = stream();
  const turn = asked("a");
  await master().during(turn, async () => void open.set(turn.job, true));
  expect(await master().holding(turn.name, turn.job)).toMatchObject({ node: "a" });
  open.set(turn.job, false);
  expect(await master().held()).toEqual([]);
  await expect(master().holding(turn.name, turn.job)).rejects.toMatchObject({ code: "lease/gone" });
});
