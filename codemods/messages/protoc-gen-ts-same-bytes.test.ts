import { expect, it } from "vitest";
import { testSameBytes } from "./testing/typed-programs.js";

/** The handler before, on protoc-gen-ts's classes, and the handler after answer the same bytes with the same bytes. */
const handlers = `
import { google } from './old/google/protobuf/timestamp';
import { same } from './old/same';
import v1 = same.v1;
import Thing = v1.Thing;
const { Lines, Kind: Kinds } = same.v1;
const old = same.v1;

const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value));

class Store {
  private readonly things = new Map<string, same.v1.Thing>();
  latest?: same.v1.Thing;
  keep(thing: same.v1.Thing): same.v1.Thing {
    this.things.set(thing.item_name, thing);
    this.latest = thing;
    return thing;
  }
  get all(): same.v1.Thing[] {
    return [...this.things.values()];
  }
}

const kindText = (kind: Thing['item_kind'], tags: v1.Thing['tag_list']): string => \`\${kind} of \${tags.length}\`;

function picked(thing: Thing): string {
  switch (thing.the_pick) {
    case 'pick_text':
      return 'text ' + thing.pick_text;
    case 'pick_num':
      return \`num \${thing.pick_num + 1}\`;
    case 'pick_item':
      return 'item ' + thing.pick_item.item_name + ' ' + picked(thing.pick_item);
    case 'none':
      return 'nothing';
    default:
      return 'strange';
  }
}

function otherOf(thing: same.v1.Thing): string {
  if (thing.other_pick === 'other_big') return \`big \${thing.other_big}\`;
  if (thing.has_other_raw) return 'raw ' + Buffer.from(thing.other_raw).toString('base64') + thing.other_raw.length;
  return thing.other_pick !== 'none' ? \`kind \${thing.other_kind} \${thing.other_flag}\` : 'none';
}

const nameOf = (thing: v1.Thing): string => (thing.has_child_item ? thing.child_item.item_name : 'no child of ' + thing.item_name);

export function describeIt(req: same.v1.Thing): same.v1.Lines {
  const { item_name, big_count: big, tag_list } = req;
  const lines: string[] = [];
  lines.push(item_name, show(big), show(big === 0), show(big > 5), \`\${big}\`, \`\${req.u_big} \${req.some_ratio} \${req.as_text}\`);
  const total: number = req.big_count + 1;
  lines.push(show(total), String(req.u_big), nameOf(req), picked(req), otherOf(req));
  lines.push(Buffer.from(req.raw_data).toString('hex') + req.raw_data.length, \`\${req.raw_data}\`, \`\${req.opt_raw}\`);
  lines.push(show(req.opt_num), show(req.opt_text), show(req.opt_kind), show(req.opt_num === undefined), show(req.opt_big + 1));
  lines.push(req.has_opt_big ? show(req.opt_big + 1) : 'none', show(req.has_opt_text), show(!req.has_opt_raw), show(!req.has_pick_num));
  lines.push(show(req.pick_text), show(req.pick_num), req.pick_item ? req.pick_item.item_name : 'no item', show(req.other_flag));
  lines.push(show(req.other_big), show(req.other_raw.length), show(req.other_kind), show(req.pick_text.length + req.opt_num));
  const child = req.child_item;
  if (child) lines.push(child.item_name, show(child.has_inner_one), picked(child));
  const inner = req.inner_one;
  lines.push(inner === undefined ? 'no inner' : show(inner.mode), req.inner_one?.mode === same.v1.Thing.Inner.Mode.ON ? 'on' : 'off');
  lines.push(req.has_at_time ? \`\${req.at_time.seconds} \${req.at_time.nanos}\` : 'never', \`\${req.child_item?.item_name}\`);
  lines.push(tag_list.join(), show(req.kind_list.length), show(req.big_list.map((one) => one)), show(req.sub_items.length));
  lines.push(kindText(req.item_kind, req.tag_list));
  const which = req.other_pick;
  if (which === 'other_flag') lines.push('flag ' + req.other_flag);
  lines.push(which, \`picked \${req.the_pick}\`, show(req.sub_items.map((one) => one.the_pick === req.the_pick)));
  const childName = req.child_item?.item_name;
  const childTime = req.child_item?.at_time?.seconds ?? 0;
  lines.push(childName ?? 'no child', show(childTime), show(childTime + 1), show(req.child_item?.big_count ?? 7), String(req.child_item?.u_num));
  lines.push(req.sub_items.reduce<same.v1.Thing | undefined>((best, one) => (best && best.u_num > one.u_num ? best : one), undefined)?.item_name ?? 'none');
  lines.push(show(req.num_map.get('a')), show(req.num_map.get(item_name) ?? -1), show(req.num_map.has('b')), show(req.num_map.size));
  lines.push(show(req.num_map.get(req.fooBar)), show(Object.fromEntries(req.num_map)));
  const items = req.item_map;
  lines.push(show(items.size), items.has('a') ? items.get('a')!.item_name : 'no a');
  for (const key of ['', 'b', 'toString']) lines.push(items.get(key)?.item_name ?? 'none');
  switch (req.item_kind) {
    case Kinds.KIND_RED_ONE: lines.push('red'); break;
    case v1.Kind.KIND_BLUE: lines.push('blue'); break;
    default: lines.push(\`\${req.item_kind}\`);
  }
  lines.push(same.v1.Kind[req.item_kind] ?? 'strange');
  if (req.child_item && !req.child_item.has_pick_text) lines.push(req.child_item.tag_list.join('+'));
  lines.push(show(req.toObject()), ...Object.keys(req.toObject()), show(req.toObject().num_map));
  if (req.has_child_item) lines.push(show(req.child_item.toObject().sub_items.length), show(req.child_item.toObject().opt_big));
  lines.push(show([...req.num_map].sort()), [...req.num_map].map(([key, count]) => \`\${key}=\${count}\`).sort().join());
  lines.push(show(Array.from(req.num_map.keys()).sort()), show([...req.num_map.values()].sort((a, b) => b - a)));
  const counts = req.num_map;
  lines.push(show(Array.from(counts.entries()).sort(([a], [b]) => (a < b ? -1 : 1))), show([...counts.values()].includes(0)));
  lines.push(show([...counts].filter(([key, count]) => count > 0 || key.startsWith('1')).length), show([...counts].some(([key]) => key === '')));
  return new Lines({ lines_out: lines, line_count: lines.length, first_one: req.sub_items[0], good_one: item_name });
}

export function echoIt(req: same.v1.Thing): same.v1.Thing {
  if (req.u_num === 3) return new same.v1.Thing({ item_name: req.child_item?.item_name, big_count: req.child_item?.big_count, tag_list: req.child_item?.tag_list });
  const reply = new same.v1.Thing({
    item_name: req.item_name,
    big_count: req.big_count,
    item_kind: req.item_kind,
    raw_data: req.raw_data,
    child_item: req.child_item,
    sub_items: req.sub_items,
    num_map: req.num_map,
    tag_list: req.tag_list,
    u_big: req.u_big,
    some_ratio: req.some_ratio,
    at_time: req.at_time,
    is_on: req.is_on,
    u_num: req.u_num,
    big_list: req.big_list,
    kind_list: req.kind_list,
    item_map: req.item_map,
    as_text: req.as_text,
    opt_big: req.opt_big,
    opt_text: req.opt_text,
    fooBar: req.fooBar,
    inner_one: req.inner_one,
  });
  if (req.has_opt_num) reply.opt_num = req.opt_num;
  reply.opt_kind = req.opt_kind;
  if (req.has_opt_raw) {
    reply.opt_raw = req.opt_raw;
  }
  if (req.the_pick === 'pick_text') reply.pick_text = req.pick_text;
  else if (req.the_pick === 'pick_item') reply.pick_item = req.pick_item;
  else reply.pick_num = req.pick_num;
  if (req.has_other_big) reply.other_big = req.other_big;
  if (req.has_other_kind) reply.other_kind = req.other_kind;
  if (req.has_other_raw) reply.other_raw = req.other_raw;
  return reply;
}

const labels: Record<same.v1.Kind, string> = { [same.v1.Kind.KIND_UNKNOWN]: 'u', [same.v1.Kind.KIND_RED_ONE]: 'r', [same.v1.Kind.KIND_BLUE]: 'b' };

function half(req: same.v1.Thing): same.v1.Thing {
  return req.is_on && req.has_child_item ? req.child_item : new same.v1.Thing({ item_name: 'half', tag_list: ['a', 'b'], ...(req.is_on ? { is_on: true, big_count: req.big_count, sub_items: [new same.v1.Thing({ item_name: 'sub' })], opt_num: 3 } : {}), ...(req.u_num > 5 && { opt_text: 'u', item_kind: same.v1.Kind.KIND_BLUE }) });
}

function bagOf(req: same.v1.Thing, total: number): same.v1.Thing {
  const counts = new Map<string, number>();
  for (const one of req.sub_items) counts.set(one.item_name, (counts.get(one.item_name) ?? 0) + 1);
  const bag = new same.v1.Thing({ num_map: counts });
  bag.item_map.set('two', same.v1.Thing.fromObject({ item_name: 'from', child_item: { item_name: 'deep', tag_list: ['t'] }, num_map: { x: 1 }, pick_num: total }));
  bag.sub_items.push(new Thing(), new old.Thing(), req);
  return bag;
}

export async function transformIt(req: same.v1.Thing): Promise<same.v1.Thing> {
  const store = new Store();
  const total = req.sub_items.length;
  store.keep(req);
  const kept = store.keep(half(req));
  const counts = new Map<string, number>();
  for (const one of req.sub_items) counts.set(one.item_name, (counts.get(one.item_name) ?? 0) + 1);
  const made = new same.v1.Thing({
    item_name: total > 1 ? 'many' : req.item_name,
    big_count: req.u_num,
    u_big: 12345678901,
    opt_num: total + 1,
    opt_big: -5,
    item_kind: req.is_on ? same.v1.Kind.KIND_BLUE : same.v1.Kind.KIND_RED_ONE,
    raw_data: Buffer.from(req.item_name),
    some_ratio: req.u_num / 7,
    child_item: new same.v1.Thing({ item_name: 'new', child_item: req.child_item, inner_one: new same.v1.Thing.Inner({ x_1: total }), pick_item: new same.v1.Thing() }),
    sub_items: req.sub_items.filter((one) => one.item_kind !== same.v1.Kind.KIND_BLUE).map((one) => new same.v1.Thing({ item_name: picked(one), big_count: one.big_count })),
    tag_list: store.all.map((one) => one.item_name),
    num_map: new Map([
      ['a', total],
      ['b-c', -3],
      [req.fooBar, 7],
    ]),
    at_time: req.at_time ?? new google.protobuf.Timestamp({ seconds: req.u_num, nanos: 5 }),
    big_list: [1, total, req.big_count],
    kind_list: [same.v1.Kind.KIND_BLUE, req.item_kind],
    item_map: new Map([['one', half(req)]]),
    inner_one: req.has_inner_one ? new same.v1.Thing.Inner({ ...req.inner_one.toObject(), x_1: total }) : same.v1.Thing.Inner.fromObject({ mode: same.v1.Thing.Inner.Mode.ON }),
    fooBar: same.v1.Thing.deserialize(half(req).serialize()).item_name,
    pick_text: store.latest === undefined ? 'nothing' : store.latest.item_name,
  });
  if (req.has_opt_text) made.other_flag = !req.is_on;
  else made.other_raw = new Uint8Array([1, 2, total & 255]);
  if (req.is_on) made.pick_item = kept;
  if (req.u_num > 5) made.num_map = counts.size > 0 ? req.num_map : new Map();
  made.num_map.set(req.item_name + 'x', req.num_map.get('a') ?? 0);
  made.num_map.delete('a');
  if (req.is_on) {
    made.num_map = new Map(req.sub_items.map((one) => [one.item_name, one.tag_list.length] as [string, number]));
    made.item_map = new Map(req.item_map);
  }
  if (total !== 1) made.child_item = bagOf(req, total);
  if (req.u_num > 9) {
    const [first, second] = req.item_name.split('a');
    made.item_name = same.v1.Kind[req.item_kind];
    made.fooBar = req.tag_list[1];
    if (made.has_child_item) made.child_item.item_name = second;
    if (made.has_child_item) made.child_item.opt_text = labels[req.item_kind];
    const texts = [first];
    made.child_item = same.v1.Thing.fromObject({ tag_list: texts, child_item: { tag_list: texts } });
    texts.push('later');
  }
  made.inner_one.x_1 += counts.size;
  return made;
}

export function loopIt(req: same.v1.Thing): same.v1.Lines {
  const lines = new same.v1.Lines();
  const counts = new same.v1.Thing();
  let best: same.v1.Thing | undefined;
  let sum = 0;
  for (const one of req.sub_items) {
    sum += one.big_count;
    if (best === undefined || one.big_count > best.big_count) best = one;
    lines.line_count += 1;
    lines.lines_out.push(one.item_name, show(one.big_count ? 1 : 2));
    counts.num_map.set(one.item_name, (counts.num_map.get(one.item_name) ?? 0) + 1);
    counts.item_name += one.item_name;
    counts.big_count += one.big_count % 1000;
    counts.u_big += req.is_on ? 1 : 2;
    --counts.as_text;
    counts.opt_num += one.u_num;
    counts.opt_big *= 3;
    counts.opt_text += \`\${one.opt_text}!\`;
    if (one.has_pick_num) one.pick_num += 2;
    if (one.other_pick === 'other_big') one.other_big -= 1;
    lines.lines_out.push(show(counts.big_count + counts.u_big - counts.as_text), show(counts.opt_num), counts.opt_text, show(counts.opt_big));
    lines.lines_out.push(show(counts.num_map.get(one.item_name)));
  }
  const found = req.sub_items.find(({ is_on }) => is_on);
  if (found) lines.first_one = found;
  else if (best) lines.first_one = best;
  lines.lines_out.push(show(sum > 5), req.sub_items.map(({ item_name: name }) => name).join(), counts.item_name, show(counts.num_map.size));
  if (req.has_pick_item && req.pick_item.the_pick === 'pick_num') lines.lines_out.push('num ' + req.pick_item.pick_num);
  if (req.has_child_item) {
    req.child_item.pick_text = 'changed';
    req.child_item.opt_num = 4;
    lines.lines_out.push(picked(req.child_item), show(req.child_item.has_opt_text), show(req.child_item.opt_num));
  }
  lines.good_one = 'good';
  if (!req.is_on) lines.bad_one = picked(req);
  lines.lines_out.push(lines.good_one, lines.has_first_one ? lines.first_one.item_name : 'no first');
  return lines;
}
`;

const programs = testSameBytes(
  { generator: "protoc-gen-ts", definition: "same.v1.UnimplementedSameService.definition", module: "./old/same" },
  handlers,
  // Beyond 2^53 a number of old code is another one.
  () => ({ runs: 200, bits: 53n }),
);

it("nothing of protoc-gen-ts is left", () => {
  expect(programs().migrated).not.toMatch(/\bsame\.v1|_item\b|\bhas_/);
});
