/** A job of a shell that stands still until its test lets it go: it reads a pipe, so that nobody has to look again and again. */
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";

export class Gate {
  /** For the shell, where it is to stand still. */
  readonly wait: string;
  readonly #path: string;

  constructor(path: string) {
    execFileSync("mkfifo", [path]);
    this.#path = path;
    this.wait = `read _ < ${path}`;
  }

  /** Resolves when the shell has gone on. */
  open(): Promise<void> {
    return writeFile(this.#path, "\n");
  }
}
