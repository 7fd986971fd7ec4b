import { asBomaError, ExitCode, parseDuration, parseTarget } from "@boma/protocol";
import type { Command } from "@commander-js/extra-typings";

import type { Client } from "../client/client.ts";
import type { DomainEnd, Rolling, TurnEnd } from "../maintenance/rolling.ts";
import type { Absent, Survey, Turn } from "../maintenance/survey.ts";
import type { Output } from "../print/output.ts";
import { asking, example, performAsking, usage } from "./shell.ts";

const LOOK_MS = 2_000;

export const maintain = (program: Command): unknown =>
  asking(program.command("maintain"))
    .summary("does the restarts that nodes owe, one node of a failure domain at a time")
    .description(
      "Asks the nodes which restarts wait for maintenance, and does them: one failure domain beside the other, in each of them one node after another, who leads last. A node that fails, or a gate that stays shut, stops its domain. The master lets one node of a domain have its turn, whoever asks.",
    )
    .argument("<target>", "which nodes")
    .option("--domain <domain>", "this failure domain only")
    .option("--now", "also where no window is open; wants --reason")
    .option("--reason <text>", "why it cannot wait; it stands in the audit")
    .option("--unsafe", "also where it is an outage: of the only server, of a Vault that people open")
    .option("--wait <time>", "how long a domain is waited for that could not do without a node", "2m")
    .option("--dry-run", "says what is owed, and does nothing")
    .addHelpText(
      "after",
      example(
        "boma-master maintain '*' --dry-run\nboma-master maintain 'role:infra' --domain consul/dc1\nboma-master maintain 'role:infra' --now --reason CVE-2026-1234",
      ),
    )
    .action((target, options) =>
      performAsking(options, async (client, output) => {
        parseTarget(target);
        const how = readHow(options);
        const [{ survey }, { owedTable }] = await Promise.all([
          import("../maintenance/survey.ts"),
          import("../maintenance/maintain-text.ts"),
        ]);
        const found = await survey(client, target, options.domain);
        const owing = [...found.nodes.values()].flat();
        output.line(owing.length === 0 ? "nothing waits for maintenance" : owedTable(found));
        for (const { id, why } of found.absent) output.note(`${id} does not say what it owes: ${why}`);
        if (options.dryRun || owing.length === 0) return shown(output, found);
        return goThrough(client, output, { found, how });
      }),
    );

interface How {
  readonly reason: string | undefined;
  readonly unsafe: boolean;
  readonly waitMs: number;
}

function readHow(options: {
  readonly now?: true | undefined;
  readonly reason?: string | undefined;
  readonly unsafe?: true | undefined;
  readonly wait: string;
}): How {
  const { now, reason, unsafe = false, wait } = options;
  if (now && reason === undefined)
    throw usage("--now wants a reason", "Say why it cannot wait: --reason TEXT. It stands in the audit.");
  if (!now && reason !== undefined) throw usage("--reason goes with --now");
  return { reason, unsafe, waitMs: parseDuration(wait) };
}

function shown(output: Output, { nodes, absent }: Survey): ExitCode {
  output.document({ ok: absent.length === 0, nodes: Object.fromEntries(nodes), absent });
  return absent.length > 0 ? ExitCode.incomplete : ExitCode.ok;
}

interface Going {
  readonly found: Survey;
  readonly how: How;
}

async function goThrough(client: Client, output: Output, { found, how }: Going): Promise<ExitCode> {
  const [{ domainsOf, turnOf }, { goThroughDomain, inOrder }, { domainText, turnText }] = await Promise.all([
    import("../maintenance/survey.ts"),
    import("../maintenance/rolling.ts"),
    import("../maintenance/maintain-text.ts"),
  ]);
  const began = performance.now();
  const ends = await Promise.all(
    domainsOf(found).map(async (domain) => {
      const nodes = inOrder([...found.nodes].flatMap(([id, owed]) => turnOf(id, domain, owed) ?? []));
      const told = (end: TurnEnd): void => output.line(turnText(domain, end));
      const end = await goThroughDomain(domain, nodes, rollingOf(client, domain, { how, told }));
      const text = domainText(end);
      if (text !== undefined) output.line(text);
      return end;
    }),
  );
  const ms = Math.round(performance.now() - began);
  const exit = exitOf(ends, found.absent);
  output.document({ ok: exit === ExitCode.ok, ms, domains: ends.map(documented), absent: found.absent });
  const restarted = ends.flatMap(({ turns }) => turns.filter(({ status }) => status === "changed")).length;
  output.line(
    `${restarted} of ${ends.reduce((sum, end) => sum + end.turns.length + end.left.length, 0)} restarts done in ${(ms / 1000).toFixed(1)} s`,
  );
  return exit;
}

function exitOf(ends: readonly DomainEnd[], absent: readonly Absent[]): ExitCode {
  if (ends.some(({ state }) => state === "stopped")) return ExitCode.failed;
  return absent.length > 0 || ends.some(({ state }) => state === "shut") ? ExitCode.incomplete : ExitCode.ok;
}

const documented = ({ turns, ...end }: DomainEnd): object => ({
  ...end,
  turns: turns.map(({ value, ...turn }) => ({ ...turn, return: value })),
});

interface Steps {
  readonly how: How;
  readonly told: (end: TurnEnd) => void;
}

function rollingOf(client: Client, domain: string, { how, told }: Steps): Rolling {
  return {
    now: how.reason !== undefined,
    unsafe: how.unsafe,
    told,
    async ask(nodes) {
      const { survey, turnOf } = await import("../maintenance/survey.ts");
      try {
        const { nodes: saying, absent } = await survey(client, `L@${nodes.join(",")}`, domain);
        return { turns: [...saying].flatMap(([id, owed]) => turnOf(id, domain, owed) ?? []), absent };
      } catch (thrown) {
        // The other domains are none of this one's business.
        const why = asBomaError(thrown).message;
        return { turns: [], absent: nodes.map((id) => ({ id, why })) };
      }
    },
    run: (turn) => turnTaken(client, turn, how),
    patience() {
      const endsAt = performance.now() + how.waitMs;
      return async () => {
        if (performance.now() >= endsAt) return false;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
        return true;
      };
    },
  };
}

async function turnTaken(client: Client, { node, domain, role }: Turn, how: How): Promise<TurnEnd> {
  const began = performance.now();
  const { reason, unsafe } = how;
  const args = { domain, ...(reason !== undefined && { reason }), ...(unsafe && { unsafe }) };
  const took = (): number => Math.round(performance.now() - began);
  try {
    const { runToEnd } = await import("../client/run-to-end.ts");
    const { job, nodes } = await runToEnd(client, { target: `L@${node}`, function: "maintenance.run", args });
    const { status = "unknown", return: value, error } = nodes.get(node) ?? {};
    return { node, role, status, job, value, error, ms: took() };
  } catch (thrown) {
    const { code, message } = asBomaError(thrown);
    return { node, role, status: "failed", error: { code, message }, ms: took() };
  }
}
