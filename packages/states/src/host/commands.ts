/** Programs. Arguments are lists; a shell is only where one is asked for. */

export interface Command {
  /** The program and its arguments; with `shell`, one line for /bin/sh. */
  readonly argv: readonly string[];
  readonly shell?: boolean | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly user?: string | undefined;
  readonly stdin?: string | undefined;
  /** Ends the program and everything that it started after this time. */
  readonly timeoutMs?: number | undefined;
  /** Its lines are not streamed to whoever follows the run. */
  readonly quiet?: boolean | undefined;
  /** How much of what it prints is kept, where a list is longer than a result may be. */
  readonly keepBytes?: number | undefined;
}

export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

export interface Exit {
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Output was longer than a result may be, and its middle was left out. */
  readonly cut: boolean;
}

export interface ReadCommands {
  /**
   * Runs a program that only looks: `systemctl show`, `dpkg-query`. With LC_ALL=C, standard input closed, its lines
   * not streamed. A program that is not there ends with exit code 127. The author answers for it that nothing changes.
   */
  read(command: Command): Promise<Exit>;
  /** The whole path of a program, if it is there. */
  find(program: string): Promise<string | undefined>;
}

export interface Commands extends ReadCommands {
  /** Runs a program in a process group of its own, which ends with the call, whatever way that ends. */
  run(command: Command): Promise<Exit>;
  /** The same, and throws `state/command-failed` with the last lines of what it said unless it exits with 0. */
  must(command: Command): Promise<Exit>;
}
