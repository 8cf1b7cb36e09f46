import { testSameBytes, wholeMillis } from "./testing/typed-programs.js";

/** The handler before, on ts-proto's objects, and the handler after answer the same bytes with the same bytes. */
const handlers = `
import { Kind, kindFromJSON, kindToJSON, Lines, Thing, Thing_Inner, Thing_Inner_Mode } from './old/same';

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

class Store {
  private readonly things = new Map<string, Thing>();
  latest?: Thing;
  keep(thing: Thing): Thing {
    this.things.set(thing.itemName, thing);
    this.latest = thing;
    return thing;
  }
  get all(): Thing[] {
    return [...this.things.values()];
  }
}

function nameOf(thing: Thing): string {
  return thing.childItem !== undefined ? thing.childItem.itemName : 'no child of ' + thing.itemName;
}

const LABEL: Record<Kind, string> = { [Kind.KIND_UNKNOWN]: 'u', [Kind.KIND_RED_ONE]: 'r', [Kind.KIND_BLUE]: 'b', [Kind.UNRECOGNIZED]: '?' };

function labelOf(kind: Kind): string {
  switch (kind) {
    case Kind.KIND_BLUE:
      return 'blue';
    case Kind.UNRECOGNIZED:
    default:
      return LABEL[kind] ?? 'other';
  }
}

interface Named { itemName: string; tagList: readonly string[]; childItem?: Named; note?: string }
const titleOf = ({ itemName, tagList, childItem, note }: Named): string => itemName + tagList.length + (childItem ? titleOf(childItem) : note ?? '-');
type Small = Pick<Thing, 'itemName' | 'uNum'>;
const textOf = (one: Small, key: keyof Small): string => \`\${one[key]}\`;

interface Page<T> { readonly items: readonly T[]; readonly total: number }
function pageOf<T>(all: readonly T[], size: number): Page<T> {
  return { items: all.slice(0, size), total: all.length };
}
function groupBy<T extends { itemName: string }, K extends string>(all: readonly T[], keyOf: (one: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const one of all) {
    const group = groups.get(keyOf(one));
    if (group) group.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}
class Cache<T extends { uNum: number }> {
  private readonly held = new Map<string, T>();
  put(key: string, one: T): T { this.held.set(key, one); return one; }
  sum(): number { return [...this.held.values()].reduce((sum, one) => sum + one.uNum, 0); }
}
async function again<T>(load: () => Promise<T>, times = 2): Promise<T> {
  for (let left = times; ; left--) {
    try { return await load(); } catch (error) { if (left === 0) throw error; }
  }
}

export function describeIt(req: Thing): Lines {
  const { itemName, bigCount: big, tagList } = req;
  const lines: string[] = [];
  lines.push(itemName, show(big), show(big === 0), show(big > 5), \`\${big}\`, \`\${req.uBig} \${req.someRatio} \${req.asText}\`);
  const total: number = req.bigCount + 1;
  lines.push(show(total), String(req.uBig));
  lines.push(nameOf(req), Buffer.from(req.rawData).toString('hex') + req.rawData.length);
  lines.push(show(req.optNum), show(req.optText), show(req.optKind), show(req.optNum === undefined));
  lines.push(req.optBig === undefined ? 'none' : show(req.optBig + 1));
  lines.push(show(req.pickText), show(req.pickNum !== undefined), req.pickItem ? req.pickItem.itemName : 'no item');
  if (req.otherBig !== undefined) lines.push(show(req.otherBig));
  if (req.otherRaw !== undefined) lines.push(Buffer.from(req.otherRaw).toString('base64'));
  lines.push(show(req.otherKind), show(req.otherFlag), show(!req.pickItem));
  lines.push(req.atTime ? req.atTime.toISOString() : 'never', show(req.atTime?.getTime()));
  lines.push(tagList.join(), show(req.kindList.length), show(req.bigList.map((one) => one)));
  for (const [key, value] of Object.entries(req.numMap)) lines.push(\`\${key}=\${value}\`);
  for (const key of Object.keys(req.itemMap)) lines.push(key, req.itemMap[key]!.itemName);
  switch (req.itemKind) {
    case Kind.KIND_RED_ONE: lines.push('red'); break;
    case Kind.KIND_BLUE: lines.push('blue'); break;
    default: lines.push(\`\${req.itemKind}\`);
  }
  const kinds: number[] = [req.itemKind, -1, req.uNum];
  for (const kind of kinds) lines.push(show(Kind[kind]), labelOf(kind), kindToJSON(kind), Kind[kind] ?? 'strange');
  lines.push(show(Kind[req.itemKind]), kindToJSON(req.itemKind).toLowerCase(), ...req.kindList.map(kindToJSON), show(req.itemKind !== Kind.UNRECOGNIZED));
  lines.push(JSON.stringify(Thing.toJSON(req)), show(req.subItems.map((one) => Thing.toJSON(one))));
  lines.push(req.innerOne?.mode === Thing_Inner_Mode.ON ? 'on' : show(req.innerOne?.x1));
  const child = req.childItem?.subItems[0];
  lines.push(show(child?.bigCount), show(req.childItem?.subItems[0]?.optBig), show(req.childItem?.bigCount.toFixed(1)), \`\${req.bigList[0]}\`);
  lines.push(String(req.childItem?.subItems[0]?.atTime?.getTime()), req.subItems[0]?.atTime?.toISOString() ?? 'never');
  lines.push(show(req.rawData[0]), show(child?.rawData[1]), show(req.optRaw?.[0]), show(req.childItem?.rawData?.length));
  lines.push(Buffer.from(req.childItem?.rawData ?? []).toString('hex'), show(req.childItem?.rawData.toString()), String(child?.optRaw ?? 'none'));
  lines.push(req.childItem?.pickText ?? 'no text', show(req.subItems[0]?.pickNum), show(child?.pickItem?.itemName), show(req.childItem?.subItems[0]?.otherFlag));
  const cache = new Cache<Thing>();
  for (const one of req.subItems) cache.put(one.itemName, one);
  const page: Page<Thing> = pageOf(req.subItems, 1);
  lines.push(titleOf(req), ...req.subItems.map(titleOf), titleOf({ itemName: 'x', tagList: [], note: 'n' }), show(cache.sum()), show(page.total));
  lines.push(textOf(req, 'uNum'), ...page.items.map((one) => \`\${one.bigCount + 1}\${one['itemName']}\`));
  for (const [name, group] of groupBy(req.subItems, (one) => one.itemName)) lines.push(name, ...group.map((one) => show(one.atTime?.getTime())));
  lines.push(show(req.otherBig), String((req.childItem?.otherBig ?? 0) + 1), req.otherRaw?.toString() ?? 'no bytes', show(req.childItem?.otherRaw?.[0]));
  if (req.otherBig) lines.push(show(req.otherBig + 1));
  if (req.otherRaw) lines.push(req.otherRaw.toString(), Buffer.from(req.otherRaw).toString('hex'));
  if (req.childItem?.pickText !== undefined) lines.push(req.childItem.pickText.toUpperCase());
  if (req.pickText) lines.push(req.pickText.trim());
  if (!req.subItems[0]?.pickItem || req.subItems[1]?.pickNum === undefined) lines.push('neither');
  return Lines.fromPartial({ linesOut: lines, lineCount: lines.length, firstOne: req.subItems[0], goodOne: itemName });
}

export function echoIt(req: Thing): Thing {
  const reply: Thing = {
    itemName: req.itemName,
    bigCount: req.bigCount,
    itemKind: req.itemKind,
    rawData: req.rawData,
    optNum: req.optNum,
    childItem: req.childItem,
    subItems: req.subItems,
    numMap: req.numMap,
    tagList: req.tagList,
    uBig: req.uBig,
    someRatio: req.someRatio,
    atTime: req.atTime,
    isOn: req.isOn,
    uNum: req.uNum,
    bigList: req.bigList,
    kindList: req.kindList,
    itemMap: req.itemMap,
    asText: req.asText,
    optBig: req.optBig,
    optKind: req.optKind,
    optText: req.optText,
    optRaw: req.optRaw,
    fooBar: req.fooBar,
    innerOne: req.innerOne,
    ...(req.isOn && { itemName: 'on', uNum: 7, childItem: Thing.create({ isOn: true }) }),
    ...(req.uNum > 9 && {
      innerOne: { x1: req.tagList.length, mode: Thing_Inner_Mode.ON } satisfies Thing_Inner,
      subItems: [{ ...req } satisfies Thing, Thing.create({ innerOne: inners(req)[1], isOn: true } satisfies Partial<Thing>)],
      childItem: Thing.create({ innerOne: { x1: 1, mode: Thing_Inner_Mode.OFF } satisfies Thing_Inner }) satisfies Thing,
    }),
  };
  return reply satisfies Thing;
}

function inners(req: Thing): Thing_Inner[] {
  return [{ x1: 1, mode: Thing_Inner_Mode.ON }, { x1: req.tagList.length, mode: Thing_Inner_Mode.OFF }] satisfies Thing_Inner[];
}

function half(req: Thing): Thing {
  return req.isOn && req.childItem ? req.childItem : Thing.create({ itemName: 'half', tagList: ['a', 'b'], ...(req.isOn ? { isOn: true, bigCount: req.bigCount, subItems: [Thing.create({ itemName: 'sub' })] } : {}), ...(req.uNum > 5 && { optText: 'u', itemKind: Kind.KIND_BLUE }) });
}

function picked(req: Thing): Thing {
  const made = Thing.create({ pickText: undefined, otherKind: undefined, otherFlag: req.isOn });
  switch (req.itemKind) {
    case Kind.KIND_BLUE:
      made.pickText = req.itemName;
      break;
    case Kind.KIND_RED_ONE:
      made.pickItem = { ...Thing.create(), itemName: 'red' };
      return made;
    default:
      if (req.optText !== undefined) made.pickText = req.optText;
      else made.pickNum = req.uNum % 100;
  }
  return made;
}

export async function transformIt(req: Thing): Promise<Thing> {
  const store = new Store();
  const total = req.subItems.length;
  const when = new Date(req.uNum * 1000 + 5);
  store.keep(req);
  store.keep({ ...base(), itemName: 'unused' }.itemName === '' ? req : half(req));
  return Thing.fromPartial({
    itemName: total > 1 ? 'many' : req.itemName,
    bigCount: req.uNum,
    uBig: req.uBig,
    optNum: total + 1,
    optBig: -5,
    itemKind: req.isOn ? Kind.KIND_BLUE : Kind.KIND_RED_ONE,
    rawData: Buffer.from(req.itemName),
    someRatio: req.uNum / 7,
    childItem: { itemName: 'new', childItem: req.childItem, innerOne: { x1: total }, pickText: req.pickText, pickNum: req.pickNum, pickItem: req.pickItem },
    subItems: [
      ...req.subItems.filter((one) => one.itemKind !== Kind.KIND_BLUE).map((one) => Thing.create({ itemName: nameOf(one), bigCount: one.bigCount })).reverse(),
      ...req.subItems.map((one) => ({ pickText: one.optText, bigCount: 7, otherFlag: one.uNum > 5 ? one.isOn : undefined })),
      ...req.tagList.map((tag) => { if (tag) return { pickItem: req.childItem }; return { otherKind: req.isOn ? Kind.KIND_BLUE : undefined }; }),
      picked(req),
      ...[req.childItem, req.subItems[0]].filter((one): one is Thing => one !== undefined),
      ...(await again(() => loaded(req.subItems))),
      Thing.create({ pickText: req.pickText, pickNum: req.pickNum, otherBig: req.otherBig }),
      Thing.create({ pickText: req.childItem?.pickText, itemName: 'b', otherRaw: req.subItems[0]?.otherRaw, otherKind: req.subItems[0]?.otherKind }),
    ],
    tagList: store.all.map((one) => one.itemName),
    numMap: { a: total, b: -3 },
    atTime: when,
    pickText: store.latest === undefined ? 'nothing' : store.latest.itemName,
    otherFlag: !req.isOn,
    bigList: [1, total, req.bigCount],
    kindList: [Kind.KIND_BLUE, req.itemKind, kindFromJSON(req.itemName), kindFromJSON('KIND_RED_ONE'), Kind.UNRECOGNIZED],
    itemMap: { one: half(req) },
    innerOne: Thing_Inner.create({ mode: Thing_Inner_Mode.ON }),
    fooBar: Thing.decode(Thing.encode(half(req)).finish()).itemName,
  });
}

async function loaded(things: Thing[]): Promise<Thing[]> {
  const settled = await Promise.allSettled(things.map(async (one) => { if (one.isOn) throw new Error('on'); return one; }));
  const done = settled.filter((one): one is PromiseFulfilledResult<Thing> => one.status === 'fulfilled');
  const named = Object.fromEntries(done.map(({ value }) => [value.itemName, value]));
  const all = things.reduce((found, one) => ({ ...found, [one.itemName]: one }), named);
  return Object.values(all);
}

const base = () => ({ itemName: 'base' });

export function loopIt(req: Thing): Lines {
  const lines = Lines.create();
  const counts = Thing.create();
  let best: Thing | undefined;
  let sum = 0;
  for (const one of req.subItems) {
    sum += one.bigCount;
    if (best === undefined || one.bigCount > best.bigCount) best = one;
    lines.lineCount += 1;
    counts.bigCount += one.uNum;
    counts.asText -= req.isOn ? 2 : one.uNum * 3;
    ++counts.uBig;
    lines.linesOut.push(one.itemName, show(one.bigCount ? 1 : 2), show(counts.bigCount + counts.asText), \`\${counts.uBig}\`);
  }
  lines.firstOne = Thing.create({ childItem: { pickItem: req.pickItem } });
  const named = Lines.create({ goodOne: req.pickText });
  lines.linesOut.push(show(named.goodOne));
  const result = Lines.create({ goodOne: req.isOn ? req.itemName : undefined, badOne: req.isOn ? undefined : 'off' });
  lines.linesOut.push(result.goodOne !== undefined ? 'good ' + result.goodOne : 'bad');
  const found = [...req.subItems].sort((a, b) => a.uNum - b.uNum).find(({ isOn }) => isOn);
  lines.firstOne = found ?? req.subItems.reduce<Thing | undefined>((most, one) => (most && most.uNum > one.uNum ? most : one), best);
  lines.linesOut.push(show(sum > 5), req.subItems.map(({ itemName: name }) => name).join());
  if (req.pickItem && req.pickItem.pickNum !== undefined) lines.linesOut.push('num ' + req.pickItem.pickNum);
  return lines;
}
`;

testSameBytes({ generator: "ts-proto", definition: "SameService", module: "./old/same" }, handlers, (name) => ({
  // Beyond 2^53 ts-proto refuses to decode.
  bits: 53n,
  ...(name === "describeIt" ? { seen: (reply) => (reply as { linesOut?: unknown }).linesOut } : { given: wholeMillis }),
}));
