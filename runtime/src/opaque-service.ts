import type { DescMessage, DescService } from "@bufbuild/protobuf";

const services = new WeakSet<DescService>();
const messages = new WeakSet<DescMessage>();

/** Remember that nothing is known of a service's messages but that they are bytes: no JSON, no reflection. */
export function markOpaque(service: DescService): DescService {
  services.add(service);
  for (const method of service.methods) messages.add(method.input).add(method.output);
  return service;
}

export function isOpaqueService(service: DescService): boolean {
  return services.has(service);
}

export function isOpaqueMessage(message: DescMessage): boolean {
  return messages.has(message);
}
