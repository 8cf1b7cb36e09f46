import { describe } from "vitest";
import { testSameBytes, wholeMillis } from "./testing/typed-programs.js";

/** Handlers on ts-proto's objects whose oneofs are unions; `of` is the key of a member's value, `long` the text of an int64. */
const handlers = (of: (member: string) => string, long: (digits: number) => string, plus: string) => `
import { Kind, Lines, Thing } from './old/same';

const plain = (_: string, value: unknown) => (typeof value === 'bigint' ? value + 'n' : value);
const show = (value: unknown): string => (value === undefined ? 'undefined' : JSON.stringify(value, plain));

function picked(thing: Thing): string {
  const pick = thing.thePick;
  if (!pick) return 'nothing';
  switch (pick.$case) {
    case 'pickText':
      return 'text ' + pick.${of("pickText")};
    case 'pickNum':
      return \`num \${pick.${of("pickNum")} + 1}\`;
    case 'pickItem':
      return 'item ' + pick.${of("pickItem")}.itemName + ' ' + picked(pick.${of("pickItem")});
  }
}

export function describeIt(req: Thing): Lines {
  const lines: string[] = [picked(req), req.childItem ? picked(req.childItem) : 'no child'];
  lines.push(show(req.thePick === undefined), show(req.otherPick?.$case), req.otherPick?.$case === 'otherFlag' ? 'flag' : 'no flag');
  if (req.otherPick?.$case === 'otherBig') lines.push(\`\${req.otherPick.${of("otherBig")}}\`);
  if (req.otherPick && req.otherPick.$case === 'otherRaw') lines.push(Buffer.from(req.otherPick.${of("otherRaw")}).toString('base64'));
  if (req.otherPick?.$case === 'otherKind' && req.otherPick.${of("otherKind")} === Kind.KIND_BLUE) lines.push('blue');
  if (req.thePick?.$case === 'pickItem' && req.thePick.${of("pickItem")}.thePick?.$case === 'pickNum')
    lines.push(show(req.thePick.${of("pickItem")}.thePick.${of("pickNum")}));
  lines.push(JSON.stringify(req, plain), show({ child: req.childItem, all: req.subItems }), show(req.bigCount));
  lines.push(String(req.bigCount), \`\${req.uBig} \${req.optBig ?? 'none'}\`, req.bigList.map((one) => String(one)).join());
  return Lines.fromPartial({ linesOut: lines, result: { $case: 'goodOne', ${of("goodOne")}: lines.join() } });
}

export function echoIt(req: Thing): Thing {
  return Thing.fromPartial({ thePick: req.thePick, otherPick: req.otherPick, bigCount: req.bigCount, atTime: req.atTime, optBig: req.optBig });
}

export async function transformIt(req: Thing): Promise<Thing> {
  const made = Thing.create({
    thePick: req.isOn ? { $case: 'pickText', ${of("pickText")}: req.itemName } : undefined,
    otherPick: { $case: 'otherBig', ${of("otherBig")}: ${long(7)} },
    childItem: { thePick: { $case: 'pickItem', ${of("pickItem")}: { itemName: 'deep', bigCount: ${long(5)} } } },
    bigCount: req.bigCount${plus},
  });
  if (req.thePick?.$case === 'pickNum') made.thePick = { $case: 'pickNum', ${of("pickNum")}: req.thePick.${of("pickNum")} };
  if (req.optNum !== undefined) made.otherPick = undefined;
  if (req.optText !== undefined) made.otherPick = req.otherPick;
  return made;
}

export function loopIt(req: Thing): Lines {
  const lines = Lines.create();
  for (const one of req.subItems) {
    const { otherPick } = one;
    lines.linesOut.push(show(otherPick?.$case), one.otherPick !== undefined ? one.otherPick.$case : 'none');
  }
  lines.result = req.isOn ? { $case: 'goodOne', ${of("goodOne")}: 'on' } : { $case: 'badOne', ${of("badOne")}: picked(req) };
  if (lines.result.$case === 'goodOne') lines.result.${of("goodOne")} = lines.result.${of("goodOne")} + '!';
  return lines;
}
`;

const variants = [
  {
    options: ["oneof=unions", "forceLong=bigint"],
    code: handlers(
      (member) => member,
      (digits) => `${digits}n`,
      " / 2n",
    ).replace("show(req.bigCount)", "JSON.stringify(Thing.toJSON(req))"),
  },
  {
    options: ["oneof=unions-value", "forceLong=string", "useDate=false", "exportCommonSymbols=false"],
    code: handlers(
      () => "value",
      (digits) => `'${digits}'`,
      "",
    ),
  },
];

describe.each(variants)("ts-proto with $options", ({ options, code }) => {
  testSameBytes({ generator: "ts-proto", options, definition: "SameService", module: "./old/same" }, code, () => ({
    runs: 150,
    given: wholeMillis,
  }));
});
