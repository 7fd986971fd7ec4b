/**
 * Knocking at the master's door. The machine makes its own user of the ENROL
 * account with the baked seed, bound to its own nkey, and asks until it is let
 * in. An answer counts when the pinned root vouches for its signer and it
 * repeats the nonce of the question.
 */
import {
  answerNonce,
  type BootToken,
  EnrolAnswer,
  type EnrolAnswerBody,
  EnrolAsk,
  ENROL_HOLD_MS,
  BomaError,
  type HardwareClaims,
  issueScopedUser,
  type JoinKit,
  newNonce,
  nkeyFromSeed,
  open,
  proveToken,
  sameBytes,
  seal,
  splitManifest,
  subjects,
  tokenKey,
} from "@boma/protocol";
import type { NatsConnection } from "nats";

import type { MasterTime } from "./clock.ts";
import { busOptions, dial } from "./connection.ts";
import { type NodeKeys, publicKeys } from "./identity.ts";
import type { Trust } from "./trust.ts";
import { backoff, jitter, pause } from "./wait.ts";

/** The rights come from the account's template and the seed is what protects it; a clock in 1970 must not end it. */
const ENROL_USER_MS = 100 * 365 * 24 * 3_600_000;
const ANSWER_MS = ENROL_HOLD_MS + 5_000;
/** An answer that takes longer than this waits for a person; one that comes sooner must not be asked for in a circle. */
const HELD_MS = 1_000;
const QUICK_PAUSE_MS = 2_000;
/** An operator may change her mind, but it does not help to ask often. */
const REFUSED_PAUSE_MS = 60_000;

export interface Knock {
  readonly keys: NodeKeys;
  readonly kit: JoinKit;
  readonly id: string;
  readonly agentVersion: string;
  /** Looked at for each question: at a first boot the network card may be found after the agent. */
  readonly claims: () => Promise<HardwareClaims>;
  readonly token?: BootToken | undefined;
}

export interface EnrolPorts {
  readonly trust: Trust;
  readonly time: MasterTime;
  readonly random: () => number;
  /** Told after every answer and every failure, for the console and the status file. */
  readonly onAnswer: (answer: EnrolNews) => void;
  readonly onFailure: (thrown: unknown, waitMs: number) => void;
  readonly refusedPauseMs?: number | undefined;
}

/** What there is to show of an answer. */
export type EnrolNews = Pick<EnrolAnswerBody, "status" | "reason">;

export type EnrolApproval = EnrolAnswerBody & { readonly id: string; readonly credential: string };

const isApproval = (answer: EnrolAnswerBody): answer is EnrolApproval =>
  answer.status === "approved" && answer.id !== undefined && answer.credential !== undefined;

/** Asks until the master says yes; `undefined` only when the signal ends it. */
export async function enrol(
  knock: Knock,
  ports: EnrolPorts,
  signal: AbortSignal,
): Promise<EnrolApproval | undefined> {
  const waits = backoff({ firstMs: 1000, lastMs: 60_000, random: ports.random });
  while (!signal.aborted) {
    try {
      const approval = await askUntilDecided(knock, ports, { signal, onAnswer: () => waits.reset() });
      if (approval) return approval;
    } catch (thrown) {
      const waitMs = waits.next();
      ports.onFailure(thrown, waitMs);
      await pause(waitMs, signal);
    }
  }
  return undefined;
}

/** Asks once. For keys that the master may know already, where waiting for an operator would be wrong. */
export async function askOnce(knock: Knock, ports: EnrolPorts): Promise<EnrolApproval | undefined> {
  const connection = await openDoor(knock);
  try {
    const answer = await ask(connection, knock, ports);
    return isApproval(answer) ? answer : undefined;
  } finally {
    await connection.close();
  }
}

