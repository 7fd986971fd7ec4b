/**
 * A walk over msgpack bytes before anything is made of them. The library's own
 * reader obeys extensions: shared references blow five hundred bytes up to
 * gigabytes of visits, records change what plain numbers mean, and dates, sets
 * and errors are no part of a message. Here none of them gets that far.
 */
import { BomaError } from "./errors.ts";
import { NESTING_DEPTH_MAX } from "./limits.ts";

const refuse = (why: string): never => {
  throw new BomaError("wire/frame", `the bytes are not plain msgpack: ${why}`);
};

/** What one value is: the bytes of its head, then either content bytes or values inside it. */
interface Item {
  readonly head: number;
  readonly content: number;
  readonly shape: "leaf" | "text" | "list" | "map";
  /** Values in a list; keys and values in a map. */
  readonly inside: number;
}

const leaf = (head: number, content = 0): Item => ({ head, content, shape: "leaf", inside: 0 });
const text = (head: number, content: number): Item => ({ head, content, shape: "text", inside: 0 });
const list = (head: number, inside: number): Item => ({ head, content: 0, shape: "list", inside });
const map = (head: number, pairs: number): Item => ({ head, content: 0, shape: "map", inside: pairs * 2 });

/** The bytes behind 0xca…0xd3: two floats, four unsigned and four signed integers. */
const NUMBER_BYTES = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8];

function readItem(view: DataView, at: number): Item {
  const token = view.getUint8(at);
  if (token < 0x80 || token >= 0xe0) return leaf(1);
  if (token < 0x90) return map(1, token & 0x0f);
  if (token < 0xa0) return list(1, token & 0x0f);
  if (token < 0xc0) return text(1, token & 0x1f);
  if (token >= 0xca && token <= 0xd3) return leaf(1 + NUMBER_BYTES[token - 0xca]!);
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return leaf(1);
    case 0xc4:
      return leaf(2, view.getUint8(at + 1));
    case 0xc5:
      return leaf(3, view.getUint16(at + 1));
    case 0xc6:
      return leaf(5, view.getUint32(at + 1));
    case 0xd4:
      // The one extension: type 0 says `undefined`, for which msgpack has no word.
      return view.getUint8(at + 1) === 0 ? leaf(3) : refuse("it holds an extension");
    case 0xd9:
      return text(2, view.getUint8(at + 1));
    case 0xda:
      return text(3, view.getUint16(at + 1));
    case 0xdb:
      return text(5, view.getUint32(at + 1));
    case 0xdc:
      return list(3, view.getUint16(at + 1));
    case 0xdd:
      return list(5, view.getUint32(at + 1));
    case 0xde:
      return map(3, view.getUint16(at + 1));
    case 0xdf:
      return map(5, view.getUint32(at + 1));
    default:
      return refuse(token === 0xc1 ? "it holds an unused code" : "it holds an extension");
  }
}

const FORBIDDEN_KEY = "__proto__";

/** Refuses all but one whole value of plain msgpack, in one pass, without recursion. */
export function assertPlainMsgpack(bytes: Uint8Array): void {
  try {
    walk(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (cause instanceof RangeError) refuse("it is cut short");
    throw cause;
  }
}

function walk(view: DataView): void {
  /** Open lists and maps, outermost first, and how many values each still waits for. */
  const open: { isMap: boolean; left: number }[] = [];
  let at = 0;
  do {
    const within = open.at(-1);
    const item = readItem(view, at);
    const end = at + item.head + item.content;
    if (end > view.byteLength) refuse("it is cut short");
    if (within?.isMap && within.left % 2 === 0) assertKey(view, item, at);
    if (within) within.left--;
    if (item.shape === "list" || item.shape === "map") {
      if (open.length === NESTING_DEPTH_MAX) refuse("it is nested too deeply");
      open.push({ isMap: item.shape === "map", left: item.inside });
    }
    at = end;
    while (open.length > 0 && open.at(-1)!.left === 0) open.pop();
  } while (open.length > 0);
  if (at !== view.byteLength) refuse("bytes follow the value");
}

function assertKey(view: DataView, item: Item, at: number): void {
  if (item.shape !== "text") refuse("a key is not text");
  if (item.content !== FORBIDDEN_KEY.length) return;
  const key = Buffer.from(view.buffer, view.byteOffset + at + item.head, item.content);
  if (key.toString("latin1") === FORBIDDEN_KEY) refuse("it holds a forbidden key");
}
