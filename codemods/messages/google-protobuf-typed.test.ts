import { expect, it } from "vitest";
import { testSameBytes } from "./testing/typed-programs.js";

/** Handlers in TypeScript, on google-protobuf's classes with a .d.ts beside them. */
const handlers = `
import { Timestamp } from 'google-protobuf/google/protobuf/timestamp_pb';
import { Thing, Lines, Kind } from './old/same_pb';

interface Row { name: string; kinds: Kind[]; counts: Record<string, number> }
const rows: Row[] = [{ name: 'a-b', kinds: [Kind.KIND_BLUE], counts: { x: 1 } }, { name: 'c', kinds: [], counts: {} }];
const labels: Record<Kind, string> = { [Kind.KIND_UNKNOWN]: 'none', [Kind.KIND_RED_ONE]: 'red', [Kind.KIND_BLUE]: 'blue' };
const nameOf = (kind: Kind): string => (kind === Kind.KIND_BLUE ? 'b' : 'other');
const isOn = (thing: Thing): boolean => thing.getIsOn();

function onesOf(thing: Thing): Thing[] {
  const ones: Thing[] = [];
  for (const one of thing.getSubItemsList()) if (!one.getIsOn()) ones.push(one);
  return ones;
}

async function named(thing: Thing): Promise<Thing> {
  const copy = thing.clone();
  copy.setItemName('named ' + thing.getItemName());
  return copy;
}

function load(thing: Thing): Promise<Thing | undefined> {
  return new Promise<Thing | undefined>((resolve) => resolve(thing.getIsOn() ? undefined : thing));
}

class View {
  private last?: Thing;
  private none: Thing | null = null;
  private readonly first: Thing;
  constructor(private readonly thing: Thing, first: Thing, private readonly mark: string) { this.first = first; }
  keep(one: Thing): void { this.last = one; if (one.getIsOn()) this.none = one; }
  title(): string { return this.mark + this.thing.getItemName() + this.first.getOptNum() + this.thing.getBigCount(); }
  ends(): string { return (this.last?.getItemName() ?? 'empty') + (this.none === null ? 'null' : this.none.getItemName()); }
}

export async function describeIt(req: Thing): Promise<Lines> {
  const lines = new Lines();
  req.getNumMapMap().forEach((value: number, key: string) => { lines.addLinesOut(\`\${key}=\${value}\`); });
  req.getItemMapMap().forEach((item: Thing, key: string) => { lines.addLinesOut(key + item.getItemName() + item.getBigCount()); });
  for (const [key, value] of req.getNumMapMap().getEntryList()) lines.addLinesOut(\`\${key}:\${value}\`);
  lines.addLinesOut(req.getNumMapMap().toArray().map(([key, value]) => key + value).join());
  lines.addLinesOut(JSON.stringify(Object.fromEntries(req.getNumMapMap().toArray())));
  const picked = req.getThePickCase();
  if (picked === Thing.ThePickCase.PICK_TEXT) lines.addLinesOut(req.getPickText());
  switch (picked) {
    case Thing.ThePickCase.PICK_NUM: lines.addLinesOut(String(req.getPickNum())); break;
    case Thing.ThePickCase.THE_PICK_NOT_SET: lines.addLinesOut('nothing'); break;
    default: lines.addLinesOut('something');
  }
  const at: number | undefined = req.getAtTime()?.getSeconds();
  const big = req.getChildItem()?.getBigCount();
  lines.addLinesOut(at === undefined ? 'never' : String(at + 1));
  lines.addLinesOut(\`\${big === undefined ? '' : big * 2} \${req.getAtTime()?.getSeconds()} \${req.getAtTime()?.getSeconds() ?? 0}\`);
  lines.addLinesOut(req.getKindListList().map(nameOf).join());
  lines.addLinesOut(String(req.getOptKind() ?? Kind.KIND_BLUE) + (req.getOptNum() ?? -1));
  const sorted = [...req.getSubItemsList()].sort((a, b) => a.getBigCount() - b.getBigCount());
  lines.addLinesOut([...sorted, req].map((one) => one.getItemName()).join());
  lines.addLinesOut(onesOf(req).map((one) => one.getFoobar()).join() + req.getSubItemsList().filter(isOn).length);
  const all = await Promise.all(req.getSubItemsList().map(async (one) => named(one)));
  for (const one of all) lines.addLinesOut(one.getItemName());
  const length = await named(req).then((one) => one.getItemName().length).then((size) => size % 7);
  lines.addLinesOut(\`length \${length}\`);
  const chosen = req.getIsOn() ? req.getChildItem() : undefined;
  const made = req.getUNum() > 5 ? new Thing().setItemName('made') : req;
  lines.addLinesOut((chosen ? chosen.getItemName() : 'none') + made.getItemName() + (chosen === undefined));
  const loaded = await load(req);
  lines.addLinesOut(loaded?.getItemName() ?? 'not loaded');
  lines.addLinesOut((req.getIsOn() ? req.getSubItemsList() : []).map((one) => one.getItemName()).join());
  const view = new View(req, req.getChildItem() ?? new Thing(), '#');
  lines.addLinesOut(view.title() + view.ends());
  for (const one of req.getSubItemsList()) view.keep(one);
  lines.addLinesOut(view.ends());
  const bigs = req.getBigListList();
  lines.addLinesOut(bigs.join('-') + Math.max(0, ...bigs) + [...bigs, 1].sort((a, b) => a - b).join() + bigs.includes(0));
  lines.setLineCount(req.getTagListList().concat('one').length);
  return lines;
}

function thingOf(row: Row): Thing {
  const thing = new Thing();
  const [first, second] = row.name.split('-');
  thing.setItemName(first);
  thing.setFoobar(second);
  thing.setKindListList(row.kinds);
  for (const key of Object.keys(row.counts)) thing.getNumMapMap().set(key, row.counts[key]);
  thing.setAtTime(Timestamp.fromDate(new Date(1500)));
  return thing;
}

export function echoIt(req: Thing): Thing {
  const reply = new Thing();
  const big: number = req.getBigCount();
  reply.setBigCount(big);
  reply.setItemName(labels[req.getItemKind()]);
  reply.setOptText(req.getItemName().split('/')[1]);
  reply.setTagListList(req.getTagListList().concat('one').concat(['two']));
  const list = rows.map(thingOf);
  list.push(...onesOf(req));
  reply.setSubItemsList(list);
  if (req.hasChildItem()) reply.setPickItem(req.getChildItem()!);
  reply.setChildItem(req.getIsOn() ? undefined : req.getPickItem());
  return reply;
}
`;

const old = { generator: "google-protobuf", definition: "SameService", module: "./old/same_grpc_pb" } as const;
const programs = testSameBytes(old, handlers, () => ({ bits: 53n, runs: 200 }));

it.each([
  "([key, item]) => { lines.linesOut.push(key + item.itemName + Number(item.bigCount)); }",
  "const picked = req.thePick.case;",
  "Number(req.atTime?.seconds ?? 0n)",
  "reply.itemName = labels[req.itemKind] ?? '';",
  "return this.mark + this.thing.itemName + (this.first.optNum ?? 0) + Number(this.thing.bigCount);",
  "const chosen = req.isOn ? req.childItem : undefined;",
  "new Promise<Thing | undefined>((resolve) => resolve(thing.isOn ? undefined : thing))",
  "reply.thePick = { case: 'pickItem', value: req.childItem! };",
])("has %s", (text) => {
  expect(programs().migrated).toContain(text);
});
