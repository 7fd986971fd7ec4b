/** What can go wrong with targets, functions, jobs, nodes, the bus and the master. */
import { ExitCode, failed, incomplete, type Row, unreachable, usage } from "./error-row.ts";

export const commonCodes = {
  "usage/argument": usage(
    "An argument or option cannot be used as it stands.",
    "See `--help` of the command.",
  ),
  "usage/file": usage(
    "A file that was named cannot be read or does not hold what it should.",
    "Check the path and the content.",
  ),
  "target/syntax": usage("The target expression cannot be read.", "See docs/guide/targeting.md."),
  "target/no-match": {
    means: "No node matches the target.",
    hint: "`boma-master nodes` lists what there is; `--allow-empty` accepts an empty match.",
    exit: ExitCode.noMatch,
  },
  "function/unknown": usage("No function has this name.", "`boma-master doc` lists the functions."),
  "function/arguments": usage(
    "The arguments do not fit the function's schema.",
    "`boma-master doc NAME` shows what it takes.",
  ),
  "function/no-test": usage(
    "The function changes things and cannot say what it would change, so --test must not run it.",
    "Run it without --test, or ask with a function that reads.",
  ),
  "function/failed": failed("The function ran on the node and failed.", "The message is the node's own."),
  "job/unknown": usage("No job has this id.", "`boma-master jobs list` shows the stored ones."),
  "job/taken": usage(
    "A job of this id is there, and it is another one.",
    "Ask without naming the job; it is given an id then.",
  ),
  "job/too-large": usage(
    "A job or its arguments exceed what one message may carry.",
    "Send less, or name a file the node can fetch.",
  ),
  "job/mailbox-full": failed(
    "A node has too many unfinished jobs.",
    "Cancel old ones: `boma-master jobs list`, `jobs cancel ID`.",
  ),
  "job/agent-restarted": failed(
    "The agent stopped while the job ran, and came back without a result.",
    "Look at the node before running it again: it may have done part of its work.",
  ),
  "job/timeout": {
    means: "The job exceeded its time on the node and was stopped.",
    hint: "Give it more with `--timeout`.",
    exit: ExitCode.incomplete,
  },
  "job/refused": failed("The node refused the job.", "The message says which rule refused it."),
  "maintenance/window": failed(
    "No maintenance window of the node is open.",
    "Wait for it, or say why it cannot wait: `boma-master maintain TARGET --now --reason TEXT`.",
  ),
  "maintenance/unsafe": failed(
    "What the node is part of could not do without it now.",
    "The message is what its cluster says; look at that first.",
  ),
  "lead/lost": {
    means: "Another master leads now, and this one ends.",
    hint: "Start it again, and it stands by; its unit does so by itself.",
    exit: ExitCode.failed,
  },
  "lease/held": failed(
    "Another node of the same failure domain has its turn.",
    "The message names the job: `boma-master jobs attach JOB` follows it.",
  ),
  "lease/alive": failed(
    "The node that holds a lease is connected, and may be restarting.",
    "Follow its job: `boma-master jobs attach JOB`. `--force` ends the lease all the same.",
  ),
  "lease/gone": failed(
    "A lease is not held any more, or not by the job that was named.",
    "Look again: `boma-master leases list`.",
  ),
  "lease/ended": {
    means: "The lease of a job was ended, and its node is not waited for any more.",
    hint: "Look at the node: what it was at may be done, or half done.",
    exit: ExitCode.incomplete,
  },
  "lease/one-node": usage(
    "What is done to one node of a failure domain at a time was asked of several, or of one that is to be waited for.",
    "Name one node; `boma-master maintain TARGET` goes through several, one after the other.",
  ),
  "permit/refused": failed(
    "A token for something destructive does not hold: altered, expired, spent, or meant for another node, action or device.",
    "Ask for a new one: `boma-master allow NODE disk.wipe DEVICE --reason TEXT`.",
  ),
  "permit/evidence": failed(
    "A device is not as it was when the token was made, or must not be destroyed whatever a token says.",
    "Look at it again: `boma-master run NODE disk.evidence DEVICE`.",
  ),
  "reactor/unknown": usage("No reactor has this name.", "`boma-master reactor list` lists them."),
  "reactor/failed": failed(
    "A reactor could not deal with an event.",
    "`boma-master events 'reactor.*'` says at which; try it with `boma-master reactor test FILE --event N`.",
  ),
  "reactor/loop": failed(
    "A reactor acted on something that it had caused itself, so it was stopped.",
    "Change it so that it leaves its own doing alone, then `boma-master reactor resume NAME`.",
  ),
  "reactor/limit": failed(
    "A reactor asked for more at one event than it may, or told more than an event holds.",
    "One job may address many nodes: name them by a target.",
  ),
  "node/unknown": usage("No node has this id.", "`boma-master nodes` lists the ids."),
  "node/offline": incomplete(
    "The node is not connected, and the job does not wait for it.",
    "`--expire 1h` lets a job wait for it.",
  ),
  "node/not-answering": incomplete(
    "The node is connected, but does not answer.",
    "Its agent hangs, or the machine is overloaded: look at it there.",
  ),
  "node/lost": incomplete(
    "The node lost its connection while the job ran, and did not come back in time.",
    "Look at the machine; should it return, an event `job.late` tells what became of the job.",
  ),
  "node/barred": failed(
    "The node gets no work, because two live sessions have its identity.",
    "End the copy, or revoke the node and enrol it anew.",
  ),
  "job/expired": incomplete(
    "The node did not connect before the job expired.",
    "Run it again when the node is back, or give it longer with `--expire`.",
  ),
  "job/stopped": failed(
    "The job was not begun on this node, because more nodes failed than --max-fail allows.",
    "Look at the nodes that failed first.",
  ),
  "node/id": usage("A node id has a form that is not allowed.", "Ids match [a-z0-9][a-z0-9._-]{0,62}."),
  "enrol/unknown": usage(
    "Nobody with this id or fingerprint asks to join.",
    "`boma-master enroll list` shows who does.",
  ),
  "enrol/fingerprint": usage(
    "The fingerprint is not the one of the machine that asks.",
    "Compare with what the machine shows on its console.",
  ),
  "token/invalid": failed(
    "The boot token is unknown, spent, expired or meant for another machine.",
    "Make a new one: `boma-master token create`.",
  ),
  "token/form": usage(
    "The text is not a boma token.",
    "Copy it whole, as `boma-master token create` printed it.",
  ),
  "wire/size": failed("A message is larger than its kind may be.", "This is a fault of the sender."),
  "wire/frame": failed(
    "Bytes on the bus are not a boma message.",
    "Something else publishes on boma's subjects.",
  ),
  "wire/version": failed(
    "The message speaks a protocol version that this side does not.",
    "Upgrade the older side.",
  ),
  "wire/kind": failed(
    "The message is of another kind than this subject carries.",
    "This is a fault of the sender.",
  ),
  "wire/sender": failed(
    "The sender's key is not one that may speak here.",
    "The node or master may have been revoked or rotated.",
  ),
  "wire/signature": failed("The signature does not fit the bytes.", "The message was altered or forged."),
  "wire/schema": failed(
    "The message does not fit the schema of its kind.",
    "The two sides may be of different releases.",
  ),
  "wire/recipient": failed("The message is meant for another recipient.", "It was misdelivered or copied."),
  "wire/sealed": failed(
    "What was sealed cannot be opened here.",
    "It was altered, or sealed to another: after a change of keys the job must be sent again.",
  ),
  "wire/chunks": failed(
    "What lies in parts on the bus is not what the order names.",
    "It was altered there, or written by another release: run the job again.",
  ),
  "wire/chunks-missing": failed(
    "What an order names is not on the bus.",
    "It aged away, or was taken back with the node: run the job again, and it is written anew.",
  ),
  "wire/expired": failed("The message is too old, or from the future.", "Check the clocks."),
  "wire/too-often": failed(
    "A sender asks more often than the master looks at what it asks.",
    "Look at the machine: an agent asks a few times after each connect.",
  ),
  "wire/replay": failed("The message was seen before.", "It was repeated by the network or by an attacker."),
  "trust/manifest": failed(
    "The master's trust manifest is not signed by the pinned root, or is older than the one known.",
    "Check that the agent's root pin belongs to this master.",
  ),
  "operator/denied": failed(
    "The operator's role does not allow this.",
    "`boma-master operator list` shows the roles.",
  ),
  "operator/unknown": failed(
    "The master does not know this operator key.",
    "Add it: `boma-master operator add NAME`.",
  ),
  "notify/unknown": usage(
    "There is no such notifier or notification.",
    "`boma-master notify list` and `boma-master notify dead` show them.",
  ),
  "notify/undelivered": failed(
    "A notification did not reach its receiver.",
    "The message says what the receiver did; `boma-master notify test NAME` tries again.",
  ),
  "operator/missing": usage(
    "There is no operator credential to act with.",
    "Run `boma-master init`, or name a file with --operator.",
  ),
  "events/position": usage(
    "The place to go on from is not in the stream of events: it ends before that, so it is another one than it was.",
    "Say with --since where to begin; `boma-master events forget NAME` lets a durable name begin anew.",
  ),
  "events/durable": usage(
    "The name of a durable reader is another operator's, or there are too many.",
    "Choose another one; `boma-master events durables` lists them.",
  ),
  "events/taken-over": failed(
    "Another process reads under this durable name now, so this one ended.",
    "One name is one reader: give the other one a name of its own.",
  ),
  "home/missing": usage("This home has no trust root yet.", "Run `boma-master init` first."),
  "home/exists": usage(
    "This home already has a trust root.",
    "Use it as it is, or name another with --home.",
  ),
  "home/locked": failed(
    "Another process uses this home.",
    "Stop it first: two on one store would lose data.",
  ),
  "bus/missing": unreachable(
    "No nats-server program can be found or installed.",
    "Install it: `apt-get install nats-server`, or name one with BOMA_NATS_SERVER.",
  ),
  "bus/start": unreachable(
    "The nats-server did not start.",
    "The message holds its own words; check the port and the disk.",
  ),
  "bus/unreachable": unreachable(
    "The bus cannot be reached.",
    "Is `boma-master serve` running? Is the URL right?",
  ),
  "bus/full": unreachable(
    "A stream of the bus is full, or the disk that it lies on: nothing was written, and nothing is acknowledged.",
    "`boma-master doctor` says which; make room, and it goes on by itself.",
  ),
  "bus/moved": usage(
    "The streams of this master lie on another server than the one that it was to use.",
    "The message says where they are; docs/guide/external-nats.md shows how they are moved.",
  ),
  "bus/refused": unreachable(
    "The bus refused the credential.",
    "It may have been revoked, or belong to another trust root.",
  ),
  "master/unreachable": unreachable(
    "The bus answers, but no master does.",
    "Is `boma-master serve` running?",
  ),
  "master/request": usage(
    "The master cannot use the request as it stands.",
    "The message names what is wrong.",
  ),
  "journal/corrupt": failed(
    "The agent's journal is damaged in the middle.",
    "The agent does nothing until an operator moves it aside; see docs/guide/agent.md.",
  ),
  "confined/refused": failed(
    "A confined agent (--root) refuses what it cannot confine.",
    "Run the agent without --root on a machine that may change.",
  ),
  "store/foreign": failed(
    "A record in the store does not open with this master's store key: it was altered, or belongs to another master.",
    "Restore the store or the keys that belong together.",
  ),
  "audit/unwritable": failed(
    "The master cannot write its audit, and does nothing that it could not account for.",
    "Make room on its disk: it goes on by itself. `boma-master audit status` says what is wrong.",
  ),
  "audit/broken": failed(
    "The audit is not what was written: something was changed, removed, put in or cut off.",
    "Keep the files as they are, and compare with a witness and the copy in the stream; see docs/guide/audit.md.",
  ),
  "audit/export": failed(
    "The audit could not be sent to where it should go.",
    "What was not taken is sent again from where it stopped.",
  ),
  internal: failed("Something broke that should not have.", "Please report it with the message."),
} as const satisfies Record<string, Row>;
