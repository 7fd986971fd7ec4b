import { Refusal } from "../finding.ts";
import { asFlag, flag, harmless, type Made, only, type Row, type Use } from "./row.ts";

function running(made: Made, use: Use): Made {
  if ("enable" in made.params) return made;
  use.differs(
    "Salt leaves alone whether it starts with the machine; boma decides it",
    "`enable: true` was written: say `false` where it is not to start.",
  );
  return { ...made, params: { enable: true, ...made.params } };
}

function stopped(made: Made, use: Use): Made {
  use.differs(
    "boma also stops the sockets, timers and paths that would start it again",
    "Nothing, if it is to stay down.",
  );
  return "disable" in made.params ? made : { ...made, params: { disable: false, ...made.params } };
}

export const service: Readonly<Record<string, Row>> = {
  "service.running": {
    to: "service.running",
    params: {
      enable: asFlag("enable"),
      reload: asFlag("reload"),
      unmask: asFlag("unmask"),
      sig: harmless,
      no_block: only(false, "`no_block`: boma always waits until it is up"),
      full_restart: only(false, "`full_restart` has no counterpart"),
      unmask_runtime: only(false, "`unmask_runtime` has no counterpart"),
      init_delay: (_, use) => {
        use.differs(
          "`init_delay` is left out: boma waits until it has been up for 3 s",
          "`stableFor` says how long.",
        );
        return {};
      },
    },
    finish: running,
    watch: "refresh",
  },
  "service.dead": {
    to: "service.stopped",
    params: {
      enable: (arg) => {
        const enable = flag(arg, "enable");
        if (enable === false) return { disable: true };
        throw new Refusal(
          "it is down now and starts with the machine",
          "boma has no state for that.",
          arg.at,
        );
      },
      sig: harmless,
    },
    finish: stopped,
  },
  "service.masked": {
    to: "service.masked",
    params: { runtime: only(false, "`runtime`: a mask until the next boot has no counterpart") },
    always: { stop: false },
  },
};
