/** A line that nobody else is to see: asked for on the terminal without an echo, or the first of standard input. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

export async function readHidden(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) stderr.write(prompt);
  // What is typed goes nowhere; with a terminal readline itself switches its echo off.
  const nowhere = new Writable({ write: (_part, _encoding, done) => done() });
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY, historySize: 0 });
  try {
    const { value } = (await lines[Symbol.asyncIterator]().next()) as { value?: string };
    return (value ?? "").trim();
  } finally {
    lines.close();
    if (stdin.isTTY) stderr.write("\n");
  }
}
