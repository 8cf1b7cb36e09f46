import { describe } from "vitest";
import { testSameBytes, wholeMillis } from "./testing/typed-programs.js";

/** Handlers on ts-proto's objects with `stringEnums`: an enum's value is the name, and "UNRECOGNIZED" for a number without one. */
const handlers = `
import { Kind, kindFromJSON, kindToJSON, kindToNumber, Lines, Thing, Thing_Inner_Mode } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));
const LABEL: Record<Kind, string> = { [Kind.KIND_UNKNOWN]: 'u', [Kind.KIND_RED_ONE]: 'r', [Kind.KIND_BLUE]: 'b', [Kind.UNRECOGNIZED]: '?' };
const SOME: Partial<Record<Kind, number>> = { [Kind.KIND_BLUE]: 5 };
const BRIGHT: readonly Kind[] = [Kind.KIND_RED_ONE, Kind.KIND_BLUE];
const DARK = new Set([Kind.KIND_UNKNOWN]);

interface Row { readonly name: string; kind: Kind; other?: Kind }
const toRow = (thing: Thing): Row => ({ name: thing.itemName, kind: thing.itemKind, other: thing.optKind });

function labelOf(kind: Kind): string {
  switch (kind) {
    case Kind.KIND_BLUE:
      return 'blue';
    case Kind.KIND_RED_ONE:
      return 'red';
    case Kind.UNRECOGNIZED:
    default:
      return LABEL[kind] ?? 'other';
  }
}

function rankOf(kind: Kind): number {
  switch (kind) {
    case Kind.KIND_UNKNOWN:
      return 0;
    case Kind.KIND_RED_ONE:
      return 1;
    case Kind.KIND_BLUE:
      return 2;
    case Kind.UNRECOGNIZED:
      return 3;
  }
}

class Counter {
  private readonly counts = new Map<Kind, number>();
  private last: Kind = Kind.KIND_UNKNOWN;
  add(kind: Kind): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.last = kind;
  }
  lines(): string[] {
    return [...this.counts].map(([kind, count]) => kind + '=' + count).concat(this.last);
  }
}

const log = (text: string, ...rest: unknown[]): string => text + rest.map((one) => show(one)).join();

export function describeIt(req: Thing): Lines {
  const { itemKind, kindList, optKind } = req;
  const lines: string[] = [];
  lines.push(itemKind, \`\${itemKind} is \${req.optKind}\`, 'kind ' + req.itemKind, show(req.itemKind), show(optKind));
  lines.push(log('got', req.itemKind, { kind: req.itemKind, opt: req.optKind }, kindList), String(req.itemKind));
  lines.push(kindList.join(), show(kindList), show(kindList.map((one) => one.toLowerCase())), \`\${kindList}\`, show(kindList.length));
  lines.push(labelOf(itemKind), show(rankOf(req.itemKind)), LABEL[req.itemKind], show(SOME[req.itemKind]), ...kindList.map(labelOf));
  lines.push(show(BRIGHT.includes(itemKind)), show(DARK.has(req.itemKind)), show(kindList.includes(itemKind)), show(kindList.includes(Kind.KIND_BLUE)));
  lines.push(show(req.itemKind === Kind.KIND_BLUE), show(Kind.KIND_RED_ONE !== itemKind), show(req.itemKind === Kind.UNRECOGNIZED), show(req.itemKind !== req.optKind));
  lines.push(show(req.optKind === undefined), req.optKind ? 'there' : 'not there', show(!req.optKind), req.optKind?.toLowerCase() ?? 'none', req.optKind ?? 'none');
  if (req.optKind && req.itemKind) lines.push('both ' + req.optKind);
  if (!req.optKind || req.optKind !== itemKind) lines.push('other');
  const kind = req.optKind || Kind.KIND_BLUE;
  lines.push(labelOf(kind), kind, kind.charAt(5), show(kind.length), show((kind as string).split('_')));
  lines.push(req.itemName === itemKind ? 'same' : 'not', show(req.itemName === Kind.KIND_BLUE), show((itemKind as string) === req.itemName));
  lines.push(show(req.otherKind), req.otherKind ? 'kind' : 'no kind', req.otherKind !== undefined ? labelOf(req.otherKind) : '-');
  const row = toRow(req);
  row.kind = row.other ?? row.kind;
  lines.push(row.name, row.kind, labelOf(row.kind), log('row', row.kind, row.other));
  const counter = new Counter();
  for (const one of [...kindList, itemKind]) counter.add(one);
  for (const sub of req.subItems) counter.add(sub.itemKind);
  lines.push(...counter.lines());
  const rows = req.subItems.map(toRow).filter((one) => one.kind === itemKind || BRIGHT.includes(one.kind));
  lines.push(...rows.map((one) => one.kind), show(new Set(kindList).size), ...kindList);
  const byKind: { [kind: string]: number } = {};
  for (const one of req.subItems) byKind[one.itemKind] = (byKind[one.itemKind] ?? 0) + 1;
  lines.push(show(byKind), show([...req.subItems].sort((a, b) => (a.itemKind < b.itemKind ? -1 : a.itemKind > b.itemKind ? 1 : 0)).map((one) => one.uNum)));
  lines.push(show([...req.subItems].sort((a, b) => a.itemKind.localeCompare(b.itemKind)).map((one) => one.uNum)));
  lines.push(kindToJSON(itemKind), show(kindToNumber(itemKind)), kindFromJSON(req.itemName), kindFromJSON(req.uNum % 7), kindFromJSON('KIND_BLUE'));
  lines.push(req.innerOne?.mode === Thing_Inner_Mode.ON ? 'on' : show(req.innerOne?.mode), show(req.childItem?.itemKind), show(req.childItem?.kindList[0]));
  lines.push(show(Thing.toJSON(req)), \`\${req.childItem?.itemKind}\`, show(req.childItem?.itemKind.length));
  lines.push(Kind.KIND_BLUE, show(Kind.UNRECOGNIZED), \`\${Kind.KIND_RED_ONE}\`);
  return Lines.fromPartial({ linesOut: lines, lineCount: lines.length, goodOne: itemKind });
}

export function echoIt(req: Thing): Thing {
  const row = toRow(req);
  const reply: Thing = {
    ...Thing.create(),
    itemKind: row.kind,
    optKind: row.other,
    kindList: [...req.kindList.filter((one) => one !== Kind.KIND_RED_ONE), req.itemKind, Kind.KIND_BLUE],
    subItems: req.subItems.map((one) => Thing.create({ itemKind: one.optKind ?? Kind.KIND_RED_ONE, itemName: one.itemKind, otherKind: one.otherKind })),
    childItem: req.childItem,
    innerOne: { mode: Thing_Inner_Mode.ON, x1: 2 },
  };
  return reply;
}

export async function transformIt(req: Thing): Promise<Thing> {
  const made = Thing.create({ itemKind: req.isOn ? Kind.KIND_BLUE : req.itemKind, itemName: req.itemKind, optText: req.optKind });
  made.optKind = kindFromJSON(req.itemName);
  if (made.itemKind === Kind.UNRECOGNIZED) made.kindList.push(Kind.UNRECOGNIZED);
  made.kindList.push(req.optKind || Kind.KIND_RED_ONE);
  if (req.otherKind) made.otherKind = req.otherKind;
  const next: Record<Kind, Kind> = {
    [Kind.KIND_UNKNOWN]: Kind.KIND_RED_ONE,
    [Kind.KIND_RED_ONE]: Kind.KIND_BLUE,
    [Kind.KIND_BLUE]: Kind.KIND_BLUE,
    [Kind.UNRECOGNIZED]: Kind.KIND_UNKNOWN,
  };
  made.itemKind = next[made.itemKind];
  return { ...made, tagList: made.kindList.map((one) => LABEL[one]) };
}

export function loopIt(req: Thing): Lines {
  const lines = Lines.create();
  const groups = new Map<Kind, Thing[]>();
  for (const one of req.subItems) {
    const group = groups.get(one.itemKind) ?? [];
    group.push(one);
    groups.set(one.itemKind, group);
  }
  for (const [kind, group] of groups) lines.linesOut.push(\`\${kind}: \${group.map((one) => one.optKind ?? '-').join()}\`);
  const worst = req.subItems.reduce<Kind>((found, one) => (rankOf(one.itemKind) > rankOf(found) ? one.itemKind : found), Kind.KIND_UNKNOWN);
  lines.linesOut.push(worst, ...req.subItems.flatMap((one) => (one.itemKind === worst ? [one.itemKind] : one.kindList)));
  const kinds: Kind[] = [];
  for (const { optKind = Kind.KIND_BLUE } of req.subItems) kinds.push(optKind);
  lines.linesOut.push(kinds.join('+'), show(kinds.some((one) => one === req.itemKind)));
  lines.goodOne = req.itemKind;
  return lines;
}
`;

