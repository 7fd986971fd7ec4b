import { z } from "zod";

import { auditLines } from "../../audit/audit-lines.ts";
import { headLines } from "../../audit/head-book.ts";
import { hashOf } from "../../audit/record.ts";
import { headsFile } from "../../audit/segments.ts";
import { defineVerb } from "../verb.ts";

/** What one answer carries at most; whoever wants more asks from where it ended. */
const LINES_MAX = 2_000;
const BYTES_MAX = 8 * 1024 * 1024;
const WAIT_MS_MAX = 20_000;

/** Records as they are, from a number on. A reader that is away loses nothing: it asks from where it stands. */
export const auditNext = defineVerb({
  verb: "audit.next",
  right: "audit",
  args: z.strictObject({
    after: z.int().nonnegative(),
    since: z.number().optional(),
    waitMs: z.int().min(0).max(WAIT_MS_MAX),
  }),
  async *answer({ after, since, waitMs }, { control, signal }) {
    const { audit } = control;
    // The answer comes at once, also where what it carries does not.
    yield { begin: true };
    if (waitMs > 0 && audit.status.last <= after) await moreOf(audit, { after, waitMs, signal });
    const { last } = audit.status;
    let [lines, bytes] = [0, 0];
    for await (const { text, entry } of auditLines(audit.dir, { after, since })) {
      if (entry.n > last || lines >= LINES_MAX || bytes >= BYTES_MAX) return;
      lines += 1;
      bytes += text.length;
      yield { line: text.toString("utf8") };
    }
  },
});

function moreOf(
  audit: { readonly status: { readonly last: number }; listen(listener: () => void): () => void },
  { after, waitMs, signal }: { after: number; waitMs: number; signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, waitMs);
    const stop = audit.listen(() => audit.status.last > after && end());
    signal.addEventListener("abort", end, { once: true });
    if (audit.status.last > after) end();
  });
}

/** The chains of other masters that the stream has something of. */
export const auditOthers = defineVerb({
  verb: "audit.others",
  right: "audit",
  args: z.strictObject({}),
  answer: async (_, { control }) => control.auditCopier.otherChains(),
});

/** What another master recorded, as far as it was copied: from the message behind this one on. */
export const auditOther = defineVerb({
  verb: "audit.other",
  right: "audit",
  args: z.strictObject({
    chain: z.string().regex(/^[\w-]{1,64}$/),
    behind: z.int().nonnegative(),
    since: z.number().optional(),
  }),
  async *answer({ chain, behind, since }, { control }) {
    yield { begin: true };
    // A stream is read from a place or from a time on, and the place is the later one.
    const from = behind > 0 || since === undefined ? { sequence: behind + 1 } : { since: new Date(since) };
    let [lines, last] = [0, behind];
    for await (const copy of control.auditCopier.copies({ chain, ...from })) {
      if (copy.sequence !== last && lines >= LINES_MAX) return;
      last = copy.sequence;
      if ("fault" in copy) continue;
      lines += 1;
      yield { behind: copy.sequence, line: Buffer.from(copy.line).toString("utf8") };
    }
  },
});

/** What the copy in the stream says: number and hash of each record, or what is wrong with a message of it. */
export const auditCopies = defineVerb({
  verb: "audit.copies",
  right: "audit",
  args: z.strictObject({}),
  async *answer(_, { control }) {
    yield { begin: true };
    const { chain } = control.audit.status;
    for await (const copy of control.auditCopier.copies())
      if ("fault" in copy) yield copy;
      else if (copy.chain === chain) yield { n: copy.n, hash: hashOf(copy.line) };
  },
});

/** The signed heads: of the master's own file, or of the witness stream. */
export const auditHeads = defineVerb({
  verb: "audit.heads",
  right: "audit",
  args: z.strictObject({ of: z.enum(["disk", "witness"]) }),
  async *answer({ of }, { control }) {
    yield { begin: true };
    const lines = of === "disk" ? await headLines(headsFile(control.audit.dir)) : control.auditCopier.heads();
    for await (const line of lines) yield { line };
  },
});

export const auditStatus = defineVerb({
  verb: "audit.status",
  right: "audit",
  args: z.strictObject({}),
  answer: async (_, { control }) => ({
    ...control.audit.status,
    root: Buffer.from(control.keyring().root).toString("base64"),
    copy: control.auditCopier.status,
  }),
});
