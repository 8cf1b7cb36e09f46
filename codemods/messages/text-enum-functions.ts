import {
  type AsExpression,
  type CallExpression,
  type ClassDeclaration,
  type NewExpression,
  Node,
  type Type,
  type TypePredicateNode,
} from "ts-morph";
import { isAbsent, isFunctionNode, isTransparent, typeOfAssertion, unwrapped } from "./message-syntax.js";
import type { Proving } from "./proof.js";
import type { TextEnumChoices } from "./text-enum-choices.js";
import {
  argumentType,
  hasParameter,
  isConstAssertion,
  isOfLanguage,
  parameterType,
  signatureOf,
  type TextEnumPlaces,
} from "./text-enum-places.js";
import type { TextEnumTypes } from "./text-enum-types.js";

/** Generic functions and classes of the language that a type may be told: they hold what they are given. */
const TOLD = /^(Map|WeakMap|Set|Array|Promise|[\s\S]+\.(map|reduce|reduceRight))$/;

export type TextEnumFunctions = ReturnType<typeof createTextEnumFunctions>;

interface Given {
  readonly types: TextEnumTypes;
  readonly places: TextEnumPlaces;
  readonly choices: TextEnumChoices;
  isGeneratedCall(call: CallExpression): boolean;
  isOwnPackage(file: string): boolean;
}

