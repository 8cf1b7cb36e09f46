import { type CallExpression, Node } from "ts-morph";
import type { TextChange } from "./client-facts.js";
import { calleeText } from "./places.js";

/** What a test asks of a stub, so far as it shows how the method is called. */
export interface StubAsks {
  /** Assertions no longer name the callback, which the method is not given. */
  readonly changes: readonly TextChange[];
  /** How many arguments each assertion names between the request and the callback. */
  readonly between: readonly number[];
}

/** What is asked of a stub that does not show how the method is called; the request comes first in both shapes. */
const HARMLESS =
  /^(?:\.mock\.(?:callCount\(|calls\.length\b|calls\[\d+\](?:\??\.arguments)?(?:\?\.)?\[0\]|restore\(|resetCalls\()|\.mock(?:Restore|Clear|Reset)\(|\.(?:restore|resetHistory)\(|\.(?:called|calledOnce|notCalled|callCount)\b|\.(?:firstCall|lastCall|getCall\(\d+\))\.args\[0\])/;
const HARMLESS_MATCHERS =
  /^(?:toHaveBeenCalled|toHaveBeenCalledTimes|toBeCalled|toBeCalledTimes|toHaveBeenCalledOnce)$/;
const MATCHERS =
  /^(?:toHaveBeenCalledWith|toBeCalledWith|toHaveBeenLastCalledWith|lastCalledWith|toHaveBeenCalledExactlyOnceWith)$/;
const NTH_MATCHERS = /^(?:toHaveBeenNthCalledWith|nthCalledWith)$/;
const SINON = /^sinon\.assert\.(?:called|notCalled|calledOnce|calledTwice|calledThrice|callCount)$/;
const SINON_WITH = /^sinon\.assert\.(?:calledWith|calledOnceWith|alwaysCalledWith|neverCalledWith)$/;

const NOTHING: StubAsks = { changes: [], between: [] };

/** What is asked where a stub is mentioned: `expect(spy).toHaveBeenCalledWith(…)`, `spy.mock.calls[0][0]`. */
export function asksAt(mention: Node): StubAsks | undefined {
  if (HARMLESS.test(mention.getSourceFile().getFullText().slice(mention.getEnd()).trimStart())) return NOTHING;
  const parent = mention.getParent();
  if (Node.isPropertyAccessExpression(parent) && /^(?:calledWith|calledOnceWith)$/.test(parent.getName())) {
    const call = parent.getParent();
    return Node.isCallExpression(call) && call.getArguments().length === 1 ? NOTHING : undefined;
  }
  if (!Node.isCallExpression(parent) || parent.getArguments()[0] !== mention) return undefined;
  const callee = calleeText(parent);
  if (SINON.test(callee)) return NOTHING;
  if (SINON_WITH.test(callee)) return parent.getArguments().length === 2 ? NOTHING : undefined;
  if (callee !== "expect") return undefined;
  let matcher = parent.getParent();
  if (Node.isPropertyAccessExpression(matcher) && matcher.getName() === "not") matcher = matcher.getParent();
  const asked = matcher?.getParent();
  if (!Node.isPropertyAccessExpression(matcher) || !Node.isCallExpression(asked)) return undefined;
  if (HARMLESS_MATCHERS.test(matcher.getName())) return NOTHING;
  if (NTH_MATCHERS.test(matcher.getName())) return withoutCallback(asked, 1);
  return MATCHERS.test(matcher.getName()) ? withoutCallback(asked, 0) : undefined;
}

/** `(request, expect.any(Function))`: the request alone. */
function withoutCallback(asked: CallExpression, before: number): StubAsks | undefined {
  const [request, ...more] = asked.getArguments().slice(before);
  const callback = more.pop();
  if (!request || !callback || !/^expect\.(?:any\(Function\)|anything\(\))$/.test(callback.getText())) return undefined;
  if (more.some((each) => !/^expect\.(?:any\(Object\)|anything\(\))$/.test(each.getText()))) return undefined;
  if (Node.isSpreadElement(request)) return undefined;
  const last = more.at(-1) ?? request;
  return { changes: [{ start: last.getEnd(), end: callback.getEnd(), text: "" }], between: [more.length] };
}
