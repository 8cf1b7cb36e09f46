import { describe, expect, it } from "vitest";
import { expectSameAnswers, keepProto } from "./testing/keeping-programs.js";
import { typedLoaderPrograms } from "./testing/loader-programs-typed.js";

const files = {
  "store.ts": `import type { Part__Output } from './pb/keep/v1/Part';
import type { Thing__Output } from './pb/keep/v1/Thing';

export interface Repo {
  byName(name: string): Promise<Thing__Output | undefined>;
  save(thing: Thing__Output): Promise<Thing__Output>;
  all(): Promise<Thing__Output[]>;
}

/** No more than one for each first letter. */
export class MemoryRepo implements Repo {
  private readonly things = new Map<string, Thing__Output>();

  async byName(name: string): Promise<Thing__Output | undefined> {
    return this.things.get(name.slice(0, 1));
  }

  async save(thing: Thing__Output): Promise<Thing__Output> {
    this.things.set(thing.item_name.slice(0, 1), thing);
    return thing;
  }

  async all(): Promise<Thing__Output[]> {
    return [...this.things.values()];
  }
}

export class Last<T> {
  private readonly values: T[] = [];
  add(value: T): void {
    this.values.push(value);
    if (this.values.length > 3) this.values.shift();
  }
  get(): T[] {
    return this.values;
  }
}

export function must<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(what);
  return value;
}

export function made(name: string, parts: Part__Output[]): Thing__Output {
  return {
    item_name: name,
    big_count: String(parts.length),
    item_kind: 'KIND_BLUE',
    main_part: parts[0] ?? null,
    tag_list: [],
    num_map: {},
    is_on: false,
    raw_data: Buffer.alloc(0),
    use_count: 0,
    left_count: 3,
    num_list: [],
    part_list: parts,
  };
}
`,
  "handlers.ts": `import type { ServiceImplOf } from '@connect-migrate/runtime/grpc-js';
import type { KeepHandlers } from './pb/keep/v1/Keep';
import type { Kind__Output } from './pb/keep/v1/Kind';
import type { Thing__Output } from './pb/keep/v1/Thing';
import { Last, made, MemoryRepo, must, type Repo } from './store';

class Desk {
  constructor(private readonly repo: Repo) {}

  async put(thing: Thing__Output): Promise<Thing__Output> {
    if (thing.item_name === '') throw new Error('no name');
    const before = await this.repo.byName(thing.item_name);
    if (!before) return this.repo.save(thing);
    before.use_count++;
    before.part_list.push(...thing.part_list);
    if (thing.main_part) before.main_part = thing.main_part;
    return this.repo.save({ ...before, item_name: thing.item_name, is_on: !before.is_on, big_count: String(BigInt(before.big_count) + 1n) });
  }

  async find(name: string): Promise<Thing__Output> {
    return must(await this.repo.byName(name), 'none');
  }

  all(): Promise<Thing__Output[]> {
    return this.repo.all();
  }
}

const desk = new Desk(new MemoryRepo());
const last = new Last<Thing__Output>();
const byKind = new Map<string, Thing__Output>();
const LABELS: Record<Kind__Output, string> = { KIND_UNKNOWN: 'none', KIND_RED_ONE: 'red', KIND_BLUE: 'blue' };
const isRed = (kind: Thing__Output['item_kind']): boolean => kind === 'KIND_RED_ONE';

export const handlers: ServiceImplOf<KeepHandlers> = {
  async PutIt(req) {
    return desk.put(req);
  },
  async FindIt(req) {
    const found = await desk.find(req.item_name);
    last.add(found);
    return found;
  },
  GetIt(req) {
    const thing = byKind.get(req.of_kind) ?? made(req.item_name, []);
    thing.use_count += 1;
    if (!req.more) byKind.set(req.of_kind, thing);
    return { ...thing, item_name: thing.item_name || 'nobody', left_count: 5 };
  },
  async ListIt(req) {
    const all = await desk.all();
    const things = all.filter((one) => one.use_count > 0 && isRed(one.item_kind) === req.more);
    return { things, others: last.get(), how_many: all.length, first: all[0] };
  },
  async TellIt(req) {
    const lines = (await desk.all()).map((one) => \`\${one.item_name} \${LABELS[one.item_kind]} \${one.pick} \${one.big_count}\`);
    return { lines_out: [...lines, req.in_its_place?.pick ?? 'nothing'], line_count: lines.length };
  },
  DropIt: (req) => ({ line_count: byKind.delete(req.of_kind) ? 1 : 0 }),
  MakeIt(req) {
    const { item_name, part_list } = req;
    const thing: Thing__Output = made(item_name, part_list.filter((part) => part.part_name !== ''));
    byKind.set(thing.item_kind, thing);
    return thing;
  },
};
`,
};

describe("proto-loader in TypeScript", () => {
  it("a store behind an interface, generics, whole literals and tables of an enum", { timeout: 120_000 }, async () => {
    using programs = await typedLoaderPrograms("keep.v1.Keep", keepProto, files);
    for (const text of [
      "new Map<string, Thing>()",
      "byName(name: string): Promise<Thing | undefined>;",
      "return create(ThingSchema, {\n    itemName: name,",
      "new Last<Thing>()",
      "{ ...before, itemName: thing.itemName, isOn: !before.isOn, bigCount: int64FromLong(String(BigInt(before.bigCount) + 1n)) }",
      "Record<Kind, string> = { [Kind.UNKNOWN]: 'none', [Kind.RED_ONE]: 'red', [Kind.BLUE]: 'blue' }",
      "(kind: Kind): boolean => kind === Kind.RED_ONE",
    ])
      expect(programs.migrated).toContain(text);
    await expectSameAnswers(programs, 1000);
  });
});