/** Functions, methods and assertions through which values of enums that are names in old code come to places of other types, or from there. */
export function createTextEnumFunctions(p: Proving, { types, places, choices, isGeneratedCall, isOwnPackage }: Given) {
  const { enumIn, holds, fits, elementOf } = types;
  const { placeOf } = places;
  const { isMixed, isWritten } = choices;

  /** Generic functions that are not the language's may look at what they are given, and say of anything that it is a T. */
  const call = (node: CallExpression | NewExpression): void => {
    if (isOfLanguage(node) || isOfRuntime(node) || (Node.isCallExpression(node) && isGeneratedCall(node))) {
      const told = node.getTypeArguments().some((one) => holds(one.getType()));
      if (told && !TOLD.test(node.getExpression().getText()) && !isOfRuntime(node))
        p.block(node, "the type of an enum is told to a function");
      return;
    }
    const declared = signatureOf(node)?.getDeclaration();
    const owner = Node.isNewExpression(node) ? node.getType().getSymbol()?.getDeclarations()[0] : declared;
    const isGeneric = owner !== undefined && Node.isTypeParametered(owner) && owner.getTypeParameters().length > 0;
    const isStrange = declared?.getSourceFile().isDeclarationFile() === true;
    const isOfClass = Node.isMethodDeclaration(declared) && isGenericClass(declared.getParent());
    if (!isGeneric && !isStrange && !isOfClass) return;
    const carried = [
      node.getType(),
      ...node.getArguments().map((one) => one.getType()),
      ...node.getTypeArguments().map((one) => one.getType()),
    ];
    if (isStrange && !isGeneric ? holds(node.getType()) : carried.some(carries))
      p.block(node, "values of an enum in a generic function or class");
  };

  const carries = (type: Type): boolean =>
    holds(type) || type.getCallSignatures().some((one) => holds(one.getReturnType()));

  const isGenericClass = (declared: Node | undefined) =>
    Node.isClassDeclaration(declared) && declared.getTypeParameters().length > 0;

  const isOfRuntime = (around: CallExpression | NewExpression) => {
    const file = signatureOf(around)?.getDeclaration()?.getSourceFile().getFilePath();
    return file !== undefined && isOwnPackage(file);
  };

  /** A function that gives an enum's value, or takes one, where one of other types is asked for. */
  const callback = (node: Node, type: Type): void => {
    const [own] = type.getCallSignatures();
    const parent = node.getParent();
    const isCalled = (Node.isCallExpression(parent) || Node.isNewExpression(parent)) && parent.getExpression() === node;
    const wanted = Node.isExpression(node) && !isCalled ? node.getContextualType()?.getNonNullableType() : undefined;
    if (!own || !wanted || wanted.compilerType === type.compilerType) return;
    const gives = own.getReturnType();
    const [asked] = wanted.getCallSignatures();
    const takes = own.getParameters().map((_, index) => parameterType(own, index, node));
    if (!asked) {
      if (holds(gives) || takes.some((one) => one && holds(one)))
        p.block(node, "a function that knows values of an enum");
      return;
    }
    if (isListCallback(node)) return;
    const isOther = takes.some((one, index) => {
      const given = parameterType(asked, index, node);
      if (!one || !given || given.isTypeParameter()) return false;
      return holds(given) ? !fits(given, one, node) : holds(one);
    });
    const result = asked.getReturnType();
    const isLooked = !result.isVoid() && holds(gives) && !hasParameter(result) && !fits(gives, result, node);
    // What is written out here says its results itself.
    if (isOther || (isLooked && !(isFunctionNode(node) && (enumIn(gives) || isMixed(gives)))))
      p.block(node, "a function that knows values of an enum");
  };

  /** `kinds.map(String)`, `kinds.filter(Boolean)`. */
  const isListCallback = (node: Node): boolean => {
    const callee = Node.isCallExpression(node.getParent())
      ? (node.getParent() as CallExpression).getExpression()
      : undefined;
    if (!Node.isPropertyAccessExpression(callee) || !elementOf(callee.getExpression().getType())) return false;
    return /^(map String|filter Boolean)$/.test(`${callee.getName()} ${node.getText()}`);
  };

  /** An object whose methods give values of an enum, or take them, where one with methods for anything is asked for. */
  const methodsFit = (node: Node, type: Type): boolean => {
    const wanted =
      Node.isExpression(node) && type.isObject() ? node.getContextualType()?.getNonNullableType() : undefined;
    if (!wanted || wanted.compilerType === type.compilerType) return true;
    return wanted.getUnionTypes().length > 0 || areMethodsOf(type, wanted, node);
  };

  const areMethodsOf = (given: Type, wanted: Type, at: Node): boolean =>
    !types.isOwnType(wanted) ||
    wanted.getProperties().every((property) => {
      const [asked] = property.getTypeAtLocation(at).getNonNullableType().getCallSignatures();
      const [own] = asked
        ? (given.getProperty(property.getName())?.getTypeAtLocation(at).getNonNullableType().getCallSignatures() ?? [])
        : [];
      if (!asked || !own) return true;
      const takes = own.getParameters().every((_, index) => {
        const [taken, handed] = [parameterType(own, index, at), parameterType(asked, index, at)];
        return !taken || !handed || (holds(handed) ? fits(handed, taken, at) : !holds(taken));
      });
      const [gives, result] = [own.getReturnType(), asked.getReturnType()];
      return takes && (result.isVoid() || !holds(gives) || fits(gives, result, at));
    });

  const classFits = (node: ClassDeclaration): void => {
    const bases = [...node.getImplements().map((one) => one.getType()), ...node.getType().getBaseTypes()];
    if (!bases.every((one) => areMethodsOf(node.getType(), one, node)))
      p.block(node.getNameNode() ?? node, "a method that knows values of an enum");
  };

  /** `(it: unknown): it is Kind`, of what is no such value by its type. */
  const predicate = (node: TypePredicateNode): void => {
    const type = node.getTypeNode()?.getType();
    const name = node.getParameterNameNode().getText();
    const owner = node.getParent();
    const parameter = Node.isParametered(owner)
      ? owner.getParameters().find((one) => one.getName() === name)
      : undefined;
    if (type && holds(type) && !(parameter && holds(parameter.getType())))
      p.block(node, "nothing proves that these are values of an enum");
  };

  /** `text as Kind`. */
  const claims = (node: AsExpression): void => {
    const inner = unwrapped(node);
    const isEmpty = isAbsent(inner) || (Node.isObjectLiteralExpression(inner) && inner.getProperties().length === 0);
    const given = node.getExpression().getType();
    if (
      !isEmpty &&
      holds(node.getType()) &&
      !holds(given) &&
      !given.isAny() &&
      !given.isUnknown() &&
      !isConstAssertion(node) &&
      !isWritten(inner)
    )
      p.block(node, "nothing proves that these are values of an enum");
  };

  /** What nothing is known of goes where values of an enum are asked for. */
  const untyped = (node: Node): void => {
    if (isAbsent(node)) return;
    const parent = node.getParent();
    const around = Node.isCallExpression(parent) || Node.isNewExpression(parent) ? parent : undefined;
    if (parent && isTransparent(parent)) {
      const type = Node.isAsExpression(parent) ? typeOfAssertion(parent)?.getType() : undefined;
      if (type && holds(type)) p.block(parent, "nothing proves that these are values of an enum");
      return;
    }
    const place = around?.getArguments().includes(node) ? argumentType(around, node) : placeOf(node);
    if (place && place !== "open" && holds(place)) p.block(node, "nothing proves that these are values of an enum");
  };

  return { call, callback, methodsFit, classFits, predicate, claims, untyped, isOfRuntime };
}