/** Oneofs that are unions, messages that are shown as a whole, and tables without the name for all that is not known. */
const unions = `
import { Kind, Lines, Thing, Thing_Inner_Mode } from './old/same';

const NAMES: Record<Exclude<Kind, Kind.UNRECOGNIZED>, string> = { KIND_UNKNOWN: 'u', KIND_RED_ONE: 'r', KIND_BLUE: 'b' };
const isNamed = (kind: Kind): kind is Exclude<Kind, Kind.UNRECOGNIZED> => kind !== Kind.UNRECOGNIZED;

function labelOf(kind: Kind): string {
  switch (kind) {
    case Kind.KIND_BLUE:
      return 'blue';
    case Kind.KIND_RED_ONE:
    case Kind.KIND_UNKNOWN:
      return NAMES[kind];
    case Kind.UNRECOGNIZED:
      return 'other';
    default: {
      const never: never = kind;
      throw new Error('impossible ' + never);
    }
  }
}

export function describeIt(req: Thing): Lines {
  const lines: string[] = [JSON.stringify(req), JSON.stringify({ all: req.subItems, inner: req.innerOne }), JSON.stringify(Thing.toJSON(req))];
  if (req.otherPick?.$case === 'otherKind') lines.push(req.otherPick.otherKind, labelOf(req.otherPick.otherKind), \`is \${req.otherPick.otherKind}\`);
  if (req.otherPick?.$case === 'otherKind' && req.otherPick.otherKind === Kind.UNRECOGNIZED) lines.push('not known');
  if (isNamed(req.itemKind)) lines.push(NAMES[req.itemKind], labelOf(req.itemKind));
  lines.push(JSON.stringify(req.subItems.map((one) => ({ id: one.itemName, kind: one.itemKind, mode: one.innerOne?.mode }))));
  return Lines.fromPartial({ linesOut: lines });
}

export function loopIt(req: Thing): Lines {
  const modes = new Set<Thing_Inner_Mode>();
  for (const one of req.subItems) if (one.innerOne) modes.add(one.innerOne.mode);
  const label = req.optKind ?? 'none';
  const lines: string[] = [...modes, String(modes.size), label, label === Kind.KIND_BLUE ? 'blue' : label.toLowerCase()];
  let last: Kind | undefined;
  for (const kind of req.kindList) {
    if (!last || kind !== last) lines.push(\`\${last} > \${kind}\`);
    last = kind;
  }
  return Lines.fromPartial({ linesOut: lines, result: { $case: 'goodOne', goodOne: last ?? Kind.KIND_UNKNOWN } });
}
`;

/** What is sent on of a number that the .proto does not know: it was -1. */
function knownNumbers(reply: unknown): unknown {
  return JSON.parse(JSON.stringify(reply), (key, value) => {
    const isEnum = /kind(List)?$/i.test(key) || key === "mode" || /^\d+$/.test(key);
    return isEnum && typeof value === "number" ? -1 : value;
  });
}

describe.each([[["stringEnums=true"]], [["stringEnums=true", "removeEnumPrefix=true"]]])(
  "ts-proto with %s",
  (options) => {
    const code = options.length > 1 ? handlers.replaceAll(/\bKind\.KIND_/g, "Kind.") : handlers;
    testSameBytes({ generator: "ts-proto", options, definition: "SameService", module: "./old/same" }, code, () => ({
      bits: 53n,
      given: wholeMillis,
      seen: knownNumbers,
    }));
  },
);

describe("ts-proto with stringEnums and unions", () => {
  const options = ["stringEnums=true", "oneof=unions", "forceLong=string"];
  testSameBytes({ generator: "ts-proto", options, definition: "SameService", module: "./old/same" }, unions, () => ({
    given: wholeMillis,
  }));
});
