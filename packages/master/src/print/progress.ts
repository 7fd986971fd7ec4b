/** What is seen while a job runs: on a terminal a few lines that change, elsewhere a line for each thing that happens. */
import { escapeLine } from "@boma/protocol";

import type { JobItem } from "../jobs/watch.ts";
import { type Output, style } from "./output.ts";
import { paint } from "./run-text.ts";
import { counts, isOpen, type NodeResult, type RunView } from "./run-view.ts";

export interface Progress {
  show(item: JobItem): void;
  /** Beside what is drawn. */
  note(text: string): void;
  /** Takes away what was only for the moment. */
  done(): void;
}

export async function newProgress(output: Output, view: RunView): Promise<Progress> {
  if (output.live) return liveProgress(output, view);
  const show = output.mode === "ndjson" ? (item: JobItem) => output.item(item) : plainly(output);
  return { show, note: (text) => output.note(text), done: () => undefined };
}

const nodeLines = (id: string, lines: readonly { text: string; stream: string }[]): string[] =>
  lines.map(
    ({ text, stream }) =>
      `${style(stream === "stderr" ? "yellow" : "cyan", id)} ${style("dim", "│")} ${escapeLine(text)}`,
  );

const startText = ({ record }: Extract<JobItem, { type: "job" }>): string =>
  style(
    "dim",
    `job ${record.job}: ${record.function} on ${escapeLine(record.target)}, ${record.nodes} node${record.nodes === 1 ? "" : "s"}`,
  );

function happened(item: JobItem): string[] {
  if (item.type === "job") return [startText(item)];
  if (item.type === "lines") return nodeLines(item.id, item.lines);
  if (item.type !== "status") return [];
  if (item.lost && item.status !== "queued")
    return [`${item.id} ${paint("timeout", "lost its connection")}; waiting for it`];
  if (item.notAnswering)
    return [`${item.id} ${paint("timeout", "is connected, but does not answer")}; waiting for it`];
  if (item.status === "queued")
    return [`${item.id} ${paint("queued", "is not connected")}; the job waits in its mailbox`];
  return [];
}

const plainly = (output: Output) => (item: JobItem) => {
  for (const line of happened(item)) output.line(line);
  if (item.type === "ending")
    output.line(
      `${item.id} ${paint(item.status)}${item.ms === undefined ? "" : style("dim", ` ${Math.round(item.ms)} ms`)}`,
    );
};

const FRAME_MS = 80;
const FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏";

async function liveProgress(output: Output, view: RunView): Promise<Progress> {
  const { createLogUpdate } = await import("log-update");
  const screen = createLogUpdate(process.stdout);
  let frame = 0;
  const draw = () => screen(liveText(output, view, FRAMES[frame++ % FRAMES.length]!));
  const timer = setInterval(draw, FRAME_MS);
  const above = (print: () => void): void => {
    screen.clear();
    print();
    draw();
  };
  return {
    show(item) {
      const lines = happened(item);
      if (lines.length > 0) above(() => lines.forEach((line) => output.line(line)));
    },
    note: (text) => above(() => output.note(text)),
    done() {
      clearInterval(timer);
      screen.clear();
    },
  };
}

/** A line a node while they fit on the screen, else one bar. */
function liveText({ width, height }: Output, view: RunView, spinner: string): string {
  const open = [...view.nodes].filter(([, node]) => isOpen(node));
  const done = view.nodes.size - open.length;
  const line = `${style("cyan", spinner)} ${bar(done, view.nodes.size, Math.min(30, width - 40))} ${done}/${view.nodes.size}  ${[...counts(view)].map(([status, count]) => paint(status, `${count} ${status}`)).join("  ")}`;
  if (open.length === 0 || open.length > height - 6) return line;
  const longest = Math.max(...open.map(([id]) => id.length));
  return [
    ...open.map(
      ([id, { status, lost, notAnswering, step }]) =>
        `  ${id.padEnd(longest)}  ${paint(status, lost ? "lost" : notAnswering ? "not answering" : status)}${stepText(step, width - longest - 14)}`,
    ),
    line,
  ].join("\n");
}

function stepText(step: NodeResult["step"], width: number): string {
  if (!step) return "";
  const text = `${step.done}/${step.total}  ${escapeLine(step.id)}`;
  return `  ${style("dim", text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text)}`;
}

function bar(done: number, all: number, width: number): string {
  const filled = all === 0 ? 0 : Math.round((done / all) * width);
  return style("green", "━".repeat(filled)) + style("dim", "━".repeat(Math.max(0, width - filled)));
}
