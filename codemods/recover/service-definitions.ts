import { ts } from "ts-morph";
import type { NamesBehind } from "./names.js";
import type { FoundMethod, FoundService } from "./schema.js";

/**
 * The services of objects that are definitions for grpc-js: `{ get: { path: "/shop.v1.Shop/Get", requestStream: false, …,
 * requestDeserialize: (bytes) => GetRequest.decode(bytes), … } }`.
 */
export function definitionsIn(source: ts.SourceFile, names: NamesBehind): FoundService[] {
  const services = new Map<string, FoundMethod[]>();
  const visit = (node: ts.Node): void => {
    const method = ts.isObjectLiteralExpression(node) ? methodIn(node, source, names) : undefined;
    if (method) services.set(method.service, [...(services.get(method.service) ?? []), method.method]);
    else ts.forEachChild(node, visit);
  };
  visit(source);
  return [...services].map(([name, methods]) => ({ name, methods }));
}

function methodIn(
  node: ts.ObjectLiteralExpression,
  source: ts.SourceFile,
  names: NamesBehind,
): { service: string; method: FoundMethod } | undefined {
  const text = (key: string) => {
    const property = node.properties.find((one) => one.name?.getText(source) === key);
    return property && ts.isPropertyAssignment(property) ? property.initializer.getText(source) : "";
  };
  const [, service, name] = /^["'`]\/([\w.]+)\/(\w+)["'`]/.exec(text("path")) ?? [];
  // `GetRequest.decode(bytes)`, `GetRequest.deserialize(new Uint8Array(bytes))`: the message before the function that reads it.
  const type = (key: string) =>
    /=>\s*([\w.]+)\.(?:decode|deserialize|deserializeBinary|fromBinary)\(/.exec(text(key))?.[1];
  const [request, response] = [type("requestDeserialize"), type("responseDeserialize")];
  if (service === undefined || name === undefined || request === undefined || response === undefined) return undefined;
  const [requestStream, responseStream] = [text("requestStream"), text("responseStream")].map((one) =>
    /^true\b/.test(one),
  );
  return {
    service,
    method: {
      ...{ name, request: names(request), response: names(response) },
      ...{ requestStream: requestStream === true, responseStream: responseStream === true },
    },
  };
}