async function askUntilDecided(
  knock: Knock,
  ports: EnrolPorts,
  { signal, onAnswer }: { signal: AbortSignal; onAnswer: () => void },
): Promise<EnrolApproval | undefined> {
  const connection = await openDoor(knock);
  // Ending the connection is what ends a question that the master holds.
  const close = (): void => void connection.close();
  signal.addEventListener("abort", close, { once: true });
  let isFirst = true;
  try {
    while (!signal.aborted) {
      const asked = ports.time.steady();
      const answer = await ask(connection, knock, { ...ports, onHeld: isFirst ? ports.onAnswer : undefined });
      onAnswer();
      ports.onAnswer(answer);
      if (isApproval(answer)) return answer;
      if (answer.status === "denied")
        await pause(jitter(ports.refusedPauseMs ?? REFUSED_PAUSE_MS, ports.random), signal);
      // The first answer tells where things stand and comes at once; the master holds the questions after it.
      else if (!isFirst && ports.time.steady() - asked < HELD_MS)
        await pause(jitter(QUICK_PAUSE_MS, ports.random), signal);
      isFirst = false;
    }
    return undefined;
  } catch (thrown) {
    if (signal.aborted) return undefined;
    throw thrown;
  } finally {
    signal.removeEventListener("abort", close);
    await connection.close();
  }
}

async function openDoor({ kit, keys }: Knock): Promise<NatsConnection> {
  const signer = nkeyFromSeed(kit.enrolSeed);
  const { publicKey } = keys.nkey;
  const user = { name: publicKey, publicKey };
  const jwt = await issueScopedUser(user, { publicKey: kit.enrolAccount, signer }, ENROL_USER_MS);
  try {
    return await dial({
      ...busOptions(kit, publicKey),
      name: "boma-agent enrolling",
      authenticator: answerNonce(keys.nkey, () => jwt),
      // This loop has waits of its own, and a fresh dial resolves the name anew.
      reconnect: false,
    });
  } catch (thrown) {
    if (!(thrown instanceof BomaError) || thrown.code !== "bus/refused") throw thrown;
    throw new BomaError("bus/refused", "the bus does not take the key by which this machine knocks", {
      cause: thrown,
      hint: "Its image or join file carries one that was retired, or of another fleet: start it with a new --join FILE.",
    });
  }
}

interface AskPorts extends Pick<EnrolPorts, "trust" | "time"> {
  /** Told when the master is there and waits for an operator, before it says so. */
  readonly onHeld?: ((news: EnrolNews) => void) | undefined;
}

async function ask(connection: NatsConnection, knock: Knock, ports: AskPorts): Promise<EnrolAnswerBody> {
  const { keys, kit, token } = knock;
  const nonce = newNonce();
  const own = publicKeys(keys);
  const body = {
    ...own,
    id: knock.id,
    agentVersion: knock.agentVersion,
    claims: await knock.claims(),
    ...(token && {
      token: { id: token.id, proof: proveToken(tokenKey(token.secret), { ...own, nonce, root: kit.root }) },
    }),
  };
  const asked = ports.time.steady();
  const now = ports.time.now();
  const frame = seal(EnrolAsk, body, { to: "master", key: keys.sign, nonce, now });
  // Whoever looks at the console should know at once.
  const held = setTimeout(() => ports.onHeld?.({ status: "pending" }), HELD_MS);
  const answer = await connection
    .request(subjects.enrol(own.nkey), frame, { timeout: ANSWER_MS })
    .finally(() => clearTimeout(held));
  const read = await readAnswer(answer.data, own.nkey, ports.trust);
  if (!sameBytes(read.nonce, nonce))
    throw new BomaError("wire/replay", "the master's answer belongs to another question");
  // A held answer tells the time of its end, not of its middle: half the hold would be a wrong guess.
  const wasHeld = ports.time.steady() - asked > HELD_MS;
  ports.time.learn(read.time, wasHeld ? ports.time.steady() : asked);
  return read;
}

async function readAnswer(data: Uint8Array, to: string, trust: Trust): Promise<EnrolAnswerBody> {
  const { manifest, frame } = splitManifest(data);
  await trust.accept(manifest);
  return open(EnrolAnswer, frame, { trusts: trust.trusts, to, now: null }).body;
}
