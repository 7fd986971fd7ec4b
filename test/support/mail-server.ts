/** The little of SMTP that a test needs, with answers that the test chooses: it keeps each mail as it came. */
import { type AddressInfo, createServer, type Socket } from "node:net";

export class MailServer implements AsyncDisposable {
  readonly mails: { readonly from: string; readonly to: string[]; readonly data: string }[] = [];
  /** Instead of the usual answer, by the first word of a command. */
  readonly answers: Record<string, string> = {};
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((socket) => this.#serve(socket));

  static async start(): Promise<MailServer> {
    const server = new MailServer();
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => undefined);
    const say = (line: string) => socket.write(`${line}\r\n`);
    let rest = "";
    let data: string | undefined;
    let from = "";
    let to: string[] = [];
    const hear = (line: string): void => {
      if (data !== undefined) {
        if (line !== ".") return void (data += `${line}\n`);
        this.mails.push({ from, to, data });
        data = undefined;
        return void say("250 taken");
      }
      const verb = line.split(/[ :]/)[0]!.toUpperCase();
      const [, address = ""] = /<([^>]*)>/.exec(line) ?? [];
      if (this.answers[verb] !== undefined) return void say(this.answers[verb]);
      if (verb === "MAIL") [from, to] = [address, []];
      if (verb === "RCPT") to = [...to, address];
      if (verb === "DATA") data = "";
      say(verb === "DATA" ? "354 go on" : verb === "QUIT" ? "221 bye" : "250 ok");
    };
    say("220 test");
    socket.on("data", (bytes) => {
      const lines = (rest + bytes.toString()).split("\r\n");
      rest = lines.pop()!;
      lines.forEach(hear);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
