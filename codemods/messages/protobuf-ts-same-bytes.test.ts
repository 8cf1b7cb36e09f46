import { expect, it } from "vitest";
import { testSameBytes } from "./testing/typed-programs.js";

/** The handler before, on protobuf-ts's objects, and the handler after answer the same bytes with the same bytes. */
const handlers = `
import { Kind, Lines, Thing, Thing_Inner, Thing_Inner_Mode } from './old/same';
import { Timestamp } from './old/google/protobuf/timestamp';

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

function pickFor(thing: Thing, tags: Thing['tagList']): Thing['thePick'] {
  return tags.length > 1 ? { oneofKind: 'pickText', pickText: tags[0] + tags.length } : thing.thePick;
}

const firstOf = (things: Thing[]): Thing['subItems'][number] | undefined => things[0];

function picked(thing: Thing): string {
  const { thePick } = thing;
  switch (thePick.oneofKind) {
    case 'pickText':
      return 'text ' + thePick.pickText;
    case 'pickNum':
      return \`num \${thePick.pickNum + 1}\`;
    case 'pickItem':
      return 'item ' + thePick.pickItem.itemName + ' ' + picked(thePick.pickItem);
    case undefined:
      return 'nothing';
  }
}

export function describeIt(req: Thing): Lines {
  const { itemName, bigCount: big, tagList } = req;
  const lines: string[] = [];
  lines.push(itemName, show(big === 0n), show(big > 5n), \`\${big}\`, \`\${req.uBig} \${req.someRatio} \${req.asText}\`);
  const total: bigint = req.bigCount + 1n;
  lines.push(String(total), req.uBig.toString(16), show(Number(req.bigCount) / 2));
  lines.push(picked(req), req.childItem ? picked(req.childItem) : 'no child');
  lines.push(Buffer.from(req.rawData).toString('hex') + req.rawData.length, \`\${req.rawData}\`);
  lines.push(show(req.optNum), show(req.optText), show(req.optKind), show(req.optNum === undefined));
  lines.push(req.optBig === undefined ? 'none' : show(String(req.optBig + 1n)), show(req.optRaw !== undefined));
  if (req.otherPick.oneofKind === 'otherBig') lines.push(String(req.otherPick.otherBig));
  if (req.otherPick.oneofKind === 'otherRaw') lines.push(Buffer.from(req.otherPick.otherRaw).toString('base64'));
  lines.push(req.otherPick.oneofKind === 'otherKind' ? Kind[req.otherPick.otherKind] ?? 'strange' : show(req.otherPick.oneofKind));
  lines.push(req.atTime ? Timestamp.toDate(req.atTime).toISOString() : 'never', \`\${req.atTime?.seconds} \${req.atTime?.nanos}\`);
  lines.push(tagList.join(), show(req.kindList.length), show(req.bigList.map((one) => one.toString())));
  for (const [key, value] of Object.entries(req.numMap)) lines.push(\`\${key}=\${value}\`);
  for (const key of Object.keys(req.itemMap)) lines.push(key, req.itemMap[key]!.itemName);
  switch (req.itemKind) {
    case Kind.RED_ONE: lines.push('red'); break;
    case Kind.BLUE: lines.push('blue'); break;
    default: lines.push(\`\${req.itemKind}\`);
  }
  lines.push(req.innerOne?.mode === Thing_Inner_Mode.ON ? 'on' : show(req.innerOne?.x1));
  lines.push(Thing.toJsonString(req), JSON.stringify(Thing.toJson(req)), show(Thing_Inner.equals(req.innerOne ?? Thing_Inner.create(), Thing_Inner.create({ x1: 0 }))));
  return Lines.create({ linesOut: lines, lineCount: lines.length, firstOne: req.subItems[0], result: { oneofKind: 'goodOne', goodOne: itemName } });
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
    thePick: req.thePick,
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
    otherPick: req.otherPick,
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
  return req.isOn && req.childItem ? req.childItem : Thing.create({ itemName: 'half', tagList: ['a', 'b'], ...(req.isOn ? { isOn: true, bigCount: req.bigCount, subItems: [Thing.create({ itemName: 'sub' })], thePick: { oneofKind: 'pickNum', pickNum: 7 } } : {}), ...(req.uNum > 5 && { optText: 'u', itemKind: Kind.BLUE }) });
}

export async function transformIt(req: Thing): Promise<Thing> {
  const store = new Store();
  const total = req.subItems.length;
  store.keep(req);
  const kept = store.keep(half(req));
  const made = Thing.create({
    itemName: total > 1 ? 'many' : req.itemName,
    bigCount: BigInt(req.uNum) - 3n,
    uBig: req.uBig,
    optNum: total + 1,
    optBig: -5n,
    itemKind: req.isOn ? Kind.BLUE : Kind.RED_ONE,
    rawData: Buffer.from(req.itemName),
    someRatio: req.uNum / 7,
    childItem: { itemName: 'new', childItem: req.childItem, innerOne: { x1: total }, thePick: { oneofKind: 'pickItem', pickItem: { itemName: 'deep' } } },
    subItems: req.subItems.filter((one) => one.itemKind !== Kind.BLUE).map((one) => Thing.create({ itemName: picked(one), bigCount: one.bigCount, thePick: one.thePick })).reverse(),
    tagList: store.all.map((one) => one.itemName),
    numMap: { a: total, b: -3 },
    atTime: req.atTime ?? Timestamp.fromDate(new Date(req.uNum * 1000 + 5)),
    thePick: total > 0 ? { oneofKind: 'pickText', pickText: kept.itemName } : { oneofKind: undefined },
    bigList: [1n, req.bigCount],
    kindList: [Kind.BLUE, req.itemKind],
    itemMap: { one: half(req) },
    innerOne: Thing_Inner.create({ mode: Thing_Inner_Mode.ON }),
    fooBar: Thing.fromBinary(Thing.toBinary(half(req))).itemName,
  });
  if (req.optBig !== undefined) made.otherPick = { oneofKind: 'otherBig', otherBig: req.optBig };
  else if (req.optRaw !== undefined) made.otherPick = { oneofKind: 'otherRaw', otherRaw: req.optRaw };
  if (req.isOn) made.thePick = { oneofKind: 'pickItem', pickItem: { ...base, itemName: 'x' }.itemName === '' ? req : Thing.clone(req) };
  return made;
}

const base = { itemName: 'base' };

export function loopIt(req: Thing): Lines {
  const lines = Lines.create();
  const counts = Thing.create();
  let best: Thing | undefined;
  let sum = 0n;
  for (const one of req.subItems) {
    sum += one.bigCount;
    if (best === undefined || one.bigCount > best.bigCount) best = one;
    lines.lineCount += 1;
    lines.linesOut.push(one.itemName, show(one.bigCount ? 1 : 2));
    counts.numMap[one.itemName] = (counts.numMap[one.itemName] ?? 0) + 1;
    counts.uBig += 2n;
    counts.itemName += one.itemName;
  }
  const found = [...req.subItems].sort((a, b) => a.uNum - b.uNum).find(({ isOn }) => isOn);
  lines.firstOne = found ?? best ?? firstOf(req.subItems);
  lines.linesOut.push(JSON.stringify(Thing.toBinary(Thing.create({ thePick: pickFor(req, req.tagList) })).length));
  lines.linesOut.push(show(sum > 5n), req.subItems.map(({ itemName: name }) => name).join(), JSON.stringify(counts.numMap), counts.itemName + counts.uBig);
  const pick = req.thePick;
  lines.result = { oneofKind: 'goodOne', goodOne: '' };
  if (lines.result.oneofKind === 'goodOne') lines.result.goodOne += 'good';
  if (lines.result.oneofKind === 'goodOne') lines.linesOut.push(lines.result.goodOne);
  if (pick.oneofKind === 'pickItem' && pick.pickItem.thePick.oneofKind === 'pickNum') lines.linesOut.push('num ' + pick.pickItem.thePick.pickNum);
  lines.result = req.isOn ? { oneofKind: 'goodOne', goodOne: 'on' } : { oneofKind: 'badOne', badOne: picked(req) };
  return lines;
}
`;

const programs = testSameBytes(
  { generator: "protobuf-ts", definition: "sameDefinition", module: "./old/same.grpc-server" },
  handlers,
  () => ({ runs: 200 }),
);

it("nothing of protobuf-ts is left", () => {
  expect(programs().migrated).not.toContain("oneofKind");
});
