import { join } from "node:path";

import type { Command } from "@commander-js/extra-typings";

import { style } from "../print/output.ts";
import { collect, example, homeOption, jsonOption, perform } from "./shell.ts";

export const serve = (program: Command): unknown =>
  program
    .command("serve")
    .summary("run the master, and the bus with it")
    .description(
      "Runs the master in the foreground. Without --nats it starts, watches and stops a nats-server of its own.",
    )
    .option(
      "--listen <host:port>",
      "where the bus listens; beyond loopback it speaks TLS only",
      "127.0.0.1:4222",
    )
    .option(
      "--name <host>",
      "a name or address under which nodes reach the bus (may be repeated)",
      collect,
      [],
    )
    .option("--nats <url>", "use this server or cluster; see `init --print-nats-config`")
    .option("--site <dir>", "the site (default: <home>/site)")
    .addOption(homeOption())
    .addOption(jsonOption())
    .addHelpText("after", example("boma-master serve --listen 0.0.0.0:4222 --name boma.example.org"))
    .action((options) =>
      perform(options, async (output) => {
        const [{ homeAt }, { newLogger }, { serve: start }] = await Promise.all([
          import("../home.ts"),
          import("../log.ts"),
          import("../serve.ts"),
        ]);
        const log = newLogger();
        const home = homeAt(options.home);
        const { listen, nats, name: names } = options;
        const ended = Promise.withResolvers<void>();
        for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.resolve());
        const serving = await start({
          home,
          site: options.site ?? join(home.dir, "site"),
          listen,
          nats,
          names,
          log,
          onBusState: (state) => state.state !== "running" && log.warn(state, "the bus changed its state"),
        });
        output.document({ ok: true, ready: true, servers: serving.servers, pid: process.pid });
        output.line(`${style("green", "ready")}  bus ${serving.servers.join(" ")}`);
        output.line(style("dim", "next, in another terminal: boma-master token create --env dev"));
        await ended.promise;
        await serving.stop();
      }),
    );
