/**
 * Records as people read them: a request and how it ended are one line, a job is
 * a line with its nodes below it, and what only holds the chain together is left
 * out. `audit show --raw` has every record as it is.
 */
import { style } from "../print/output.ts";
import { entryWords, short, word } from "./entry-text.ts";
import type { AuditEntry } from "./record.ts";

/** Nodes named in one line of results. */
const NODES_SHOWN = 8;
const HIDDEN: ReadonlySet<string> = new Set(["segment", "sent", "finished"]);

export class Story {
  /** Requests whose end is still to come, by their place. */
  readonly #asked = new Map<string, AuditEntry>();
  #results: AuditEntry[] = [];

  /** The lines that a further record brings to an end. */
  take(entry: AuditEntry): string[] {
    if (entry.kind === "result") return this.#result(entry);
    return [...this.#flush(), ...this.#line(entry)];
  }

  /** What was held back, once there is nothing more. */
  end(): string[] {
    const unended = [...this.#asked.values()].map((entry) =>
      requestLine(entry, style("yellow", "no end on record")),
    );
    this.#asked.clear();
    return [...this.#flush(), ...unended];
  }

  #line(entry: AuditEntry): string[] {
    const { n, kind } = entry;
    if (HIDDEN.has(kind)) return [];
    if (kind === "request") {
      this.#asked.set(placeOf(entry, n), entry);
      return [];
    }
    if (kind === "ended") return this.#ended(entry);
    if (kind === "denied") {
      this.#asked.delete(placeOf(entry, entry["request"]));
      return [requestLine(entry, `${style("red", "denied")} ${short(entry["reason"])}`)];
    }
    return [`${when(entry)} ${entryWords(entry)}`];
  }

  /** Of a request that became a job, the job's own line tells. */
  #ended(entry: AuditEntry): string[] {
    const { request, job, error } = entry;
    const place = placeOf(entry, request);
    const asked = this.#asked.get(place);
    if (!asked) return [];
    this.#asked.delete(place);
    if (error !== undefined) return [requestLine(asked, style("red", word(error)))];
    return job === undefined ? [requestLine(asked, style("green", "ok"))] : [];
  }

  #result(entry: AuditEntry): string[] {
    const [first] = this.#results;
    const isAlike =
      first !== undefined && first["job"] === entry["job"] && first["status"] === entry["status"];
    const lines = isAlike ? [] : this.#flush();
    this.#results.push(entry);
    return lines;
  }

  #flush(): string[] {
    const results = this.#results;
    this.#results = [];
    const [first] = results;
    if (!first) return [];
    const more = results.length > NODES_SHOWN ? ` and ${results.length - NODES_SHOWN} more` : "";
    const nodes = results.slice(0, NODES_SHOWN).map(({ id }) => word(id));
    const failed = first["error"] === undefined ? "" : ` ${style("red", word(first["error"]))}`;
    const byMaster = first["by"] === undefined ? "" : " (said by the master)";
    return [
      `${when(first)}   ${style("dim", word(first["job"]))} ${style("cyan", word(first["status"]))} ${nodes.join(" ")}${more}${failed}${byMaster}`,
    ];
  }
}

/** Each master numbers its own chain. */
const placeOf = ({ chain }: AuditEntry, n: unknown): string => `${word(chain ?? "")} ${word(n)}`;

const when = ({ n, at }: AuditEntry): string =>
  style("dim", `${String(n).padStart(6)}  ${word(at).replace("T", " ").replace("Z", "")} `);

function requestLine(entry: AuditEntry, end: string): string {
  const { operator, verb, args, from } = entry;
  const said = args === undefined || JSON.stringify(args) === "{}" ? "" : ` ${style("dim", short(args))}`;
  const where = from === undefined ? "" : style("dim", ` from ${word(from)}`);
  return `${when(entry)} ${style("bold", word(operator))} ${word(verb)}${said} ${end}${where}`;
}
