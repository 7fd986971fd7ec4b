/** What stands beside an attack: somebody else's jobs, which must all end well, and what the master says of it. */
import { EventEmitter, once } from "node:events";
import { join } from "node:path";

import { nkeyFromSeed, issueScopedUser, newNkey, type JoinKit, type Nkey } from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { Fleet, ToldEvent } from "./fleet.ts";
import { asNode, asUser, type HeldIdentity, identityOf } from "./hostile.ts";
import { faults, type Kept, readKept } from "./kept.ts";
import { pause } from "./pause.ts";
import { askForJobs, atRest } from "./traffic.ts";

const SERVED_MS_MAX = 60_000;

/** Jobs, of each of which is heard when it comes. */
class Jobs extends Set<string> {
  readonly news = new EventEmitter();
  override add(job: string): this {
    super.add(job);
    this.news.emit("job");
    return this;
  }
}

/** Jobs on somebody who has nothing to do with it. */
export class Bystander {
  readonly jobs = new Jobs();
  readonly #fleet: Fleet;
  readonly #stop = new AbortController();
  readonly #asking: Promise<void>;

  constructor(fleet: Fleet, target: string) {
    this.#fleet = fleet;
    this.#asking = askForJobs(fleet, target, this.jobs, this.#stop.signal);
  }

  /** Resolves when so many further jobs were taken up: the master serves while the attack goes on. */
  async served(more = 10): Promise<void> {
    const wanted = this.jobs.size + more;
    const signal = AbortSignal.timeout(SERVED_MS_MAX);
    while (this.jobs.size < wanted)
      await once(this.jobs.news, "job", { signal }).catch((cause: unknown) => {
        const missing = wanted - this.jobs.size;
        throw new Error(`${missing} of ${more} jobs were not taken up in ${SERVED_MS_MAX} ms`, { cause });
      });
  }

  /** Asks for nothing more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#asking;
  }

  /** Ends, and gives what is wrong about any job or event: nothing where all was served. */
  async end(): Promise<string[]> {
    await this.stop();
    await atRest(this.#fleet);
    const kept = await readKept(this.#fleet.home, this.#fleet.servers[0]!);
    return [...faults(kept, this.jobs), ...this.#notOk(kept)];
  }

  #notOk({ endings }: Kept): string[] {
    return [...this.jobs].flatMap((job) =>
      [...(endings.get(job) ?? [])]
        .filter(([, status]) => status !== "ok")
        .map(([key, status]) => `${job} ended on ${key} as ${status}`),
    );
  }
}

/** A node whose agent has gone, and what its holder does with its credential. */
export interface Taken {
  readonly identity: HeldIdentity;
  readonly key: string;
  readonly line: NatsConnection;
}

export async function takeOver(fleet: Fleet, id: string): Promise<Taken> {
  const identity = identityOf(join(fleet.dir, id));
  await fleet.agents.get(id)!.stop();
  return { identity, key: identity.nkey.publicKey, line: await asNode(fleet, identity) };
}

/** Somebody who has the kit of an image, and nothing else. */
export async function stranger(fleet: Fleet, kit: JoinKit): Promise<{ nkey: Nkey; line: NatsConnection }> {
  const nkey = newNkey.user();
  const account = { publicKey: kit.enrolAccount, signer: nkeyFromSeed(kit.enrolSeed) };
  const jwt = await issueScopedUser({ name: "stranger", publicKey: nkey.publicKey }, account, 3_600_000);
  return { nkey, line: await asUser(fleet, nkey, jwt) };
}

export interface RefusedOf {
  /** Events about it, and the messages that they stand for. */
  readonly told: number;
  readonly counted: number;
  /** The least time between two of these events. */
  readonly gapMs: number;
}

/** What the master said of messages that it refused from this sender. */
export async function refusedOf(fleet: Fleet, key: string): Promise<RefusedOf> {
  const { value } = await fleet.json<ToldEvent[]>("events", "message.refused", "--since", "1h");
  const own = value.filter(({ node }) => node === key);
  const gaps = own.slice(1).map(({ at }, before) => at - own[before]!.at);
  return {
    told: own.length,
    counted: own.reduce((sum, { data }) => sum + 1 + Number(data["more"]), 0),
    gapMs: Math.min(...gaps, Number.POSITIVE_INFINITY),
  };
}

/** A share of the inbox that is full is a matter of time; anything else that the server says against a message is for good. */
const FULL = /maximum messages per subject/;

/** Puts each of them into the inbox, waiting where the node's share of it is full. Returns how many the server took. */
export async function putAll(
  line: NatsConnection,
  subject: string,
  frames: readonly Uint8Array[],
): Promise<number> {
  let taken = 0;
  const put = async (frame: Uint8Array): Promise<void> => {
    for (;;) {
      const answer = await line.request(subject, frame, { timeout: 20_000 });
      const { error } = answer.json<{ error?: { description: string } }>();
      if (!error) taken++;
      if (!error || !FULL.test(error.description)) return;
      await pause(20);
    }
  };
  for (const frame of frames) await put(frame);
  return taken;
}
